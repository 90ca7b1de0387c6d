#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Commands from files: how lines are read, what errors say, all or nothing.
. "$(dirname "$0")/lib.sh"

file=$T/lines
lines() { cat >"$file"; }
rules() { npctl -j policy list | jq -r '[.[] | select(.id) | .peer + (.ports | if . == "any" then "" else " " + . end)] | join(",")'; }

# Lines.
printf '   \t\n' >"$T/blanks"
cat "$T/blanks" - >"$file" <<'END'
# a comment, then nothing

npctl -q policy allow '10.0.0.1/32' --port tcp/80   # behind a command, too
policy allow "10.0.0.2" --port \
	tcp/81
policy	allow 10.0.0."3"
END
is "lines, comments, quotes, continued lines" "$(npctl batch "$file")" \
	$'rule 2: allow ingress 10.0.0.2/32 tcp/81 (added)\nrule 3: allow ingress 10.0.0.3/32 (added)'
is "their rules are there" "$(rules)" "10.0.0.1/32 tcp/80,10.0.0.2/32 tcp/81,10.0.0.3/32"
is "from standard input" "$(printf 'policy delete 3' | npctl batch - && rules)" "10.0.0.1/32 tcp/80,10.0.0.2/32 tcp/81"
is "lines that end as in DOS" "$(printf 'policy delete 2\r\n\r\n' | npctl batch - && rules)" "10.0.0.1/32 tcp/80"
is "an empty file" "$(: | npctl batch -)$?" 0
like "-j for one line" "$(printf 'version -j\nversion' | npctl batch -)" $'^\{.*\}\nnpctl '
is "-j for all" "$(printf 'policy list\nversion' | npctl -j batch - | jq -sc '[length, .[1].version != null]')" "[2,true]"
npctl policy delete --all

lines <<'END'
policy apply -f - <<EOF
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: "`no` # kept"}
spec: {podSelector: {}}
EOF
END
fails_with "a here-document is taken as it is" 1 'lines:1: .*no. # kept' npctl batch "$file"
lines <<'END'
policy apply -f - <<-'END-OF-IT'
	kind: NetworkPolicy
	apiVersion: networking.k8s.io/v1
	metadata: {name: first}
	spec: {podSelector: {}}
	END-OF-IT
policy apply -f - <<E
{"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1", "metadata": {"name": "second"},
 "spec": {"podSelector": {}}}
E
END
is "with tabs, with a quoted word, twice" "$(npctl batch "$file")" \
	$'NetworkPolicy default/first: created\nNetworkPolicy default/second: created'
is "from standard input, commands get nothing of it" \
	"$(printf 'policy apply -f -\npolicy delete first\n' | npctl batch - 2>&1; npctl policy export | grep -o 'name: .*')" "name: second"
npctl policy delete --all

# Errors: the file, the line, and nothing done.
bad() {
	local description=$1 pattern=$2
	lines
	fails_with "$description" 2 "lines:$pattern" npctl batch "$file"
	is "… and nothing ran" "$(rules)" ""
}
bad "an unknown command" '3: unknown command "polcy": did you mean policy\?' <<'END'
policy allow 10.0.0.1
# comment
polcy allow 10.0.0.2
END
bad "an unknown option, behind a here-document" '5: unknown option "--prot" of policy allow' <<'END'
policy allow 10.0.0.1
help <<A
one
A
policy allow 10.0.0.2 --prot 80
END
bad "the number is that of a continued line's beginning" '2: policy default needs' <<'END'
policy allow 10.0.0.1
policy \
default
END
bad "an open quote" '2: the line does not end: a quote is open' <<'END'
policy allow 10.0.0.1
policy allow '10.0.0.2
policy allow 10.0.0.3
END
bad "a here-document without its end" '2: the here-document does not end: no line is "EOF"' <<'END'
policy allow 10.0.0.1
policy apply -f - <<EOF
kind: Pod
END
bad "two here-documents" '1: a line has one' <<<'policy apply -f - <<A <<B'
bad "a here-document without a word" '1: << needs' <<<'policy apply -f - <<'
bad "a here-document alone" '1: a here-document without a command' <<<$'<<A\nx\nA'
bad "a shell's command" '1: ! is for the prompt' <<<'!touch /nonexistent'
fails_with "a file that is not there" 1 'nowhere: No such file' npctl batch "$T/nowhere"
fails_with "a directory" 1 "$T: cannot be read: Is a directory" npctl batch "$T"
echo "batch $file" >"$file"
fails_with "files that call each other" 1 'lines:1: .*without end' npctl batch "$file"

