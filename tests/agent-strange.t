#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Objects of an API server that the agent cannot understand, as a newer API may have.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"

policy() { # SELECTOR PEER
	jq -n "{kind: \"NetworkPolicy\", apiVersion: \"networking.k8s.io/v1\", metadata: {name: \"p\", namespace: \"shop\"},
		spec: {podSelector: {$1}, policyTypes: [\"Ingress\"], ingress: [{from: [{$2}]}]}}" >"$T/policy.json"
	control "objects${3:-}" "$T/policy.json" >/dev/null
}
web='matchLabels: {tier: "web"}' all='podSelector: {}'
newer='podSelector: {matchExpressions: [{key: "a", operator: "Resembles", values: ["b"]}]}'
verdicts() {
	printf '%s ' "$(explained shop/api shop/web tcp/80)" "$(explained shop/web shop/api tcp/8000)" "$(explained shop/api shop/db tcp/5432)"
}
are() { [ "$(verdicts)" = "$1 " ]; }
refused() { [ "$(agent_metric refused_objects_total)" -ge "$1" ]; }

cat >"$T/shop.yml" <<'YAML'
kind: List
apiVersion: v1
items:
- {kind: Namespace, apiVersion: v1, metadata: {name: shop}}
- {kind: Pod, apiVersion: v1, metadata: {name: web, namespace: shop, labels: {tier: web}}, spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}
- {kind: Pod, apiVersion: v1, metadata: {name: api, namespace: shop, labels: {tier: api}}, spec: {containers: [{name: c, ports: [{containerPort: 8000}]}]}}
- {kind: Pod, apiVersion: v1, metadata: {name: db, namespace: shop, labels: {tier: db}}, spec: {containers: [{name: c, ports: [{containerPort: 5432}]}]}}
YAML
apiserver_start --history 100
ok "a shop" cluster_up "$T/shop.yml"
agent_start
is "without policy" "$(verdicts)" "allow allow allow "
policy "$web" "$newer"
eventually "a policy that is not understood isolates its pods" are "deny deny allow"
eventually "it is counted" refused 1
like "and named with the reason" "$(cat "$T/agent.log")" "NetworkPolicy shop/p .*Resembles"
policy "$web" "$all"
eventually "until it is understood" are "allow allow allow"
policy "$web" "$newer"
eventually "what was understood last stays" refused 2
is "in force" "$(verdicts)" "allow allow allow "
control gone >/dev/null
eventually "even when all is listed anew" refused 3
is "in force, still" "$(verdicts)" "allow allow allow "
agent_stop -KILL
agent_start
eventually "an agent that never understood it isolates" are "deny deny allow"
policy "$web" "$newer" "?delete=1"
eventually "until it is deleted" are "allow allow allow"
policy 'matchLabels: {tier: 7}' "$all"
eventually "one whose pods cannot be told isolates the namespace" are "deny deny deny"
policy 'matchLabels: {tier: 7}' "$all" "?delete=1"
eventually "until it goes" are "allow allow allow"
ok "the agent runs on" agent_ready
is "documents, plan and maps agree" "$(npctl policy verify)" "documents, plan, maps and programs agree"
plan_done
