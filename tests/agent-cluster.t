#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The agent on an API server: what real connections get is what the offline matrix
# says of the same objects, at first and after each change that kubectl makes.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"

agrees() { is "$1: connections go as the matrix says" "$(diff <(matrix_said) <(matrix_live))" ""; }

apiserver_start
ok "a cluster" cluster_up "$tests/../examples/cluster.yml"
is "before the agent all is allowed" "$(explained guests/visitor shop/db tcp/5432)" allow
ok "a user's own rule" npctl policy deny 192.0.2.0/24 --pod shop/db
cat >"$T/mine.yml" <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: mine, namespace: shop}
spec: {podSelector: {matchLabels: {app: nobody}}}
YAML
ok "and policy" npctl policy apply -f "$T/mine.yml"
ok "the agent, once" npctl agent --kubeconfig "$A/kubeconfig" --node node-1 --once
is "the same objects, offline" "$(matrix_said | sed 's/ [46] / /' | sort -u)" \
	"$(npctl -j test matrix -f "$tests/../examples/cluster.yml" |
		jq -r '.probes[] | "\(.from) \(.to) \(.protocol | ascii_downcase)/\(.port) \(.verdict)"' | sort)"
agrees "the scenario"

agent_start
ok "a label" kube label pod visitor -n guests tier=db
eventually "makes of a guest what guests do not reach" is_explained guests/blog guests/visitor udp/7777 deny
ok "a namespace's label" kube label namespace guests team=platform --overwrite
eventually "lets its pods read metrics" is_explained guests/blog shop/api tcp/9090 allow
ok "a policy goes" kube delete networkpolicy db -n shop
cat >"$T/egress.yml" <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-calls, namespace: shop}
spec:
  podSelector: {matchLabels: {tier: web}}
  policyTypes: [Egress]
  egress: [{to: [{podSelector: {matchLabels: {tier: api}}}], ports: [{port: http}]}]
YAML
ok "another comes" kube apply -f "$T/egress.yml"
eventually "and is in force" is_explained shop/web guests/blog tcp/80 deny
address=$(kube get service api -n shop -o 'jsonpath={.spec.clusterIP}')
is "a service's address stands for its pods" \
	"$(explained shop/web "$address" tcp/80) $(explained shop/web "$address" tcp/81)" "allow deny"
agrees "changed"
plan_done
