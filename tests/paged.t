#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# paged: packets whose headers are outside the linear area of their buffer.
# A packet socket makes them: it puts only as much into the linear area as the
# sender says its headers are long, if the frame is larger than a page.
. "$(dirname "$0")/lib.sh"

three_pods >"$T/pods.yml"
cat >"$T/paged.pl" <<'END'
use strict;
use IO::Socket::INET;
my ($interface, $from, $to, $to_mac, $port, $linear) = @ARGV;
my $index = qx(ip -o link show dev $interface) =~ /^(\d+)/ ? $1 : die;
my ($mac) = qx(ip -o link show dev $interface) =~ /link\/ether (\S+)/;
my $answer = IO::Socket::INET->new(LocalAddr => "$from:5555", Proto => "udp") or die;
my $data = "x" x 6000;
my $udp = pack("nnnn", 5555, $port, 8 + length $data, 0) . $data;
my $ip = pack("CCnnnCCna4a4", 0x45, 0, 20 + length $udp, 1, 0, 64, 17, 0, inet_aton($from), inet_aton($to));
my $sum = 0;
$sum += $_ for unpack "n10", $ip;
$sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
substr($ip, 10, 2) = pack "n", ~$sum & 0xffff;
my $frame = join("", map { pack "H2" x 6, split /:/ } $to_mac, $mac) . pack("n", 0x0800) . $ip . $udp;
socket(my $raw, 17, 3, 0) or die "socket: $!";
setsockopt($raw, 263, 15, pack "i", 1) or die "PACKET_VNET_HDR: $!";
my $address = pack "SnlSCCa8", 17, 0x0800, $index, 1, 0, 6, pack "H2" x 6, split /:/, $to_mac;
defined send($raw, pack("CCSSSS", 0, 0, $linear, 0, 0, 0) . $frame, 0, $address) or die "send: $!";
my $ready = "";
vec($ready, fileno $answer, 1) = 1;
my $line = "";
$answer->recv($line, 100) if select $ready, undef, undef, 0.5;
print length $line ? $line : "nothing\n";
END

host() { npctl -j topo show | jq -r ".[] | select(.pod == \"default/$1\") | .interface"; }
address() { npctl -j topo show | jq -r ".[] | select(.pod == \"default/$1\") | .addresses[0]"; }
inside() { npctl topo exec "$1" -- ip -br link | awk '$1 != "lo" { sub(/@.*/, "", $1); print $1 }'; }
# send CLIENT LINEAR: what the server answers
send() {
	npctl topo exec "$1" -- perl "$T/paged.pl" "$(inside "$1")" "$(address "$1")" \
		"$(address server)" "$mac" 7000 "$2"
}

ok "a lab" npctl topo up -f "$T/pods.yml"
for pod in server one two; do
	npctl topo exec $pod -- ip link set "$(inside $pod)" mtu 9000
	ip link set "$(host $pod)" mtu 9000
done
ip link set br-sim mtu 9000
mac=$(npctl topo exec server -- ip -br link show dev "$(inside server)" | awk '{ print $3 }')
ok "loaded" npctl load
ok "attached" npctl attach pod server
is "linear, without policy" "$(send two 6042)" default/server
is "Ethernet header alone, without policy" "$(send two 14)" default/server
ok "one is allowed" npctl policy allow "$(address one)" --port udp/7000
for linear in 6042 14 20 34 40; do
	is "allowed, $linear bytes linear" "$(send one $linear)" default/server
	is "denied, $linear bytes linear" "$(send two $linear)" nothing
done
is "nothing is called malformed" \
	"$(npctl -j policy list | jq '[.[] | select(.verdict == "deny") | .packets] | add')" 5
plan_done
