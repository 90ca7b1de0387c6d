#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# An API server that does not let the agent in, and one that does not have all that
# it had: what was in force stays while that may be an accident.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"
WAIT=30

is_metric() { [ "$(agent_metric "$1")" = "$2" ]; }
watches() { [ "$(control status | jq '.watches | length')" = 8 ]; }
asks_again() { [ "$(requests '.path == "/readyz"' | wc -l)" -gt "${asked:-0}" ]; }
metrics() { is_explained monitoring/scraper shop/api tcp/9090 "$1"; }

apiserver_start
ok "a cluster" cluster_up "$tests/../examples/cluster.yml"
agent_start
streams_start
flip
eventually "what changes is in force" flipped

echo second >"$T/second"
control 'token?file=0' "$T/second" >/dev/null
control drop >/dev/null
flip
eventually "a token that is no longer good is noticed" is_metric well 0
fails "and the change is not heard" flipped
cp "$T/second" "$A/token"
eventually "the new one is read from its file" flipped
eventually "and all is well" is_metric well 1

# Resources that the server does not have, or has not yet
eventually "it watches all that there is" watches
control 'ready?code=503' >/dev/null
control 'crds?on=0&keep=1' >/dev/null
eventually "resources that are missing are noticed" is_metric well 0
ok "what they said stays while the server is not ready" metrics allow
agent_stop -KILL
asked=$(requests '.path == "/readyz"' | wc -l)
agent_launch
flip
eventually "an agent that starts asks, too" asks_again
ok "and keeps it" metrics allow
fails "and waits" flipped
control 'ready?code=200' >/dev/null
eventually "of a ready server they are forgotten" metrics deny
eventually "and the others followed" flipped
eventually "all is well" is_metric well 1
control 'crds?on=1' >/dev/null
kill -HUP "$AGENT"
eventually "they come back" metrics allow
control 'ready?code=403' >/dev/null
control 'crds?on=0&keep=1' >/dev/null
kill -HUP "$AGENT"
eventually "who may not ask waits, and sees" metrics deny
control 'ready?code=200' >/dev/null
control 'crds?on=1' >/dev/null
kill -HUP "$AGENT"
eventually "resources that come are found" metrics allow
control 'crds?on=0' >/dev/null
eventually "and if they go with all that they said, that goes" metrics deny
control 'crds?on=1' >/dev/null
jq '{kind: "List", apiVersion: "v1", items: [.[] | select(.kind | test("Cluster|Admin"))]}' "$T/cluster.json" |
	kube apply -f - >/dev/null
kill -HUP "$AGENT"
eventually "and they come again" metrics allow

streams_end
agent_stop
is "the agent ends well" $? 0
unlike "and had nothing to say of memory" "$(cat "$T/agent.log")" 'Sanitizer|runtime error'
plan_done
