#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Policy at the sockets of cgroups: real processes, real connections.
# shellcheck disable=SC2034 # for lib.sh: it measures time
alone=yes
. "$(dirname "$0")/lib.sh"
. "$tests/cgroup.sh"
groups web/worker db
names() { find "$root/$1" -mindepth 1 -printf '%f\n' | sort; }
servers 80 53 5432

npctl load >/dev/null
is "before: all pass" "$(try web tcp 192.0.2.1 80)" yes

# On and off.
is "attach by path" "$(npctl attach cgroup "$top/web")" "cgroup:/$top/web: attached"
ok "again, by the whole path" npctl attach cgroup "$base/web"
is "five programs" "$(npctl -j attach show | jq -r '[.[] | select(.npctl) | .hook] | join(" ")')" \
	"connect4 connect6 sendmsg4 sendmsg6 socket"
is "pinned" "$(names links | sed 's/.*://' | paste -sd' ')" "connect4 connect6 sendmsg4 sendmsg6 socket"
unlike "with no rule there are all kinds of sockets" "$(try web udplite 192.0.2.1 80)" "$denied"
ok "with no rule all pass" test "$(try web tcp 192.0.2.1 80)" = yes
fails_with "no such cgroup" 1 'does not exist below' npctl attach cgroup "$top/nix"
fails_with "none outside of the mount" 1 'does not exist' npctl attach cgroup /etc
fails_with "nor above it" 1 'does not exist' npctl attach cgroup ../../..
fails_with "no such process" 1 'does not exist' npctl attach pid 4194304
fails_with "no process at all" 2 'not the number' npctl attach pid web
fails_with "no such container" 1 'container "nix" does not exist' npctl attach container nix
is "detach" "$(npctl attach detach cgroup "$top/web")" "cgroup:/$top/web: detached"
is "no pins" "$(names links)" ""
fails_with "again" 1 "nothing of npctl's" npctl attach detach cgroup "$top/web"
in_group db sleep 60 2>/dev/null &
sleep 0.2
is "by a process" "$(npctl attach pid "$(tail -1 "$base/db/cgroup.procs")")" "cgroup:/$top/db: attached"
is "detach by path alone" "$(npctl attach detach "/$top/db")" "cgroup:/$top/db: detached"

# Allowed, denied, at once.
npctl attach cgroup "$top/web" >/dev/null
ok "allow one address and port" npctl policy allow 192.0.2.1/32 --port tcp/80 --cgroup "/$top/web"
is "it connects" "$(try web tcp 192.0.2.1 80)" yes
is "another port is refused with EPERM" "$(try web tcp 192.0.2.1 5432)" "$denied"
is "another address" "$(try web tcp 10.9.0.1 80)" "$denied"
is "IPv6" "$(try web tcp 2001:db8::1 80)" "$denied"
is "UDP" "$(try web udp 192.0.2.1 80)" "$denied"
is "sendto" "$(try web sendto 192.0.2.1 80)" "$denied"
is "IPv4 as IPv6: allowed" "$(try web tcp ::ffff:192.0.2.1 80)" yes
is "IPv4 as IPv6: refused" "$(try web tcp ::ffff:10.9.0.1 80)" "$denied"
is "IPv4 as IPv6 by sendto" "$(try web sendto ::ffff:10.9.0.1 80)" "$denied"
is "TCP fast open: allowed" "$(try web fastopen 192.0.2.1 80)" yes
is "TCP fast open: refused" "$(try web fastopen 10.9.0.1 80)" "$denied"
is "TCP fast open with IPv6" "$(try web fastopen 2001:db8::1 80)" "$denied"
if [ "$("$talk" mptcp 127.0.0.1 80)" = yes ]; then
	is "MPTCP: allowed" "$(try web mptcp 192.0.2.1 80)" yes
	is "MPTCP: refused" "$(try web mptcp 10.9.0.1 80)" "$denied"
else
	skip "no MPTCP in this kernel" 2
fi
# Where connects pass by unseen there are no sockets: it stands for SCTP and DCCP, too.
if [[ "$("$talk" udplite 127.0.0.1 80)" != "no socket"* ]]; then
	is "UDP-Lite: no sockets" "$(try web udplite 192.0.2.1 80)" "no socket: $denied"
	unlike "a sibling has them" "$(try db udplite 192.0.2.1 80)" socket
	npctl -j trace >"$T/trace" 2>"$T/said" &
	trace=$!
	eventually "trace listens" grep -q listening "$T/said"
	try web udplite 192.0.2.1 80 >/dev/null
	eventually "that is traced" grep -q '"reason":"socket"' "$T/trace"
	kill -INT $trace
	wait $trace 2>/dev/null
else
	skip "no UDP-Lite in this kernel" 4
