#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# topo: what up makes, what down leaves, and what neither touches.
. "$(dirname "$0")/lib.sh"
examples=$tests/../examples

links() { ip -br link | awk '$1 != "lo" { sub(/@.*/, "", $1); print $1 }' | sort | xargs; }
netns() { find /run/netns -mindepth 1 -printf '%f\n' | sort | xargs; }
servers() { pgrep -cf '^npctl: server' || true; }
address() { ip -n "$1" -br "-$2" addr show dev "$3" | awk '{ print $3 }'; }
state() { npctl -j topo show | jq -r '[.[].state] | unique | join(",")'; }
# All that a topology could have left: links, namespaces, servers, pins.
left() { echo "$(links)|$(netns)|$(servers)|$(find /sys/fs/bpf -mindepth 1 -name 'npctl*' -printf '%f ')"; }
nothing="||0|"
says() { local name=$1 port=$2; ip netns exec ns-allowed bash -c "exec 3<>/dev/tcp/$name/$port && head -n 1 <&3"; }

is "show before" "$(npctl topo show)" "no topology is up"
is "show before, as JSON" "$(npctl -j topo show)" "[]"
is "down before" "$(npctl topo down)" "no topology is up"
fails_with "exec before" 1 'no topology is up.*topo up' npctl topo exec backend -- true
is "nothing is there" "$(left)" "$nothing"

# The lab, to the letter.
ok "up" npctl topo up
is "links" "$(links)" "br-sim veth-allow-h veth-be-h veth-deny-h"
is "namespaces" "$(netns)" "ns-allowed ns-backend ns-denied"
is "the bridge's address" "$(ip -br -4 addr show dev br-sim | awk '{ print $3 }')" 10.0.0.1/24
is "backend's" "$(address ns-backend 4 veth-be-p)" 10.0.0.10/24
is "allowed's" "$(address ns-allowed 4 veth-allow-p)" 10.0.0.20/24
is "denied's" "$(address ns-denied 4 veth-deny-p)" 10.0.0.30/24
is "IPv6" "$(address ns-denied 6 veth-deny-p)" fd00:6e70::30/64
is "default routes" "$(ip -n ns-allowed -4 route show default) $(ip -n ns-allowed -6 route show default)" \
	"default via 10.0.0.1 dev veth-allow-p proto static  default via fd00:6e70::1 dev veth-allow-p proto static metric 1024 pref medium"
is "no address is tentative" "$(ip -n ns-backend addr show tentative)" ""
like "MACs are of local administration" "$(ip -n ns-backend link show veth-be-p)" 'link/ether 6e:70:'
like "the link-local address is made of the MAC" "$(ip -n ns-backend -6 addr show dev veth-be-p)" 'fe80::6c70:'
is "on the bridge" "$(ip -br link show master br-sim | wc -l)" 3
is "all are marked" "$(ip -d link | grep -c "alias npctl /sys/fs/bpf/npctl")" 4
is "the server by name" "$(pgrep -af '^npctl: server' | cut -d' ' -f2-)" "npctl: server default/backend"
is "it answers" "$(says 10.0.0.10 8080)" default/backend
is "over IPv6, too" "$(says fd00:6e70::10 8080)" default/backend
# shellcheck disable=SC2016
is "and echoes" "$(ip netns exec ns-denied bash -c 'exec 3<>/dev/tcp/10.0.0.10/8080; read -r name <&3; echo one >&3; read -r line <&3; echo two >&3; read -r other <&3; echo "$name $line $other"')" \
	"default/backend one two"
is "it holds nothing open of the command's" \
	"$(find "/proc/$(pgrep -f '^npctl: server')/fd" -printf '%l\n' | grep -Evc 'null$|socket|eventpoll|^$')" 0
is "show" "$(npctl -j topo show | jq -c '[.[] | [.pod, .netns, .interface, .addresses, .ports, .state]]')" \
	'[["default/backend","ns-backend","veth-be-h",["10.0.0.10","fd00:6e70::10"],["tcp/8080"],"up"],["default/allowed","ns-allowed","veth-allow-h",["10.0.0.20","fd00:6e70::20"],[],"up"],["default/denied","ns-denied","veth-deny-h",["10.0.0.30","fd00:6e70::30"],[],"up"]]'

# Again, and after harm.
same() { echo "$(cat /sys/class/net/*/ifindex | xargs) $(pgrep -f '^npctl: server')"; }
before=$(same)
like "up again" "$(npctl topo up)" 'up already'
is "made nothing anew" "$(same)" "$before"
kill -9 "$(pgrep -f '^npctl: server')"
while [ "$(servers)" != 0 ]; do sleep 0.01; done
is "a dead server shows" "$(state)" "no server,up"
ok "up mends it" npctl topo up
is "it answers again" "$(says 10.0.0.10 8080)" default/backend
ip link del veth-deny-h
is "a lost link shows" "$(npctl -j topo show | jq -r '.[2].state')" "no interface"
ok "up mends that" npctl topo up
is "all is up" "$(state)" up
ip -n ns-allowed addr del 10.0.0.20/24 dev veth-allow-p
is "a lost address shows" "$(npctl -j topo show | jq -r '.[1].state')" "no address"
ip netns del ns-backend
like "a lost namespace shows" "$(npctl -j topo show | jq -r '.[0].state')" '^no (namespace|interface)$'
ok "up mends both" npctl topo up
is "with one server" "$(servers)" 1

