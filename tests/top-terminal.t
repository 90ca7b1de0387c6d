#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# top and its terminal: sizes, and every way to leave it as it was.
. "$(dirname "$0")/lib.sh"
command -v tmux >/dev/null || skip_all "no tmux"
. "$tests/terminal.sh"

fails_with "no terminal" 1 'needs a terminal' npctl top
fails_with "no such interval" 2 'interval' npctl top --interval 0
fails "no JSON" npctl -j top

npctl topo up >/dev/null
npctl load >/dev/null
ok "a lab" npctl attach pod backend
terminal
tmux send-keys -l "$NPCTL top" && tmux send-keys Enter
eventually "top" shows '^ backend +10\.0\.0\.10 +open'
size 140 40
eventually "it grows" shows '.{130}'
eventually "with all of it" shows 'ENDPOINTS.*PROGRAMS'
size 50 12
eventually "it shrinks" shows 'ENDPOINTS'
size 20 5
eventually "too far" shows 'too small'
size 80 24
eventually "and grows again" shows '^ backend +10\.0\.0\.10'

press C-z
eventually "^Z goes to the shell" shows 'Stopped'
tmux send-keys -l fg && tmux send-keys Enter
eventually "and fg back" shows '^ *ENDPOINTS'
press q
eventually "q ends it" hides ENDPOINTS
tmux send-keys -l clear && tmux send-keys Enter

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
# A crash restores it as well; a terminal that goes away takes top with it.
tmux send-keys -l "$NPCTL top; stty -a >$T/after; echo over" && tmux send-keys Enter
eventually "it runs" shows ENDPOINTS
pkill -ABRT -x npctl -n
eventually "a crash ends it" shows '^over'
eventually "the terminal is as before" cmp "$T/before" "$T/after"
ok "no screen is left" hides ENDPOINTS
tmux new-window "$NPCTL top"
eventually "in another terminal" shows ENDPOINTS
tmux kill-window
eventually "that is gone" bash -c '! pgrep -x npctl'

nobody() { [ "$(npctl -j stat events)" = "[]" ]; }
eventually "no listener is left" nobody

tmux kill-server
plan_done
