# A vote severs a standby from the old primary even while a query blocks its replay: a
# reload of primary_conninfo would hang behind the query, and the walreceiver would go on
# acknowledging. Method: replay blocked on one standby, the primary's lease worker frozen,
# so that the old primary lives on and would go on streaming.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(regions => 3,
	settings => { max_standby_streaming_delay => '-1' });
$cluster->start;
my $old = $cluster->wait_for_leader;
my ($next, $blocked) = grep { $_ != $old } $cluster->nodes;

sub streams_to
{
	my ($node) = @_;
	return scalar grep { $_ eq $node->name } $cluster->streaming($old);
}

# The one whose replay is blocked is not to be the next primary, though it has as much WAL.
$cluster->configure(sprintf q{SELECT pause_failover('10 min', node => '%s')}, $blocked->name);
$old->safe_psql('CREATE TABLE work (id int)');
$cluster->wait_caught_up;
my $reader = $blocked->session or die 'no session';
$reader->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
$reader->query('SELECT count(*) FROM work');
$old->safe_psql('DROP TABLE work');
$old->safe_psql('CREATE TABLE later (id int)');
$cluster->poll_until(
	sub {
		($blocked->value(q{SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()
			AND EXISTS (SELECT FROM pg_locks WHERE NOT granted)}) // '') eq 't';
	}, 30, 'replay to be blocked');
ok(streams_to($blocked), 'replay is blocked, the stream goes on');

$old->freeze_workers(qr/multiregion lease/);
is($cluster->wait_for_leader(not => $old, timeout => 30), $next, 'the other standby is elected');
$cluster->poll_until(sub { !streams_to($blocked) }, 10, 'the old stream to end');
pass('whoever voted has left the old primary');
is($reader->query('SELECT 1')->{rows}[0][0], 1, 'the query that blocks replay has survived');
$next->safe_psql('INSERT INTO later VALUES (1)');

$reader->query('ROLLBACK');
$cluster->wait_streaming(nodes => [$blocked], timeout => 60);
$cluster->poll_until(sub { ($blocked->value('SELECT count(*) FROM later') // 0) == 1 },
	30, 'the new row');
pass('unblocked, it follows the new primary');
$old->thaw_workers;
$cluster->wait_complete(90);
pass('the old primary is back as well');

done_testing();
