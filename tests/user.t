#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Policy by user on an interface, with a metadata server and real sockets.
. "$(dirname "$0")/lib.sh"
. "$tests/pair.sh"
compile foreign || echo "Bail out! clang fails"
talk_for_all
four=169.254.169.254 six=fd00:ec2::254
allowed=1234 other=1235
root=/sys/fs/bpf/npctl

names() { find "$root/$1" -mindepth 1 -printf '%f\n' | sort; }

# link DEV NETNS: an interface of this host, with servers behind it on port 80.
link() {
	ip netns add "$2"
	ip link add "$1" type veth peer name eth0 netns "$2"
	ip link set "$1" up
	ip -n "$2" link set lo up
	ip -n "$2" link set eth0 up
	ip netns exec "$2" "$talk" serve 80 &
}
link meta0 meta
ip addr add 169.254.169.1/24 dev meta0
ip addr add fd00:ec2::1/64 dev meta0 nodad
ip -n meta addr add $four/24 dev eth0
ip -n meta addr add $six/64 dev eth0 nodad
link other0 other
ip addr add 10.77.0.1/24 dev other0
ip -n other addr add 10.77.0.2/24 dev eth0

as() { # UID COMMAND…
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}
# What a user gets by TCP and UDP, IPv4 and IPv6.
gets() {
	local to way
	for to in $four $six; do
		for way in tcp udp; do
			as "$1" "$talk" "$way" "$to" 80
		done
	done | sort | uniq -c | awk '{$1=$1; print}' | paste -sd, -
}
drops() { # the trace's last drop that FILTER takes, as OUT
	jq -rs "[.[] | select(.verdict == \"drop\") | select($1)] | last | $2" "$T/trace"
}
# hold UID WORD…: a socket that is told what to do by say and setuid.
hold() {
	local uid=$1
	shift
	coproc HELD { as "$uid" "$talk" "$@"; }
	read -r -t $((2 * ${SLOW:-1})) answer <&"${HELD[0]}"
	echo "$answer" >"$T/held"
}
tell() {
	echo "$*" >&"${HELD[1]}"
	read -r -t $((2 * ${SLOW:-1})) answer <&"${HELD[0]}"
	echo "$answer"
}
# Bytes that the host's end of a connection could not get through.
stuck() { ss -tnH state established "sport = :$1" | awk '{ print $2 }'; }
let_go() {
	eval "exec ${HELD[1]}>&-"
	wait "$HELD_PID" 2>/dev/null
}

npctl load >/dev/null
eventually "the servers answer" "$talk" udp $four 80
sleep 0.2
is "before anything is attached all reach them" "$(gets 0) $(gets $allowed)" "4 yes 4 yes"

# An allowed user, all others, other interfaces.
is "attach" "$(npctl attach user dev meta0)" "user:meta0: attached"
ok "again" npctl attach user dev meta0
if has_tcx; then
	is "both sides, pinned" "$(names links | paste -sd' ')" "meta0:user-egress meta0:user-ingress"
else
	is "both sides, by filters" "$(tc filter show dev meta0 egress | grep -c user_egress) $(tc filter show dev meta0 ingress | grep -c user_ingress)" "1 1"
fi
is "nobody is allowed" "$(gets 0) $(gets $allowed)" "4 silence 4 silence"
ok "allow one user" npctl policy allow $four/32 --user $allowed --dev meta0
ok "for IPv6, too" npctl policy allow $six/128 --user $allowed --dev meta0
npctl -j trace >"$T/trace" 2>"$T/said" &
trace=$!
eventually "trace listens" grep -q listening "$T/said"
is "who reaches both by TCP and UDP" "$(gets $allowed)" "4 yes"
is "another does not" "$(gets $other)" "4 silence"
is "nor does root" "$(gets 0)" "4 silence"
is "other interfaces are untouched" "$("$talk" tcp 10.77.0.2 80)" yes
eventually "root's drop is in the trace" grep -q '"uid":0,' "$T/trace"
is "with its name" "$(drops '.uid == 0' '[.user, .hook, .subject] | join(" ")')" "root user user:meta0"
is "and the other's, who has none" "$(drops ".uid == $other" '.user')" null
is "an allowed one's verdict, too" \
	"$(jq -rs "[.[] | select(.uid == $allowed) | .verdict] | unique | join(\" \")" "$T/trace")" allow
kill -INT $trace
wait $trace 2>/dev/null
npctl trace >"$T/people" 2>"$T/people.err" &
people=$!
eventually "… for people" grep -q listening "$T/people.err"
"$talk" sendto $four 80 >/dev/null
eventually "so they read it" grep -qE 'DROP .*user root \(0\)' "$T/people"
kill -INT $people
wait $people

