#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it does not run npctl
# The API server that other tests start: kubectl takes it for one, and curl sees
# the bytes that clients find hard.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"

# get PATH: as the user of the token, for at most two seconds.
get() { curl -sS --max-time "${patience:-2}" --cacert "$A/ca.crt" -H "Authorization: Bearer $(cat "$A/token")" "$SERVER$1" 2>&1; }
code() { curl -s --max-time "${patience:-2}" -o /dev/null -w '%{http_code}' --cacert "$A/ca.crt" "${@:2}" "$SERVER$1"; }
as_agent() { code "$1" -H "Authorization: Bearer $(cat "$A/token")"; }
version() { control status | jq .version; }
pods=/api/v1/namespaces/shop/pods

apiserver_start --history 20

cat >"$T/shop.yml" <<'YAML'
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  containers:
  - {name: one, image: x, ports: [{containerPort: 80, name: http}]}
  - {name: two, image: x, env: [{name: A, value: a}, {name: B, value: b}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: all}
spec: {tier: Admin, priority: 5, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}
YAML

# kubectl
like "kubectl knows its version" "$(kube version 2>&1)" 'npctl-test'
like "its resources" "$(kube api-resources)" 'netpol'
is "it applies" "$(kube apply -f "$T/shop.yml" | grep -c created)" 5
is "it applies again" "$(kube apply -f "$T/shop.yml" | grep -c unchanged)" 5
like "it gets tables" "$(kube get pods -A -o wide)" 'NODE.*shop +web +0/2 +Pending'
like "and yaml" "$(kube get pod web -n shop -o yaml)" 'creationTimestamp: "20'
like "a service got its address" "$(kube get svc web -n shop)" ' 10\.96\.'
is "selectors select" "$(kube get pods -A -l 'app in (web, db),!tier' -o name; kube get pods -A -l app!=web -o name)" pod/web

timeout 20 kubectl --kubeconfig "$A/admin.kubeconfig" get pods -n shop -w --output-watch-events >"$T/watch" &
watching() { requests '.verb == "watch" and .user == "admin"' | grep -q .; }
eventually "it watches" watching
sed -i 's/name: two, image: x, env: .*\]/name: two, image: z, env: [{name: B, value: c}]/; s/priority: 5/priority: 6/' "$T/shop.yml"
is "it applies changes" "$(kube apply -f "$T/shop.yml" | grep -c configured)" 2
is "merged by the lists' keys" \
	"$(kube get pod web -n shop -o json | jq -c '[.spec.containers[] | [.name, .image, .ports[0].name, .env]]')" \
	'[["one","x","http",null],["two","z",null,[{"name":"B","value":"c"}]]]'
is "a cluster policy, too" "$(kube get cnp all -o jsonpath='{.spec.priority}')" 6
ok "it labels" kube label pod web -n shop tier=fe app-
is "and unlabels" "$(kube get pod web -n shop -o json | jq -c .metadata.labels)" '{"tier":"fe"}'
ok "it deletes" kube delete pod web -n shop
deleted() { grep -q DELETED "$T/watch"; }
eventually "and saw that as a watch" deleted
is "in order" "$(awk '{ print $1 }' "$T/watch" | uniq | paste -sd ' ')" "EVENT ADDED MODIFIED DELETED"
ok "it deletes a namespace" kube delete namespace shop
is "with all that is in it" "$(kube get netpol,svc,pods -A -o name)" ""
fails "it is told what is not there" kube get pod web -n shop
echo '{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"dry"}}' >"$T/dry.json"
is "a dry run is answered" "$(code '/api/v1/namespaces?dryRun=All' --data-binary "@$T/dry.json" \
	--cert "$A/admin.crt" --key "$A/admin.key")" 201
fails "and makes nothing" kube get namespace dry

# Objects as kubelets would report them
jq -n '{kind: "List", items: [range(9) | {kind: "Pod", apiVersion: "v1",
	metadata: {name: "p\(.)", namespace: "shop"}, spec: {nodeName: "n", containers: []},
	status: {phase: "Running", podIP: "10.0.0.\(.)"}}]}' >"$T/pods.json"
ok "objects as they are" control objects "$T/pods.json"
is "have a status" "$(get $pods/p3 | jq -r .status.podIP)" 10.0.0.3
ok "apply leaves it alone" kube patch pod p3 -n shop -p '{"metadata":{"labels":{"a":"b"}},"status":{"podIP":"1.1.1.1"}}'
is "as it was" "$(get $pods/p3 | jq -r .status.podIP)" 10.0.0.3
get $pods/p3 | jq '.metadata.resourceVersion = "1"' >"$T/stale.json"
like "what is stale is refused" "$(kube replace -f "$T/stale.json" 2>&1)" 'has been modified'

