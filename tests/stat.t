#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Statistics add up with the traffic that was sent, to the packet.
. "$(dirname "$0")/lib.sh"
. "$tests/lab.sh"

fails_with "nothing is loaded" 1 'npctl load' npctl stat rules
lab_up

# rule PATTERN KEY: of the rule whose name begins so
rule() {
	npctl -j stat rules | tr '}' '\n' | grep "\"rule\":\"$1" | grep -o "\"$2\":[0-9]*" | grep -o '[0-9]*$'
}

# Somebody takes the datagrams, or ICMP errors would count, too.
cat >"$T/sink.pl" <<'PERL'
use Socket;
socket(my $socket, PF_INET, SOCK_DGRAM, 17) or die;
bind($socket, pack_sockaddr_in(7777, INADDR_ANY)) or die;
print "bound\n";
close STDOUT;
sleep 60;
PERL
npctl topo exec backend -- perl "$T/sink.pl" >"$T/sink" &
sink=$!
eventually "a socket in the backend" grep -q bound "$T/sink"

# neighbours first
send allowed 9 1
send denied 9 1
sleep 0.2
# sample NAME RULE: of a rule, for Prometheus
sample() { npctl stat --prometheus | sed -n "s/^npctl_rule_$1_total{rule=\"$2[^}]*} //p"; }
exported="$(sample packets 'rule 1 ') $(sample bytes 'rule 1 ') $(sample packets 'default deny')"
allowed=$(rule 'rule 1 ' packets) bytes=$(rule 'rule 1 ' bytes)
denied=$(rule 'default deny' packets)
send allowed 7777 1000
send denied 7777 70
sleep 0.1
is "packets that a rule allowed" $(($(rule 'rule 1 ' packets) - allowed)) 1000
is "their bytes" $(($(rule 'rule 1 ' bytes) - bytes)) 43000
is "packets that were dropped" $(($(rule 'default deny' packets) - denied)) 70
read -r a b d <<<"$exported"
is "Prometheus is told the same" "$(($(sample packets 'rule 1 ') - a)) $(($(sample bytes 'rule 1 ') - b)) $(($(sample packets 'default deny') - d))" \
	"1000 43000 70"
like "totals" "$(npctl -j stat)" "\"denied\":\{\"packets\":$((denied + 70)),"

like "a flow with its rule" "$(npctl stat flows | tr -s ' ')" \
	'default/backend UDP asked ingress default/backend 10.0.0.10:7777 default/allowed 10.0.0.20:5555 [0-9]+ [0-9]+ 1000 0 allow rule 1 '
is "dropped ones are no flows" "$(npctl -j stat flows | grep -c '"remote_pod":"default/denied"')" 0
is "flows of a port" "$(npctl -j stat flows --port udp/7777 | grep -o '"local_port":[0-9]*')" '"local_port":7777'
is "flows of a peer" "$(npctl -j stat flows --peer 10.0.0.30)" '[]'
is "flows of a pod" "$(npctl -j stat flows --pod backend --port 9 | grep -o '"local_port":[0-9]*')" '"local_port":9'
like "flows are deleted" "$(npctl stat flows --port udp/7777 --delete)" '^deleted 1 '
is "those, and no others" "$(npctl -j stat flows | grep -o '"local_port":[0-9]*')" '"local_port":9'
send allowed 7777 5
like "and made again by the next packet" "$(npctl stat flows --port 7777 | tr -s ' ')" ' 5 0 allow rule 1 '

# costs: what others had switched on stays on
before=$(cat /proc/sys/kernel/bpf_stats_enabled)
(sleep 0.3 && send allowed 7777 20000) &
like "what programs cost" "$(npctl -j stat programs)" \
	'"program":"pod_ingress","id":[0-9]+,"runs":[0-9]+,"run_ns":[0-9]+,"runs_per_second":[1-9][0-9.]*,"ns_per_run":[1-9][0-9]*,"cpu_percent":'
