#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The fuzzer's corpus, and what a mutator makes of it from a fixed seed: always
# a verdict or one line that says what is wrong. (`make fuzz` goes further.)
. "$(dirname "$0")/lib.sh"

# Prints what is wrong with how npctl takes a file.
taken() {
	local status=0 errors
	npctl -q test matrix -f "$1" >/dev/null 2>"$T/errors" || status=$?
	errors=$(<"$T/errors")
	[ $status -le 2 ] || echo "$1: exit status $status"
	[ $status = 0 ] || [[ "$errors" == "npctl: "* && "$errors" != *$'\n'* ]] || echo "$1: $errors"
}

found=""
for file in "$tests"/fuzz/corpus/*; do found+=$(taken "$file"); done
is "the corpus" "$found" ""

perl -e '
	my ($to, @files) = @ARGV;
	srand 4711;
	for my $n (1 .. 150) {
		my ($file, $other) = map { $files[rand @files] } 1, 2;
		my ($text, $more) = map { local (@ARGV, $/) = $_; <> // "" } $file, $other;
		for (1 .. 1 + rand 4) {
			my $at = int rand(1 + length $text);
			my $kind = int rand 5;
			if ($kind == 0) { substr($text, $at, 1) = chr rand 256 }
			elsif ($kind == 1) { substr($text, $at, rand 40) = "" }
			elsif ($kind == 2) { substr($text, $at, 0) = substr($more, rand(1 + length $more), rand 60) }
			elsif ($kind == 3) { $text =~ s/(\d+)/$1 . int rand 99999/e }
			else { my @l = split /^/, $text; splice @l, rand @l, 1; $text = join "", @l }
		}
		my ($end) = $file =~ /(\.\w+)$/;
		open my $out, ">", sprintf("%s/%03d%s", $to, $n, $end) or die;
		print $out $text;
	}' "$T" "$tests"/fuzz/corpus/*
found=""
for file in "$T"/*.{yaml,yml,json}; do [ -e "$file" ] && found+=$(taken "$file"); done
is "150 mutations of it" "$found" ""
plan_done
