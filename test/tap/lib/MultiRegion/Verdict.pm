# What must hold after faults, told from what clients were promised (MultiRegion::ProbeLog)
# and from the servers' logs: one acknowledger at a time, no loss that nobody can explain,
# nothing in the logs that means a bug. Each function returns complaints, best none.
package MultiRegion::Verdict;

use strict;
use warnings;

use Exporter qw(import);
use POSIX qw(mktime);

our @EXPORT_OK = qw(read_leaderships two_writers unexplained_losses log_complaints);

# A packet may be on its way this long, on a busy machine.
my $packet_seconds = 0.5;
my $lease_seconds = 3;

# Seconds since the epoch of a log line's time ("2026-01-31 12:00:00.123 UTC").
sub _instant
{
	my ($year, $month, $day, $hour, $minute, $second) = @_;
	local $ENV{TZ} = 'UTC';
	POSIX::tzset();
	return POSIX::mktime(int $second, $minute, $hour, $day, $month - 1, $year - 1900) + $second - int $second;
}

# Leaderships that a node's log tells of from an offset on: term, node, acquired, opened
# (instants, seconds since the epoch; undef if never), cause, lag, timeline (if promoted).
sub read_leaderships
{
	my ($node, $from) = @_;
	my (@found, $at);

	foreach my $line (split /\n/, $node->log_text($from))
	{
		$at = _instant($1, $2, $3, $4, $5, $6) if $line =~ /^(\d+)-(\d+)-(\d+) (\d+):(\d+):([\d.]+) UTC/;
		if ($line =~ /event lease_acquired, term (\d+), subject "[^"]*", value (-?\d+): (.*)/)
		{
			push @found, { term => $1, node => $node->name, acquired => $at, lag => $2, cause => $3 };
		}
		elsif ($line =~ /event lease_open, term (\d+),/)
		{
			my ($it) = grep { $_->{term} == $1 } @found;
			push @found, $it = { term => $1, node => $node->name, acquired => $at, lag => -1, cause => '?' } unless $it;
			$it->{opened} = $at;
		}
		elsif ($line =~ /selected new timeline ID: (\d+)/ && @found)
		{
			$found[-1]{timeline} = $1;
		}
	}
	return @found;
}

# The leadership that decided an acknowledgement: the last its node had opened by then.
sub _leadership_of
{
	my ($ack, $offset, @leaderships) = @_;
	my ($best) = sort { $b->{opened} <=> $a->{opened} }
		grep { $_->{node} eq $ack->{node} && $_->{opened} && $_->{opened} - 0.002 <= $ack->{at} + $offset }
		@leaderships;
	return $best;
}

# offset: what CLOCK_MONOTONIC lacks to the seconds since the epoch.
sub two_writers
{
	my ($log, $offset, @leaderships) = @_;
	my (%first, %last_of, @complaints);

	foreach my $ack ($log->acks)
	{
		my $leadership = _leadership_of($ack, $offset, @leaderships);
		if (!$leadership)
		{
			push @complaints, "$ack->{node} acknowledged $ack->{id} and never said that it leads";
			next;
		}
		my $term = $ack->{term} = $leadership->{term};
		$first{$term} //= $ack;
		push @{ $last_of{$term} }, $ack;
	}
	foreach my $term (sort { $a <=> $b } keys %first)
	{
		my ($next) = sort { $a->{at} <=> $b->{at} } map { $first{$_} } grep { $_ > $term } keys %first;
		next unless $next;
		foreach my $ack (@{ $last_of{$term} })
		{
			next unless $ack->{sent} > $next->{at} || $ack->{at} > $next->{at} + $packet_seconds;
			push @complaints, sprintf 'TWO WRITERS: %s acknowledged %s in term %d, sent %.3f s and received'
				. ' %.3f s after the first acknowledgement of %s in term %d', $ack->{node}, $ack->{id}, $term,
				$ack->{sent} - $next->{at}, $ack->{at} - $next->{at}, $next->{node}, $next->{term};
		}
	}
	return @complaints;
}

sub _lsn { my ($high, $low) = split '/', $_[0]; return hex($high) * 2**32 + hex($low) }

