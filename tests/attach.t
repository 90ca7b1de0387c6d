#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# attach: on and off interfaces, and what `attach show` finds wrong with them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pair.sh"
make_pair
compile foreign || echo "Bail out! clang fails"
root=/sys/fs/bpf/npctl

rows() { npctl -j attach show; }
# field FILTER: of all rows
field() { rows | jq -rc "$1"; }
warnings() { rows | jq -r '.[].warnings[]'; }
clean() { [ "$(rows)" = "[]" ]; }

like "nothing anywhere" "$(npctl attach show)" 'no program is attached'
ok "show needs no instance" clean
fails_with "nothing can be attached yet" 1 'no npctl instance.*npctl load' npctl attach dev v0
npctl load >/dev/null
fails_with "no such interface" 1 'interface "v9" does not exist' npctl attach dev v9
fails_with "nor of such a name" 1 'does not exist' npctl attach dev "$(printf 'v%.0s' {1..40})"
fails_with "no such pod" 1 'pod "nobody" does not exist' npctl attach pod nobody
fails_with "no such program" 1 'program "none" is not loaded' \
	npctl attach dev v0 --program none --hook ingress
fails_with "a program needs a side" 2 'go together' npctl attach dev v0 --program none
fails_with "one of two" 2 'hook' npctl attach dev v0 --program none --hook sideways
fails_with "detach what is not attached" 1 "nothing of npctl's" npctl attach detach v0
if ip tuntap add dev t0 mode tun 2>/dev/null; then
	fails_with "an interface without Ethernet" 1 'no Ethernet headers' npctl attach dev t0
	ip link del t0
else
	skip "no tun devices here"
fi
ok "nothing has been attached by all that" clean

# On, again, off: both ways, with packets.
ways=(clsact)
if has_tcx; then ways=(tcx clsact); fi
for by in "${ways[@]}"; do
	flag=()
	[ "$by" = tcx ] || flag=(--clsact)
	is "attach by $by" "$(npctl attach dev v0 "${flag[@]}")" "v0: attached"
	is "$by: policy's ingress is the interface's egress" \
		"$(field '[.[] | [.interface, .hook, .by, .program, .subject, .npctl]]')" \
		'[["v0","ingress","'"$by"'","pod_egress","dev:v0",true],["v0","egress","'"$by"'","pod_ingress","dev:v0",true]]'
	before=$(field '[.[].id]')
	ok "$by: again" npctl attach dev v0 "${flag[@]}"
	is "$by: nothing changed" "$(field '[.[].id]')" "$before"
	is "$by: without a policy all passes" "$(arrive 3 1000)" "1000 3"
	npctl policy deny any --port udp/1000 --pod dev:v0 >/dev/null
	is "$by: with one it drops" "$(arrive 3 1000 2000)" $'1000 0\n2000 3'
	is "$by: no warnings" "$(warnings)" ""
	is "detach" "$(npctl attach detach v0)" "v0: detached"
	is "$by: all passes again" "$(arrive 3 1000)" "1000 3"
	ok "$by: nothing is left" clean
	is "$by: no qdisc either" "$(tc qdisc show dev v0 | grep -c clsact)" 0
	is "$by: nor a pin" "$(ls "$root"/links)" ""
	npctl policy delete --all >/dev/null 2>&1 || npctl policy delete 1 >/dev/null 2>&1
done
if ! has_tcx; then
	skip "no tcx in this kernel: what follows is about its links"
	plan_done
fi
npctl attach dev v0 >/dev/null
fails_with "one way at a time" 1 'already attached to interface v0 by tcx.*detach v0' \
	npctl attach dev v0 --clsact
steps=$(npctl -x attach detach v0 2>&1 >/dev/null)
like "-x shows each step" "$steps" "^\+ bpftool link detach pinned .*v0:ingress"

# The qdisc goes if npctl made it and nobody else uses it.
tc qdisc add dev v0 clsact
npctl attach dev v0 --clsact >/dev/null
npctl attach detach v0 >/dev/null
is "a qdisc that was there stays" "$(tc qdisc show dev v0 | grep -c clsact)" 1
tc qdisc del dev v0 clsact
npctl load "$T/foreign.o" >/dev/null
npctl attach dev v0 --clsact >/dev/null
npctl attach dev v0 --clsact --program foreign_counter --hook egress >/dev/null
npctl attach detach v0 --program foreign_counter >/dev/null
is "one program off, npctl's stay" "$(field '[.[].program]')" '["pod_egress","pod_ingress"]'
npctl attach dev v0 --clsact --program foreign_counter --hook egress >/dev/null
npctl attach detach v0 >/dev/null
is "all off, and the qdisc with them" "$(tc qdisc show dev v0 | grep -c clsact)" 0
npctl attach dev v0 --clsact >/dev/null
tc filter add dev v0 ingress bpf direct-action object-pinned "$root"/progs/foreign_counter
npctl attach detach v0 >/dev/null
is "somebody else's filter keeps it" "$(tc qdisc show dev v0 | grep -c clsact)" 1
is "and is the only one" "$(field '[.[] | [.npctl, .program]]')" '[[false,"foreign_counter"]]'
tc qdisc del dev v0 clsact
tc qdisc add dev v0 ingress
fails_with "no room beside an ingress qdisc" 1 'ingress qdisc.*tc qdisc del' \
	npctl attach dev v0 --clsact
