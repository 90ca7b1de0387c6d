# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2016 # perl expands
# Behind lib.sh: the lab with policy on its backend, which "allowed" alone may reach.

lab_up() {
	npctl topo up >/dev/null
	npctl load >/dev/null
	npctl attach pod backend >/dev/null
	ok "a lab" npctl policy allow 10.0.0.20/32
}

# send POD PORT COUNT: datagrams to the backend
send() {
	npctl topo exec "$1" -- perl -MSocket -e '
		my ($port, $count) = @ARGV;
		socket(my $socket, PF_INET, SOCK_DGRAM, 17) or die;
		bind($socket, pack_sockaddr_in(5555, INADDR_ANY)) or die;
		my $there = pack_sockaddr_in($port, inet_aton("10.0.0.10"));
		send($socket, "x", 0, $there) // die for 1 .. $count;' "$2" "$3"
}
