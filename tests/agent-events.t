#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Events by the thousand, in many commits, with watches that end among them: nothing
# is left of them. tests/agent-scale.t does the same on a large cluster.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"
WAIT=40

rss() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$AGENT/status"; }
files() { find "/proc/$AGENT/fd" -mindepth 1 | wc -l; }
identities() { npctl -j endpoint list | jq '[.[].identity] | unique | length'; }
label() { npctl -j endpoint get ns0/pod-0 | jq -r .labels.app; }
is_label() { [ "$(label)" = "$1" ]; }
watches() { [ "$(control status | jq '.watches | length')" = 8 ]; }

apiserver_start --history 500
jq -n --argjson pods 200 --argjson policies 100 -f "$tests/apiserver/many.jq" >"$T/many.json"
ok "a cluster" control objects "$T/many.json"
npctl -q load >/dev/null
agent_start
jq -c '[.items[] | select(.kind == "Pod")][:50]' "$T/many.json" >"$T/some.json"
churn() { # FROM TO: fifty labels each time, then those of the beginning
	local i
	for ((i = $1; i < $2; i++)); do
		jq --arg i "$i" '{kind: "List", items: map(.metadata.labels.app = "moved-\($i)")}' "$T/some.json" >"$T/there.json"
		control objects "$T/there.json" >/dev/null
		[ $((i % 8)) != 3 ] || control drop >/dev/null
		[ $((i % 8)) != 6 ] || control gone >/dev/null
	done
	jq '{kind: "List", items: .}' "$T/some.json" >"$T/back.json"
	control objects "$T/back.json" >/dev/null
	eventually "events $((50 * $1)) to $((50 * $2))" is_label app0
	eventually "and all is watched" watches
}
churn 0 15
before=$(rss) had=$(identities) had_files=$(files)
churn 15 40
note "$(agent_metric syncs_total) commits, $(agent_metric relists_total) relists; resident $before kB before, $(rss) kB after"
case $NPCTL in
*/sanitize/*) skip "memory that is freed is kept for a while by the sanitizer" ;;
*) ok "memory is as before" test "$(rss)" -lt $((before + 3000)) ;;
esac
is "identities are" "$(identities)" "$had"
is "open files are" "$(files)" "$had_files"
is "documents, plan and maps agree" "$(npctl policy verify)" "documents, plan, maps and programs agree"
agent_stop
is "it ends well" $? 0
unlike "nothing leaked" "$(cat "$T/agent.log")" 'Sanitizer|runtime error'
plan_done