# Pages, versions
page=$(get "$pods?limit=4")
is "a page" "$(jq -c '[(.items | length), .metadata.remainingItemCount]' <<<"$page")" '[4,5]'
next=$(jq -r .metadata.continue <<<"$page")
control objects <(jq '.items[:1] | .[0].metadata.name = "p4x" | .[0]' "$T/pods.json") >/dev/null
is "the next is of the same version" \
	"$(get "$pods?limit=9&continue=$next" | jq -r '.metadata.resourceVersion, (.items | length)' | paste -sd ' ')" \
	"$(jq -r .metadata.resourceVersion <<<"$page") 5"
control compact >/dev/null
is "no longer after compaction" "$(get "$pods?continue=$next" | jq -c '[.code, .reason]')" '[410,"Expired"]'
is "a version to come" "$(get "$pods?resourceVersion=999999999" | jq .code)" 504

# Watches
first=$(version)
kube label pod p1 -n shop c=d >/dev/null
is "from a version on" "$(get "$pods?watch=1&resourceVersion=$first&timeoutSeconds=1" | jq -c '[.type, .object.metadata.name]')" \
	'["MODIFIED","p1"]'
is "at its end a bookmark" "$(get "/api/v1/nodes?watch=1&resourceVersion=$first&timeoutSeconds=1&allowWatchBookmarks=true" |
	jq -c '[.type, .object.metadata.resourceVersion]')" "[\"BOOKMARK\",\"$(version)\"]"
is "with a selector, what leaves it is deleted" "$(
	get "$pods?watch=1&resourceVersion=$first&timeoutSeconds=1&labelSelector=c" | jq -r .type
	now=$(version)
	kube label pod p1 -n shop c- >/dev/null
	get "$pods?watch=1&resourceVersion=$now&timeoutSeconds=1&labelSelector=c" | jq -r .type)" ADDED$'\n'DELETED
for i in {1..50}; do echo "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p1\",\"namespace\":\"shop\",\"labels\":{\"i\":\"$i\"}},\"spec\":{\"containers\":[]}}"; done |
	jq -s '{kind: "List", items: .}' >"$T/many.json"
control objects "$T/many.json" >/dev/null
is "a version that is forgotten" "$(get "$pods?watch=1&resourceVersion=$first" | jq -c .code)" 410

# watched PATH ORDER: what a watch sees when the test orders something
watched() {
	get "$1&watch=1&resourceVersion=$(version)" >"$T/seen" &
	until control status | grep -q '"watches":\["'; do sleep 0.02; done
	control "$2"  >/dev/null
	wait $!
	cat "$T/seen"
}
is "an error event, now" "$(watched "$pods?" gone | jq -c '[.type, .object.code]')" '["ERROR",410]'
like "cut" "$(watched "$pods?" cut)" 'curl:.*name":"half$'
like "a line of garbage" "$(watched "$pods?timeoutSeconds=1" 'garbage?what=json')" 'object":}'
like "no chunk" "$(watched "$pods?" 'garbage?what=frame')" 'curl: .56.'
like "all dropped" "$(watched "$pods?" drop)" 'curl:'
control 'garbage?what=list' >/dev/null
fails "a garbage list" jq . <(get $pods)
ok "only one" jq . <(get $pods)

# Who comes in
is "nobody without a name" "$(code /api/v1/pods)" 401
is "a certificate" "$(code /api/v1/pods --cert "$A/agent-cert.crt" --key "$A/agent-cert.key")" 200
old=$(cat "$A/token")
echo new >"$T/new-token"
control token "$T/new-token" >/dev/null
is "the old token" "$(code /api/v1/pods -H "Authorization: Bearer $old")" 401
is "the new one" "$(as_agent /api/v1/pods)" 200
control 'fail?code=500&count=2' >/dev/null
is "errors, counted" "$(for i in 1 2 3; do as_agent /api/v1/pods; done)" 500500200
control 'stall?on=1' >/dev/null
like "a stalled answer does not end" "$(patience=0.5 get /api/v1/pods)" 'curl: .28.'
control 'stall?on=0' >/dev/null
control 'listen?on=0' >/dev/null
like "connections refused" "$(get /api/v1/pods)" 'curl: .7.'
control 'listen?on=1' >/dev/null
is "and taken again" "$(as_agent /api/v1/pods)" 200
control 'slow?ms=300' >/dev/null
ok "slow" test "$(curl -s -o /dev/null -w '%{time_total}' --cacert "$A/ca.crt" -H "Authorization: Bearer new" "$SERVER/version" | tr -d .)" -ge 300000
control 'slow?ms=0' >/dev/null

# Resources that come and go
control 'crds?on=0' >/dev/null
is "resources that went" "$(as_agent /apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies)" 404
unlike "are not told of" "$(get /apis)" policy.networking
control 'crds?on=1' >/dev/null
is "and come back empty" "$(get /apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies | jq -c .items)" "[]"
plan_done
