# What the monitors see: health of every node from every node, another server on a
# member's port, lag of a standby that does not replay. Method: one cluster with short
# intervals; after each fault, wait until the others say so.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(
	policy => {
		health_check_interval => '1s',
		health_retry_interval => '100ms',
		max_consecutive_failures => '3' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($second, $third) = grep { $_ != $leader } $cluster->nodes;

# member_status() of one node about another, as a hash.
sub status_of
{
	my ($seer, $seen) = @_;
	my $result = $seer->query(
		'SELECT * FROM multiregion.member_status() WHERE node_name = \'' . $seen->name . q{'});
	my %row;
	return {} unless @{ $result->{rows} // [] };
	@row{ @{ $result->{columns} } } = @{ $result->{rows}[0] };
	return \%row;
}

sub wait_for_status
{
	my ($seen, $status, @seers) = @_;
	foreach my $seer (@seers)
	{
		$cluster->poll_until(sub { (status_of($seer, $seen)->{status} // '') eq $status },
			30, $seer->name . ' to see ' . $seen->name . " $status");
		pass($seer->name . ' sees ' . $seen->name . " $status");
	}
	return;
}

# Events in the table, the details of those about a subject.
sub details
{
	my ($kind, $subject, $since) = @_;
	my $result = $leader->query(
		"SELECT node, detail FROM multiregion.event WHERE kind = '$kind'"
			. " AND subject = '$subject' AND at >= '$since' ORDER BY node");
	return @{ $result->{rows} // [] };
}

# Positions of the nodes, as the whole cluster knows them.
foreach my $seen ($cluster->nodes)
{
	wait_for_status($seen, 'up', $cluster->nodes);
}

# --- a node that stops -----------------------------------------------------------------

my $since = $leader->safe_psql('SELECT clock_timestamp()');
$third->kill_all;
wait_for_status($third, 'down', $leader, $second);
cmp_ok(status_of($leader, $third)->{consecutive_failures},
	'>=', 3, 'three failures in a row mark a node as down');
is($leader->lease_status->{primary_node}, $leader->name, 'health starts no election');
$cluster->poll_until(sub { details('node_down', $third->name, $since) == 2 },
	30, 'both remaining nodes to have recorded it');
is(join(' ', map { $_->[0] } details('node_down', $third->name, $since)),
	join(' ', sort map { $_->name } $leader, $second),
	'both remaining nodes report it, each once');
like((details('node_down', $third->name, $since))[0][1],
	qr/^unreachable: /, 'and say why');
ok(scalar details('region_down', $third->region, $since), 'its region is down with it');

# --- another server on its port --------------------------------------------------------

my $stranger = MultiRegion::Cluster->new(name => 'stranger', managed => 0);
$stranger->node(0)->{$_} = $third->port foreach qw(port public_port);
$stranger->start;
# Else it could not even be asked who it is.
$stranger->node(0)->safe_psql('CREATE ROLE multiregion_peer LOGIN');
my $error = $cluster->poll_until(
	sub {
		$leader->value('SELECT detail FROM multiregion.member_status() AS m, LATERAL'
				. ' (SELECT m.reason AS detail) AS d WHERE node_name = \''
				. $third->name . q{' AND m.reason LIKE 'wrong_server:%'});
	}, 30, 'the stranger to be told apart');
like($error, qr/^wrong_server: /, 'a server without the extension is a wrong server');
is(status_of($leader, $third)->{status}, 'down', 'and the node stays down');
$stranger->stop;

$since = $leader->safe_psql('SELECT clock_timestamp()');
$third->start;
wait_for_status($third, 'up', $leader, $second);
$cluster->wait_streaming;
$cluster->poll_until(sub { details('node_up', $third->name, $since) >= 2 },
	30, 'both to have recorded its return');
pass('its return is recorded');

# --- a standby that does not replay ---------------------------------------------------

$cluster->wait_caught_up;
$cluster->poll_until(sub { (status_of($leader, $third)->{lag_bytes} // -1) == 0 },
	30, 'no lag');
$third->safe_psql('SELECT pg_wal_replay_pause()');
$leader->safe_psql('CREATE TABLE filled AS SELECT repeat(\'x\', 100) FROM generate_series(1, 1000)');
foreach my $seer ($cluster->nodes)
{
	my $first = $cluster->poll_until(
		sub {
			my $row = status_of($seer, $third);
			return ($row->{lag_bytes} // 0) > 50_000 && ($row->{lag_ms} // 0) > 500 ? $row : undef;
		}, 30, $seer->name . ' to see the lag');
	$cluster->poll_until(
		sub { (status_of($seer, $third)->{lag_ms} // 0) >= $first->{lag_ms} + 1000 },
		30, $seer->name . ' to see the lag grow');
	pass($seer->name . ' sees the lag of a paused standby grow with its own clock');
}
is(status_of($third, $leader)->{lag_bytes}, 0, 'the leader is not behind itself');
$third->safe_psql('SELECT pg_wal_replay_resume()');
foreach my $seer ($cluster->nodes)
{
	$cluster->poll_until(
		sub {
			my $row = status_of($seer, $third);
			return ($row->{lag_bytes} // -1) == 0 && $row->{lag_ms} == 0;
		}, 30, $seer->name . ' to see it caught up');
}
pass('resumed, it catches up');

done_testing();
