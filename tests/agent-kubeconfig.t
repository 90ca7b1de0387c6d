#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# How the agent finds an API server and proves who it is.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"

apiserver_start --history 100
npctl -q load >/dev/null || exit
data() { base64 -w0 "$1"; }
config() { # CLUSTER USER
	cat <<-END
		apiVersion: v1
		kind: Config
		current-context: test
		clusters:
		- {name: here, cluster: {server: "$SERVER", $1}}
		contexts:
		- {name: test, context: {cluster: here, user: me}}
		- {name: nobody, context: {cluster: here, user: none}}
		users:
		- {name: me, user: {$2}}
	END
}
once() { npctl -q agent --once -k "$T/config" "$@"; }
try() { # DESCRIPTION CLUSTER USER
	config "$2" "$3" >"$T/config"
	ok "$1" once
}
try_not() { # DESCRIPTION STATUS PATTERN CLUSTER USER [OPTION…]
	local description=$1 status=$2 pattern=$3
	config "$4" "$5" >"$T/config"
	shift 5
	fails_with "$description" "$status" "$pattern" npctl -q agent --once -k "$T/config" "$@"
}
ca="certificate-authority: $A/ca.crt" token="token: $(cat "$A/token")"

ok "the kubeconfig with a token's file" npctl -q agent --once -k "$A/kubeconfig"
ok "with a client certificate" npctl -q agent --once -k "$A/cert.kubeconfig"
try "a token" "$ca" "$token"
try "an authority in the file itself" "certificate-authority-data: $(data "$A/ca.crt")" "$token"
try "a certificate in the file itself" "$ca" \
	"client-certificate-data: $(data "$A/admin.crt"), client-key-data: $(data "$A/admin.key")"
try "no authority, if so wanted" "insecure-skip-tls-verify: true" "$token"
cp "$A/ca.crt" "$A/token" "$T"
try "paths beside the file" "certificate-authority: ca.crt" "tokenFile: token"
try_not "an authority that is unknown" 1 "certificate" "disable-compression: true" "$token"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/other.key" \
	-out "$T/other.crt" -subj /CN=other -days 1 2>/dev/null
try_not "another authority" 1 "certificate" "certificate-authority: other.crt" "$token"
try_not "a wrong token" 1 "status 401" "$ca" "token: wrong"
try_not "no token" 1 "status 40[13]" "$ca" ""
try_not "a program for a token" 1 "exec is not supported" "$ca" "exec: {command: aws}"
try_not "data that is no base64" 1 "certificate-authority-data is no base64" \
	"certificate-authority-data: '***'" "$token"
try_not "a file that is not there" 1 "cannot read .*/none" "certificate-authority: none" "$token"
try_not "a context that is not there" 1 'contexts: there is none called "other"' "$ca" "$token" --context other
try_not "a user that is not there" 1 'users: there is none called "none"' "$ca" "$token" --context nobody
fails_with "no such file" 1 "missing: No such file" npctl agent --once -k "$T/missing"
fails_with "no cluster at all" 2 "which cluster" npctl agent --once
fails_with "two sources" 2 "not both" npctl agent --once -k "$A/kubeconfig" -m "$T"
ok "nothing was lost by that" npctl -q policy verify

# In a pod of the cluster
in_pod() {
	local account=/var/run/secrets/kubernetes.io/serviceaccount
	mount -t tmpfs tmpfs /var/run && mkdir -p "$account" && cp "$A/ca.crt" "$A/token" "$account" &&
		KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=${SERVER##*:} \
			npctl -q agent --once
}
export -f in_pod
export A SERVER
ok "as a pod of the cluster" unshare -m bash -c in_pod
KUBERNETES_SERVICE_HOST=127.0.0.1 fails_with "a pod without a service account" 1 \
	"no service account" npctl agent --once

# A token that is renewed
npctl -q agent -k "$A/kubeconfig" --listen 127.0.0.1:9466 &
agent=$!
disown
metric() { curl -sf http://127.0.0.1:9466/metrics | awk -v name="npctl_agent_$1" '$1 == name { print $2 }'; }
in_step() { [ "$(metric well)" = 1 ]; }
eventually "in step" in_step
control "token" >/dev/null
control drop >/dev/null
seen() { npctl -j policy list | jq -e 'any(.[]; .policy == "default/late")' >/dev/null; }
kube apply -f - >/dev/null <<-END
	{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "late", "namespace": "default"},
	 "spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}}
END
WAIT=10 eventually "the file's new token is used" seen
kill $agent
plan_done
