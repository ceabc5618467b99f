# What every benchmark has that is made of cases: how often each measures, lines of results,
# and the cases themselves.
#
#   my $bench = MultiRegion::Bench->new(runs => 5);       # or another class that is one
#   $bench->run_cases("$FindBin::Bin/routing", @ARGV);    # all of the folder's, or these
#   $bench->report('name', 'us', '%.3f', @values);
#
# A case is a file that ends with a function, which gets the benchmark. Cases run in the order
# of their names.
package MultiRegion::BenchRun;

use strict;
use warnings;

sub new
{
	my ($class, %args) = @_;
	return bless { runs => 5, %args }, $class;
}

sub runs { return $_[0]{runs} }
sub tell_progress { my ($self, @text) = @_; print STDERR @text, "\n"; return }

sub median
{
	my ($self, @values) = @_;
	my @sorted = sort { $a <=> $b } @values;
	my $middle = int(@sorted / 2);
	return @sorted % 2 ? $sorted[$middle] : ($sorted[ $middle - 1 ] + $sorted[$middle]) / 2;
}

# name value unit (min max runs), the value being the median
sub report
{
	my ($self, $name, $unit, $format, @values) = @_;
	my @sorted = sort { $a <=> $b } @values;

	printf "%s $format %s ($format $format %d)\n", $name, $self->median(@values), $unit,
		$sorted[0], $sorted[-1], scalar @sorted;
	return;
}

sub run_cases
{
	my ($self, $folder, @names) = @_;
	my %wanted = map { $_ => 1 } @names;

	$| = 1;
	foreach my $file (sort glob("$folder/*.pl"))
	{
		my ($name) = $file =~ m{([^/]+)\.pl$};
		next unless delete $wanted{$name} || !@names;
		my $case = do $file;
		die "$file: " . ($@ || $! || 'no function') unless ref $case eq 'CODE';
		$self->tell_progress($name);
		$case->($self);
	}
	die 'there is no case ' . join(', ', sort keys %wanted) . "\n" if %wanted;
	return;
}

1;
