#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# killed: SIGKILL in the middle of changes, and changes in the middle of traffic.
# A hundred kills of policy commands and of topo: what is in force afterwards is
# the old policy or the new one, and the next command works.
. "$(dirname "$0")/lib.sh"

three_pods >"$T/pods.yml"
address() { npctl -j topo show | jq -r ".[] | select(.pod == \"default/$1\") | .addresses[0]"; }
# A number of prefixes that are nobody's, and one client.
list() {
	seq "$1" "$2" | awk '{ printf "172.%d.%d.0/24\n", 16 + $1 / 256, $1 % 256 }'
	echo "$3"
}
# What both clients get: "allow deny", "deny allow", …
verdicts() {
	npctl -j test connect --from one --to server --port udp/7000 --timeout 150ms >"$T/one.json" &
	npctl -j test connect --from two --to server --port udp/7000 --timeout 150ms >"$T/two.json"
	wait $!
	jq -rs '[.[][] | .result] | join(" ")' "$T/one.json" "$T/two.json"
}
# kill_soon MILLISECONDS COMMAND…: starts it, and kills it after a while.
kill_soon() {
	local wait=$1 pid
	shift
	"$@" >/dev/null 2>&1 &
	pid=$!
	sleep "$(printf '0.%03d' "$wait")"
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
}

ok "a lab" npctl topo up -f "$T/pods.yml"
ok "loaded" npctl load
ok "attached" npctl attach pod server
list 1 1500 "$(address one)" >"$T/one.txt"
list 700 2200 "$(address two)" >"$T/two.txt"
ok "one is allowed" npctl policy allow --cidr-file "$T/one.txt" --name clients
is "and two is not" "$(verdicts)" "connected blocked"
ok "two is allowed instead" npctl policy allow --cidr-file "$T/two.txt" --name clients
is "and one is not" "$(verdicts)" "blocked connected"

mixed="" broken="" flips=0 last=""
for i in $(seq 60); do
	file=$T/one.txt
	[ $((i % 2)) = 0 ] || file=$T/two.txt
	[ "$last" != "blocked connected" ] || file=$T/one.txt
	kill_soon $((RANDOM % 12)) npctl policy allow --cidr-file "$file" --name clients
	now=$(verdicts)
	[ "$now" = "connected blocked" ] || [ "$now" = "blocked connected" ] || mixed+="$i: $now; "
	[ "$now" = "$last" ] || flips=$((flips + 1))
	last=$now
	npctl policy list >/dev/null || broken+="$i "
done
is "no kill leaves a mixture" "$mixed" ""
is "what was listed was readable" "$broken" ""
note "$flips of 60 killed changes took effect"
ok "the next change works" npctl policy allow --cidr-file "$T/one.txt" --name clients
is "and is in force" "$(verdicts)" "connected blocked"
ok "all of it goes away" npctl policy delete --all
is "and nothing is left of the lists" "$(npctl -j map list | jq '[.[] | select(.name == "runs-1")] | length')" 0

# Changes that have nothing to do with either client, while both send.
ok "one is allowed by a rule" npctl policy allow "$(address one)/32" --port udp/7000
cat >"$T/send.pl" <<'END'
use strict;
use IO::Socket::INET;
my ($to, $count) = @ARGV;
my ($answered, @open) = (0);
# Answers are read when they have had time to come.
sub read_first {
	my ($count) = @_;
	for (splice @open, 0, $count) {
		$_->blocking(0);
		my $line;
		$answered++ if defined $_->recv($line, 100) && length $line;
	}
}
for (1 .. $count) {
	my $socket = IO::Socket::INET->new(PeerAddr => "$to:7000", Proto => "udp") or die;
	$socket->send("x\n");
	push @open, $socket;
	select undef, undef, undef, 0.004;
	read_first(1) if @open > 200;
}
select undef, undef, undef, 1;
read_first(scalar @open);
print "$answered of $count\n";
END
to=$(address server)
npctl topo exec one -- perl "$T/send.pl" "$to" 1500 >"$T/one.sent" &
one=$!
npctl topo exec two -- perl "$T/send.pl" "$to" 1500 >"$T/two.sent" &
two=$!
changes=0
while kill -0 $one 2>/dev/null; do
	npctl policy allow "192.0.2.$((changes % 200))" --port "tcp/$((changes % 1000 + 1))" >/dev/null &&
		changes=$((changes + 1))
	npctl policy delete "$(npctl -j policy list | jq 'map(select(.tier == "rule"))[-1].rule | tonumber')" >/dev/null
done
wait $one $two
is "who is allowed loses nothing meanwhile" "$(cat "$T/one.sent")" "1500 of 1500"
is "who is denied gains nothing" "$(cat "$T/two.sent")" "0 of 1500"
note "$changes changes meanwhile"
like "there were some" "$changes" '^[1-9][0-9]'

# The topology, in both directions.
ok "down" npctl topo down
left=""
for i in $(seq 20); do
	kill_soon $((RANDOM % 200)) npctl topo up -f "$T/pods.yml"
	npctl topo up -f "$T/pods.yml" >/dev/null || left+="up $i "
	kill_soon $((RANDOM % 60)) npctl topo down
	npctl topo down >/dev/null || left+="down $i "
	[ -z "$(ls -A /run/netns)" ] || left+="netns $i: $(ls -x /run/netns) "
	[ "$(ip -br link | wc -l)" = 1 ] || left+="links $i "
	! pgrep -f '^npctl: server' >/dev/null || left+="servers $i "
done
is "topo is made and unmade after every kill" "$left" ""
ok "unloaded" npctl load --unload
is "no pin is left" "$(find /sys/fs/bpf -mindepth 1 -name 'npctl*')" ""
plan_done
