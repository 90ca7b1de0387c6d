#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# npctl as a CNI plugin among others: addresses from an IPAM plugin, policy
# alone behind another plugin, the specification's own example.
. "$(dirname "$0")/lib.sh"
. "$tests/cni.sh"
[ -x $plugins/host-local ] || skip_all "needs the reference plugins (containernetworking-plugins)"

# --- addresses from host-local, of a version that does not know 1.1.0
conf "{\"cniVersion\": \"1.1.0\", \"name\": \"delegated\", \"type\": \"npctl\", \"isDefaultGateway\": false,
	\"ipam\": {\"type\": \"host-local\", \"dataDir\": \"$T/leases\",
		\"ranges\": [[{\"subnet\": \"10.44.0.0/29\"}], [{\"subnet\": \"fd00:44::/64\"}]],
		\"routes\": [{\"dst\": \"10.99.0.0/16\"}, {\"dst\": \"fd00:99::/64\", \"gw\": \"fd00:44::1\"}]}}"
leases() { find "$T/leases/delegated" -name '[1f]*' | wc -l; }
added "an address from host-local" a
is "… both of them" "$(got '[.ips[].address] | join(" ")')" "10.44.0.2/29 fd00:44::2/64"
is "… with its gateways" "$(got '[.ips[].gateway] | join(" ")')" "10.44.0.1 fd00:44::1"
ok "… as a result of 1.1.0" is_result 1.1.0
is "its routes, and no other" "$(ip -n a route show via 10.44.0.1 | awk '{print $1}') $(ip -n a -6 route show via fd00:44::1 | awk '{print $1}') $(ip -n a route show default | wc -l)" \
	"10.99.0.0/16 fd00:99::/64 0"