# The socket's owner counts, not who uses it now.
hold 0 hold $four 80
is "root cannot connect" "$(cat "$T/held")" silence
let_go
hold $allowed hold $four 80
is "the allowed user's socket" "$(cat "$T/held")" connected
is "works" "$(tell say)" yes
npctl policy list >/dev/null
is "and goes on to" "$(tell say) $(tell say)" "yes yes"

# Revoked, it is cut at the next packet; given back, the connection lives on.

npctl policy delete 1 >/dev/null
is "revoking cuts the open connection" "$(tell say)" silence
is "and IPv6 stays" "$(as $allowed "$talk" tcp $six 80)" yes
npctl policy allow $four/32 --user $allowed --dev meta0 >/dev/null
let_go
cat >"$T/setuid" <<-END
	say
	setuid $other
	say
END
is "a setuid after connect: the owner's verdict" \
	"$(setpriv --reuid $allowed --clear-groups --inh-caps +setuid --ambient-caps +setuid \
		"$talk" hold $four 80 <"$T/setuid" | paste -sd' ')" "connected yes done yes"
hold $allowed hold udp $four 80
is "connected UDP" "$(tell say)" yes
npctl policy delete --all >/dev/null
is "is cut likewise" "$(tell say)" silence
let_go

# Answers to what others began.
coproc HELD { "$talk" accept 81; }
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
ip netns exec meta bash -c "sleep $((4 * ${SLOW:-1})) | '$talk' hold 169.254.169.1 81" >"$T/client" &
eventually "a connection from outside" grep -q connected "$T/client"
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
echo say >&"${HELD[1]}"
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
is "root may answer: nobody reads it, but it got through" "$answer" silence
is "which the other side acknowledges" "$(stuck 81)" 0
npctl attach user dev meta0 --strict >/dev/null
echo say >&"${HELD[1]}"
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
is "with --strict it may not" "$(stuck 81)" 6
npctl attach user dev meta0 >/dev/null
let_go
wait %?sleep 2>/dev/null
coproc HELD { "$talk" accept 82; }
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
npctl attach detach user dev meta0 >/dev/null
ip netns exec meta bash -c "sleep $((4 * ${SLOW:-1})) | '$talk' hold 169.254.169.1 82" >"$T/client" &
eventually "one from before the attachment" grep -q connected "$T/client"
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
npctl attach user dev meta0 >/dev/null
echo say >&"${HELD[1]}"
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
is "may go on" "$(stuck 82)" 0
let_go
coproc HELD { "$talk" accept 84; }
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
ip netns exec meta bash -c "sleep $((4 * ${SLOW:-1})) | '$talk' hold 169.254.169.1 84" >"$T/client" &
eventually "one that root has accepted" grep -q connected "$T/client"
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
echo say >&"${HELD[1]}"
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
npctl policy allow $six --user $other --dev meta0 >/dev/null
npctl policy delete --all
echo say >&"${HELD[1]}"
read -r -t $((5 * ${SLOW:-1})) answer <&"${HELD[0]}"
is "is answered whatever changes" "$(stuck 84)" 0
let_go

# Datagrams from outside: answered, and no burden on the flows.
"$talk" serve 83 &
eventually "a server of root's answers" ip netns exec meta "$talk" udp 169.254.169.1 83
flows() { npctl -j stat flows | jq "[.[] | select(.local_port == $1)] | length"; }
for local in 7001 7002 7003 7004; do
	ip netns exec meta "$talk" sendto 169.254.169.1 83 $local >/dev/null
done
is "the flows are left alone" "$(flows 83)" 0
like "what others began stands apart" "$(npctl -j map dump guests4 | jq '[.[] | select(.key.local_port == 83)] | length')" '^[4-9]$'

