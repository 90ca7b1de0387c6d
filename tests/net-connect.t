#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# test connect: real attempts between pods, and what it says of them.
. "$(dirname "$0")/lib.sh"

connect() { npctl test connect "$@"; }
# word FROM TO PORT [WORDS…]
word() { npctl -j test connect --from "$1" --to "$2" --port "$3" --timeout 300ms "${@:4}" | jq -r '.[0].result'; }

fails_with "without a topology" 1 'no topology is up.*topo up' connect
fails_with "two words of three" 2 'together' connect --from a --to b
npctl topo up >/dev/null
is "the two of the lab" "$(npctl -j test connect | jq -c '[.[] | [.from, .to, .port, .result, .answer]]')" \
	'[["default/allowed","default/backend","tcp/8080","connected","default/backend"],["default/denied","default/backend","tcp/8080","connected","default/backend"]]'
is "from the host" "$(word host backend tcp/8080)" connected
is "IPv6" "$(npctl -j test connect --from allowed --to backend --port 8080 --family 6 | jq -r '.[0].address')" fd00:6e70::10
is "to an address" "$(word allowed fd00:6e70::10 tcp/8080)" connected
is "ICMP" "$(word allowed denied icmp)" connected
is "ICMPv6" "$(word allowed denied icmp --family 6)" connected
is "nobody listens" "$(word allowed backend tcp/81)" refused
is "nobody listens, UDP" "$(word allowed backend udp/81)" refused
is "nobody answers" "$(word allowed 10.0.0.99 udp/53)" blocked
is "no way there" "$(ip -n ns-allowed route del default && word allowed 192.0.2.1 80)" failed
like "as text" "$(connect --from allowed --to backend --port 8080)" \
	'default/allowed +default/backend +10.0.0.10 +8080 +connected +[0-9.]+'
ok "as expected" connect --from allowed --to backend --port 8080 --expect allow
connect --from allowed --to backend --port 8080 --expect deny >"$T/out" 2>"$T/err"
is "not as expected: exit status" $? 1
is "and nothing on standard error" "$(cat "$T/err")" ""
like "but in the table" "$(cat "$T/out")" 'deny +FAIL'
fails "a refusal is no denial" connect --from allowed --to backend --port 81 --expect deny
start=$EPOCHREALTIME
connect --from allowed --to 10.0.0.99 --port 80 --timeout 0.5s >/dev/null
like "the timeout is kept" "$(bc <<<"($EPOCHREALTIME - $start) * 10 / 1")" '^[56789]$'
fails_with "a port too high" 2 '"tcp/70000" is not a port' connect --from host --to backend --port tcp/70000
fails_with "no family" 2 'family' connect --from host --to backend --port 80 --family 5
fails_with "no time" 2 '"soon" is not a time' connect --timeout soon
fails_with "no such pod" 1 'pod "nobody" does not exist' connect --from nobody --to backend --port 80
fails_with "no such destination" 1 'pod "10.0.0.300" does not exist' connect --from host --to 10.0.0.300 --port 80
npctl topo down >/dev/null
plan_done
