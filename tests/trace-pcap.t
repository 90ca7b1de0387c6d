#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Packets with their verdicts in a file that others open.
. "$(dirname "$0")/lib.sh"
command -v tcpdump >/dev/null || skip_all "no tcpdump"

npctl topo up >/dev/null
npctl load >/dev/null
npctl attach pod backend >/dev/null
ok "a lab" npctl policy allow 10.0.0.20/32

npctl trace --pcap "$T/file" 2>"$T/err" &
pid=$!
npctl trace >"$T/text" 2>"$T/text.err" &
beside=$!
npctl -q trace --pcap - --drops --count 1 >"$T/piped" 2>"$T/piped.err" &
piped=$!
listening() { [ "$(npctl -j stat events | jq length)" = "$1" ]; }
eventually "all listen" listening 3
npctl test connect >/dev/null
npctl topo exec denied -- bash -c 'printf "%01000d" 7 >/dev/udp/10.0.0.10/4242'
npctl topo exec denied -- bash -c 'printf hello >/dev/udp/10.0.0.10/4243'
sleep 0.3
kill -INT $pid $beside
wait $pid && status=0 || status=$?
is "SIGINT ends it with status 0" "$status" 0
wait $beside
wait $piped && status=0 || status=$?
is "--count ends the other" "$status" 0

dump=$(tcpdump -enr "$T/file" 2>"$T/dump.err")
like "tcpdump opens it" "$(cat "$T/dump.err")" 'reading from file .*Ethernet'
like "the allowed packet" "$dump" '10\.0\.0\.20\.[0-9]+ > 10\.0\.0\.10\.8080: Flags \[S\]'
like "the denied one" "$dump" '10\.0\.0\.30\.[0-9]+ > 10\.0\.0\.10\.8080: Flags \[S\]'
like "a long one has its size, cut" "$dump" 'length 1042: .*4242: UDP, length 1000'
is "as many as there were verdicts" "$(wc -l <<<"$dump")" "$(wc -l <"$T/text")"
like "its bytes are the packet's" "$(tcpdump -Anr "$T/file" 'udp port 4243' 2>/dev/null)" hello
comments=$(strings "$T/file" | grep 'npctl: ')
like "the rule that allowed it" "$comments" 'npctl: ALLOW ingress of default/backend, rule: rule 1 '
like "the one that dropped it" "$comments" 'npctl: DROP ingress of default/backend, default: '
like "one drop through a pipe" "$(tcpdump -nr - <"$T/piped" 2>/dev/null)" '^[^>]* 10\.0\.0\.30\.[0-9]+ > 10\.0\.0\.10\.[0-9]+: [^>]*$'
if command -v tshark >/dev/null; then
	shark() { tshark -r "$1" -Y "$2" -T fields -e frame.comment 2>"$T/shark.err"; }
	is "tshark opens it" "$(shark "$T/file" frame | wc -l)" "$(wc -l <"$T/text")"
	like "and shows why a connection was allowed" \
		"$(shark "$T/file" 'tcp.flags.syn == 1 && ip.src == 10.0.0.20')" \
		'^npctl: ALLOW ingress of default/backend, rule: rule 1 allow ingress 10\.0\.0\.20/32$'
	like "and why one was denied" \
		"$(shark "$T/file" 'tcp.flags.syn == 1 && ip.src == 10.0.0.30' | head -1)" \
		'^npctl: DROP ingress of default/backend, default: default deny ingress beside allow rules$'
	is "on which interface, of whom" \
		"$(tshark -r "$T/file" -T fields -e frame.interface_name -e frame.interface_description 2>/dev/null | sort -u)" \
		"veth-be-h	default/backend"
	is "no packet is malformed" "$(shark "$T/file" _ws.malformed)" ""
	like "through a pipe" "$(shark - frame <"$T/piped")" '^npctl: DROP ingress of default/backend, default: '
else
	skip "no tshark" 6
fi

fails_with "a file that cannot be" 1 '"/nowhere/file"' npctl trace --pcap /nowhere/file
like "not as JSON as well" "$(npctl -j trace --pcap "$T/x")" '"error":"--pcap and -j do not go together"'
npctl trace --pcap /dev/full --timeout 2 2>"$T/full" && status=0 || status=$?
is "a full disk is a failure" "$status $(tail -1 "$T/full")" \
	'1 npctl: write packets to "/dev/full": No space left on device'
plan_done
