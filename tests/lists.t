#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# lists: a file of prefixes is denied, exported, and denied again when it comes back.
. "$(dirname "$0")/lib.sh"

printf '# who stays out\n10.0.0.30/32\n10.9.0.0/16\n' >"$T/bad.txt"
result_of() {
	npctl -j test connect --from "$1" --to backend --port tcp/8080 --timeout 300ms | jq -r '.[0].result'
}

ok "a lab" npctl topo up
ok "loaded" npctl load
ok "attached" npctl attach pod backend
ok "ingress is free" npctl policy default allow --ingress
is "before, denied connects" "$(result_of denied)" connected
ok "a list is denied" npctl policy deny --cidr-file "$T/bad.txt" --name bad
is "who is in it is blocked" "$(result_of denied)" blocked
is "who is not connects" "$(result_of allowed)" connected
npctl policy export >"$T/export.yml"
ok "all is deleted" npctl policy delete --all
is "nobody is blocked then" "$(result_of denied)" connected
ok "the export is applied" npctl policy apply -f "$T/export.yml"
is "the list is back with its rule" "$(result_of denied)" blocked
is "and blocks nobody else" "$(result_of allowed)" connected

# A rule over a list that is not there would match nobody: a deny rule would let everybody in.
printf 'apiVersion: npctl.io/v1\nkind: Rule\naction: deny\npeer: {list: gone}\n' >"$T/gone.yml"
fails_with "is refused" 1 "over list .gone., which does not exist" npctl policy apply -f "$T/gone.yml"
fails_with "offline, too" 1 "over list .gone., which does not exist" npctl test matrix -f "$T/gone.yml"
is "what was in force still is" "$(result_of denied)" blocked
plan_done
