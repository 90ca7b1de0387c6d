#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A long random history of changes. After each of them the maps say what all the
# documents, compiled anew, say: a change that costs little is as good as a full one.
#
#   STEPS=10000 SEED=7 tests/history.t
limit=100000
. "$(dirname "$0")/lib.sh"
STEPS=${STEPS:-400} SEED=${SEED:-1}

cat >"$T/policy.yml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
status: {podIP: 10.1.2.3}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: some, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - from: [{ipBlock: {cidr: 10.1.0.0/16, except: [10.1.2.0/24]}}, {podSelector: {}}]
Y
printf '%s\n' 10.0.0.0/14 10.1.2.0/25 fd00::/33 192.0.2.7 >"$T/list"
for n in 0 1 2 3; do
	ip link add "v$n" type veth peer name "w$n"
	ip link set "v$n" up
done

# A command a line. Prefixes are few enough to meet, to contain each other, and to be equal.
perl -e '
	my ($steps, $seed, $dir) = @ARGV;
	srand $seed;
	sub pick { $_[rand @_] }
	sub peer {
		my $k = rand 100;
		return pick("any", "world", "app=web", "shop/web", "host", "private") if $k < 4;
		return sprintf("10.%d.%d.%d/%d", rand 3, rand 3, rand 4, pick(8, 14, 16, 24, 25, 30, 31, 32, 32, 32)) if $k < 60;
		return sprintf("%d.0.0.0/%d", pick(0, 10, 128, 255), pick(0, 1, 8, 9)) if $k < 66;
		return sprintf("255.255.255.%d", pick(254, 255)) if $k < 70;
		return sprintf("fd00:%x:%x::%x/%d", rand 2, rand 3, rand 3, pick(16, 32, 48, 64, 65, 127, 128, 128)) if $k < 94;
		return pick("::/0", "8000::/1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::");
	}
	sub port { my $k = rand 10; $k < 3 ? "" : " --port " . pick("tcp/80", "tcp/80-90", "udp/53", "icmp/8", "tcp", "tcp/" . int(1 + rand 100)) }
	sub whom {
		my $k = rand 20;
		return "" if $k < 12;
		return " --dev v1 --user " . pick("root", "7", "8", "9", "any", "none") if $k < 15;
		return " --pod " . pick("dev:v0", "dev:v1", "dev:v3");
	}
	sub rule {
		return "policy " . pick("allow", "allow", "deny") . " " . peer() . port() . whom() .
			(rand(10) < 3 ? " --egress" : "") . (rand(30) < 1 ? " --rate 100/s" : "") .
			(rand(30) < 1 ? " --between 08:00-18:00" : "");
	}
	sub number { 1 + int rand($rules + 2) }
	print "attach dev v$_\n" for 0 .. 2;
	print "attach user dev v1\n";
	for (1 .. 40) { print rule(), "\n"; $rules++ }
	# so many that their runs have a directory
	print "BATCH ", join(";", map { $rules++; sprintf "policy allow fd00:1:%x::%x --port tcp/%d",
		rand 3, $_ * 7, 1 + rand 9 } 1 .. 700), "\n";
	for (1 .. $steps) {
		my $k = rand 1000;
		if ($k < 520) { print rule(), "\n"; $rules++ }
		elsif ($k < 800) { print "policy delete ", number(), pick("", "", " --open"), "\n" }
		elsif ($k < 850) { print "policy turn ", number(), "\n" }
		elsif ($k < 870) { print "policy default ", pick("allow", "deny", "auto"), pick("", " --egress"), "\n" }
		elsif ($k < 890) { print pick("attach", "detach"), " dev v", int rand 4, "\n" }
		elsif ($k < 900) { print "policy ", pick("apply", "delete"), " -f $dir/policy.yml\n" }
		elsif ($k < 904) { print "policy deny --cidr-file $dir/list --name some\n"; $rules++ }
		elsif ($k < 910) { print "load\n" }
		elsif ($k < 911) { print "policy delete --all\n" }
		elsif ($k < 950) { print "KILL ", rule(), "\n"; $rules++ }
		else { print "BATCH ", join(";", map { $rules++; rule() } 0 .. rand 12), "\n" }
	}' "$STEPS" "$SEED" "$T" >"$T/history"

# A command killed while it is at work; what it was to do is done, or is not.
killed() {
	npctl -q "$@" >/dev/null 2>&1 &
	sleep "0.00$((RANDOM % 9))"
	kill -KILL $! 2>/dev/null
	wait $! 2>/dev/null
	npctl -q policy default auto --pod dev:v0 # whoever comes next finishes it
}

step() {
	local words
	case $1 in
	KILL*) read -ra words <<<"${1#KILL }" && killed "${words[@]}" ;;
	BATCH*) tr ';' '\n' <<<"${1#BATCH }" >"$T/batch" && npctl -d -q batch --atomic "$T/batch" ;;
	*) read -ra words <<<"$1" && npctl -d -q "${words[@]}" ;;
	esac
}

npctl -q load >/dev/null
number=0 wrong="" crashed=""
while IFS= read -r line; do
	number=$((number + 1))
	step "$line" >>"$T/out" 2>&1
	[ $? -le 2 ] || crashed+="$number: $line"$'\n'
	found=$(npctl policy verify 2>&1) || wrong+="$number: $line"$'\n'"$found"$'\n'
	[ -z "$wrong" ] || break
done <"$T/history"
is "$number steps: the maps say what the documents do" "$wrong" ""
is "no command died" "$crashed" ""
small=$(grep -c 'a small change' "$T/out")
ok "many of them were small changes ($small)" [ "$small" -gt $((number / 3)) ]
ok "few files of records" [ "$(find /sys/fs/bpf/npctl/maps -name 'records-*' | wc -l)" -lt 8 ]
plan_done
