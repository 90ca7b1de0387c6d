#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Random clusters: the compiler against a reference that shares nothing with
# it, and against real packets. `make fuzz` goes on from other seeds.
. "$(dirname "$0")/lib.sh"

export NPCTL
ok "400 clusters offline" perl "$tests/reference/differential" 1 400 60
ok "6 clusters live" perl "$tests/reference/differential" --live 5001 6 60
cat >"$T/pods.yml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: killed-live}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: none, namespace: killed-live}
spec: {podSelector: {}}
END
echo '[{"from":"192.0.2.1","to":"killed-live/one","protocol":"TCP","port":80}]' >"$T/probes.json"
served() { pgrep -f "^npctl: server killed-live/one" >/dev/null; }
npctl -q test matrix -f "$T/pods.yml" --probes "$T/probes.json" --live >/dev/null 2>&1 &
eventually "a live matrix is under way" served
kill -9 $!
wait $! 2>/dev/null
gone() { ! served; }
eventually "killed, it takes everything along" gone
is "nothing is left of them" "$(shopt -s nullglob; echo /run/netns/* /sys/fs/bpf/npctl*)" ""
plan_done
