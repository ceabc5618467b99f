# What test/bench/probe.c saw, and what follows from it. Times are seconds of
# CLOCK_MONOTONIC, as from Time::HiRes.
package MultiRegion::ProbeLog;

use strict;
use warnings;

# Reads the log of a probe that may still be writing it; an unfinished last line is left
# for the next time. Call again to read on.
sub new
{
	my ($class, $path) = @_;
	open(my $file, '<', $path) or die "$path: $!";
	return bless { file => $file, rest => '', acks => [], sent => {}, errors => [], connected => {} }, $class;
}

sub read_on
{
	my ($self) = @_;
	my $more = do { local $/; seek($self->{file}, 0, 1); readline $self->{file} };
	my @lines = split /(?<=\n)/, $self->{rest} . ($more // '');

	$self->{rest} = @lines && $lines[-1] !~ /\n\z/ ? pop @lines : '';
	foreach my $line (@lines)
	{
		my ($kind, $node, $time_ns, $id, $more) = split ' ', $line;
		my $time = $time_ns / 1e9;
		if ($kind eq 'S')
		{
			$self->{sent}{$id} = $time;
		}
		elsif ($kind eq 'C')
		{
			$self->{connected}{$node} = $time;
		}
		elsif ($kind eq 'A')
		{
			push @{ $self->{acks} },
				{ node => $node, id => $id, at => $time, sent => $self->{sent}{$id},
					connected => $self->{connected}{$node}, where => $more };
		}
		elsif ($kind eq 'E')
		{
			push @{ $self->{errors} }, { node => $node, id => $id, at => $time, sqlstate => $more };
		}
	}
	return $self;
}

# Acknowledgements, oldest first: node, id, where (TIMELINE/LSN, hexadecimal), and the
# instants sent, at, connected.
sub acks
{
	my ($self) = @_;
	my @sorted = sort { $a->{at} <=> $b->{at} } @{ $self->{acks} };
	return @sorted;
}

# The first acknowledgement that shows that service is back after a fault at a node: by
# another node, or by the same one on a connection made since. Undef: not yet.
sub first_ack_after
{
	my ($self, $instant, $faulty) = @_;
	my $first;

	foreach my $ack (@{ $self->{acks} })
	{
		next if $ack->{sent} <= $instant;
		next if $ack->{node} eq $faulty && $ack->{connected} <= $instant;
		$first = $ack if !$first || $ack->{at} < $first->{at};
	}
	return $first;
}

# Two writers at once: acknowledgements by the old primary of inserts sent after the
# successor's first acknowledgement, and any received more than 50 ms after it. (One
# that was decided before may be on its way that long; safety-review.md, 12.)
sub late_acks
{
	my ($self, $old, $taken_over_at) = @_;

	return grep {
		$_->{node} eq $old
			&& ($_->{sent} > $taken_over_at || $_->{at} > $taken_over_at + 0.050)
	} @{ $self->{acks} };
}

# Acknowledged ids that a node (a MultiRegion::Node) does not have.
sub lost
{
	my ($self, $node) = @_;
	my $result = $node->query('SELECT id FROM bench.probe', timeout => 60);

	die "$result->{message}\n" if $result->{lost} || defined $result->{sqlstate};
	my %there = map { $_->[0] => 1 } @{ $result->{rows} };
	return grep { !$there{ $_->{id} } } @{ $self->{acks} };
}

1;
