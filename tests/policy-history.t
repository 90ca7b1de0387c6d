#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What changed, when, and by whom; and back again.
. "$(dirname "$0")/lib.sh"

connect() { npctl test connect --from "$1" --to backend --port tcp/8080 --expect "$2" --timeout 300ms; }
history() { npctl -j policy history "$@"; }
version() { history --last 1 | jq '.[0].version'; }
said() { npctl policy export | grep -v since; }
changes() { jq -r '.[0].changes[] | .what + " " + .change' | sort | paste -sd,; }

fails_with "no instance, no history" 1 "no npctl instance" npctl policy history
npctl -q topo up >/dev/null && npctl -q load >/dev/null && npctl -q attach pod backend || exit
ok "documents and maps agree" npctl policy verify
v0=$(version)
npctl -q policy allow 10.0.0.20 >/dev/null
is "a rule is an entry" "$(history --last 1 | changes)" "rule 1 added"
is "with the words that made it" "$(history --last 1 | jq -r '.[0].command')" "-q policy allow 10.0.0.20"
is "and who said them" "$(history --last 1 | jq -r '.[0].uid')" 0
is "and when" "$(history --last 1 | jq -r '.[0].time | fromdateiso8601 > now - 60')" true
v1=$(version)
is "each commit its version" $((v1 > v0)) 1
said >"$T/1"
npctl -q policy allow 10.0.0.30 --port tcp/8080 >/dev/null
npctl -q policy deny 10.0.0.20 >/dev/null
is "a rule turned is one changed" "$(history --last 1 | changes)" "rule 1 changed"
like "shown as both" "$(npctl policy history --last 1)" "rule 1 changed: deny ingress 10.0.0.20/32, was allow ingress 10.0.0.20/32"
v3=$(version)
said >"$T/3"
closing_policy
npctl -q policy apply -f "$T/np.yml" >/dev/null
is "a policy is one" "$(history --last 1 | changes)" "NetworkPolicy default/be added"
echo 192.0.2.0/24 >"$T/list"
npctl -q policy allow --cidr-file "$T/list" --name far >/dev/null
is "a list is another" "$(history --last 1 | changes)" "list far added,rule 3 added"
npctl -q policy default deny --pod backend >/dev/null
like "a default" "$(history --last 1 | changes)" "default egress of default/backend added,default ingress of default/backend added"
v6=$(version)
said >"$T/6"
npctl -q policy delete --all >/dev/null
is "all gone" "$(history --last 1 | jq '.[0].changes | length')" 7
ok "open to all" connect allowed allow

is "rules as they were" "$(npctl -j policy list --at "$v1" | jq -c '[.[] | select(.rule == "1") | .verdict]')" '["allow"]'
is "and later" "$(npctl -j policy list --at "$v3" | jq -c '[.[] | select(.rule == "1" or .rule == "2") | .verdict] | sort')" '["allow","deny"]'
like "a policy as it was" "$(npctl policy show default/be --at "$v6")" "default deny ingress of default/be"
fails_with "which it is not now" 1 "does not exist" npctl policy show default/be
is "what differs between two" "$(npctl policy diff "$v1" "$v3" | sed 1d | sort | tr -s ' ')" \
	"rule 1 changed deny ingress 10.0.0.20/32, was allow ingress 10.0.0.20/32
rule 2 added allow ingress 10.0.0.30/32 tcp/8080"
is "and back" "$(npctl -j policy diff "$v3" "$v1" | jq -r '.[] | .what + " " + .change' | paste -sd,)" "rule 1 changed,rule 2 removed"
is "and now" "$(npctl -j policy diff "$v6" | jq -r '.[].change' | sort | uniq -c | tr -s ' ')" " 7 removed"
ok "no difference" npctl policy diff "$v6" "$v6"

