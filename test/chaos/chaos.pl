#!/usr/bin/perl
#
# make chaos: random faults on a real cluster, round after round, with a client writing to
# each node all the time. After each round all is healed, and then must hold:
#
#   - never two acknowledgers
#   - a writable leader within LEADER_SECONDS, all nodes stream from it, all have the same rows
#   - what was acknowledged is there, or its loss is one that asynchronous replication may
#     have: by an expired lease, within max_failover_lag and the time since the last
#     heartbeat, and recorded. A hand-over loses nothing
#   - no server's log has a panic, an assertion, a report of a sanitizer, an endless loop
#
#   CHAOS_SECONDS=300 SEED=random NODES=3 ROUND=1 POLICY="name=value ..." KEEP_GOING=1
#
# A round is drawn from the seed and its number: ROUND begins with another than the
# first. Ends with 1 and leaves everything where it is at the first complaint.

use strict;
use warnings;

use FindBin;
use List::Util qw(max);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC CLOCK_REALTIME);

use lib "$FindBin::Bin/../tap/lib";
use MultiRegion::Cluster;
use MultiRegion::Faults;
use MultiRegion::Probe;
use MultiRegion::Verdict qw(read_leaderships two_writers unexplained_losses log_complaints);

my $leader_seconds = 30;
my $streaming_seconds = 90;
my $shown_complaints = 8;
my $seconds = $ENV{CHAOS_SECONDS} // 300;
my $seed = $ENV{SEED} || int(rand(1_000_000)) + 1;
my $nodes = $ENV{NODES} // 3;
my $probe_program = $ENV{MR_PROBE} // "$FindBin::Bin/../../build/test/probe.bin";
my %policy = (failback => 'off', health_check_interval => '1s', map { split /=/ } split ' ', $ENV{POLICY} // '');
my $begin = now();
my ($rounds, $faults_done, $failed) = (0, 0, 0);
my @leaderships;
my $settled = '';

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub say { my ($text) = @_; printf "%8.3f %s\n", now() - $begin, $text; return }

sub pause
{
	my ($cluster, $length) = @_;
	my $until = now() + $length;
	$cluster->poll_until(sub { now() >= $until }, $length + 60, 'time to pass') if $length > 0;
	return;
}

# Rows of a node as one value.
sub digest
{
	my ($node, $until) = @_;
	return $node->safe_psql(q{SELECT count(*) || ' ' || coalesce(sum(hashint8(id)::numeric), 0) FROM bench.probe}
			. ($until ? " WHERE id <= $until" : ''), timeout => 60)
		. ($until ? '' : ' ' . $node->safe_psql(q{SELECT count(*) || ' ' || (SELECT count(*) FROM multiregion.event)
			|| ' ' || (SELECT count(*) FROM multiregion.divergence) FROM bench.bulk}, timeout => 60));
}

# Timelines of the leader's history, oldest first.
sub timelines_of
{
	my ($leader) = @_;
	my $current = hex $leader->safe_psql(q{SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)});
	my @timelines = ({ id => 1, from => 0 });

	if ($current > 1)
	{
		open(my $file, '<', $leader->data . sprintf('/pg_wal/%08X.history', $current)) or die "history of $current: $!";
		foreach my $line (<$file>)
		{
			next unless $line =~ m{^(\d+)\s+([0-9A-F]+)/([0-9A-F]+)};
			$timelines[-1]{id} = $1;
			push @timelines, { id => $current, from => hex($2) * 2**32 + hex $3 };
		}
	}
	return \@timelines;
}

