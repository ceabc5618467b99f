#!/usr/bin/perl
#
# make bench-failover: what a fault costs, on three real servers of this machine with
# fsync on, the shipped policy but failback, and a client writing to each node every 5 ms
# (probe.c). Prints a line a case:
#
#   name value unit (min max runs)
#
# value is the median. Progress and what else was seen go to standard error.
#
#   failover.pl [CASE...]     RUNS=n (default 10; 3 is the quick mode), IDLE_SECONDS=60,
#                             TLS=1 (members use TLS and log in with certificates)
#
# Instants are CLOCK_MONOTONIC; an outage goes from just before the fault's first signal
# to the first acknowledgement of an insert at another node (or at the same one, on a
# connection made since). Before each fault the cluster is at rest: everybody streams,
# has caught up and has been up for longer than a lease.
#
#   postmaster_killed     kill -9 of the primary's postmaster; its supervisor goes on
#   region_killed         kill -9 of everything of its region
#   frozen                SIGSTOP of everything of its region; SIGCONT 2 s after the takeover
#   rejoin                killed region: supervisor started -> the primary says "streaming"
#   late_acks             acknowledgements by two primaries at once, in all runs of the above
#   restart               fast stop of the primary's postmaster, its supervisor restarts it
#   restart_lost          acknowledged rows missing afterwards, in all of those runs
#   stall_failovers       SIGSTOP of the primary's region for 2 s: changes of primary
#   link_cut_failovers    the primary's network cut off for 2 s: changes of primary
#   row_of_20_failed      20 failovers one right after the other: how many did not work
#   switchover            switchover() called -> first acknowledgement by the new primary
#   switchover_lost       acknowledged rows missing afterwards
#   failback_lost_rows    the same of automatic failbacks under load
#   kill_after_switchover_failed   the new primary killed 1 s and 3 s after: no new service
#                         within the lease and 300 ms
#   kill_after_switchover the same, as an outage
#   switchover_kill_failed   20 switchovers under 8 writers with either side killed at a
#                         random moment: no service within 10 s, or two primaries at once
#   lost                  acknowledged rows lost by the failovers above (durability async)
#   idle_private          private memory of our workers and sidecars on the three nodes
#   idle_cpu              processor time of those and of the backends that serve them

use strict;
use warnings;

use File::Temp ();
use FindBin;
use List::Util qw(sum0 min max);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/../tap/lib";
use MultiRegion::Cluster;
use MultiRegion::Probe;
use MultiRegion::Process qw(processes_in title_of);
use MultiRegion::Rejoin qw(start_writer stop_writer);

my $top = $ENV{MR_TOP} // "$FindBin::Bin/../..";
my $runs = $ENV{RUNS} // 10;
my $idle_seconds = $ENV{IDLE_SECONDS} // 60;
my $probe_program = $ENV{MR_PROBE} // "$top/build/release/probe.bin";
my $rest_seconds = 4;
my ($late_acks, $lost, %results) = (0, 0);
my $cluster;

$ENV{MR_LINK} //= "$top/build/release/link.bin";

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub tell_progress { print STDERR @_, "\n"; return }

# --- results -------------------------------------------------------------------------

sub add_result { my ($name, $value) = @_; push @{ $results{$name} }, $value; return $value }

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	my $middle = int(@sorted / 2);
	return @sorted % 2 ? $sorted[$middle] : ($sorted[ $middle - 1 ] + $sorted[$middle]) / 2;
}