ok "back to version 6" npctl policy rollback "$v6"
is "as it was" "$(said)" "$(cat "$T/6")"
ok "for packets, too" connect allowed deny
ok "and nothing else is there" npctl policy verify
is "going back is a change" "$(history --last 1 | jq -r '.[0].command, (.[0].changes | length)' | paste -sd' ')" "policy rollback $v6 7"
ok "back to version 3" npctl policy rollback "$v3"
is "it is" "$(said)" "$(cat "$T/3")"
like "it says what it does" "$(npctl policy rollback "$v1")" "rule 1 changed: allow .*rule 2 removed.*as after version $v1"
is "and so once more" "$(said)" "$(cat "$T/1")"
ok "attached as before" connect allowed allow
ok "no other comes in" connect denied deny
ok "without a number: the last change" npctl policy rollback
is "which was from 3 to 1" "$(said)" "$(cat "$T/3")"
like "nothing to do" "$(npctl policy rollback "$(version)")" "nothing differs"
ok "verified" npctl policy verify

like "whose rule is it" "$(npctl policy blame 1 | tail -n 1)" "policy allow 10.0.0.20 .*rule 1 added: allow ingress 10.0.0.20/32"
is "every change of it" "$(npctl -j policy blame 1 | jq -r '.[].changes[].change' | paste -sd' ')" \
	"changed changed added removed changed added"
like "or the policy" "$(npctl policy blame default/be | tail -n 1)" "policy apply -f .*NetworkPolicy default/be added"
fails_with "nobody's" 1 'history knows nothing of a rule or policy "99"' npctl policy blame 99
fails_with "no version yet" 1 "no version 999999 yet" npctl policy rollback 999999
fails_with "no number" 2 "not the number of a version" npctl policy rollback yesterday
fails_with "a set of manifests alone" 2 "two sets" npctl policy diff "$T/np.yml"

# Many commands to one change, and small ones.
printf 'policy allow 10.1.0.%d\n' {1..200} >"$T/batch"
ok "a batch" npctl -q batch --atomic "$T/batch"
is "is one entry" "$(history --last 1 | jq -r '.[0].changes | length')" 200
like "by that name" "$(history --last 1 | jq -r '.[0].command')" "batch --atomic"
like "a small change stays one" "$(npctl -d policy allow 10.2.0.1 2>&1)" "a small change"
before=$(version)
npctl -q policy refresh >/dev/null
is "no change, no entry" "$(version)" "$before"
npctl -q attach detach pod backend >/dev/null
is "others by name" "$(history --last 1 | jq -c '[.[0].others, .[0].changes]')" '[["attachments"],[]]'

# Within its bound.
fails_with "too much" 2 "history" npctl load --history 1G
ok "little room" npctl load --history 4K
for i in $(seq 40); do npctl -q policy allow "10.3.0.$i" >/dev/null; done
count=$(history | jq length)
is "the oldest went" "$((count > 4 && count < 40))" 1
fails_with "what is too far back" 1 "history goes back to version [0-9]* only" npctl policy rollback "$v1"
oldest=$(history | jq '.[-1].version')
ok "as far as it goes" npctl policy rollback $((oldest - 1))
ok "none at all" npctl load --history 0
npctl -q policy allow 10.4.0.1 >/dev/null
is "is none" "$(history)" "[]"
like "and says how to have it" "$(npctl policy rollback "$v1" 2>&1)" "mend: npctl load --history"
fails_with "there is nothing to go back to" 1 "nothing to go back to" npctl policy rollback
ok "kept again" npctl load --history 1M
for i in {1..120}; do for j in {1..250}; do echo "11.$i.$j.$((i * j % 250))/32"; done; done >"$T/list"
npctl -q policy allow --cidr-file "$T/list" --name far >/dev/null
npctl -q load --history 16K >/dev/null
npctl -q policy delete --all >/dev/null
is "more than there is room for" "$(history --last 1 | jq -c '.[0] | [.lost, .changes]')" '[true,[]]'
fails_with "cannot be had back" 1 "not known any more" npctl policy rollback
npctl -q topo down >/dev/null
npctl -q load --unload >/dev/null
plan_done
