#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: what commands print is what it is about
# Runs every example of README.md, docs/ and man/ as it is written and compares
# what it prints with what is shown.
#
#   tests/examples.t [--write] [PAGE…]     all pages, or these; --write puts what
#                                          was printed into the page instead
#
# A page is run from top to bottom in a room of its own (tests/room), in an empty
# directory with a copy of examples/, on a terminal of 80 columns; what a manual page
# shows may have 75.
#
#   ```console     (in mdoc: .Bd -literal or .Dl with a prompt)
#   # COMMAND      run as root             > goes on with the line above
#   $ COMMAND      run as nobody           a \ at the end of a line does, too
#   OUTPUT
#   ```
#
# A command has to succeed, unless an error of npctl's is shown below it or
# `echo $?` comes next. Where a block shows no output, any will do; else all of it
# has to be shown, on standard output and error, alike but for these:
#
#   …            any text; alone on a line, any number of lines
#   numbers      standing alone are like any other but 0 (save in "rule 3"), dates and
#                times of day like any other, ephemeral ports (32768 and up) like any other
#   spaces       as many as one likes
#
# What a command in the background prints may come late. Comments direct, <!-- -->
# or .\" on a line of their own:
#
#   run: COMMAND         out of the reader's sight, as root
#   not run: REASON      the next block is only shown
#
# ```yaml file=NAME is written to that file first.
use strict;
use warnings;
use utf8;
use Cwd 'abs_path';
use Encode;
use Fcntl ':flock';
use File::Basename;
use File::Temp 'tempdir';
use FindBin;
use IO::Select;
use POSIX 'dup2';
use Test::More;
use Time::HiRes qw(sleep time);

