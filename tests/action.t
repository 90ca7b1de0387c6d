#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it is about a script
# What action.yml runs in CI: a report, and failure when a verdict is another.
. "$(dirname "$0")/lib.sh"

examples=$tests/../examples
action=$tests/../packaging/action
mkdir "$T/manifests"
cp "$examples"/two-tiers*.yml "$T/manifests/"
export MANIFESTS=$T/manifests REPORT=$T/report.xml
count() { grep -c "<$1[ >/]" "$REPORT"; }

ok "without expectations" "$action"
is "a case for each probe" "$(count testcase)" 9
npctl -j test matrix -f "$MANIFESTS" >"$T/wanted.json"
ok "as expected" env EXPECT="$T/wanted.json" "$action"
is "no failure is reported" "$(count failure)" 0
echo '- allow: {from: tier=web, to: tier=db, ports: [tcp/5432]}' >"$T/rules.yml"
ok "the claims hold" env RULES="$T/rules.yml" "$action"
ok "for real" env LIVE=true EXPECT="$T/wanted.json" "$action"
is "nothing is left" "$(ip -br link | wc -l)" 1

rm "$MANIFESTS/two-tiers-policy.yml"
fails "verdicts are others" env EXPECT="$T/wanted.json" "$action"
is "four failures are reported" "$(count failure)" 4
echo '- deny: {from: tier=web, to: tier=db}' >"$T/rules.yml"
fails "a claim is refuted" env RULES="$T/rules.yml" "$action"

# The inputs of action.yml are those that the script reads.
is "every input is handed on" \
	"$(sed -n '/^inputs:/,/^runs:/s/^  \([a-z]*\):$/\1/p' "$tests/../action.yml" | sort | xargs)" \
	"$(sed -n 's/.*\${{ inputs\.\([a-z]*\) }}.*/\1/p' "$tests/../action.yml" | sort | xargs)"
plan_done
