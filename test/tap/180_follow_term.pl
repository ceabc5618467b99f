# A standby streams only from the leader of the term it follows: another term is refused
# at the door, and a new term of the same leader ends the streams of the old one, so that
# nobody receives WAL of a leadership before its stamp.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(regions => 3);
$cluster->start;
my $leader = $cluster->wait_for_leader;

# Whether a walsender of the node admits a follower of a term ('' = none named): its words.
sub knock
{
	my ($node, $term) = @_;
	my $options = $term eq '' ? '' : " options='-c multiregion.follow_term=$term'";
	my $command = join ' ', map { quotemeta } "$cluster->{bindir}/psql", '-XAtqw', '-d',
		$node->connect_string . " replication=true$options", '-c', 'IDENTIFY_SYSTEM';
	return `$command 2>&1`;
}

my $term = $leader->lease_status->{term};
like(knock($leader, $term), qr/^\d+\|\d+\|/, 'a follower of the leader\'s term is served');
like(knock($leader, ''), qr/^\d+\|\d+\|/, 'so is whoever follows nobody (pg_basebackup)');
like(knock($leader, $term + 1), qr/this node does not lead term ${\($term + 1)}/,
	'a follower of another term is not');
my ($standby) = grep { $_ != $leader } $cluster->nodes;
like(knock($standby, $term), qr/this node does not lead term $term/, 'nor is anybody by a standby');

my $senders = q{SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_replication};
my $before = $leader->safe_psql($senders);
kill 'TERM', $leader->processes(qr/multiregion lease/);
$cluster->poll_until(
	sub {
		my $now = $cluster->leader;
		return $now && $now->lease_status->{term} > $term;
	}, 30, 'a new term');
is($cluster->leader, $leader, 'the same node leads again, in a new term');
$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 30);
my %after = map { $_ => 1 } split /,/, $leader->safe_psql($senders);
is(scalar(grep { $after{$_} } split /,/, $before), 0, 'every stream of the old term has ended');
$leader->safe_psql('CREATE TABLE work (id int)');
$cluster->wait_caught_up;
my $new = $leader->lease_status->{term};
foreach my $node ($cluster->nodes)
{
	$cluster->poll_until(sub { ($node->lease_status // {})->{log_term} == $new }, 20,
		$node->name . ' to hold WAL of the new term');
}
pass('all hold WAL of the new term, by their own log term');

done_testing();
