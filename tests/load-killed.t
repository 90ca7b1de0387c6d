#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# load, attach and their opposites, killed at any moment: the next command works,
# and what was denied stays denied.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pair.sh"
make_pair
root=/sys/fs/bpf/npctl

# killed MILLISECONDS COMMAND…: SIGKILL after a random part of that time
killed() {
	local limit=$1
	shift
	"$@" >/dev/null 2>&1 &
	sleep "$(printf '0.%04d' $((RANDOM % (limit * 10))))"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
}

# survives TIMES MILLISECONDS COMMAND… -- AFTER…: kill COMMAND, AFTER works
survives() {
	local times=$1 limit=$2 command=()
	shift 2
	while [ "$1" != -- ]; do command+=("$1") && shift; done
	shift
	for ((; times; times--)); do
		killed "$limit" "${command[@]}"
		"$@" || return
	done
}

fresh() {
	npctl load && npctl attach dev v0 && npctl load --unload && [ ! -e "$root" ]
}
ok "load, killed, then load" survives 30 300 npctl load -- fresh
unloading() {
	npctl load >/dev/null && npctl attach dev v0 >/dev/null && killed 20 npctl load --unload
}
for _ in {1..30}; do unloading || break; done
ok "unload, killed, then unload" npctl load --unload
ok "leaves nothing" test ! -e "$root"
is "neither links nor filters" "$(npctl -j attach show)" "[]"

npctl load >/dev/null
mends() {
	npctl attach dev v0 "$@" && [ "$(npctl -j attach show | jq -c '[.[].warnings | length]')" = "[0,0]" ] &&
		npctl attach detach v0 && [ "$(npctl -j attach show)" = "[]" ]
}
ok "attach, killed, then attach" survives 40 8 npctl attach dev v0 -- mends
ok "by clsact" survives 40 8 npctl attach dev v0 --clsact -- mends --clsact
is "no qdisc is left" "$(tc qdisc show dev v0 | grep -c clsact)" 0
detaching() {
	npctl attach dev v0 "$@" >/dev/null
	killed 8 npctl attach detach v0
}
for _ in {1..40}; do detaching; done
ok "detach, killed, then attach" mends
for _ in {1..40}; do detaching --clsact; done
ok "by clsact" mends --clsact
is "no qdisc is left" "$(tc qdisc show dev v0 | grep -c clsact)" 0

npctl attach dev v0 >/dev/null
npctl policy default deny --pod dev:v0 --ingress >/dev/null
npctl policy allow any --port udp/2000 --pod dev:v0 >/dev/null
upgrade() {
	rm -f "$root/progs/pod_ingress"
	killed 300 npctl load
}
upgrades() { for _ in {1..10}; do upgrade; done; }
upgrades &
busy=$!
is "upgrades, killed, let nothing slip" "$(arrive 2000 1000 2000)" $'1000 0\n2000 2000'
wait $busy
ok "the next one works" npctl load
is "entirely" "$(npctl -j attach show | jq '[.[].warnings[]] | length')" 0
is "and so does the policy" "$(arrive 5 1000 2000)" $'1000 0\n2000 5'
ok "in the end nothing is left" npctl load --unload
ok "nothing at all" test ! -e "$root"
plan_done
