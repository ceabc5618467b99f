# A standby that was away during two failovers, with WAL that the first successor never
# had: the newest fork alone does not show it. It is told to stop, and rewound. Method: it
# is frozen with everything it knows, so that no start of it brings it to
# multiregion-join before it follows the new leader.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(walsender_of);

# n2 has no vote: it may be ahead of the majority that elects the next leader.
my $cluster = MultiRegion::Cluster->new(
	regions => [qw(US_EAST US_EAST EU_WEST AP_SOUTHEAST)],
	settings => { wal_receiver_timeout => "'60s'" });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($first, $ahead, @others) = $cluster->nodes;
$cluster->poll_until(
	sub {
		my $voters = $leader->query('SELECT node_name FROM multiregion.member_status() WHERE voter'
				. ' ORDER BY node_name')->{rows} // [];
		return "@{[ map { $_->[0] } @$voters ]}" eq 'n1 n3 n4';
	}, 30, 'one vote a region');
$leader->safe_psql('CREATE TABLE work (id bigserial PRIMARY KEY, origin text)');
$cluster->wait_caught_up;

kill 'STOP', map { walsender_of($leader, $_) } @others;
$leader->safe_psql(q{INSERT INTO work (origin) SELECT 'lost' FROM generate_series(1, 50)});
$cluster->poll_until(sub { ($ahead->value('SELECT count(*) FROM work') // 0) == 50 },
	30, 'the standby to get ahead of the others');
$ahead->freeze;
$first->kill_all;
foreach my $round (1, 2)
{
	my $old = $leader;
	$leader = $cluster->wait_for_leader(not => $old, timeout => 40);
	is($leader->value(q{SELECT count(*) FROM work WHERE origin = 'lost'}),
		0, 'the next leader has not got the last rows') if $round == 1;
	$leader->safe_psql("INSERT INTO work (origin) SELECT 'round $round' FROM generate_series(1, 100)");
	$old->start;
	$cluster->wait_streaming(nodes => [ grep { $_ != $ahead } $cluster->nodes ], timeout => 60);
	$cluster->poll_until(
		sub {
			my $eligible = q{SELECT eligible FROM multiregion.member_status() WHERE node_name = '};
			return !grep { ($_->value($eligible . $_->name . q{'}) // '') ne 't' } $first, @others;
		}, 40, 'everybody else to be fit');
	$leader->kill_all if $round == 1;
}

my $from = $ahead->log_size;
$ahead->thaw;
$ahead->wait_for_log(qr/rewinding; rule past_fork/, from => $from, timeout => 80);
pass('a standby that missed a fork behind its own end is rewound');
$cluster->wait_streaming(nodes => [$ahead], timeout => 30);
$cluster->wait_caught_up;
is($ahead->value('SELECT count(*) FROM work'), 200, 'and has what the leader has');
is($leader->value(q{SELECT count(*) FROM multiregion.divergence WHERE node = 'n2'}), 1,
	'what it had alone is recorded');

done_testing();
