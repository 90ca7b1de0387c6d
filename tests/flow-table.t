#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it compiles what it runs
# flow-table: many threads at the table of flows, watched by ThreadSanitizer.
. "$(dirname "$0")/lib.sh"

${CC:-cc} -O1 -g -fsanitize=thread -I"$tests/../bpf" -o "$T/table" "$tests/unit/flow_table.c" \
	-lcmocka -lpthread 2>"$T/log" || skip_all "no ThreadSanitizer: $(head -n 1 "$T/log")"
ok "no answer is another's, and no two write one word unawares" "$T/table"
plan_done
