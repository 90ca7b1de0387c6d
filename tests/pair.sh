# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Sourced after lib.sh: a veth pair v0 (10.9.0.1) - v1 (10.9.0.2, in the
# namespace "far"), datagrams over it, and BPF objects of somebody else's.

make_pair() {
	ip netns add far
	ip link add v0 type veth peer name v1 netns far
	ip addr add 10.9.0.1/24 dev v0
	ip link set v0 up
	ip -n far addr add 10.9.0.2/24 dev v1
	ip -n far link set v1 up
	ip -n far link set lo up
	# nobody has to ask for an address, so that a drop ends when its cause does
	ip neigh replace 10.9.0.2 dev v0 nud permanent \
		lladdr "$(ip -n far -j link show v1 | jq -r '.[0].address')"
	sleep 0.2
}

# receive PORT…: counts what comes in until SIGTERM, then prints "PORT COUNT" lines.
receive() {
	exec perl -MSocket -e '
		$| = 1;
		for (@ARGV) {
			socket($s{$_}, AF_INET, SOCK_DGRAM, 0) or die;
			bind($s{$_}, sockaddr_in($_, INADDR_ANY)) or die;
			vec($set, fileno($s{$_}), 1) = 1;
		}
		print STDERR "ready\n";
		$SIG{TERM} = sub { $end = 1 };
		until ($end) {
			next if select($ready = $set, undef, undef, 0.1) < 1;
			for (@ARGV) {
				next unless vec($ready, fileno($s{$_}), 1);
				recv($s{$_}, $data, 9, 0);
				$n{$_}++;
			}
		}
		print "$_ ", $n{$_} + 0, "\n" for @ARGV;' -- "$@"
}

# send_to ADDRESS COUNT MILLISECONDS PORT…: COUNT datagrams to each port.
send_to() {
	perl -MSocket -MTime::HiRes=usleep -e '
		($to, $count, $pause, @ports) = @ARGV;
		socket($s, AF_INET, SOCK_DGRAM, 0) or die;
		for (1 .. $count) {
			send($s, "x", 0, sockaddr_in($_, inet_aton($to))) for @ports;
			usleep(1000 * $pause);
		}' -- "$@"
}

# arrive COUNT PORT…: sends from v0 to v1; prints "PORT ARRIVED" for each port.
arrive() {
	local count=$1 pid
	shift
	rm -f "$T/ready"
	ip netns exec far bash -c "$(declare -f receive); receive $*" >"$T/arrived" 2>"$T/ready" &
	pid=$!
	until grep -qs ready "$T/ready"; do sleep 0.01; done
	send_to 10.9.0.2 "$count" 1 "$@"
	sleep 0.2
	kill "$pid"
	wait "$pid"
	cat "$T/arrived"
}

# compile NAME: tests/bpf/NAME.bpf.c to $T/NAME.o
compile() {
	clang -O2 -g -target bpf -idirafter "/usr/include/$(uname -m)-linux-gnu" \
		-c "$(dirname "$0")/bpf/$1.bpf.c" -o "$T/$1.o"
}