# exec
is "exec runs in the namespace" "$(npctl topo exec denied -- ip -br -4 addr show dev veth-deny-p | awk '{ print $3 }')" 10.0.0.30/24
npctl topo exec default/denied -- bash -c 'exit 7'
is "its exit status is the command's" $? 7
fails_with "exec what does not exist" 1 'run no-such-command: No such file' npctl topo exec denied -- no-such-command
fails_with "exec nothing" 2 'needs a command' npctl topo exec denied
fails_with "exec in no pod" 1 'pod "nobody" does not exist.*topo show' npctl topo exec nobody -- true

# Somebody else's names.
foreign() { # DESCRIPTION PATTERN
	local before
	before=$(left)
	fails_with "$1: refused" 1 "$2" npctl topo up
	is "$1: nothing changed" "$(left)" "$before"
}
ok "down" npctl topo down
is "nothing is left" "$(left)" "$nothing"
ip link add br-sim type bridge
foreign "a bridge of the name" "interface br-sim exists and is not npctl's"
ok "down leaves it" npctl topo down
is "there it is" "$(links)" br-sim
ip link del br-sim
ip link add veth-deny-h type veth peer name other
foreign "a link of the name" "interface veth-deny-h exists and is not npctl's"
ip link del veth-deny-h
ip netns add ns-allowed
foreign "a namespace of the name" "network namespace ns-allowed exists and is not npctl's"
ok "down leaves that, too" npctl topo down
is "there" "$(netns)" ns-allowed
ip netns del ns-allowed
ip link add lan type bridge
ip addr add 10.0.0.77/16 dev lan
foreign "the subnet is in use" "interface lan already has an address in the subnet of 10.0.0.1/24"
ip link del lan
touch /run/netns/ns-denied
ok "the file that a crash leaves is no namespace" npctl topo up
mkdir -p "$T/old" && ip link set veth-be-h alias somebody
is "a link that somebody took over shows" "$(npctl -j topo show | jq -r '.[0].state')" "foreign interface"
fails_with "and is not taken back" 1 "veth-be-h exists and is not npctl's" npctl topo up
ip link del veth-be-h
ok "up again" npctl topo up

# What only the marks tell of.
rm -r /sys/fs/bpf/npctl
like "down finds it by its marks" "$(npctl topo down; left)" '^\|\|0\|$'
npctl topo up >/dev/null
rm -r /sys/fs/bpf/npctl
ok "up of another topology finds it, too" npctl topo up -f "$examples/two-tiers.yml"
is "that alone is there" "$(netns)" "elsewhere.stranger shop.db shop.web"
is "and is up" "$(state)" up
ok "from one topology to the next" npctl topo up
is "the lab is back" "$(netns)" "ns-allowed ns-backend ns-denied"

# Another instance.
mkdir /sys/fs/bpf/two
like "another instance has names of its own" "$(npctl --root /sys/fs/bpf/two topo up 2>&1)" \
	'interface br-sim belongs to the npctl instance at /sys/fs/bpf/npctl'
ok "another bridge, another subnet" npctl --root /sys/fs/bpf/two topo up -f "$examples/two-tiers.yml" \
	--bridge br-two --subnet 10.7.0.0/24 --subnet fd07::/64
is "both are up" "$(state) $(npctl -j --root /sys/fs/bpf/two topo show | jq -r '[.[].state] | unique | join(",")')" "up up"
is "with those addresses" "$(npctl -j --root /sys/fs/bpf/two topo show | jq -r '.[0].addresses | join(" ")')" "10.7.0.2 fd07::2"
ok "one goes" npctl --root /sys/fs/bpf/two topo down
is "the other stays" "$(state)" up
rmdir /sys/fs/bpf/two 2>/dev/null
ok "down" npctl topo down
is "nothing is left of either" "$(left)" "$nothing"

# The cable of its own.
ok "examples/policy-test.yml" npctl topo up -f "$examples/policy-test.yml"
is "its names" "$(links) $(netns)" "veth-policy policy-test"
is "its addresses" "$(ip -br -4 addr show dev veth-policy | awk '{ print $3 }') $(address policy-test 4 veth-peer)" "10.99.0.1/24 10.99.0.2/24"
for port in icmp tcp/80 tcp/8080; do
	ok "$port gets through" npctl test connect --from host --to peer --port $port --expect allow
done
ok "and out" npctl test connect --from peer --to 10.99.0.1 --port icmp --expect allow
npctl topo down

