#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Whatever is printed under -j is one JSON value, errors too.
. "$(dirname "$0")/lib.sh"

# One value of the type that the jq filter tells.
json() {
	local filter=$1 output
	shift
	output=$(npctl -j "$@" 2>"$T/errors" </dev/null)
	if jq -es "length == 1 and (.[0] | $filter)" <<<"$output" >/dev/null && [ ! -s "$T/errors" ]; then
		result 0 "$*"
	else
		result 1 "$*" "$output" "$(cat "$T/errors")"
	fi
}

rows='type == "array" and all(type == "object")'
refused='has("error")'

json "$rows" attach show
json "$rows" policy list
json "$refused" attach pod backend
json "$refused" topo exec nobody -- true
json "$rows" topo up
json "$rows" topo show
json "$rows" load
json "$rows" load
json '.interface == "veth-be-h"' attach pod backend
json "$rows" attach show
json 'type == "array" or type == "object"' policy allow 10.0.0.20/32
json 'type == "array" or type == "object"' policy default deny --egress --pod backend
json "$rows" policy list
json "$rows" policy show --pod backend
json '.verdict == "deny"' policy explain --from denied --to backend --port tcp/8080
json "$rows" policy lint
json "$rows" endpoint list
json 'type == "object"' endpoint get backend
json "$rows" map list
json "$rows" map show
json "$rows" map dump settings
json 'has("key") and has("value")' map lookup settings key 0
json "$refused" map dump nothing
json "$rows" test connect
json 'true' test
json 'true' test env
json 'type == "object"' stat
for kind in programs rules flows maps events; do json "$rows" stat $kind; done
json "$refused" policy allow 10.0.0.0/33
json "$refused" policy allow 10.0.0.1 --port 70000
json "$refused" policy delete 4711
json "$refused" attach dev nothing
json "$refused" load /nowhere.o
json "$refused" policy apply -f /nowhere.yml
json 'type == "object"' topo down
json 'type == "object"' load --unload
npctl topo up >"$T/up" && npctl load >"$T/load" && npctl attach pod backend >"$T/attach"
npctl policy deny any >"$T/deny"
npctl -j trace --drops --count 2 --timeout 20 >"$T/trace" 2>"$T/listening" &
eventually "a trace listens" test -s "$T/listening"
npctl test connect >"$T/connect"
wait
is "each line of a trace is an object" "$(jq -c '.verdict // "none"' "$T/trace" | sort -u)" '"drop"'
plan_done
