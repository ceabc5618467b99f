# A witness: two regions with data and a third that only votes. Proves that two regions
# alone have one vote, that the witness makes three, that with its vote the other region
# takes over, that it never holds data or acknowledges anything, that it objects to who
# lacks too much, and that its restart, loss and replacement stop nothing. Method: one
# cluster, the story in order.
use strict;
use warnings;

use File::Path qw(remove_tree);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(run_join make_witness row_of);

my $cluster = MultiRegion::Cluster->new(
	regions => [qw(US_EAST EU_WEST)],
	policy => {
		health_check_interval => '1s',
		health_retry_interval => '200ms',
		max_failover_lag => '1MB' });
$cluster->start;
my ($first, $second) = $cluster->nodes;
is($cluster->wait_for_leader, $first, 'the first node leads');
$first->safe_psql('CREATE TABLE work (id serial PRIMARY KEY, filler text)');

sub votes
{
	my ($leader) = @_;
	return $leader->value('SELECT count(*) FROM multiregion.member_status() WHERE voter') // 0;
}

sub wait_votes
{
	my ($leader, $count, $what) = @_;
	$cluster->poll_until(sub { votes($leader) == $count }, 60, "$count votes");
	pass("$what: $count votes");
	return;
}

wait_votes($first, 1, 'two regions');
my $finding = row_of($first, q{SELECT ok, severity, detail, hint FROM multiregion.check() WHERE name = 'voters'});
is_deeply([ @$finding{qw(ok severity)} ], [qw(f warning)], 'check() warns of it');
is($finding->{detail}, '1 of 2 nodes has a vote; failover is not automatic.', 'and says what it means');
like($finding->{hint}, qr/add_witness/, 'and what to do');
$cluster->poll_until(
	sub { defined $first->value(q{SELECT 1 FROM multiregion.events WHERE kind = 'votes_missing'}) },
	30, 'the event');
pass('and there is an event');

# --- adding it --------------------------------------------------------------------------------------

