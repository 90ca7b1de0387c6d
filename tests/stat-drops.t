#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What was denied while nobody looked.
. "$(dirname "$0")/lib.sh"

drops() { npctl -j stat drops | jq -r ".[] | $1"; }
send() { npctl topo exec "$1" -- bash -c "for ((i = 0; i < $3; i++)); do printf x >/dev/udp/10.0.0.10/$2; done"; }

npctl topo up >/dev/null
npctl load >/dev/null
npctl attach pod backend >/dev/null
ok "a lab" npctl policy allow 10.0.0.20/32
is "nothing yet" "$(npctl stat drops)" "nothing was denied"
send denied 4242 7
send denied 4243 3
send denied 4242 5
send allowed 4242 2
is "counted, with those that no table has yet" \
	"$(drops '"\(.subject) \(.direction) \(.peer) \(.peer_pod) \(.protocol) \(.port) \(.count)"' | sort)" \
	"default/backend ingress 10.0.0.30 default/denied UDP 4242 12
default/backend ingress 10.0.0.30 default/denied UDP 4243 3"
like "by whom and when" "$(drops '"\(.why) \(.tier) \(.last_seconds)"' | head -1)" '^default: .* default [0-3]$'
ok "by the clock, too" [ $(($(date +%s) - $(date -d "$(drops .last | head -1)" +%s))) -le 5 ]
send denied 4243 1
is "the latest comes first" "$(drops .port | head -1)" 4243
is "and counts on" "$(drops 'select(.port == 4243) | .count')" 4
like "as a table" "$(npctl stat drops)" 'COUNT +SUBJECT.*12 +default/backend +ingress +10\.0\.0\.30 +default/denied +UDP +4242'
like "where it went, too, when it left" "$(npctl -j stat destinations)" '^\[\]$'

# more ports than a subject's share: the rest is summed, the total is right
# shellcheck disable=SC2016 # the other shell's
npctl topo exec denied -- bash -c 'for p in {5000..5399}; do printf x >/dev/udp/10.0.0.10/$p; done'
# each processor has one that no table has yet
ok "no more than its share, and the others" [ "$(drops .count | wc -l)" -le $((257 + $(nproc))) ]
is "none is lost" "$(npctl -j stat drops | jq 'map(.count) | add')" 416
like "the others have no peer" "$(drops 'select(.peer == "others") | .count')" '^[0-9]+$'

# whoever else is denied has a share of its own
npctl attach pod allowed >/dev/null
npctl policy deny 10.0.0.30/32 --pod allowed >/dev/null
npctl topo exec denied -- bash -c 'for i in 1 2 3; do printf x >/dev/udp/10.0.0.20/6000; done'
is "a noisy one pushes nobody out" "$(drops 'select(.subject == "default/allowed") | "\(.peer) \(.port) \(.count)"')" \
	"10.0.0.30 6000 3"
npctl attach detach pod allowed >/dev/null

ok "--clear" npctl stat drops --clear
is "forgets" "$(npctl stat drops)" "nothing was denied"
send denied 4242 1
is "and counts anew" "$(drops .count)" 1

npctl policy allow 10.0.0.30 --egress >/dev/null
npctl topo exec backend -- bash -c 'printf x >/dev/udp/10.0.0.20/9'
is "a destination" "$(npctl -j stat destinations | jq -r '.[] | "\(.subject) \(.peer) \(.port) \(.allowed) \(.denied)"')" \
	"default/backend 10.0.0.20 9 0 1"

# Of four peers and ports, one series, and it adds up with what was sent.
ok "cleared once more" npctl stat drops --clear
for port in 4242 4243; do send denied $port 20; done
npctl topo exec backend -- bash -c 'for ((i = 0; i < 9; i++)); do printf x >/dev/udp/10.0.0.20/9; done'
npctl stat --prometheus >"$T/metrics"
is "denied packets for Prometheus" \
	"$(sed -n 's/^npctl_drops_total{subject="default\/backend",direction="\([a-z]*\)",reason="policy",tier="default",rule="default deny [^"]*"} / \1 /p' "$T/metrics" | sort | tr -d '\n')" \
	" egress 9 ingress 40"
is "its destinations" "$(sed -n 's/^npctl_egress_\([a-z]*\)_total{subject="default\/backend",uid="",user=""} / \1 /p' "$T/metrics" | tr -d '\n')" \
	" allowed 0 denied 9"
is "drops alone" "$(npctl stat drops --prometheus | grep -v '^#')" "$(grep ^npctl_drops_total "$T/metrics")"
if command -v promtool >/dev/null; then
	is "promtool has no complaint" "$(promtool check metrics <"$T/metrics" 2>&1)" ""
else
	skip "no promtool"
fi
npctl stat drops --watch --count 1 >"$T/watch" &
sleep 0.3
send denied 4244 30
wait $!
like "rates, of those that are new as well" "$(grep 4244 "$T/watch")" '^ *30 +[1-9][0-9.]+ +default/backend'
npctl load --unload >/dev/null
fails_with "not loaded" 1 'npctl load' npctl stat drops
plan_done
