#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What an API server and the way to it can do to an agent. Each time something
# changes on the server, the agent comes round to it; and all the while the last
# good policy is in force: one client is always answered, another one never.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"
WAIT=20

# A fault finds the agent following all that there is, for a second.
watches() { [ "$(control status | jq '.watches | length')" = 8 ]; }
steady() {
	until watches; do sleep 0.05; done
	sleep 1.1
}

apiserver_start
ok "a cluster" cluster_up "$tests/../examples/cluster.yml"
agent_start

streams_start
flip
eventually "without any fault" flipped

# survives NAME ORDER…: orders, a change, and it is in force
survives() {
	local name=$1
	shift
	steady
	for order in "$@"; do control "$order" >/dev/null; done
	flip
	eventually "$name" flipped
}
survives "connections dropped" drop
survives "a watch cut amid an object" cut
survives "a line of garbage" 'garbage?what=json'
survives "bytes that are no chunk" 'garbage?what=frame'
survives "gone, now" gone
survives "gone, and a garbage list" 'garbage?what=list' gone
survives "history forgotten, and dropped" compact drop
survives "errors, then none" 'fail?code=500&count=12' drop
survives "overloaded for a while" 'fail?code=429&count=6' drop
survives "slow answers" 'slow?ms=200' gone
control 'slow?ms=0' >/dev/null

# lasts NAME ORDER END ORDER…: the fault lasts while something changes
lasts() {
	local name=$1 begin=$2 end=$3
	shift 3
	steady
	control "$begin" >/dev/null
	for order in "$@"; do control "$order" >/dev/null; done
	flip
	sleep 0.5
	fails "$name: nothing of it is heard" flipped
	ok "$name: the agent is still in step with what it knows" agent_ready
	control "$end" >/dev/null
	eventually "$name: once it is over" flipped
}
lasts "errors to everything" 'fail?code=503' 'fail?code=0' drop
lasts "refused connections" 'listen?on=0' 'listen?on=1'
lasts "silence" 'stall?on=1' 'stall?on=0'
lasts "silence in lists, too" 'stall?on=1' 'stall?on=0' gone

streams_end
is "documents, plan and maps agree" "$(npctl policy verify)" "documents, plan, maps and programs agree"
agent_stop
is "the agent ends well" $? 0
unlike "and had nothing to say of memory" "$(cat "$T/agent.log")" 'Sanitizer|runtime error'
plan_done