# No user's: forwarded packets; and what every host needs.
echo 1 >/proc/sys/net/ipv4/ip_forward
ip -n other route add default via 10.77.0.1
ip -n meta route add 10.77.0.0/24 via 169.254.169.1
forwarded() { ip netns exec other "$talk" tcp $four 80; }
is "forwarded packets are no user's" "$(forwarded)" silence
npctl policy allow $four --user none --dev meta0 >/dev/null
is "whom a rule can name" "$(forwarded) $(gets 0)" "yes 4 silence"
npctl policy delete --all
ip netns exec meta "$talk" serve 67 &
eventually "DHCP passes" "$talk" udp $four 67 68
is "but not to other ports, or from them" "$("$talk" udp $four 80 68) $("$talk" udp $four 67)" "silence silence"
npctl policy allow $four $six --user $allowed --dev meta0 >/dev/null
ip neigh flush dev meta0
is "ARP and neighbour discovery pass" "$(gets $allowed)" "4 yes"
like "destinations are told apart by user" \
	"$(npctl -j stat destinations | jq -c "[.[] | select(.uid == $allowed and .peer == \"$four\" and .port == 80).allowed] | length")" '^[1-9]'
npctl policy delete --all

is "a ping from outside is answered" "$(ip netns exec meta "$talk" ping 169.254.169.1)" yes
is "one's own is not" "$("$talk" ping $four)" silence

# The next program on the hook has its say.
npctl policy allow $four/32 --user $allowed --dev meta0 >/dev/null
is "allowed here" "$(as $allowed "$talk" tcp $four 80)" yes
npctl load "$T/foreign.o" >/dev/null
npctl attach dev meta0 --program foreign_drop --hook egress >/dev/null
is "dropped by the next program" "$(as $allowed "$talk" tcp $four 80)" silence
npctl attach detach meta0 --program foreign_drop >/dev/null
is "and only by that" "$(as $allowed "$talk" tcp $four 80)" yes

# By clsact, beside a device's own policy.
npctl attach detach user dev meta0 >/dev/null
is "detached, all pass" "$("$talk" tcp $four 80)" yes
npctl attach user dev meta0 --clsact >/dev/null
ok "both kinds on one interface" npctl attach dev meta0 --clsact
is "by clsact the same" "$("$talk" tcp $four 80) $(as $allowed "$talk" tcp $four 80)" "silence yes"
npctl attach detach user dev meta0 >/dev/null
is "one off, the other stays" "$(npctl -j attach show | jq -r '[.[].subject] | unique | join(" ")')" dev:meta0
npctl attach detach meta0 >/dev/null
is "nothing is left" "$(npctl -j attach show)$(tc qdisc show dev meta0 | grep clsact)" "[]"
fails_with "nor to be detached" 1 "nothing of npctl's" npctl attach detach user dev meta0
fails_with "no such interface" 1 'interface "nix" does not exist' npctl attach user dev nix
fails_with "users are on devices" 2 'expected dev' npctl attach user pod meta0

# With three capabilities and a bpffs of one's own.
mkdir "$T/bpf"
chmod 755 "$T"
mount -t bpf -o mode=700 bpf "$T/bpf"
chown $other "$T/bpf"
with() { # CAPS COMMAND…
	local caps=$1
	shift
	setpriv --reuid $other --regid $other --clear-groups --inh-caps=-all,"$caps" \
		--ambient-caps=-all,"$caps" --bounding-set=-all,"$caps" "$@"
}
cp "$NPCTL" "$T/npctl"
NPCTL=$T/npctl
own() { with +bpf,+perfmon,+net_admin "$NPCTL" --root "$T/bpf/npctl" "$@"; }
if with +net_admin test -x "$NPCTL"; then
	fails_with "without CAP_NET_ADMIN" 1 'without CAP_NET_ADMIN;' with +bpf,+perfmon "$NPCTL" --root "$T/bpf/npctl" load
	fails_with "without CAP_PERFMON" 1 'without CAP_PERFMON;' with +bpf,+net_admin "$NPCTL" --root "$T/bpf/npctl" load
	fails_with "without any" 1 'without CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN;' with -all "$NPCTL" --root "$T/bpf/npctl" load
	ok "with the three it loads" own load
	ok "attaches" own attach user dev meta0
	ok "allows" own policy allow $four/32 --user $allowed --dev meta0
	is "and judges" "$("$talk" tcp $four 80) $(as $allowed "$talk" tcp $four 80)" "silence yes"
	like "lists" "$(own policy list)" $four
	ok "shows" own attach show
	ok "and goes" own load --unload
	# as the manual has it: by the file's own capabilities
	setcap cap_bpf,cap_perfmon,cap_net_admin+ep "$T/npctl"
	file() { setpriv --reuid "$other" --regid "$other" --clear-groups "$T/npctl" --root "$T/bpf/npctl" "$@"; }
	ok "with setcap" file load
	printf 'endpoints: [{m: {iface: meta0, range: %s, allow: %s}}]\n' $four $allowed >"$T/e.yml"
	ok "a file of endpoints" file policy apply -f "$T/e.yml"
	is "judges as well" "$("$talk" tcp $four 80) $(as $allowed "$talk" tcp $four 80)" "silence yes"
	ok "and off" file load --unload
else
	skip "the build is not for everybody to run" 14
fi
umount "$T/bpf"
npctl load --unload >/dev/null
plan_done
