#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it measures, and alone, for it looks for cgroups of any
# The benchmark runs to its end, measures every path, and leaves nothing behind.
alone=yes
. "$(dirname "$0")/lib.sh"

mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
npctl -j test bench --quick >"$T/bench" 2>"$T/errors"
is "it runs" "$?" 0
is "every path has its cost" "$(jq '[.packets[].ns > 0] | all and length == 15' "$T/bench")" true
# Within the noise of a busy machine; a page of numbers says it better.
cost() { jq --arg path "$1" '.packets[] | select(.path == $path) | .over_empty_ns' "$T/bench"; }
for path in established denied; do
	ok "$path: events cost nothing when nobody listens" \
		[ "$(cost $path)" -le $((2 * $(cost "$path, event code removed") + 30)) ]
done
npctl -j test bench --quick --rules 20000 >"$T/rules" 2>>"$T/errors"
is "the same among 20000 rules, and nothing else" "$(jq -c '[keys, ([.packets[].ns > 0] | all and length == 15)]' "$T/rules")" \
	'[["packets"],true]'
is "prefixes, beside the kernel's trie" "$(jq '[.peers[].lpm_trie_ns > 0] | all and length == 2' "$T/bench")" true
if [ -n "$mount" ]; then
	is "connects without and with policy" \
		"$(jq -r '[.connects[] | select(.ns > 0) | "\(.connect) \(.policy)"] | join(", ")' "$T/bench")" \
		"UDP none, UDP 10 prefixes, UDP 10000 prefixes, TCP none, TCP 10 prefixes, TCP 10000 prefixes"
	is "no cgroup is left" "$(find "$mount" -maxdepth 1 -name 'npctl-bench-*')" ""
else
	skip "no cgroup2 file system" 2
fi
is "a pod's and a user's packets" "$(jq -r '[.users[] | select(.ns > 0).program] | join(" ")' "$T/bench")" \
	"pod_ingress user_egress"
ok "the socket remembers: it costs no more" [ "$(jq '.users[1].times_pod < 1.5' "$T/bench")" = true ]
is "nothing to complain about" "$(cat "$T/errors")" ""
is "nothing is pinned" "$(find /sys/fs/bpf -name '*npctl*')" ""
plan_done