$first->safe_psql(q{SELECT add_region('AP_SOUTHEAST', 'ap-southeast-1', 'Asia Pacific Southeast')});
my $witness = $cluster->plan_another('AP_SOUTHEAST');
my $result = $first->query(q{SELECT add_witness('n3', 'AP_SOUTHEAST', '} . $second->conninfo . q{')});
is($result->{sqlstate}, '22023', 'a copy of the data is no witness');
like($result->{message}, qr/leads to a server with this server's data/, 'and that is said');
is($first->safe_psql(q{SELECT add_witness('n3', 'AP_SOUTHEAST', '} . $witness->conninfo . q{')}), 'n3',
	'a witness is added');
my ($code, $output) = run_join($witness, '--witness');
is($code, 2, 'an empty folder is no witness');
like($output, qr/rule witness_missing/, 'and that is said');
make_witness($cluster, $witness);
($code, $output) = run_join($witness);
is($code, 2, 'its server is not taken for a node with data');
$witness->start;
wait_votes($first, 3, 'with the witness');
$cluster->poll_until(
	sub { defined $first->value(q{SELECT 1 FROM multiregion.events WHERE kind = 'votes_complete'}) },
	30, 'the event that ends it');
is($first->value(q{SELECT ok FROM multiregion.check() WHERE name = 'voters'}), 't', 'check() is content');
my $seen = row_of($first,
	q{SELECT role, voter, eligible, lag_bytes, wal_end FROM multiregion.member_status() WHERE node_name = 'n3'});
is_deeply([ @$seen{qw(role voter eligible lag_bytes wal_end)} ], [ 'witness', 't', 'f', undef, undef ],
	'it is seen as a witness');
$cluster->poll_until(
	sub { ($first->value(q{SELECT status FROM multiregion.member_status() WHERE node_name = 'n3'}) // '') eq 'up' },
	30, 'the witness to be up');
is($first->value('SELECT count(*) FROM pg_replication_slots'), 1, 'nobody keeps WAL for it');
is($witness->query('CREATE TABLE own (id int)')->{sqlstate}, '25006', 'it is fenced');
is($witness->lease_status->{primary_node}, 'n1', 'it knows who leads');

# --- its vote -----------------------------------------------------------------------------------------

$first->safe_psql('INSERT INTO work DEFAULT VALUES');
$cluster->poll_until(sub { ($second->value('SELECT count(*) FROM work') // 0) == 1 }, 30, 'the copy');
$first->kill_all;
my $leader = $cluster->wait_for_leader(not => $first);
is($leader, $second, 'with its vote the other region takes over');
$leader->safe_psql('INSERT INTO work DEFAULT VALUES');
$first->start;
$cluster->wait_streaming(nodes => [$first], timeout => 60);
pass('and the first region follows');

# --- restart and loss -----------------------------------------------------------------------------------

my $term = $leader->lease_status->{term};
my $pid = $witness->signal_stop('fast');
$cluster->poll_until(sub { ($witness->postmaster // $pid) != $pid && $witness->lease_status }, 30,
	'the witness to be back');
like($witness->log_text, qr/starting unchanged; rule witness/, 'it was started through multiregion-join');
$cluster->poll_until(
	sub {
		my $status = $witness->lease_status // {};
		return ($status->{primary_node} // '') eq $leader->name;
	}, 30, 'the witness to follow');
is($leader->lease_status->{term}, $term, 'its restart changes nothing');
$leader->kill_all;
$leader = $cluster->wait_for_leader(not => $second);
is($leader, $first, 'after its restart it votes');
$second->start;
$cluster->wait_streaming(nodes => [$second], timeout => 60);
$witness->kill_all;
$leader->safe_psql('INSERT INTO work DEFAULT VALUES');
$cluster->poll_until(
	sub { ($leader->value(q{SELECT status FROM multiregion.member_status() WHERE node_name = 'n3'}) // '') eq 'down' },
	30, 'the loss to be noticed');
$leader->safe_psql('INSERT INTO work DEFAULT VALUES');
is(votes($leader), 3, 'its loss stops nothing, and moves no vote');

# --- replacement ------------------------------------------------------------------------------------------

remove_tree($witness->directory . '/data.multiregion', $witness->state_directory, $witness->data);
my $uuid = $leader->value(q{SELECT uuid FROM multiregion.node WHERE node_name = 'n3'});
my $size = $witness->log_size;
$leader->safe_psql(q{SELECT multiregion.replace_node('n3')});
make_witness($cluster, $witness);
$witness->start;
# (The vote of the old one is there until the configuration that knows the new one.)
$cluster->poll_until(
	sub {
		return 0 if $witness->log_text($size) !~ /event configuration, term \d+, subject "n3"/;
		my $now = row_of($leader, q{SELECT uuid, voter FROM multiregion.node JOIN multiregion.member_status()}
				. q{ USING (node_name) WHERE node_name = 'n3'});
		return ($now->{uuid} // $uuid) ne $uuid && $now->{voter} eq 't';
	}, 60, 'the new witness to vote');
pass('a lost witness is replaced');
unlike($witness->log_text($size), qr/event server_stopped/, 'it is not stopped while it waits to be known');

# --- its objection ----------------------------------------------------------------------------------------

# The second node is away while the leader writes more than a failover may lose.
$second->stop;
$leader->safe_psql(q{INSERT INTO work (filler) SELECT repeat(md5(i::text), 30) FROM generate_series(1, 4000) AS i});
# A heartbeat that began after that has told the witness.
my $written = $leader->safe_psql('SELECT clock_timestamp()');
$cluster->poll_until(
	sub {
		($leader->value(q{SELECT clock_timestamp() - heard_ms * interval '1 ms' >}
					. " timestamptz '$written' + interval '300 ms'"
					. q{ FROM multiregion.member_status() WHERE node_name = 'n3'}) // '') eq 't';
	}, 30, 'a heartbeat');
$leader->kill_all;
$second->start;
$cluster->poll_until(
	sub { (($second->lease_status // {})->{reason} // '') =~ /max_failover_lag/ },
	60, 'the second node to hear of its lag');
pass('a node that lacks too much does not lead, though it did not see the leader itself');
ok(!$second->is_writable, 'it stays fenced');
$leader->start;
is($cluster->wait_for_leader(timeout => 60), $first, 'until the one that has it all is back');
$cluster->wait_streaming(nodes => [$second], timeout => 60);
$cluster->poll_until(sub { ($second->value('SELECT count(*) > 4000 FROM work') // '') eq 't' }, 30,
	'the second node to have it all');
pass('nothing is lost');
unlike($witness->log_text, qr/PANIC|FATAL:\s++(?!terminating|the database system)/, 'no crash of the witness');
$cluster->stop;

done_testing();
