# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the tests of the CNI plugin share: a test sources it after lib.sh and
# calls npctl as a container runtime would.
#
#   conf '{…}'            the network's configuration from now on
#   with FILTER           … changed by jq
#   cni COMMAND [CONTAINER [VARIABLE=VALUE…]]
#       the container's namespace is named as itself, its interface is eth0;
#       $out is what was printed, $status the exit status
#   added "what" CONTAINER…    makes namespaces and adds them; $out is the last result
#   deleted "what" CONTAINER…
#   refuses "why" CODE 'REGEX' COMMAND [CONTAINER [VARIABLE=VALUE…]]
#       an error object of the specification with that code and such a message
talk=${tests:?}/talk
plugins=/usr/lib/cni

conf() { config=$(jq -c . <<<"$1"); }
with() { config=$(jq -c "$1" <<<"$config"); }

cni() {
	local command=$1 container=${2:-}
	shift; [ $# = 0 ] || shift
	status=0
	out=$(env CNI_COMMAND="$command" CNI_CONTAINERID="$container" \
		CNI_NETNS="${container:+/run/netns/$container}" CNI_IFNAME=eth0 \
		CNI_PATH="$plugins" "$@" "$NPCTL" <<<"$config" 2>"$T/errors") || status=$?
}

make_netns() {
	ip netns add "$1" && ip -n "$1" link set lo up
}

added() {
	local description=$1 container
	shift
	for container in "$@"; do
		[ -e "/run/netns/$container" ] || make_netns "$container"
		cni ADD "$container"
		[ "$status" = 0 ] || break
	done
	result "$status" "$description" "ADD $container: $out"$'\n'"$(cat "$T/errors")"
}

deleted() {
	local description=$1 container
	shift
	for container in "$@"; do
		cni DEL "$container"
		if [ "$status" != 0 ] || [ -n "$out" ]; then break; fi
	done
	result "$status" "$description" "DEL $container: $out"$'\n'"$(cat "$T/errors")"
}

refuses() {
	local description=$1 code=$2 pattern=$3 problem="" types number message
	shift 3
	cni "$@"
	IFS=$'\t' read -r types number message < <(jq -r \
		'[([.cniVersion, .code, .msg] | map(type) | join(" ")), .code, .msg] | @tsv' \
		<<<"$out" 2>/dev/null)
	[ "$status" != 0 ] || problem+="exit status 0. "
	[ "$types" = "string number string" ] || problem+="no error object. "
	[ "$number" = "$code" ] || problem+="not code $code. "
	[[ "$message" =~ $pattern ]] || problem+="not like: $pattern. "
	[ -z "$problem" ]
	result $? "$description" "$*: $problem"$'\n'"$out"
}

got() { jq -r "$1" <<<"$out"; }
address() { got '.ips[0].address | split("/")[0]'; }
reaches() { ip netns exec "$1" "$talk" "${4:-tcp}" "$2" "${3:-80}"; }
# For eventually, which has to ask anew each time.
answers() { [ "$("$talk" tcp "$1" 80)" = yes ]; }
reached() { [ "$(reaches "$@")" = yes ]; }
serve() { ip netns exec "$1" "$talk" serve 80 & }

# The specification's result, as SPEC.md of each version describes it.
is_result() {
	jq -e --arg version "$1" '
	def address: type == "string" and test("^[0-9a-f.:]+/[0-9]+$");
	def only(keys): (keys - keys) == [] and ((. | keys_unsorted) - keys) == [];
	.cniVersion == $version
	and only(["cniVersion", "interfaces", "ips", "routes", "dns"])
	and (.interfaces | type == "array" and length > 0 and all(
		only(["name", "mac", "sandbox"] + if $version == "1.1.0" then ["mtu"] else [] end)
		and (.name | type == "string")
		and (.mac | test("^([0-9a-f]{2}:){5}[0-9a-f]{2}$"))
		and ($version != "1.1.0" or (.mtu | type == "number"))))
	and ((.interfaces | length) as $count | .ips | type == "array" and length > 0 and all(
		only(["address", "gateway", "interface"]
			+ if $version < "1.0.0" then ["version"] else [] end)
		and (.address | address)
		and (.interface | type == "number" and . >= 0 and . < $count)
		and ($version >= "1.0.0"
			or .version == (if .address | contains(":") then "6" else "4" end))))
	and ((.routes // []) | all(only(["dst", "gw"]) and (.dst | address)))
	and (.dns | type == "object")' <<<"$out" >/dev/null
}
