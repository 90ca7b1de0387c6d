#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# npctl as a CNI plugin: routes instead of a bridge, masquerading, a pod in
# two networks.
. "$(dirname "$0")/lib.sh"
. "$tests/cni.sh"

# The world beyond this host, which knows no way back to pods.
make_netns world
ip link add up0 type veth peer name eth0 netns world
ip addr add 192.0.2.1/24 dev up0
ip addr add 2001:db8::1/64 dev up0 nodad
ip link set up0 up
ip -n world addr add 192.0.2.2/24 dev eth0
ip -n world addr add 2001:db8::2/64 dev eth0 nodad
ip -n world link set eth0 up
serve world
eventually "the world is there" answers 192.0.2.2

# --- routed
basic='{"cniVersion": "1.1.0", "name": "net", "type": "npctl", "mode": "routed",
	"podcidr": ["10.33.0.0/24", "fd00:33::/64"]}'
conf "$basic"
added "routed" a
ok "… its result" is_result 1.1.0
is "… has a whole address and no bridge" "$(got '[.ips[].address, (.interfaces | length)] | join(" ")')" \
	"10.33.0.1/32 fd00:33::1/128 2"
first=$out
added "another" b
serve b
b=$(address) b6=$(got '.ips[1].address | split("/")[0]')
is "the gateway is link-local" "$(ip -n a route show default | cut -d' ' -f3) $(ip -n a -6 route show default | cut -d' ' -f3)" "169.254.1.1 fe80::1"
is "… and known for good" "$(ip -n a neigh show nud permanent | awk '{print $1}' | sort | paste -sd' ')" "169.254.1.1 fe80::1"
eventually "the host reaches it" answers "$b"
is "they reach each other" "$(reaches a "$b") $(reaches a "$b6")" "yes yes"
ok "deny" npctl policy deny net/a --pod net/b
is "… is obeyed" "$(reaches a "$b") $(reaches a "$b6")" "silence silence"
npctl policy allow net/a --pod net/b >/dev/null
is "… and taken back" "$(reaches a "$b") $(reaches a "$b6")" "yes yes"
is "its address is not for others to bear" "$(ip -n a addr add 10.33.0.99/32 dev eth0
	ip netns exec a "$talk" tcp "$b" 80; ip -n a route replace "$b" via 169.254.1.1 src 10.33.0.99; reaches a "$b")" $'yes\nsilence'
with ".prevResult = $first"
ip -n a route del "$b"
cni CHECK a
is "CHECK" "$status $out" "0 "
with 'del(.prevResult)'
is "the world does not know the way back" "$(reaches a 192.0.2.2)" silence
deleted "DEL" a b
is "nothing is left" "$(ip -br link | awk '{print $1}' | grep -c npc) $(ip route show | grep -c 10.33)" "0 0"

# --- masquerading
table() { nft list table inet npctl 2>/dev/null; }
hidden() { # CONTAINER ADDRESS: as whom the world sees it
	ip netns exec world timeout 5 tcpdump -n -i eth0 -c1 "tcp dst port 80 and dst host $2" 2>"$T/dump.err" >"$T/dump" &
	local dump=$!
	until grep -q listening "$T/dump.err"; do sleep 0.02; done
	reaches "$1" "$2" | tr '\n' ' '
	wait $dump
	sed -nE 's/.* IP6? ([0-9a-f:.]*)\.[0-9]+ > .*/\1/p' "$T/dump"
}
for mode in routed bridge; do
	conf "$basic"
	with ".mode = \"$mode\" | .ipMasq = true | .masqueradeExcept = [\"198.51.100.0/24\"]"
	added "$mode, masqueraded" a
	first=$out
	is "… the world sees this host" "$(hidden a 192.0.2.2)" "yes 192.0.2.1"
	is "… by IPv6, too" "$(hidden a 2001:db8::2)" "yes 2001:db8::1"
	like "… but not on the way to others" "$(table)" '198.51.100.0/24 return'
	conf "$basic"
	with '.name = "other" | .podcidr = ["10.34.0.0/24"] | .mode = "bridge" | .bridge = "npctl1"'
	added "a pod of another network" c
	ok "… which may not be reached from the first" npctl policy deny 10.33.0.0/24 --pod other/c
	[ "$mode" = routed ] && serve c
	c=$(address)
	eventually "… is up" answers "$c"
	is "… knows it by its own address" "$(reaches a "$c")" silence
	deleted "DEL" c
	conf "$basic"
	with ".mode = \"$mode\" | .ipMasq = true | .prevResult = $first"
	nft flush ruleset
	refuses "CHECK misses the table" 101 'table "inet npctl"' CHECK a
	with 'del(.prevResult)'
	added "a second" b
	cni ADD b
	deleted "DEL of one" a
	like "… leaves the table to the other" "$(table)" 'masquerade'
	deleted "DEL of the last" b
	is "… takes it along" "$(table)" ""
done

# --- one pod in two networks: each interface has its own address, policy is the pod's
conf "$basic"
with '.namespace = "default" | .mode = "bridge"'
two() { cni ADD a CNI_IFNAME="$1" CNI_ARGS="K8S_POD_NAME=both"; }
two eth0
eth0=$(got '[.ips[].address | split("/")[0]] | join(" ")')
with '.name = "second" | .podcidr = "10.35.0.0/24" | .bridge = "npctl2" | .isDefaultGateway = false'
two eth1
second=$(address)
serve a
added "a peer in the second" b
is "the pod has both addresses" "$(npctl -j endpoint get both | jq -r '.addresses | join(" ")')" "$eth0 $second"
eventually "a peer reaches it there" reached b "$second"
npctl policy default deny --pod both >/dev/null
is "one policy is for both" "$(reaches b "$second")" silence
cni DEL a CNI_IFNAME=eth1
is "DEL of one interface" "$status $(npctl -j endpoint get both | jq -r '.addresses | join(" ")')" "0 $eth0"
deleted "DEL of the peer" b
with '.name = "net"'
deleted "DEL of the other" a
is "nothing is left" "$(ip -br link | grep -c npc)" 0
plan_done