sub print_result
{
	my ($name, $unit, $format) = @_;
	my @values = @{ $results{$name} // [] };

	return unless @values;
	printf "%s $format %s ($format $format %d)\n", $name, median(@values), $unit,
		min(@values), max(@values), scalar @values;
	return;
}

# A count over all runs of a case: the total, and the least and most in one run.
sub print_count
{
	my ($name, $unit) = @_;
	my @values = @{ $results{$name} // [] };

	return unless @values;
	printf "%s %d %s (%d %d %d)\n", $name, sum0(@values), $unit,
		min(@values), max(@values), scalar @values;
	return;
}

# --- the cluster -------------------------------------------------------------------

sub make_cluster
{
	my (%args) = @_;

	tell_progress('making a cluster' . ($args{links} ? ' with a network that can be cut' : ''));
	$cluster = MultiRegion::Cluster->new(policy => { failback => 'off' },
		settings => { autovacuum_naptime => '1h' }, $ENV{TLS} ? (tls => 'cert') : (), %args);
	$cluster->start;
	MultiRegion::Probe->make_table($cluster->leader);
	$cluster->wait_caught_up;
	return;
}

sub rest
{
	my $until;

	$cluster->wait_complete(120);
	$cluster->wait_caught_up;
	$until = now() + $rest_seconds;
	$cluster->poll_until(sub { now() >= $until }, $rest_seconds + 5, 'a rest');
	return $cluster->wait_for_leader;
}

# Makes a fault at the primary under load. Returns the primary, the probe, the instant
# before the fault and the first acknowledgement after it.
sub hit_primary
{
	my ($fault) = @_;
	my $old = rest();
	my $probe = MultiRegion::Probe->start($cluster, $probe_program);
	my $instant = now();

	$fault->($old);
	my $ack = $cluster->poll_until(
		sub { $probe->log->read_on->first_ack_after($instant, $old->name) },
		60, 'service to be back');
	return ($old, $probe, $instant, $ack);
}

# Ends a run: everybody is back; counts what was acknowledged twice or lost.
sub settle
{
	my ($old, $probe, $ack) = @_;

	$cluster->wait_complete(120);
	my $log = $probe->stop;
	my @late = $ack->{node} eq $old->name ? () : $log->late_acks($old->name, $ack->{at});
	my $leader = $cluster->wait_for_leader;
	my @missing = $log->lost($leader);
	$late_acks += @late;
	$lost += @missing;
	tell_progress(sprintf '    %s -> %s, %d late, %d of %d acknowledged rows lost', $old->name,
		$ack->{node}, scalar @late, scalar @missing, scalar $log->acks);
	return scalar @missing;
}

# --- cases -----------------------------------------------------------------------------------

sub run_outage
{
	my ($name, $fault, $repair) = @_;

	foreach my $run (1 .. $runs)
	{
		my ($old, $probe, $instant, $ack) = hit_primary($fault);
		my $ms = add_result($name, 1000 * ($ack->{at} - $instant));
		tell_progress(sprintf '%s %d: %.0f ms', $name, $run, $ms);
		$repair->($old) if $repair;
		my $missing = settle($old, $probe, $ack);
		add_result('restart_lost', $missing) if $name eq 'restart';
	}
	return;
}

# Starts a killed node and measures until the primary says that it streams.
sub rejoin
{
	my ($node) = @_;
	my $leader = $cluster->wait_for_leader(not => $node);
	my $start = now();

	$node->start;
	$cluster->poll_until(
		sub { grep { $_ eq $node->name } $cluster->streaming($leader) }, 60,
		$node->name . ' to stream again');
	my $ms = add_result('rejoin', 1000 * (now() - $start));
	tell_progress(sprintf '    rejoin: %.0f ms', $ms);
	return;
}

sub wait_seconds
{
	my ($seconds) = @_;
	my $until = now() + $seconds;
	$cluster->poll_until(sub { now() >= $until }, $seconds + 5, 'time to pass');
	return;
}

# A disturbance of 2 s that must not move the primary.
sub run_disturbance
{
	my ($name, $begin, $end) = @_;

	foreach my $run (1 .. $runs)
	{
		my $old = rest();
		my $probe = MultiRegion::Probe->start($cluster, $probe_program);
		my $instant = now();
		$begin->($old);
		wait_seconds(2);
		$end->($old);
		my $back = now();
		# Long enough for an election that the disturbance may have set off.
		wait_seconds(4);
		my $leader = $cluster->wait_for_leader;
		add_result($name, $leader == $old ? 0 : 1);
		my $log = $probe->stop;
		my $ack = (grep { $_->{sent} > $back } $log->acks)[0];
		my $missing = () = $log->lost($leader);
		$lost += $missing;
		tell_progress(sprintf '%s %d: %s, writes again %.0f ms after the end, %d rows lost', $name,
			$run, $leader == $old ? 'stayed' : 'MOVED', $ack ? 1000 * ($ack->{at} - $back) : -1,
			$missing);
	}
	return;
}

# One failover of a row; dies if there is no new primary or the old one does not come back.
sub one_of_a_row
{
	my ($number) = @_;
	my $old = $cluster->wait_for_leader;

	if ($number % 2) { $old->kill_all; }
	else { $old->supervisor_off; $old->kill_postmaster; }
	my $next = $cluster->wait_for_leader(not => $old, timeout => 30);
	$next->safe_psql("INSERT INTO bench.probe VALUES (-$number)");
	$old->start;
	$cluster->wait_complete(60);
	my $there = $next->safe_psql('SELECT count(*) FROM bench.probe WHERE id < 0');
	die "the row written in failover $number is not there\n" unless $there == $number;
	return;
}

sub run_row
{
	my $count = 20;

	rest();
	$cluster->leader->safe_psql('DELETE FROM bench.probe WHERE id < 0');
	$cluster->wait_caught_up;
	foreach my $number (1 .. $count)
	{
		my $worked = eval { one_of_a_row($number); 1 };
		tell_progress("row_of_20 $number: " . ($worked ? 'ok' : "FAILED: $@"));
		add_result('row_of_20_failed', $worked ? 0 : 1);
		next if $worked;
		# A cluster that does not recover fails the rest of the row, too.
		next if eval { $_->start foreach $cluster->nodes; $cluster->wait_complete(60); 1 };
		add_result('row_of_20_failed', 1) foreach $number + 1 .. $count;
		last;
	}
	return;
}

# --- planned changes -----------------------------------------------------------------------

# Orders the primary to another node under load; the asked node is not the old primary.
sub switch_over
{
	my $old = rest();
	my ($target) = grep { $_ != $old } $cluster->nodes;
	my $probe = MultiRegion::Probe->start($cluster, $probe_program);
	my $session = $target->session;
	my $instant = now();
	my $result = $session->query(sprintf "SELECT * FROM switchover('%s')", $target->name);

	die "switchover: $result->{message}\n" if $result->{lost} || defined $result->{sqlstate};
	my $ack = $cluster->poll_until(
		sub { $probe->log->read_on->first_ack_after($instant, $old->name) },
		60, 'service to be back');
	return ($old, $probe, $instant, $ack);
}

sub run_switchover
{
	foreach my $run (1 .. $runs)
	{
		my ($old, $probe, $instant, $ack) = switch_over();
		my $ms = add_result('switchover', 1000 * ($ack->{at} - $instant));
		tell_progress(sprintf 'switchover %d: %.0f ms', $run, $ms);
		add_result('switchover_lost', settle($old, $probe, $ack));
	}
	return;
}

# The new primary is killed soon after: service must be back within the lease and 300 ms.
sub run_kill_after_switchover
{
	foreach my $run (1 .. $runs)
	{
		my ($old, $probe) = switch_over();
		my $new = $cluster->wait_for_leader(not => $old);
		wait_seconds($run % 2 ? 1 : 3);
		my $instant = now();
		$new->kill_all;
		my $ack = $cluster->poll_until(
			sub { $probe->log->read_on->first_ack_after($instant, $new->name) },
			60, 'service to be back');
		my $ms = add_result('kill_after_switchover', 1000 * ($ack->{at} - $instant));
		add_result('kill_after_switchover_failed', $ms > 3300 ? 1 : 0);
		tell_progress(sprintf 'killed %d s after a switchover: %.0f ms', $run % 2 ? 1 : 3, $ms);
		$new->start;
		settle($new, $probe, $ack);
	}
	return;
}

# One switchover of which a side is killed; true if service came back, with one writer.
sub one_killed
{
	my ($number) = @_;
	my $old = rest();
	my ($target, $asked) = grep { $_ != $old } $cluster->nodes;
	my $victim = $number % 2 ? $old : $target;
	my $probe = MultiRegion::Probe->start($cluster, $probe_program);
	my @writers =
		map { start_writer($cluster, 'INSERT INTO bench.load DEFAULT VALUES') } 1 .. 8;
	my $session = $asked->session;

	wait_seconds(0.5);
	$session->send(sprintf "SELECT * FROM switchover('%s', wait => '20 s')", $target->name);
	wait_seconds(rand 0.15);
	my $instant = now();
	$victim->kill_all;
	my $ack = eval {
		$cluster->poll_until(
			sub { $probe->log->read_on->first_ack_after($instant, $victim->name) },
			10, 'service to be back');
	};
	stop_writer($_) foreach @writers;
	$victim->start;
	tell_progress(sprintf 'switchover_kill %d: %s killed, service back after %s ms', $number,
		$victim == $old ? 'old primary' : 'successor', $ack ? int(1000 * ($ack->{at} - $instant)) : '-');
	$cluster->wait_complete(120);
	my @late = $ack && $ack->{node} ne $old->name ? $probe->stop->late_acks($old->name, $ack->{at}) : ();
	return $ack && !@late;
}

sub run_switchover_kill
{
	$cluster->leader->safe_psql('CREATE TABLE IF NOT EXISTS bench.load (id bigserial PRIMARY KEY)');
	add_result('switchover_kill_failed', one_killed($_) ? 0 : 1) foreach 1 .. 20;
	return;
}

# The primary is killed, comes back, and gets the lease again by itself.
sub run_failback
{
	foreach my $run (1 .. min($runs, 5))
	{
		my $home = rest();
		my $probe = MultiRegion::Probe->start($cluster, $probe_program);

		$home->kill_all;
		my $away = $cluster->wait_for_leader(not => $home);
		$home->start;
		$cluster->poll_until(sub { my $leader = $cluster->leader; $leader && $leader == $home },
			60, 'the failback');
		wait_seconds(1);
		$cluster->wait_complete(60);
		my $log = $probe->stop;
		my $missing = add_result('failback_lost_rows',
			scalar grep { $_->{node} eq $away->name } $log->lost($home));
		tell_progress("failback $run: $missing rows lost");
	}
	return;
}

# --- at rest ---------------------------------------------------------------------------------

# Processes of the cluster: our workers, the sidecars, backends that serve either.
sub our_processes
{
	my %found = (memory => [], serving => [], postmaster => []);

	foreach my $node ($cluster->nodes)
	{
		push @{ $found{postmaster} }, $node->postmaster;
		push @{ $found{memory} }, $node->workers;
		foreach my $pid (processes_in($node->directory))
		{
			my $program = readlink("/proc/$pid/exe") // '';
			push @{ $found{memory} }, $pid if $program =~ m{/multiregiond$};
			push @{ $found{serving} }, $pid
				if title_of($pid) =~ /^postgres: (?:\S+: )?multiregion_(?:peer|api) \S+ [\d.]+\(\d+\)/
				&& title_of($pid) !~ /walsender|streaming|START_REPLICATION/;
		}
	}
	return %found;
}

sub private_kb
{
	my ($pid) = @_;
	open(my $file, '<', "/proc/$pid/smaps_rollup") or return 0;
	return sum0(map { /^Private_(?:Clean|Dirty):\s+(\d+) kB/ ? $1 : () } <$file>);
}

# Processor time of a process so far, seconds.
sub cpu_of
{
	my ($pid) = @_;
	open(my $file, '<', "/proc/$pid/schedstat") or return 0;
	return (split ' ', readline $file)[0] / 1e9;
}

# Processor time of a postmaster's children that have ended: short connections.
sub cpu_of_ended_children
{
	my ($pid) = @_;
	open(my $file, '<', "/proc/$pid/stat") or return 0;
	my @fields = split ' ', readline($file) =~ s/^.*\) //sr;
	return ($fields[13] + $fields[14]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub cpu_total
{
	my (%found) = @_;
	return sum0(map { cpu_of($_) } @{ $found{memory} }, @{ $found{serving} })
		+ sum0(map { cpu_of_ended_children($_) } @{ $found{postmaster} });
}

sub run_idle
{
	rest();
	$_->{session} = undef foreach $cluster->nodes;
	my %found = our_processes();
	tell_progress(sprintf 'idle: %d workers and sidecars, %d backends serve them',
		scalar @{ $found{memory} }, scalar @{ $found{serving} });
	my ($began, %cpu) = (now(), map { $_ => cpu_of($_) } @{ $found{memory} }, @{ $found{serving} });
	my $ended = sum0(map { cpu_of_ended_children($_) } @{ $found{postmaster} });
	foreach (1 .. 10)
	{
		my ($start, $cpu) = (now(), cpu_total(%found));
		wait_seconds($idle_seconds / 10);
		add_result('idle_cpu', 60 * (cpu_total(%found) - $cpu) / (now() - $start));
		add_result('idle_private', sum0(map { private_kb($_) } @{ $found{memory} }) / 1024);
	}
	my $minutes = (now() - $began) / 60;
	foreach (sort { $a <=> $b } keys %cpu)
	{
		tell_progress(sprintf '    %.3f s/min, %.1f MiB: %s', (cpu_of($_) - $cpu{$_}) / $minutes,
			private_kb($_) / 1024, title_of($_));
	}
	$ended = sum0(map { cpu_of_ended_children($_) } @{ $found{postmaster} }) - $ended;
	tell_progress(sprintf '    %.3f s/min: children of the postmasters that ended', $ended / $minutes);
	return;
}

# --- everything ---------------------------------------------------------------------------------

my %wanted = map { $_ => 1 } @ARGV;
sub wants { my @names = @_; return !%wanted || grep { $wanted{$_} } @names }

$| = 1;
if (wants(qw(idle_private idle_cpu postmaster_killed region_killed rejoin frozen restart
		stall_failovers row_of_20_failed switchover switchover_lost kill_after_switchover
		kill_after_switchover_failed switchover_kill_failed)))
{
	make_cluster(sidecars => 1);
	run_idle() if wants(qw(idle_private idle_cpu));
	run_outage('postmaster_killed', sub { $_[0]->kill_postmaster }) if wants('postmaster_killed');
	run_outage('region_killed', sub { $_[0]->kill_all }, \&rejoin)
		if wants(qw(region_killed rejoin));
	run_outage('frozen', sub { $_[0]->freeze }, sub { wait_seconds(2); $_[0]->thaw })
		if wants('frozen');
	add_result('late_acks', $late_acks);
	run_outage('restart', sub { $_[0]->signal_stop('fast') }) if wants(qw(restart restart_lost));
	run_disturbance('stall_failovers', sub { $_[0]->freeze }, sub { $_[0]->thaw })
		if wants('stall_failovers');
	run_row() if wants('row_of_20_failed');
	run_switchover() if wants(qw(switchover switchover_lost));
	run_kill_after_switchover()
		if wants(qw(kill_after_switchover kill_after_switchover_failed));
	run_switchover_kill() if wants('switchover_kill_failed');
	$cluster->stop;
}
if (wants('failback_lost_rows'))
{
	make_cluster(name => 'failback', policy => { failback_delay => '2s', health_check_interval => '1s' });
	run_failback();
	$cluster->stop;
}
if (wants('link_cut_failovers'))
{
	make_cluster(links => 1, name => 'links');
	run_disturbance('link_cut_failovers', sub { $cluster->cut($_[0]) }, sub { $cluster->heal });
	$cluster->stop;
}
add_result('lost', $lost);

print_result($_, 'ms', '%.0f') foreach qw(postmaster_killed region_killed frozen rejoin);
print_count('late_acks', 'acknowledgements');
print_result('restart', 'ms', '%.0f');
print_count('restart_lost', 'rows');
print_count('stall_failovers', 'failovers');
print_count('link_cut_failovers', 'failovers');
print_count('row_of_20_failed', 'failovers');
print_result('switchover', 'ms', '%.0f');
print_count('switchover_lost', 'rows');
print_count('failback_lost_rows', 'rows');
print_result('kill_after_switchover', 'ms', '%.0f');
print_count('kill_after_switchover_failed', 'failovers');
print_count('switchover_kill_failed', 'switchovers');
print_count('lost', 'rows');
print_result('idle_private', 'MiB', '%.1f');
print_result('idle_cpu', 's/min', '%.2f');
