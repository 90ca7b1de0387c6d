#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# topo with policy on its pods: what was attached is attached again.
. "$(dirname "$0")/lib.sh"

attached() { npctl -j attach show | jq -r '[.[] | select(.npctl) | .subject] | unique | join(" ")'; }
try() { npctl test connect --from "$1" --to backend --port "${3:-tcp/8080}" --timeout 300ms --expect "$2"; }

npctl topo up >/dev/null
npctl load >/dev/null
ok "attach" npctl attach pod backend
ok "a rule" npctl policy allow 10.0.0.20/32 --pod backend
ok "the allowed client" try allowed allow
ok "the denied client" try denied deny
is "the two of A15" "$(npctl -j test connect --timeout 300ms 2>/dev/null | jq -r '[.[].result] | join(" ")')" "connected blocked"
fails "expected otherwise" try denied allow
fails "the other way round" try allowed deny

ip link del veth-be-h
ok "up mends a lost link" npctl topo up
is "with its programs" "$(attached)" default/backend
ok "the allowed client is allowed" try allowed allow
ok "the denied one denied" try denied deny

cat >"$T/more.yml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: backend, labels: {app: backend}}
spec: {containers: [{name: c, ports: [{containerPort: 8080}]}]}
status: {podIPs: [{ip: 10.0.0.10}]}
---
apiVersion: v1
kind: Pod
metadata: {name: allowed}
spec: {containers: [{name: c}]}
status: {podIPs: [{ip: 10.0.0.20}]}
---
apiVersion: v1
kind: Pod
metadata: {name: denied}
spec: {containers: [{name: c}]}
status: {podIPs: [{ip: 10.0.0.30}]}
END
ok "the pod in another topology, on another link" npctl topo up -f "$T/more.yml"
is "is still judged" "$(attached)" default/backend
ok "allows" try allowed allow
ok "denies" try denied deny
before=$(ip link | grep -c backend-h)
sed -i 's/app: backend/app: other/' "$T/more.yml"
like "other labels alone" "$(npctl topo up -f "$T/more.yml")" "up already"
is "make nothing anew" "$(ip link | grep -c backend-h)" "$before"

# Killed between two topologies: never without its policy once up is through.
bad=0
RANDOM=5
for _ in {1..15}; do
	after=$(printf '0.%03d' $((RANDOM % 250 + 1)))
	{ timeout -s KILL "$after" npctl topo up >/dev/null; } 2>/dev/null
	npctl topo up -f "$T/more.yml" >/dev/null
	[ "$(attached)" = default/backend ] && try allowed allow >/dev/null && try denied deny >/dev/null ||
		bad=$((bad + 1))
done
is "killed on the way, the pod is still judged" $bad 0

ok "down" npctl topo down
is "nothing is attached" "$(attached)" ""
is "no document of it is left" "$(npctl -j attach show)" "[]"
ok "the datapath stays loaded" npctl load
ok "up again" npctl topo up
ok "without policy" try denied allow
npctl topo down >/dev/null
ok "unload" npctl load --unload
is "nothing is left" "$(find /sys/fs/bpf -mindepth 1 -name 'npctl*' -printf '%f ')" ""
plan_done
