#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# load: fresh, again, as an upgrade under traffic, and away.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pair.sh"
make_pair
root=/sys/fs/bpf/npctl

states() { npctl -j load | jq -r '[.[] | .state] | unique | join(" ")'; }
ids() { npctl -j load | jq -c '[.[] | .id]'; }
nothing_left() {
	[ ! -e "$root" ] && [ "$(tc qdisc show | grep -c clsact)" = 0 ] &&
		[ "$(npctl -j attach show)" = "[]" ]
}

# Fresh, again, away.
fails_with "nothing is attached without programs" 1 'no npctl instance.*npctl load' \
	npctl attach dev v0
like "a fresh load makes all" "$(npctl load)" 'pod_ingress +[0-9]+ +new .*progs/pod_ingress'
ok "the programs are pinned" test -e "$root"/progs/pod_egress
before=$(ids)
is "loading again keeps all" "$(states)" kept
is "with the same ids" "$(ids)" "$before"
is "ids are numbers above zero" "$(npctl -j load | jq '[.[] | .id > 0] | all')" true
is "-x shows nothing when nothing is done" "$(npctl -x load 2>&1 >/dev/null)" ""

# Sizes and lifetimes.
fails_with "sizes cannot change while loaded" 1 'already loaded with 16384 rules.*load --unload' \
	npctl load --rules 1000
ok "the same size is no change" npctl load --rules 16384
# lives SECONDS…: so many of the lifetimes, in jiffies, are as long
lifetimes() { npctl -j map lookup settings key 0 | jq -c '[.. | .lifetime? // empty | .[]]'; }
hertz=$(($(lifetimes | jq max) / 86400))
lives() { lifetimes | jq --argjson jiffies $(($1 * hertz)) '[.[] | select(. == $jiffies)] | length'; }
is "TCP connections live for a day" "$(lives 86400)" 1
ok "lifetimes change at any time" npctl load --lifetime udp=20 --lifetime tcp=100
is "TCP" "$(lives 86400)$(lives 100)" 01
is "UDP" "$(lives 180)$(lives 20)" 01
is "the rest keeps its default" "$(lives 60)$(lives 10)$(lives 3600)$(lives 30)" 1113
npctl load >/dev/null
is "what was set stays" "$(lives 20)" 1
fails_with "a lifetime needs a known name" 2 'tcp-opening' npctl load --lifetime sctpp=3
fails_with "and a number" 2 'seconds' npctl load --lifetime udp=x
fails_with "not zero" 2 'seconds' npctl load --lifetime udp=0
fails_with "not a year" 2 'seconds' npctl load --lifetime udp=31536000
fails_with "nor without a number" 2 'seconds' npctl load --lifetime udp=
fails_with "sizes are numbers" 2 'flows' npctl load --flows many
fails_with "unloading takes no sizes" 2 'plain load' npctl load --unload --flows 100

ok "unload" npctl load --unload
ok "leaves nothing" nothing_left
is "unloading nothing is fine" "$(npctl load --unload)" "nothing is loaded"
ok "with sizes" npctl load --flows 1000 --rules 100 --fragments 64
room() { npctl -j map show "$1" | jq '.max_entries * 8'; }
is "flows" "$(room flows4)" 1000
is "IPv6 flows, eight at a time" "$(room flows6)" 504
is "rules" "$(npctl -j map show counters | jq .max_entries)" 100
is "a plain load keeps the sizes" "$(states)" kept

