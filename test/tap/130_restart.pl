# A primary that stops, crashes or is restarted, and a cluster that loses its power: who
# leads afterwards, how long it takes, and that nothing is lost. Method: one cluster, two
# of its three nodes in one region; standbys are held back by stopping their walreceivers.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Probe;
use MultiRegion::Process qw(is_alive);

# Twice the default: on a busy machine a restart that must be shorter than it may take three seconds.
my $lease_seconds = 6;
my $program = $ENV{MR_PROBE} // ($ENV{MR_TOP} // "$FindBin::Bin/../..") . '/build/test/probe.bin';
my $cluster = MultiRegion::Cluster->new(
	regions => [qw(US_EAST US_EAST EU_WEST)],
	policy => { health_check_interval => '1s', failback => 'off', on_stop => 'stay', lease => "${lease_seconds}s" },
	settings => { wal_sender_timeout => "'60s'", wal_writer_delay => "'10s'" });
$cluster->start;
my $leader = $cluster->wait_for_leader;
MultiRegion::Probe->make_table($leader);
my $written = 0;
settle('start');

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub others { return grep { $_ != $leader } $cluster->nodes }

sub write_row
{
	$written++;
	$leader->safe_psql("INSERT INTO bench.probe VALUES (-$written)");
	return;
}

# Everybody runs, votes, is fit and has every row.
sub settle
{
	my ($name) = @_;
	$leader = $cluster->settle;
	write_row();
	$cluster->wait_caught_up;
	is(join(' ', map { $_->safe_psql('SELECT count(*) FROM bench.probe WHERE id < 0') } $cluster->nodes),
		join(' ', ($written) x 3), "$name: every node has every row");
	return;
}

sub hold_back
{
	my (@nodes) = @_;
	my @receivers = map { $_->processes(qr/^postgres: (?:\S+: )?walreceiver/) } @nodes;
	is(scalar @receivers, scalar @nodes, 'walreceivers held back');
	kill 'STOP', @receivers;
	return @receivers;
}

# The same node leads again, with a new term for the reason "restart", on its timeline.
sub leads_again
{
	my ($old, $before, $name) = @_;
	$leader = $cluster->wait_for_leader;
	my $after = $leader->lease_status;
	is(join(' ', $leader->name, $after->{timeline}), join(' ', $old->name, $before->{timeline}),
		"$name: the same node leads on its timeline");
	cmp_ok($after->{term}, '>', $before->{term}, "$name: in a new term");
	$cluster->poll_until(
		sub {
			$leader->value(q{SELECT count(*) FROM multiregion.event WHERE kind = 'lease_acquired'}
					. " AND reason = 'restart' AND term = $after->{term}");
		}, 10, 'the restart among the events');
	pass("$name: with cause restart");
	return;
}

# Stops the leader for good and returns the seconds that took.
sub time_of_stop
{
	my ($mode) = @_;
	$leader->{session} = undef;
	$leader->supervisor_off;
	my $begin = now();
	my $pid = $leader->signal_stop($mode);
	$cluster->poll_until(sub { !is_alive($pid) }, 60, $leader->name . ' to stop');
	return now() - $begin;
}

# --- killed while nobody has every byte --------------------------------------------------

my @receivers = hold_back(others());
write_row();
my $old = $leader;
my $before = $old->lease_status;
my $mark = $old->log_size;
$old->kill_postmaster;
$old->wait_for_log(qr/event release_withheld/, from => $mark);
kill 'CONT', @receivers;
leads_again($old, $before, 'nobody has every byte');
settle('nobody has every byte');

# --- parts of the server die ----------------------------------------------------------------

