#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: what npctl says is in complete.t, here it is what shells make of it
# Completion as people meet it: bash, zsh and fish at a terminal, and keys.
. "$(dirname "$0")/lib.sh"
for tool in tmux zsh fish; do
	command -v $tool >/dev/null || skip_all "no $tool"
done

export TERM=xterm-256color HOME=$T/home
WAIT=15
mkdir -p "$HOME" "$T/folder" && touch "$T/folder/manifest.yml"
# A server each: the next must not meet one that is about to go.
tmux() { command tmux -f /dev/null -S "$T/tmux-$shell" "$@"; }
screen() { tmux capture-pane -p; }
shows() { screen | grep -qE -- "$1"; }
# The line with the cursor, up to it.
line() {
	local x y text
	read -r x y < <(tmux display -p '#{cursor_x} #{cursor_y}')
	text=$(tmux capture-pane -p -S "$y" -E "$y")
	printf '%-*s' "$x" "${text:0:x}"
}
at() { [ "$(line)" = "> $1" ]; }
completes() {
	tmux send-keys C-u
	tmux send-keys -l -- "$1"
	eventually "$shell: \"$1\"" at "$1"
	tmux send-keys Tab
	eventually "$shell: … goes on as \"$2\"" at "$2" || note "$(screen)"
}
offers() {
	tmux send-keys C-u
	tmux send-keys -l -- "$1"
	eventually "$shell: \"$1\"" at "$1"
	tmux send-keys Tab
	eventually "$shell: … offers $2" shows "$2" || note "$(screen)"
	tmux send-keys C-c
	tmux send-keys C-u
	eventually "$shell: … and is cancelled" at ""
}

npctl topo up >"$T/up"
npctl load >"$T/load"
npctl policy allow 10.0.0.20 >"$T/allow"

try() {
	completes "npctl pol" "npctl policy "
	completes "npctl policy expl" "npctl policy explain "
	completes "npctl attach pod default/bac" "npctl attach pod default/backend "
	completes "npctl trace --pod=den" "npctl trace --pod=denied "
	completes "npctl trace --pod den" "npctl trace --pod denied "
	completes "npctl policy delete 1" "npctl policy delete 1 "
	completes "npctl map dump sett" "npctl map dump settings "
	completes "npctl attach dev veth-b" "npctl attach dev veth-be-h "
	completes "npctl test connect --expect de" "npctl test connect --expect deny "
	completes "npctl policy apply -f $T/folder/man" "npctl policy apply -f $T/folder/manifest.yml "
	completes "npctl policy apply --file=$T/folder/man" "npctl policy apply --file=$T/folder/manifest.yml "
	completes "npctl --root $T/fol" "npctl --root $T/folder/"
	completes "npctl policy allow any --user roo" "npctl policy allow any --user root "
	completes "npctl policy allow any --port tc" "npctl policy allow any --port tcp/"
	completes "npctl topo exec denied -- nslooku" "npctl topo exec denied -- nslooku"
	completes "npctl topo exec denied -- setpri" "npctl topo exec denied -- setpriv "
	offers "npctl policy d" "default.*delete|delete.*default|^default"
	offers "npctl policy allow --p" "--pod.*--port|^--pod"
}

shell=bash
echo "PS1='> '; bind 'set bell-style none'; bind 'set show-all-if-ambiguous on'; source <(npctl completion bash)" >"$HOME/bashrc"
tmux new-session -d -x 120 -y 30 "bash --noprofile --rcfile $HOME/bashrc"
eventually "bash runs" at ""
try
tmux kill-server

shell=zsh
echo "PS1='> '; autoload -Uz compinit; compinit -u -D; source <(npctl completion zsh)" >"$HOME/.zshrc"
tmux new-session -d -x 120 -y 30 "zsh -d -i"
eventually "zsh runs" at ""
try
offers "npctl policy de" "delete +-- take rules or policies away"
tmux kill-server
shell=zsh-installed
mkdir "$T/functions" && npctl completion zsh >"$T/functions/_npctl"
echo "PS1='> '; fpath=($T/functions \$fpath); autoload -Uz compinit; compinit -u -D" >"$HOME/.zshrc"
tmux new-session -d -x 120 -y 30 "zsh -d -i"
eventually "zsh runs with the installed function" at ""
completes "npctl attach pod default/bac" "npctl attach pod default/backend "
tmux kill-server

shell=fish
mkdir -p "$HOME/.config/fish"
cat >"$HOME/.config/fish/config.fish" <<'END'
function fish_prompt; echo -n '> '; end
set fish_greeting
set fish_autosuggestion_enabled 0
npctl completion fish | source
END
tmux new-session -d -x 120 -y 30 "fish"
eventually "fish runs" at ""
try
offers "npctl policy de" "delete +\(take rules or policies away\)"
tmux kill-server
is "fish shows what they are" "$(fish -c 'complete -C "npctl attach pod default/b"')" $'default/backend\t10.0.0.10'

# A machine without an instance, and words that make no sense: nothing, and no errors.
npctl topo down
npctl load --unload >"$T/unload"
for line in "npctl attach pod " "npctl map dump " "npctl nothing " "npctl policy nothing "; do
	is "fish is silent: $line" "$(fish -c "complete -C '$line'" 2>&1)" ""
done
plan_done
