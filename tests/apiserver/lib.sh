# shellcheck shell=bash disable=SC2119,SC2120
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The API server of tests/apiserver for a test that sourced tests/lib.sh.
#
#   apiserver_start [OPTION…]    its files are in $A
#   kube WORDS…                  kubectl, as an administrator whom no fault hits
#   control PATH [BODY-FILE]     what tests/apiserver/apiserver describes
#   requests FILTER              of the log what jq selects, a line each
#   cluster_up FILE              the pods of FILE as namespaces under policy, of which
#                                npctl is told no labels, and all of FILE on the server
#   agent_start [WORD…]          of the server; waits until it is in step; agent_stop,
#                                agent_ready, agent_metric NAME, its words in $T/agent.log
#   streams_start, streams_end   of examples/cluster.yml one pod that is always allowed and one
#                                that never is send all the while: both were right
#   flip, flipped                something changes on the server; that is in force
#   explained FROM TO PORT       the verdict in force; is_explained FROM TO PORT VERDICT
#   matrix_live, matrix_said     "FROM TO PORT FAMILY VERDICT" of every pair of pods, by real
#                                connections, and by what is on the server
A=$T/api SERVER=

apiserver_start() {
	local tool
	for tool in kubectl openssl curl jq /usr/bin/python3; do
		command -v "$tool" >/dev/null || skip_all "$tool is not there"
	done
	export HOME=$T
	"${tests:?}/apiserver/apiserver" "$A" "$@" &
	APISERVER=$!
	disown $APISERVER # a test that kills it need not hear of it
	until [ -e "$A/ready" ]; do
		kill -0 $APISERVER 2>/dev/null || { echo "Bail out! no API server" && exit 1; }
		sleep 0.02
	done
	# shellcheck disable=SC2034 # for the test
	SERVER=$(jq -r '.clusters[0].cluster.server' "$A/kubeconfig")
}

kube() {
	kubectl --kubeconfig "$A/admin.kubeconfig" "$@"
}

control() {
	local method=POST
	[ "$1" != status ] || method=GET
	curl -sS -f --unix-socket "$A/control" -X $method ${2:+-H "Content-Type:" --data-binary "@$2"} "http://control/$1"
}

requests() {
	jq -c "select($1)" "$A/log"
}

# json FILE…: manifests as an array
json() {
	kube create --dry-run=client --validate=false -o json -f "$1" |
		jq -s '[.[] | if .kind == "List" then .items[] else . end]'
}

# attached_pods: of an array of objects the pods, with the addresses that topo gave them
attached_pods() {
	jq --argjson rows "$(npctl -j topo show)" '
		($rows | map({key: .pod, value: .addresses}) | from_entries) as $addresses |
		{kind: "List", items: [.[] | select(.kind == "Pod") |
			$addresses["\(.metadata.namespace)/\(.metadata.name)"] as $own |
			.spec.nodeName = "node-1" |
			.status = {phase: "Running", podIP: $own[0], podIPs: ($own | map({ip: .})), hostIP: "10.0.0.1"}]}'
}

cluster_up() {
	json "$1" >"$T/cluster.json"
	jq '{kind: "List", apiVersion: "v1", items: [.[] | select(.kind == "Pod") | del(.metadata.labels)]}' \
		"$T/cluster.json" >"$T/bare.json"
	npctl -q topo up -f "$T/bare.json" >/dev/null && npctl -q load >/dev/null || return
	npctl -j topo show | jq -r '.[].pod' | xargs -n 1 npctl -q attach pod >/dev/null || return
	jq '{kind: "List", apiVersion: "v1", items: [.[] | select(.kind != "Pod")]}' "$T/cluster.json" |
		kube apply -f - >/dev/null || return
	attached_pods <"$T/cluster.json" >"$T/pods.json"
	control objects "$T/pods.json" >/dev/null
}

agent_start() {
	agent_launch "$@"
	WAIT=${WAIT:-20} eventually "the agent is in step" agent_ready
}

agent_launch() {
	npctl agent --kubeconfig "${KUBECONFIG_OF_AGENT:-$A/kubeconfig}" --node node-1 --listen 127.0.0.1:9465 "$@" \
		2>>"$T/agent.log" &
	AGENT=$!
}

agent_stop() {
	kill "${1:--TERM}" "$AGENT"
	wait "$AGENT" 2>/dev/null
}

agent_ready() {
	curl -sf http://127.0.0.1:9465/readyz >/dev/null
}

agent_metric() {
	curl -sf http://127.0.0.1:9465/metrics | awk -v name="npctl_agent_$1" '$1 == name { print $2 }'
}

explained() {
	npctl -j policy explain --from "$1" --to "$2" --port "$3" | jq -r .verdict
}

is_explained() {
	[ "$(explained "$1" "$2" "$3")" = "$4" ]
}

matrix_said() {
	local kinds
	kinds=$(kube api-resources --cached -o name | grep -E '^(namespaces|pods|services|nodes)$|polic' | paste -sd ,)
	kube get "$kinds" -A -o json | npctl -j test matrix -f - |
		jq -r '.probes[] | "\(.from) \(.to) \(.protocol | ascii_downcase)/\(.port) \(.family) \(.verdict)"' | sort
}

# shellcheck disable=SC2016 # the inner shell's own words
matrix_live() {
	npctl -j topo show >"$T/topo.json"
	jq -r '.[] as $from | .[] as $to | $to.ports[] | "\($from.pod) \($to.pod) \(.) \(4, 6)"' "$T/topo.json" |
		xargs -P 32 -L 1 bash -c '
			result=$(npctl -j test connect --from "$0" --to "$1" --port "$2" --family "$3" --timeout 1s | jq -r ".[0].result")
			[ "$result" = connected ] && echo "$0 $1 $2 $3 allow" || echo "$0 $1 $2 $3 deny"' 2>/dev/null | sort
}

streams_start() {
	local db
	db=$(npctl -j topo show | jq -r '.[] | select(.pod == "shop/db") | .addresses[0]')
	npctl topo exec shop/api -- "$tests/stream" "$db" 5433 >"$T/allowed" &
	ALLOWED=$!
	npctl topo exec guests/visitor -- "$tests/stream" "$db" 5433 >"$T/denied" &
	DENIED=$!
}

streams_end() {
	local sent answered _
	kill "$ALLOWED" "$DENIED"
	wait "$ALLOWED" "$DENIED"
	read -r sent answered _ <"$T/allowed"
	is "who is allowed was always answered ($sent times)" "$answered" "$sent"
	read -r sent answered _ <"$T/denied"
	is "who is denied never was ($sent times)" "$answered" 0
	ok "there was traffic" test "$sent" -gt 100
}

# A guest's door opens and closes.
DOOR=open
flip() {
	[ $DOOR = open ] && DOOR=closed || DOOR=open
	if [ ! -e "$T/door.yml" ]; then
		cat >"$T/door.yml" <<-YAML
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: door, namespace: guests}
			spec: {podSelector: {matchLabels: {door: closed}}}
		YAML
		kube apply -f "$T/door.yml" >/dev/null
	fi
	jq --arg door $DOOR '{kind: "List", items: [.items[] | select(.metadata.name == "blog") | .metadata.labels.door = $door]}' \
		"$T/pods.json" >"$T/door.json"
	control objects "$T/door.json" >/dev/null
}

flipped() {
	local wanted=allow
	[ $DOOR = open ] || wanted=deny
	is_explained guests/visitor guests/blog tcp/80 $wanted
}
