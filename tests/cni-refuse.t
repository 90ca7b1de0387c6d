#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# npctl as a CNI plugin: what is refused, and with which code.
. "$(dirname "$0")/lib.sh"
. "$tests/cni.sh"

basic='{"cniVersion": "1.1.0", "name": "net", "type": "npctl", "podcidr": "10.22.0.0/24"}'
conf "$basic"
make_netns x

# --- the environment: 4, and 3 for a container that is not there
refuses "no such command" 4 'CNI_COMMAND "MEND"' MEND x
refuses "ADD names what is missing" 4 'CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME' ADD "" CNI_IFNAME=
refuses "DEL needs no namespace, but a container" 4 'CNI_CONTAINERID' DEL "" CNI_NETNS=x
refuses "GC needs a path" 4 'CNI_PATH' GC x CNI_PATH=
refuses "a container's id" 4 'CNI_CONTAINERID "../x"' ADD x CNI_CONTAINERID=../x
for name in . .. a/b a:b "a b" 0123456789abcdef; do
	refuses "interface \"$name\"" 4 'CNI_IFNAME' ADD x CNI_IFNAME="$name"
done
refuses "CNI_ARGS without an equals sign" 4 'CNI_ARGS' ADD x CNI_ARGS="IgnoreUnknown=1;NAME"
refuses "a pod's name with a slash" 4 'K8S_POD_NAME' ADD x CNI_ARGS="K8S_POD_NAME=a/b"
refuses "the host's own namespace" 4 'CNI_NETNS' ADD x CNI_NETNS=/proc/self/ns/net
refuses "a file that is no namespace" 4 'CNI_NETNS' ADD x CNI_NETNS=/etc/passwd
refuses "a namespace that is not there" 3 'no network namespace' ADD x CNI_NETNS=/run/netns/none
ip -n x link add eth0 type bridge
refuses "an interface of that name" 4 'has an interface eth0' ADD x
is "… stays" "$(ip -n x -br link show eth0 | wc -l)" 1
ip -n x link del eth0

# --- standard input: 5 and 6; version: 1
is "a configuration that cannot be read" "$(CNI_COMMAND=STATUS "$NPCTL" </tmp | jq .code)" 5
for text in '' '{' '[]' '7' '{"cniVersion": "1.1.0", "cniVersion": "1.1.0"}' '{} {}' '{"cniVersion": 1}'; do
	config=$text
	refuses "a configuration \"$text\"" 6 '' ADD x
done
conf "$basic"
for version in 0.1.0 0.2.0 1.2.0 2.0.0 one; do
	with ".cniVersion = \"$version\""
	refuses "version $version" 1 'not supported' ADD x
done
with 'del(.cniVersion)'
refuses "no version" 1 '' ADD x
conf "$basic"
with '.cniVersion = "0.3.1" | .prevResult = {}'
refuses "CHECK came with 0.4.0" 1 'has no CHECK' CHECK x
with '.cniVersion = "1.0.0"'
refuses "GC came with 1.1.0" 1 'has no GC' GC x
refuses "STATUS, too" 1 'has no STATUS' STATUS x
is "the error is in the version asked for" "$(got .cniVersion)" 1.0.0

# --- the configuration: 2 and 7
while IFS='|' read -r code change pattern; do
	conf "$basic"
	with "$change"
	refuses "$change" "$code" "$pattern" ADD x
done <<'END'
2|.vlan = 5|"vlan": 5
2|.defaultpolicy = "deny"|"defaultpolicy": "deny"
2|.runtimeConfig.portMappings = [{"hostPort": 1}]|portMappings
7|del(.name)|no name
7|.name = "a/b"|name: "a/b"
7|.name = 5|no name
7|del(.podcidr)|podcidr or ipam
7|.ipam = {"type": "host-local"}|exclude each other
7|del(.podcidr) + {"ipam": {"type": "a/b"}}|ipam.type
7|del(.podcidr) + {"ipam": {"type": "none"}}|no plugin "none"
7|.podcidr = "10.22.0.0"|podcidr
7|.podcidr = 5|podcidr
7|.podcidr = "192.168.0.0/31"|192.168.0.0/31 is too small
7|.podcidr = ["10.22.0.0/24", "10.23.0.0/24"]|two prefixes of IPv4
7|.mode = "vlan"|mode: "vlan"
7|.mode = true|mode is of the wrong type
7|.strict = "yes"|strict is of the wrong type
7|.mtu = 20|mtu: 20
7|.mtu = "1500"|mtu is of the wrong type
7|.bridge = "a/b"|bridge: "a/b"
7|.bridge = "lo"|no bridge
7|.defaultPolicy = "maybe"|defaultPolicy: "maybe"
7|.namespace = "a/b"|namespace: "a/b"
7|.root = "relative"|root: "relative"
7|.labels = {"a b": "c"}|labels: "a b"
7|.args.cni.labels = [{"key": "a"}]|labels: "a"
7|.runtimeConfig.mac = "01:00:00:00:00:01"|MAC
7|.runtimeConfig.mac = "zz"|MAC
7|.runtimeConfig.ips = ["10.22.0.300"]|no IP address
7|.runtimeConfig.ips = ["10.23.0.3"]|not in podcidr
7|.runtimeConfig.ips = ["10.22.0.3", "10.22.0.4"]|one address of each family
7|.runtimeConfig.bandwidth = {"ingressRate": 1000000, "ingressBurst": 1}|bandwidth
7|.prevResult = {"cniVersion": "1.1.0"}|behind another plugin
6|.prevResult = 5|prevResult
END
is "nothing of it was made" "$(ip -br link | awk '{print $1}' | paste -sd' ')" lo

plan_done
