#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# npctl as a CNI plugin: where addresses come from, which policy a
# container begins with, GC and STATUS.
. "$(dirname "$0")/lib.sh"
. "$tests/cni.sh"

basic='{"cniVersion": "1.1.0", "name": "net", "type": "npctl", "podcidr": "10.22.0.0/24"}'
conf "$basic"
make_netns x

# --- addresses
conf "$basic"
with '.podcidr = "10.22.0.0/29"'
cni STATUS x
is "STATUS before anything is" "$status $out" "0 "
ok "an endpoint by hand has one" npctl endpoint add net/hand -a 10.22.0.3
ip addr add 10.22.0.4/32 dev lo
added "… and so does this host" a
is "the first free one" "$(address)" 10.22.0.2
added "another" b
is "none that is in use" "$(address)" 10.22.0.5
deleted "given back" b
added "another" c
is "one just given back rests" "$(address)" 10.22.0.6
added "the search begins anew" d
is "… with the first one free" "$(address)" 10.22.0.5
make_netns e
refuses "exhausted: try again later" 11 'podcidr 10.22.0.0/29 is exhausted' ADD e
refuses "STATUS says so, too" 50 'exhausted' STATUS e
deleted "one is given back" a
cni STATUS a
is "STATUS is content" "$status $out" "0 "
added "… and given again" e
is "… to another" "$(address)" 10.22.0.2
refuses "ADD of the same again" 100 'already' ADD e CNI_NETNS=/run/netns/x
deleted "all" c d e
npctl endpoint delete net/hand

conf "$basic"
with '.runtimeConfig = {"ips": ["10.22.0.77/24"], "mac": "02:11:22:33:44:55"}'
added "an address and a MAC of one's own" a
is "… are given" "$(address) $(got '.interfaces[2].mac')" "10.22.0.77 02:11:22:33:44:55"
refuses "… but once" 11 '10.22.0.77 was asked for and is in use' ADD x
deleted "… DEL" a
conf "$basic"
with '.args.cni = {"ips": ["10.22.0.78"]}'
added "an address by args" a
is "… is given" "$(address)" 10.22.0.78
deleted "… DEL" a
conf "$basic"
[ -e /run/netns/b ] || make_netns b
cni ADD b CNI_ARGS="IgnoreUnknown=1;IP=10.22.0.79"
is "an address by CNI_ARGS" "$(address)" 10.22.0.79
deleted "… DEL" b

for mode in bridge routed; do
	conf "$basic"
	with ".podcidr = \"fd00:22::/120\" | .mode = \"$mode\""
	added "IPv6 alone, $mode" a
	is "… has no other" "$(got '.ips | length') $(got '.routes[].dst')" "1 ::/0"
	[ $mode = bridge ] && serve a
	a6=$(address)
	added "… another" b
	eventually "… reach each other" reached b "$a6"
	deleted "… DEL" a b
done

# --- GC
conf "$basic"
added "three containers" a b c
ip link add npc0123456789ab type veth peer name orphan
ip link set npc0123456789ab alias "npctl-cni /sys/fs/bpf/npctl net gone eth0"
ip link add npcother type veth peer name other
ip link set npcother alias "npctl-cni /sys/fs/bpf/npctl net2 gone eth0"
ip netns del a
refuses "GC needs the list" 7 'valid-attachments' GC x
with '.["cni.dev/valid-attachments"] = [{"containerID": "b", "ifname": "eth0"}, {"containerID": "c", "ifname": "eth1"}]'
cni GC x
is "GC" "$status $out" "0 "
is "… removes what is not valid and what a crash left" \
	"$(npctl -j endpoint list | jq -r '.[].name') $(ip -br link | grep -cE '^npc[0-9a-f]{12}') $(ip link | grep -cE 'npcother@|npc0123456789ab@')" "net/b 1 1"
cni GC x
is "GC again" "$status" 0
with '.["cni.dev/valid-attachments"] = []'
cni GC x
is "GC of all" "$status $(npctl -j endpoint list | jq length) $(ip link show npctl0 2>&1 | grep -c 'does not exist')" "0 0 1"
ip link del npcother

# --- the policy that a container begins with
conf "$basic"
added "a server" srv
serve srv
srv=$(address)
opens() { # DESCRIPTION WORD CONTAINER [VARIABLE…]
	local description=$1 wanted=$2 container=$3
	[ -e "/run/netns/$container" ] || make_netns "$container"
	shift 3
	cni ADD "$container" "$@"
	is "$description" "$status $(reaches "$container" "$srv")" "0 $wanted"
}
eventually "the server is up" answers "$srv"
opens "by default, without policies, it is open" yes open
with '.strict = true'
opens "strict: denied" silence shut CNI_ARGS="K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web"
is "… in the namespace and by the name of the pod" "$(npctl -j endpoint get shop/web | jq -r .name)" shop/web
ok "… until a rule allows" npctl policy allow 10.22.0.0/24 --egress --pod shop/web
is "… it" "$(reaches shut "$srv")" yes
with '.defaultPolicy = "allow"'
opens "strict, but said to allow" yes said
with 'del(.strict) | .defaultPolicy = "deny" | .namespace = "lab" | .args.cni.labels = [{"key": "app", "value": "web"}]'
opens "denied by the configuration" silence denied CNI_ARGS="K8S_POD_NAMESPACE=shop;K8S_POD_NAME=db"
is "… with its namespace and labels" "$(npctl -j endpoint get lab/db | jq -c .labels)" '{"app":"web"}'
ok "… but the user decides" npctl policy default allow --egress --pod lab/db
is "… in the end" "$(reaches denied "$srv")" yes
deleted "… DEL" open shut said denied srv

# --- with an agent at work
conf "$basic"
mkdir -p /sys/fs/bpf/npctl/agent
(exec 9</sys/fs/bpf/npctl/agent && flock -x 9 && touch "$T/agent" && exec sleep 1000) &
agent=$!
eventually "an agent is at work" test -e "$T/agent"
added "a container that the agent does not know" srv
is "… is no endpoint" "$(npctl -j endpoint list | jq length)" 0
srv=$(address)
is "… and has no packets yet" "$("$talk" tcp "$srv" 80)" silence
cat >"$T/pod.yml" <<END
apiVersion: v1
kind: Pod
metadata: {name: srv, namespace: net, labels: {app: srv}}
spec: {containers: []}
END
ok "it learns of the pod, which has no address yet" npctl policy apply -f "$T/pod.yml"
eventually "… and there they are" answers "$srv"
is "… with the address and the labels" "$(npctl -j endpoint get net/srv | jq -c '[.addresses[0], .labels.app]')" "[\"$srv\",\"srv\"]"
deleted "… DEL" srv
is "the pod is still known, without an address" "$(npctl -j endpoint get net/srv | jq -c .addresses)" '[]'
kill $agent

# --- STATUS when something is wrong; somebody else holds the lock
added "a container" a
npctl attach detach "net/a" >/dev/null
refuses "STATUS: containers suffer" 51 'policy is not in force' STATUS a
npctl load --unload >/dev/null
refuses "STATUS: the datapath is gone" 51 'not loaded' STATUS a
deleted "… DEL all the same" a
fails "… after which there is no instance" test -e /sys/fs/bpf/npctl
refuses "STATUS: no privileges" 50 'not permitted' STATUS a setpriv --inh-caps=-all --bounding-set=-all
plan_done
