#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# npctl as a CNI plugin: what the specification asks of ADD, DEL, CHECK and
# VERSION, in real namespaces with real connections.
. "$(dirname "$0")/lib.sh"
. "$tests/cni.sh"

basic='{"cniVersion": "1.1.0", "name": "net", "type": "npctl", "podcidr": "10.22.0.0/24"}'
conf "$basic"

# --- VERSION, and who is called
for version in 0.3.1 0.4.0 1.0.0 1.1.0; do
	conf "{\"cniVersion\": \"$version\"}"
	cni VERSION
	is "VERSION in $version" "$status $(got '.cniVersion + " " + (.supportedVersions | join(" "))')" \
		"0 $version 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0"
done
is "VERSION without a configuration" \
	"$(CNI_COMMAND=VERSION "$NPCTL" </dev/null | jq -r .cniVersion)" 1.1.0
like "with words it is npctl as ever" "$(CNI_COMMAND=ADD npctl version)" '^npctl '
fails_with "… and speaks as ever" 2 'nothing' env CNI_COMMAND=ADD npctl nothing

# --- each version's result
for version in 0.3.1 0.4.0 1.0.0 1.1.0; do
	conf "$basic"
	with ".cniVersion = \"$version\" | .podcidr = [.podcidr, \"fd00:22::/64\"]"
	added "ADD in $version" v
	ok "… with that version's result" is_result "$version"
	is "… of three interfaces and both families" \
		"$(got '[(.interfaces | length), .interfaces[2].name, .interfaces[2].sandbox,
			(.ips | map(.interface) | join(","))] | join(" ")')" "3 eth0 /run/netns/v 2,2"
	deleted "… DEL" v
done

# --- what ADD makes
conf "$basic"
with '.podcidr = [.podcidr, "fd00:22::/64"] | .mtu = 1400 | .dns = {"nameservers": ["10.22.0.1"]}'
added "a container" a
first=$out a=$(address) six=$(got ".ips[1].address")
added "another container" b
b=$(address)
is "dns as configured" "$(got '.dns.nameservers[0]')" 10.22.0.1
is "the gateway is on the bridge" "$(ip -br addr show npctl0 | awk '{print $3, $4}')" "10.22.0.1/24 fd00:22::1/64"
is "default routes" "$(ip -n a route show default | cut -d' ' -f3) $(ip -n a -6 route show default | cut -d' ' -f3)" \
	"10.22.0.1 fd00:22::1"
is "the interface has the result's address, MAC and MTU" \
	"$(ip -n a -j addr show eth0 | jq -r '.[0] | [(.addr_info[0] | "\(.local)/\(.prefixlen)"), .address, .mtu] | join(" ")')" \
	"$(jq -r '[.ips[0].address, .interfaces[2].mac, .interfaces[2].mtu] | join(" ")' <<<"$first")"
like "the MAC is locally administered" "$(jq -r '.interfaces[2].mac' <<<"$first")" '^.[26ae]:'
is "the host forwards" "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | paste -sd' ')" "1 1"
is "policy is attached" "$(npctl -j attach show | jq -r '[.[] | .subject] | unique | join(" ")')" "net/a net/b"
serve b
eventually "the host reaches a container" answers "$b"
b6=$(got '.ips[1].address | split("/")[0]')
both() { [ "$(reaches a "$b") $(reaches a "$b6")" = "yes yes" ]; }
eventually "containers reach each other" both
is "endpoints are known" "$(npctl -j endpoint list | jq -r '.[] | .name + " " + (.addresses | length | tostring)' | paste -sd,)" \
	"net/a 2,net/b 2"
ok "a container may be attached by hand" npctl attach detach net/a
ok "… by its name" npctl attach pod a
is "… again with its own addresses only" "$(npctl map dump subjects -j | jq -r '[.[].value.half[].address4? | select(. != "0.0.0.0" and . != 0)] | unique | length')" 2

# --- CHECK
prev=$first
check() { with ".prevResult = $prev"; cni CHECK a; with 'del(.prevResult)'; }
check
is "CHECK is content" "$status $out" "0 "
broken() { # DESCRIPTION BREAK MEND REGEX
	eval "$2" >/dev/null
	with ".prevResult = $prev"
	refuses "CHECK finds $1" 101 "$4" CHECK a
	with 'del(.prevResult)'
	eval "$3" >/dev/null
}
host=$(jq -r '.interfaces[1].name' <<<"$first")
broken "an interface that is down" "ip -n a link set eth0 down" \
	"ip -n a link set eth0 up; ip -n a addr add $six dev eth0 nodad; ip -n a route replace default via 10.22.0.1;
	ip -n a route replace default via fd00:22::1" 'eth0 .* is down'
