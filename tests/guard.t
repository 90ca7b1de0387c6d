#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Guards: no change by anybody gets by them.
. "$(dirname "$0")/lib.sh"

holds() { npctl -q policy guard check >/dev/null; }
connect() { npctl test connect --from "$1" --to backend --port tcp/8080 --expect "$2" --timeout 200ms; }

npctl -q topo up >/dev/null
npctl -q load >/dev/null && npctl -q attach pod backend || exit
cat >"$T/db.yml" <<'END'
- {name: nobody else, deny: {from: 10.0.0.30, to: default/backend}}
- {name: front, allow: {from: 10.0.0.20, to: default/backend, ports: [tcp/8080]}}
END
echo '- deny: {from: "no such", to: any}' >"$T/x.yml"
echo '- allow: {from: 10.0.0.20, to: default/backend}' >"$T/open.yml"
echo '- deny: {from: default/denied, to: default/backend}' >"$T/one.yml"
is "none at first" "$(npctl policy guard)" "no guards"
fails_with "what does not hold now is no guard" 1 "guard db: nobody else would not hold: default/denied to default/backend TCP/80: allow, by default" \
	npctl policy guard add "$T/db.yml"
fails_with "nor what cannot be asked" 1 "peer .no such. is neither" npctl policy guard add "$T/x.yml"
fails_with "nor nothing" 1 "holds no assertions" npctl policy guard add /dev/null --name x
fails_with "a name is needed" 2 "--name NAME" npctl policy guard add -
fails_with "what?" 2 "expected add FILE" npctl policy guard ad "$T/db.yml"
npctl -q policy allow 10.0.0.20 >/dev/null
ok "added" npctl policy guard add "$T/db.yml"
is "listed" "$(npctl -j policy guard | jq -c '.[0] | [.guard, .then, .claims, .broken]')" '["db","alarm",2,0]'
like "and proved" "$(npctl policy guard check)" "holds +db"
ok "documents and maps agree" npctl policy verify

fails_with "what would break one is refused, with the packet" 1 "nobody else would not hold: default/denied to default/backend .*allow, by rule 2 allow ingress 10.0.0.0/24 .mend: npctl policy guard delete db" \
	npctl policy allow 10.0.0.0/24
fails_with "the other way round, too" 1 "guard db: front would not hold: .*TCP/8080: deny, by rule 1" npctl policy turn 1
fails "and in a dry run" npctl policy deny 10.0.0.20 --dry-run
fails "and while it waits to be confirmed" npctl policy deny 10.0.0.20 --confirm 5s
printf 'policy allow 10.0.0.40\npolicy allow 10.0.0.30\n' >"$T/batch"
fails "and in a batch, wholly" npctl batch --atomic "$T/batch"
is "nothing of it is there" "$(npctl -j policy list | jq '[.[] | select(.tier == "rule")] | length')" 1
ok "traffic is as it was" connect allowed allow
ok "on both sides" connect denied deny
ok "what breaks none goes on" npctl policy allow 10.0.0.40
ok "and is in force" npctl policy verify
cat >"$T/np.yml" <<'END'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: be}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/27}}]}]}
END
fails_with "policies are changes like others" 1 "nobody else would not hold.*default/be" npctl policy apply -f "$T/np.yml"
# What a cluster says is an alarm, or held back.
mkdir "$T/cluster" && cp "$T/np.yml" "$T/cluster"
like "the agent puts it in force, and warns" "$(npctl agent --manifests "$T/cluster" --once 2>&1)" "guard db: nobody else would not hold: default/denied to default/backend .*default/be"
ok "it is so" connect denied allow
is "and noted" "$(npctl -j policy guard | jq -c '.[0].broken')" 1
fails "the claim does not hold" npctl policy guard check
ok "changes go on" npctl policy allow 10.0.0.41
ok "until it holds" npctl policy delete -f "$T/np.yml"
npctl agent --forget
ok "again" npctl policy guard check
is "for good" "$(npctl -j policy guard | jq -c '.[0].broken')" 0
npctl -q policy guard add "$T/db.yml" --hold
fails_with "with --hold it is not put in force" 1 "guard db: nobody else would not hold" npctl agent --manifests "$T/cluster" --once
ok "by packets, too" connect denied deny
npctl -q agent --forget 2>/dev/null

fails "nor is deleting everything no change" npctl policy delete --all
ok "another guard" npctl policy guard add "$T/open.yml"
is "from standard input, too, in place of what is called so" "$(npctl -q policy guard add --name open - <"$T/open.yml" && npctl -j policy guard | jq length)" 2

# A random history never gets to what `test assert` would refute.
wrong=0 refused=0 done=0
for ((i = 0; i < ${ROUNDS:-40}; i++)); do
	peers=(10.0.0.20 10.0.0.30 10.0.0.40 10.0.0.16/28 10.0.0.24/29 any)
	verbs=(allow deny "deny -p tcp/8080" "allow -p tcp/8080" "allow -p udp/53" "deny -p tcp/1-8079")
	verb=${verbs[RANDOM % 6]}
	# shellcheck disable=SC2086
	if npctl -q policy $verb "${peers[RANDOM % 6]}" >/dev/null 2>&1; then done=$((done + 1)); else refused=$((refused + 1)); fi
	holds && npctl -q policy verify >/dev/null || wrong=$((wrong + 1))
done
is "$done changes done and $refused refused: guards hold" $wrong 0
ok "of both there were some" test $done -gt 3 -a $refused -gt 3
ok "by packets, too" connect allowed allow
ok "on the other side" connect denied deny

fails_with "delete what is not there" 1 'no guard "nix"' npctl policy guard delete nix
ok "deleted" npctl policy guard delete db open
ok "then everything goes" npctl policy allow 10.0.0.30
is "none are left" "$(npctl policy guard)" "no guards"
npctl -q policy delete --all >/dev/null
npctl -q policy default deny >/dev/null
ok "by a pod's name" npctl policy guard add "$T/one.yml"
npctl -q attach detach pod backend >/dev/null
npctl -q topo down >/dev/null 2>&1
like "it holds" "$(npctl policy guard check)" "holds +one"
npctl -q load --unload >/dev/null
plan_done
