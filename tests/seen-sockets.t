#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What trace and stat show of users and containers: real sockets, real cgroups.
. "$(dirname "$0")/lib.sh"
talk_for_all
mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
[ -n "$mount" ] || skip_all "no cgroup2 file system"
top=$(basename "$T")
base=$mount/$top
mkdir -p "$base/web/worker" "$base/db" "$base/all" 2>/dev/null || skip_all "cgroups cannot be made"
tidy() {
	npctl load --unload >/dev/null 2>&1
	mapfile -t left < <(find "$base" -name cgroup.procs -exec cat {} +)
	[ ${#left[@]} = 0 ] || kill -9 "${left[@]}"
	sleep 0.1
	find "$base" -depth -type d -exec rmdir {} +
	rm -rf -- "$T"
}
trap tidy EXIT

in_group() { # CGROUP COMMAND…
	bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' in "$base/$1" "${@:2}"
}
as() { # UID COMMAND…
	setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"
}
# listen NAME OPTION…: a trace in the background, once it is live
declare -A pid
listen() {
	npctl -j trace "${@:2}" >"$T/$1" 2>"$T/$1.err" &
	pid[$1]=$!
	eventually "$1 listens" grep -q listening "$T/$1.err"
}
over() {
	kill -INT "${pid[$1]}"
	wait "${pid[$1]}" 2>/dev/null
}
seen() { jq -r "$2" "$T/$1" | sort | uniq -c | awk '{$1=$1; print}' | paste -sd, -; }
to() { npctl -j stat destinations | jq -r ".[] | select($1) | $2"; }

# A server behind an interface where users are judged; cgroups at loopback.
ip netns add there
ip link add meta0 type veth peer name eth0 netns there
ip link set meta0 up
ip addr add 10.77.0.1/24 dev meta0
ip -n there link set eth0 up
ip -n there addr add 10.77.0.2/24 dev eth0
ip netns exec there "$talk" serve 80 &
ip addr add 192.0.2.1/32 dev lo
"$talk" serve 80 &
npctl load >/dev/null
eventually "the servers answer" "$talk" udp 10.77.0.2 80
npctl attach user dev meta0 >/dev/null
npctl policy allow 10.77.0.2/32 --port udp/80 --user 1234 --dev meta0 >/dev/null
npctl attach cgroup "$top/web" >/dev/null
npctl attach cgroup "$top/db" >/dev/null
ok "rules" npctl policy allow 192.0.2.1/32 --port udp/80 --cgroup "/$top/web"
ok "for each" npctl policy allow 10.9.9.9/32 --cgroup "/$top/db"

# What all of them do, once for each of these listeners.
id=$(stat -c %i "$base/web")
listen one --user 1234
listen named --user daemon --drops
listen root --user root
listen web --cgroup "$top/web"
listen number --cgroup "$id" --drops
listen worker --cgroup "$base/web/worker"
listen group --cgroup "$top/all"
listen both --cgroup "$top/all" --user 1235
daemon=$(id -u daemon)
for uid in 1234 1234 1235 "$daemon"; do as "$uid" "$talk" udp 10.77.0.2 80; done >/dev/null
in_group all setpriv --reuid 1235 --clear-groups "$talk" udp 10.77.0.2 80 >/dev/null
in_group web "$talk" udp 192.0.2.1 80 >/dev/null
in_group web/worker "$talk" udp 192.0.2.1 80 >/dev/null
in_group web/worker "$talk" udp 192.0.2.1 53 >/dev/null
in_group db "$talk" udp 192.0.2.1 80 >/dev/null
in_group db "$talk" tcp 192.0.2.1 80 >/dev/null
sleep 0.2
for name in one named root web number worker group both; do over $name; done
is "--user by number" "$(seen one '"\(.verdict) \(.hook) \(.uid) \(.destination) \(.destination_port)"')" \
	"2 allow user 1234 10.77.0.2 80"
is "--user by name" "$(seen named '"\(.verdict) \(.hook) \(.user)"')" "1 drop user daemon"
is "--user is whoever asks in a container, too" "$(seen root '"\(.verdict) \(.hook) \(.cgroup)"')" \
	"2 allow container /$top/web,2 drop container /$top/db,1 drop container /$top/web"
is "--cgroup has those below" "$(seen web '"\(.verdict) \(.command) \(.destination_port)"')" \
	"2 allow talk 80,1 drop talk 53"
is "--cgroup by number" "$(seen number '"\(.verdict) \(.destination_port)"')" "1 drop 53"
is "--cgroup below" "$(seen worker '"\(.verdict) \(.destination_port)"')" "1 allow 80,1 drop 53"
is "--cgroup of a user's socket" "$(seen group '"\(.verdict) \(.hook) \(.uid) \(.cgroup)"')" \
	"1 drop user 1235 /$top/all"
is "both" "$(wc -l <"$T/both")" 1

npctl trace --drops >"$T/text" 2>"$T/text.err" &
pid[text]=$!
eventually "text listens" grep -q listening "$T/text.err"
as "$daemon" "$talk" udp 10.77.0.2 80 >/dev/null
in_group db "$talk" tcp 192.0.2.1 80 >/dev/null
sleep 0.2
over text
like "a user has a name" "$(cat "$T/text")" "10\.77\.0\.1:[0-9]+ +-> 10\.77\.0\.2:80 .* user daemon \($daemon\)"
like "a process, too, and a cgroup" "$(cat "$T/text")" \
	"DROP +egress +talk \(pid [0-9]+\) +-> 192\.0\.2\.1:80 +TCP .* user root \(0\), in /$top/db"

# Nobody looked at these; the table has them: per user, per container.
is "a user's destination" "$(to '.uid == 1234' '"\(.subject) \(.peer) \(.protocol) \(.port) \(.allowed) \(.denied)"')" \
	"user:meta0 10.77.0.2 UDP 80 2 0"
is "by name, too" "$(to '.user == "daemon"' '"\(.uid) \(.allowed) \(.denied)"')" "$daemon 0 2"
is "another user's" "$(to '.uid == 1235' '"\(.allowed) \(.denied)"')" "0 2"
is "a container's" "$(to ".subject == \"cgroup:/$top/web\"" '"\(.peer) \(.protocol) \(.port) \(.allowed) \(.denied)"' | sort)" \
	"192.0.2.1 UDP 53 0 1
192.0.2.1 UDP 80 2 0"
is "another container's" "$(to ".subject == \"cgroup:/$top/db\"" '"\(.protocol) \(.port) \(.allowed) \(.denied)"' | sort)" \
	"TCP 80 0 2
