#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Names as peers: a name server under the test's control changes its answers.
. "$(dirname "$0")/lib.sh"
. "$tests/cgroup.sh"
groups web
servers 443
zone=$T/zone
export NPCTL_PRESETS=$tests/../presets
say() { printf '%s\n' "$@" >"$zone.new" && mv "$zone.new" "$zone"; }
say
"$tests/dns" 127.0.0.77 "$zone" >"$T/asked" 2>&1 &
server() { printf 'nameserver 127.0.0.77\noptions timeout:%s attempts:1\n' "$1" >"$T/resolv.conf"; }
server 1
printf '127.0.0.1 localhost\n192.0.2.2 files.example.com\n' >"$T/hosts"
mount --bind "$T/resolv.conf" /etc/resolv.conf
mount --bind "$T/hosts" /etc/hosts
npctl load >/dev/null
npctl attach cgroup "$top/web" >/dev/null
allow() { npctl policy allow "$@" --cgroup "$top/web"; }
stands_for() { npctl -j policy list | jq -r --arg name "$1" \
	'[.[] | select(.peer == $name) | .addresses[] | select(.gone_seconds == null) | .address] | join(" ")'; }
old=192.0.2.1 new=192.0.2.2 six=2001:db8::1

# At first.
fails_with "a name that is none" 1 'name api.example.com does not exist' allow api.example.com
say "api.example.com fail"
fails_with "a name server that fails" 1 'name api.example.com cannot be resolved' allow api.example.com
say "slow.example.com silent"
server 4
npctl policy allow slow.example.com --cgroup "$top/web" >/dev/null 2>&1 &
waiting=$!
eventually "a name server is silent" grep -q slow "$T/asked"
ok "meanwhile others make rules" npctl policy allow 10.9.0.1 --cgroup "$top/web"
ok "without waiting for it" kill -0 $waiting
ok "which go again" npctl policy delete --all
wait $waiting
server 1
is "nothing has come of the name" "$(npctl -j policy list | jq '[.[] | select(.id)] | length')" 0
say "api.example.com 30"
fails_with "a name without addresses" 1 'name api.example.com has no address' allow api.example.com
is "then nothing has changed" "$(npctl -j policy list | jq '[.[] | select(.id)] | length')" 0
say "api.example.com 30 $old $six"
ok "a name, allowed at a port" allow api.example.com --port tcp/443 --grace 0
is "kept as written" "$(npctl -j policy list | jq -r '.[] | select(.id) | .peer')" api.example.com
is "what it stands for is shown" "$(stands_for api.example.com)" "$old $six"
like "for people, too" "$(npctl policy list)" "api.example.com +$old +[0-9]"
like "and with its rule" "$(npctl policy show 1)" "api.example.com +$six +[0-9]"
is "it connects" "$(try web tcp $old 443)" yes
is "by IPv6, too" "$(try web tcp $six 443)" yes
is "another address does not" "$(try web tcp $new 443)" "$denied"
is "nor another port" "$(try web tcp $old 80)" "$denied"
is "both families were asked for" "$(tail -2 "$T/asked" | paste -sd' ')" "api.example.com 1 api.example.com 28"

# The answer changes.
like "a refresh changes nothing" "$(npctl policy refresh)" "api.example.com +unchanged +30 +$old, $six"
say "api.example.com 20 $new"
is "until it is refreshed, the old one" "$(try web tcp $old 443) $(try web tcp $new 443)" "yes $denied"
# One of the two works at any time: there is no gap between them.
# shellcheck disable=SC2016 # for the other shell
TALK_PATIENCE=5 in_group web bash -c 'while [ ! -e "$3" ]; do
	got=$("$0" tcp "$1" 443)
	[ "$got" = yes ] || got=$("$0" tcp "$2" 443)
	echo "$got"; done' "$talk" $old $new "$T/stop" >"$T/seen" &
seen=$!
eventually "the loop runs" grep -q yes "$T/seen"
is "the refresh says so" "$(npctl -j policy refresh | jq -c '.[] | [.name, .state, .lifetime, .addresses]')" \
	"[\"api.example.com\",\"changed\",20,[\"$new\"]]"
is "the old address stops, the new one works" \
	"$(try web tcp $old 443), $(try web tcp $six 443), $(try web tcp $new 443)" "$denied, $denied, yes"
sleep 0.3
touch "$T/stop"
wait $seen
is "there was no gap" "$(sort -u "$T/seen")" yes

# A failure takes nothing away.
say "api.example.com fail" "other.example.com 5 $six"
ok "another name" allow other.example.com
fails "a failing refresh says so" npctl policy refresh
like "and which" "$(npctl policy refresh 2>&1)" 'api.example.com +failed.*its addresses stay'
is "in JSON, too" "$(npctl -j policy refresh | jq -r '[.[] | .state] | sort | join(" ")')" "failed unchanged"
is "the old address stays" "$(stands_for api.example.com) $(try web tcp $new 443)" "$new yes"
say "api.example.com silent"
fails "nobody answers" npctl policy refresh
say
fails "the name is gone" npctl policy refresh
is "even then it stays" "$(try web tcp $new 443)" yes

