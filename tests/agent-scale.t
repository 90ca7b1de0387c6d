#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# 5 000 pods and 2 000 policies on the API server: how long the first sync takes, how
# soon a label is enforced, how much memory the agent keeps, and that 10 000 events
# leave nothing behind. The figures are in the notes; what is asserted of times is
# generous, of memory it is not.
alone=yes
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"
WAIT=60

rss() { awk -v name="Vm$1:" '$1 == name { print $2 }' "/proc/$AGENT/status"; }
cpu() { awk '{ print ($14 + $15) * 10 }' "/proc/$AGENT/stat"; }
ms() { echo $(($(date +%s%3N) - $1)); }
less() { [ "$1" -lt "$2" ] || { echo "$1 is not less than $2" && return 1; }; }
files() { find "/proc/$AGENT/fd" -mindepth 1 | wc -l; }
things() { npctl -j map list | jq -c '[.[] | {name, entries: (.entries // .used)}] | sort_by(.name)'; }

apiserver_start
for i in {1..20}; do
	cat <<-YAML
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: local-$i, namespace: ns0, labels: {app: app$i}}
		spec: {containers: [{name: c, ports: [{containerPort: 8080, protocol: UDP}]}]}
	YAML
done >"$T/local.yml"
cat >>"$T/local.yml" <<'YAML'
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: door, namespace: ns0}
spec:
  podSelector: {matchLabels: {app: app1}}
  ingress: [{from: [{podSelector: {matchLabels: {key: fits}}}]}]
YAML
jq -n --argjson pods 5000 --argjson policies 2000 -f "$tests/apiserver/many.jq" >"$T/many.json"
ok "the cluster" control objects "$T/many.json"
ok "and 20 pods of this node" cluster_up "$T/local.yml"

begin=$(date +%s%3N)
agent_start
first=$(ms "$begin")
note "first sync: $first ms"
ok "first sync in time" less "$first" 15000
is "all of them" "$(npctl -j endpoint list | jq '[.[] | select(.name | test("^ns"))] | length')" 5020
note "resident: $(rss RSS) kB, at most $(rss HWM) kB"
ok "memory" less "$(rss RSS)" 200000

# One pod's label, until a packet passes.
address=$(npctl -j topo show | jq -r '.[] | select(.pod == "ns0/local-1") | .addresses[0]')
jq '{kind: "List", items: [.items[] | select(.metadata.name == "local-2") | .metadata.labels.key = "fits"]}' "$T/pods.json" >"$T/fits.json"
jq '{kind: "List", items: [.items[] | select(.metadata.name == "local-2")]}' "$T/pods.json" >"$T/fits-not.json"
times=() cpu=$(cpu)
for i in 1 2 3 4 5; do
	npctl topo exec ns0/local-2 -- "$tests/stream" "$address" 8080 1 >"$T/stream" &
	stream=$!
	sleep 0.1
	begin=$(date +%s%6N)
	control objects "$T/fits.json" >/dev/null
	sleep 0.5 # explaining a plan of this size takes a processor of its own
	eventually "enforced, $i" is_explained ns0/local-2 ns0/local-1 udp/8080 allow
	sleep 0.1
	kill $stream
	wait $stream
	read -r _ _ when <"$T/stream"
	times+=("$(awk -v a="$when" -v b="$begin" 'BEGIN { printf "%d", a * 1000 - b / 1000 }')")
	control objects "$T/fits-not.json" >/dev/null
	eventually "and taken back, $i" is_explained ns0/local-2 ns0/local-1 udp/8080 deny
done
median=$(printf '%s\n' "${times[@]}" | sort -n | sed -n 3p)
note "label to packet: ${times[*]} ms, median $median ms"
note "processor time of the agent for each of the ten changes: $((($(cpu) - cpu) / 10)) ms"
ok "label change in time" less "$median" 1000

# Events: labels of 250 pods at a time, there and back.
jq -c '[.items[] | select(.kind == "Pod")][:250]' "$T/many.json" >"$T/some.json"
jq '{kind: "List", items: .}' "$T/some.json" >"$T/back.json"
jq '{kind: "List", items: map(.metadata.labels.app |= "moved-" + .)}' "$T/some.json" >"$T/there.json"
settled() { [ "$(agent_metric events_total)" -ge "$1" ] && [ "$(npctl -j endpoint get ns0/pod-0 | grep -c moved)" = 0 ]; }
churn() { # COUNT of events
	local wanted=$(($(agent_metric events_total) + $1)) i
	for ((i = 0; i < $1; i += 500)); do
		control objects "$T/there.json" >/dev/null
		control objects "$T/back.json" >/dev/null
	done
	eventually "$1 events" settled "$wanted"
}
churn 2000
before=$(rss RSS) had=$(things) had_files=$(files)
begin=$(date +%s%3N) cpu=$(cpu) commits=$(agent_metric syncs_total)
churn 10000
note "10 000 events: $(ms "$begin") ms, $(($(agent_metric syncs_total) - commits)) commits, $(($(cpu) - cpu)) ms of processor time"
note "resident $before kB before, $(rss RSS) kB after"
ok "nothing is left in memory" less "$(rss RSS)" $((before + 8000))
is "nor in the maps" "$(things)" "$had"
is "nor of files" "$(files)" "$had_files"

# What policies cannot tell apart is heard, and no more.
commits=$(agent_metric syncs_total) wanted=$(($(agent_metric events_total) + 250)) cpu=$(cpu)
jq '{kind: "List", items: map(.metadata.annotations.seen = "again")}' "$T/some.json" >"$T/seen.json"
control objects "$T/seen.json" >/dev/null
heard() { [ "$(agent_metric events_total)" -ge "$wanted" ]; }
eventually "250 pods are seen again" heard
is "and nothing is committed" "$(agent_metric syncs_total)" "$commits"
note "250 such events: $(($(cpu) - cpu)) ms of processor time"
note "resident at most: $(rss HWM) kB"
ok "memory, still" less "$(rss RSS)" 200000
is "documents, plan and maps agree" "$(npctl policy verify)" "documents, plan, maps and programs agree"
agent_stop
is "it ends well" $? 0
plan_done
