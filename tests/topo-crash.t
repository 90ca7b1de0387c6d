#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# topo: killed anywhere in up or down, the next command works and nothing stays.
. "$(dirname "$0")/lib.sh"

left() {
	echo "$(ip -br link | grep -vc '^lo ')" "$(find /run/netns -mindepth 1 | wc -l)" \
		"$(pgrep -cf '^npctl: server')" "$(find /sys/fs/bpf -mindepth 1 -name 'npctl*' | wc -l)"
}
nothing_left() {
	for _ in {1..50}; do
		[ "$(left)" = "0 0 0 0" ] && return 0
		sleep 0.02
	done
	left
	return 1
}
all_up() {
	[ "$(npctl -j topo show | jq -r '[.[].state] | unique | join(",")')" = up ] &&
		[ "$(pgrep -cf '^npctl: server')" = 1 ] &&
		npctl test connect --from allowed --to backend --port tcp/8080 --expect allow
}
# killed MILLISECONDS COMMAND…
killed() {
	local after
	after=$(printf '0.%03d' "$1")
	shift
	{ timeout -s KILL "$after" npctl "$@" >/dev/null; } 2>/dev/null
}

RANDOM=11 # the same every time
bad=0
for _ in {1..25}; do
	killed $((RANDOM % 24 + 1)) topo up
	npctl topo down >/dev/null && nothing_left || bad=$((bad + 1))
done
is "killed in up, then down: nothing is left" $bad 0

bad=0
for _ in {1..25}; do
	killed $((RANDOM % 24 + 1)) topo up
	npctl topo up >/dev/null && all_up >/dev/null || bad=$((bad + 1))
	killed $((RANDOM % 100 + 1)) topo down
done
is "killed in up or down, then up: all is up" $bad 0

bad=0
for _ in {1..25}; do
	npctl topo up >/dev/null
	killed $((RANDOM % 100 + 1)) topo down
	npctl topo down >/dev/null && nothing_left || bad=$((bad + 1))
done
is "killed in down, then down: nothing is left" $bad 0

bad=0
other=$tests/../examples/two-tiers.yml
npctl topo up >/dev/null
for _ in {1..15}; do
	killed $((RANDOM % 150 + 1)) topo up -f "$other"
	killed $((RANDOM % 150 + 1)) topo up
	npctl topo up >/dev/null && all_up >/dev/null || bad=$((bad + 1))
done
is "killed while one replaces the other: all is up" $bad 0
npctl topo down >/dev/null
ok "and nothing is left" nothing_left
plan_done
