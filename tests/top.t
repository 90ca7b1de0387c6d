#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# top, as a person at a terminal meets it: keys are pressed, the screen is read.
. "$(dirname "$0")/lib.sh"
command -v tmux >/dev/null || skip_all "no tmux"

. "$tests/terminal.sh"

terminal
tmux send-keys -l "cd $T; $NPCTL top" && tmux send-keys Enter
eventually "nothing is there" shows 'press u to set up'
eventually "it says so" shows 'npctl top .* not loaded'
press '?'
eventually "? explains the keys" shows 'test connect from the denied pod'
press '?'
eventually "and goes back" shows '^ *ENDPOINTS'

press u
eventually "u sets up" shows '> npctl attach pod default/backend'
eventually "it is loaded" shows 'npctl top .* loaded'
eventually "the attached pod is open" shows '^ backend +10\.0\.0\.10 +open'
eventually "the others are not attached" shows '^ denied +10\.0\.0\.30 +unattached'
press 2
eventually "2 connects while nothing is denied" shows 'denied .*connected'

press a
eventually "a asks for a peer" shows 'allow which peer'
type 10.0.0.20/32
eventually "and for a port" shows 'on which port'
tmux send-keys Enter
eventually "the rule is there" shows 'rule 1 +one-line +allow +ingress|rule 1 .*allow'
eventually "the pod has policy" shows '^ backend +10\.0\.0\.10 +policy'
is "for the other commands, too" "$(npctl -j policy list | jq -r '[.[] | select(.id) | .verdict] | join(" ")')" allow
press 1
eventually "1: the allowed one connects" shows '^ +default/allowed .*connected'
eventually "its event" shows 'ALLOW in +default/allowed:[0-9]+ -> default/backend:8080 TCP SYN'
coloured() { tmux capture-pane -ep | grep -qE "$1"; }
eventually "in green" coloured $'\e\\[32m[0-9:]+ ALLOW'
press 2
eventually "2: the denied one is blocked" shows '^ +default/denied .*blocked'
eventually "its event as well" shows 'DROP +in +default/denied:[0-9]+ -> default/backend:8080 TCP SYN'
eventually "in red" coloured $'\e\\[31m[0-9:]+ DROP'
eventually "both are counted" shows 'allowed [1-9].*denied [1-9].*events [1-9]'
eventually "the programs have run" shows 'pod_ingress +[0-9]+ '

# The rules: one is selected, and turned around while the lab runs.
to_rule() { # N: until it is selected
	press Home
	for _ in $(seq 20); do
		shows "^>rule $1 " && return
		press Down
		sleep 0.1
	done
	return 1
}
verdicts() { npctl -j policy list | jq -r '[.[] | select(.id) | .verdict] | join(" ")'; }
press t
eventually "t without a selected rule" shows 'select a one-line rule'
press Down
eventually "an arrow selects" shows '^>[a-z]'
press End
eventually "End goes to the last" shows "^>exempt ingress: the pod's"
press t
eventually "that is not to be turned" shows 'select a one-line rule.*'
press Up
eventually "Up goes back" shows '^>exempt ingress: the pod it'
press PPage
eventually "by a page" hides '^>exempt ingress: the pod it'
press NPage
eventually "and forth" shows '^>exempt ingress'
ok "the rule is found" to_rule 1
press t
eventually "t turns it around" shows '^>rule 1 10\.0\.0\.20/32 +rule +deny +ingress'
is "at once, for all" "$(verdicts)" deny
press 1
eventually "the allowed one is blocked" shows '^ +default/allowed .*blocked'
press t
eventually "t turns it back, it is still selected" shows '^>rule 1 10\.0\.0\.20/32 +rule +allow +ingress'
is "that, too" "$(verdicts)" allow
press Escape
eventually "Escape selects none" hides '^>[a-z]'
press 1
eventually "its event comes again" shows 'ALLOW in .*8080'

[ -z "${PICTURE:-}" ] || { sleep 1.5 && screen >"$PICTURE"; }

press f
eventually "f asks" shows 'only events with'
type 'drop 8080'
eventually "what does not match is gone" hides 'ALLOW in'
eventually "what does is there" shows 'DROP +in .*8080'
press f
eventually "the filter is kept to be changed" shows 'with these words: drop 8080'
tmux send-keys C-u Enter
eventually "none shows all" shows 'ALLOW in'

press p
eventually "p pauses" shows 'EVENTS +PAUSED'
npctl topo exec denied -- bash -c 'echo >/dev/udp/10.0.0.10/4242'
sleep 0.5
ok "no event comes" hides ':4242 '
press p
eventually "and goes on" shows 'DROP .*:4242 '

press d
eventually "d asks" shows 'deny which peer'
type allowed
eventually "and for a port" shows 'deny it on which port'
type tcp/8080
eventually "the rule is there" shows '2 .*deny'
press 1
eventually "now that one is blocked" shows '^ +default/allowed .*blocked'
press a
eventually "a again" shows 'allow which peer'
type 10.0.0.300
tmux send-keys Enter
eventually "a wrong one is an error" shows 'npctl: .*10\.0\.0\.300'
press a
eventually "a once more" shows 'allow which peer'
press Escape
eventually "Escape takes it back" hides 'allow which peer'

press :
eventually "any command" shows '^npctl _'
type 'policy default deny'
eventually "is run" shows '> npctl policy default deny'

press :
eventually "not top itself" shows '^npctl _'
type top
eventually "which it is" shows 'npctl: this is top'
printf 'GARBAGE' >"$(tmux display -p '#{pane_tty}')"
eventually "somebody writes on the screen" shows GARBAGE
press C-l
eventually "^L draws it anew" hides GARBAGE
press h
eventually "h is help, too" shows 'take down: load --unload'
press Escape
eventually "Escape leaves it" shows '^ *ENDPOINTS'

press s
eventually "s asks for a file" shows 'save to which file: npctl-top.txt'
tmux send-keys Enter
eventually "it is saved" shows 'saved to npctl-top.txt'
like "with the screen" "$(cat "$T/npctl-top.txt")" 'ENDPOINTS.* backend +10\.0\.0\.10'
like "and all events" "$(sed '1,/^all events/d' "$T/npctl-top.txt")" 'npctl topo up.*ALLOW in.*DROP'

press c
eventually "c asks first" shows 'delete all rules.*y/n'
press n
eventually "n is no" hides 'y/n'
is "nothing is deleted" "$(npctl -j policy list | jq '[.[] | select(.id)] | length')" 2
press c
eventually "c again" shows 'y/n'
press y
eventually "y deletes" shows '> npctl policy delete --all'
eventually "no rule is left" shows '^ backend +10\.0\.0\.10 +open'

ok "the datapath goes away" npctl load --unload
eventually "which is seen" shows 'npctl top .* not loaded'
ok "and comes back" npctl load
eventually "seen, too" shows 'npctl top .*[^t] loaded'
press x
eventually "x asks first" shows 'take the lab down.*y/n'
press n
eventually "n is no" hides 'y/n'
press x
eventually "x again" shows 'y/n'
press y
eventually "y takes down" shows '> npctl topo down'
eventually "all of it" shows 'press u to set up'
is "nothing is left" "$(ls /run/netns)" ""
press u
eventually "u sets up again" shows '^ backend +10\.0\.0\.10 +open'
press q
eventually "q ends it" shows 'shell>'
eventually "the screen is the shell's" hides ENDPOINTS

tmux kill-server
plan_done
