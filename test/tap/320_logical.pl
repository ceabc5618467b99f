# Logical replication over failovers (PostgreSQL 17 and later): a subscriber, which connects
# to whoever is the primary, goes on behind a primary that is frozen, killed or stopped,
# gets every row that the cluster kept and none that it lost, and a former primary keeps no
# slot that stands in the way of a copy. Before 17, check() says that slots would be lost.
# Method: three nodes, a plain server as subscriber, rows written before and after each
# fault. (The server's own worker waits 10 s before it copies slots again, and a slot is
# copied where it is used, so a part of this test's time is waiting.)
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my ($version) = `$ENV{MR_BINDIR}/postgres -V` =~ /(\d+)/;
my $finding = q{SELECT ok, detail FROM multiregion.check() WHERE name = 'logical_slots'};
my $make_slot = q{SELECT pg_create_logical_replication_slot('mortal', 'pgoutput')};

if ($version < 17)
{
	my $server = MultiRegion::Cluster->new(managed => 0, settings => { wal_level => 'logical' });
	$server->start;
	my ($node) = $server->nodes;
	$node->safe_psql('CREATE EXTENSION multiregion');
	is($node->safe_psql($finding), 't|wal_level is logical.', 'without logical slots all is well');
	$node->safe_psql($make_slot);
	is($node->safe_psql($finding), 'f|Logical slots that are on this node only: 1.',
		'a logical slot is reported: it would be lost');
	done_testing();
	exit;
}

my $cluster = MultiRegion::Cluster->new(
	settings => {
		wal_level => 'logical',
		sync_replication_slots => 'on',
		hot_standby_feedback => 'on',
		wal_receiver_status_interval => '1s' },
	policy => {
		on_stop => 'any',
		health_check_interval => '1s',
		health_retry_interval => '200ms',
		max_consecutive_failures => '3' });
my $plain = MultiRegion::Cluster->new(
	name => 'subscriber', managed => 0,
	settings => {
		shared_preload_libraries => "''",
		wal_retrieve_retry_interval => '200ms' });
$cluster->start;
$plain->start;
my ($subscriber) = $plain->nodes;

my $conninfo = sprintf('host=%s port=%s user=postgres dbname=postgres target_session_attrs=read-write',
	join(',', map { '127.0.0.1' } $cluster->nodes), join(',', map { $_->port } $cluster->nodes));
my $leader = $cluster->wait_for_leader;
$leader->safe_psql('CREATE TABLE work (id int PRIMARY KEY)');
$leader->safe_psql('CREATE PUBLICATION works FOR TABLE work');
$subscriber->safe_psql('CREATE TABLE work (id int PRIMARY KEY)');
$subscriber->safe_psql("CREATE SUBSCRIPTION works CONNECTION '$conninfo' PUBLICATION works"
		. ' WITH (failover = true)');

# Inserts the next rows, some a statement, on whoever leads; a lost answer is no matter.
my $next_id = 0;

sub write_some
{
	my ($count) = @_;
	foreach (1 .. $count)
	{
		my $node = $cluster->leader or next;
		$next_id++;
		$node->query("INSERT INTO work VALUES ($next_id)", timeout => 1);
	}
	return;
}

