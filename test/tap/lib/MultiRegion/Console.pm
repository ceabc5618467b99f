# What a document shows of a terminal, tried: lines that begin with "$ " are commands (one
# that ends with a backslash goes on), what follows is what they print. Blanks, rulers and
# empty lines count for nothing, "(1 row)" may be left out, a number stands for any, and
# "..." for anything, as a line for any number of lines. Of a command for which nothing is
# shown it only matters that it succeeds. One that does otherwise is repeated for a while:
# a person is slower than a program.
#
#   my @wrong = run_console($text, sub { my ($command) = @_; ...; return ($status, $output) });
package MultiRegion::Console;

use strict;
use warnings;

use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Exporter qw(import);
our @EXPORT_OK = qw(run_console);

my $patience = 20;

sub _commands
{
	my ($text) = @_;
	my @commands;

	foreach my $line (split /\n/, $text)
	{
		if ($line =~ s/^\$ //) { push @commands, { command => $line, shown => '' }; }
		elsif (!@commands) { next; }
		elsif ($commands[-1]{command} =~ /\\\z/) { $commands[-1]{command} .= "\n$line"; }
		else { $commands[-1]{shown} .= "$line\n"; }
	}
	return @commands;
}

# A text without what does not count.
sub _plain
{
	my ($text) = @_;
	my @lines = grep { /\S/ && !/^\s*[-+]+\s*$/ && !/^\(\d+ rows?\)$/ && !/^(?:INSERT|SELECT) \d/ } split(/\n/, $text);

	return join('', map { s/-\[ (\w+ \d+) \][-+]*/$1/r =~ s/\d+/0/gr =~ s/\s+/ /gr =~ s/^ | $//gr . "\n" } @lines);
}

sub _pattern
{
	my ($shown) = @_;
	return join('', map { $_ eq "...\n" ? '.*' : join('[^\n]*', map { quotemeta } split(/\.\.\./, $_, -1)) } $shown =~ /.*\n/g);
}

sub run_console
{
	my ($text, $run) = @_;
	my @wrong;

	foreach my $part (_commands($text))
	{
		my $pattern = _pattern(_plain($part->{shown}));
		my $deadline = clock_gettime(CLOCK_MONOTONIC) + $patience;

		for (;;)
		{
			my ($status, $output) = $run->($part->{command});
			last if $status == 0 && ($part->{shown} !~ /\S/ || _plain($output) =~ /\A$pattern\z/s);
			if (clock_gettime(CLOCK_MONOTONIC) > $deadline)
			{
				push @wrong, "$part->{command}: exit status $status, prints\n$output";
				last;
			}
			select(undef, undef, undef, 0.1);
		}
	}
	return @wrong;
}

1;