# A grace time, and aliases.
say "www.example.com alias host.example.com" "host.example.com 7 $old"
npctl policy delete --all >/dev/null
ok "an alias" allow www.example.com --grace 2
is "stands for what it leads to" "$(stands_for www.example.com) $(npctl -j policy refresh | jq '.[].lifetime')" "$old 7"
say "www.example.com 7 $new"
npctl policy refresh >/dev/null
is "during its grace the old one works, too" "$(try web tcp $old 443) $(try web tcp $new 443)" "yes yes"
is "and is shown as gone" "$(npctl -j policy list | jq -r '.[] | select(.id) | .addresses[] | select(.gone_seconds) | .address')" $old
over() { npctl policy refresh >/dev/null && [ "$(try web tcp "$old" 443)" = "$denied" ]; }
eventually "then it stops" over
is "and is forgotten" "$(npctl -j policy list | jq '[.[] | select(.id) | .addresses[]] | length')" 1

# Where a file has the name.
ok "a name in /etc/hosts" allow files.example.com
is "stands for that" "$(stands_for files.example.com)" $new
is "nobody was asked" "$(grep -c files "$T/asked")" 0
like "capitals and a dot at the end are nothing new" "$(allow FILES.example.com.)" unchanged

# Where it comes from and goes to.
npctl policy export >"$T/export.yml"
ok "all gone" npctl policy delete --all
is "no names are left" "$(npctl policy refresh)" "no rule speaks of a name"
ok "an export comes back" npctl policy apply -f "$T/export.yml"
is "resolved anew" "$(stands_for www.example.com)" $new
is "with its grace" "$(npctl policy export | grep grace)" "grace: 2"
say
npctl policy delete --all >/dev/null
fails_with "an export of a name that is gone" 1 'www.example.com does not exist' npctl policy apply -f "$T/export.yml"
ok "a preset with a name" npctl policy preset worker --cgroup "$top/web" --set addresses=files.example.com
is "it works there, too" "$(try web tcp $new 443)" yes
npctl policy delete --all >/dev/null

# A pod's open connection needs its address, grace or none.
ok "a lab" npctl topo up
npctl attach pod allowed >/dev/null
say "api.example.com 5 10.0.0.10"
ok "a name for a pod" npctl policy allow api.example.com --port tcp/8080 --egress --pod allowed --grace 0
mkfifo "$T/words"
ip netns exec ns-allowed "$talk" hold 10.0.0.10 8080 <"$T/words" >"$T/held" &
exec 7>"$T/words"
eventually "a connection is open" grep -q connected "$T/held"
say "api.example.com 5 10.0.0.30"
npctl policy refresh >/dev/null
is "its address stays" "$(npctl -j policy list | jq -r '.[] | select(.id) | [.addresses[].address] | join(" ")')" \
	"10.0.0.10 10.0.0.30"
npctl policy refresh >/dev/null
echo say >&7
eventually "and it runs on" grep -q yes "$T/held"
exec 7>&-
over() { npctl policy refresh >/dev/null && [ "$(stands_for api.example.com)" = 10.0.0.30 ] &&
	[ "$(npctl -j policy list | jq '[.[] | select(.id) | .addresses[]] | length')" = 1 ]; }
eventually "once it is closed, the address goes" over
npctl topo down >/dev/null
npctl policy delete --all >/dev/null

# So does a user's, whom a socket tells.
ip netns add far
ip link add v0 type veth peer name v1 netns far
ip addr add 172.20.0.1/24 dev v0
ip link set v0 up
ip -n far addr add 172.20.0.2/24 dev v1
ip -n far link set v1 up
ip netns exec far "$talk" serve 443 &
eventually "a server beyond the interface" "$talk" tcp 172.20.0.2 443
npctl attach user dev v0 >/dev/null
is "users are judged" "$("$talk" tcp 172.20.0.2 443)" silence
say "api.example.com 5 172.20.0.2"
ok "a name for users" npctl policy allow api.example.com --user any --dev v0 --grace 0
"$talk" hold 172.20.0.2 443 <"$T/words" >"$T/held" &
exec 7>"$T/words"
eventually "a user is connected" grep -q connected "$T/held"
say "api.example.com 5 172.20.0.30"
npctl policy refresh >/dev/null
echo say >&7
eventually "and stays so" grep -q yes "$T/held"
exec 7>&-
over() { npctl policy refresh >/dev/null && [ "$("$talk" tcp 172.20.0.2 443)" = silence ]; }
eventually "once it is closed, the address goes" over

fails_with "grace without a name" 2 'goes with a domain name' allow 10.0.0.1 --grace 5
fails_with "no grace" 2 'no number of seconds' allow files.example.com --grace soon
fails_with "numbers are no name" 1 'neither an address' allow 10.0.0.300
fails_with "nor are stars" 1 'neither an address' allow '*.example.com'
umount /etc/resolv.conf /etc/hosts
plan_done
