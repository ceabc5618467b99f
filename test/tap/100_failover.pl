# Unplanned failovers: what dies, who takes over, why, and what is written down; and when
# nobody may take over. Method: one cluster of three regions; after each failover the
# old primary comes back, so that the next scenario finds three members.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $lease_seconds = 3;
my $cluster = MultiRegion::Cluster->new(
	policy => { max_failover_lag => '1MB', health_check_interval => '1s' },
	settings => { wal_sender_timeout => "'60s'", wal_writer_delay => "'10s'" });
$cluster->start;
my $leader = $cluster->wait_for_leader;
$leader->safe_psql('CREATE TABLE kept (id int PRIMARY KEY)');
my $written = 0;

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub others { return grep { $_ != $leader } $cluster->nodes }

sub write_row
{
	$written++;
	$leader->safe_psql("INSERT INTO kept VALUES ($written)");
	return;
}

# What a node's member_status() says of a node, by default of itself.
sub own_row
{
	my ($node, $about) = @_;
	my $result = $node->query(q{SELECT eligible, coalesce(reason, '') AS reason}
			. q{ FROM multiregion.member_status() WHERE node_name = '} . ($about // $node)->name . q{'});
	my %row = (eligible => 'f', reason => 'unknown');
	@row{ @{ $result->{columns} } } = @{ $result->{rows}[0] } if @{ $result->{rows} // [] };
	return \%row;
}

# Everybody is back, has the same rows and is part of the same cluster.
sub settle
{
	my ($name) = @_;
	$_->start foreach $cluster->nodes;
	$cluster->wait_complete(60);
	$leader = $cluster->wait_for_leader;
	write_row();
	$cluster->wait_caught_up;
	# A node that the primary found down is no candidate until it was told otherwise.
	$cluster->poll_until(
		sub { ($leader->value(q{SELECT bool_and(status = 'up') FROM multiregion.member_status()}) // '') eq 't' },
		20, 'the primary to find everybody up');
	foreach my $standby (others())
	{
		$cluster->poll_until(sub { own_row($standby)->{eligible} eq 't' }, 20, $standby->name . ' to be fit');
	}
	is(join(' ', map { $_->safe_psql('SELECT count(*) FROM kept') } $cluster->nodes),
		join(' ', ($written) x 3), "$name: every node has every row");
	return;
}

sub failover_row
{
	my ($cause) = @_;
	my $term = $leader->lease_status->{term};
	my $result = $cluster->poll_until(
		sub {
			my $found = $leader->query('SELECT cause, from_node, from_region, to_node, to_region,'
					. ' detected_at IS NOT NULL AND detected_at <= elected_at AND elected_at <= promoted_at'
					. ' AND promoted_at <= open_at AND duration_ms >= 0'
					. " FROM multiregion.failovers WHERE epoch = $term AND open_at IS NOT NULL");
			return @{ $found->{rows} // [] } ? $found->{rows}[0] : undef;
		}, 10, 'the failover to be recorded');
	return join(' ', @$result);
}

# Newest event of a node, as "kind reason", that it has seen since an event's number.
sub last_event { return $_[0]->value('SELECT coalesce(max(sequence), 0) FROM multiregion.pending_events(0)') }

sub wait_for_refusal
{
	my ($node, $since, $reason) = @_;
	$cluster->poll_until(
		sub {
			$node->value("SELECT count(*) FROM multiregion.pending_events($since)"
					. " WHERE kind = 'candidate_refused' AND reason = '$reason'");
		}, 20, $node->name . " to refuse with $reason");
	pass($node->name . " is no candidate: $reason");
	return;
}

# --- the postmaster dies --------------------------------------------------------------

write_row();
$cluster->wait_caught_up;
my %before = map { $_->name => $_->safe_psql('SELECT pg_postmaster_start_time(), pg_conf_load_time()') } others();
my $old = $leader;
my $fault = now();
$old->kill_postmaster;
$leader = $cluster->wait_for_leader(not => $old);
cmp_ok(now() - $fault, '<', $lease_seconds + 2, 'postmaster killed: another node is writable soon');
is(failover_row(), join(' ', 'primary_crash', $old->name, $old->region, $leader->name, $leader->region, 't'),
	'the failover is recorded with its cause and its times in order');
my ($survivor) = grep { $_ != $old } others();
$cluster->wait_streaming(nodes => [$survivor]);
is($survivor->safe_psql('SELECT pg_postmaster_start_time(), pg_conf_load_time()'), $before{ $survivor->name },
	'the other standby follows without restart or reload');
is($leader->safe_psql('SELECT pg_postmaster_start_time(), pg_conf_load_time()'), $before{ $leader->name },
	'and the successor was promoted without either');
settle('postmaster killed');
isnt($leader->name, $old->name, 'the old primary came back as a standby');
is($old->safe_psql('SELECT pg_is_in_recovery()'), 't', 'in recovery');

# --- the region dies --------------------------------------------------------------------

$old = $leader;
$fault = now();
$old->kill_all;
$leader = $cluster->wait_for_leader(not => $old);
cmp_ok(now() - $fault, '<', $lease_seconds + 3, 'region killed: writable after the lease');
is(failover_row(), join(' ', 'lease_expired', $old->name, $old->region, $leader->name, $leader->region, 't'),
	'recorded as the end of a lease');
settle('region killed');

# --- too far behind -----------------------------------------------------------------------

my @frozen = map { $_->processes(qr/^postgres: (?:\S+: )?walreceiver/) } others();
is(scalar @frozen, 2, 'two walreceivers');
kill 'STOP', @frozen;
my %since = map { $_->name => last_event($_) } others();
# More than the buffers of a socket hold: those reach a standby even after the end.
$leader->safe_psql('CREATE TABLE filled AS SELECT repeat(\'x\', 1000) FROM generate_series(1, 40000)',
	timeout => 30);
my $end = $leader->safe_psql('SELECT pg_current_wal_flush_lsn()');
foreach my $standby (others())
{
	# What the last heartbeat told it is all that a standby can know.
	$cluster->poll_until(
		sub { $standby->value('SELECT max(wal_end) >= \'' . $end . q{' FROM multiregion.member_status()}) eq 't' },
		10, $standby->name . ' to know how far the primary is');
}
$old = $leader;
$old->kill_all;
wait_for_refusal($_, $since{ $_->name }, 'lag') foreach others();
is($cluster->leader, undef, 'nobody that is further behind than max_failover_lag is promoted');
like(own_row($_)->{reason}, qr/max_failover_lag/, $_->name . ' says why') foreach others();
kill 'CONT', @frozen;
settle('too far behind');
is($leader->name, $old->name, 'the old primary leads again');
is($leader->safe_psql('SELECT count(*) FROM filled'), 40000, 'and nothing is lost');
# Counting has set hint bits, which is as much WAL again.
$cluster->wait_caught_up;
$cluster->poll_until(
	sub {
		$leader->value(q{SELECT count(*) FROM multiregion.event WHERE kind = 'lease_acquired'}
				. q{ AND reason = 'restart' AND term = } . $leader->lease_status->{term});
	}, 10, 'the restart among the events');
pass('recorded as a restart');

# --- paused and delayed -------------------------------------------------------------------

my ($paused, $delayed) = others();
%since = map { $_->name => last_event($_) } others();
$paused->safe_psql('SELECT pg_wal_replay_pause()');
$delayed->safe_psql(q{ALTER SYSTEM SET recovery_min_apply_delay = '1h'});
$delayed->safe_psql('SELECT pg_reload_conf()');
foreach my $standby ($paused, $delayed)
{
	$cluster->poll_until(
		sub { own_row($leader, $standby)->{eligible} eq 'f' },
		10, 'the primary to know that ' . $standby->name . ' is no successor');
	# It judges itself with every tick, a little later than it answers the primary.
	$cluster->poll_until(sub { (own_row($standby)->{reason} // '') =~ /paused or delayed/ },
		10, $standby->name . ' to say why it is no successor');
	pass($standby->name . ' says why it is no successor');
}
$old = $leader;
$old->kill_all;
wait_for_refusal($_, $since{ $_->name }, 'replay_paused') foreach $paused, $delayed;
is($cluster->leader, undef, 'neither a paused nor a delayed standby is promoted');
$delayed->safe_psql('ALTER SYSTEM RESET recovery_min_apply_delay');
$delayed->safe_psql('SELECT pg_reload_conf()');
$leader = $cluster->wait_for_leader;
is($leader->name, $delayed->name, 'without the delay it is, with nobody asking for it');
is($paused->safe_psql('SELECT pg_get_wal_replay_pause_state()'), 'paused', 'the other one stays paused');
like(failover_row(), qr/^lease_expired $old->{name} /, 'recorded');
$paused->safe_psql('SELECT pg_wal_replay_resume()');
settle('paused and delayed');

# --- switched off ---------------------------------------------------------------------------

my %version = map { $_->name => $_->lease_status->{config_version} } others();
$leader->safe_psql(q{SELECT multiregion.set_policy('auto_failover', 'off')});
$cluster->poll_until(sub { !grep { $_->lease_status->{config_version} == $version{ $_->name } } others() },
	10, 'the policy to arrive');
%since = map { $_->name => last_event($_) } others();
$old = $leader;
$old->kill_all;
wait_for_refusal($_, $since{ $_->name }, 'failover_off') foreach others();
is($cluster->leader, undef, 'without automatic failover nobody takes over');
$old->start;
$leader = $cluster->wait_for_leader;
is($leader->name, $old->name, 'and the old primary leads again when it comes back');
$leader->safe_psql(q{SELECT multiregion.set_policy('auto_failover', 'on')});
settle('switched off');

done_testing();
