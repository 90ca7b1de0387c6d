#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: the same programs as in container.t, for a real engine's container
# A container of podman's, found by its name and by its id; its files are all
# in the test's own /var/lib/containers and /run.
. "$(dirname "$0")/lib.sh"
for tool in podman runc busybox; do
	command -v $tool >/dev/null || skip_all "no $tool"
done
. "$tests/cgroup.sh"
for directory in /var/lib/containers /run/containers /run/libpod; do
	mkdir -p $directory
	mount -t tmpfs tmpfs $directory
done
before=$(find "$mount" -maxdepth 1)
engine() { podman --runtime runc --cgroup-manager cgroupfs "$@"; }
stop() {
	engine rm -f -a -t 0 >/dev/null 2>&1
	mapfile -t made < <(comm -13 <(sort <<<"$before") <(find "$mount" -maxdepth 1 -name 'libpod*' | sort))
	[ ${#made[@]} = 0 ] || find "${made[@]}" -depth -type d -exec rmdir {} + 2>/dev/null
	tidy
}
groups none
trap stop EXIT
mkdir -p "$T/image/bin" "$T/image/tmp"
cp "$(command -v busybox)" "$T/image/bin/busybox"
ln -s busybox "$T/image/bin/sh"
tar -C "$T/image" -c . | podman import - busybox >"$T/import" 2>&1 ||
	skip_all "podman cannot import an image: $(tail -1 "$T/import")"
id=$(engine run -d --name shop --ulimit nofile=1024:1024 --ulimit nproc=500:500 --network host \
	busybox sh -c 'while :; do busybox sleep 1; done' 2>"$T/run") ||
	skip_all "podman cannot run a container: $(tail -1 "$T/run")"
servers 80 443 53
npctl load >/dev/null

# What the container's own nc says, for each ADDRESS PORT.
reach() {
	# shellcheck disable=SC2016 # for the container's shell
	engine exec shop sh -c 'while [ $# -gt 0 ]; do
		echo hello | busybox nc -w 1 $1 $2 2>&1 | busybox sed "s/.*: //"; shift 2; done' sh "$@" |
		paste -sd,
}

is "before: all pass" "$(reach 192.0.2.1 80 10.9.0.1 443)" "hello,hello"
cgroup=$(npctl attach container shop)
like "found by its name" "$cgroup" "^cgroup:/.*libpod-$id.*: attached$"
is "listed by its name" "$(npctl -j attach show | jq -r '[.[].container // empty] | unique | join(" ")')" shop
like "by the start of its id it is the same" "$(npctl attach container "${id:0:12}")" "libpod-$id"
ok "a rule for it, by its name" npctl policy allow 192.0.2.1 --port tcp/80 --cgroup shop
is "allowed, denied" "$(reach 192.0.2.1 80 192.0.2.1 443 10.9.0.1 80)" "hello,$denied,$denied"
is "IPv6 is denied" "$(reach 2001:db8::1 80)" "$denied"
ok "a rule while it runs" npctl policy allow 2001:db8::1 --cgroup shop
is "IPv6 is allowed" "$(reach 2001:db8::1 80)" hello
npctl -j trace >"$T/trace" 2>"$T/said" &
trace=$!
eventually "trace listens" grep -q listening "$T/said"
reach 10.9.0.1 443 >/dev/null
eventually "its violation is traced" grep -q '"destination":"10.9.0.1"' "$T/trace"
kill -INT $trace
wait $trace 2>/dev/null
is "with its command" "$(jq -rs '[.[] | select(.destination == "10.9.0.1")][0] | "\(.verdict) \(.command) \(.destination_port)"' "$T/trace")" \
	"drop busybox 443"
npctl policy delete --all >/dev/null
export NPCTL_PRESETS=$tests/../presets
ok "a preset for it" npctl policy preset database --cgroup shop
is "private addresses alone" "$(reach 10.9.0.1 443 192.0.2.1 443)" "hello,$denied"
is "the host itself is free" "$("$talk" tcp 192.0.2.1 443)" yes
like "detached by its name" "$(npctl attach detach container shop)" ": detached$"
is "all pass again" "$(reach 192.0.2.1 443)" hello
npctl attach container shop >/dev/null
engine rm -f -t 0 shop >/dev/null
like "one that is gone is told of" "$(npctl attach show)" "the cgroup is gone"
fails_with "and not found any more" 1 'container "shop" does not exist' npctl attach container shop
fails_with "nor for a rule" 1 'neither a cgroup nor a container "shop"' npctl policy allow any --cgroup shop
umount -l /var/lib/containers /run/containers /run/libpod
plan_done
