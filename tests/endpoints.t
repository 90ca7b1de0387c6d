#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Files of endpoints, names and groups: what they mean, and mistakes in them.
. "$(dirname "$0")/lib.sh"
talk_for_all
four=169.254.169.254 six=fd00:ec2::254

# Users and groups of this test's own, seen in its mounts alone.
cat /etc/passwd - >"$T/passwd" <<-END
	npctl-ann:x:5001:5001::/:/bin/sh
	npctl-bob:x:5002:5002::/:/bin/sh
	npctl-cat:x:5003:6000::/:/bin/sh
END
cat /etc/group - >"$T/group" <<-END
	npctl-staff:x:6000:npctl-bob
END
mount --bind "$T/passwd" /etc/passwd
mount --bind "$T/group" /etc/group

ip netns add meta
for dev in meta0 meta1; do
	ip link add $dev type veth peer name $dev netns meta
	ip link set $dev up
	ip -n meta link set $dev up
done
ip -n meta link set lo up
ip addr add 169.254.169.1/24 dev meta0
ip addr add fd00:ec2::1/64 dev meta0 nodad
ip -n meta addr add $four/24 dev meta0
ip -n meta addr add $six/64 dev meta0 nodad
ip netns exec meta "$talk" serve 80 &

as() { # UID WORD… of talk
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$talk" "$@"
}
reach() { # UID…: who gets an answer by IPv4, and IPv6
	local uid
	for uid; do
		echo "$uid:$(as "$uid" tcp $four 80),$(as "$uid" tcp $six 80)"
	done | paste -sd' '
}
edit() { # FILE SCRIPT: in place, for it is mounted
	sed "$2" "$T/$1" >"$T/new"
	cat "$T/new" >"$T/$1"
}
state() { npctl policy export; npctl -j attach show | jq -c '[.[] | {interface, subject}]'; }
eventually "the server answers" "$talk" tcp $four 80

# One command, and whoever is not named is out.
cat >"$T/f.yml" <<-END
	endpoints:
	    - imdsv2:
	        iface: [meta0]
	        range: [$four/32]
	        allow:
	          - npctl-ann
	    - six:
	        iface: meta0
	        range: "$six"
	        allow: [5001, group:npctl-staff]
	        port: 80
END
is "apply loads, attaches and says so" "$(npctl policy apply -f "$T/f.yml" | paste -sd' ')" \
	"Endpoint imdsv2: created Endpoint six: created interface meta0: attached"
is "who reaches what" "$(reach 0 5001 5002 5003 5004)" \
	"0:silence,silence 5001:yes,yes 5002:silence,yes 5003:silence,yes 5004:silence,silence"
is "again it changes nothing" "$(npctl policy apply -f "$T/f.yml" | paste -sd' ')" \
	"Endpoint imdsv2: unchanged Endpoint six: unchanged"
is "listed as it was written" "$(npctl -j policy list | jq -r '.[] | select(.subject) | .rule + " " + .subject' | paste -sd' ')" \
	"imdsv2[0] user:meta0:npctl-ann six[0] user:meta0:5001,group:npctl-staff"
is "shown by name" "$(npctl -j policy show six | jq -r '.[].peer')" "$six/128"
like "packets are counted" "$(npctl -j policy show imdsv2 | jq '.[].packets')" '^[1-9]'
npctl policy export >"$T/exported.yml"
is "exported in the same form" "$(npctl policy apply -f "$T/exported.yml" | grep -c unchanged)" 2
jq -n '{endpoints: [{imdsv2: {iface: "meta0", range: "'$four'/32", allow: "npctl-ann"}}]}' >"$T/f.json"

