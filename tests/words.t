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
# What is listed is parsed, and what commands look up is listed.
my $source = join '', map { content($_) } glob "$tree/src/{cmd,words}/{,*/}*.[ch]";
my %listed = map { $_->{name} => 1 } @{$table->{options}};
for my $command (@{$table->{commands}}, decode_json(output($npctl, '-j', 'help', 'complete'))) {
	for my $verb (@{$command->{verbs}}) {
		my @words = grep { $_ ne '' } $command->{name}, $verb->{name};
		for my $option (@{$verb->{options}}) {
			my $value = $option->{metavar} // '';
			$value =~ s/\|.*//;
			my @spellings = "--$option->{name}";
			push @spellings, "-$option->{letter}" if $option->{letter};
			$listed{$option->{name}} = 1;
			for my $spelling (@spellings) {
				my @line = (@words, $spelling, $value eq '' ? () : $value, '--help');
				is(output('sh', '-c', '"$@" >/dev/null 2>&1; echo $?', 'sh', $npctl, @line),
					"0\n", "parsed: @words $spelling");
			}
			my $uses = () = $source =~ /"\Q$option->{name}\E"/g;
			cmp_ok($uses, '>', 1, "looked up: @words --$option->{name}");
		}
		my $error = output('sh', '-c', '"$@" 2>&1', 'sh', $npctl, @words, '--no-such-option');
		like($error, qr/unknown option "--no-such-option" of @words/, "not parsed: @words --no-such-option");
	}
}
my %used = map { $_ => 1 } $source =~ /\bword_(?:flag|value|nth|number)\((?:\w+->)*&?\w+, "([^"]+)"/g;
ok(keys %used > 30, 'the source was read');
is(join(' ', grep { !$listed{$_} } sort keys %used), '', 'every option that is looked up is listed');
done_testing();