fi
is "loopback" "$(try web tcp 127.0.0.1 80)" "$denied"
is "no address is loopback" "$(try web tcp 0.0.0.0 80)" "$denied"
is "a sibling is free" "$(try db tcp 10.9.0.1 80)" yes
is "so is everybody else" "$("$talk" tcp 10.9.0.1 80)" yes

# Rules come and go while it runs.
ok "UDP and IPv6" npctl policy allow 2001:db8::1/128 --port udp/53 --cgroup "/$top/web"
is "connected UDP" "$(try web udp 2001:db8::1 53)" yes
is "sendto" "$(try web sendto 2001:db8::1 53)" yes
is "not elsewhere" "$(try web udp 2001:db8::1 80)" "$denied"
ok "deny in the midst of what is allowed" npctl policy deny 192.0.2.1/32 --port tcp/80 --cgroup "/$top/web"
is "refused now" "$(try web tcp 192.0.2.1 80)" "$denied"
npctl policy delete --all >/dev/null
is "without rules all pass" "$(try web tcp 192.0.2.1 80)" yes

# Peers by name.
for peer in "loopback 127.0.0.1 ::1" "private 10.9.0.1"; do
	read -r name addresses <<<"$peer"
	ok "allow $name" npctl policy allow "$name" --cgroup "/$top/web"
	for address in $addresses; do
		is "$name has $address" "$(try web tcp "$address" 80)" yes
	done
	is "$name does not have 192.0.2.1" "$(try web tcp 192.0.2.1 80)" "$denied"
	npctl policy delete --all >/dev/null
done

# The default, for a cgroup alone.
ok "a default of its own" npctl policy default deny --cgroup "/$top/web"
is "it denies" "$(try web tcp 192.0.2.1 80)" "$denied"
is "nobody else" "$(try db tcp 192.0.2.1 80)" yes
ok "taken back" npctl policy default auto --cgroup "/$top/web"
is "all pass" "$(try web tcp 192.0.2.1 80)" yes
npctl policy default allow >/dev/null
npctl policy allow 10.9.0.1 --cgroup "/$top/web" >/dev/null
is "what is said of pods does not loosen it" "$(try web tcp 192.0.2.1 80)" "$denied"
npctl policy delete --all >/dev/null

# Children inherit, and may be stricter, never looser.
npctl policy allow 192.0.2.1/32 --cgroup "/$top/web" >/dev/null
is "a child inherits: allowed" "$(try web/worker tcp 192.0.2.1 80)" yes
is "a child inherits: refused" "$(try web/worker tcp 10.9.0.1 80)" "$denied"
npctl attach cgroup "$top/web/worker" >/dev/null
npctl policy allow 192.0.2.1/32 --port 5432 --cgroup "/$top/web/worker" >/dev/null
npctl policy allow 10.9.0.1/32 --cgroup "/$top/web/worker" >/dev/null
is "stricter: what both allow" "$(try web/worker tcp 192.0.2.1 5432)" yes
is "stricter: what the child does not" "$(try web/worker tcp 192.0.2.1 80)" "$denied"
is "the parent is as it was" "$(try web tcp 192.0.2.1 80)" yes
is "not looser" "$(try web/worker tcp 10.9.0.1 80)" "$denied"
is "links are the parent's" "$(names links | wc -l) $(npctl -j attach show |
	jq -r '.[] | select(.hook == "inherited") | .subject')" "5 cgroup:/$top/web/worker"
npctl attach detach cgroup "$top/web" >/dev/null
is "without the parent the child's own rules stay" \
	"$(try web/worker tcp 10.9.0.1 80) $(try web/worker tcp 192.0.2.1 80)" "yes $denied"
is "and the parent is free" "$(try web tcp 10.9.0.1 80)" yes
npctl attach cgroup "$top/web" >/dev/null
is "back again" "$(try web tcp 10.9.0.1 80)" "$denied"
npctl policy delete --all >/dev/null

# Violations, and what else is known of them.
npctl policy allow 192.0.2.1/32 --cgroup "/$top/web" >/dev/null
npctl -j trace >"$T/trace" 2>"$T/said" &
trace=$!
eventually "trace listens" grep -q listening "$T/said"
try web tcp 10.9.0.1 5432 >/dev/null
try web sendto 2001:db8::1 53 >/dev/null
eventually "violations are in the trace" grep -q 2001:db8::1 "$T/trace"
kill -INT $trace
wait $trace 2>/dev/null
is "with address, port, command, cgroup" \
	"$(jq -rs '[.[] | select(.verdict == "drop")][0] | [.destination, .destination_port, .protocol, .command, .cgroup, .uid, .user] | join(" ")' "$T/trace")" \
	"10.9.0.1 5432 TCP talk /$top/web 0 root"
