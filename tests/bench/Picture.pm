# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Bars in groups, as SVG.
package Picture;
use strict;
use warnings;

my ($width, $left, $bar, $gap) = (760, 190, 14, 18);
my @colours = ('#2b6cb0', '#dd6b20', '#38a169', '#805ad5', '#718096', '#d69e2e', '#c53030', '#319795');

sub text {
	my ($x, $y, $text, $more) = @_;
	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	return sprintf qq{<text x="%.0f" y="%.0f"%s>%s</text>\n}, $x, $y, $more // '', $text;
}

# bars(TITLE, [GROUP, {NAME => VALUE}]…, in the order of NAMES; logarithmic when it is said.
sub bars {
	my ($title, $names, $groups, $logarithmic) = @_;
	my ($most) = sort { $b <=> $a } 0.001, map { values %{$_->[1]} } @$groups;
	my $room = $width - $left - 130;
	my ($y, $body) = (34, '');
	for my $group (@$groups) {
		my ($label, $values) = @$group;
		$body .= text(8, $y + 10, $label);
		for my $n (0 .. $#$names) {
			my $value = $values->{$names->[$n]} // next;
			my $length = 2 + $room * ($logarithmic ? log(1 + $value) / log(1 + $most) : $value / $most);
			$body .= sprintf qq{<rect x="%d" y="%d" width="%.0f" height="%d" fill="%s"/>\n},
				$left, $y, $length, $bar - 3, $colours[$n % @colours];
			$body .= text($left + $length + 5, $y + 10, "$names->[$n] " . ($value < 10 ? sprintf('%.2f', $value) : sprintf('%.0f', $value)));
			$y += $bar;
		}
		$y += $gap;
	}
	return qq{<svg xmlns="http://www.w3.org/2000/svg" width="$width" height="$y" font-family="sans-serif" font-size="11">\n} .
		text(8, 18, $title, ' font-size="14"') . "$body</svg>\n";
}

1;
