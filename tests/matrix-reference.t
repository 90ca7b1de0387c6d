#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Random clusters: the compiler against a reference that shares nothing with
# it, and against real packets. `make fuzz` goes on from other seeds.
. "$(dirname "$0")/lib.sh"

export NPCTL
ok "400 clusters offline" perl "$tests/reference/differential" 1 400 60
ok "6 clusters live" perl "$tests/reference/differential" --live 5001 6 60
is "nothing is left of them" "$(shopt -s nullglob; echo /run/netns/* /sys/fs/bpf/npctl*)" ""
plan_done
