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
	npctl trace "$@" >"$T/$name" 2>"$T/$name.err" &
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
like "a pass" "$(cat "$T/both")" '5 PASS  default/backend'
like "and where it went on" "$(sed -n '/PASS/,/^$/p' "$T/both")" 'dev_hard_start_xmit'

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
fails_with "other filters" 2 '--port does not go with --stack' npctl trace --stack --port 80
fails_with "no such pod" 1 'pod "nope" does not exist' npctl trace --stack --pod nope --timeout 1
is "no program stays" "$(bpftool prog show 2>/dev/null | grep -c packet_dropped)" 0
plan_done
