#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it does not run npctl
# What a reviewer should not have to look for.
. "$(dirname "$0")/lib.sh"

cd "$tests/.." || exit
mapfile -t files < <(git -c safe.directory='*' ls-files)
[ ${#files[@]} -gt 0 ] || skip_all "not a git work tree"

# Prints the files of the list that a filter lets through.
chosen() {
	local file
	for file in "${files[@]}"; do
		if [ -f "$file" ] && "$@" "$file"; then echo "$file"; fi
	done
}

is_c() { [[ $1 == *.[ch] ]]; }
is_page() { [[ $1 == man/*.[58] ]]; }
is_shell() {
	local first
	[[ $1 == *.sh || $1 == *.bash ]] && return
	IFS= read -r first <"$1" 2>/dev/null && [[ $first =~ ^#!.*(/|/env )(ba)?sh$ ]]
}
is_ours() { [[ $1 =~ \.([cht]|sh)$|Makefile$|/run$ ]]; }

nothing_matches() {
	local found
	found=$(grep -nIE "$1" "${files[@]}" 2>/dev/null | grep -v '^tests/style.t:')
	[ -z "$found" ] || { echo "$found" && return 1; }
}

unformatted() {
	local file
	for file in "$@"; do
		clang-format-14 --dry-run -Werror "$file" 2>/dev/null || echo "$file"
	done
}

mapfile -t c < <(chosen is_c)
mapfile -t shell < <(chosen is_shell)
mapfile -t pages < <(chosen is_page)
mapfile -t ours < <(chosen is_ours)

# Other versions of it disagree, and Debian 13 does not have this one.
if command -v clang-format-14 >/dev/null; then
	is "C is formatted" "$(unformatted "${c[@]}")" ""
else
	skip "no clang-format-14"
fi
ok "shell passes shellcheck" shellcheck "${shell[@]}"
if [ ${#pages[@]} -gt 0 ]; then
	ok "manual pages pass mandoc -Tlint" mandoc -Tlint -W warning "${pages[@]}"
else
	skip "no manual pages"
fi
is "every source names its licence" "$(grep -L SPDX-License-Identifier "${ours[@]}")" ""
ok "nothing is left to do" nothing_matches '\b(TODO|FIXME|XXX|HACK)\b'
ok "no machine's own paths" nothing_matches '(^|[^a-z])/(work|home)/'
ok "no shell is called from C" nothing_matches '[^_a-z](system|popen) ?\('
ok "no spaces at the end of a line" nothing_matches '[[:space:]]+$'
plan_done
