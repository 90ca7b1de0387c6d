#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A ClusterIP stands for its pods on egress.
. "$(dirname "$0")/lib.sh"

pod() { # NAME ADDRESSES LABELS PORTS
	cat <<-END
		apiVersion: v1
		kind: Pod
		metadata: {name: $1, namespace: default, labels: {$3}}
		spec: {containers: [{name: c, ports: [$4]}]}
		status: {podIPs: [$2]}
		---
	END
}
service() { # NAME SELECTOR ADDRESSES PORTS
	cat <<-END
		apiVersion: v1
		kind: Service
		metadata: {name: $1, namespace: default}
		spec: {selector: {$2}, clusterIPs: [$3], ports: [$4]}
		---
	END
}
egress() { # RULES
	cat <<-END
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: out, namespace: default}
		spec: {podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [$1]}
	END
}
cluster() {
	pod client "{ip: 10.1.0.1}, {ip: 'fd00:1::1'}" "app: client" ""
	pod one "{ip: 10.1.0.2}, {ip: 'fd00:1::2'}" "app: web, track: stable" "{name: http, containerPort: 8080}"
	pod two "{ip: 10.1.0.3}, {ip: 'fd00:1::3'}" "app: web, track: canary" "{name: http, containerPort: 9090}"
	pod ended "{ip: 10.1.0.4}" "app: web, track: old" "" | sed 's/podIPs/phase: Succeeded, podIPs/'
	service web "app: web" "10.96.0.1, 'fd00:96::1'" "{port: 80, targetPort: http}, {port: 53, protocol: UDP, targetPort: 5353}, {port: 443}"
	service stable "app: web, track: stable" "10.96.0.2" "{port: 80, targetPort: http}"
	service empty "app: nothing" "10.96.0.3" "{port: 80}"
	service headless "app: web" "None" "{port: 80}"
}
# verdicts RULES TO PORT…: one letter each.
verdicts() {
	local to port letters=""
	{ cluster && egress "$1"; } >"$T/cluster.yml"
	shift
	while [ $# -gt 0 ]; do
		to=$1 port=$2
		shift 2
		letters+=$(npctl -j policy explain -f "$T/cluster.yml" --from client --to "$to" --port "$port" |
			jq -r '.egress.verdict[:1]')
	done
	echo "$letters"
}
any='{}'
to_web='{to: [{podSelector: {matchLabels: {app: web}}}]'
to_stable='{to: [{podSelector: {matchLabels: {track: stable}}}]'

is "without ports, all ports of it" \
	"$(verdicts "$to_web}" 10.96.0.1 tcp/80 10.96.0.1 udp/53 10.96.0.1 tcp/443 fd00:96::1 tcp/80)" aaaa
is "what it does not serve is nobody's" "$(verdicts "$to_web}" 10.96.0.1 tcp/8080 10.96.0.1 udp/80)" dd
is "the port behind it counts" \
	"$(verdicts "$to_web, ports: [{port: 5353, protocol: UDP}]}" 10.96.0.1 udp/53 10.96.0.1 tcp/80)" ad
is "its own does not" "$(verdicts "$to_web, ports: [{port: 80}]}" 10.96.0.1 tcp/80)" d
is "a name means each pod's own port" "$(verdicts "$to_web, ports: [{port: http}]}" 10.96.0.1 tcp/80 fd00:96::1 tcp/80)" aa
is "a number that one of them has is not enough" "$(verdicts "$to_web, ports: [{port: 8080}]}" 10.96.0.1 tcp/80 10.96.0.2 tcp/80)" da
is "every pod behind it must be allowed" "$(verdicts "$to_stable}" 10.96.0.1 tcp/80 10.96.0.2 tcp/80 10.96.0.1 tcp/443)" dad
is "a block with its address does not do" \
	"$(verdicts '{to: [{ipBlock: {cidr: 10.96.0.0/16}}]}' 10.96.0.1 tcp/80 10.96.0.1 tcp/8080 10.96.0.3 tcp/80)" daa
is "a block with its pods' does, in its family" \
	"$(verdicts '{to: [{ipBlock: {cidr: 10.1.0.0/16}}]}' 10.96.0.1 tcp/80 fd00:96::1 tcp/80)" ad
is "a rule for all is for it, too" "$(verdicts "$any" 10.96.0.1 tcp/80 10.96.0.1 tcp/8080 10.96.0.3 tcp/80)" aaa
is "no rule" "$(verdicts "" 10.96.0.1 tcp/80 10.96.0.2 tcp/80)" dd
like "explain says whose pods" "$(verdicts "$to_stable}" 10.96.0.1 tcp/80; npctl policy explain -f "$T/cluster.yml" --from client --to 10.96.0.1 --port tcp/80)" \
	"at every pod of the service default/web"

# For real: a node that turns ClusterIPs as kube-proxy does.
npctl -q topo up >/dev/null && npctl -q load >/dev/null && npctl -q attach pod allowed >/dev/null || exit
sysctl -q net.ipv4.ip_forward=1
nft -f - <<-END
	table ip turn {
		chain pre { type nat hook prerouting priority -100; ip daddr 10.96.0.1 tcp dport 80 dnat to 10.0.0.10:8080; }
		chain post { type nat hook postrouting priority 100; ct status dnat masquerade; }
	}
END
reaches() { npctl topo exec allowed -- timeout 1 bash -c '</dev/tcp/10.96.0.1/80'; }
ok "turned without policy" reaches
{
	service web "app: backend" "10.96.0.1" "{port: 80, targetPort: 8080}"
	egress "{to: [{podSelector: {matchLabels: {app: backend}}}]}" | sed 's/app: client/app: allowed/'
} >"$T/live.yml"
ok "a service is applied" npctl -q policy apply -f "$T/live.yml"
ok "and reached" reaches
sed 's/{app: backend}}}\]/{app: other}}}]/' "$T/live.yml" | npctl -q policy apply -f - || exit
fails "not when its pods are not allowed" reaches
like "export has it" "$(npctl policy export --all)" "kind: Service"
is "all agrees" "$(npctl policy verify)" "documents, plan, maps and programs agree"
plan_done
