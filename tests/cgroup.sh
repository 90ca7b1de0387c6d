# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # for those that read it, from lib.sh
# Behind lib.sh: cgroups of the test's own below $base, "/$top" to npctl, and
# addresses of all kinds on the loopback.
talk=$tests/talk
root=/sys/fs/bpf/npctl
denied="Operation not permitted"
mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
[ -n "$mount" ] || skip_all "no cgroup2 file system"
top=$(basename "$T")
base=$mount/$top

tidy() {
	npctl load --unload >/dev/null 2>&1
	mapfile -t left < <(find "$base" -name cgroup.procs -exec cat {} +)
	[ ${#left[@]} = 0 ] || kill -9 "${left[@]}"
	eventually_gone
	rm -rf -- "$T"
}

eventually_gone() {
	local end=$((SECONDS + 5))
	until find "$base" -depth -type d -exec rmdir {} + 2>/dev/null || [ $SECONDS -ge $end ]; do
		sleep 0.05
	done
}

in_group() { # CGROUP COMMAND…
	bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' in "$base/$1" "${@:2}"
}

try() { in_group "$1" "$talk" "${@:2}"; }

# groups NAME…
groups() {
	(cd "$mount" && mkdir -p "${@/#/$top/}") 2>/dev/null || skip_all "cgroups cannot be made"
	trap tidy EXIT
	ip addr add 10.9.0.1/24 dev lo
	ip addr add 192.0.2.1/32 dev lo
	ip addr add 192.0.2.2/32 dev lo
	ip addr add 2001:db8::1/128 dev lo nodad
}

# servers PORT…
servers() {
	local port
	for port; do
		"$talk" serve "$port" &
		eventually "port $port answers" "$talk" tcp 127.0.0.1 "$port"
	done
}