# Killed loads.
rm "$root"/progs/pod_ingress
is "a missing program comes back" "$(states)" "kept new upgraded"
rm "$root"/progs/* "$root"/maps/{flows4,subjects,peers4}
is "after half a load all is new" \
	"$(npctl -j load | jq -r '[.[] | select(.kind == "program") | .state] | unique | .[]')" new
is "and stays" "$(states)" kept
npctl load --unload >/dev/null

# Another size keeps the flows, and an older npctl's table is taken over.
npctl load >/dev/null
npctl attach dev v0 >/dev/null
arrive 2 1000 2000 >/dev/null
flows() { npctl -j stat flows | jq -c '[.[] | [.local, .local_port, .remote_port]] | sort'; }
before=$(flows)
like "there are flows" "$before" 1000
ok "a smaller table" npctl load --flows 4096
is "has them" "$(flows)" "$before"
ok "a larger one, too" npctl load --flows 100000
is "has them" "$(flows)" "$before"
is "of that size" "$(room flows4) $(room flows6)" "100000 50000"
is "nothing is left of the old ones" "$(compgen -G "$root/maps/*before*")" ""
bpftool map create "$root/maps/older" type lru_hash key 20 value 32 entries 1024 name flows4
bpftool map update pinned "$root/maps/older" key hex 03 00 00 00 0a 09 00 01 0a 09 00 02 1f 90 9c 40 06 00 00 00 \
	value hex 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 00 00 00
mv "$root/maps/older" "$root/maps/flows4"
ok "an older table" npctl load
is "is taken over" "$(flows)" '[["10.9.0.1",8080,40000]]'
is "with its size" "$(room flows4)" 1024
npctl load --unload >/dev/null

# Programs change under traffic: one port is allowed, one denied.
upgrade() {
	for _ in {1..10}; do
		rm "$root"/progs/pod_ingress
		npctl load >/dev/null || return
	done
}
ways=(clsact)
if has_tcx; then ways=(tcx clsact); fi
for by in "${ways[@]}"; do
	flag=()
	[ "$by" = tcx ] || flag=(--clsact)
	npctl load >/dev/null
	ok "attach by $by" npctl attach dev v0 "${flag[@]}"
	ok "deny" npctl policy default deny --pod dev:v0 --ingress
	ok "allow one port" npctl policy allow any --port udp/2000 --pod dev:v0
	is "$by: one port is open" "$(arrive 5 1000 2000)" $'1000 0\n2000 5'
	upgrade &
	upgrades=$!
	is "$by: not one packet too many or too few in ten upgrades" "$(arrive 1800 1000 2000)" \
		$'1000 0\n2000 1800'
	wait $upgrades
	is "$by: the upgrades worked" $? 0
	is "$by: the new program runs" "$(npctl -j attach show | jq '[.[].warnings[]] | length')" 0
	ok "unload" npctl load --unload
	ok "$by: unload leaves nothing" nothing_left
	is "$by: and all passes" "$(arrive 5 1000 2000)" $'1000 5\n2000 5'
done
is "no link is left" "$(bpftool -j link 2>/dev/null | jq '[.[]? | select(.type == "tcx")] | length')" 0

# A user's own object.
for name in foreign action clash; do compile $name || echo "Bail out! clang fails"; done
like "it is loaded" "$(npctl load "$T/foreign.o")" 'foreign_counter +[0-9]+ +new +sched_cls'
ok "its map is pinned" test -e "$root"/maps/foreign_count
is "again it is replaced" "$(npctl -j load "$T/foreign.o" | jq -rc '[.[].state] | unique')" \
	'["replaced","upgraded"]'
ok "one of its programs is attached" npctl attach dev v0 --program foreign_counter --hook egress
counted() { npctl -j map lookup foreign_count key 0 | jq '.value // .[0].value'; }
arrive 5 1000 >/dev/null
ok "it counts" test "$(counted)" -ge 5
npctl load "$T/foreign.o" >/dev/null
arrive 5 1000 >/dev/null
ok "its new version counts, in the new map" test "$(counted)" -ge 5
ok "npctl's own come beside it" npctl load
ok "attached to the same interface" npctl attach dev v0
arrive 5 1000 >/dev/null
ok "both see the packets" test "$(counted)" -ge 10
ok "drop" npctl attach dev v0 --program foreign_drop --hook egress
is "and it drops" "$(arrive 5 1000)" "1000 0"
like "a wrong type is told" "$(npctl load "$T/action.o" 2>&1 >/dev/null)" 'foreign_action.*sched_act'
fails_with "and refused" 1 'sched_act.*sched_cls' \
	npctl attach dev v0 --program foreign_action --hook ingress
ok "its object is removed" npctl load "$T/action.o" --unload
fails_with "once" 1 'nothing of it is loaded' npctl load "$T/action.o" --unload
fails_with "npctl's maps are not touched" 1 'npctl itself has a map "flows4"' npctl load "$T/clash.o"
ok "the foreign object goes" npctl load "$T/foreign.o" --unload
is "with its attachments" "$(arrive 5 1000)" "1000 5"
ok "and its map" test ! -e "$root"/maps/foreign_count
ok "npctl's stays" npctl load
npctl load "$T/foreign.o" >/dev/null
npctl attach dev v0 --program foreign_drop --hook ingress >/dev/null
ok "unload takes the user's, too" npctl load --unload
ok "and leaves nothing" nothing_left

# What cannot be loaded.
echo rubbish >"$T/rubbish.o"
fails_with "no such file" 1 'none.o: No such file' npctl load "$T/none.o"
fails_with "no object" 1 'rubbish.o' npctl load "$T/rubbish.o"
fails_with "no bpffs" 1 'not on a BPF file system.*mount -t bpf -o mode=700' npctl --root "$T/here" load
mkdir "$T/there"
fails_with "nor a directory there" 1 'not on a BPF file system' npctl --root "$T/there" load
ok "which stays as it is" test -d "$T/there"
fails_with "no parent" 1 'No such file' npctl --root /sys/fs/bpf/a/b load
ok "nothing is left of all that" nothing_left
unprivileged() { setpriv --bounding-set=-all --inh-caps=-all "$@"; }
fails_with "no privileges" 1 'CAP_BPF' unprivileged npctl load
ok "nothing is left of that" nothing_left

# Another version's maps.
npctl load >/dev/null
npctl attach dev v0 >/dev/null
npctl attach dev lo --clsact >/dev/null
settings=$(npctl -j map lookup settings key 0 | jq -c '(.value // .[0].value) | .abi = 77')
npctl map update settings key 0 value "$settings" >/dev/null
fails_with "another version is refused" 1 'another version.*load --unload' npctl load
fails_with "by all" 1 'another version' npctl attach show
ok "but can be unloaded" npctl load --unload
is "entirely, links and filters" "$(npctl -j attach show)" "[]"
ok "maps and programs" test ! -e "$root"
# whose these were, nobody could tell; with tcx v0 has none
for link in lo v0; do tc qdisc del dev $link clsact 2>/dev/null; done

npctl load >/dev/null
npctl load "$T/foreign.o" >/dev/null
rm "$root"/progs/pod_ingress
mv "$root"/maps/foreign_count "$root"/maps/flows4
fails_with "a map of another shape is refused" 1 'maps/flows4 is of another version.*--unload' npctl load
fails_with "in the place of settings, too" 1 'maps/settings is of another version' \
	bash -c "mv $root/maps/flows4 $root/maps/settings; npctl attach show"
ok "and unloaded" npctl load --unload
ok "entirely" nothing_left

# A bpffs is mounted where there is none.
umount -l /sys/fs/bpf
mount -t tmpfs tmpfs /sys/fs/bpf
ok "load mounts a bpffs" npctl load
is "a real one" "$(stat -f -c %T /sys/fs/bpf)" bpf_fs
npctl load --unload >/dev/null

# Locks.
npctl load >/dev/null
flock "$root" sleep $((2 * ${SLOW:-1})) &
held() { ! flock -n "$root" true; }
eventually "another has the lock" held
like "waiting is said, and for whom" "$(npctl load 2>&1 >/dev/null)" 'waiting for (flock|sleep)'
wait
ok "another root is another instance" npctl --root /sys/fs/bpf/second load
ok "with its own end" npctl --root /sys/fs/bpf/second load --unload
ok "the first is still there" test -e "$root"/progs/pod_egress
plan_done
