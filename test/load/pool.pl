#!/usr/bin/perl
#
# make bench-pool: CLIENTS (1000) connections of clients that reconnect only when they see an
# error, each sending a statement every half a second, on three real servers with fsync on;
# what befalls the primary is MultiRegion::Pool's cases(). Prints
#
#   pool_stuck N connections (min max runs)      2 s after the takeover, over all cases
#   pool_late N connections (min max runs)       by then without an answer from the new primary
#   pool_back_CASE N ms (min max runs)           takeover -> the last client had an answer
#   pool_connect N ms (N N 1)                    the same number of connections with no fault
#   pool_connect_plain N ms (N N 1)              the same on a PostgreSQL without multiregion
#   reconnect_storm_plain N ms (min max runs)    all sessions of that one ended -> as pool_back
#   session_cpu N us (min max rounds)            processor time of a session that does nothing
#   session_cpu_plain N us (min max rounds)      the same on the plain one
#
# the first two totals, the others medians. Stuck is a client that waits for what cannot come:
# 2 s after the takeover it has had no error and has asked no server anew (pool.c). Late is
# who connects or waits for its turn. The plain server says what the machine can do: a backend
# is a process, and costs PostgreSQL some milliseconds of processor time to start, so that
# where all of them together cost two seconds there must be late clients whoever is primary.
# Progress goes to standard error.
#
#   pool.pl [CASE...]     CLIENTS=1000 RUNS=1

use strict;
use warnings;

use FindBin;
use List::Util qw(sum0 min max);

use lib "$FindBin::Bin/../tap/lib";
use MultiRegion::Cluster;
use MultiRegion::Pool qw(cases settle);
use MultiRegion::Process qw(ended_cpu_us);

use constant { SESSIONS => 400, ROUNDS => 5 };

my $top = $ENV{MR_TOP} // "$FindBin::Bin/../..";
my $program = $ENV{MR_POOL} // "$top/build/release/pool.bin";
my $clients = $ENV{CLIENTS} // 1000;
my $runs = $ENV{RUNS} // 1;
my %wanted = map { $_ => 1 } @ARGV;
my @cases = grep { !%wanted || $wanted{ $_->[0] } } cases();
my (@stuck, @late, %back, @storm);

# What the same clients do on a plain server whose sessions all end at once.
sub measure_plain
{
	my $plain = MultiRegion::Cluster->new(
		name => 'plain', managed => 0,
		settings => { shared_preload_libraries => q{''}, max_connections => $clients + 60, fsync => 'on' });
	$plain->start;
	my ($server) = $plain->nodes;
	$plain->poll_until(sub { $server->query('SELECT')->{ready} }, 30, 'the plain server');
	my $pool = MultiRegion::Pool->start($plain, $program, clients => $clients);

	foreach my $run (1 .. $runs)
	{
		my $seen = $pool->hit(sub { $server->safe_psql('SELECT count(pg_terminate_backend(pid))'
			. " FROM pg_stat_activity WHERE application_name = 'pool'", timeout => 60) })
			// die "pool.pl: not everybody came back to the plain server\n";

		push @storm, $seen->{last_ms};
		print STDERR "    plain server: the last one back after $seen->{last_ms} ms\n";
	}
	$pool->stop;
	my @cpu = measure_sessions($server);
	$plain->stop;
	return ($pool->connect_ms, @cpu);
}

# The primary of a cluster of one: it has no sessions of other nodes, which would count.
sub measure_alone
{
	my $alone = MultiRegion::Cluster->new(
		name => 'alone', regions => 1, settings => { max_connections => $clients + 60, fsync => 'on' });
	$alone->start;
	my @cpu = measure_sessions($alone->wait_for_leader);
	$alone->stop;
	return @cpu;
}

# What sessions that connect, one after the other, and end cost the server, in us each: its
# postmaster's time and that of the processes it has seen end.
sub measure_sessions
{
	my ($server) = @_;
	my @us;

	foreach my $round (1 .. ROUNDS)
	{
		my $before = ended_cpu_us($server->postmaster);

		foreach my $number (1 .. SESSIONS)
		{
			my $session = $server->session(application => 'passing') // die "pool.pl: a session was refused\n";
			$session->close;
		}
		$server->{cluster}->poll_until(
			sub { $server->value(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'passing'}) == 0 },
			20, 'the sessions to end');
		push @us, (ended_cpu_us($server->postmaster) - $before) / SESSIONS;
	}
	return @us;
}

sub print_median
{
	my ($name, $unit, @values) = @_;
	my @sorted = sort { $a <=> $b } @values;

	printf "%s %d %s (%d %d %d)\n", $name, $sorted[ int(@sorted / 2) ], $unit, $sorted[0], $sorted[-1],
		scalar @sorted;
	return;
}

sub print_total
{
	my ($name, @values) = @_;

	printf "%s %d connections (%d %d %d)\n", $name, sum0(@values), min(@values), max(@values),
		scalar @values;
	return;
}

die "pool.pl: there is no such case\n" if !@cases;
my ($plain_ms, @plain_cpu) = measure_plain();
my @cpu = measure_alone();
my $cluster = MultiRegion::Cluster->new(
	settings => { max_connections => $clients + 60, fsync => 'on' },
	policy => { failback => 'off' });
$cluster->start;
my $pool = MultiRegion::Pool->start($cluster, $program, clients => $clients);

foreach my $case (map { @cases } 1 .. $runs)
{
	my ($name, $deed) = @$case;
	my $old = settle($cluster);
	my ($next) = grep { $_ != $old } $cluster->nodes;
	my $seen = $pool->hit(sub { $deed->($old, $next) })
		// die "pool.pl: $name: not everybody came back\n" . $cluster->describe;

	push @stuck, $seen->{stuck};
	push @late, $seen->{late};
	push @{ $back{$name} }, $seen->{last_ms};
	print STDERR "    $name: takeover after $seen->{takeover_ms} ms, 2 s later $seen->{stuck} stuck and"
		. " $seen->{late} late, the last one back after $seen->{last_ms} ms\n";
}
$pool->stop;
print_total(pool_stuck => @stuck);
print_total(pool_late => @late);
print_median("pool_back_$_", 'ms', @{ $back{$_} }) foreach map { $_->[0] } @cases;
print_median(pool_connect => 'ms', $pool->connect_ms);
print_median(pool_connect_plain => 'ms', $plain_ms);
print_median(reconnect_storm_plain => 'ms', @storm);
print_median(session_cpu => 'us', @cpu);
print_median(session_cpu_plain => 'us', @plain_cpu);
