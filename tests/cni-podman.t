#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Real containers: podman starts them on networks of the npctl CNI plugin.
. "$(dirname "$0")/lib.sh"
. "$tests/cni.sh"
for tool in podman runc busybox; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done
[ -x $plugins/bridge ] || skip_all "needs the reference plugins (containernetworking-plugins)"

# Nothing of podman's may be seen outside, nor what is outside by it.
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /var/lib
mkdir -p "$T/plugins" "$T/networks" "$T/image/bin" "$T/image/www"
ln -s "$NPCTL" "$T/plugins/npctl"
cat >"$T/containers.conf" <<END
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "cni"
cni_plugin_dirs = ["$T/plugins", "$plugins"]
network_config_dir = "$T/networks"
END
export CONTAINERS_CONF=$T/containers.conf
network() { jq -n "{cniVersion: \"1.0.0\", name: \"$1\", plugins: [$2]}" >"$T/networks/$1.conflist"; }
network pods '{type: "npctl", podcidr: "10.66.0.0/24", namespace: "default", capabilities: {ips: true, mac: true}}'
network more '{type: "npctl", podcidr: "10.67.0.0/24", namespace: "default", bridge: "npctl1", isDefaultGateway: false}'
network chain '{type: "bridge", bridge: "cni9", isGateway: true, ipam: {type: "host-local", dataDir: "'"$T"'/leases",
	subnet: "10.68.0.0/24", routes: [{dst: "0.0.0.0/0"}]}}, {type: "npctl", namespace: "chained"}'
pod() { podman --root "$T/store" --runroot "$T/run" --tmpdir "$T/tmp" --storage-driver vfs --runtime runc "$@" 2>>"$T/podman"; }
[ "$(pod info -f '{{.Host.NetworkBackend}}')" = cni ] || skip_all "this podman has no CNI backend"
start() { # NAME NETWORKS COMMAND…
	local name=$1 networks=$2
	shift 2
	pod run -d --name "$name" --network "$networks" --ulimit nofile=1024:1024 --ulimit nproc=500:500 box "$@" >/dev/null
}
server=(/bin/busybox httpd -f -h /www -p 80)
cp "$(command -v busybox)" "$T/image/bin/busybox"
ln -s busybox "$T/image/bin/sh"
echo hello >"$T/image/www/index.html"
tar -C "$T/image" -cf "$T/image.tar" .
ok "an image" pod import "$T/image.tar" box
address_of() { pod inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"; }
asks() { # CONTAINER ADDRESS
	pod exec "$1" /bin/sh -c "printf 'GET /index.html HTTP/1.0\r\n\r\n' | busybox timeout 1 busybox nc $2 80 | busybox tail -n1; echo over" | paste -sd' '
}
gets() { [ "$(asks "$@")" = "hello over" ]; }
blocked() { [ "$(asks "$@")" = over ]; }

# --- who they are is said before they start
cat >"$T/pods.yml" <<END
apiVersion: v1
kind: Pod
metadata: {name: backend, labels: {app: backend}}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: frontend, labels: {app: frontend}}
spec: {containers: []}
END
ok "labels" npctl policy apply -f "$T/pods.yml"
ok "backend starts" start backend pods "${server[@]}"
ok "frontend starts" start frontend pods /bin/busybox sleep 1000
ok "other starts" start other pods /bin/busybox sleep 1000
backend=$(address_of backend pods)
is "podman knows the address that policy knows" "$(npctl -j endpoint get backend | jq -r '.addresses[0] + " " + .labels.app')" \
	"$backend backend"
eventually "they reach each other" gets frontend "$backend"
ok "… all" gets other "$backend"

policy() { # LABEL
	cat <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: backend, namespace: default}
spec:
  podSelector: {matchLabels: {app: backend}}
  ingress: [{from: [{podSelector: {matchLabels: {app: $1}}}], ports: [{port: 80}]}]
END
}
policy nobody >"$T/policy.yml"
ok "a NetworkPolicy" npctl policy apply -f "$T/policy.yml"
ok "… stops one" blocked frontend "$backend"
ok "… and the other" blocked other "$backend"
policy frontend >"$T/policy.yml"
ok "changed" npctl policy apply -f "$T/policy.yml"
ok "… it allows one" gets frontend "$backend"
ok "… and not the other" blocked other "$backend"

# --- the same by the agent's directory
npctl policy delete backend >/dev/null
ok "without it" gets other "$backend"
mkdir "$T/manifests"
cp "$T/pods.yml" "$T/manifests"
npctl agent --manifests "$T/manifests" 2>"$T/agent" &
agent=$!
policy frontend >"$T/manifests/policy.yml"
eventually "the agent stops the other" blocked other "$backend"
ok "… and not frontend" gets frontend "$backend"
ok "a container that it does not know" start late pods "${server[@]}"
ok "… has no connections" blocked late "$backend"
late=$(address_of late pods)
ok "… in either direction" blocked frontend "$late"
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: late}\nspec: {containers: []}\n' >"$T/manifests/late.yml"
eventually "… until it does" gets frontend "$late"
kill -INT $agent
wait $agent
ok "late goes" pod rm -f -t 0 late

# --- several networks, an address of one's own
ok "an address and a MAC that podman asks for" start fixed pods:ip=10.66.0.99,mac=02:00:00:00:00:99 /bin/busybox sleep 1000
is "… are given" "$(address_of fixed pods) $(pod exec fixed /bin/busybox ip link show eth0 | awk '/ether/ { print $2 }')" "10.66.0.99 02:00:00:00:00:99"
ok "two networks at once" pod run -d --name two --network pods --network more --ulimit nofile=1024:1024 --ulimit nproc=500:500 box "${server[@]}"
eventually "… reached in one" gets fixed "$(address_of two pods)"
ok "behind bridge" start one chain "${server[@]}"
ok "… another" start asker chain /bin/busybox sleep 1000
one=$(address_of one chain)
eventually "… reach each other" gets asker "$one"
ok "… until denied" npctl policy deny chained/asker --pod chained/one
ok "… as said" blocked asker "$one"

# --- stopping frees
ok "stop" pod stop -t 0 backend
is "a container that stops has no address" "$(npctl -j endpoint get backend | jq -c .addresses)" '[]'
ok "start" pod start backend
unlike "… and gets another" "$(address_of backend pods)" "^$backend\$"
ok "all go" pod rm -f -t 0 -a
is "nothing is left" "$(ip -br link | awk '$1 != "cni9" {print $1}') $(npctl -j attach show | jq length) $(npctl -j endpoint list | jq '[.[].addresses[]] | length')" "lo 0 0"
many() { # WORDS of podman: for all at once
	local i pids=() failed=0
	for i in {1..6}; do "$@" "many$i" >/dev/null & pids+=($!); done
	for i in "${pids[@]}"; do wait "$i" || failed=$((failed + 1)); done
	echo $failed
}
begin() { start "$1" pods /bin/busybox sleep 1000; }
end() { pod rm -f -t 0 "$1"; }
is "six at once" "$(many begin) $(npctl -j endpoint list | jq '[.[].addresses[]] | unique | length')" "0 6"
is "… go at once" "$(many end)" 0
is "… and leave nothing" "$(ip -br link | awk '$1 != "cni9" {print $1}') $(npctl -j attach show | jq length) $(npctl -j endpoint list | jq '[.[].addresses[]] | length')" "lo 0 0"
[ $failed = 0 ] || note "$(tail -n 20 "$T/podman" "$T/agent")"
plan_done