UDP 80 0 1"
is "seen just now" "$(to '.last_seconds > 20' .peer)" ""
npctl policy allow 192.0.2.1/32 --cgroup "/$top/db" >/dev/null
sleep 1.1
in_group db "$talk" udp 192.0.2.1 80 >/dev/null
is "allowed now, where it was denied before" \
	"$(to ".subject == \"cgroup:/$top/db\" and .protocol == \"UDP\"" '"\(.allowed) \(.denied)"')" "1 1"
is "the last seen comes first" "$(to true '"\(.subject) \(.protocol)"' | head -1)" "cgroup:/$top/db UDP"
is "why, and who, of what was dropped" "$(npctl -j stat drops | jq -r '.[] | select(.uid == 1235) | "\(.count) \(.why)"' | sort -u)" \
	"2 default: default deny egress for users"
like "as a table" "$(npctl stat destinations)" \
	"user:meta0 +10\.77\.0\.2 +UDP +80 +daemon +0 +2 +[0-9]+ s"
npctl stat destinations --prometheus >"$T/metrics"
metric() { # NAME UID
	sed -n "s/^npctl_egress_$1_total{subject=\"user:meta0\",uid=\"$2\",user=\".*\"} //p" "$T/metrics"
}
is "to the packet for Prometheus" "$(metric allowed 1234) $(metric denied 1234) $(metric denied 1235) $(metric denied "$daemon")" \
	"2 0 2 2"

# A connection: each packet counts once, for its rule and in the trace of all of them.
npctl policy allow 10.77.0.2/32 --port tcp/80 --user 1234 --dev meta0 >/dev/null
listen every --all --user 1234
listen verdicts --user 1234
as 1234 "$talk" tcp 10.77.0.2 80 >/dev/null
sleep 0.3
over every
over verdicts
packets=$(npctl -j stat rules | jq '.[] | select(.rule | test("^rule .* tcp/80")) | .packets')
ok "several packets" [ "$packets" -ge 4 ]
is "each of them once" "$(wc -l <"$T/every")" "$packets"
ok "those of a known connection are no verdicts" [ "$(wc -l <"$T/verdicts")" -lt "$packets" ]
is "nor are they counted as such" "$(to '.uid == 1234 and .protocol == "TCP"' .allowed)" "$(wc -l <"$T/verdicts")"

fails_with "no such user" 1 'user "nope" does not exist' npctl trace --user nope --timeout 1
fails_with "no user" 2 'neither a user' npctl trace --user 12x --timeout 1
fails_with "no such cgroup" 1 'does not exist below' npctl trace --cgroup "$top/nope" --timeout 1
fails_with "nor container" 1 'container "nope" does not exist' npctl trace --cgroup nope --timeout 1
plan_done
