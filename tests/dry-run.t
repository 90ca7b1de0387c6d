#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What --dry-run says, and whether it comes true for connections that are open.
. "$(dirname "$0")/lib.sh"
talk_for_all
export NPCTL_PRESETS=$tests/../presets

said() { npctl policy export --all | grep -v since; }

npctl -q topo up >/dev/null
npctl -q load >/dev/null && npctl -q attach pod backend || exit
backend=$(npctl -j topo show | jq -r '.[] | select(.pod == "default/backend").addresses[0]')
npctl -q policy allow 10.0.0.20 >/dev/null
npctl -q policy allow 10.0.0.30 >/dev/null
said >"$T/before"

like "a denial" "$(npctl policy deny 10.0.0.20 --dry-run)" "default/allowed +default/backend +any +allow +deny +rule 1 deny"
is "is not done" "$(said)" "$(cat "$T/before")"
is "nor is it in history" "$(npctl -j policy history | jq 'length')" 6
is "what changes nothing" "$(npctl policy allow 10.0.0.20 --dry-run)" "no verdict would change"
is "as JSON" "$(npctl -j policy deny 10.0.0.20 -p tcp/80-90 --dry-run | jq -c '.verdicts | map([.from, .ports, .old, .new])')" \
	'[["default/allowed","tcp/80-90","allow","deny"]]'
closing_policy
while read -r change; do
	# shellcheck disable=SC2086
	ok "policy $change" npctl policy $change --dry-run
	is "is not done, either" "$(said)" "$(cat "$T/before")"
done < <(each_change 4)
ok "all of it" npctl policy verify
fails_with "nothing that waits" 2 "changes nothing that could wait" npctl policy deny any --dry-run --confirm 5s
echo "policy deny any --dry-run" >"$T/batch"
fails "not one of many" npctl batch --atomic "$T/batch"
printf "policy deny any --dry-run\npolicy deny 10.0.0.77\n" >"$T/batch"
ok "what follows" npctl batch "$T/batch"
is "is done" "$(npctl -j policy list | jq -r '.[] | select(.tier == "rule") | .peer' | paste -sd' ')" "10.0.0.20/32 10.0.0.30/32 10.0.0.77/32"
npctl -q policy delete 3
fails_with "what cannot be is refused" 1 'list "nix"|neither an address' npctl policy deny 'no such' --dry-run
sed 's|ingress: .*|ingress: [{from: [{ipBlock: {cidr: 10.0.0.40/32}}]}]}|' "$T/np.yml" >"$T/open.yml"
npctl -q policy apply -f "$T/open.yml" >/dev/null
is "a rule that would never decide anything any more" \
	"$(npctl -j policy allow any --dry-run | jq -r '.dead_rules[] | .policy + " " + .rule')" "default/be ingress[0]"
npctl -q policy delete be >/dev/null

# Users and cgroups are judged, too.
npctl -q attach user dev lo >/dev/null
like "a user" "$(npctl policy allow 192.0.2.0/24 --user 12345 --dev lo --dry-run)" "user:lo:12345 +192.0.2.0-192.0.2.255 +any +deny +allow +rule"

# Four connections, whose fate is told before each change and looked at after it.
npctl topo exec backend -- "$talk" serve 9000 &
server=$!
hold() { npctl topo exec "$1" -- env TALK_PATIENCE=0.2 "$talk" hold udp "$backend" 9000; }
mkfifo "$T"/{in,out}-{a,d}
hold allowed <"$T/in-a" >"$T/out-a" &
hold denied <"$T/in-d" >"$T/out-d" &
exec 5>"$T/in-a" 6<"$T/out-a" 7>"$T/in-d" 8<"$T/out-d"
read -r -t 5 _ <&6
read -r -t 5 _ <&8
tell() {
	local answer
	if [ "$1" = a ]; then
		echo say >&5
		read -r -t 2 answer <&6
	else
		echo say >&7
		read -r -t 2 answer <&8
	fi
	echo "$answer"
}
passes() { [ "$(tell a) $(tell d)" = "yes yes" ]; }
eventually "both are heard" passes
changes=("deny 10.0.0.20" "allow 10.0.0.20" "deny 10.0.0.30" "allow 10.0.0.30" "deny 10.0.0.0/24" "allow 10.0.0.0/24"
	"deny 10.0.0.20 -p udp/9000" "allow 10.0.0.30 -p udp/9000" "deny any" "allow any" "delete --all" "default deny" "default auto"
	"apply -f $T/np.yml" "delete -f $T/np.yml" "deny 10.0.0.30 -p udp/9001" "deny 10.0.0.20 --egress")
wrong=0 cut=0 in=0
for ((i = 0; i < ${ROUNDS:-40}; i++)); do
	change=${changes[i < 4 ? i : RANDOM % ${#changes[@]}]}
	was="$(tell a) $(tell d)"
	# shellcheck disable=SC2086
	foretold=$(npctl -j policy $change --dry-run | jq -r '[.flows[] | select(.local_port == 9000) | .effect + " " + .remote] | sort | unique | join(", ")')
	# shellcheck disable=SC2086
	npctl -q policy $change >/dev/null || continue
	is="$(tell a) $(tell d)"
	came=$(
		# shellcheck disable=SC2086
		set -- $was $is
		for one in "$1 $3 10.0.0.20" "$2 $4 10.0.0.30"; do
			case $one in
			yes\ silence*) echo "cut ${one##* }" ;;
			silence\ yes*) echo "let in ${one##* }" ;;
			esac
		done | sort | paste -sd, | sed 's/,/, /g'
	)
	[[ $foretold != *cut* ]] || cut=$((cut + 1))
	[[ $foretold != *let* ]] || in=$((in + 1))
	[ "$foretold" = "$came" ] || { wrong=$((wrong + 1)) && note "$change: told '$foretold', came '$came'"; }
done
is "what was told came true, in $i changes" $wrong 0
ok "among them some that cut, and some that let in" test $cut -gt 0 -a $in -gt 0
kill $server
npctl -q load --unload >/dev/null
npctl -q topo down >/dev/null
plan_done
