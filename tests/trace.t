#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Verdicts are seen by all who listen, and counted to the packet.
. "$(dirname "$0")/lib.sh"
. "$tests/lab.sh"

lab_up

# listen NAME OPTION…: a trace in the background, once it is live
listen() {
	local name=$1
	shift
	: >"$T/$name.err"
	npctl "$@" >"$T/$name" 2>>"$T/$name.err" &
	pid[$name]=$!
	for _ in $(seq 250); do
		grep -q listening "$T/$name.err" && return
		sleep 0.02
	done
	note "$name does not listen: $(cat "$T/$name.err")"
}
declare -A pid

# over NAME [SIGNAL]: ends it; its exit status
over() {
	kill "-${2:-INT}" "${pid[$1]}" 2>/dev/null
	wait "${pid[$1]}" 2>/dev/null
}

# the neighbours know each other before anything is counted
send allowed 9 1
send denied 9 1
sleep 0.2

listen text trace
listen json -j trace --drops
send allowed 7777 1
send denied 7778 2
is "connected" "$(npctl -j test connect --from allowed --to backend --port tcp/8080 |
	grep -o '"result":"[a-z]*"')" '"result":"connected"'
sleep 0.2
over text && status=0 || status=$?
is "SIGINT ends it with status 0" "$status" 0
over json TERM && status=0 || status=$?
is "so does SIGTERM" "$status" 0
like "an allowed packet" "$(grep ':7777' "$T/text")" \
	'^[0-9:]{8}\.[0-9]{6}  ALLOW  ingress  default/allowed 10\.0\.0\.20:5555 +-> default/backend 10\.0\.0\.10:7777 +UDP +43  rule: rule 1 '
is "a dropped one, twice" "$(grep -c 'DROP .*default/denied 10.0.0.30:5555.*:7778 .*default: ' "$T/text")" 2
like "TCP's flags" "$(grep ':8080' "$T/text")" 'TCP SYN '
is "its known flow is no verdict" "$(grep -c ':8080' "$T/text")" 1
is "--drops is left to the datapath" "$(wc -l <"$T/json")" 2
like "an event is an object" "$(head -1 "$T/json")" \
	'^\{"time":"[0-9-]{10}T[0-9:.]{15}Z","verdict":"drop","direction":"ingress","subject":"default/backend","ifindex":[0-9]+,"source":"10.0.0.30","source_port":5555,"source_pod":"default/denied","destination":"10.0.0.10","destination_port":7778,"destination_pod":"default/backend","protocol":"UDP","size":43,"reason":"policy","tier":"default","rule":"default deny.*","rule_number":[0-9]+\}$'
like "totals at the end" "$(cat "$T/text.err")" ': [0-9]+ events: [0-9]+ allowed, [0-9]+ dropped; 0 lost'

# every filter for itself
for filter in "--from denied" "--from 10.0.0.30" "--from 10.0.0.24/29" "--to 10.0.0.10 --port 7778" \
	"--port udp/7778" "--port 7778" "--proto udp --port 7778" "--drops" "--pod backend --port 7778" \
	"--rule default"; do
	# shellcheck disable=SC2086
	listen one -j trace $filter
	send allowed 7777 1
	send denied 7778 1
	sleep 0.05
	over one
	is "only what $filter wants" \
		"$(wc -l <"$T/one") $(grep -c '"destination_port":7778' "$T/one")" "1 1"
done

# all rules of a policy, those that come later, too; the datapath sorts them out
policy() { # PORT…: one rule each
	printf '%s\n' 'apiVersion: networking.k8s.io/v1' 'kind: NetworkPolicy' \
		'metadata: {name: web}' 'spec:' '  podSelector: {}' '  ingress:'
	printf '  - {ports: [{protocol: UDP, port: %s}]}\n' "$@"
}
policy 7001 7002 | npctl policy apply -f - >/dev/null
npctl policy delete 1 >/dev/null
listen one -j trace --rule default/web --proto udp
for port in 7001 7002 7003; do send denied $port 1; done
policy 7001 7002 7003 | npctl policy apply -f - >/dev/null
sleep 0.6 # as long as a look at the rules takes to come
for port in 7001 7003 7004; do send allowed $port 1; done
sleep 0.1
sent=$(npctl -j stat events | jq '.[0].sent')
over one
is "the policy's rules, of both versions" "$(jq -r '"\(.destination_port)\(.rule)"' "$T/one" | paste -sd, -)" \
	"7001default/web ingress[0],7002default/web ingress[1],7001default/web ingress[0],7003default/web ingress[2]"
is "no others were sent" "$sent" 4
npctl policy delete default/web >/dev/null
npctl policy allow 10.0.0.20/32 >/dev/null

# several at once, at full speed, each with its own wants; one is killed in the midst of it
listen all -j trace --all --port 7777 --ring-size 16M
listen small trace --port 7777 --all --ring-size 4096
listen drops trace --all --drops --port 7777
listen other trace --from denied --port 7778
listen killed trace --all
send allowed 7777 100000 &
sender=$!
send denied 7777 150
{ kill -KILL "${pid[killed]}" && wait "${pid[killed]}"; } 2>/dev/null
send denied 7778 40
send denied 7777 150
wait $sender
sleep 0.2
for name in all small drops other; do over $name; done
lost() {
	sed -n 's/.*; \([0-9]*\) lost/\1/p' "$T/$1.err"
}
is "received and lost are what was sent" $(($(wc -l <"$T/all") + $(lost all))) 100300
is "also when most was lost" $(($(wc -l <"$T/small") + $(lost small))) 100300
fails "and some was" [ "$(lost small)" = 0 ]
is "drops only, all of them" "$(wc -l <"$T/drops") $(lost drops)" "300 0"
is "the other port's, all of them" "$(wc -l <"$T/other") $(lost other)" "40 0"

# ends of other kinds
(sleep 0.3 && send denied 7778 3) &
is "--count" "$(npctl -q trace --drops --count 2 --timeout 5 | wc -l)" 2
ok "--timeout alone is no failure" npctl trace --timeout 1 --port 1
fails "--count not reached is one" npctl trace --timeout 1 --port 1 --count 1
(sleep 0.3 && send denied 7778 3) &
is "a closed pipe ends it" "$(timeout 5 npctl -q trace --drops | head -1 | wc -l)" 1
listen unload trace
ok "the datapath goes away" npctl load --unload
eventually "and the trace with it" grep -q unloaded "$T/unload.err"
over unload && status=0 || status=$?
is "which is a failure" "$status $(tail -1 "$T/unload.err")" "1 npctl: the datapath was unloaded"

# words
fails_with "not loaded" 1 'npctl load' npctl trace --timeout 1
npctl load >/dev/null
fails_with "no such pod" 1 'pod "nope" does not exist' npctl trace --pod nope --timeout 1
fails_with "a pod that nothing judges" 1 'not attached.*npctl attach pod allowed' npctl trace --pod allowed --timeout 1
fails_with "no such rule" 1 'no rule "nope"' npctl trace --rule nope --timeout 1
fails_with "no such end" 1 'neither an address' npctl trace --from 10.0.0.300 --timeout 1
fails_with "no such port" 2 'is not a port' npctl trace --port 70000
fails_with "no such protocol" 2 'is not a protocol' npctl trace --proto tpc
fails_with "no such size" 2 'ring-size' npctl trace --ring-size 5G
plan_done
