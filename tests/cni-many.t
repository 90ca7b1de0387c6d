#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# npctl as a CNI plugin: fifty containers come and go at once and leave nothing.
. "$(dirname "$0")/lib.sh"
. "$tests/cni.sh"

many=50
conf '{"cniVersion": "1.1.0", "name": "net", "type": "npctl", "podcidr": ["10.22.0.0/24", "fd00:22::/64"],
	"strict": true, "ipMasq": true}'
# Everything that could be left behind, but for where the search for addresses goes on.
remains() {
	ip -br link | awk '{print $1}'
	ip -br addr | grep -v '^lo'
	nft list ruleset
	npctl -j endpoint list
	npctl -j attach show
	ls /sys/fs/bpf/npctl/links
	npctl -j map list | jq -r '.[] | select(.name | test("flows|tall|subjects|documents|containers|users|runs.*-")) |
		"\(.name) \(.entries)"'
	npctl map dump subjects -j | jq -c --argjson half $(($(npctl -j map dump settings | jq ".[0].value.version") % 2)) "[.[] | select(.value.half[\$half].ifindex != 0)]"
}
added "one comes" warm
deleted "… and goes" warm
remains >"$T/before"

for ((i = 0; i < many; i++)); do make_netns "c$i"; done
each() { # COMMAND: all at once; how many failed
	local i pids=() failed=0
	for ((i = 0; i < many; i++)); do
		CNI_COMMAND=$1 CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/c$i CNI_IFNAME=eth0 CNI_PATH=$plugins \
			"$NPCTL" <<<"$config" >"$T/c$i.$1" 2>"$T/c$i.errors" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || failed=$((failed + 1)); done
	echo $failed
}
start=$(date +%s%N)
is "$many containers come at once" "$(each ADD)" 0
note "in $((($(date +%s%N) - start) / 1000000)) ms"
is "… each with addresses of its own" "$(cat "$T"/c*.ADD | jq -r '.ips[].address' | sort -u | wc -l)" $((2 * many))
is "… all of them on the bridge" "$(ip -br link show master npctl0 | wc -l)" $many
is "… all of them known and denied" "$(npctl -j endpoint list | jq '[.[] | select(.ingress != "no policy")] | length')" $many
is "… each attached" "$(npctl -j attach show | jq 'map(select(.npctl and (.warnings | length == 0))) | length')" $((2 * many))
serve c7
npctl policy default allow >/dev/null
for i in 3 7; do npctl policy default allow --pod net/c$i >/dev/null; npctl policy default allow --egress --pod net/c$i >/dev/null; done
seven=$(jq -r '.ips[0].address | split("/")[0]' "$T/c7.ADD")
eventually "two of them may talk" reached c3 "$seven"
is "the others may not" "$(reaches c4 "$seven") $(reaches c5 "$seven")" "silence silence"
start=$(date +%s%N)
is "all go at once" "$(each DEL)" 0
note "in $((($(date +%s%N) - start) / 1000000)) ms"
npctl policy delete --all >/dev/null
remains >"$T/after"
is "they leave nothing behind" "$(diff "$T/before" "$T/after")" ""

# --- coming and going at the same time, of which some are killed
churn() {
	local i=$1
	CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/c$i CNI_IFNAME=eth0 CNI_PATH=$plugins
	export CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_PATH
	CNI_COMMAND=ADD timeout -s KILL "0.$((RANDOM % 3))$((RANDOM % 10))" "$NPCTL" <<<"$config"
	CNI_COMMAND=DEL "$NPCTL" <<<"$config"
} >/dev/null 2>&1
pids=()
for ((i = 0; i < 16; i++)); do churn $i & pids+=($!); done
for i in "${pids[@]}"; do wait "$i" || failed_churn=1; done
is "killed in the middle of ADD, then DEL: it succeeds" "${failed_churn:-0}" 0
remains >"$T/after"
is "… and leaves nothing behind" "$(diff "$T/before" "$T/after")" ""
plan_done
