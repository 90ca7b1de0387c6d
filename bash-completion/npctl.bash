# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Completion for npctl. npctl itself knows its words, and the pods, maps and
# policies that there are; files, users and commands are the shell's to find.

_npctl() {
	local line=${COMP_LINE:0:COMP_POINT} words word bare prefix candidate
	read -ra words <<<"$line"
	[[ $line == *' ' ]] && words+=("")
	word=${words[-1]}
	bare=$word
	[[ $word == -*=* ]] && bare=${word#*=}

	COMPREPLY=()
	while IFS= read -r candidate; do
		case $candidate in
		:files | :directories)
			compopt -o filenames
			[ "$candidate" = :files ] && candidate=-f || candidate=-d
			mapfile -t COMPREPLY < <(compgen "$candidate" -- "$bare")
			;;
		:users) mapfile -t COMPREPLY < <(compgen -u -- "$bare") ;;
		:commands) mapfile -t COMPREPLY < <(compgen -c -- "$bare") ;;
		:nospace) compopt -o nospace ;;
		*) COMPREPLY+=("$candidate") ;;
		esac
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)

	# The shell replaces only what follows the last colon or equals sign.
	prefix=${word%"${word##*[:=]}"}
	COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
}

complete -F _npctl npctl
