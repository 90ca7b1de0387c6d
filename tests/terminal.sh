# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a person at a terminal does: keys are pressed, the screen is read.
export TERM=xterm-256color
# shellcheck disable=SC2034 # for lib.sh
WAIT=15
tmux() { command tmux -f /dev/null -S "$T/tmux" "$@"; }
screen() { tmux capture-pane -p; }
shows() { screen | grep -qE -- "$1"; }
hides() { ! shows "$1"; }
# press KEY… and then TEXT as it is typed
press() { tmux send-keys "$1"; }
type() { tmux send-keys -l "$1" && tmux send-keys Enter; }
size() { tmux resize-window -x "$1" -y "$2"; }
# A shell on 80 columns whose terminal is noted in $T/before.
terminal() {
	tmux new-session -d -x 80 -y 24 "env PS1='shell> ' bash --norc --noprofile"
	eventually "a terminal" shows 'shell>'
	tmux send-keys -l "stty -a >$T/before" && tmux send-keys Enter
}
