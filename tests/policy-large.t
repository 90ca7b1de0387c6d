#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it measures
# 5000 pods, 100 namespaces, 2000 policies; and a million prefixes.
# shellcheck disable=SC2034 # for lib.sh
alone=yes
. "$(dirname "$0")/lib.sh"

# Milliseconds of processor time: the best of ten, for the machine may be busy.
milliseconds() {
	perl -e '
		my $best = 1e9;
		for (1 .. 10) {
			my @before = times;
			my $child = fork // exit 1;
			exec @ARGV or exit 1 unless $child;
			waitpid $child, 0;
			exit 1 if $?;
			my @after = times;
			my $used = $after[2] + $after[3] - $before[2] - $before[3];
			$best = $used if $used < $best;
		}
		printf "%d\n", $best * 1000' "$@" 2>&1
}

below() { # DESCRIPTION GOT LIMIT
	[ "${2:-999999}" -lt "$3" ]
	result $? "$1: $2, below $3" "too much"
}

perl "$tests/reference/large" 5000 100 2000 >"$T/large.json"
echo '[{"from":"ns-1/pod-1","to":"ns-2/pod-2","protocol":"TCP","port":8080}]' >"$T/probes.json"
judge=(npctl -j test matrix -f "$T/large.json" --probes "$T/probes.json")
below "parsed and compiled, ms" "$(milliseconds "${judge[@]}" | tail -1)" 2000
# What the process had at most, asked until it is gone.
peak() {
	local pid most=0 now
	"$@" >/dev/null &
	pid=$!
	while now=$(grep -oP 'VmHWM:\s*\K\d+' "/proc/$pid/status" 2>/dev/null); do
		[ "$now" -le "$most" ] || most=$now
	done
	echo "$most"
}
below "in kilobytes" "$(peak "${judge[@]}")" 500000

npctl -q topo up >/dev/null && npctl -q load >/dev/null && npctl -q attach pod backend || exit
ok "loaded" npctl -q policy apply -f "$T/large.json"
cat >"$T/change" <<'END'
#!/bin/bash
exec npctl -q policy apply -f - <<-POD
	{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod-7", "namespace": "ns-7",
	"labels": {"app": "app-3", "tier": "fe", "turn": "t$$"}},
	"spec": {"nodeName": "node-7", "containers": [{"name": "c", "ports": [{"containerPort": 8080, "name": "http"}]}]}}
POD
END
below "a label changed and enforced, ms" "$(milliseconds bash "$T/change")" 50
is "and right" "$(npctl policy verify)" "documents, plan, maps and programs agree"

perl -e 'for my $i (0 .. 999999) { printf "%d.%d.%d.%d\n", 20 + ($i >> 16) % 100, ($i >> 8) & 255, $i & 255, $i * 7 & 255 }' >"$T/list"
begin=$(date +%s%N)
ok "a million prefixes" npctl -q policy deny --cidr-file "$T/list"
below "loaded, ms" $((($(date +%s%N) - begin) / 1000000)) 3000
is "all there" "$(npctl policy verify)" "documents, plan, maps and programs agree"
plan_done
