#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The prompt, as a person at a terminal meets it: keys are pressed, the screen is read.
. "$(dirname "$0")/lib.sh"
command -v tmux >/dev/null || skip_all "no tmux"

export TERM=xterm-256color HOME=$T/home SHELL=/bin/bash
unset XDG_STATE_HOME
mkdir "$HOME"
WAIT=15
tmux() { command tmux -f /dev/null -S "$T/tmux" "$@"; }
screen() { tmux capture-pane -p; }
shows() { screen | grep -qE -- "$1"; }
hides() { ! shows "$1"; }
press() { tmux send-keys "$@"; }
type() { tmux send-keys -l -- "$1"; }
enter() { type "$1" && press Enter; }
# The last line that is not empty: where the cursor is.
last() { screen | grep . | tail -1; }
ends() { [[ $(last) =~ $1$ ]]; }
clean() { press C-l; }
fresh() { eventually "a prompt" ends '> ?'; clean; }

npctl topo up >"$T/up"
tmux new-session -d -x 80 -y 24 "env PS1='shell\$ ' bash --norc --noprofile"
eventually "a terminal" shows 'shell\$'
enter "stty -a >$T/before; $NPCTL repl"
eventually "the prompt tells the pods, and that nothing is loaded" ends 'npctl \(3 pods, not loaded\)> ?'
enter load
eventually "a command runs" shows 'maps/'
eventually "the prompt has learnt of it" ends 'npctl \(3 pods\)> ?'
clean

# Words are completed, from the table and from what there is.
type "pol"
press Tab
eventually "a command is completed" ends 'npctl \(3 pods\)> policy ?'
type "al"
press Tab
eventually "its verb" ends 'policy allow ?'
type "default/all"
press Tab
eventually "a pod" ends 'policy allow default/allowed ?'
type "--po"
press Tab Tab
eventually "two options to choose from" shows '^--pod +--port'
type "d=bac"
press Tab
eventually "a pod behind an equals sign" ends '--pod=backend ?'
type "--port t"
press Tab
eventually "a port leaves the cursor behind it" ends '--port tcp/'
type 8080
press Enter
eventually "and that is the command" shows 'rule 1: allow ingress default/allowed tcp/8080 for default/backend \(added\)'
fresh
type "policy delete "
press Tab
eventually "a rule's number" ends 'policy delete 1 ?'
press C-u
type "map dump sett"
press Tab
eventually "a map" ends 'map dump settings ?'
press C-u
type "attach dev veth-d"
press Tab
eventually "an interface" ends 'attach dev veth-deny-h ?'
press C-u
mkdir "$T/manifests" && echo '{}' >"$T/manifests/one.yml"
type "policy apply -f $T/mani"
press Tab
eventually "a directory" ends 'manifests/'
press Tab
eventually "the file in it" ends 'one.yml ?'
press C-u
type "policy apply --file=$T/manifests/o"
press Tab
eventually "a file behind an equals sign" ends '--file=.*/one.yml ?'
press C-u
type "policy allow any --user roo"
press Tab
eventually "a user" ends '--user root ?'
press C-u
type "topo exec denied -- sle"
press Tab
eventually "a program" ends 'sleep ?'
press C-u
type "test connect --expect de"
press Tab
eventually "a choice" ends '--expect deny ?'
press C-u
type "npctl trace --dro"
press Tab
eventually "behind npctl, too" ends 'npctl trace --drops ?'
press C-u
type "qui"
press Tab
eventually "the prompt's own words" ends '> quit ?'
press C-u
type "policy def"
press M-h
eventually "Alt-h helps in place" shows 'npctl policy default allow\|deny\|auto'
eventually "and the line is still there" ends 'policy def'
press C-u
fresh

# Errors, as on the command line, and nothing of a line stays for the next.
enter "polcy list"
eventually "an error" shows '^npctl: unknown command "polcy": did you mean policy\? \(mend: npctl help\)'
enter "version -j"
eventually "-j is for its line" shows '^\{"version"'
fresh
enter "version"
eventually "and no other" shows '^npctl [0-9]'
enter "polcy -j"
eventually "an error after it is text" shows '^npctl: unknown command "polcy"'
fresh
enter "attach pod backend"
eventually "attached" shows 'default/backend \(veth-be-h\): attached'
fresh
enter "repl"
eventually "a prompt in the prompt" shows 'this is the prompt already'
enter '!echo from the 42nd | tr f F'
eventually "a shell's command" shows '^From the 42nd'
enter "topo exec denied -- bash -c 'exit 3'"
eventually "a command in a pod comes back" ends '> ?'
fresh
enter "topo exec backend -- cat /proc/self/comm"
eventually "it runs in the pod" shows '^cat'
fresh

