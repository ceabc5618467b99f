# Break glass: two of three regions are gone for good, the third is made to lead by
# multiregion-join --force-new-quorum, and then the two come back with what they had.
# Proves that nothing is forced while it need not be, what is said about the loss, that
# those left out end fenced or as clones and never acknowledge anything, and that the
# cluster grows to three votes again. Method: one cluster, the story in order.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(run_join add_environment row_of);

my $cluster = MultiRegion::Cluster->new(
	regions => 3,
	policy => { health_check_interval => '1s', health_retry_interval => '200ms' });
$cluster->start;
my ($first, $second, $third) = $cluster->nodes;
is($cluster->wait_for_leader, $first, 'the first node leads');
$first->safe_psql('CREATE TABLE work (id int PRIMARY KEY)');
$first->safe_psql('INSERT INTO work VALUES (1)');
$cluster->wait_caught_up;
my %old_uuid = map { @$_ } @{ $first->query('SELECT node_name, uuid FROM multiregion.node')->{rows} };

# --- what is refused while it is not needed --------------------------------------------------------

$third->stop;
my ($code, $output) = run_join($third, '--force-new-quorum', '--discard=n1,n2');
is($code, 2, 'nothing is forced while somebody leads');
like($output, qr/node "n1" leads/, 'and it says who');
# What the third node will never see.
$first->safe_psql('INSERT INTO work VALUES (2)');
$cluster->poll_until(sub { ($second->value('SELECT count(*) FROM work') // 0) == 2 }, 30, 'n2 to have it');
$_->kill_all foreach $first, $second;
($code, $output) = run_join($third, '--force-new-quorum', '--discard=n1');
is($code, 2, 'nothing is forced while those that stay could elect a leader');
like($output, qr/have a majority of the votes/, 'and it says so');
($code, $output) = run_join($third, '--force-new-quorum', '--discard=n1,n9');
is($code, 1, 'an unknown name is a wrong call');
($code, $output) = run_join($third, '--force-new-quorum', '--discard=n1,n2,n3');
is($code, 2, 'a node cannot discard itself');
($code, $output) = run_join($third, '--force-new-quorum');
is($code, 1, 'the lost nodes must be named');

# --- a dry run, and the act --------------------------------------------------------------------------

($code, $output) = run_join($third, '--force-new-quorum', '--discard', 'n1, n2', '--dry-run');
is($code, 0, 'a dry run');
like($output, qr{node "n3" of region AP_SOUTHEAST: term \d+, WAL of term \d+ up to 0/[0-9A-F]+ on timeline 1},
	'says what this node holds');
like($output, qr/the last leader .*will be lost/, 'and that something may be lost');
like($output, qr/node "n1" of region US_EAST \(voter, does not answer\): discarded/, 'and who is discarded');
like($output, qr/nothing was changed/, 'and that nothing was changed');
$third->start;
$cluster->poll_until(sub { $third->lease_status }, 30, 'the last node to answer');
ok(!$third->is_writable, 'alone it is fenced');
$third->stop;
($code, $output) = run_join($third, '--force-new-quorum', '--discard', 'n1, n2');
is($code, 0, 'a new quorum is forced');
like($output, qr/this node is the only voter, from term 4294967296 on/, 'in the next generation');
($code, $output) = run_join($third, '--force-new-quorum', '--discard', 'n1, n2');
is($code, 2, 'not twice');
$third->start;
is($cluster->wait_for_leader(timeout => 30), $third, 'the last node leads');
$third->safe_psql('INSERT INTO work VALUES (3)');
my $status = $third->lease_status;
cmp_ok($status->{term}, '>', 4294967296, 'its term is above all others');
cmp_ok($status->{timeline}, '>', 16, 'and so is its timeline');
$cluster->poll_until(
	sub { defined $third->value(q{SELECT 1 FROM multiregion.failovers WHERE cause = 'forced'}) },
	20, 'the record of it');
is_deeply([ @{ row_of($third, q{SELECT rule, to_node FROM multiregion.failovers WHERE cause = 'forced'}) }
		{qw(rule to_node)} ], [qw(forced n3)], 'recorded as forced');
$cluster->poll_until(
	sub { ($third->value(q{SELECT count(*) FROM multiregion.retired_identity WHERE reason = 'forced'}) // 0) == 2 },
	20, 'the two identities to be retired');
pass('the identities of the two are retired');
my $result = $third->query("SELECT multiregion.register_node('n1', '$old_uuid{n1}')");
is($result->{sqlstate}, '28000', 'and cannot be registered again');

# --- the former primary comes back: its supervisor must not replace its data ------------------------

my $from = $first->log_size;
$first->start;
$first->wait_for_log(qr/rule ask_first/, from => $from);
my $log = $first->log_text($from);
like($log, qr/asking the leader whether it knows this node; rule newer_generation/,
	'the former primary asks whether it is still a member');
like($log, qr/identity of node "n1" is not valid any more/, 'it is not');
like($log, qr/a clone is wanted by rule discarded/, 'and only a clone would help');
ok(!$first->postmaster, 'so it does not start');

# --- the other one starts while the new primary cannot answer, and learns it running ----------------

add_environment($second, 'MULTIREGION_RECLONE', 'auto');
$from = $second->log_size;
$third->freeze;
$second->start;
$cluster->poll_until(sub { $second->lease_status }, 60, 'the second node to run with its old state');
my $wrote = $second->query('INSERT INTO work VALUES (4)');
is($wrote->{sqlstate}, '25006', 'of the old generation alone it acknowledges nothing');
$third->thaw;
$second->wait_for_log(qr/cloned from "n3"/, from => $from, timeout => 60);
$log = $second->log_text($from);
like($log, qr/rule discarded: the node's identity is not valid any more/, 'it learns that it was left out');
like($log, qr/the old data directory is now/, 'its old data are kept aside');
$cluster->wait_streaming(nodes => [$second], timeout => 60);
is($second->value('SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM work'), '1 3', 'it is a copy now');
isnt($third->value(q{SELECT uuid FROM multiregion.node WHERE node_name = 'n2'}), $old_uuid{n2},
	'with an identity of its own');

# --- and the cluster is whole again ---------------------------------------------------------------------

$first->kill_all;
add_environment($first, 'MULTIREGION_RECLONE', 'auto');
$first->start;
$cluster->wait_complete(90);
is($third->value('SELECT count(*) FROM multiregion.member_status() WHERE voter'), 3, 'three votes again');
is($third->value(q{SELECT count(*) FROM multiregion.divergence WHERE node IN ('n1', 'n2')}), 2,
	'what was lost with the two is recorded');
$third->kill_all;
my $next = $cluster->wait_for_leader(not => $third, timeout => 30);
$next->safe_psql('INSERT INTO work VALUES (5)');
is($next->value('SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM work'), '1 3 5',
	'a failover works as ever');
$third->start;
$cluster->wait_streaming(nodes => [$third], timeout => 60);
pass('and so does the return of the node that was forced');
$cluster->stop;

done_testing();