mine=$out
refuses "ADD again" 100 'already' ADD a
is "… leaves what is in use" "$(leases)" 2
with ".prevResult = $mine"
cni CHECK a
is "CHECK asks it" "$status $out" "0 "
rm "$T"/leases/delegated/*44*
cni CHECK a
is "… and hears that the lease is gone" "$status $(got '.msg | test("host-local")')" "1 true"
with 'del(.prevResult)'
cni STATUS a
is "STATUS: it has none, which is fine" "$status" 0
deleted "DEL gives back" a
is "… all" "$(leases)" 0
for container in b c d e f; do make_netns $container; cni ADD $container; done
is "all addresses are in use" "$status $(leases)" "0 10"
make_netns g
cni ADD g
is "… then what host-local says is said" "$status $(got '.msg | test("no IP addresses available")')" "1 true"
is "… and what it gave of the other family is given back" "$(leases)" 10
with '.["cni.dev/valid-attachments"] = [{"containerID": "b", "ifname": "eth0"}]'
cni GC b
is "GC gives back" "$status $(leases)" "0 2"
with 'del(.["cni.dev/valid-attachments"])'
delegated=$config
with '.ipam.ranges |= .[1:] | .runtimeConfig.ipRanges = [[{"subnet": "10.45.0.0/24"}]] | .runtimeConfig.dns = {"servers": ["10.45.0.1"], "searches": ["lab"]}'
added "ranges from the runtime are the delegate's to understand" c
is "… as it does" "$(got '[.ips[].address] | any(startswith("10.45.0."))') $(got '.dns | "\(.nameservers[0]) \(.search[0])"')" "true 10.45.0.1 lab"
deleted "… DEL" c
conf "$delegated"
with '.cniVersion = "0.3.1"'
deleted "DEL" b
added "in 0.3.1" b
ok "… its result" is_result 0.3.1
deleted "… DEL" b
mkdir "$T/own"
fake() { printf '#!/bin/sh\n%s\n' "$1" >"$T/own/fake" && chmod +x "$T/own/fake"; }
with '.cniVersion = "1.1.0" | .ipam.type = "fake"'
with_plugin() { cni "$1" a CNI_PATH="/nonexistent:$T/own"; }
fake 'echo "{\"code\": 123, \"msg\": \"no luck\", \"details\": \"today\"}"; exit 1'
with_plugin ADD
is "what a plugin refuses is refused" "$(got '"\(.code) \(.msg)"' | sed "s|$T||")" "123 /own/fake: no luck; today"
fake 'echo garbage; exit 0'
with_plugin ADD
is "a plugin that speaks no JSON" "$(got .code)" 6
fake 'echo garbage; exit 3'
with_plugin ADD
is "a plugin that fails without a word" "$(got '"\(.code) \(.msg)"' | sed "s|$T||")" "100 /own/fake failed with exit status 3"
fake 'kill -9 $$'
with_plugin ADD
like "a plugin that is killed" "$(got .msg)" 'killed by signal 9'
# shellcheck disable=SC2016 # the plugin's own variable
fake 'echo $CNI_COMMAND >>'"$T/calls"'; echo "{\"ips\": [{\"address\": \"10.44.0.2/29\"}, {\"address\": \"10.44.0.3/29\"}]}"'
with_plugin ADD
is "two addresses of one family, which npctl cannot tell apart" "$(got .code) $(paste -sd' ' "$T/calls")" "7 ADD DEL"
fake 'echo "{\"code\": 51, \"msg\": \"no server\"}"; exit 1'
with_plugin STATUS
is "STATUS of the delegate" "$(got .code)" 51
fake 'echo "{\"code\": 5, \"msg\": \"no disk\"}"; exit 1'
with_plugin STATUS
is "… any trouble of its" "$(got .code)" 50
is "nothing is left" "$(ip -br link | awk '{print $1}' | paste -sd' ') $(npctl -j endpoint list | jq length)" "lo 0"

# --- behind bridge: bridge, then npctl; DEL the other way round
main() { # COMMAND CONTAINER
	env CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_NETNS="/run/netns/$2" CNI_IFNAME=eth0 CNI_PATH=$plugins \
		"$plugins/${3:-bridge}" <<<"$mainconf"
}
mainconf="{\"cniVersion\": \"1.0.0\", \"name\": \"dbnet\", \"type\": \"bridge\", \"bridge\": \"cni0\", \"isGateway\": true,
	\"ipam\": {\"type\": \"host-local\", \"dataDir\": \"$T/leases\", \"subnet\": \"10.1.0.0/16\", \"routes\": [{\"dst\": \"0.0.0.0/0\"}]}}"
chained='{"cniVersion": "1.0.0", "name": "dbnet", "type": "npctl", "namespace": "shop"}'
chain_add() { # CONTAINER [MAIN]
	make_netns "$1"
	previous=$(main ADD "$1" "${2:-bridge}") || { note "$previous"; return 1; }
	conf "$chained"
	with ".prevResult = $previous"
	cni ADD "$1" CNI_ARGS="K8S_POD_NAME=$1"
}
chain_add one
is "behind bridge the result is bridge's" "$status $(jq -cS . <<<"$out")" "0 $(jq -cS . <<<"$previous")"
one=$out
chain_add two
two=$(address)
serve two
eventually "they reach each other" reached one "$two"
is "policy is on the ends that bridge made" "$(npctl -j attach show | jq -r '[.[].interface] | unique | length')" 2
ok "deny" npctl policy deny shop/one --pod shop/two
is "… is obeyed" "$(reaches one "$two")" silence
ok "allow" npctl policy allow shop/one --pod shop/two
is "… too" "$(reaches one "$two")" yes
with ".prevResult = $one"
cni CHECK one
is "CHECK" "$status $out" "0 "
deleted "DEL of the chain" one
ok "… npctl leaves the link to its maker" ip -n one link show eth0
cni CHECK one
is "CHECK after DEL: no such container" "$(got .code)" 3
mainconf=$(jq -c ".prevResult = $one" <<<"$mainconf")
ok "… who removes it" main DEL one
deleted "DEL again, with neither link nor address" one
ip netns del two
with ".prevResult = $one"
deleted "DEL without the namespace" two
is "no flow is left" "$(npctl -j stat flows | jq length)" 0
is "no attachment is left" "$(npctl -j attach show | jq length) $(npctl -j endpoint list | jq length)" "0 0"
ip link del cni0

# --- behind ptp, and where there is no end on the host
mainconf="{\"cniVersion\": \"0.4.0\", \"name\": \"p2p\", \"type\": \"ptp\",
	\"ipam\": {\"type\": \"host-local\", \"dataDir\": \"$T/leases\", \"subnet\": \"10.2.0.0/16\"}}"
chained='{"cniVersion": "0.4.0", "name": "p2p", "type": "npctl"}'
chain_add three ptp
is "behind ptp" "$status $(npctl -j attach show | jq length)" "0 2"
is "… in 0.4.0 with the version of each address" "$(got '.ips[0].version')" 4
deleted "… DEL" three
ip link add parent type veth peer name parent-peer
ip link set parent up
make_netns four
ip link add mac0 link parent type macvlan
ip link set mac0 netns four name eth0
with '.prevResult = {"cniVersion": "0.4.0", "interfaces": [{"name": "eth0", "sandbox": "x"}], "ips": [{"version": "4", "address": "10.3.0.2/24", "interface": 0}]}'
refuses "a macvlan has its parent on the host, which is not the container's" 7 'no end on this host' ADD four
with '.prevResult.ips = []'
refuses "no address, no policy" 7 'no address' ADD four
is "nothing is attached to the parent" "$(npctl -j attach show | jq length)" 0

# --- the specification's own example of a chain: names, order and result as written there
ip netns add blue
ip link add cni0 address 00:11:22:33:44:55 type bridge
ip link add veth3243 type veth peer name eth0 netns blue
ip link set veth3243 master cni0 up
ip -n blue addr add 10.1.0.5/16 dev eth0
ip -n blue link set eth0 address 98:88:77:66:55:44 up
conf '{"cniVersion": "1.1.0", "name": "dbnet", "type": "npctl",
  "runtimeConfig": {}, "prevResult": {
    "ips": [{"address": "10.1.0.5/16", "gateway": "10.1.0.1", "interface": 2}],
    "routes": [{"dst": "0.0.0.0/0"}],
    "interfaces": [
        {"name": "cni0", "mac": "00:11:22:33:44:55"},
        {"name": "veth3243", "mac": "55:44:33:22:11:11"},
        {"name": "eth0", "mac": "99:88:77:66:55:44", "sandbox": "/var/run/netns/blue"}],
    "dns": {"nameservers": ["10.1.0.1"]}}}'
cni ADD blue CNI_NETNS=/run/netns/blue
is "the example of the specification" "$status $(jq -cS 'del(.cniVersion)' <<<"$out")" "0 $(jq -cS .prevResult <<<"$config")"
is "… at its veth3243" "$(npctl -j attach show | jq -r '[.[].interface] | unique[]')" veth3243
cni CHECK blue
is "… CHECK" "$status $out" "0 "
deleted "… DEL" blue
plan_done