# A mistake changes nothing and names its line.
before=$(state)
wrong() { # LINE, PATTERN, sed SCRIPT
	sed "$3" "$T/f.yml" >"$T/w.yml"
	fails_with "a mistake: $3" 1 "w\.yml:$1: .*$2" npctl policy apply -f "$T/w.yml"
}
wrong 6 'user "nix-user" does not exist' 's/npctl-ann/nix-user/'
wrong 10 'group "nix" does not exist' 's/group:npctl-staff/group:nix/'
wrong 10 'user "4294967295" does not exist' 's/5001/4294967295/'
wrong 4 'is no range' "s/$four/169.254.169.300/"
wrong 4 'is no range' "s,$four/32,$four/33,"
wrong 3 'interface "nix0" does not exist' 's/\[meta0\]/[nix0]/'
wrong 8 'interface "nix0" does not exist' 's/iface: meta0/iface: nix0/'
wrong 4 'ranges: unknown field' 's/range: \[/ranges: [/'
wrong 6 'expected a string.*quote it' 's/- npctl-ann/- on/'
wrong 8 'imdsv2 stands here twice' 's/six/imdsv2/'
wrong 11 'is no port' 's/port: 80/port: tcpp/'
wrong 1 'expected endpoints|kind is required' 's/endpoints/endpoint/'
wrong 8 'allow: is required' '/allow: \[5001/d'
is "and nothing changed" "$(state)" "$before"
ip link add nolink type bridge
sed 's/iface: \[meta0\]/iface: [meta0, meta1, lo]/' "$T/f.yml" >"$T/w.yml"
npctl attach user dev lo --clsact >/dev/null
before=$(state)
fails_with "an attachment that fails takes all back" 1 'already attached' npctl policy apply -f "$T/w.yml"
is "policies and attachments alike" "$(state)" "$before"
npctl attach detach user dev lo >/dev/null

# The file is the whole of it; what it gives up stays closed.
sed '/six/,$d; s/meta0/meta1/' "$T/f.yml" >"$T/g.yml"
like "another file" "$(npctl policy apply -f "$T/g.yml" 2>&1 | paste -sd' ')" \
	'no endpoint names interface meta0 .*Endpoint six: deleted interface meta1: attached'
is "stays closed" "$(reach 5001)" "5001:silence,silence"
is "a group as a file of JSON" "$(npctl policy apply -f "$T/f.json" 2>/dev/null)$(reach 5001)" \
	"Endpoint imdsv2: configured5001:yes,silence"
is "deleted with its attachments" "$(npctl policy delete -f "$T/f.json" | paste -sd' ')" \
	"Endpoint imdsv2: deleted interface meta0: detached interface meta1: detached"
is "nothing is left" "$(npctl -j attach show)$(npctl -j policy list | jq length)" "[]0"
is "and all is open" "$(reach 5004)" "5004:yes,yes"
npctl attach user dev meta0 >/dev/null
npctl policy apply -f "$T/f.yml" >/dev/null
npctl policy delete imdsv2 six
is "what was attached by hand stays" "$(npctl -j attach show | jq -r '[.[].subject] | unique | join(" ")')" user:meta0

# Rules keep the names that they were given; who that is, is looked up anew.
ok "a rule for a group" npctl policy allow $four --user group:npctl-staff --dev meta0
is "its members, by either kind of group" "$(reach 5001 5002 5003)" \
	"5001:silence,silence 5002:yes,silence 5003:yes,silence"
edit group 's/staff:x:6000:npctl-bob/staff:x:6000:npctl-ann/'
npctl policy refresh >/dev/null
is "others after a refresh" "$(reach 5001 5002 5003)" "5001:yes,silence 5002:silence,silence 5003:yes,silence"
ok "a rule for a user" npctl policy allow $six --user npctl-bob --dev meta0
ok "and one against another" npctl policy deny $four --user npctl-cat --dev meta0
is "as they say" "$(reach 5002 5003)" "5002:silence,yes 5003:silence,silence"
edit passwd '/npctl-bob\|npctl-cat/d'
npctl policy refresh >/dev/null
is "of a user who is gone nothing is left but the denial, for all" "$(reach 5001 5002 5003)" \
	"5001:silence,silence 5002:silence,silence 5003:silence,silence"
is "and the list says so" "$(npctl -j policy list | jq -r '.[] | select(.problem).problem' | paste -sd,)" \
	'user "npctl-bob" does not exist: it allows nobody,user "npctl-cat" does not exist: it denies everybody'
ok "such a rule can be taken away" npctl policy delete 3
is "which opens again" "$(reach 5001)" "5001:yes,silence"
fails_with "a user who does not exist" 1 'user "npctl-bob" does not exist' \
	npctl policy allow $four --user npctl-bob --dev meta0
fails_with "a group that does not exist" 1 'group "nix" does not exist' \
	npctl policy allow $four --user group:nix --dev meta0
fails_with "an interface that does not exist" 1 'interface "nix0" does not exist' \
	npctl policy allow $four --user any --dev nix0
npctl load --unload >/dev/null
plan_done
