# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A cluster of $pods pods and $policies policies, each object as long as real ones
# are: jq -n --argjson pods 5000 --argjson policies 2000 -f many.jq; with $namespaces
# instead of 50, and the pods from number $first on, if those are given.
def namespaces: $ARGS.named.namespaces // 50;
def first: $ARGS.named.first // 0;
def owned: [range(8) | {manager: "kubelet", operation: "Update", apiVersion: "v1",
	fieldsV1: {"f:status": {"f:conditions": {"k:{\"type\":\"Ready\"}": {".": {}, "f:lastTransitionTime": {}, "f:status": {}}}}}}];
def pod: {kind: "Pod", apiVersion: "v1",
	metadata: {name: "pod-\(.)", namespace: "ns\(. % namespaces)", managedFields: owned,
		annotations: {"kubernetes.io/config.seen": "2026-11-21T06:33:09.000000000Z"},
		labels: {app: "app\(. % 500)", tier: "tier\(. % 3)"}},
	spec: {nodeName: "node-\(2 + . % 100)", serviceAccountName: "default", volumes: [{name: "data", emptyDir: {}}],
		containers: [{name: "main", image: "registry.example.com/shop/main:1.2.3",
			ports: [{name: "http", containerPort: 8080}, {name: "metrics", containerPort: 9090}],
			env: [range(8) | {name: "VARIABLE_\(.)", value: "some value or other"}],
			volumeMounts: [{name: "data", mountPath: "/data"}]}]},
	status: {phase: "Running", podIP: "10.\(1 + (. / 65536 | floor)).\(. / 256 % 256 | floor).\(. % 256)", hostIP: "10.0.0.2",
		conditions: [("Initialized", "Ready", "ContainersReady", "PodScheduled") |
			{type: ., status: "True", lastTransitionTime: "2026-11-21T06:33:09Z"}]}};
def policy: {kind: "NetworkPolicy", apiVersion: "networking.k8s.io/v1",
	metadata: {name: "policy-\(.)", namespace: "ns\(. % namespaces)", managedFields: owned},
	spec: {podSelector: {matchLabels: {app: "app\(. % 500)"}}, policyTypes: ["Ingress", "Egress"],
		ingress: [{from: [{podSelector: {matchLabels: {app: "app\((. + 50) % 500)"}}},
				{namespaceSelector: {matchLabels: {team: "team\(. % 7)"}}}],
			ports: [{port: "http"}, {port: (9000 + . % 20)}]}],
		egress: [{to: [{ipBlock: {cidr: "172.\(16 + . % 16).0.0/16", except: ["172.\(16 + . % 16).\(. % 256).0/24"]}}]},
			{to: [{podSelector: {}}]}]}};
{kind: "List", items: ([range(namespaces) | {kind: "Namespace", apiVersion: "v1",
		metadata: {name: "ns\(.)", labels: {team: "team\(. % 7)"}}}] +
	[range(first; first + $pods) | pod] + [range($policies) | policy])}
