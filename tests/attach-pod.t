#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# attach pod: the lab's pods under policy, and connections older than that.
. "$(dirname "$0")/lib.sh"

fails_with "no topology, no pod" 1 'no npctl instance' npctl attach pod backend
npctl load >/dev/null
fails_with "with an instance neither" 1 'pod "backend" does not exist.*topo up' npctl attach pod backend
npctl topo up >/dev/null || skip_all "no topology"

# talker NAME NETNS ADDRESS: a connection to ADDRESS:8080 that stays open; told
# to wait so many seconds, it says something and whether an answer came
talker() {
	mkfifo "$T/$1.in" "$T/$1.out"
	# shellcheck disable=SC2016 # it is perl
	ip netns exec "$2" perl -MIO::Socket::IP -e '
		$| = 1;
		$s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => 8080, Timeout => 2)
			or print("refused\n"), exit;
		sub readable { vec($set = "", fileno($s), 1) = 1; select($set, undef, undef, shift) }
		readable(2) && sysread($s, $data, 4096) or print("mute\n"), exit;
		print "open\n";
		while ($seconds = <STDIN>) {
			sysread($s, $data, 4096) while readable(0);
			syswrite($s, "hello\n");
			print readable($seconds) ? "answer\n" : "silence\n";
		}' "$3" <"$T/$1.in" >"$T/$1.out" &
	exec {in}>"$T/$1.in" {out}<"$T/$1.out"
	printf -v "in_$1" %s "$in"
	printf -v "out_$1" %s "$out"
	heard "$1"
}
heard() {
	local out=out_$1 line
	read -r -t 20 -u "${!out}" line
	echo "${line:-nothing}" >"$T/heard"
}
# says NAME WANTED DESCRIPTION: answer or silence
says() {
	local in=in_$1 seconds=1
	[ "$2" = silence ] || seconds=15 # what was lost is sent again later and later
	echo "$seconds" >&"${!in}"
	heard "$1"
	is "$3" "$(cat "$T/heard")" "$2"
}

talker friend ns-allowed 10.0.0.10
talker stranger ns-denied 10.0.0.10
talker friend6 ns-allowed fd00:6e70::10
talker stranger6 ns-denied fd00:6e70::10
says friend answer "a connection before anything is attached"
says stranger answer "and another one"

is "attach a pod by its name" "$(npctl attach pod backend)" "default/backend (veth-be-h): attached"
ok "again, by its full name" npctl attach pod default/backend
says friend answer "without a policy the old connection goes on"
says stranger answer "and so does the other"
ok "allow one peer" npctl policy allow 10.0.0.20/32
says friend answer "the allowed peer's connection goes on"
says stranger silence "the other one does not"
says friend6 silence "over IPv6 nobody was allowed"
ok "allow it there, too" npctl policy allow fd00:6e70::20
says friend6 answer "IPv6, allowed"
says stranger6 silence "IPv6, denied"
npctl attach detach backend >/dev/null
says stranger answer "detached, it goes on where it was"

# The policy is there before the programs are.
npctl attach pod backend --clsact >/dev/null
says stranger silence "attached again, by clsact, it is denied at once"
says friend answer "and the allowed one is not"
is "its programs are filters" "$(npctl -j attach show | jq -c '[.[].by] | unique')" '["clsact"]'

# A newer build, under policy.
rm /sys/fs/bpf/npctl/progs/pod_ingress
ok "load again" npctl load
says friend answer "an upgrade keeps connections"
says stranger silence "and denials"
is "with nothing to warn of" "$(npctl -j attach show | jq -c '[.[].warnings[]]')" "[]"

ok "unload" npctl load --unload
says stranger answer "without programs all passes"
is "the topology stays" "$(npctl -j topo show | jq length)" 3
is "without policies" "$(npctl -j policy list 2>/dev/null | jq length)" 0
ok "load and attach again" npctl load
ok "the pod is known" npctl attach pod backend
says stranger answer "the old policy is gone"
ok "down" npctl topo down
is "detaches" "$(npctl -j attach show)" "[]"
ok "unload" npctl load --unload
ok "leaves nothing" test ! -e /sys/fs/bpf/npctl
plan_done
