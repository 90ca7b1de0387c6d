#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What every listing looks like on 80 columns, on a dumb terminal, without colours, in a pipe.
. "$(dirname "$0")/lib.sh"

export TERM=xterm
escape=$'\e'
npctl topo up >"$T/up"
npctl load >"$T/load"
npctl attach pod backend >"$T/attach"
npctl policy allow 10.0.0.20/32 --port tcp/8000-8100 >"$T/allow"
npctl policy apply -f - >"$T/apply" <<'END'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a-policy-with-a-name-of-some-length}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}
END
npctl test connect >"$T/connect"

# As on a terminal of 80 columns; script(1) gives one of its own.
at_80() { script -qec "stty cols 80 rows 24; npctl $1" /dev/null </dev/null | tr -d '\r'; }
plain() { sed "s/$escape\[[0-9;]*m//g"; }
widest() { plain | awk '{ if (length > most) most = length } END { print most + 0 }'; }

for command in "topo show" "attach show" "policy list" "policy explain --from denied --to backend --port tcp/8080" \
	"endpoint list" "endpoint get backend" "map list" "stat" "stat rules" "stat flows" "stat drops" "stat maps" \
	"test env" "test connect" "help" "help policy" "help trace" "load"; do
	on_terminal=$(at_80 "$command")
	width=$(widest <<<"$on_terminal")
	ok "$command fits 80 columns ($width)" [ "$width" -gt 10 -a "$width" -le 80 ] || note "$on_terminal"
	unlike "… without colours on a dumb terminal" "$(TERM=dumb at_80 "$command")" "$escape"
	unlike "… nor with NO_COLOR" "$(NO_COLOR=1 at_80 "$command")" "$escape"
	unlike "… nor in a pipe" "$(eval "npctl $command" 2>&1)" "$escape"
done
like "there are colours where they may be" "$(at_80 'policy list')" "$escape"
is "in a pipe a row is a line" "$(npctl policy list | wc -l)" "$(($(npctl -j policy list | jq length) + 1))"
is "an error is a line without colours" "$(at_80 polcy)" \
	'npctl: unknown command "polcy": did you mean policy? (mend: npctl help)'
plan_done