wait $!
is "the kernel counts as before" "$(cat /proc/sys/kernel/bpf_stats_enabled)" "$before"
(for _ in 1 2 3 4 5 6; do send allowed 7777 100; sleep 0.3; done) &
like "rates" "$(npctl -j stat rules --watch --count 2 | tail -1 | tr '}' '\n' | grep 'rule 1 ')" \
	'"packets_per_second":[1-9]'
wait $!
is "one JSON value for each look" "$(npctl -j stat maps --watch --count 2 | grep -c '^\[{"name":"buckets"')" 2
like "maps" "$(npctl stat maps | tr -s ' ')" 'documents hash [0-9]+ 65536 0% '

like "no warning" "$(npctl -j stat maps | jq '[.[] | select(.warning)] | length')" '^0$'

npctl trace --drops >/dev/null 2>"$T/trace" &
eventually "a listener" grep -q listening "$T/trace"
send denied 7777 12
sleep 0.1
is "listeners" "$(npctl -j stat events)" '[{"slot":0,"wants":"drops","sent":12,"lost":0}]'
kill $!

# for Prometheus
npctl stat --prometheus >"$T/metrics"
is "every metric is explained" "$(grep -c '^# HELP' "$T/metrics")" "$(grep -c '^# TYPE' "$T/metrics")"
like "samples have labels" "$(grep '^npctl_rule_packets_total{rule="rule 1 ' "$T/metrics")" \
	'tier="rule",verdict="allow",direction="ingress",rule_number="[0-9]+"\} [0-9]+$'
is "they are what stat rules says" \
	"$(sed -n 's/^npctl_rule_packets_total{rule="default deny.* \([0-9]*\)$/\1/p' "$T/metrics")" \
	"$(rule 'default deny' packets)"
if command -v promtool >/dev/null; then
	is "promtool has no complaint" "$(promtool check metrics <"$T/metrics" 2>&1)" ""
else
	skip "no promtool"
fi

fails_with "no such pod" 1 'pod "nope" does not exist' npctl stat flows --pod nope
fails_with "no such port" 2 'not a port' npctl stat flows --port 70000
fails_with "no such peer" 1 'neither an address' npctl stat flows --peer 10.0.0.300
fails_with "no such kind" 2 'flows' npctl stat flow5
fails_with "no such interval" 2 'interval' npctl stat rules --watch --interval 0
fails_with "a count of one look" 2 'only goes with --watch' npctl stat rules --count 2
fails_with "clear and watch" 2 'stands alone' npctl stat drops --clear --watch
like "JSON and Prometheus" "$(npctl -j stat --prometheus)" '"error":"--prometheus and -j do not go'
like "totals at the end of a watch" "$(npctl stat rules --watch --count 1 2>&1 >/dev/null)" \
	'^npctl: allowed [1-9][0-9]* packets, [1-9][0-9]* bytes; denied [1-9][0-9]* packets, [1-9][0-9]* bytes$'
fails_with "watch and Prometheus" 2 'do not go together' npctl stat drops --watch --prometheus
fails_with "delete all of them only when told" 2 'which flows' npctl stat flows --delete
ok "all of them" npctl stat flows --delete --all
is "are gone" "$(npctl -j stat flows)" "[]"
kill $sink

# a map that is nearly full says so
npctl load --unload >/dev/null
npctl load --rules 16 >/dev/null
npctl attach pod backend >/dev/null
for i in $(seq 8); do npctl policy allow "10.1.0.$i/32" >/dev/null; done
is "room for rules" "$(npctl -j stat maps | jq -r '.[] | select(.name == "rules") | "\(.used_percent) \(.warning)"')" "87 null"
npctl policy allow 10.1.0.9/32 >/dev/null
like "nearly full" "$(npctl stat maps | grep '^rules ')" ' 93% .*nearly full$'
like "for Prometheus" "$(npctl stat maps --prometheus)" 'npctl_map_used_ratio\{name="rules",type="array"\} 0.93'
plan_done
