#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Candidates: what they would do is told of real packets, and comes true when they are promoted.
. "$(dirname "$0")/lib.sh"
. "$tests/cgroup.sh"
mkdir -p "$T" && chmod 755 "$T"
groups web

differs() { npctl -j policy shadow | jq -r '.differs[] | [.would, .direction, .peer, .port, .count] | join(" ")' | sort; }
as() { setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; }
export TALK_PATIENCE=0.$((2 * ${SLOW:-1}))
say() { npctl topo exec "$1" -- "$tests/talk" udp "$backend" "$2"; }

npctl -q topo up >/dev/null
fails_with "none at first" 1 "there is no candidate" npctl policy promote
npctl -q load >/dev/null && npctl -q attach pod backend || exit
backend=$(npctl -j topo show | jq -r '.[] | select(.pod == "default/backend").addresses[0]')
npctl -q policy allow 10.0.0.20 >/dev/null
fails_with "nothing is tried out" 1 "there is no candidate" npctl policy shadow
fails_with "nor forgotten" 1 "there is no candidate" npctl policy shadow --drop
before=$(npctl policy export)

like "a denial" "$(npctl policy deny 10.0.0.20 --shadow 2>&1)" "a candidate decides nothing"
npctl -q policy allow 10.0.0.30 -p udp/9000 --shadow >/dev/null 2>&1
is "in force is what was" "$(npctl policy export)" "$before"
ok "documents and maps agree" npctl policy verify
is "both are the candidate" "$(npctl -j policy shadow | jq -r '.changes[].what' | head -2 | paste -sd,)" "rule 1,rule 2"
fails_with "it is no dry run" 2 "nothing that could be foretold" npctl policy deny any --shadow --dry-run
echo "policy deny any --shadow" >"$T/batch"
fails "nor one of many" npctl batch --atomic "$T/batch"

npctl topo exec backend -- "$tests/talk" serve 9000 2>/dev/null &
server=$!
npctl -j trace --shadow >"$T/trace" 2>"$T/said" &
tracer=$!
eventually "trace listens" grep -q listening "$T/said"
served() { [ "$(say allowed 9000)" = yes ]; }
eventually "traffic is as it was" served
is "on both sides" "$(say denied 9000)" silence
is "a third packet" "$(say allowed 9000)" yes
sleep $TALK_PATIENCE
kill -INT $tracer
wait $tracer
is "both are told, by who began" "$(differs | cut -d' ' -f1-4 | paste -sd,)" \
	"allow ingress 10.0.0.30 9000,deny ingress 10.0.0.20 9000"
is "trace and counts agree to the packet" "$(wc -l <"$T/trace")" "$(npctl -j policy shadow | jq '[.differs[].count] | add')"
is "the packet says so" "$(jq -r 'select(.verdict == "drop") | .shadow + " " + .shadow_rule' "$T/trace" | sort -u)" \
	"allow shadow rule 2 allow ingress 10.0.0.30/32 udp/9000"
unlike "it is no drop" "$(npctl -j stat drops | jq -r '.[] | .peer')" "10.0.0.20"

ok "in force goes on changing" npctl policy allow 10.0.0.77
ok "and agrees" npctl policy verify
is "with a number of its own" "$(npctl -j policy list | jq -r '.[] | select(.peer == "10.0.0.77/32").rule')" 3
ok "promoted" npctl policy promote
is "is lost by neither" "$(npctl -j policy list | jq -r '.[] | select(.tier == "rule") | .verdict + " " + .peer' | sort | paste -sd,)" \
	"allow 10.0.0.30/32,allow 10.0.0.77/32,deny 10.0.0.20/32"
is "by packets" "$(say allowed 9000) $(say denied 9000)" "silence yes"
ok "wholly" npctl policy verify
fails "there is no candidate any more" npctl policy shadow
npctl -q policy rollback >/dev/null
is "it was one change" "$(say allowed 9000) $(say denied 9000)" "yes silence"

# Manifests, a denial by silence, and forgetting.
cat >"$T/np.yml" <<'END'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: be}
spec: {podSelector: {matchLabels: {app: backend}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.30/32}}]}]}
END
npctl -q policy delete --all >/dev/null
npctl -q policy default auto >/dev/null
ok "a policy" npctl policy apply -f "$T/np.yml" --shadow
is "passes as before" "$(say allowed 9000) $(say denied 9000)" "yes yes"
is "it would isolate" "$(differs | cut -d' ' -f1-4)" "deny ingress 10.0.0.20 9000"
ok "forgotten" npctl policy shadow --drop
ok "nothing is left of it" npctl policy verify
npctl -q policy deny 10.0.0.30 --shadow >/dev/null 2>&1
is "nor of what it counted" "$(differs)" ""
say denied 9000 >/dev/null
like "the next counts for itself" "$(differs)" "^deny ingress 10.0.0.30 9000"
npctl -q policy shadow --drop
cat >"$T/pod.yml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: new}
END
fails_with "pods are no candidates" 1 "is no policy" npctl policy apply -f "$T/pod.yml" --shadow