# What was dropped since the last prompt.
npctl topo exec denied -- bash -c 'for i in 1 2 3; do echo >/dev/udp/10.0.0.10/4242; done'
press Enter
eventually "the prompt counts drops" ends 'npctl \(3 pods, 3 drops\)> ?'
press Enter
eventually "since the last prompt" ends 'npctl \(3 pods\)> ?'
clean

# Here-documents, continued lines.
enter "policy apply -f - <<EOF"
eventually "a here-document has its own prompt" ends '^> ?'
type "apiVersion: networking.k8s.io/v1"
press Enter
enter "kind: NetworkPolicy"
enter "metadata: {name: typed}"
enter "spec:"
press Tab x
eventually "a tab in it is a tab" ends '^> +x'
press C-u
enter "  podSelector: {}"
enter "EOF"
eventually "is applied" shows 'NetworkPolicy default/typed: created'
is "for the other commands, too" "$(npctl policy export | grep -c 'name: typed')" 1
fresh
enter "policy delete \\"
enter typed
eventually "a continued line" ends '\)> ?'
is "is one command" "$(npctl policy export | grep -c 'name: typed')" 0
enter "policy apply -f - <<EOF"
eventually "another one" ends '^> ?'
enter "kind: NetworkPolicy"
press C-c
eventually "Ctrl-C takes all of it back" ends 'npctl \(3 pods\)> ?'
fresh

# Ctrl-C.
type "policy allow any"
press C-c
eventually "Ctrl-C cancels the line" shows 'policy allow any\^C'
is "which does nothing" "$(npctl -j policy list | jq '[.[] | select(.id)] | length')" 1
eventually "and shows a prompt" ends 'npctl \(3 pods\)> ?'
clean
enter "trace"
eventually "a trace" shows 'listening for verdicts'
npctl topo exec denied -- bash -c 'echo >/dev/udp/10.0.0.10/4243'
eventually "shows events" shows ' DROP '
press C-c
eventually "until Ctrl-C" shows '1 event: 0 allowed, 1 dropped; 0 lost'
eventually "and goes back" ends 'npctl \(3 pods, 1 drop\)> ?'
is "no listener is left" "$(npctl -j stat events)" '[]'
clean
enter "trace --count 1"
eventually "a second one" shows 'listening for verdicts'
npctl topo exec denied -- bash -c 'echo >/dev/udp/10.0.0.10/4244'
eventually "works as the first" shows ' DROP '
fresh
for watch in "stat rules --watch" "stat programs --watch"; do
	enter "$watch"
	eventually "$watch looks" shows 'PACKETS|RUNS'
	press C-c
	eventually "until Ctrl-C" ends '\)> ?'
	fresh
done
enter top
eventually "top" shows 'ENDPOINTS'
press C-c
eventually "until Ctrl-C" ends 'npctl \(3 pods.*\)> ?'
ok "its screen is gone" hides ENDPOINTS
enter top
eventually "top again" shows 'ENDPOINTS'
press q
eventually "until q" ends 'npctl \(3 pods.*\)> ?'
fresh
enter "test connect --from denied --to backend --port tcp/8080 --timeout 60s"
sleep 0.3
press C-c
eventually "a test, too" ends 'npctl \(3 pods.*\)> ?'
enter "policy wait --generation 999999999"
sleep 0.3
press C-c
eventually "a wait, too" ends 'npctl \(3 pods.*\)> ?'
fresh
enter "topo exec backend -- sleep 1000"
sleep 0.3
press C-c
eventually "a command in a pod, too" ends 'npctl \(3 pods.*\)> ?'
fresh
enter "policy apply -f -"
sleep 0.3
press C-c
eventually "what waits for standard input" ends 'npctl \(3 pods.*\)> ?'
fresh
flock "/sys/fs/bpf/npctl" sleep 1000 &
locker=$!
sleep 0.1
enter "policy allow 10.5.5.5"
eventually "what waits for another npctl" shows 'waiting for'
press C-c
eventually "ends as well" shows 'lock .*: Interrupted'
kill $locker
fresh

