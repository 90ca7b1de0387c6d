#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The demonstration, twice, and that all of it can be taken down.
. "$(dirname "$0")/lib.sh"

demo=$tests/../examples/demo

left() {
	ip -o link | grep -v ': lo:'
	find /sys/fs/bpf /run/netns -mindepth 1 ! -name '*.debug'
	pgrep -f 'npctl: server'
}

is "before: nothing" "$(left)" ""
ok "the demo" "$demo"
like "the drop was shown with its rule" "$("$demo")" \
	'DROP +ingress +default/denied 10\.0\.0\.30:[0-9]+ -> default/backend 10\.0\.0\.10:8080 .*deny ingress'
is "twice is one rule" "$(npctl -j policy list | jq '[.[] | select(.tier == "rule")] | length')" 1
ok "the story's commands, each again" bash -ec '
	npctl topo up
	npctl load
	npctl attach pod backend
	npctl policy allow 10.0.0.20/32
	npctl test
	npctl -q trace --drops --timeout 1'
ok "topo down" npctl topo down
ok "load --unload" npctl load --unload
is "after: nothing" "$(left)" ""
ok "topo down, again" npctl topo down
ok "load --unload, again" npctl load --unload
plan_done
