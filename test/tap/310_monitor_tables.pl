# What the monitor of the primary does with tables: it records events and failovers
# once, turns changes of nodes and policy into configurations, keeps slots on every
# node, and is in nobody's way. Method: one cluster; each change is awaited where it
# has to arrive.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(policy => { health_check_interval => '1s' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($second, $third) = grep { $_ != $leader } $cluster->nodes;

sub duplicates
{
	return $leader->value('SELECT count(*) FROM (SELECT FROM multiregion.event'
			. ' GROUP BY node, boot, sequence HAVING count(*) > 1) AS d');
}

sub slots_of
{
	my ($node) = @_;
	my $result = $node->query('SELECT n.node_name, s.restart_lsn, s.active'
			. ' FROM pg_replication_slots AS s JOIN multiregion.node AS n'
			. q{ ON s.slot_name = 'mr_' || replace(n.uuid::text, '-', '') ORDER BY n.node_name});
	return map { $_->[0] => $_->[1] } @{ $result->{rows} // [] };
}

# --- events -----------------------------------------------------------------------

foreach my $node ($cluster->nodes)
{
	$cluster->poll_until(
		sub {
			$leader->value('SELECT count(*) FROM multiregion.event WHERE kind = \'started\''
					. ' AND node = \'' . $node->name . q{'});
		}, 30, 'the start of ' . $node->name);
	pass('the start of ' . $node->name . ' is in the table of the primary');
}
my $monitor = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'multiregion monitor'};
my $pid = $leader->value($monitor);
ok($pid, 'the monitor can be seen');
$leader->safe_psql("SELECT pg_terminate_backend($pid)");
$cluster->poll_until(sub { ($leader->value($monitor) // $pid) != $pid }, 30, 'a new monitor');
my $since = $leader->safe_psql('SELECT clock_timestamp()');
$leader->safe_psql("SELECT multiregion.set_policy('health_retry_interval', '200ms')");
$cluster->poll_until(
	sub {
		$leader->value('SELECT count(*) FROM multiregion.event WHERE kind = \'configuration\''
				. " AND at >= '$since'") == 3;
	}, 30, 'the new configuration on all nodes');
is(duplicates(), 0, 'a new monitor records nothing twice');

# --- configuration ------------------------------------------------------------------

my $version = $second->value('SELECT config_version FROM multiregion.lease_status()');
$leader->safe_psql("SELECT multiregion.set_policy('max_failover_lag', '1MB')");
$cluster->poll_until(
	sub { $second->value('SELECT config_version FROM multiregion.lease_status()') > $version },
	10, 'the change of policy on a standby');
pass('a change of policy reaches the configuration of a standby');
$version = $leader->value('SELECT config_version FROM multiregion.lease_status()');
$leader->safe_psql("SELECT multiregion.set_policy('max_failover_lag', '1MB')");
$leader->safe_psql("SELECT multiregion.set_policy('health_check_interval', '900ms')");
$cluster->poll_until(
	sub { $leader->value('SELECT config_version FROM multiregion.lease_status()') > $version },
	10, 'the next configuration');
is($leader->value('SELECT config_version FROM multiregion.lease_status()'),
	$version + 1, 'what changes nothing makes no configuration');
is($leader->value('SELECT count(*) FROM multiregion.member_status() WHERE voter'),
	3, 'three regions have three votes');

# --- slots --------------------------------------------------------------------------

foreach my $node ($cluster->nodes)
{
	my @others = map { $_->name } grep { $_ != $node } $cluster->nodes;
	$cluster->poll_until(sub { my %slots = slots_of($node); "@{[ sort keys %slots ]}" eq "@{[ sort @others ]}" },
		30, 'slots on ' . $node->name);
	pass($node->name . ' has a slot for each other node');
}
my %before = slots_of($second);
$leader->safe_psql('CREATE TABLE filled AS SELECT repeat(\'x\', 100) FROM generate_series(1, 1000)');
$leader->safe_psql('CHECKPOINT');
$cluster->wait_caught_up;
$second->safe_psql('CHECKPOINT');
$cluster->poll_until(
	sub {
		my %after = slots_of($second);
		return !grep { ($after{$_} // '') eq ($before{$_} // '') } keys %before;
	}, 30, 'the slots of a standby to move');
pass('the slots of a standby move with it');

# --- other databases -----------------------------------------------------------------

$leader->safe_psql('CREATE DATABASE other');
my $begin = clock_gettime(CLOCK_MONOTONIC);
$leader->safe_psql('DROP DATABASE other', timeout => 30);
cmp_ok(clock_gettime(CLOCK_MONOTONIC) - $begin,
	'<', 10, 'DROP DATABASE of another database ends');

# --- failover --------------------------------------------------------------------------

my $old = $leader;
$old->supervisor_off;
$old->kill_postmaster;
$leader = $cluster->wait_for_leader(not => $old);
my $row = $cluster->poll_until(
	sub {
		my $result = $leader->query(
			'SELECT epoch, cause, from_node, from_region, to_node, to_region,'
				. ' detected_at IS NOT NULL, elected_at <= promoted_at, promoted_at <= open_at'
				. ' FROM multiregion.failover WHERE open_at IS NOT NULL');
		return @{ $result->{rows} // [] } ? $result->{rows} : undef;
	}, 5, 'the failover in the table');
is(scalar @$row, 1, 'a failover is one row');
is($row->[0][0], $leader->lease_status->{term}, 'its epoch is the term');
like($row->[0][1], qr/^(primary_crash|lease_expired)$/, 'its cause is known');
is("@{$row->[0]}[2 .. 5]",
	join(' ', $old->name, $old->region, $leader->name, $leader->region),
	'from where to where');
is("@{$row->[0]}[6 .. 8]", 't t t', 'its times are in order');
$leader->safe_psql('INSERT INTO filled VALUES (\'first\')');
$cluster->poll_until(
	sub { $leader->value('SELECT first_write_at IS NOT NULL FROM multiregion.failover') eq 't' },
	10, 'the first write');
pass('the first write of a client is recorded');
my ($standby) = grep { $_ != $old && $_ != $leader } $cluster->nodes;
$cluster->poll_until(
	sub {
		$leader->value('SELECT count(*) FROM multiregion.event WHERE kind = \'leader_changed\''
				. ' AND node = \'' . $standby->name . q{'});
	}, 10, 'the events of the other standby');
pass('the new primary collects the events of the other standby');
is(duplicates(), 0, 'and records nothing twice');

# --- a node leaves ---------------------------------------------------------------------

$old->start;
$cluster->wait_streaming(nodes => [ $cluster->nodes ]);
$standby->stop;
$leader->safe_psql(q{SELECT drop_node('} . $standby->name . q{')});
$cluster->poll_until(
	sub {
		$leader->value('SELECT count(*) FROM multiregion.member_status()') == 2
			&& $leader->value('SELECT count(*) FROM multiregion.member_status() WHERE voter') == 1;
	}, 30, 'two members and one vote');
pass('of two nodes left, the primary alone votes');
foreach my $node ($leader, $old)
{
	$cluster->poll_until(
		sub { $node->value(q{SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'mr\_%'}) == 1 },
		30, 'the slot to go');
}
pass('the slot of a dropped node goes on every node');

done_testing();
