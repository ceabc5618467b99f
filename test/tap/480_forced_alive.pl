# Break glass with a former primary that lives where nobody sees it. Proves that the lease
# it may have is waited for, so that it acknowledges nothing once the new quorum writes;
# that one which a pause has given a long lease is told of, for nobody can wait for that;
# and that each is discarded at its first sight of the new generation. Method: one cluster
# whose primary is cut off, twice: the second time the node that was forced is discarded
# itself, by a quorum of the third generation.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Probe;
use MultiRegion::Process qw(title_of);
use MultiRegion::Rejoin qw(run_join add_environment);

my $program = $ENV{MR_PROBE} // ($ENV{MR_TOP} // "$FindBin::Bin/../..") . '/build/test/probe.bin';
my $cluster = MultiRegion::Cluster->new(
	links => 1,
	policy => { health_check_interval => '1s', health_retry_interval => '200ms', failback => 'off' });
$cluster->start;
my ($first, $second, $third) = $cluster->nodes;
is($cluster->wait_for_leader, $first, 'the first node leads');
MultiRegion::Probe->make_table($first);
my $lost = $first->value(q{SELECT uuid FROM multiregion.node WHERE node_name = 'n2'});
$cluster->wait_caught_up;
my $probe = MultiRegion::Probe->start($cluster, $program);

# Nobody sees the node any more, nor does it see anybody; its clients do.
sub cut_off
{
	my ($node) = @_;
	$cluster->cut($node);
	$cluster->refuse($node);
	return;
}

sub let_back
{
	my ($node) = @_;
	$cluster->accept($node);
	$cluster->heal;
	return;
}

sub acks_of { return grep { $_->{node} eq $_[0]->name } $probe->log->read_on->acks }

# --- a lease of the usual length ------------------------------------------------------------

# Cut off at the very last: its lease is as fresh as can be.
$second->kill_all;
$third->stop;
cut_off($first);
my ($code, $output) = run_join($third, '--force-new-quorum', '--discard=n1,n2');
is($code, 0, 'a new quorum is forced');
like($output, qr/waiting \d+ ms for the end of the last lease/, 'after the end of the last lease');
unlike($output, qr/failover was paused/, 'which was an ordinary one');
$third->start;
# Before its monitor has come to retire them, those left out are strangers already.
$cluster->poll_until(sub { grep { title_of($_) =~ /monitor/ } $third->workers }, 30, 'its monitor to be there');
$third->freeze_workers(qr/monitor/);
is($cluster->wait_for_leader(not => $first, timeout => 30), $third, 'the last node leads');
is($third->query("SELECT multiregion.register_node('n2', '$lost')")->{sqlstate}, '28000', 'who was left out is not taken back');
my $clone = $third->query("BEGIN; SELECT multiregion.register_node('n2', gen_random_uuid()); ROLLBACK");
is($clone->{sqlstate}, undef, 'a clone of it would be') or diag($clone->{message});
$third->thaw_workers;
$cluster->poll_until(sub { acks_of($third) > 20 }, 20, 'it to acknowledge writes');
my ($taken_over) = map { $_->{at} } acks_of($third);
is(scalar(grep { $_->{at} > $taken_over } acks_of($first)), 0, 'the old primary acknowledged nothing after that');
ok($first->postmaster, 'though it lives');
is($first->query('INSERT INTO bench.probe VALUES (-1)')->{sqlstate}, '25006', 'and has clients');

my $from = $first->log_size;
let_back($first);
$first->wait_for_log(qr/event discarded/, from => $from);
$first->wait_for_log(qr/a clone is wanted by rule discarded/, from => $from);
pass('it learns that it was discarded, and stops');
is(scalar(grep { $_->{at} > $taken_over } acks_of($first)), 0, 'it never acknowledged anything again');

foreach my $node ($first, $second)
{
	$node->kill_all;
	add_environment($node, 'MULTIREGION_RECLONE', 'auto');
	$node->start;
}
$cluster->wait_complete(90);
pass('the cluster is whole');

# --- a lease as long as a pause ----------------------------------------------------------------

$third->safe_psql(q{SELECT pause_failover('10 min', reason => 'a test')});
$cluster->poll_until(sub { ($third->lease_status // {})->{lease_remaining_ms} > 60000 }, 20, 'the pause to be promised');
$cluster->wait_caught_up;
$second->kill_all;
$first->stop;
cut_off($third);
($code, $output) = run_join($first, '--force-new-quorum', '--discard=n2,n3', '--dry-run');
is($code, 0, 'a dry run');
like($output, qr/failover was paused: the old primary, if it lives, may acknowledge writes for up to \d{3} s more/,
	'says that the primary may have a long lease');
my $before = acks_of($third);
$cluster->poll_until(sub { acks_of($third) > $before + 20 }, 20, 'the primary to go on');
ok($third->is_writable, 'and so it has');
$third->kill_all;    # as one is told to make sure
($code, $output) = run_join($first, '--force-new-quorum', '--discard=n2,n3');
is($code, 0, 'a quorum of the third generation is forced');
like($output, qr/from term 8589934592 on/, 'its terms are above the second one\'s');
let_back($third);
$first->start;
is($cluster->wait_for_leader(timeout => 30), $first, 'it leads, in spite of the pause');
$from = $third->log_size;
add_environment($third, 'MULTIREGION_RECLONE', 'auto');
$_->start foreach $second, $third;
$third->wait_for_log(qr/rule newer_generation/, from => $from);
$cluster->wait_complete(90);
is($first->value(q{SELECT string_agg(cause, ' ' ORDER BY epoch) FROM multiregion.failovers WHERE cause = 'forced'}),
	'forced forced', 'both are on record');
is($first->value('SELECT count(*) FROM multiregion.member_status() WHERE voter'), 3, 'three votes again');
$probe->stop;
$cluster->stop;
done_testing();
