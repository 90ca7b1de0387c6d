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
		echo "${COMPREPLY[*]}"' _ "$tests/../bash-completion/npctl" "$1"
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
plan_done
