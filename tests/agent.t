#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The agent on a directory of manifests.
. "$(dirname "$0")/lib.sh"

D=$T/manifests
fails "no such directory" npctl agent -m "$D" --once
fails "nor such a kubeconfig" npctl agent -k "$D" --once
fails "nothing was made for that" test -e /sys/fs/bpf/npctl
mkdir "$D"
npctl -q topo up >/dev/null && npctl -q load >/dev/null &&
	npctl -q attach pod backend >/dev/null || exit

pods() { # LABEL-OF-ALLOWED
	cat <<-END
		apiVersion: v1
		kind: Pod
		metadata: {name: backend, labels: {role: db}}
		spec: {containers: [{name: c, ports: [{containerPort: 8080, name: http}]}]}
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: allowed, labels: {app: $1}}
		spec: {containers: [{name: c}]}
		status: {podIP: 10.0.0.20}
	END
}

policy() { # NAME LABEL
	cat <<-END
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: $1}
		spec:
		  podSelector: {matchLabels: {role: db}}
		  ingress: [{from: [{podSelector: {matchLabels: {app: $2}}}], ports: [{port: http}]}]
	END
}

verdict() {
	npctl -j policy explain --from "$1" --to backend --port tcp/8080 | jq -re .verdict
}
is_verdict() { [ "$(verdict "$1")" = "$2" ]; }
listed() { npctl -j policy list | jq -e --arg name "$1" 'any(.[]; .policy == $name)' >/dev/null; }
unlisted() { ! listed "$1"; }
said() { grep -qE -- "$1" "$T/log"; }
metric() { curl -sf http://127.0.0.1:9465/metrics | awk -v name="npctl_agent_$1" '$1 == name { print $2 }'; }
ready() { curl -sf http://127.0.0.1:9465/readyz >/dev/null; }
start() {
	npctl agent --manifests "$D" --listen 127.0.0.1:9465 2>"$T/log" &
	agent=$!
	eventually "the agent is in step" ready
}
stop() {
	kill "${1:--TERM}" $agent
	wait $agent 2>/dev/null
}

# What is said in a file is in force; what users said stays theirs.
pods allowed >"$D/pods.yml"
policy db allowed >"$D/policy.yml"
npctl -q policy apply -f <(policy mine nobody) || exit
ok "--once" npctl agent -m "$D" --once
is "its pods are judged by its policy" "$(verdict allowed) $(verdict denied)" "allow deny"
is "policy list says whose it is" \
	"$(npctl -j policy list | jq -rc 'map(select(.policy | startswith("default/")) | select(.tier == "networkpolicy" and .verdict == "allow") | [.policy, .origin])')" \
	'[["default/db","agent:policy.yml"],["default/mine",null]]'
fails_with "the agent's policy cannot be deleted" 1 "the agent's" npctl policy delete db
ok "packets agree" npctl -q test connect

start
fails_with "one agent for an instance" 1 "an agent runs already" npctl agent -m "$D" --once
ok "the instance knows that it runs" npctl -q policy verify

# Added, changed, removed, renamed over; links; half-written.
policy extra denied >"$D/extra.yml"
eventually "a file that is added" is_verdict denied allow
rm "$D/extra.yml"
eventually "a file that is removed" is_verdict denied deny
pods other >"$T/pods.yml"
mv "$T/pods.yml" "$D/pods.yml"
eventually "a file that is renamed over" is_verdict allowed deny
pods allowed >"$D/pods.yml"
eventually "a file that is changed" is_verdict allowed allow
mv "$D/policy.yml" "$D/policy.off"
eventually "a file that gets another name" unlisted default/db
mv "$D/policy.off" "$D/policy.yml"
eventually "and comes back" listed default/db
policy linked nobody >"$T/linked.yml"
ln -s "$T/linked.yml" "$D/linked.yml"
eventually "a link" listed default/linked
rm "$D/linked.yml"
eventually "that goes" unlisted default/linked

exec 3>"$D/half.yml"
policy half nobody | head -3 >&3
policy sentinel nobody >"$D/sentinel.yml"
eventually "another file, meanwhile" listed default/sentinel
unlike "a file is not read while it is written" "$(cat "$T/log")" "half.yml"
policy half nobody | tail -n +4 >&3
exec 3>&-
eventually "but when it was closed" listed default/half
mkdir "$D/directory.yml"
rm "$D/half.yml" "$D/sentinel.yml"
rmdir "$D/directory.yml"

# Its web server.
web() { curl -s -m 5 -o /dev/null -w '%{http_code}' "$@"; }
is "what is not there" "$(web http://127.0.0.1:9465/nothing) $(web -X POST http://127.0.0.1:9465/metrics)" "404 400"
ok "metrics are as Prometheus wants them" bash -c 'set -o pipefail; curl -s http://127.0.0.1:9465/metrics | promtool check metrics'
for _ in {1..40}; do
	exec {silent}<>/dev/tcp/127.0.0.1/9465
	descriptors+=("$silent")
done
is "silent clients keep nobody out" "$(web http://127.0.0.1:9465/healthz)" 200
for silent in "${descriptors[@]}"; do exec {silent}>&-; done

# A broken file.
echo "    - [" >>"$D/policy.yml"
eventually "a broken file is named with its line" said "manifests/policy.yml:[0-9]+: "
is "its last good content stays in force" "$(verdict allowed) $(verdict denied)" "allow deny"
is_metric() { [ "$(metric "$1")" = "$2" ]; }
eventually "the agent is not well" is_metric well 0
touch "$D/policy.yml"
policy sentinel nobody >"$D/sentinel.yml"
eventually "another change" listed default/sentinel
is "the error is said once" "$(grep -c policy.yml "$T/log")" 1
opened() {
	local child
	child=$(pgrep -oP $agent) && find "/proc/$child/fd" -type l -printf '%l\n' |
		grep -vc '^/dev/null\|^pipe:\|^/tmp/'
}
is "its child has neither its address nor its mark, to hold them for a moment more" "$(opened)" 0
stop -KILL
is "a killed agent leaves policy in force" "$(verdict allowed) $(verdict denied)" "allow deny"
start
is "a broken file's last good content outlives the agent" "$(verdict allowed) $(verdict denied)" "allow deny"
fails_with "--once says that something is broken" 1 "an agent runs" npctl agent -m "$D" --once
policy db denied >"$D/policy.yml"
eventually "and a mended one is taken" is_verdict denied allow
eventually "the agent is well" is_metric well 1

# An annotation picks a preset.
preset() { # ANNOTATIONS
	pods allowed | sed "1,/---/!s/metadata: {/metadata: {annotations: {$1}, /" >"$T/pods.yml"
	mv "$T/pods.yml" "$D/pods.yml"
}
rules() { npctl -j policy list | jq -rc '[.[] | select(.tier == "rule") | [.subject, .preset, .verdict]] | unique | join(" ")'; }
goes_out() { [ "$(npctl -j policy explain --from allowed --to 192.0.2.1 --port "$1" | jq -r .verdict)" = "$2" ]; }
npctl -q attach pod allowed >/dev/null
mkdir "$T/presets"
cp "$tests/../presets/frontend.yml" "$T/presets"
echo 'rules: [{allow: files.example.com}]' >"$T/presets/named.yml"
export NPCTL_PRESETS=$T/presets
printf '127.0.0.1 localhost\n192.0.2.1 files.example.com\n' >"$T/hosts"
mount --bind "$T/hosts" /etc/hosts
stop
start
preset "npctl.io\\/preset: frontend"
eventually "a preset's rules are in force" goes_out tcp/25 deny
ok "and allow what it allows" goes_out tcp/443 allow
npctl -q policy allow 192.0.2.9 --pod allowed --egress --port tcp/25
preset "npctl.io\\/preset: frontend, npctl.io\\/preset-ports: tcp\\/25"
eventually "with settings" goes_out tcp/25 allow
preset "npctl.io\\/preset: nosuch"
eventually "one that is not there is named" said "preset nosuch"
preset "npctl.io\\/preset: named"
eventually "one that has names" goes_out tcp/443 allow
like "whose they are is said" "$(npctl policy list)" "files.example.com .*named +agent"
fails_with "and that they are not to be deleted" 1 "the agent's" npctl policy delete \
	"$(npctl -j policy list | jq 'first(.[] | select(.preset == "named")).id')"
is "in a process that is another one's child" "$(pgrep -c -P "$agent" npctl)" 1
preset ""
eventually "without it its rules go" goes_out tcp/9 deny
is "and a user's own stay" "$(npctl -j policy list | jq -c '[.[] | select(.tier == "rule") | .peer]')" '["192.0.2.9/32"]'
npctl -q policy delete 1 --open
preset "npctl.io\\/preset: nosuch"
eventually "nothing leaves a pod whose preset is not there" goes_out tcp/443 deny
preset ""
eventually "until it wants none" goes_out tcp/443 allow

# Signals, the directory itself, the end.
before=$(metric relists_total)
kill -HUP $agent
more_relists() { [ "$(metric relists_total)" -gt "$before" ]; }
eventually "SIGHUP reads all anew" more_relists
mv "$D" "$D.away"
eventually "a directory that goes is missed" said "$D: No such file"
is "what it held stays in force" "$(verdict denied)" allow
mkdir "$D"
pods allowed >"$D/pods.yml"
eventually "a new one in its place is followed" unlisted default/db
stop
is "SIGTERM ends it well" "$?" 0
is "and its child" "$(pgrep -cf "npctl agent")" 0
for i in $(seq 300); do
	pods "l$i" | sed "1,/---/d; s/name: allowed/name: pod-$i/; s/10.0.0.20/10.1.$((i / 250)).$((i % 250))/"
	echo ---
	policy "p$i" "l$i"
	echo ---
done >"$D/many.yml"
ok "hundreds of objects" npctl -q agent -m "$D" --once
is "are there" "$(npctl -j policy list | jq 'map(select(.origin == "agent:many.yml")) | length')" 300
ok "--forget" npctl agent --forget
is "leaves what others said, and no more" \
	"$(npctl -j policy list | jq -rc '[.[].policy] | map(select(startswith("default/"))) | unique')" '["default/mine"]'
is "all of it" "$(npctl policy verify)" "documents, plan, maps and programs agree"
fails_with "no such directory" 1 "none: No such file" npctl agent -m "$T/none" --once
rm "$D/pods.yml"
fails_with "nowhere to listen" 2 "ADDRESS:PORT" npctl agent -m "$D" -l nowhere --once
plan_done
