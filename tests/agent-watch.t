#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# How the agent speaks with an API server, by the server's log: it lists in pages
# and once, watches from the list's version, goes on from a bookmark's, and lists
# anew only when told that the version is gone. It asks for what deploy/ lets it.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"
WAIT=20

# asked VERB [RESOURCE]: how often the agent did that
asked() { requests ".user == \"agent\" and .verb == \"$1\" and .status == 200 and (.resource == \"${2:-}\" or \"${2:-}\" == \"\")" | wc -l; }
kinds='adminnetworkpolicies baselineadminnetworkpolicies clusternetworkpolicies namespaces networkpolicies nodes pods services'
all_watch() { [ "$(control status | jq -r '.watches | join(" ")')" = "$kinds" ]; }
# since N: later requests of the agent
last() { jq -s '.[-1].n // 0' "$A/log"; }
lists_since() { requests ".user == \"agent\" and .n > $1 and .verb == \"list\"" | wc -l; }
versions_since() { requests ".user == \"agent\" and .n > $1 and .verb == \"watch\"" | jq -r .query.resourceVersion | sort -u; }

apiserver_start
jq -n '{kind: "List", items: [range(1200) | {kind: "Pod", apiVersion: "v1",
	metadata: {name: "p\(.)", namespace: "many", labels: {app: "a\(. % 7)"}}, spec: {nodeName: "n", containers: []},
	status: {phase: "Running", podIP: "10.8.\(. / 256 | floor).\(. % 256)"}}]}' >"$T/many.json"
ok "pods" control objects "$T/many.json"
npctl -q load >/dev/null
agent_start
eventually "it watches each kind once" all_watch
is "pods are listed in pages" "$(requests '.user == "agent" and .verb == "list" and .resource == "pods" and .query.limit == null' | wc -l)" 0
ok "more than one of them" test "$(asked list pods)" -gt 1
is "watches begin where lists end" "$(versions_since 0)" "$(control status | jq -r .version)"
is "and ask for bookmarks, and not for ever" "$(requests '.user == "agent" and .verb == "watch" and
	(.query.allowWatchBookmarks != "true" or (.query.timeoutSeconds // 0 | tonumber) == 0)' | wc -l)" 0
is "every object came" "$(npctl -j endpoint list | jq '[.[] | select(.name | startswith("many/"))] | length')" 1200

# Other objects change; bookmarks tell of it; history is forgotten.
something_else() {
	echo "{\"kind\": \"ConfigMap\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"$1\"}}" >"$T/else.json"
	control objects "$T/else.json" >/dev/null
}
for i in 1 2 3; do something_else "c$i"; done
control bookmark >/dev/null
version=$(control status | jq -r .version)
sleep 0.3
control compact >/dev/null
mark=$(last)
control drop >/dev/null
# The server may take a while to notice that the old ones are no more.
watch_anew() { [ "$(requests ".user == \"agent\" and .n > $mark and .verb == \"watch\"" | wc -l)" -ge 8 ] && all_watch; }
eventually "dropped, it watches again" watch_anew
is "from the bookmarks' version" "$(versions_since "$mark")" "$version"
is "without a list" "$(lists_since "$mark")" 0

# The version is gone: one list of each kind, no more.
mark=$(last)
control gone >/dev/null
relisted() { [ "$(requests ".user == \"agent\" and .n > $mark and .verb == \"list\"" | jq -r .resource | sort -u | wc -l)" = 8 ] && all_watch; }
eventually "gone, it lists again" relisted
ok "each once" test "$(requests ".user == \"agent\" and .n > $mark and .verb == \"list\" and .query.continue == null" | wc -l)" -le 8

# What was deleted while the agent could not see it
something_else c4
control 'listen?on=0' >/dev/null
control objects?delete=1 <(jq '.items |= .[:50]' "$T/many.json") >/dev/null
control compact >/dev/null
control 'listen?on=1' >/dev/null
some_went() { [ "$(npctl -j endpoint list | jq '[.[] | select(.name | startswith("many/"))] | length')" = 1150 ]; }
eventually "what went unseen is forgotten" some_went

# In errors it does not hurry.
control 'fail?code=500' >/dev/null
control drop >/dev/null
mark=$(last)
sleep 3
many=$(requests ".user == \"agent\" and .n > $mark" | wc -l)
note "$many requests in 3 s of errors, for 8 kinds"
ok "in errors it holds back" test "$many" -lt 120
control 'fail?code=0' >/dev/null
eventually "and comes back" all_watch

is "it asks nothing else of the server" "$(requests '.user == "agent"' |
	jq -r 'select(.verb != "list" and .verb != "watch" and (.path | test("^/(apis?|version)") | not)) | .path' | sort -u)" ""
is "and changes nothing" "$(requests '.user == "agent"' | jq -r 'select(.verb | test("create|update|patch|delete"))')" ""
agent_stop
is "it ends well" $? 0

plan_done