# A change is never left half done.
enter "policy apply -f - <<EOF"
for ((i = 0; i < 5; i++)); do
	enter "{kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: {name: n$i}, spec: {podSelector: {}}}"
	enter ---
done
enter EOF
press C-c
eventually "Ctrl-C while a change is made" ends '\)> ?'
count=$(npctl policy export | grep -cE 'name: n[0-4]$')
ok "it is made ($count), or was not begun" [ "$count" = 5 -o "$count" = 0 ]
ok "the maps agree" npctl policy verify
fresh

# The window.
size() { tmux resize-window -x "$1" -y "$2" && until [ "$(stty -F "$(tmux display -p '#{pane_tty}')" size)" = "$2 $1" ]; do sleep 0.02; done; }
size 50 12
type "policy allow 10.0.0.1 --port tcp/1 --port tcp/2 --port tcp/3"
eventually "a narrow window: the line wraps" shows '^p?o?r?t? ?.*tcp/3$'
size 100 30
press C-c
eventually "a wide one" ends '\)> ?'
fresh
enter "help stat flows"
eventually "help is as wide as the window is by now" shows '.{83}'
size 80 24
fresh
press C-\\
eventually "Ctrl-\\ cancels the line" shows '\^C'
press C-z
type "version -j"
press Enter
eventually "Ctrl-Z does nothing" shows '^\{"version"'
fresh

# History.
press Up
press Up
eventually "lines come back" ends 'help stat flows'
press C-u
press C-r
type "count 1"
eventually "and are searched" shows "trace --count 1"
press C-c
eventually "Ctrl-C ends a search" ends '\)> ?'
enter " version --quiet"
eventually "a line with a blank in front" ends '\)> ?'
press C-d
eventually "Ctrl-D ends it" ends 'shell\$ ?'
enter "stty -a >$T/after"
eventually "the terminal is as before" cmp "$T/before" "$T/after"
kept=$HOME/.local/state/npctl/history
is "the history is kept, for this user alone" "$(stat -c '%a %U' "$kept")" "600 root"
like "with what was typed" "$(cat "$kept")" $'\ntrace --count 1\n'
unlike "without what begins with a blank" "$(cat "$kept")" 'version --quiet'
unlike "without here-documents" "$(cat "$kept")" 'kind:'
cp "$kept" "$T/kept"
press C-l
enter "clear; $NPCTL repl --private"
eventually "a private one" ends 'npctl \(3 pods.*\)> ?'
press Up
sleep 0.2
ok "knows nothing from before" ends '> ?'
enter "version --debug"
eventually "has its own" ends '\)> ?'
press Up
eventually "lines" ends 'version --debug'
press C-u
enter exit
eventually "exit ends it" ends 'shell\$ ?'
ok "and keeps none" cmp "$kept" "$T/kept"
enter "clear; HOME=$T/nowhere $NPCTL repl"
eventually "without a home" ends 'npctl \(3 pods.*\)> ?'
enter quit
eventually "quit ends it" ends 'shell\$ ?'
ok "nothing is made there" [ ! -e "$T/nowhere" ]

for signal in TERM HUP; do
	enter "clear; $NPCTL repl; echo status=\$?; stty -a >$T/after"
	eventually "$signal: a prompt" ends 'npctl \(3 pods.*\)> ?'
	pkill -"$signal" -x npctl -n
	eventually "$signal ends it" shows 'status=0'
	eventually "the terminal is as before" cmp "$T/before" "$T/after"
done

# Terminals that can do little.
enter "clear; TERM=dumb $NPCTL repl"
eventually "a dumb terminal" ends 'npctl \(3 pods.*\)> ?'
enter "vers"
eventually "shows" shows '^npctl [0-9]'
enter exit
eventually "and ends" ends 'shell\$ ?'
enter "clear; NO_COLOR=1 $NPCTL --root /sys/fs/bpf/other repl"
eventually "another instance is in the prompt" ends 'npctl /sys/fs/bpf/other> ?'
enter exit
eventually "and ends" ends 'shell\$ ?'
tmux kill-server
plan_done
