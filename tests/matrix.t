#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# test matrix from manifests alone, and what readers must refuse.
. "$(dirname "$0")/lib.sh"

mkdir "$T/m"
cat >"$T/m/pods.yaml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec: {containers: [{name: c, ports: [{containerPort: 80, name: http}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: a}
spec:
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, ports: [{containerPort: 5432}, {containerPort: 53, protocol: UDP}]}]}
END
cat >"$T/m/policy.json" <<'END'
{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "db", "namespace": "a"},
 "spec": {"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"],
  "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 5432}]}]}}
END
table="   1  to a/web tcp/80
   2  to a/db tcp/5432
   3  to a/db udp/53
       1  2  3
a/web  .  .  X
a/db   .  .  .

5 allowed (.), 1 denied (X)"
is "the table" "$(npctl test matrix -f "$T/m")" "$table"
npctl -j test matrix -f "$T/m" >"$T/expected.json"
like "each verdict with its rules" "$(cat "$T/expected.json")" \
	'"from":"a/web","to":"a/db","protocol":"UDP","port":53,"family":4,"verdict":"deny","egress":\{"verdict":"allow","tier":"default".*"ingress":\{"verdict":"deny","tier":"networkpolicy","policy":"a/db"'
ok "as expected" npctl test matrix -f "$T/m" --expect "$T/expected.json"
sed 's/"verdict":"deny","egress"/"verdict":"allow","egress"/' "$T/expected.json" >"$T/wrong.json"
fails "not as expected" npctl test matrix -f "$T/m" --expect "$T/wrong.json"
like "the difference is shown" "$(npctl test matrix -f "$T/m" --expect "$T/wrong.json")" "a/web to a/db udp/53 IPv4: deny, expected allow \(default deny ingress of a/db\)"
like "TAP" "$(npctl test matrix -f "$T/m" --expect "$T/wrong.json" --tap)" "1..6.*not ok 3 - a/web to a/db udp/53"
like "JUnit" "$(npctl test matrix -f "$T/m" --expect "$T/wrong.json" --junit)" 'tests="6" failures="1".*<failure message="deny, expected allow">'
echo '[{"from":"a/web","to":"192.0.2.1","protocol":"TCP","port":443,"family":4},{"from":"192.0.2.1","to":"a/db","protocol":"TCP","port":5432}]' >"$T/probes.json"
like "probes with addresses outside" "$(npctl -j test matrix -f "$T/m" --probes "$T/probes.json")" \
	'"to":"192.0.2.1",.*"verdict":"allow",.*"ingress":null.*"from":"192.0.2.1".*"verdict":"deny","egress":null'
ok "manifests from standard input" bash -c "cat '$T/m/pods.yaml' | npctl test matrix -f -"

refused() { # DESCRIPTION PATTERN MANIFEST
	printf '%s\n' "$3" >"$T/bad.yaml"
	fails_with "$1" 1 "bad.yaml:$2" npctl -q test matrix -f "$T/bad.yaml"
}
np='apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: x}
spec:
  podSelector: {}'
cnp='apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: x}
spec:'
refused "a range upside down" '7: .*ports\[0\]: endPort is less than port' "$np
  ingress:
  - ports: [{port: 80, endPort: 79}]"
refused "an endPort without a number" '7: .*endPort needs a port number' "$np
  ingress:
  - ports: [{port: http, endPort: 79}]"
refused "an except outside" '7: .*except must lie strictly within cidr' "$np
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]"
refused "a block beside a selector" '7: .*ipBlock stands alone' "$np
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]"
refused "an empty peer" '7: .*must have one of podSelector' "$np
  ingress:
  - from: [{}]"
refused "a value that is no label" '7: .*"-x" is no label value' "$np
  ingress:
  - from: [{podSelector: {matchLabels: {a: -x}}}]"
refused "a protocol unknown" '7: .*"ICMP" is none of' "$np
  egress:
  - ports: [{protocol: ICMP}]"
refused "an operator without values" '7: .*In and NotIn need values' "$np
  ingress:
  - from: [{podSelector: {matchExpressions: [{key: a, operator: In}]}}]"
refused "a label that is a number" '7: .*expected a string, found a number \(quote it\)' "$np
  ingress:
  - from: [{podSelector: {matchLabels: {a: 1}}}]"
refused "a priority out of range" '6: .*priority: 1001 is not between 0 and 1000' "$cnp
  tier: Admin
  priority: 1001
  subject: {namespaces: {}}"
refused "two peers in one" '9: .*must have exactly one of namespaces' "$cnp
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  egress:
  - {action: Deny, to: [{namespaces: {}, networks: [10.0.0.0/8]}]}"
refused "an action of another generation" '9: .*"Allow" is none of Accept' "$cnp
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  egress:
  - {action: Allow, to: [{namespaces: {}}]}"
refused "an API version unknown" '1: .*unknown kind in apiVersion "extensions/v1beta1"' "${np/networking.k8s.io\/v1/extensions/v1beta1}"
refused "a key twice" '6: "podSelector" stands here twice' "$np
  podSelector: {}"
refused "an alias to nothing" '6: an alias names no anchor' "$np
  ingress: *nope"
refused "YAML that is none" '[0-9]+: ' "$np
  ingress: ["
perl -e 'print "a: &a [", join(", ", ("x") x 10), "]\n"; my $p = "a";
	for ("b" .. "j") { print "$_: &$_ [", join(", ", ("*$p") x 10), "]\n"; $p = $_ }' >"$T/bomb.yaml"
fails_with "an alias bomb" 1 "becomes too large" npctl test matrix -f "$T/bomb.yaml"
head -c 100000 /dev/zero | tr '\0' '[' >"$T/deep.yaml"
fails_with "a deep one" 1 "deep" npctl test matrix -f "$T/deep.yaml"
fails_with "a missing file" 1 "No such file" npctl test matrix -f "$T/none"
fails_with "an empty directory" 1 "holds no" bash -c "mkdir '$T/e'; exec npctl test matrix -f '$T/e'"
fails_with "no file at all" 2 "which manifests" npctl test matrix
echo '[{"from":"a/nobody","to":"a/web","protocol":"TCP","port":80}]' >"$T/probes.json"
fails_with "a probe from nobody" 1 '"a/nobody" does not exist' npctl test matrix -f "$T/m" --probes "$T/probes.json"
plan_done