# Every standby holds a copy of the slot that would last.
sub wait_for_copies
{
	my ($what) = @_;
	foreach my $node (grep { $_ != $cluster->leader } $cluster->nodes)
	{
		$cluster->poll_until(
			sub {
				write_some(1);
				return ($node->value(q{SELECT count(*) FROM pg_replication_slots}
						. q{ WHERE slot_name = 'works' AND synced AND NOT temporary}) // 0) == 1;
			},
			60, "$what: a copy of the slot on " . $node->name);
	}
	pass("$what: each standby has a copy of the slot");
	return;
}

# The list of synchronized_standby_slots on the leader, as names of nodes.
sub listed
{
	my ($node) = @_;
	my $list = $node->value('SHOW synchronized_standby_slots') // return 'nothing';
	return join(' ', sort map { $_->[0] } @{
		$node->query("SELECT node_name FROM multiregion.node WHERE '$list' LIKE"
				. q{ '%mr_' || replace(uuid::text, '-', '') || '%'})->{rows} // [] });
}

sub wait_for_list
{
	my ($node, $wanted, $what) = @_;
	$cluster->poll_until(sub { listed($node) eq $wanted }, 30, "$what, not " . listed($node));
	is(listed($node), $wanted, $what);
	return;
}

sub names { return join(' ', sort map { $_->name } @_) }

# The subscriber has exactly what the cluster has.
sub rows_are_equal
{
	my ($what) = @_;
	my $sql = q{SELECT count(*) || ' rows, ' || md5(string_agg(id::text, ',' ORDER BY id)) FROM work};
	my $new_leader = $cluster->wait_for_leader;
	my $kept = $new_leader->safe_psql($sql);

	$cluster->poll_until(sub { ($subscriber->value($sql) // '') eq $kept }, 60,
		"$what: the subscriber to have " . $kept . ', not ' . ($subscriber->value($sql) // 'nothing'));
	is($subscriber->value($sql), $kept, "$what: the subscriber has what the cluster has");
	return;
}

write_some(20);
rows_are_equal('at first');
wait_for_copies('at first');
wait_for_list($leader, names(grep { $_ != $leader } $cluster->nodes),
	'a subscriber waits for both standbys');

is($leader->safe_psql($finding), 't|wal_level is logical.', 'all that it takes is there');
$leader->safe_psql($make_slot);
is($leader->safe_psql($finding), 'f|Logical slots that are on this node only: 1.',
	'a slot that is not made for failover is reported');
$leader->safe_psql(q{SELECT pg_drop_replication_slot('mortal')});

# --- a frozen primary, to which the copying is connected ---------------------------------

write_some(200);
$leader->freeze;
my $second = $cluster->wait_for_leader(not => $leader, timeout => 20);
isnt($second, $leader, 'a frozen primary is followed by another');
write_some(50);
wait_for_list($second, names(grep { $_ != $leader && $_ != $second } $cluster->nodes),
	'a subscriber does not wait for the one that is gone');
# Until then the subscriber hangs in a connection to it: libpq's connect_timeout does not
# hold for a server process.
$leader->thaw;
rows_are_equal('after the first failover');
$cluster->wait_complete(60);
wait_for_copies('after the first failover');
wait_for_list($second, names(grep { $_ != $second } $cluster->nodes),
	'a subscriber waits for the one that has come back');

# --- a killed primary ------------------------------------------------------------------------

# It comes back with this slot if it need not be rewound.
write_some(200);
$second->safe_psql(q{SELECT pg_create_logical_replication_slot('own', 'pgoutput', false, false, true)});
$cluster->wait_caught_up;
$second->kill_all;
my $third = $cluster->wait_for_leader(not => $second, timeout => 20);
isnt($third, $second, 'a killed primary is followed by another');
write_some(50);
rows_are_equal('after the second failover');
$second->start;
$cluster->wait_complete(60);
wait_for_copies('after the second failover');
# If the standbys had copied it already, it is a slot of the new primary and comes back as a copy.
$cluster->poll_until(
	sub { ($second->value(q{SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'own' AND NOT synced}) // '') eq '0' },
	30, 'the former primary to drop a slot that was made there');
pass('a former primary keeps no slot that was made there');

# --- a primary that stops in order ----------------------------------------------------------

write_some(50);
$third->signal_stop('fast');
my $fourth = $cluster->wait_for_leader(not => $third, timeout => 20);
isnt($fourth, $third, 'a primary that stops is followed by another');
write_some(50);
rows_are_equal('after the stop');
is($subscriber->value('SELECT count(*) FROM pg_stat_subscription WHERE pid IS NOT NULL'), '1',
	'the subscription is at work');

done_testing();
