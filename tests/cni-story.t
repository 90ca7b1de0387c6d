#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The story of two pods without a cluster, as examples/cni tells it.
. "$(dirname "$0")/lib.sh"

ok "the story" "$tests/../examples/cni"
story=$("$tests/../examples/cni" 2>&1)
like "… again" "$story" 'no program is attached'
like "frontend reaches backend" "$story" 'story/frontend +story/backend .*connected .*PASS'
like "the stranger does not" "$story" 'story/stranger +story/backend .*blocked .*PASS'
is "… and nothing else went wrong" "$(grep -c FAIL <<<"$story")" 0
is "it takes all down" "$(ip -br link | awk '{print $1}') $(ls /run/netns) $(npctl -j endpoint list | jq length) $(npctl -j policy list | jq '[.[] | select(.tier == "namespace")] | length')" \
	"lo  0 0"
plan_done
