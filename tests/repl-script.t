#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The prompt without a terminal: scripts, what is left of a line, what many of them cost.
. "$(dirname "$0")/lib.sh"

npctl topo up >"$T/up"
npctl load >"$T/load"
npctl attach pod backend >"$T/attach"

is "lines are run" "$(printf 'policy allow 10.0.0.1 # one\nnpctl policy allow 10.0.0.2\n\nexit\npolicy allow 10.0.0.3\n' | npctl repl)" \
	$'rule 1: allow ingress 10.0.0.1/32 (added)\nrule 2: allow ingress 10.0.0.2/32 (added)'
printf 'polcy\npolicy delete 99\npolicy allow 10.0.0.4 -q\nhelp <<A\n' | npctl repl >"$T/out" 2>"$T/err"
is "errors do not end it, but are its status" "$? $(npctl -j policy list | jq '[.[] | select(.id)] | length')" "1 3"
is "they have their lines" "$(sed 's/^npctl: //; s/:.*input//' "$T/err" | grep -oE '^standard input:[0-9]+' | paste -sd ' ')" \
	"standard input:1 standard input:2 standard input:4"
like "and look as on the command line" "$(cat "$T/err")" \
	'^npctl: standard input:1: unknown command "polcy": did you mean policy\? \(mend: npctl help\)'
is "nothing at all is fine" "$(: | npctl repl)$?" 0
is "options before it hold for all lines" "$(printf 'policy list\nversion\n' | npctl -j repl | jq -sc 'map(type)')" '["array","object"]'
is "those of a line for that line" "$(printf 'version -j\nversion\npolicy delete 98 -j\n' | npctl repl 2>/dev/null | grep -c '^{')" 2
is "another instance for one line" "$(printf -- '--root /sys/fs/bpf/other policy list -j\npolicy list -j\n' | npctl repl 2>&1 | jq -sc 'map(length > 0)')" '[false,true]'
is "-q is over with its line" "$(printf 'policy allow 10.0.0.5 -q\npolicy allow 10.0.0.6\n' | npctl repl | wc -l)" 1
is "-x, too" "$(printf 'attach pod allowed -x\nattach pod denied\n' | npctl repl 2>&1 | grep -c '^+ .*veth-deny')" 0
is "a command in a pod" "$(printf 'topo exec backend -- cat\ntopo exec backend -- echo here\nversion -j\n' | npctl repl | cut -c 1-4 | paste -sd ' ')" 'here {"ve'
is "a shell's command" "$(echo "!echo one | tr o O" | npctl repl)" One
is "a shell's exit status is nobody's" "$(printf '!false\n' | npctl repl)$?" 0
like "a test in a child" "$(printf 'test connect --from denied --to backend --port tcp/8080 --expect allow --timeout 0.1s\nversion\n' | npctl repl)" \
	'FAIL.*npctl '
printf 'test connect --from nobody --to backend --port 1\n' | npctl repl >"$T/out" 2>"$T/err"
like "its error" "$(cat "$T/err")" '^npctl: standard input:1: .*nobody'
fails_with "a full disk" 1 'cannot write the output: No space left' bash -c 'echo version | npctl repl >/dev/full'
is "a closed pipe is the end" "$(yes version | npctl repl 2>&1 | head -1)" "$(npctl version | head -1)"

# Hundreds of lines: nothing grows, nothing is started.
lines() {
	for ((i = 0; i < $1; i++)); do
		printf '%s\n' "policy allow 10.3.0.$((i % 250)) -q" "policy list -j" "polcy" "policy explain --from denied --to backend" \
			"endpoint list" "stat rules -j" "trace --count 1 --timeout x" "policy apply -f - <<E" "kind: Nothing" E "help policy" \
			"map dump settings" "attach show" "topo show" "policy delete 99"
	done
}
count() { echo "!ls /proc/\$PPID/fd | wc -l"; }
{ lines 1; count; lines 40; count; } | npctl repl 2>"$T/err" | grep -E '^[0-9]+$' >"$T/descriptors"
is "600 lines leave no descriptor open" "$(sort -u "$T/descriptors" | wc -l)" 1
unlike "and no memory" "$(cat "$T/err")" 'ERROR: |LeakSanitizer|runtime error'
before_pid=$(bash -c 'echo $$')
yes 'policy list -q' | head -200 | npctl repl >"$T/out"
after_pid=$(bash -c 'echo $$')
ok "200 commands take few process numbers ($((after_pid - before_pid)))" [ $((after_pid - before_pid)) -lt 50 ]
plan_done
