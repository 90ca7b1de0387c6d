#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# closed: what an allow rule closed to all others opens only when somebody says so.
. "$(dirname "$0")/lib.sh"

npctl topo up >/dev/null || skip_all "no topology"
npctl load >/dev/null
npctl attach pod backend >/dev/null
reach() { npctl -j test connect --from "$1" --to backend --port tcp/8080 --timeout 400ms | jq -r '.[0].result'; }
both() { echo "$(reach allowed) $(reach denied)"; }
stays='ingress of (all pods and interfaces|default/backend|app=backend) stays closed \(1 attached\).*npctl policy default auto'
again() { npctl policy delete --all; }

is "open at first" "$(both)" "connected connected"
for scope in "" "--pod backend" "--pod app=backend"; do
	words=() auto=()
	if [ -n "$scope" ]; then words=(--pod "${scope#--pod }") auto=(--pod "${scope#--pod }"); fi
	what=${scope:-for all}
	npctl policy allow 10.0.0.20/32 "${words[@]}" >/dev/null
	is "$what: one is allowed" "$(both)" "connected blocked"
	like "$what: a denial in its place says what stays" \
		"$(npctl policy deny 10.0.0.20/32 "${words[@]}")" "$stays"
	is "$what: and lets nobody in" "$(both)" "blocked blocked"
	like "$what: the list says why" "$(npctl policy list)" 'default deny ingress, closed by earlier allow rules'
	npctl policy default auto --ingress "${auto[@]}" >/dev/null
	is "$what: until that is said" "$(both)" "blocked connected"
	again
	for way in "delete" "turn"; do
		npctl policy allow 10.0.0.20/32 "${words[@]}" >/dev/null
		id=$(npctl -j policy list | jq '[.[] | select(.id) | .id] | first')
		like "$what: $way says it, too" "$(npctl policy $way "$id")" "$stays"
		is "$what: $way opens nothing" "$(reach denied)" blocked
		again
		npctl policy allow 10.0.0.20/32 "${words[@]}" >/dev/null
		id=$(npctl -j policy list | jq '[.[] | select(.id) | .id] | first')
		unlike "$what: $way --open does" "$(npctl policy $way "$id" --open)" "stays closed"
		is "$what: as it says" "$(reach denied)" connected
		again
	done
done

# Nothing is said where nothing is left open or closed by it.
npctl policy allow 10.0.0.20/32 >/dev/null
npctl policy allow 10.0.0.77/32 >/dev/null
unlike "another allow rule is there" "$(npctl policy delete "$(npctl -j policy list | jq '[.[] | select(.id) | .id] | last')")" stays
again
npctl policy default allow >/dev/null
npctl policy allow 10.0.0.20/32 >/dev/null
unlike "the default is said outright" "$(npctl policy delete "$(npctl -j policy list | jq '[.[] | select(.id) | .id] | first')")" stays
is "and holds" "$(both)" "connected connected"
again
npctl policy deny 10.0.0.30/32 >/dev/null
unlike "a deny rule closed nothing" "$(npctl policy delete "$(npctl -j policy list | jq '[.[] | select(.id) | .id] | first')")" stays
is "and all is open" "$(both)" "connected connected"

# It is part of what is saved.
npctl policy allow 10.0.0.20/32 >/dev/null
npctl policy deny 10.0.0.20/32 >/dev/null
npctl policy export >"$T/saved.yml"
again
is "gone" "$(reach denied)" connected
npctl policy apply -f "$T/saved.yml" >/dev/null
is "restored, it is closed again" "$(both)" "blocked blocked"
plan_done
