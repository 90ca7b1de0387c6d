#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it measures
# A million prefixes for a cgroup and for users: quick, shown, replaced and gone as a whole.
# shellcheck disable=SC2034 # for lib.sh
alone=yes
. "$(dirname "$0")/lib.sh"
. "$tests/cgroup.sh"
groups many few
perl -e 'for my $i (0 .. 989999) { printf "%d.%d.%d.%d\n", 20 + ($i >> 16) % 100, ($i >> 8) & 255, $i & 255, $i * 7 & 255 }
	printf "2001:db8:%x::/48 # of IPv6\n", $_ for 1 .. 10000;
	print "\n# the last of all\n192.0.2.1\n2001:db8::1\n"' >"$T/million"
printf '192.0.2.2\n20.0.0.0/24\n' >"$T/two"
servers 80
npctl -q load >/dev/null
npctl attach cgroup "$top/many" >/dev/null
npctl attach cgroup "$top/few" >/dev/null

below() { # DESCRIPTION LIMIT COMMAND…
	local begin
	begin=$(date +%s%N)
	ok "$1" "${@:3}"
	local used=$((($(date +%s%N) - begin) / 1000000))
	[ $used -lt "$2" ]
	result $? "within $2 ms: $used" "too much"
}

below "a million prefixes for a cgroup" 3000 \
	npctl policy deny --cidr-file "$T/million" --name world --cgroup "$top/many"
is "who is in it is denied" "$(try many tcp 192.0.2.1 80) $(try many tcp 2001:db8::1 80)" "$denied $denied"
is "the rest is not" "$(try many tcp 192.0.2.2 80)" yes
is "nor is another cgroup's" "$(try few tcp 192.0.2.1 80)" yes

# What a connect costs beside a list of ten lines: told, as machines are noisy.
seq -f '30.0.0.%g' 10 >"$T/ten"
npctl policy deny --cidr-file "$T/ten" --cgroup "$top/few" >/dev/null
for _ in 1 2 3; do
	for group in few many; do
		read -r tried _ < <(try $group flood 192.0.2.2 80 0.3)
		echo "$tried" >>"$T/$group"
	done
done
median() { sort -n "$T/$1" | sed -n 2p; }
note "connects in 0.3 s: $(median few) with ten lines, $(median many) with a million"
ok "a million lines cost a connect no multiple" test $(($(median many) * 2)) -gt "$(median few)"

# Replaced as a whole, by its name; gone as a whole.
below "two lines in its place" 3000 \
	npctl policy deny --cidr-file "$T/two" --name world --cgroup "$top/many"
is "one rule is left" "$(npctl -j policy list | jq '[.[] | select(.peer == "list world")] | length')" 1
is "what was in it is free" "$(try many tcp 192.0.2.1 80)" yes
is "what is in it now is not" "$(try many tcp 192.0.2.2 80)" "$denied"
npctl policy delete --all >/dev/null
is "gone as a whole" "$(try many tcp 192.0.2.2 80)" yes

# For users on an interface, and for all pods.
ip link add v0 type veth peer name v1
npctl attach user dev v0 >/dev/null
below "a million for users" 3000 npctl policy deny --cidr-file "$T/million" --user any --dev v0
npctl policy delete --all >/dev/null
below "a million for pods" 3000 npctl policy deny --cidr-file "$T/million"
npctl policy delete --all >/dev/null

# On a terminal one sees how far it is; elsewhere not.
run="npctl policy deny --cidr-file $T/million --cgroup $top/many"
like "progress on a terminal" "$(script -qec "$run" /dev/null)" 'compiling: +[0-9]+ %.*rule [0-9]+: deny'
is "none elsewhere" "$($run 2>&1 | grep -c '%')" 0
is "none where quiet is asked for" "$(script -qec "${run/npctl/npctl -q}" /dev/null)" ""
plan_done