is "and a process" "$(jq -rs '[.[] | .pid > 0] | all' "$T/trace")" true

# Sockets from before the attachment.
mkfifo "$T/words"
for protocol in tcp udp; do
	npctl attach detach cgroup "$top/web" >/dev/null
	in_group web "$talk" hold $protocol 10.9.0.1 80 <"$T/words" >"$T/held" &
	exec 7>"$T/words"
	eventually "$protocol connected before" grep -q connected "$T/held"
	npctl attach cgroup "$top/web" >/dev/null
	echo say >&7
	eventually "what is connected goes on" grep -q yes "$T/held"
	exec 7>&-
	wait $!
done
npctl policy delete --all >/dev/null

# Limits: ten thousand connections a second against a hundred.
npctl policy allow 192.0.2.1/32 --rate 100/s --cgroup "/$top/web" >/dev/null
# within CONNECTED MILLISECONDS: a hundred a second, give or take 5 %, and a burst
within() { [ $(($1 * 1000)) -ge $(($2 * 95)) ] && [ $((($1 - 5) * 1000)) -le $(($2 * 105)) ]; }
read -r tried connected took < <(try web flood 192.0.2.1 80 4)
note "tried $tried, connected $connected in $took ms"
ok "far more than a hundred a second were tried" test "$tried" -gt $((20000 / ${SLOW:-1}))
ok "a hundred a second got through, within 5 %" within "$connected" "$took"
npctl -j trace >"$T/trace" 2>"$T/said" &
trace=$!
eventually "trace listens" grep -q listening "$T/said"
try web flood 192.0.2.1 80 0.1 >/dev/null
eventually "with a reason of its own" grep -q '"reason":"limited"' "$T/trace"
kill -INT $trace
wait $trace 2>/dev/null
npctl attach cgroup "$top/web/worker" >/dev/null
npctl policy allow 192.0.2.1/32 --cgroup "/$top/web/worker" >/dev/null
sleep 0.5
read -r tried connected took < <(try web/worker flood 192.0.2.1 80 3)
ok "a child has its parent's limit, once ($connected in $took ms)" within "$connected" "$took"
npctl policy delete --all >/dev/null

# Containers, by what their engines leave behind.
id=$(printf 'c0ffee%058d' 7)
for name in "docker-$id.scope" "libpod-$id" "cri-containerd-$id.scope" "crio-$id" "$id"; do
	mkdir "$base/$name"
	is "found: ${name/$id/ID}" "$(npctl attach container c0ffee000)" "cgroup:/$top/$name: attached"
	npctl attach detach container c0ffee000 >/dev/null
	rmdir "$base/$name"
done
mkdir "$base/docker-$id.scope" "$base/docker-${id/c0/c1}.scope" "$base/libpod-conmon-$id.scope"
ok "a longer start tells two apart" npctl attach container c0ffee
fails_with "a shorter one does not" 1 'more than one' npctl attach container c
rmdir "$base/docker-$id.scope" "$base/docker-${id/c0/c1}.scope" "$base/libpod-conmon-$id.scope"
like "a container that is gone" "$(npctl attach show)" 'warning: .*the cgroup is gone'
store=/var/lib/containers
mkdir -p $store && mount -t tmpfs tmpfs $store
mkdir -p $store/storage/overlay-containers
echo "[{\"id\":\"$id\",\"names\":[\"shop\"]}]" >$store/storage/overlay-containers/containers.json
fails_with "one that does not run" 1 'no cgroup of its own' npctl attach container shop
mkdir "$base/libpod-$id.scope"
is "by podman's name for it" "$(npctl attach container shop)" "cgroup:/$top/libpod-$id.scope: attached"
is "the dead one is forgotten" "$(npctl attach show | grep -c gone)" 0
is "listed by that name" "$(npctl -j attach show | jq -r '[.[].container // empty] | unique | join(" ")')" shop
is "and detached by it" "$(npctl attach detach container shop)" "cgroup:/$top/libpod-$id.scope: detached"
umount $store

# An upgrade in place: what is attached runs the new programs.
before=$(npctl -j attach show | jq -r '[.[] | select(.hook == "connect4") | .id] | first')
rm $root/progs/container_connect4
npctl load >/dev/null
is "load mends" "$(npctl -j attach show | jq -r '[.[].warnings[]] | join(" ")')" ""
is "by other programs" "$([ "$(npctl -j attach show | jq -r '[.[] | select(.hook == "connect4") | .id] | first')" != "$before" ] && echo other)" other
npctl load --unload >/dev/null
is "in the end all pass" "$(try web tcp 10.9.0.1 80)" yes
is "and nothing is left" "$(find /sys/fs/bpf -name '*cgroup*')" ""
plan_done