my $postmaster = $old->postmaster;
$before = $old->lease_status;
$old->crash_backend;
$cluster->poll_until(sub { (($old->lease_status // {})->{term} // 0) > $before->{term} }, 30, 'a new term');
leads_again($old, $before, 'a backend is killed');
is($old->postmaster, $postmaster, 'under the same postmaster');
settle('a backend is killed');

my ($worker) = $old->processes(qr/^postgres: (?:\S+: )?multiregion lease/);
$before = $old->lease_status;
kill 'TERM', $worker;
$cluster->poll_until(sub { (($old->lease_status // {})->{term} // 0) > $before->{term} }, 30, 'a new term');
leads_again($old, $before, 'the lease worker is terminated');
is($old->postmaster, $postmaster, 'under the same postmaster');
settle('the lease worker is terminated');

# --- restart under load -----------------------------------------------------------------------

my $probe = MultiRegion::Probe->start($cluster, $program);
$before = $old->lease_status;
my $begin = now();
$old->signal_stop('fast');
my $ack = $cluster->poll_until(sub { $probe->log->read_on->first_ack_after($begin, $old->name) }, 30,
	'writes to go on');
is($ack->{node}, $old->name, 'on_stop = stay: a restart shorter than the lease stays at home');
cmp_ok($ack->{at} - $begin, '<', $lease_seconds, 'and is over soon');
note(sprintf 'restart: %.3f s without an acknowledgement', $ack->{at} - $begin);
my $log = $probe->stop;
is(scalar $log->lost($old), 0, 'no acknowledged row is lost');
leads_again($old, $before, 'restart');
settle('restart');

# --- where an orderly stop hands the lease --------------------------------------------------------

my ($neighbour) = grep { $_->region eq $leader->region } others();
my ($third) = grep { $_ != $neighbour } others();
my $start_time = 'SELECT pg_postmaster_start_time()';
my $started = $third->safe_psql($start_time);
$cluster->set_policy('on_stop', 'region');
$probe = MultiRegion::Probe->start($cluster, $program);
$begin = now();
$leader->signal_stop('fast');
$ack = $cluster->poll_until(sub { $probe->log->read_on->first_ack_after($begin, $old->name) }, 30,
	'writes to go on');
is($ack->{node}, $neighbour->name, 'on_stop = region: the lease stays in the region');
cmp_ok($ack->{at} - $begin, '<', $lease_seconds, 'and no lease has to run out');
note(sprintf 'handover: %.3f s without an acknowledgement', $ack->{at} - $begin);
$log = $probe->stop;
settle('on_stop = region');
is($third->safe_psql($start_time), $started, 'the third node follows without a restart');
is(scalar $log->lost($leader), 0, 'no acknowledged row is lost');
is($cluster->poll_until(
		sub { $leader->value('SELECT cause FROM multiregion.failovers WHERE epoch = ' . $leader->lease_status->{term}) },
		10, 'the failover'), 'orderly_stop', 'recorded as an orderly stop');

# A neighbour that may not be promoted leaves the other region.
my ($far) = grep { $_->region ne $leader->region } $cluster->nodes;
my ($near) = grep { $_ != $far } others();
$cluster->set_policy('on_stop', 'any');
$near->safe_psql('SELECT pg_wal_replay_pause()');
$cluster->poll_until(
	sub {
		($leader->value(q{SELECT eligible FROM multiregion.member_status() WHERE node_name = '}
				. $near->name . q{'}) // '') eq 'f';
	}, 10, 'the primary to know');
$old = $leader;
$written++;
$old->safe_psql("SET synchronous_commit = off; INSERT INTO bench.probe VALUES (-$written)");
$begin = now();
$old->signal_stop('fast');
$leader = $cluster->wait_for_leader(not => $old);
is($leader->name, $far->name, 'on_stop = any: another region takes over');
cmp_ok(now() - $begin, '<', $lease_seconds, 'and no lease has to run out');
$near->safe_psql('SELECT pg_wal_replay_resume()');
settle('on_stop = any');

# A standby that lacks something when it is asked first is asked again.
$cluster->set_policy('stop_timeout', '5s');
@receivers = hold_back(others());
write_row();
$mark = $leader->log_size;
$old = $leader;
$old->signal_stop('fast');
$old->wait_for_log(qr/event release_sent/, from => $mark);
kill 'CONT', @receivers;
$leader = $cluster->wait_for_leader(not => $old);
isnt($leader->name, $old->name, 'a standby that catches up during the stop takes over');
settle('behind when asked first');
$cluster->set_policy('stop_timeout', '1s');

# --- stops end ---------------------------------------------------------------------------------

$cluster->set_policy('on_stop', 'stay');
cmp_ok(time_of_stop('smart'), '<', 10, 'a smart shutdown ends, whoever of the members is connected');
settle('smart shutdown');

my ($unreachable) = others();
$unreachable->freeze;
write_row();
cmp_ok(time_of_stop('fast'), '<', 5, 'a fast shutdown ends with a standby frozen that lacks something');
$unreachable->thaw;
settle('standby frozen');

($unreachable) = others();
$cluster->wait_caught_up;
$unreachable->freeze;
cmp_ok(time_of_stop('fast'), '<', 5, 'also with one that lacked nothing');
$unreachable->thaw;
settle('standby frozen at rest');

# --- power ----------------------------------------------------------------------------------------

write_row();
$old = $leader;
$_->kill_all foreach $cluster->nodes;
$old->start;
my $session = $cluster->poll_until(sub { $old->session }, 30, 'the old primary to accept a connection');
is($session->parameter('default_transaction_read_only'), 'on', 'started alone, the old primary is fenced');
is($session->query('INSERT INTO bench.probe VALUES (0)')->{sqlstate}, '25006', 'and refuses to write');
$_->start foreach $cluster->nodes;
settle('power cut');
is($session->query('INSERT INTO bench.probe VALUES (0)')->{sqlstate}, undef,
	'its session writes once the others are there');

my ($behind, $ahead) = others();
@receivers = hold_back($behind);
write_row();
my $lsn = $leader->safe_psql('SELECT pg_current_wal_flush_lsn()');
$cluster->poll_until(sub { $ahead->safe_psql("SELECT pg_last_wal_replay_lsn() >= '$lsn'") eq 't' }, 10,
	'one standby to have the row');
$old = $leader;
$_->kill_all foreach $cluster->nodes;
$_->start foreach $behind, $ahead;
$leader = $cluster->wait_for_leader(timeout => 30);
is($leader->name, $ahead->name, 'power cut without the old primary: the standby that is ahead leads');
is($leader->safe_psql("SELECT count(*) FROM bench.probe WHERE id < 0"), $written, 'with every row');
settle('power cut without the old primary');

done_testing();