# Why rows that were acknowledged are missing. An expired lease may lose what was written
# since the last heartbeat and max_failover_lag; a hand-over may lose nothing.
#   missing: acknowledgements; timelines: those of the leader's history, in order, each
#   { id, from (LSN) }; divergences: rows { node, timeline, fork, end } that are recorded
sub unexplained_losses
{
	my (%args) = @_;
	my @leaderships = sort { $a->{term} <=> $b->{term} } @{ $args{leaderships} };
	my (%by_fork, @complaints);

	foreach my $ack (@{ $args{missing} })
	{
		my ($timeline, $lsn) = $ack->{where} =~ m{^([0-9A-F]+)/(.*)};
		my $mine = hex $timeline;
		my ($next) = grep { $_->{id} > $mine } @{ $args{timelines} };
		# A leadership that promoted itself and was heard by nobody: its whole branch is gone.
		$next //= { id => 0, from => 0 } unless grep { $_->{id} == $mine } @{ $args{timelines} };
		if (!$next)
		{
			push @complaints, "LOST: $ack->{id} of $ack->{node} at $ack->{where} lies in the leader's own history";
			next;
		}
		push @{ $by_fork{"$ack->{node} $timeline $next->{id}"} }, { %$ack, lsn => _lsn($lsn), fork => $next->{from} };
	}
	foreach my $key (sort keys %by_fork)
	{
		my ($node, $timeline, $next) = split ' ', $key;
		push @complaints, map { "LOST: " . scalar(@{ $by_fork{$key} }) . " rows of $node, timeline " . hex($timeline)
				. ", by timeline $next: $_" }
			_fork_complaints($node, hex $timeline, $next, $by_fork{$key}, \@leaderships, \%args);
	}
	return @complaints;
}

sub _fork_complaints
{
	my ($node, $timeline, $next, $lost, $leaderships, $args) = @_;
	my @complaints;
	my ($last_term) = sort { $b <=> $a } map { $_->{term} // 0 } @$lost;
	my ($deposer) = $next ? grep { ($_->{timeline} // 0) == $next } @$leaderships
		: grep { $_->{term} > $last_term && $_->{opened} } @$leaderships;

	if (!$deposer)
	{
		push @complaints, 'no log tells who took that timeline';
	}
	elsif (!grep { $_->{term} > $last_term && $_->{term} <= $deposer->{term} && $_->{cause} =~ /lease ran out/ } @$leaderships)
	{
		push @complaints, "term $last_term ended by a hand-over: " . join(', ', map { "$_->{term} $_->{node}: $_->{cause}" }
				grep { $_->{term} > $last_term && $_->{term} <= $deposer->{term} } @$leaderships);
	}
	elsif ($deposer->{lag} > $args->{max_lag})
	{
		push @complaints, "$deposer->{node} was elected with a lag of $deposer->{lag} bytes";
	}
	push @complaints, _bound_complaint($node, $lost, $args) if $next;
	# Recorded under the timeline that the node was on when it was rewound, or a younger one.
	push @complaints, 'the divergence is not recorded'
		unless grep { $_->{node} eq $node && $_->{timeline} >= $timeline } @{ $args->{divergences} };
	return @complaints;
}

# Rows that were acknowledged before the last heartbeat that the lease proves.
sub _bound_complaint
{
	my ($node, $lost, $args) = @_;
	my ($last) = sort { $b->{at} <=> $a->{at} }
		grep { $_->{node} eq $node && ($_->{term} // 0) == ($lost->[-1]{term} // 0) } $args->{log}->acks;
	my @old = grep { $_->{at} < $last->{at} - $lease_seconds - 0.6 } @$lost;
	my ($longest) = sort { $b <=> $a } map { $_->{lsn} - $_->{fork} } @old;

	return () unless defined $longest && $longest > $args->{max_lag};
	return "$longest bytes behind the last heartbeat";
}

# Lines of a log that mean a bug.
sub log_complaints
{
	my ($node, $from) = @_;
	my (%seen, @complaints);

	foreach my $line (split /\n/, $node->log_text($from))
	{
		push @complaints, $node->name . ": $line"
			if $line =~ /\bPANIC:|^TRAP:|runtime error:|Sanitizer|dumped core|signal (?:4|6|7|8|11)\b|could not (?:find redo|locate a valid checkpoint)|verification failed|invalid page/;
		$seen{$1}++ if $line =~ /(invalid record|incorrect resource manager|invalid magic|unexpected pageaddr|record with incorrect prev-link|contrecord|out of order|already been removed|could not receive data|different timeline)/;
	}
	push @complaints, map { $node->name . ": \"$_\" $seen{$_} times" } grep { $seen{$_} > 60 } sort keys %seen;
	return @complaints;
}

1;