my $tree  = abs_path("$FindBin::Bin/..");
my $build = $ENV{O} // "$tree/build";
my $npctl = abs_path($ENV{NPCTL} // "$build/npctl");
binmode $_, ':utf8' for *STDOUT, *STDERR, map { Test::More->builder->$_ } qw(output failure_output);

sub columns {
	return $_[0] =~ /\.md$/ ? 80 : 75;
}

# What a page consists of, in order: {kind => command|run|file|skip|wrong, …}.
# Lines are kept by number so that --write can replace them.

sub content {
	my ($name) = @_;
	open my $file, '<:utf8', $name or die "$name: $!\n";
	return map { chomp; $_ } <$file>;
}

# The commands of one block of lines; $first is the number of its first line.
sub commands {
	my ($first, @lines) = @_;
	my @found;
	for my $i (0 .. $#lines) {
		my $line = $lines[$i];
		my $open = @found && !$found[-1]{closed} && $found[-1];
		if ($open && ($open->{text} =~ /\\$/ || $line =~ /^> /)) {
			$open->{text} .= "\n" . ($line =~ s/^> //r);
			$open->{from} = $first + $i + 1;
		} elsif ($line =~ /^([#\$]) (.*)/) {
			$_->{closed} = 1 for @found;
			push @found, {kind => 'command', root => $1 eq '#', text => $2, line => $first + $i,
				from => $first + $i + 1, shown => []};
		} elsif (@found) {
			$found[-1]{closed} = 1;
			push @{$found[-1]{shown}}, $line;
		} else {
			push @found, {kind => 'wrong', line => $first, text => 'output before a command'};
		}
	}
	my $compare = grep { @{$_->{shown} // []} } @found;
	for my $i (0 .. $#found) {
		$found[$i]{compare} = $compare;
		$found[$i]{may_fail} = 1 if $i < $#found && $found[$i + 1]{text} =~ /^echo \$\?/;
		$found[$i]{may_fail} = 1 if grep { /^(npctl: |\{"error")/ } @{$found[$i]{shown}};
	}
	return @found;
}

sub comment {
	my ($line, $text) = @_;
	return {kind => 'run', root => 1, text => $1, line => $line, shown => []}
		if $text =~ /^run: (.*)/;
	return {kind => 'skip', text => $1, line => $line} if $text =~ /^not run: (.*)/;
	return;
}

# The blocks of a page: [first line, language or undef, lines…].
sub markdown {
	my (@lines) = @_;
	my (@items, $block);
	for my $i (0 .. $#lines) {
		if ($block && $lines[$i] =~ /^\s*```$/) {
			push @items, $block;
			undef $block;
		} elsif ($block) {
			push @{$block->{lines}}, $lines[$i];
		} elsif ($lines[$i] =~ /^\s*```(.*)/) {
			$block = {language => $1, first => $i + 1, lines => []};
		} elsif ($lines[$i] =~ /^<!-- (.*) -->$/) {
			push @items, comment($i, $1);
		} elsif ($lines[$i] =~ /^\s+[#\$] (npctl|make) /) {
			push @items, {kind => 'wrong', line => $i, text => 'a command outside ```console'};
		}
	}
	return @items;
}

my %escape = ('\e' => '\\', '\&' => '', '\-' => '-', '\(dq' => '"', '\(aq' => "'", '\(bu' => "\x{b7}");

sub plain {
	return $_[0] =~ s/(\\(?:[e&-]|\(..))/$escape{$1} \/\/ $1/ger;
}

sub mdoc {
	my (@lines) = @_;
	my (@items, $block);
	for my $i (0 .. $#lines) {
		if ($lines[$i] =~ /^\.Bd -literal/) {
			$block = {first => $i + 1, lines => []};
		} elsif ($block && $lines[$i] eq '.Ed') {
			$block->{language} = ($block->{lines}[0] // '') =~ /^[#\$] / ? 'console' : '';
			push @items, $block;
			undef $block;
		} elsif ($block) {
			push @{$block->{lines}}, plain($lines[$i]);
		} elsif ($lines[$i] =~ /^\.Dl ([#\$] .*)/) {
			push @items, {first => $i, language => 'console', lines => [plain($1)]};
		} elsif ($lines[$i] =~ /^\.\\" ((?:not )?run: .*)/) {
			push @items, comment($i, $1);
		}
	}
	return @items;
}

sub examples {
	my ($page, @lines) = @_;
	my @items = $page =~ /\.md$/ ? markdown(@lines) : mdoc(@lines);
	my $wide = columns($page) + 1;
	my (@found, $skip);
	for my $item (@items) {
		if ($item->{kind}) {
			$skip = $item if $item->{kind} eq 'skip';
			push @found, $item;
		} elsif ($item->{language} =~ /\bfile=(\S+)/) {
			push @found, {kind => 'file', name => $1, text => join "\n", @{$item->{lines}}, ''};
		} elsif ($item->{language} eq 'console') {
			push @found, commands($item->{first}, @{$item->{lines}}) unless $skip;
			push @found, map { {kind => 'wrong', line => $item->{first} + $_, text => 'too wide'} }
				grep { $item->{lines}[$_] =~ /^(?!\+ |npctl: ).{$wide}/ } 0 .. $#{$item->{lines}};
			undef $skip;
		} elsif (grep { /^[#\$] npctl / } @{$item->{lines}}) {
			push @found, {kind => 'wrong', line => $item->{first}, text => 'commands, but not ```console'};
		}
	}
	return @found;
}

# What is shown as a regular expression.
sub moment {
	my ($text) = @_;
	my $day = index($text, 'T') < 0 ? '' : '\d{4}-\d\d-\d\dT';
	return $day . '\d\d:\d\d:\d\d(?:\.\d+)?' . ($text =~ /Z$/ ? 'Z' : '');
}

sub shape {
	my ($line) = @_;
	my $number = qr/(?<![^\s(,\[])(?<!rule )\d+(?:\.\d+)?(?![^\s),;\]])/;
	my $shape  = '';
	while ($line =~ /\G(?:(…)|(\s+)|((?:\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(?:\.\d+)?Z?)|((?<=[0-9a-f\]]):(?:3[3-9]|[456]\d)\d{3}\b)|($number)|(.))/gs) {
		$shape .=
		    defined $1 ? '.*?'
		  : defined $2 ? '[ \t]+'
		  : defined $3 ? moment($3)
		  : defined $4 ? ':\d+'
		  : defined $5 ? ($5 eq '0' ? '0' : '(?!0(?![.\d]))\d+(?:\.\d+)?')
		  :              quotemeta $6;
	}
	return $shape;
}

sub pattern {
	my (@shown) = @_;
	my $all = join '', map { /^\s*…$/ ? '(?:.*\n)*?' : shape(s/\s+$//r) . "\n" } @shown;
	return qr/^$all\z/;
}

# Whether $got is what is shown; the lines of two commands at once come in any order.
sub alike {
	my ($got, $mixed, @shown) = @_;
	return 1 if $got =~ pattern(@shown);
	my @lines = split /\n/, $got;
	for my $line ($mixed ? @shown : ()) {
		my ($found) = grep { "$lines[$_]\n" =~ pattern($line) } 0 .. $#lines;
		return 0 unless defined $found;
		splice @lines, $found, 1;
	}
	return $mixed && !@lines;
}

# A bash that runs one command after the other; all output goes to one file.
sub shell {
	my ($directory) = @_;
	my $output = "$directory/output";
	pipe my $commands, my $tell or die;
	pipe my $hear, my $statuses or die;
	my $pid = fork // die;
	if ($pid == 0) {
		open STDOUT, '>>', $output;
		open STDERR, '>&', \*STDOUT;
		open STDIN, '<', '/dev/null';
		dup2(fileno $commands, 200);
		dup2(fileno $statuses, 201);
		exec 'bash', '-c', 'while IFS= read -r -d "" -u 200 line; do
			eval "$line" 200<&- 201>&-; echo $? >&201
			done; kill $(jobs -p) 2>/dev/null';
	}
	close $_ for $commands, $statuses;
	$tell->autoflush(1);
	binmode $tell, ':utf8';
	return {pid => $pid, tell => $tell, hear => $hear, output => $output, read => 0};
}

sub printed {
	my ($shell) = @_;
	open my $file, '<', $shell->{output} or return '';
	seek $file, $shell->{read}, 0;
	local $/;
	my $text = decode('UTF-8', <$file> // '');
	$text .= "\n" if $text ne '' && $text !~ /\n\z/;
	return $text =~ s/[ \t]+$//mgr;
}

sub quoted {
	return "'" . $_[0] =~ s/'/'\\''/gr . "'";
}

# Gives (status, printed), after waiting a little where more may come.
sub run {
	my ($shell, $example) = @_;
	my $nobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups bash -c ';
	my $before = '(exit ' . ($shell->{status} // 0) . ")\n";
	my $text   = $before . $example->{text};
	$text = $nobody . quoted($text) unless $example->{root};
	my $behind = $example->{text} =~ /&\s*$/;
	$shell->{read} = -s $shell->{output} // 0;
	print {$shell->{tell}} "$text\0";
	my $ready = IO::Select->new($shell->{hear})->can_read(90);
	my $status = $ready ? readline $shell->{hear} : undef;
	die "$example->{text}: does not end\n" . printed($shell) unless defined $status;
	my $end = time + ($behind && @{$example->{shown}} ? 10 : $shell->{jobs} || $behind ? 4 : 0);
	sleep 0.05
	  while time < $end && !($example->{compare} ? alike(printed($shell), 1, @{$example->{shown}}) : printed($shell) ne '');
	$example->{mixed} = $shell->{jobs};
	$shell->{jobs} = 1 if $behind;
	$shell->{jobs} = 0 if $example->{text} =~ /^wait\b/;
	$shell->{status} = $status + 0;
	return ($status + 0, printed($shell));
}

# One page, inside its room: a line for each example, "ok …" or "not ok …" and "# …".
sub page {
	my ($page, $write) = @_;
	my $directory = tempdir(CLEANUP => 1);
	my @lines     = content("$tree/$page");
	my @examples  = examples($page, @lines);
	my @changes;
	chmod 0755, $directory;
	mkdir "$directory/$_" for qw(bin page share share/npctl);
	system 'cp', $npctl, "$directory/bin/" and die;
	system 'cp', '-r', "$tree/examples", "$directory/page/" and die;
	system 'cp', '-rT', "$tree/presets", "$directory/share/npctl/presets" and die;
	system 'chmod', '-R', 'a+rX', $directory and die;
	chmod 01777, "$directory/page";
	delete @ENV{grep { /^(NPCTL|NO_COLOR|HOME)/ } keys %ENV};
	@ENV{qw(PATH COLUMNS LC_ALL TERM)} = ("$directory/bin:$ENV{PATH}", columns($page), 'C.UTF-8', 'dumb');
	$ENV{TREE} = $tree;
	chdir "$directory/page";
	my $shell = shell($directory);

	for my $example (@examples) {
		my $where = "$page:" . (($example->{line} // 0) + 1);
		if ($example->{kind} eq 'skip') {
			print "ok $where: not run: $example->{text}\n";
		} elsif ($example->{kind} eq 'wrong') {
			print "not ok $where: $example->{text}\n";
		} elsif ($example->{kind} eq 'file') {
			open my $file, '>:utf8', $example->{name} or die "$example->{name}: $!\n";
			print $file $example->{text};
		} else {
			my ($status, $got) = run($shell, $example);
			my $first = (split /\n/, $example->{text})[0];
			my @wrong;
			push @wrong, "exit status $status" if $status && !$example->{may_fail};
			if ($example->{compare} && !alike($got, $example->{mixed}, @{$example->{shown}})) {
				push @wrong, 'shown:', @{$example->{shown}}, 'printed:';
				push @changes, {%$example, got => [split /\n/, $got]};
			}
			print @wrong ? 'not ok' : 'ok', " $where: $first\n";
			print map { "# $_\n" } @wrong, split /\n/, $got if @wrong;
		}
	}
	close $shell->{tell};
	waitpid $shell->{pid}, 0;
	chdir '/';
	write_page($page, \@lines, @changes) if $write;
}

sub write_page {
	my ($page, $lines, @changes) = @_;
	for my $change (reverse @changes) {
		my @got = @{$change->{got}};
		@got = map { s/\\/\\e/gr =~ s/^([.'])/\\&$1/r } @got if $page !~ /\.md$/;
		splice @$lines, $change->{from}, scalar @{$change->{shown}}, @got;
	}
	open my $file, '>:utf8', "$tree/$page" or die "$page: $!\n";
	print $file map { "$_\n" } @$lines;
}

# Starts a room for the page and gives the pipe that it prints to.
sub room {
	my ($page, $write) = @_;
	open my $pipe, '-|:utf8', 'timeout', '150', "$tree/tests/room", $^X, $0, $write ? '--write' : (), '--inside',
	  $page or die "tests/room: $!\n";
	return $pipe;
}

my $write = @ARGV && $ARGV[0] eq '--write' && shift;
if (@ARGV && $ARGV[0] eq '--inside') {
	$| = 1;
	page($ARGV[1], $write);
	exit 0;
}

plan skip_all => 'needs root' if $> != 0;
-x $npctl or BAIL_OUT('npctl is not built');
open my $lock, '<', "$tree/tests/lib.sh" or die;
flock $lock, LOCK_SH;
$ENV{NPCTL} = $npctl;
chdir $tree;
my @pages = map { s/^\Q$tree\E\///r } @ARGV ? @ARGV : glob '{README.md,docs/*.md,man/*.[158]}';
my @started;
for my $i (0 .. $#pages) {
	# A few at a time: most of them only wait.
	push @started, [$pages[@started], room($pages[@started], $write)] while @started < @pages && @started < $i + 4;
	my ($page, $pipe) = @{$started[$i]};
	my $count = 0;
	while (<$pipe>) {
		if (/^(not )?ok (.*)/) {
			ok(!$1, $2);
			$count++;
		} else {
			$write || diag(s/^# ?//r);
		}
	}
	ok(close $pipe, "$page was run to its end");
	note("$page: $count examples");
}
done_testing();
