#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# evicted: open connections outlive their flows. The table has room for far fewer
# than come and go while they are silent.
. "$(dirname "$0")/lib.sh"

command -v /usr/bin/python3 >/dev/null || skip_all "no python3"
npctl topo up >/dev/null || skip_all "no topology"
npctl load --flows 1024 >/dev/null
npctl attach pod backend >/dev/null

hear() { "$tests/evicted" "$1" "$2" "$3" 100 4000; }
npctl policy allow 10.0.0.99 --egress --pod backend >/dev/null
is "a server that may begin nothing" "$(hear ns-backend 10.0.0.10 ns-allowed)" 100
npctl policy delete --all
npctl policy allow 10.0.0.20 --port tcp/9000 --pod backend >/dev/null
is "a server that few may reach" "$(hear ns-backend 10.0.0.10 ns-allowed)" 100
npctl policy delete --all
npctl policy allow 10.0.0.99 --pod backend >/dev/null
is "a client that nobody may reach" "$(hear ns-allowed 10.0.0.20 ns-backend)" 100
npctl policy allow 10.0.0.20 --port tcp/9000 --egress --pod backend >/dev/null
is "and that may reach but one" "$(hear ns-allowed 10.0.0.20 ns-backend)" 100
plan_done
