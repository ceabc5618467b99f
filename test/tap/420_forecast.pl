# What explain_failover() and the forecast say comes true: the successor, and about how
# long writes are down and what is lost. Method: one cluster; the forecast is read, then
# the primary's region is killed.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Probe;
use MultiRegion::Rejoin qw(row_of);

my $program = $ENV{MR_PROBE} // ($ENV{MR_TOP} // "$FindBin::Bin/../..") . '/build/test/probe.bin';
my $cluster = MultiRegion::Cluster->new(
	regions => [qw(US_EAST US_EAST EU_WEST AP_SOUTHEAST)],
	policy => { health_check_interval => '1s', failback => 'off' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
MultiRegion::Probe->make_table($leader);
my $probe = MultiRegion::Probe->start($cluster, $program);
my $log = $probe->log;
my $head_start = 0.05;    # s; what the first one has, and the log's own uncertainty

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub forecast { return row_of($_[0]->session, 'SELECT * FROM multiregion.failover_forecast()') }

sub winner
{
	my ($node, $down) = @_;
	return join(' ', map { $_->[0] } @{ $node->query(
		"SELECT DISTINCT node FROM explain_failover($down) WHERE wins")->{rows} });
}

# When a node asked for votes, in seconds of the day; after all others if it never did.
sub asked_at
{
	my ($node, $from) = @_;
	my ($hours, $minutes, $seconds) = $node->log_text($from) =~ / (\d\d):(\d\d):(\d\d\.\d+) .*event leader_silent/
		or return 1e9;
	return 3600 * $hours + 60 * $minutes + $seconds;
}

sub settle
{
	$leader = $cluster->settle;
	# What the primary knows reaches the others with its next heartbeats.
	$cluster->poll_until(
		sub { my %named = map { winner($_, '') => 1 } $cluster->nodes; keys %named == 1 && !$named{''} },
		10, 'all to name the same successor');
	# Each of them, too, has heard it since: what the primary thinks of a node that node knows from it.
	my $since = now();
	my $heard = sprintf q{SELECT heard_ms FROM multiregion.member_status() WHERE node_name = '%s'}, $leader->name;
	foreach my $node (grep { $_ != $leader } $cluster->nodes)
	{
		$cluster->poll_until(sub { my $ms = $node->value($heard); defined $ms && $ms < 1000 * (now() - $since) }, 10,
			$node->name . ' to have heard the primary');
	}
	return;
}

settle();
my ($same) = grep { $_ != $leader && $_->region eq $leader->region } $cluster->nodes;
my ($eu, $ap) = grep { $_->region ne $leader->region } $cluster->nodes;
is(winner($leader, ''), $same->name, 'the same region comes first');
is(winner($eu, ''), $same->name, 'a standby says the same, once it knows');
is(winner($leader, sprintf "ARRAY['%s']", lc $leader->region), $eu->name, 'with its region gone the next by priority');
is(winner($leader, sprintf "ARRAY['%s', '%s']", $leader->name, $same->name), $eu->name, 'nodes may be named');
is(winner($leader, sprintf "ARRAY['%s', '%s']", $leader->region, $eu->region), '', 'without a majority nobody');
is($leader->value(sprintf "SELECT count(*) FROM explain_failover(ARRAY['%s', '%s']) WHERE rule = 'alive' AND NOT passes",
		$leader->region, $eu->region), 3, 'who is assumed down is shown so');
is($leader->query(q{SELECT * FROM explain_failover(ARRAY['nowhere'])})->{sqlstate}, '42704', 'an unknown name is an error');
$same->safe_psql('SELECT pg_wal_replay_pause()');
$cluster->poll_until(sub { winner($leader, '') eq $eu->name }, 10, 'a paused standby not to win');
is($leader->value(sprintf "SELECT string_agg(rule, ' ') FROM explain_failover() WHERE node = '%s' AND NOT passes", $same->name),
	'replay_paused', 'and the rule says why');
$same->safe_psql('SELECT pg_wal_replay_resume()');
settle();

foreach my $round (1 .. 2)
{
	my $said = forecast($leader);
	my $killed = now();
	my $old = $leader;
	my $named = $cluster->node($said->{successor});
	my %from = map { $_->name => $_->log_size } $cluster->nodes;
	$old->kill_all;
	$leader = $cluster->wait_for_leader(not => $old);
	# The order is kept by a head start of some milliseconds. Who had heard the old primary
	# later than the next one by more than that asks for votes after it, and comes too late.
	my ($named_at, $won_at) = map { asked_at($_, $from{ $_->name }) } $named, $leader;
	ok($leader == $named || $named_at > $won_at - $head_start,
		"round $round: the successor is the one that was named, unless another one asked first");
	my $first = $cluster->poll_until(sub { $log->read_on->first_ack_after($killed, $old->name) }, 20, 'a write');
	my $outage = 1000 * ($first->{at} - $killed);
	cmp_ok(abs($outage - $said->{outage_ms}), '<', 1000,
		sprintf 'round %d: writes were down for %d ms, %d were said', $round, $outage, $said->{outage_ms});
	my $lost = grep { $_->{node} eq $old->name && $_->{at} < $killed } $log->lost($leader);
	cmp_ok($lost, '<=', $said->{commits_at_risk} + 5, "round $round: $lost commits lost, $said->{commits_at_risk} were at risk");
	settle();
}
$probe->stop;
done_testing();