ok "which changes nothing" clean
tc qdisc del dev v0 ingress

# Mistakes.
tc qdisc add dev v0 clsact
tc filter add dev v0 egress bpf object-pinned "$root"/progs/foreign_drop
like "without direct-action" "$(npctl attach show)" \
	'warning: foreign_drop at the egress of v0: it was attached without direct-action'
is "indeed all pass" "$(arrive 3 1000)" "1000 3"
tc filter del dev v0 egress
tc filter add dev v0 egress prio 1 bpf direct-action object-pinned "$root"/progs/foreign_drop
is "with it they do not" "$(arrive 3 1000)" "1000 0"
is "and there is nothing to warn of" "$(warnings)" ""
npctl attach dev v0 --clsact >/dev/null
tc filter add dev v0 egress prio 1 handle 7 bpf direct-action object-pinned "$root"/progs/foreign_counter
like "a filter before npctl's" "$(warnings)" 'it runs before pod_ingress'
npctl attach detach v0 >/dev/null
tc qdisc del dev v0 clsact
npctl attach dev v0 >/dev/null
npctl --root /sys/fs/bpf/other load >/dev/null
npctl --root /sys/fs/bpf/other attach dev v0 >/dev/null
like "a link before npctl's" "$(warnings)" 'it runs before pod_(in|e)gress'
is "npctl's own are told from another instance's" "$(field '[.[].npctl]')" '[false,true,false,true]'
is "who sees it the other way round" \
	"$(npctl --root /sys/fs/bpf/other -j attach show | jq -c '[.[].npctl]')" '[true,false,true,false]'
npctl --root /sys/fs/bpf/other load --unload >/dev/null
is "without it there is nothing to warn of" "$(warnings)" ""

# What is gone is missed, and comes back.
rm "$root"/links/v0:egress
sleep 0.2
is "a link that is gone is missed" "$(warnings)" "the link is gone: nothing is judged here"
ok "attach mends it" npctl attach dev v0
is "and nothing is amiss" "$(warnings)" ""
npctl attach detach v0 >/dev/null
npctl attach dev v0 --clsact >/dev/null
tc qdisc del dev v0 clsact
like "a clsact that is gone" "$(warnings)" 'the clsact qdisc is gone'
ok "attach mends that" npctl attach dev v0 --clsact
is "entirely" "$(field 'length')$(warnings)" 2
tc filter del dev v0 egress
is "a filter that is gone" "$(warnings)" "the filter is gone: nothing is judged here"
ok "detach takes what is left" npctl attach detach v0
ok "all of it" clean
ip link add w0.1 type veth peer name w1
ok "an interface with a dot" npctl attach dev w0.1
ok "has its pins" test -e "$root"/links/w0:1:ingress
ip link del w0.1
is "an interface that is gone" "$(warnings | sort -u)" "the interface is gone: nothing is judged here"
ip link add w0.1 type veth peer name w1
ok "comes back under the same name" npctl attach dev w0.1
is "and is judged" "$(field 'length')$(warnings)" 2
ip link del w0.1
ok "another attachment forgets the dead one" npctl attach dev v0
is "entirely" "$(field '[.[].interface] | unique')$(warnings)" '["v0"]'
npctl load --unload >/dev/null
ok "in the end nothing is left" clean

# The loopback is no wire: a source that is the destination is judged there like any other.
npctl load >/dev/null
npctl attach dev lo >/dev/null
npctl policy allow 127.0.0.1 --port tcp/7000 --pod dev:lo >/dev/null
for port in 7000 7001; do "$tests/talk" serve $port & done
eventually "what is allowed passes on lo" bash -c "[ \"\$('$tests/talk' tcp 127.0.0.1 7000)\" = yes ]"
is "what is not does not" "$("$tests/talk" tcp 127.0.0.1 7001)" silence
plan_done
