#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# One-line rules, manifests, lists of rules and endpoints, on a lab of three pods.
. "$(dirname "$0")/lib.sh"

connect() { # FROM EXPECTED [PORT]: what really happens
	npctl test connect --from "$1" --to backend --port "${3:-tcp/8080}" --expect "$2" --timeout "${4:-300ms}"
}

fails_with "a peer is needed" 2 "whom" npctl policy allow
fails_with "an unknown pod is no peer" 1 'pod "web/x" does not exist' npctl policy allow web/x
fails_with "nor a prefix too long" 1 '10.0.0.0/33' npctl policy allow 10.0.0.0/33
fails_with "nor a port too large" 2 'port "70000"' npctl policy allow any --port 70000
fails_with "nothing to show" 1 "" npctl policy show nope

npctl -q topo up >/dev/null && npctl -q load >/dev/null && npctl -q attach pod backend || exit
ok "open before any rule" connect denied allow
ok "a rule" npctl policy allow 10.0.0.20/32
ok "lets its peer through" connect allowed allow
ok "and nobody else" connect denied deny
like "the same again is one rule" "$(npctl policy allow 10.0.0.20)" "rule 1: .*unchanged"
like "the opposite turns it round" "$(npctl policy deny 10.0.0.20)" "rule 1: .*replaced"
is "so does turn, by its number" "$(npctl policy turn 1)" "rule 1: allow ingress 10.0.0.20/32 (replaced)"
ok "at the next packet" connect allowed allow
like "and back" "$(npctl -j policy turn 1)" '"action": ?"deny"'
ok "which is felt, too" connect allowed deny
fails_with "there is no such rule" 1 "rule 7 does not exist" npctl policy turn 7
fails_with "nor is a name one" 2 "not the number" npctl policy turn web
ok "at once" connect allowed deny
like "hits are counted" "$(npctl -j policy list)" '"rule":"1","packets":[1-9]'
ok "a rule goes by its number" npctl policy delete 1
fails_with "but once" 1 '"1" does not exist' npctl policy delete 1
ok "the longest prefix wins" npctl policy deny 10.0.0.0/8
npctl -q policy allow 10.0.0.30/32 --port tcp/8080
ok "for its port" connect denied allow
ok "and only there" connect allowed deny
like "numbers are not given twice" "$(npctl policy allow default/allowed --pod backend)" "rule 4: allow ingress default/allowed for default/backend"
ok "a pod is a peer" connect allowed allow
npctl -q policy delete --all
ok "all gone, all open" connect denied allow
ok "a default alone" npctl policy default deny --pod backend --ingress
ok "closes" connect denied deny
ok "and labels open" npctl policy allow app=denied,app!=x
ok "for those who bear them" connect denied allow
ok "not for others" connect allowed deny
npctl -q policy delete --all

cat >"$T/np.yml" <<'END'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: be}
spec:
  podSelector: {matchLabels: {app: backend}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: denied}}}]
    ports: [{port: 8080}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 5
  subject: {namespaces: {}}
  ingress:
  - {name: passing, action: Pass, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: denied}}}}]}
  - {name: closed, action: Deny, from: [{namespaces: {}}]}
END
like "manifests are taken in" "$(npctl policy apply -f "$T/np.yml")" "NetworkPolicy default/be: created.ClusterNetworkPolicy guard: created"
like "twice is once" "$(npctl policy apply -f "$T/np.yml")" "default/be: unchanged"
ok "the policy lets through whom it names" connect denied allow
ok "the admin tier keeps out the others" connect allowed deny
explained=$(npctl policy explain --from allowed --to backend --port tcp/8080)
like "explain names tier, policy and rule" "$explained" "deny by the admin tier: guard ingress\[1\] \(closed\)"
like "and the way out" "$explained" "no allow can overrule"
like "show a policy" "$(npctl policy show be)" "default/be\[0\].*default/app=denied.*tcp/8080"
like "show a pod's rules" "$(npctl policy show --pod backend)" "guard\[0\].*guard\[1\].*default/be\[0\].*default deny ingress of default/be"
like "an endpoint tells who selects it" "$(npctl -j endpoint get backend)" '"policy":"default/be","kind":"NetworkPolicy","tier":"networkpolicy","direction":"ingress","because":"default/app=backend"'
ok "what is exported" npctl policy delete -f "$T/np.yml"
ok "deleted, all open again" connect allowed allow

sed 's/port: 8080/port: 80800/' "$T/np.yml" >"$T/bad.yml"
fails_with "a bad manifest names file, line and field" 1 'bad.yml:8: NetworkPolicy be: spec.ingress\[0\].ports\[0\].port: 80800 is not between 1 and 65535' npctl policy apply -f "$T/bad.yml"
is "and changes nothing" "$(npctl -j policy list | grep -c default/be)" 0

ok "an endpoint by hand" npctl endpoint add b --address 10.0.0.77 --identity 1000 --label app=x
fails_with "an address has one owner" 1 "belongs to default/b" npctl endpoint add c --address 10.0.0.77
like "with its number as a label" "$(npctl endpoint list)" "default/b .*10.0.0.77 .*npctl.io/identity=1000"
npctl -q endpoint add c --address 10.0.0.78 --identity 1001
like "identities in both directions" "$(npctl policy allow --from-identity 1000 --to-identity 1001 --symmetric)" "rule 1: allow ingress npctl.io/identity=1000 for npctl.io/identity=1001.*rule 2: allow ingress npctl.io/identity=1001 for npctl.io/identity=1000"
fails_with "an identity that nobody has" 1 "no endpoint has the identity 77" npctl policy allow --from-identity 77 --to-identity 1000
ok "an endpoint goes" npctl endpoint delete b c
npctl -q policy delete --all

seq 0 255 | sed 's/.*/10.0.0.&/' >"$T/list.txt"
like "a list is one rule" "$(npctl policy deny --cidr-file "$T/list.txt")" "deny ingress list list"
ok "that denies" connect allowed deny
echo 10.0.0.30/31 >"$T/list.txt"
ok "it is replaced by its name" npctl policy deny --cidr-file "$T/list.txt"
ok "and lets go" connect allowed allow
ok "whom it has not" connect denied deny
echo 10.0.0.300 >>"$T/list.txt"
fails_with "a bad line is named" 1 "list.txt:2: is no prefix" npctl policy deny --cidr-file "$T/list.txt"
plan_done
