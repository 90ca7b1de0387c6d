# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The API server of tests/apiserver for a test that sourced tests/lib.sh.
#
#   apiserver_start [OPTION…]    its files are in $A
#   kube WORDS…                  kubectl, as an administrator whom no fault hits
#   control PATH [BODY-FILE]     what tests/apiserver/apiserver describes
#   requests FILTER              of the log what jq selects, a line each
A=$T/api SERVER=

apiserver_start() {
	local tool
	for tool in kubectl openssl curl jq /usr/bin/python3; do
		command -v "$tool" >/dev/null || skip_all "$tool is not there"
	done
	export HOME=$T
	"${tests:?}/apiserver/apiserver" "$A" "$@" &
	APISERVER=$!
	disown $APISERVER # a test that kills it need not hear of it
	until [ -e "$A/ready" ]; do
		kill -0 $APISERVER 2>/dev/null || { echo "Bail out! no API server" && exit 1; }
		sleep 0.02
	done
	# shellcheck disable=SC2034 # for the test
	SERVER=$(jq -r '.clusters[0].cluster.server' "$A/kubeconfig")
}

kube() {
	kubectl --kubeconfig "$A/admin.kubeconfig" "$@"
}

control() {
	local method=POST
	[ "$1" != status ] || method=GET
	curl -sS -f --unix-socket "$A/control" -X $method ${2:+-H "Content-Type:" --data-binary "@$2"} "http://control/$1"
}

requests() {
	jq -c "select($1)" "$A/log"
}