# A topology that cannot be made, half-way through.
cat >"$T/half.yml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: good}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: bad, annotations: {npctl.io/host-addresses: "ff02::1/64"}}
spec: {containers: [{name: c}]}
END
fails_with "an address that the kernel refuses" 1 'pod "default/bad": add address ff02::1' npctl topo up -f "$T/half.yml"
is "nothing is left of the failed up" "$(left)" "$nothing"
npctl topo up >/dev/null
fails_with "the same over a topology that is up" 1 'pod "default/bad"' npctl topo up -f "$T/half.yml"
is "nothing is left of either" "$(left)" "$nothing"

# Bad input.
fails_with "no such file" 1 'missing.yml' npctl topo up -f "$T/missing.yml"
fails_with "no subnet" 2 '"10.0.0.0/33" is not a prefix' npctl topo up --subnet 10.0.0.0/33
fails_with "no bridge" 1 'no name for a bridge' npctl topo up --bridge a/b
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n' >"$T/none.yml"
fails_with "no pods" 1 'none.yml: holds no pods' npctl topo up -f "$T/none.yml"
pod() { printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s, annotations: {%s}}\nspec: {containers: [{name: c}]}\nstatus: {podIPs: [%s]}\n---\n' "$@"; }
{ pod a "" "{ip: 10.0.0.5}"; pod b "" "{ip: 10.0.0.5}"; } >"$T/twice.yml"
fails_with "one address twice" 1 'another pod has the address 10.0.0.5' npctl topo up -f "$T/twice.yml"
pod a "npctl.io/host-interface: much-too-long-a-name" "" >"$T/long.yml"
fails_with "a long name" 1 'no name for an interface' npctl topo up -f "$T/long.yml"
{ pod a "npctl.io/netns: x" ""; pod b "npctl.io/netns: x" ""; } >"$T/names.yml"
fails_with "one name twice" 1 'already uses the name x' npctl topo up -f "$T/names.yml"
pod a "npctl.io/host-addresses: 10.1.1.1/24" "{ip: 10.1.2.3}" >"$T/cable.yml"
fails_with "an address beside its cable" 1 'in no subnet of its host side' npctl topo up -f "$T/cable.yml"
pod a "npctl.io/host-addresses: nonsense" "" >"$T/cable.yml"
fails_with "no address for the cable" 1 '"nonsense" is no address' npctl topo up -f "$T/cable.yml"
fails_with "no privileges" 1 'not permitted' setpriv --reuid 65534 --clear-groups --inh-caps=-all "$NPCTL" topo up
is "nothing is left of all that" "$(left)" "$nothing"

# Addresses: given ones inside and outside of the bridge's subnet, and free ones.
{ pod a "" "{ip: 10.0.0.1}"; pod b "" "{ip: 172.16.5.9}, {ip: 'fd99::9'}"; pod c "" ""; pod d "" "{ip: 10.0.0.3}"; } >"$T/given.yml"
ok "addresses from everywhere" npctl topo up -f "$T/given.yml"
is "as given, else free ones" "$(npctl -j topo show | jq -c '[.[].addresses]')" \
	'[["10.0.0.1"],["172.16.5.9","fd99::9"],["10.0.0.4","fd00:6e70::2"],["10.0.0.3"]]'
ok "from subnet to subnet" npctl test connect --from a --to b --port icmp --expect allow
ok "and back" npctl test connect --from b --to a --port icmp --expect allow
ok "in IPv6, too" npctl test connect --from c --to b --family 6 --port icmp --expect allow
ok "down" npctl topo down

# Step by step.
steps=$(npctl -x topo up 2>&1 >/dev/null)
like "-x shows the bridge" "$steps" '\+ ip link add br-sim address [0-9a-f:]+ type bridge'
like "the namespaces" "$steps" '\+ ip netns add ns-backend'
like "the cables" "$steps" '\+ ip link add veth-be-h address [^ ]+ type veth peer name veth-be-p address [^ ]+ netns ns-backend'
like "the routes" "$steps" '\+ ip -n ns-denied route add default via 10.0.0.1'
like "the servers" "$steps" '\+ ip netns exec ns-backend ncat -lk 8080'
like "down, too" "$(npctl -x topo down 2>&1)" '\+ ip netns del ns-denied'

# A hundred pods.
for i in {1..100}; do
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: p%s, namespace: n%s}\nspec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n---\n' "$i" $((i % 7))
done >"$T/many.yml"
start=$EPOCHREALTIME
ok "a hundred pods" npctl topo up -f "$T/many.yml"
note "up took $(bc <<<"$EPOCHREALTIME - $start") s"
is "all are up" "$(npctl -j topo show | jq -r 'length') $(state)" "100 up"
start=$EPOCHREALTIME
ok "and down" npctl topo down
note "down took $(bc <<<"$EPOCHREALTIME - $start") s"
is "nothing is left" "$(left)" "$nothing"
plan_done