# Users.
npctl -q attach user dev lo >/dev/null
npctl -q policy allow any --user 12345 --dev lo >/dev/null
npctl -q policy deny 192.0.2.1 --user 12345 --dev lo --shadow >/dev/null 2>&1
"$tests/talk" serve 9001 2>/dev/null &
local_server=$!
heard() { [ "$(as 12345 "$tests/talk" udp 192.0.2.1 9001)" = yes ]; }
eventually "a user is heard" heard
is "and another by the same" "$(as 12345 "$tests/talk" tcp 192.0.2.2 9001)" yes
is "TCP too" "$(as 12345 "$tests/talk" tcp 192.0.2.1 9001)" yes
like "what would be denied him" "$(npctl -j policy shadow | jq -r '.differs[] | [.would, .uid, .peer, .protocol] | join(" ")')" "deny 12345 192.0.2.1 TCP"
unlike "alone" "$(npctl -j policy shadow | jq -r '.differs[].peer')" "192.0.2.2"
npctl -q policy promote >/dev/null
is "promoted, it is" "$(as 12345 "$tests/talk" udp 192.0.2.1 9001)" silence
npctl -q attach detach user dev lo >/dev/null

# Cgroups.
npctl -q attach cgroup "$top/web" >/dev/null
npctl -q policy allow 192.0.2.0/24 --cgroup "/$top/web" >/dev/null
npctl -q policy deny 192.0.2.1 --cgroup "/$top/web" --shadow >/dev/null 2>&1
npctl -q policy allow 10.9.0.1 --cgroup "/$top/web" --shadow >/dev/null 2>&1
is "a cgroup" "$(try web tcp 192.0.2.1 9001) $(try web tcp 192.0.2.2 9001) $(try web tcp 10.9.0.1 9001)" "yes yes $denied"
is "what would change" "$(npctl -j policy shadow | jq -r '.differs[] | select(.subject | test("^cgroup")) | [.would, .peer, .port, .count] | join(" ")' | sort | paste -sd,)" \
	"allow 10.9.0.1 9001 1,deny 192.0.2.1 9001 1"
ok "verified" npctl policy verify
npctl -q policy promote >/dev/null
is "promoted" "$(try web tcp 192.0.2.1 9001) $(try web tcp 192.0.2.2 9001) $(try web tcp 10.9.0.1 9001)" "$denied yes yes"
npctl -q attach detach cgroup "$top/web" >/dev/null
kill $local_server

# Random candidates: what the programs say that they would do is what they do then.
npctl topo exec backend -- "$tests/talk" serve 9002 2>/dev/null &
other_server=$!
rules=("allow 10.0.0.20" "deny 10.0.0.20" "allow 10.0.0.30" "deny 10.0.0.30" "allow 10.0.0.0/24" "deny 10.0.0.0/24" "deny any"
	"allow any -p udp/9000" "deny 10.0.0.20 -p udp/9000" "allow 10.0.0.30 -p udp/9002" "deny any --egress" "allow 10.0.0.20 --egress"
	"delete --all" "default auto" "default deny" "apply -f $T/np.yml" "delete -f $T/np.yml")
change() { # shellcheck disable=SC2086
	npctl -q policy ${rules[RANDOM % ${#rules[@]}]} "$@" >/dev/null 2>&1
}
probe() {
	for who in allowed denied; do
		for port in 9000 9002; do
			say $who $port >"$T/$who-$port" &
			waiting+=($!)
		done
	done
	wait "${waiting[@]}"
	cat "$T"/{allowed,denied}-{9000,9002}
}
is_up() { npctl -q policy delete --all >/dev/null; npctl -q policy default allow >/dev/null; waiting=(); [ "$(probe | paste -sd' ')" = "yes yes yes yes" ]; }
eventually "all are heard" is_up
wrong=0 differing=0
for ((i = 0; i < ${ROUNDS:-12}; i++)); do
	change
	change
	change
	npctl -q policy shadow --drop >/dev/null 2>&1
	change --shadow
	change --shadow
	change --shadow
	npctl -q policy verify >/dev/null || wrong=$((wrong + 1))
	waiting=()
	was=$(probe)
	npctl -j policy shadow 2>/dev/null >"$T/shadow" || echo '{"differs": []}' >"$T/shadow"
	told=$(for peer in 10.0.0.20 10.0.0.30; do
		for port in 9000 9002; do
			jq -r --arg peer $peer --argjson port $port \
				'[.differs[] | select(.peer == $peer and .port == $port and .direction == "ingress") | .would] | .[0] // "same"' "$T/shadow"
		done
	done)
	expected=$(paste -d' ' <(echo "$was") <(echo "$told") | sed 's/^.* allow/yes/; s/^.* deny/silence/; s/ same//')
	[[ $told != *[de][en][nl]y* ]] || differing=$((differing + 1))
	npctl -q policy promote >/dev/null 2>&1
	waiting=()
	is=$(probe)
	[ "$is" = "$expected" ] || { wrong=$((wrong + 1)) && note "was $was told $told is $is"; }
	npctl -q policy verify >/dev/null || wrong=$((wrong + 1))
done
is "$i candidates came true, $differing of which changed something" $wrong 0
ok "some did" test $differing -gt 0
kill $server $other_server
npctl -q topo down >/dev/null
plan_done
