#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Listeners come and go, killed and stopped ones, too.
. "$(dirname "$0")/lib.sh"

npctl topo up >/dev/null
npctl load >/dev/null
npctl attach pod backend >/dev/null
ok "a lab" npctl policy allow 10.0.0.20/32

# send PORT: a datagram that is dropped
send() { npctl topo exec denied -- bash -c "printf x >/dev/udp/10.0.0.10/$1"; }
listening() { npctl -j map lookup settings key 0 | jq '[.value.listening, .value.listening_all] | join(" ")' -r; }
listen() {
	: >"$T/$1.err"
	npctl trace "${@:2}" >"$T/$1" 2>>"$T/$1.err" &
	pid[$1]=$!
	for _ in $(seq 250); do
		grep -q listening "$T/$1.err" && return
		sleep 0.02
	done
	note "$1 does not listen: $(cat "$T/$1.err")"
}
declare -A pid
over() {
	{ kill "-${2:-INT}" "${pid[$1]}" && wait "${pid[$1]}"; } 2>/dev/null
}
refused() {
	fails_with "$1" 1 'all 16 listeners' npctl trace --timeout 1
}
is "nobody listens" "$(listening)" "0 0"

# sixteen, no more; a killed one's slot is free again when its lease is over
for i in $(seq 16); do listen "many$i"; done
refused "a seventeenth is refused"
send 4000
eventually "all sixteen see it" bash -c "[ \$(cat $T/many* | grep -c :4000) = 16 ]"
over many1 KILL
refused "a killed one's lease still runs"
sleep 3.1
listen last
refused "all are taken again"
send 4001
eventually "all sixteen see the next" bash -c "[ \$(cat $T/many* $T/last | grep -c :4001) = 16 ]"
for i in $(seq 2 16); do over "many$i"; done
over last
is "nobody listens any more" "$(listening)" "0 0"
is "no ring is left" "$(npctl -j map dump rings)" "[]"

# One that is killed stops costing anything without anybody's help; one that
# is stopped for long finds that out, and goes on.
listen killed --all
listen stopped
over killed KILL
kill -STOP "${pid[stopped]}"
is "both are still listened to" "$(listening)" "3 1"
sleep 3.2
send 4002
is "no longer, by the first packet" "$(listening)" "0 0"
kill -CONT "${pid[stopped]}"
is_back() { [ "$(listening)" = "2 0" ]; }
eventually "the one that lives is back" is_back
send 4003
eventually "it sees on" grep -q :4003 "$T/stopped"
over stopped
like "it says that it missed some" "$(cat "$T/stopped.err")" 'events were missed.*: 1 event: 0 allowed, 1 dropped; 0 lost'
listen next
is "the killed one's ring goes with the next" "$(npctl -j map dump rings | jq length)" 1
over next
plan_done
