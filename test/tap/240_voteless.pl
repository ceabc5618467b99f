# A node without a vote can be the successor: with three regions the second node of a
# region has none, and is still where an orderly stop hands the lease (on_stop = region).
# Method: two nodes in the primary's region, one in each of two others.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(regions => [qw(US_EAST US_EAST EU_WEST AP_SOUTHEAST)]);
$cluster->start;
my ($first, $neighbour) = $cluster->nodes;

sub voters
{
	my $leader = $cluster->leader or return '';
	my $result = $leader->query(
		'SELECT node_name FROM multiregion.member_status() WHERE voter ORDER BY 1');
	return join(' ', map { $_->[0] } @{ $result->{rows} // [] });
}

is($cluster->wait_for_leader, $first, 'the first node leads');
$cluster->poll_until(sub { voters() eq 'n1 n3 n4' }, 30, 'one vote a region');
pass('the neighbour has no vote');
$first->safe_psql('CREATE TABLE work (id bigserial PRIMARY KEY)');
$first->safe_psql('INSERT INTO work DEFAULT VALUES');
$cluster->wait_caught_up;

$first->signal_stop('fast');
is($cluster->wait_for_leader(not => $first), $neighbour, 'an orderly stop hands over to it');
is($neighbour->safe_psql('SELECT count(*) FROM work'), 1, 'with every row');
$cluster->poll_until(
	sub {
		($neighbour->value('SELECT cause FROM multiregion.failovers ORDER BY epoch DESC LIMIT 1') // '')
			eq 'orderly_stop';
	}, 20, 'the record');
pass('the hand-over is recorded');
$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);
$cluster->poll_until(sub { voters() eq 'n2 n3 n4' }, 30, 'the vote of the region to move');
pass('the vote of the region has moved to it');

done_testing();
