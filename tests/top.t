#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# top, as a person at a terminal meets it: keys are pressed, the screen is read.
. "$(dirname "$0")/lib.sh"
command -v tmux >/dev/null || skip_all "no tmux"

export TERM=xterm-256color
WAIT=15
tmux() { command tmux -f /dev/null -S "$T/tmux" "$@"; }
screen() { tmux capture-pane -p; }
shows() { screen | grep -qE -- "$1"; }
hides() { ! shows "$1"; }
# press KEY… and then TEXT as it is typed
press() { tmux send-keys "$1"; }
type() { tmux send-keys -l "$1" && tmux send-keys Enter; }
size() { tmux resize-window -x "$1" -y "$2"; }

tmux new-session -d -x 80 -y 24 "env PS1='shell> ' bash --norc --noprofile"
eventually "a terminal" shows 'shell>'
tmux send-keys -l "stty -a >$T/before; cd $T; $NPCTL top" && tmux send-keys Enter
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
press 2
eventually "2: the denied one is blocked" shows '^ +default/denied .*blocked'
eventually "its event as well" shows 'DROP +in +default/denied:[0-9]+ -> default/backend:8080 TCP SYN'
eventually "both are counted" shows 'allowed [1-9].*denied [1-9].*events [1-9]'
eventually "the programs have run" shows 'pod_ingress +[0-9]+ '

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
ok "no event comes" hides ':4242'
press p
eventually "and goes on" shows 'DROP .*:4242'

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

press s
eventually "s asks for a file" shows 'save to which file: npctl-top.txt'
tmux send-keys Enter
eventually "it is saved" shows 'saved to npctl-top.txt'
like "with the screen" "$(cat "$T/npctl-top.txt")" 'ENDPOINTS.* backend +10\.0\.0\.10'
like "and all events" "$(sed '1,/^all events/d' "$T/npctl-top.txt")" 'npctl topo up.*ALLOW in.*DROP'

size 140 40
eventually "it grows" shows '.{130}'
eventually "with all of it" shows 'ENDPOINTS.*PROGRAMS'
size 50 12
eventually "it shrinks" shows 'ENDPOINTS'
size 20 5
eventually "too far" shows 'too small'
size 80 24
eventually "and grows again" shows '^ backend +10\.0\.0\.10'

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
press q
eventually "q ends it" shows 'shell>'
eventually "the screen is the shell's" hides ENDPOINTS

for signal in TERM INT HUP QUIT; do
	tmux send-keys -l "$NPCTL top; echo status=\$?; stty -a >$T/after" && tmux send-keys Enter
	eventually "$signal: it runs" shows ENDPOINTS
	pkill -"$signal" -x npctl -n
	eventually "$signal ends it" shows 'status=0'
	eventually "the terminal is as before" cmp "$T/before" "$T/after"
	ok "no screen is left" hides ENDPOINTS
	tmux send-keys -l clear && tmux send-keys Enter
	eventually "clear" hides 'status='
done
like "no listener is left" "$(npctl -j stat events)" '^\[\]$'

fails_with "no terminal" 1 'needs a terminal' npctl top
fails_with "no such interval" 2 'interval' npctl top --interval 0
fails "no JSON" npctl -j top
tmux kill-server
plan_done
