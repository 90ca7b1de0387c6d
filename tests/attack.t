#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# attack: what an attacker sends, by the frame. Nothing denied may arrive, and
# what is allowed arrives before and after.
. "$(dirname "$0")/lib.sh"

command -v /usr/bin/python3 >/dev/null || skip_all "no python3"
npctl topo up >/dev/null || skip_all "no topology"
npctl load >/dev/null
npctl attach pod backend >/dev/null

# Each case of the list by its name: those that begin with "friend" or are said to be for
# the peer arrive, once for each that was sent to the right one.
check() {
	local direction=$1 case sent arrived
	"$tests/attack" "$direction" >"$T/cases" || result 1 "the frames are sent" "$(cat "$T/cases")"
	while IFS=: read -r case sent; do
		arrived=${sent#*, } sent=${sent% sent*} arrived=${arrived% arrived}
		case $case in
		"friend, tcp/22" | *denied*) is "$direction, $case" "$arrived" 0 ;;
		friend* | *"to the peer"*) is "$direction, $case" "$arrived" "${sent# }" ;;
		*) is "$direction, $case" "$arrived" 0 ;;
		esac
	done <"$T/cases"
}

for peer in 10.0.0.20 fd00:6e70::20; do
	npctl policy allow $peer --port tcp/8080 --port udp/53 --pod backend >/dev/null
done
check in
check in

npctl policy delete --all >/dev/null
for peer in 10.0.0.20 fd00:6e70::20; do
	npctl policy allow $peer --egress --pod backend >/dev/null
done
check out

plan_done
