#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Where in the kernel packets die, and where they go on.
. "$(dirname "$0")/lib.sh"

npctl topo up >/dev/null
npctl load >/dev/null
fails_with "nobody to watch" 1 'no pod is attached' npctl trace --stack --timeout 1
npctl attach pod backend >/dev/null
ok "a lab" npctl policy allow 10.0.0.20/32

# stacks NAME OPTION…: a trace in the background, once it is live
stacks() {
	local name=$1
	shift
	: >"$T/$name.err"
	npctl trace "$@" >"$T/$name" 2>>"$T/$name.err" &
	pid=$!
	eventually "$name listens" grep -q listening "$T/$name.err"
}
over() { kill -INT $pid && wait $pid; }
send() { npctl topo exec "$1" -- bash -c "for i in 1 2 3 4 5; do printf x >/dev/udp/10.0.0.10/4242; done"; }

send denied
stacks drops --stack --drops
send denied
send allowed
over && status=0 || status=$?
is "SIGINT ends it with status 0" "$status" 0
like "drops by npctl, counted" "$(grep DROP "$T/drops")" '(^|[[:space:]])[5-9] DROP TC_EGRESS  default/backend'
like "the stack names __dev_queue_xmit" "$(cat "$T/drops")" '__dev_queue_xmit'
like "the tracing itself is left out" "$(sed -n 2p "$T/drops")" 'kfree_skb|sk_skb_reason_drop'
is "no pass among the drops" "$(grep -c PASS "$T/drops")" 0

stacks both --stack --pod backend
send denied
send allowed
over
like "a pass" "$(cat "$T/both")" '5 PASS  default/backend ingress'
like "and where it went on" "$(sed -n '/PASS/,/^$/p' "$T/both")" 'dev_hard_start_xmit'
like "a drop is npctl's" "$(cat "$T/both")" '5 DROP TC_EGRESS  default/backend ingress, by npctl'

# What left the pod, and where it was seen next: at another port of the bridge, on its way up.
from() { # ADDRESS PORT COUNT: datagrams that the backend sends
	npctl topo exec backend -- bash -c "for ((i = 0; i < $3; i++)); do printf x >/dev/udp/$1/$2; done"
}
count() { jq --arg verdict "$2" --arg way "$3" '[.[] | select(.verdict == $verdict and .direction == $way) | .count] | add // 0' "$T/$1"; }
from 10.0.0.20 4242 1
from 10.0.0.1 4242 1
npctl policy allow 10.0.0.20/32 --egress >/dev/null
npctl policy allow 10.0.0.1/32 --egress >/dev/null
npctl -j trace --stack --port udp/4242 >"$T/left" 2>"$T/left.err" &
pid=$!
eventually "it listens" grep -q listening "$T/left.err"
from 10.0.0.20 4242 5
from 10.0.0.1 4242 3
from 10.0.0.30 4242 4
from 10.0.0.20 4243 9
over
is "egress passes" "$(count left pass egress)" 8
is "egress drops" "$(count left drop egress)" 4
is "nothing of another port" "$(jq 'map(.count) | add' "$T/left")" 12
# which of the bridge's functions are seen, a kernel's compiler decides
forwarded='any(.frames[]; test("^(__)?br_(forward|flood)|^maybe_deliver"))'
is "it went on through the bridge" \
	"$(jq "[.[] | select(.verdict == \"pass\" and ($forwarded)) | .count] | add" "$T/left")" 5
is "and up to the host" \
	"$(jq "[.[] | select(.verdict == \"pass\" and ($forwarded | not)) | .count] | add" "$T/left")" 3
npctl policy delete --all >/dev/null
npctl policy allow 10.0.0.20/32 >/dev/null

# only: FILTER…, how many of seven and two it has
only() {
	stacks only --stack "$@"
	send denied
	from 10.0.0.20 4242 2
	over
	awk '/PASS|DROP/ { sum[$2] += $1 } END { print sum["DROP"] + 0, sum["PASS"] + 0 }' "$T/only"
}
is "--from" "$(only --from denied | tail -1)" "5 0"
is "--from an address, --drops" "$(only --from 10.0.0.10 --drops | tail -1)" "0 0"
is "--to" "$(only --to 10.0.0.20 --proto udp | tail -1)" "0 2"
is "--to and --port" "$(only --to backend --port udp/4242 | tail -1)" "5 0"

# The kernel's own drops: a port of the bridge that forwards nothing, a pod that does not listen.
stacks kernel --stack --kernel --drops --proto udp
send denied
send allowed
bridge link set dev veth-be-h state 0
npctl topo exec backend -- bash -c 'for i in 1 2 3; do printf x >/dev/udp/10.0.0.20/4242; done'
bridge link set dev veth-be-h state 3
over
like "its own drop, by another reason" "$(cat "$T/kernel")" '3 DROP [A-Z_]+  default/backend, by the kernel
'
like "in the bridge" "$(sed -n '/by the kernel$/,/^$/p' "$T/kernel")" 'br_handle_frame'
like "one in the pod" "$(cat "$T/kernel")" '5 DROP NO_SOCKET  default/backend, by the kernel, in the pod'
like "beside npctl's" "$(cat "$T/kernel")" '5 DROP TC_EGRESS  default/backend ingress, by npctl'

stacks folded --folded --drops
send denied
over
like "folded, outermost first" "$(cat "$T/folded")" \
	'default/backend;drop TC_EGRESS;.*;__dev_queue_xmit;.*(kfree_skb|sk_skb_reason_drop)[^;]* 5'
npctl -j trace --stack --drops --count 5 --timeout 10 >"$T/json" 2>"$T/json.err" &
pid=$!
eventually "json listens" grep -q listening "$T/json.err"
send denied
wait $pid
is "--count ends it, -j is JSON" "$(jq -r '.[] | select(.reason == "TC_EGRESS") | .subject' "$T/json" | head -1)" default/backend
fails "--count not reached" npctl trace --stack --drops --count 1 --timeout 1
fails_with "other filters" 2 '--rule does not go with --stack' npctl trace --stack --rule 1
fails_with "no such port" 2 'not a port' npctl trace --stack --port x
fails_with "not without stacks" 2 '--kernel only goes with' npctl trace --kernel
fails_with "no such pod" 1 'pod "nope" does not exist' npctl trace --stack --pod nope --timeout 1
is "no program stays" "$(bpftool prog show 2>/dev/null | grep -c packet_dropped)" 0
plan_done