broken "an address that is gone" "ip -n a addr del $a/24 dev eth0" \
	"ip -n a addr add $a/24 dev eth0; ip -n a route replace default via 10.22.0.1" 'lost its address'
broken "a route that is gone" "ip -n a route del default" \
	"ip -n a route replace default via 10.22.0.1" 'lost its route to 0.0.0.0/0'
broken "a port off its bridge" "ip link set $host nomaster" "ip link set $host master npctl0" 'no longer on bridge'
broken "a bridge that is down" "ip link set npctl0 down" "ip link set npctl0 up" 'npctl0 is down'
broken "programs that are gone" "npctl attach detach net/a" "npctl attach pod net/a" 'policy is not in force'
ip -n a route replace default via fd00:22::1
check
is "CHECK is content again" "$status $out" "0 "
refuses "CHECK wants a prevResult" 7 prevResult CHECK a
with ".prevResult = $prev"
make_netns stranger
refuses "CHECK of a container that is not there" 3 'not on network' CHECK stranger
ip -n a link del eth0
refuses "CHECK finds an interface that is gone" 101 'is gone' CHECK a
with 'del(.prevResult)'

# --- DEL, whatever is missing
deleted "DEL without the link" a
deleted "DEL again" a
ip netns del b
deleted "DEL without the namespace" b
cni DEL b CNI_NETNS=
is "DEL without CNI_NETNS" "$status" 0
with '.unknown = true'
deleted "DEL with a configuration of another time" b
conf "$basic"
is "nothing is left" "$(ip -br link | awk '{print $1}' | paste -sd' ') $(npctl -j endpoint list | jq length) $(npctl -j attach show | jq length)" "lo 0 0"

# --- a failure in the middle leaves nothing
with '.bridge = "br0"'
ip link add br0 type bridge
refuses "a bridge of somebody else without the gateway" 7 'no address 10.22.0.1' ADD a
is "… stays as it was" "$(ip -br addr show br0 | awk '{print $3}')$(ip -br link | grep -c npc)" "0"
ip addr add 10.22.0.1/24 dev br0
ip link set br0 up
added "… and serves when it has" a
deleted "… DEL" a
ok "… it is not removed" ip link show br0
ip link del br0
conf "$basic"
with '.runtimeConfig = {"bandwidth": {"ingressRate": 8000000, "ingressBurst": 100000, "egressRate": 16000000, "egressBurst": 100000}}'
added "bandwidth" a
first=$out host=$(got '.interfaces[1].name')
is "… is a token bucket at each end" \
	"$(tc -j qdisc show dev "$host" root | jq -r '.[0] | .kind + " \(.options.rate)"') $(ip netns exec a tc -j qdisc show dev eth0 root | jq -r '.[0] | .kind + " \(.options.rate)"')" \
	"tbf 1000000 tbf 2000000"
tc qdisc del dev "$host" root
with ".prevResult = $first"
refuses "… which CHECK misses" 101 'limit of bandwidth' CHECK a
with 'del(.prevResult)'
deleted "… DEL" a
conf "$basic"
ok "the instance with little room" npctl load --unload
npctl load --rules 16 >/dev/null
jq -n '{apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: {name: "many", namespace: "net"},
	spec: {podSelector: {}, ingress: [range(20) | {from: [{ipBlock: {cidr: "10.9.0.\(.)/32"}}]}]}}' >"$T/many.json"
npctl policy apply -f "$T/many.json" >/dev/null
refuses "ADD fails when rules do not fit" 100 '' ADD a
is "… and leaves nothing" "$(ip -br link | awk '{print $1}' | paste -sd' ') $(npctl -j endpoint list | jq length)" "lo 0"
npctl load --unload >/dev/null
conf "$basic"
added "ADD without an instance makes one" a
ok "unloaded under it" npctl load --unload
make_netns c
cni ADD c
is "… its address is not given to another" "$(address)" 10.22.0.3
deleted "… DEL" a c
plan_done
