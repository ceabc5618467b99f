# A primary that stands still, wholly or in part: never two that acknowledge, no failover
# for a short stall, none for the monitor. Method: one cluster with a pinned writer to
# each node (test/bench/probe.c), which never gives a statement up; processes are stopped
# with SIGSTOP and go on with SIGCONT.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Probe;

my $lease_seconds = 3;
my $program = $ENV{MR_PROBE} // ($ENV{MR_TOP} // "$FindBin::Bin/../..") . '/build/test/probe.bin';
my $cluster = MultiRegion::Cluster->new(
	policy => { health_check_interval => '1s', failback => 'off' },
	settings => { synchronous_commit => 'local', synchronous_standby_names => q{'nobody'} });
$cluster->start;
my $leader = $cluster->wait_for_leader;
MultiRegion::Probe->make_table($leader);
my $probe = MultiRegion::Probe->start($cluster, $program);
my $log = $probe->log;

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# Until the leader has acknowledged inserts sent after an instant.
sub wait_for_acks_after
{
	my ($instant, $what) = @_;
	return $cluster->poll_until(
		sub { grep { $_->{node} eq $leader->name && $_->{sent} > $instant } $log->read_on->acks },
		30, "$what: the primary to write on");
}

sub no_failover
{
	my ($old, $term, $what) = @_;
	is(join(' ', $cluster->wait_for_leader->name, $cluster->term), join(' ', $old->name, $term),
		"$what: no failover");
	return;
}

# What must hold after another node took over at the acknowledgement $first.
sub one_writer
{
	my ($old, $first, $what) = @_;
	$cluster->wait_complete(60);
	$leader = $cluster->wait_for_leader;
	isnt($leader->name, $old->name, "$what: another node leads");
	wait_for_acks_after(now(), $what);
	my @late = $log->late_acks($old->name, $first->{at});
	is(scalar @late, 0, "$what: nothing acknowledged on the old primary after the first on the new one");
	diag(map { "late: id $_->{id} sent $_->{sent} at $_->{at}, taken over at $first->{at}\n" } @late);
	my %lost = map { $_->{id} => 1 } $log->lost($leader);
	is(scalar(grep { $lost{ $_->{id} } && $_->{node} ne $old->name && $_->{at} >= $first->{at} } $log->acks),
		0, "$what: nothing that the new one acknowledged is lost");
	return;
}

# --- the monitors -----------------------------------------------------------------------

my $term = $cluster->term;
$_->freeze_workers(qr/monitor/) foreach $cluster->nodes;
wait_for_acks_after(now() + $lease_seconds + 1, 'monitors frozen');
no_failover($leader, $term, 'every monitor frozen for longer than a lease');
$_->thaw_workers foreach $cluster->nodes;

# --- a stall ------------------------------------------------------------------------------

my $until = now() + 2;
$leader->freeze;
$cluster->poll_until(sub { now() >= $until }, 5, 'two seconds');
$leader->thaw;
wait_for_acks_after(now() + $lease_seconds, 'two seconds');
no_failover($leader, $term, 'everything of the primary frozen for two seconds');

# --- the lease worker -----------------------------------------------------------------------

my $waiting = $leader->session;
$waiting->query('SET synchronous_commit = on');
$waiting->send('INSERT INTO bench.probe VALUES (-1)');
$cluster->poll_until(
	sub { ($leader->value('SELECT wait_event FROM pg_stat_activity WHERE pid = ' . $waiting->pid) // '') eq 'SyncRep' },
	10, 'a commit to wait for a standby that does not exist');
my $old = $leader;
my $fault = now();
$old->freeze_workers(qr/lease/);
my $first = $cluster->poll_until(sub { $log->read_on->first_ack_after($fault, $old->name) }, 30,
	'a successor');
isnt($first->{node}, $old->name, 'lease worker frozen: another node takes over');
cmp_ok($first->{at} - $fault, '<', $lease_seconds + 3, 'soon after the lease');
my ($refused) = grep { $_->{node} eq $old->name && $_->{at} > $fault && $_->{sqlstate} eq '25006' } @{ $log->{errors} };
ok($refused, 'the old primary refuses from its deadline on');
cmp_ok($refused ? $refused->{at} : $first->{at} + 1, '<', $first->{at}, 'that is before the other one writes');
is($old->safe_psql('SELECT pg_cancel_backend(' . $waiting->pid . ')'), 't', 'a commit inside its wait is cancelled');
my $result = $waiting->receive(timeout => 10);
ok($result->{lost} && !@{ $result->{tags} }, 'and is not acknowledged: its connection ends');
$old->thaw_workers;
one_writer($old, $first, 'lease worker frozen');

# --- everything ------------------------------------------------------------------------------

$old = $leader;
$fault = now();
$old->freeze;
$first = $cluster->poll_until(sub { $log->read_on->first_ack_after($fault, $old->name) }, 30,
	'a successor');
isnt($first->{node}, $old->name, 'everything frozen: another node takes over');
cmp_ok($first->{at} - $fault, '<', $lease_seconds + 3, 'soon after the lease');
$cluster->poll_until(sub { grep { $_->{node} eq $first->{node} && $_->{at} > $first->{at} + 0.5 } $log->read_on->acks },
	10, 'the successor to write for a while');
$old->thaw;
one_writer($old, $first, 'everything frozen');
ok(scalar(grep { $_->{node} eq $old->name && $_->{at} > $first->{at} } @{ $log->read_on->{errors} }),
	'and the old primary has refused what was sent to it');
$probe->stop;

done_testing();
