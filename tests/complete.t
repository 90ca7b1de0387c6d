#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Completion: npctl's own candidates, and the shell's function around them.
. "$(dirname "$0")/lib.sh"

candidates() {
	npctl complete -- "$@" | paste -sd ' '
}

# What a shell would offer after typing the line.
typed() {
	bash -c '
		compopt() { :; }
		. "$1"
		COMP_LINE=$2 COMP_POINT=${#2}
		_npctl
		echo "${COMPREPLY[*]}"' _ "$tests/../bash-completion/npctl.bash" "$1"
}

like "the empty line offers the commands" " $(candidates "") " ' help .*version '
is "a beginning offers what goes on" "$(candidates vers)" version
is "nothing fits: nothing" "$(candidates zzz)" ""
like "a dash offers the options" " $(candidates version --) " ' --json .*--root '
is "the value of an option" "$(candidates --root=)" ":directories"
is "the value of an option, apart" "$(candidates --root "")" ":directories"
is "help offers the commands" "$(candidates help vers)" version
is "the shell completes a command" "$(typed "npctl vers")" version
is "the shell completes an option" "$(typed "npctl version --js")" --json
mkdir "$T/folder"
is "the shell completes a directory" "$(typed "npctl --root $T/fo")" "$T/folder"
is "the shell completes behind an equals sign" "$(typed "npctl --root=$T/fo")" "$T/folder"

# Names that are there.
npctl topo up >"$T/up"
npctl load >"$T/load"
npctl attach pod backend >"$T/attach"
npctl policy allow 10.0.0.20/32 >"$T/allow"
is "pods" "$(candidates attach pod default/)" "default/backend default/allowed default/denied"
is "pods by their bare name" "$(candidates attach pod back)" backend
is "pods behind an equals sign" "$(candidates trace --pod=default/b)" --pod=default/backend
is "words and pods where a peer stands" "$(candidates policy allow wo)" world
is "interfaces" "$(candidates attach dev veth-be)" veth-be-h
is "maps" "$(candidates map dump sett)" settings
is "rules" "$(candidates policy delete 1)" 1
is "choices" "$(candidates test connect --expect "")" "allow deny"
is "ports leave the cursor" "$(candidates trace --port t)" "tcp/ :nospace"
is "commands behind two dashes" "$(candidates topo exec backend -- l)" ":commands"
is "verbs after a prefix of the command" "$(candidates pol al)" allow
is "the shell completes a pod" "$(typed "npctl trace --pod back")" backend
is "the shell completes a pod behind an equals sign" "$(typed "npctl trace --pod=back")" backend
is "the shell offers rules" "$(typed "npctl policy delete 1")" 1
plan_done
