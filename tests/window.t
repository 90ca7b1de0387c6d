#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Rules by the hour of the day. The clock is left alone: the time zone is one
# in which it is just the hour that the test wants.
. "$(dirname "$0")/lib.sh"
talk_for_all

# at HH:MM:SS [DST]: from here on it is that time, as npctl gets to know it.
at() {
	local now wanted ahead sign=-
	now=$(date -u +%s)
	wanted=$(date -u -d "1970-01-01 $1" +%s)
	ahead=$(((wanted - now % 86400 + 86400) % 86400))
	[ $ahead -le 43200 ] || ahead=$((ahead - 86400))
	[ $ahead -ge 0 ] || { sign=+ && ahead=$((-ahead)); }
	TZ=$(printf 'NPC%s%02d:%02d:%02d' $sign $((ahead / 3600)) $((ahead / 60 % 60)) $((ahead % 60)))
	export TZ
	npctl policy refresh >/dev/null
}

ip netns add far
ip link add near0 type veth peer name far0 netns far
ip link set near0 up
ip -n far link set far0 up
ip addr add 10.1.1.1/24 dev near0
ip addr add fd00:1::1/64 dev near0 nodad
ip -n far addr add 10.1.1.2/24 dev far0
ip -n far addr add fd00:1::2/64 dev far0 nodad
ip netns exec far "$talk" serve 80 &
npctl load >/dev/null
eventually "the server answers" "$talk" tcp 10.1.1.2 80
gets() { # WAY…: what root gets
	local way
	for way; do
		"$talk" "$way" 10.1.1.2 80
	done | paste -sd' '
}

npctl attach user dev near0 >/dev/null
is "a rule for the day" "$(npctl policy allow 10.1.1.2 --user root --dev near0 --between 8:00-18:00)" \
	"rule 1: allow egress 10.1.1.2/32 for user:near0:root between 08:00-18:00 (added)"
for time in 07:59:30=silence 08:00:00=yes 12:34:56=yes 17:59:30=yes 18:00:00=silence 00:00:00=silence; do
	at "${time%=*}"
	is "at ${time%=*}" "$(gets tcp udp)" "${time#*=} ${time#*=}"
done
ok "documents and maps agree" npctl policy verify
is "the same rule at night" "$(npctl policy allow 10.1.1.2 --user root --dev near0 --between 22:00-06:00)" \
	"rule 1: allow egress 10.1.1.2/32 for user:near0:root between 22:00-06:00 (replaced)"
for time in 21:59:30=silence 22:00:00=yes 00:00:10=yes 05:59:30=yes 06:00:00=silence; do
	at "${time%=*}"
	is "at ${time%=*}" "$(gets tcp)" "${time#*=}"
done

# Nobody has to do anything when the hour comes: open connections are cut, and live on.
hold() {
	coproc HELD { "$talk" hold "$@" 10.1.1.2 80; }
	read -r -t 2 answer <&"${HELD[0]}"
	echo "$answer"
}
tell() {
	echo say >&"${HELD[1]}"
	read -r -t 2 answer <&"${HELD[0]}"
	echo "$answer"
}
let_go() {
	eval "exec ${HELD[1]}>&-"
	wait "$HELD_PID" 2>/dev/null
}
cut() { [ "$(tell)" != yes ]; }
opened() { [ "$(tell)" = yes ]; }
for way in tcp udp; do
	at 05:59:57
	hold $way >"$T/held"
	is "$way, connected" "$(cat "$T/held") $(tell)" "connected yes"
	eventually "is cut when the window closes" cut
	let_go
done
at 21:59:57
hold udp >/dev/null
unlike "a socket from before" "$(tell)" '^yes$'
eventually "may when it opens" opened
let_go
is "a rule without hours stands beside" \
	"$(npctl policy deny 10.1.1.0/24 --user root --dev near0 --port tcp/80 >/dev/null; gets tcp udp)" "yes yes"

# The zone's own changes of the clock are known in advance.
TZ=$(date -u -d '-1 hour' "+NPC0NPD-2,J$(date -u -d '+3 seconds' +%-j)/$(date -u -d '+3 seconds' +%-H:%M:%S),J365/23")
if [ "$(date -u -d '+3 seconds' +%m%d)" != 0229 ]; then
	export TZ
	hour=$(date +%-H)
	npctl policy allow 10.1.1.2 --user root --dev near0 \
		--between "$((hour)):00-$(((hour + 1) % 25)):00" >/dev/null
	is "an hour before the clock is put forward" "$(gets tcp)" yes
	cut_new() { [ "$(gets tcp)" = silence ]; }
	eventually "is over as soon as it is" cut_new
else
	skip "no day for that" 2
fi

# explain, list, and mistakes.
at 12:00:00
npctl policy delete --all >/dev/null
npctl policy allow 10.1.1.2 --user root --dev near0 --between 08:00-18:00 >/dev/null
npctl policy deny 10.1.1.2 --user root --dev near0 --port 22 >/dev/null
explain() { npctl -j policy explain --user root --dev near0 --to 10.1.1.2 "$@"; }
is "explained: now, and when" "$(explain | jq -r '.verdict, .egress.datapath, (.egress.schedule[] | .between + " " + .verdict)' | paste -sd,)" \
	"allow,allow,00:00-08:00 deny,08:00-18:00 allow,18:00-24:00 deny"
is "what does not go by the clock has none" "$(explain --port 22 | jq -c '[.verdict, .egress.schedule]')" '["deny",null]'
at 20:00:00
is "and at another hour" "$(explain | jq -r '.verdict, .egress.near[].but, .egress.datapath' | paste -sd,)" deny,hour,deny
is "listed" "$(npctl -j policy list | jq -r '.[] | select(.between) | .rule + " " + .between')" "1 08:00-18:00"
npctl policy export >"$T/rules.yml"
npctl policy delete --all >/dev/null
npctl policy apply -f "$T/rules.yml"
is "exported and taken in again" "$(npctl -j policy list | jq -r '.[] | select(.between).between')" "08:00-18:00"
for bad in 25:00-26:00 8-18 08:00 08:00-08:00 08:60-09:00 08:00-18:00x -1:00-2:00 24:00-03:00; do
	fails_with "no time: $bad" 2 'no time of the day' npctl policy allow any --user root --dev near0 "--between=$bad"
done
npctl attach detach user dev near0 >/dev/null

# The same for pods, in both directions of the clock, with flows.
npctl policy delete --all >/dev/null
npctl topo up >/dev/null
npctl attach pod backend >/dev/null
npctl policy allow allowed --pod backend --between 08:00-18:00 >/dev/null
pod() { npctl -j test connect | jq -r '[.[] | select(.to == "default/backend" and .port == "tcp/8080" and .from == "default/allowed").result] | unique | join(" ")'; }
at 12:00:00
like "a pod by day" "$(pod)" "connected|allow"
at 03:00:00
unlike "and by night" "$(pod)" "^(connected|allow)$"
at 17:59:57
backend=$(npctl -j topo show | jq -r '.[] | select(.pod == "default/backend").addresses[0]')
coproc HELD { npctl topo exec allowed -- "$talk" hold "$backend" 8080; }
read -r -t 2 answer <&"${HELD[0]}"
is "a pod's connection" "$answer $(tell)" "connected yes"
eventually "is cut as well" cut
let_go
npctl topo down >/dev/null
npctl load --unload >/dev/null
plan_done
