#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The agent is killed while the server changes, and started again: it comes round to
# what the server says, who is always allowed is always answered meanwhile and who is
# always denied never, and what users said stays.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"
WAIT=20

kube_put() { kube apply -f - >/dev/null 2>&1; }
policy() { # NAME TIER: lets it into the database
	cat <<-YAML
		kind: NetworkPolicy
		apiVersion: networking.k8s.io/v1
		metadata: {name: $1, namespace: shop}
		spec: {podSelector: {matchLabels: {tier: db}}, ingress: [{from: [{podSelector: {matchLabels: {tier: "$2"}}}]}]}
	YAML
}
own() { npctl -j policy list | jq -c '[.[] | select(.policy == "shop/mine" or .tier == "rule") | [.policy, .verdict, .peer]]'; }

apiserver_start
ok "a cluster" cluster_up "$tests/../examples/cluster.yml"
cat >"$T/mine.yml" <<'YAML'
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: mine, namespace: shop}
spec: {podSelector: {matchLabels: {tier: web}}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}
YAML
ok "a user's policy" npctl policy apply -f "$T/mine.yml"
ok "a user's rule" npctl policy deny 198.51.100.0/24 --pod shop/db
agent_start
before=$(own)

streams_start

# While it is away: a policy comes, one goes, a label changes.
agent_stop -KILL
policy more web | kube_put
kube label pod blog -n guests app=other --overwrite >/dev/null
kube delete networkpolicy front -n shop >/dev/null
is "killed: what was in force is" "$(explained shop/web shop/db tcp/5432) $(explained guests/blog shop/web tcp/8080)" "deny allow"
ok "for real connections" npctl -q test connect --from shop/web --to shop/db --port tcp/5432 --timeout 500ms --expect deny
agent_start
eventually "a policy that came" is_explained shop/web shop/db tcp/5432 allow
is "one that went" "$(explained guests/blog shop/web tcp/8080)" deny
is "connections go as the matrix says" \
	"$(diff <(kube get ns,pods,svc,netpol,anp,banp,cnp -A -o json | jq --slurpfile mine <(json "$T/mine.yml") '.items += $mine[0]' |
		npctl -j test matrix -f - | jq -r '.probes[] | "\(.from) \(.to) \(.protocol | ascii_downcase)/\(.port) \(.family) \(.verdict)"' | sort) \
		<(matrix_live))" ""
is "what users said stays" "$(own)" "$before"

# Killed at any moment, under changes that do not stop.
changing() {
	local i=0
	while [ ! -e "$T/enough" ]; do
		i=$((i + 1))
		policy more t$((i % 2)) >"$T/more.yml"
		kube replace -f "$T/more.yml" >/dev/null 2>&1
	done
}
changing &
changes=$!
lost=""
for i in {1..12}; do
	sleep "$(printf '0.%03d' $((RANDOM % 150)))"
	agent_stop -KILL
	npctl policy list >/dev/null || lost+="$i "
	agent_launch
done
agent_stop -KILL
touch "$T/enough"
wait $changes
is "each time there was something to read" "$lost" ""
policy more web | kube_put
agent_start
eventually "and it comes round" is_explained shop/web shop/db tcp/5432 allow
is "documents, plan and maps" "$(npctl policy verify)" "documents, plan, maps and programs agree"
is "what users said stays, still" "$(own)" "$before"

streams_end
agent_stop
is "the agent ends well" $? 0
ok "--forget" npctl agent --forget
is "leaves what users said" "$(own)" "$before"
is "and nothing else" "$(npctl -j policy list | jq -r '[.[].policy | select(startswith("shop/"))] | unique | join(" ")')" shop/mine
plan_done
