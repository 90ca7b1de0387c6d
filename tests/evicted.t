#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# evicted: open connections outlive whatever others come and go, and their own flows.
. "$(dirname "$0")/lib.sh"

command -v /usr/bin/python3 >/dev/null || skip_all "no python3"
command -v nft >/dev/null || skip_all "no nft"
npctl topo up >/dev/null || skip_all "no topology"

# Connections that never come to be: see evicted.
for pod in backend allowed; do
	ip netns exec ns-$pod nft -f - <<-END
		table inet evicted {
			chain input { type filter hook input priority 0; tcp dport 9000 tcp sport 1000-15999 drop; }
			chain output { type filter hook output priority 0; tcp flags & rst == rst drop; }
		}
	END
done

# hear SERVER ADDRESS CLIENT COUNT: how many of so many hear, by the kind of the flood
hear() {
	"$tests/evicted" "$1" "$2" "$3" "$4" closed 2500
	"$tests/evicted" "$1" "$2" "$3" "$4" half-open 12000
	"$tests/evicted" "$1" "$2" "$3" "$4" new 12000
}

# every ROOM COUNT: with the table's room, in each kind of isolation
every() {
	local room=$1 count=$2 all
	all=$(printf '%s\n' "$count" "$count" "$count")
	npctl load --flows "$room" >/dev/null
	npctl attach pod backend >/dev/null
	npctl policy allow 10.0.0.99 --egress --pod backend >/dev/null
	is "$room: a server that may begin nothing" "$(hear ns-backend 10.0.0.10 ns-allowed "$count")" "$all"
	npctl policy delete --all
	npctl policy allow 10.0.0.20 --port tcp/9000 --pod backend >/dev/null
	is "$room: a server that few may reach" "$(hear ns-backend 10.0.0.10 ns-allowed "$count")" "$all"
	npctl policy delete --all
	npctl policy allow 10.0.0.99 --pod backend >/dev/null
	is "$room: a client that nobody may reach" "$(hear ns-allowed 10.0.0.20 ns-backend "$count")" "$all"
	npctl policy allow 10.0.0.20 --port tcp/9000 --egress --pod backend >/dev/null
	is "$room: and that may reach but one" "$(hear ns-allowed 10.0.0.20 ns-backend "$count")" "$all"
	npctl load --unload >/dev/null
}

# They keep their flows; where these do not fit, the rule for the middle of a connection helps.
every 1024 500
every 64 100
plan_done
