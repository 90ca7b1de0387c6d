#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it reads what npctl prints
# The tables of commands, verbs and options against help, completion and the
# manual: none may know a word that the others do not.
use strict;
use warnings;
use FindBin;
use JSON::PP;
use Test::More;

my $tree  = "$FindBin::Bin/..";
my $npctl = $ENV{NPCTL} // ($ENV{O} // "$tree/build") . "/npctl";

sub output {
	open my $pipe, '-|', @_ or BAIL_OUT("$_[0]: $!");
	local $/;
	return scalar(<$pipe>) // '';
}

sub content {
	open my $file, '<', $_[0] or return;
	local $/;
	return scalar <$file>;
}

sub difference {
	my ($have, $want) = @_;
	my %have = map { $_ => 1 } @$have;
	return join ' ', grep { !$have{$_} } sort @$want;
}

# The words that a page gives: "policy allow" behind .Nm, and its options.
sub page_verbs {
	my ($page) = @_;
	my ($synopsis) = $page =~ /^\.Sh SYNOPSIS\n(.*?)^\.Sh/ms;
	return map { s/ (Ar|Op|Fl|Cm|Li)\b.*//r } $synopsis =~ /^\.Nm npctl\n\.Cm (.*)$/mg;
}

sub page_options {
	my ($page) = @_;
	return $page =~ /\bFl (-[a-z][-a-z0-9]*)/g;
}

my $table   = decode_json(output($npctl, '-j', 'help'));
my @globals = map { "-$_->{name}" } @{$table->{options}};
my $front   = content("$tree/man/npctl.8");

is(difference([page_options($front)], \@globals), '', 'npctl.8 has the global options');
for my $command (@{$table->{commands}}) {
	my $name  = $command->{name};
	my @verbs = grep { $_ ne '' } map { $_->{name} } @{$command->{verbs}};

	like($front, qr/^\.It Cm $name$/m, "npctl.8 names $name");
	is(difference([split /\n/, output($npctl, 'complete', '--', $name, '')], \@verbs),
		'', "completion knows the verbs of $name")
		unless $name eq 'help';

	my %options;
	for my $verb (@{$command->{verbs}}) {
		my $title = $verb->{name} eq '' ? $name : "$name $verb->{name}";
		my @own   = map { "-$_->{name}" } @{$verb->{options}};
		my @words = $verb->{name} eq '' ? ($name) : ($name, $verb->{name});
		my $help  = output($npctl, 'help', @words);

		$options{"-$_->{name}"} = $_ for @{$verb->{options}};
		is(join(' ', grep { $help !~ /-\Q$_\E\b/ } @own), '', "help of $title has its options");
		is(difference([split /\n/, output($npctl, 'complete', '--', @words, '--')],
				[map { "-$_" } @own]), '', "completion knows the options of $title");
		like($verb->{help}, qr/^[a-z\P{ASCII}].*[^.]$/, "help of $title is one plain line");
		is(join(' ', map { $_->{name} } grep { $_->{value} ne 'none' && !$_->{metavar} }
				@{$verb->{options}}), '', "every value of $title has a name");
	}

	next if $name =~ /^(help|version)$/;
	my $page = content("$tree/man/npctl-$name.8");
	ok(defined $page, "there is npctl-$name.8") or next;
	my @titles = map { $_->{name} eq '' ? $name : "$name $_->{name}" } @{$command->{verbs}};
	my @page   = page_verbs($page);
	is(difference(\@page, \@titles), '', "npctl-$name.8 has every verb");
	is(difference(\@titles, \@page), '', "npctl-$name.8 has no other verb");
	is(difference([page_options($page)], [keys %options]), '', "npctl-$name.8 has every option");
	is(difference([keys %options, @globals], [page_options($page)]),
		'', "npctl-$name.8 has no other option");
	is(join(' ', grep { my $letter = $options{$_}{letter}; $letter && $page !~ /\bFl $letter\b/ }
			keys %options), '', "npctl-$name.8 has every letter");
	like($page, qr/^\.Sh EXAMPLES$/m, "npctl-$name.8 has examples");
}
done_testing();