lines <<'END'
policy allow 10.0.0.1
policy delete 99
policy allow 10.0.0.2
END
fails "a command that fails ends it" npctl batch "$file"
is "what was before it stays" "$(rules)" "10.0.0.1/32"
npctl -q batch "$file" >"$T/out" 2>"$T/err"
is "its status, its line" "$? $(cat "$T/err")" "1 npctl: $file:2: policy or rule \"99\" does not exist"
error=$(npctl -j batch "$file")
is "as JSON, too" "$(tail -1 <<<"$error" | jq -r .error)" "$file:2: policy or rule \"99\" does not exist"
npctl policy delete --all
lines <<'END'
polcy
policy allow 10.0.0.1
policy delete 99
policy allow 10.0.0.2
END
npctl batch --continue "$file" >"$T/out" 2>"$T/err"
is "--continue goes on, and fails in the end" "$? $(rules)" "1 10.0.0.1/32,10.0.0.2/32"
is "each error has its line" "$(grep -o 'lines:[0-9]*' "$T/err" | paste -sd ' ')" "lines:1 lines:3"
is "no error: status 0" "$(echo version | npctl batch --continue - >/dev/null; echo $?)" 0

# All or nothing.
npctl load >"$T/load"
npctl topo up >"$T/up"
npctl attach pod backend >"$T/attach"
npctl policy delete --all
generation() { npctl -j policy wait | jq .generation; }
before=$(generation)
{
	for ((i = 1; i <= 300; i++)); do echo "policy allow 10.1.$((i / 250)).$((i % 250)) --port tcp/$i"; done
	echo policy delete 7
	echo "policy list -j"
	cat <<'END'
endpoint add web --address 10.0.9.9 --label app=web
policy allow app=web
policy apply -f - <<EOF
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: first}
spec: {podSelector: {}}
EOF
END
} >"$file"
npctl batch --atomic "$file" >"$T/out"
is "an atomic batch is done" $? 0
is "as one change" "$(generation)" $((before + 1))
is "all of it is in force" "$(npctl -j policy list | jq -c '[([.[] | select(.id)] | length), ([.[] | select(.policy == "default/first")] | length > 0)]')" "[300,true]"
is "commands in it saw what was before them" "$(grep '^\[' "$T/out" | jq '[.[] | select(.id)] | length')" 299
ok "the maps agree" npctl policy verify
ok "the kernel enforces it" npctl test connect --from denied --to backend --port tcp/8080 --expect deny --timeout 0.2s

old=$(npctl -j policy export)
before=$(generation)
refuses() {
	local description=$1 status=$2 pattern=$3
	cat >>"$file"
	fails_with "$description" "$status" "lines:$pattern" npctl batch --atomic "$file"
	is "… and nothing changed" "$(npctl -j policy export; generation)" "$old"$'\n'"$before"
}
echo "policy allow 10.7.7.7" >"$file"
refuses "the last one fails" 1 '2: policy or rule "9999" does not exist' <<<'policy delete 9999'
echo "policy allow 10.7.7.7" >"$file"
refuses "what cannot be taken back" 1 '2: attach pod cannot be taken back, and is not for --atomic' <<<'attach pod allowed'
for command in "topo down" "load --unload" "trace" "stat" "top" "test" "map list" "batch x" "policy wait" \
	"attach detach backend" "topo exec backend -- true"; do
	echo "$command" >"$file"
	fails_with "not for --atomic: $command" 1 'lines:1: .*--atomic' npctl batch --atomic "$file"
done
echo "--root $T/other policy allow any" >"$file"
fails_with "another instance" 2 'lines:1: --atomic is for one instance' npctl batch --atomic "$file"
fails_with "--continue does not go with it" 2 'do not go together' npctl batch --atomic --continue "$file"
echo "--help policy allow" >"$file"
like "help is not a change" "$(npctl batch --atomic "$file")" 'npctl policy allow'

# Killed at any time: the old state, or the new one.
for ((i = 1; i <= 800; i++)); do echo "policy allow 10.9.$((i / 250)).$((i % 250)) --port tcp/$i"; done >"$file"
ours() { rules | tr , '\n' | grep -c '^10\.9\.'; }
for signal in KILL KILL KILL KILL INT TERM; do
	npctl batch --atomic "$file" >"$T/out" 2>&1 &
	sleep 0.$((RANDOM % 40 + 10))
	kill -$signal $! 2>/dev/null
	wait $! 2>/dev/null
	count=$(ours)
	ok "SIG$signal: all ($count) or nothing" [ "$count" = 0 -o "$count" = 800 ]
	[ "$count" = 0 ] || npctl -j policy list | jq -r '.[] | select(.id and (.peer | startswith("10.9."))) | "policy delete \(.id)"' | npctl batch --atomic -
done
is "what was there is there" "$(npctl -j policy export)" "$old"
ok "the maps agree" npctl policy verify
plan_done
