#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The machine is checked by trying; the status report finds what is wrong.
. "$(dirname "$0")/lib.sh"

# one line of the report, its columns one space apart
line() {
	npctl test | tr -s ' ' | grep "$1"
}

ok "this machine will do" npctl test env
like "each check is a line" "$(npctl test env)" 'PASS +environment +clsact +works'
is "as JSON" "$(npctl -j test env | grep -o '^{"result":"PASS","checks":\[{"part":"environment","check":"privileges"' | wc -l)" 1
is "one without privileges is told which" \
	"$(setpriv --reuid 65534 --clear-groups --inh-caps=-all "$NPCTL" test env | tr -s ' ' | grep privileges)" \
	"FAIL environment privileges missing: CAP_BPF and CAP_PERFMON, CAP_NET_ADMIN (mend: sudo npctl test env)"
is "and nothing was left behind" "$(find /sys/fs/bpf -mindepth 1 -name 'npctl*') $(ip -br link | grep -c try)" " 0"

ok "nothing set up is no failure" npctl test
like "but is not passed either" "$(npctl test)" $'\n\nSKIP$'
npctl topo up >/dev/null
like "a part alone" "$(line topology)" '^PASS network topology'
like "the others are skipped" "$(line programs)" '^SKIP programs - .*mend: npctl load'
like "connections without policy" "$(line 'denied -> default/backend tcp/8080 c')" 'PASS .*connected in .* nothing is enforced'

npctl load >/dev/null
npctl attach pod backend >/dev/null
npctl policy allow 10.0.0.20/32 >/dev/null
start=$(date +%s%N)
ok "the whole lab passes" npctl test
took=$((($(date +%s%N) - start) / 1000000))
ok "within 2.5 s ($took ms)" [ $took -lt 2500 ]
report=$(npctl test | tr -s ' ')
like "programs" "$report" 'PASS programs pod_ingress id [0-9]+'
like "attachments" "$report" 'PASS attachments veth-be-h ingress pod_egress by (tcx|clsact) for default/backend'
like "maps" "$report" 'PASS maps pins [0-9]+ maps, '
like "pod state" "$report" 'PASS state default/backend ingress is enforced'
like "the allowed client" "$report" \
	'PASS connectivity default/allowed -> default/backend tcp/8080 connected in [0-9.]+ ms; rule: rule 1'
like "the denied client" "$report" \
	'PASS connectivity default/denied -> default/backend tcp/8080 blocked, as it should be \(Connection timed out\); default: '
like "the overall word" "$report" $'\n\nPASS$'

# what breaks is found
if has_tcx; then
	rm /sys/fs/bpf/npctl/links/veth-be-h:egress
else
	tc filter del dev veth-be-h egress
fi
fails "a link, or filter, that is gone fails" npctl test
like "and is named" "$(line attachments)" 'FAIL attachments veth-be-h'
npctl attach pod backend >/dev/null
ok "attached again" npctl test

ip netns pids ns-backend | xargs kill # of this room's namespace alone
fails "a dead server fails" npctl test
like "and is named, too" "$(line 'allowed -> default/backend tcp/8080 f')" \
	'FAIL connectivity .* failed \(Connection refused\), but the policy allows it'
npctl topo up >/dev/null
ok "up again" npctl test

rm /sys/fs/bpf/npctl/progs/pod_ingress
fails "a program that is gone fails" npctl test
like "with the command that mends" "$(line pod_ingress)" 'FAIL programs pod_ingress not pinned \(mend: npctl load\)'
npctl load >/dev/null
ok "loaded again" npctl test

# the datapath does not hold what the policy says: its entry was written over
ifindex=$(npctl -j attach show | grep -o '"interface":"veth-be-h","ifindex":[0-9]*' | head -1 | grep -o '[0-9]*$')
npctl map update subjects key "$ifindex" value '{}'
fails "a lost entry fails" npctl test
like "and says so" "$(line ' state ')" 'FAIL state default/backend the datapath has no entry'
plan_done