sub divergences_of
{
	my ($leader) = @_;
	my $result = $leader->query('SELECT node, timeline FROM multiregion.divergence', timeout => 30);
	return [ map { { node => $_->[0], timeline => $_->[1] } } @{ $result->{rows} // [] } ];
}

# After the healing: everybody is there, with the same rows. Returns the leader.
sub settle
{
	my ($cluster) = @_;
	my $healed = now();
	my $leader = $cluster->wait_for_leader(timeout => $leader_seconds);
	my $led = now();
	$cluster->wait_complete($streaming_seconds);
	say(sprintf '  leader after %.1f s, complete after %.1f s', $led - $healed, now() - $healed);
	return $leader;
}

sub same_rows
{
	my ($cluster) = @_;
	my $digests;

	$cluster->poll_until(
		sub {
			$cluster->wait_caught_up;
			$digests = join ', ', map { $_->name . ': ' . digest($_) } $cluster->nodes;
			return keys %{ { map { s/^.*?: //r => 1 } split /, /, $digests } } == 1;
		}, 20, 'all nodes to have the same rows');
	return;
}

# The rows that earlier rounds settled are everywhere; nothing may take them away.
sub settled_complaints
{
	my ($leader) = @_;
	return () unless $settled;
	my $there = digest($leader, $settled->{until});
	return $there eq $settled->{digest} ? ()
		: "LOST: of the rows of earlier rounds there are \"$there\", not \"$settled->{digest}\"";
}

# Acknowledgements of this round that the leader does not have.
sub missing
{
	my ($log, $leader) = @_;
	my $result = $leader->query('SELECT id FROM bench.probe WHERE id > ' . ($settled ? $settled->{until} : 0),
		timeout => 60);
	die "$result->{message}\n" if $result->{lost} || defined $result->{sqlstate};
	my %there = map { $_->[0] => 1 } @{ $result->{rows} };
	return grep { !$there{ $_->{id} } } $log->acks;
}

sub judge
{
	my ($cluster, $log, $offset, $offsets) = @_;
	my $leader = $cluster->wait_for_leader;
	my @complaints = settled_complaints($leader);

	push @leaderships, map { read_leaderships($_, $offsets->{ $_->name }) } $cluster->nodes;
	push @complaints, two_writers($log, $offset, @leaderships);
	my @missing = missing($log, $leader);
	push @complaints, unexplained_losses(missing => \@missing, leaderships => \@leaderships, log => $log,
		timelines => timelines_of($leader), divergences => divergences_of($leader), max_lag => 16 * 2**20);
	push @complaints, map { log_complaints($_, $offsets->{ $_->name }) } $cluster->nodes;
	my $until = $leader->safe_psql('SELECT max(id) FROM bench.probe');
	$settled = { until => $until, digest => digest($leader, $until) };
	my %terms = map { $_->{term} // 0 => 1 } $log->acks;
	say(sprintf '  %d acknowledged in terms %s, %d lost', scalar $log->acks, join(' ', sort { $a <=> $b } keys %terms),
		scalar @missing);
	return @complaints;
}

sub run_round
{
	my ($cluster, $round) = @_;
	my @plan = MultiRegion::Faults->draw($seed * 1000 + $round, $nodes);
	my $faults = MultiRegion::Faults->new($cluster, \&say);
	my %offsets = map { $_->name => $_->log_size } $cluster->nodes;
	my $offset = clock_gettime(CLOCK_REALTIME) - now();
	my $probe = MultiRegion::Probe->start($cluster, $probe_program);
	my $began = now();

	say("round $round");
	foreach my $fault (@plan)
	{
		pause($cluster, $fault->[0]);
		my $last = ($probe->log->read_on->acks)[-1];
		$faults->perform($fault, $cluster->node($last->{node}));
		$faults_done++;
	}
	$faults->heal;
	my @complaints;
	eval { settle($cluster); 1 } or push @complaints, $@;
	my $log = $probe->stop;
	if (!@complaints)
	{
		eval { $cluster->wait_complete($streaming_seconds); same_rows($cluster);
			push @complaints, judge($cluster, $log, $offset, \%offsets); 1 }
			or push @complaints, $@;
	}
	unlink $probe->{path} unless @complaints;
	return @complaints;
}

$| = 1;
say("SEED=$seed NODES=$nodes, policy " . join(' ', map { "$_=$policy{$_}" } sort keys %policy));
my $cluster = MultiRegion::Cluster->new(regions => $nodes, links => 1, policy => \%policy,
	settings => { autovacuum_naptime => '1h', log_timezone => 'UTC', log_min_error_statement => 'panic' });
say("everything is in $cluster->{directory}, logs in $cluster->{log_directory}");
$cluster->start;
MultiRegion::Probe->make_table($cluster->leader);
$cluster->leader->safe_psql('CREATE TABLE bench.bulk (a int, b text)');
$cluster->wait_caught_up;
@leaderships = map { read_leaderships($_, 0) } $cluster->nodes;
for (my $round = $ENV{ROUND} // 1; now() < $begin + $seconds; $round++)
{
	my @complaints = run_round($cluster, $round);
	$rounds++;
	next unless @complaints;
	$failed++;
	my $more = @complaints > $shown_complaints ? @complaints - $shown_complaints : 0;
	say("  FAILED round $round: $_") foreach @complaints[ 0 .. $#complaints - $more ];
	say("  FAILED round $round: $more more like these") if $more;
	last unless $ENV{KEEP_GOING} && eval { settle($cluster); 1 };
}
say("$rounds rounds, $faults_done faults, $failed failed");
$cluster->stop;
exit($failed ? 1 : 0);
