# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A test sources this, is thereby run in a room of its own (tests/room), and
# says what it finds in TAP. Functions that test begin with a description:
#
#   ok "it loads" npctl load              the command succeeds
#   fails "it refuses" COMMAND…           it does not
#   is "the count" "$got" "$wanted"       equal text
#   like "the line" "$got" 'REGEX'        extended regular expression; unlike
#   fails_with "no pod" 1 'REGEX' COMMAND…
#       exit status 1, nothing on standard output, one line on standard error
#       that matches and begins with "npctl: "
#   eventually "it is up" COMMAND…        succeeds within $WAIT seconds (5)
#   talk_for_all                          $talk is tests/talk where all users may read it
#   closing_policy                        $T/np.yml closes the pod "backend"
#   each_change VERSION                   prints a policy command of each kind that changes something
#   three_pods                            prints manifests: a server and two clients
#   skip "why" [COUNT], skip_all "why", note "text", plan_done
#
# $T is a directory that goes away at the end; $NPCTL the binary, also found as
# npctl in PATH. The build is $NPCTL, else $O/npctl, else build/npctl.
#
# A test that measures time sets alone=yes before it sources this: then no other
# test runs beside it. After 300 seconds, or limit=SECONDS set likewise, it is over;
# on a machine that is N times slower, SLOW=N gives it, and all that has to happen in
# time, N times as long.
set -u
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NPCTL=${NPCTL:-${O:-$tests/../build}/npctl}
NPCTL=$(realpath -m -- "$NPCTL")
export NPCTL LC_ALL=C.UTF-8
unset NPCTL_ROOT

ran=0 failed=0

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

if [ -z "${NPCTL_ROOM:-}" ]; then
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	mode=--shared
	[ -z "${alone:-}" ] || mode=--exclusive
	exec flock --close $mode "$tests/lib.sh" timeout --kill-after=1 $((${limit:-300} * ${SLOW:-1})) \
		"$tests/room" bash "$0" "$@"
fi
[ -x "$NPCTL" ] || { echo "Bail out! $NPCTL is not built" && exit 1; }
PATH=$(dirname -- "$NPCTL"):$PATH
T=$(mktemp -d "${TMPDIR:-/tmp}/npctl-test.XXXXXX")
trap 'rm -rf -- "$T"' EXIT

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# result STATUS DESCRIPTION [DETAIL…]
result() {
	local status=$1 description=$2
	shift 2
	ran=$((ran + 1))
	if [ "$status" = 0 ]; then
		echo "ok $ran - $description"
		return 0
	fi
	failed=$((failed + 1))
	echo "not ok $ran - $description"
	[ $# = 0 ] || note "$@"
	return 1
}

ok() {
	local description=$1 output status=0
	shift
	output=$("$@" 2>&1 </dev/null) || status=$?
	result "$status" "$description" "$* gave exit status $status"$'\n'"$output"
}

fails() {
	local description=$1 output status=0
	shift
	output=$("$@" 2>&1 </dev/null) && status=1
	result "$status" "$description" "$* succeeded"$'\n'"$output"
}

is() {
	local status=0
	[ "$2" = "$3" ] || status=1
	result $status "$1" "got:    $2"$'\n'"wanted: $3"
}

like() {
	local status=0
	[[ "$2" =~ $3 ]] || status=1
	result $status "$1" "got:      $2"$'\n'"not like: $3"
}

unlike() {
	local status=0
	[[ ! "$2" =~ $3 ]] || status=1
	result $status "$1" "got:  $2"$'\n'"like: $3"
}

fails_with() {
	local description=$1 wanted=$2 pattern=$3 status=0 output errors problem=""
	shift 3
	output=$("$@" 2>"$T/.errors" </dev/null) || status=$?
	errors=$(cat "$T/.errors")
	[ "$status" = "$wanted" ] || problem+="exit status $status, not $wanted. "
	[ -z "$output" ] || problem+="printed: $output. "
	[[ "$errors" == "npctl: "* && "$errors" != *$'\n'* ]] || problem+="not one line. "
	[[ "$errors" =~ $pattern ]] || problem+="not like: $pattern. "
	[ -z "$problem" ]
	result $? "$description" "$*: $problem"$'\n'"$errors"
}

eventually() {
	local description=$1 output="" end=$((SECONDS + ${WAIT:-5} * ${SLOW:-1}))
	shift
	until output=$("$@" 2>&1 </dev/null); do
		if [ $SECONDS -ge $end ]; then
			result 1 "$description" "$* never succeeded"$'\n'"$output"
			return 1
		fi
		sleep 0.05
	done
	result 0 "$description"
}

skip() {
	local count=${2:-1}
	while [ "$((count--))" -gt 0 ]; do
		ran=$((ran + 1))
		echo "ok $ran # SKIP $1"
	done
}

plan_done() {
	echo "1..$ran"
	[ $failed = 0 ]
	exit
}

# The server listens on port 7000, TCP and UDP.
three_pods() {
	local name ports="{containerPort: 7000}, {containerPort: 7000, protocol: UDP}"
	for name in server one two; do
		printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: default}\n' $name
		echo "spec: {containers: [{name: c, image: i, ports: [$ports]}]}"
		ports=""
	done
}

# The kernel attaches by tcx, which came with 6.6; else by clsact alone.
has_tcx() {
	npctl -j test env | jq -e 'any(.checks[]; .check == "tcx" and .detail == "works")' >/dev/null
}

closing_policy() {
	cat >"$T/np.yml" <<-'END'
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: be}
		spec: {podSelector: {matchLabels: {app: backend}}, ingress: []}
	END
}

each_change() {
	printf '%s\n' "apply -f $T/np.yml" "delete 1" "delete --all" "turn 1" "default deny --pod backend" \
		"rollback $1" "preset frontend --pod backend" "deny any"
}

talk_for_all() {
	talk=$T/talk
	chmod 755 "$T" && install -m 755 "$tests/talk" "$talk"
}
