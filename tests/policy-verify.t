#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What looks back at policies: verify, wait, export, diff, lint, proofs.
. "$(dirname "$0")/lib.sh"

npctl -q topo up >/dev/null && npctl -q load >/dev/null && npctl -q attach pod backend || exit
cat >"$T/np.yml" <<'END'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: be}
spec:
  podSelector: {matchLabels: {app: backend}}
  ingress:
  - from:
    - podSelector: {matchLabels: {app: denied}}
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/24]}
    - ipBlock: {cidr: 'fd00::/8'}
    ports: [{port: 8080}, {port: 53, protocol: UDP}]
END
npctl -q policy apply -f "$T/np.yml"
npctl -q policy allow 10.0.0.20 --port tcp/80
npctl -q policy default deny --egress --pod backend
seq 1 9 | sed 's/.*/192.0.2.&/' >"$T/list"
npctl -q policy deny --cidr-file "$T/list"

is "all agree" "$(npctl policy verify)" "documents, plan, maps and programs agree"
like "a generation is enforced" "$(npctl policy wait)" "generation [0-9]+ is enforced"
fails_with "a later one is not" 1 "generation [0-9]+ is in force" npctl policy wait --generation 99999 --timeout 0
npctl policy export >"$T/export.yml"
listed=$(npctl -j policy list | sed 's/"packets":[0-9]*,"bytes":[0-9]*//g')
npctl -q policy delete --all
is "nothing is left to list" "$(npctl -j policy list | grep -c default/be)" 0
ok "what was exported is taken in again" npctl policy apply -f "$T/export.yml"
is "and is the same" "$(npctl -j policy list | sed 's/"packets":[0-9]*,"bytes":[0-9]*//g')" "$listed"
like "as JSON, too" "$(npctl -j policy export be)" '^\{"apiVersion":"v1","kind":"List","items":\[\{.*"name":"be"'
fails_with "but not what is not there" 1 '"nope" does not exist' npctl policy export nope

npctl -q policy delete --all
npctl -q policy apply -f "$T/np.yml"
half=$(npctl -j map dump settings | grep -o '"version":[0-9]*' | grep -o '[0-9]*$')
npctl -q map update peers4 key $(((half & 1) * 65536 + 10 * 256)) value '{"first": 0, "count": 0}' ||
	note "map update failed"
like "a word out of place is found and named" "$(npctl policy verify)" "identity +10.0.0.30 +[0-9]+ +0"
like "explain finds it by the packet" "$(npctl policy explain --from denied --to backend --port 8080 2>&1)" "the plan says allow and the loaded program deny"
npctl -q policy default allow && npctl -q policy default auto
is "the next change mends it" "$(npctl policy verify)" "documents, plan, maps and programs agree"
ip link set veth-be-h down 2>/dev/null
npctl -q detach backend >/dev/null 2>&1
ok "nothing attached is no difference" npctl policy verify

cat >"$T/old.yml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, labels: {app: db}}
spec: {containers: [{name: c, ports: [{containerPort: 5432}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]
END
sed 's/port: 5432}\]}\]$/port: 5432, endPort: 5433}, {protocol: UDP}]}]/' "$T/old.yml" >"$T/new.yml"
is "no change, no difference" "$(npctl policy diff "$T/old.yml" "$T/old.yml")" "no verdict changes"
like "all that a change changes" "$(npctl policy diff "$T/old.yml" "$T/new.yml")" \
	"^FROM[^
]*
default/web +default/db +tcp/5433 +deny +allow +default/db ingress\[0\] *
default/web +default/db +udp +deny +allow +default/db ingress\[0\] *$"
fails "is an exit status, too" npctl policy diff "$T/old.yml" "$T/new.yml"

cat >"$T/rules.yml" <<'END'
- deny: {from: app=web, to: app=db, except: [tcp/5432]}
- deny: {from: world, to: default/db}
- isolated: {pods: default/db, direction: ingress}
- allow: {from: default/web, to: default/db, ports: [tcp/5432]}
END
ok "what holds" npctl test assert -f "$T/old.yml" --rules "$T/rules.yml"
like "what does not, with a witness" "$(npctl test assert -f "$T/new.yml" --rules "$T/rules.yml")" "FAILS.*default/web to default/db TCP/5433: allow.*holds.*holds.*holds"
echo '- isolated: {pods: "*/*", direction: egress}' >"$T/more.yml"
like "isolation" "$(npctl test assert -f "$T/old.yml" --rules "$T/more.yml")" "FAILS.*default allow egress"
echo '- deny: {from: nobody/x}' >"$T/bad.yml"
fails_with "a malformed assertion" 1 "bad.yml: assertion 1: to is missing" npctl test assert -f "$T/old.yml" --rules "$T/bad.yml"

cat >"$T/odd.yml" <<'END'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: odd}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}
  - {from: [{podSelector: {matchLabels: {app: none}}}]}
  - ports: [{port: nope}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: idle}
spec: {podSelector: {matchLabels: {app: none}}}
END
linted=$(npctl policy lint -f "$T/old.yml" -f "$T/odd.yml")
like "lint: a rule for nobody" "$linted" "default/odd +ingress\[1\] +matches-nobody"
like "lint: a port that nobody has" "$linted" "default/odd +ingress\[2\] +unknown-port"
like "lint: a rule behind another" "$linted" "default/odd +ingress\[0\] +shadowed"
like "lint: a policy for nobody" "$linted" "default/idle +- +selects-no-pod"
is "lint: nothing" "$(npctl policy lint -f "$T/old.yml")" "nothing to complain about"
plan_done
