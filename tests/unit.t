#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it runs every build by itself
# Every unit test: as it is, with sanitizers, under valgrind.
. "$(dirname "$0")/lib.sh"

export CMOCKA_MESSAGE_OUTPUT=TAP
build=${O:-$tests/../build}

for source in "$tests"/unit/*.c; do
	[ -e "$source" ] || continue
	name=$(basename "$source" .c)
	ok "$name" "$build/tests/unit/$name"
	if [ -x "$build/sanitize/tests/unit/$name" ]; then
		ok "$name, sanitized" "$build/sanitize/tests/unit/$name"
	else
		skip "$name, sanitized: not built"
	fi
	ok "$name, under valgrind" valgrind -q --error-exitcode=9 --leak-check=full \
		--show-leak-kinds=definite --errors-for-leak-kinds=definite \
		--suppressions="$tests/unit/valgrind.supp" "$build/tests/unit/$name"
done
[ $ran -gt 0 ] || skip "no unit tests"
plan_done
