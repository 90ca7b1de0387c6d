#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Changes that are taken back unless somebody confirms them, with real packets.
. "$(dirname "$0")/lib.sh"
talk_for_all
export NPCTL_PRESETS=$tests/../presets

connect() { npctl test connect --from "$1" --to backend --port tcp/8080 --expect "$2" --timeout 200ms; }
version() { npctl -j policy wait | jq .generation; }
said() { npctl policy export | grep -v since; }

fails_with "nothing waits where nothing is" 1 "no npctl instance" npctl confirm
npctl -q topo up >/dev/null
fails_with "nobody would take it back" 1 "nothing is loaded" npctl policy deny 10.0.0.30 --confirm 1s
npctl -q load >/dev/null && npctl -q attach pod backend || exit
npctl -q policy allow 10.0.0.20 >/dev/null
npctl -q policy allow 10.0.0.30 >/dev/null
said >"$T/before"
first=$(($(version) - 1))
for bad in 0 -1 2x 1000h soon; do
	fails_with "no time: $bad" 2 "expected 1s to 24h" npctl policy deny 10.0.0.20 "--confirm=$bad"
done
fails_with "nothing waits" 1 "no change waits" npctl confirm

# A connection that the change cuts goes on when it comes back, with nobody there.
backend=$(npctl -j topo show | jq -r '.[] | select(.pod == "default/backend").addresses[0]')
coproc HELD { npctl topo exec allowed -- "$talk" hold "$backend" 8080; }
read -r -t 2 answer <&"${HELD[0]}"
tell() {
	echo say >&"${HELD[1]}"
	read -r -t 1 answer <&"${HELD[0]}"
	echo "$answer"
}
is "a connection" "$answer $(tell)" "connected yes"
like "a change says that it waits" "$(npctl policy deny 10.0.0.20 --confirm 4s 2>&1)" "taken back after 4 seconds, unless you say .npctl confirm."
begun=$(date +%s%N)
ok "it is in force at once" connect allowed deny
is "the connection is cut" "$(tell)" silence
fails_with "another is refused" 1 "a change waits.*npctl confirm keeps it, npctl policy rollback takes it back" npctl policy allow 10.0.0.99
fails_with "so is attaching" 1 "a change waits" npctl attach pod allowed
like "it can be looked at" "$(npctl policy list)" "deny +ingress"
until [ "$(tell)" = yes ] || [ $(($(date +%s%N) - begun)) -gt 12000000000 ]; do :; done
took=$((($(date +%s%N) - begun) / 1000000))
is "and lives on, not before its time" "$(tell) $((took > 3900 && took < 9000))" "yes 1"
note "after $took ms, with TCP's own pauses"
like "whoever looks next is told" "$(npctl policy list 2>&1)" "not confirmed in time"
ok "and new ones come in" connect allowed allow
unlike "once" "$(npctl policy list 2>&1)" "not confirmed in time"
is "it says what it said" "$(said)" "$(cat "$T/before")"
ok "documents and maps agree" npctl policy verify
fails_with "too late" 1 "no change waits" npctl confirm
ok "the next change" npctl policy allow 10.0.0.98
ok "is in force" npctl policy verify
is "history has no gap" "$(npctl -j policy history | jq '[.[] | select(.lost)] | length')" 0
npctl -q policy delete "$(npctl -j policy list | jq -r '.[] | select(.peer == "10.0.0.98/32").rule')"

# At the datapath alone: no command in between.
npctl -q policy deny 10.0.0.20 --confirm 1s >/dev/null
npctl topo exec allowed -- "$talk" tcp "$backend" 8080 >"$T/during"
sleep 1.1
npctl topo exec allowed -- "$talk" tcp "$backend" 8080 >"$T/after"
is "the programs alone take it back" "$(cat "$T/during" "$T/after" | paste -sd' ')" "silence yes"

# In time.
npctl -q policy deny 10.0.0.20 --confirm 3s >/dev/null
like "confirmed" "$(npctl confirm)" "confirmed: version"
sleep 3.2
ok "stays" connect allowed deny
ok "wholly" npctl policy verify
is "and is in history" "$(npctl -j policy history --last 1 | jq -r '.[0].changes[0] | .what + " " + .change')" "rule 1 changed"
npctl -q policy allow 10.0.0.20 >/dev/null
ok "changed again" connect allowed allow

# Taken back at once.
npctl -q policy deny 10.0.0.20 --confirm 60s >/dev/null
ok "in force" connect allowed deny
like "taken back" "$(npctl policy rollback)" "taken back: version"
ok "at once" connect allowed allow
ok "wholly, too" npctl policy verify
is "it said" "$(said)" "$(cat "$T/before")"

# Every command that changes rules takes it.
closing_policy
while read -r change; do
	# shellcheck disable=SC2086
	ok "$change" npctl policy $change --confirm 60s
	npctl -q policy rollback >/dev/null
	is "and back" "$(said)" "$(cat "$T/before")"
done < <(each_change "$first")
ok "all of it" npctl policy verify
echo "policy deny 10.0.0.20 --confirm 1s" >"$T/batch"
fails "one of many does not wait alone" npctl batch --atomic "$T/batch"

# Killed anywhere: in force until the deadline or not at all, and never half.
wrong=0
for ((i = 0; i < ${ROUNDS:-25}; i++)); do
	npctl -q policy deny 10.0.0.20 --confirm 1s >/dev/null 2>&1 &
	pid=$!
	sleep "0.0$(printf %03d $((RANDOM % 400)) | head -c 2)$((RANDOM % 10))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	sleep 1.1
	[ "$(npctl topo exec allowed -- "$talk" tcp "$backend" 8080)" = yes ] || wrong=$((wrong + 1))
	npctl -q policy refresh >/dev/null || wrong=$((wrong + 1))
	npctl -q policy verify >/dev/null 2>"$T/verify" || { wrong=$((wrong + 1)) && note "$(cat "$T/verify")"; }
	[ "$(said)" = "$(cat "$T/before")" ] || wrong=$((wrong + 1))
done
is "killed at $i points: always back" $wrong 0
wrong=0
for ((i = 0; i < ${ROUNDS:-25}; i++)); do
	npctl -q policy deny 10.0.0.20 --confirm 60s >/dev/null 2>&1
	npctl -q confirm >/dev/null 2>&1 &
	pid=$!
	sleep "0.0$(printf %03d $((RANDOM % 400)) | head -c 2)$((RANDOM % 10))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	npctl -q confirm >/dev/null 2>&1
	npctl -q policy refresh >/dev/null || wrong=$((wrong + 1))
	npctl -q policy verify >/dev/null 2>"$T/verify" || { wrong=$((wrong + 1)) && note "$(cat "$T/verify")"; }
	[ "$(npctl topo exec allowed -- "$talk" tcp "$backend" 8080)" = silence ] || wrong=$((wrong + 1))
	npctl -q policy allow 10.0.0.20 >/dev/null || wrong=$((wrong + 1))
	[ "$(said)" = "$(cat "$T/before")" ] || wrong=$((wrong + 1))
done
is "confirm killed at $i points: confirmed in the end, and whole" $wrong 0
npctl -q policy deny 10.0.0.20 --confirm 60s >/dev/null
ok "unloaded while it waits" npctl load --unload
npctl -q topo down >/dev/null
plan_done
