# Who belongs to the cluster: two nodes in one region, nodes that come and go while it
# runs, what is refused and why, slots for every member on every node, and servers that
# are no members at all. Method: one cluster of two regions with three votes, then plain servers.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Rejoin qw(start_server stop_server row_of write_file read_file);

my $cluster = MultiRegion::Cluster->new(
	regions => [qw(US_EAST US_EAST EU_WEST)],
	policy => {
		health_check_interval => '1s',
		health_retry_interval => '200ms',
		max_consecutive_failures => '3' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($first, $neighbour, $third) = $cluster->nodes;
is($leader, $first, 'the first node leads');
$cluster->poll_until(
	sub { ($leader->value('SELECT count(*) FROM multiregion.member_status() WHERE voter') // 0) == 3 },
	30, 'three votes');
$leader->safe_psql('CREATE TABLE work (id bigserial PRIMARY KEY)');

sub fails_with
{
	my ($node, $sql, $sqlstate, $message, $what) = @_;
	my $result = $node->query($sql);
	my $text = join(' / ', map { $result->{$_} // () } qw(message detail hint));

	is($result->{sqlstate}, $sqlstate, $what) or diag($text);
	like($text, $message, "$what, and why");
	return $text;
}

# Names of the members that have a slot on a node.
sub slots_of
{
	my ($node) = @_;
	my $result = $node->query(q{SELECT coalesce(n.node_name, 'a stranger') FROM pg_replication_slots AS s}
			. q{ LEFT JOIN multiregion.node AS n ON s.slot_name = 'mr_' || replace(n.uuid::text, '-', '')}
			. ' ORDER BY 1');
	return join(' ', map { $_->[0] } @{ $result->{rows} // [] });
}

sub wait_for_slots
{
	my ($what) = @_;
	foreach my $node ($cluster->nodes)
	{
		my $wanted = join(' ', sort map { $_->name } grep { $_ != $node } $cluster->nodes);
		$cluster->poll_until(sub { slots_of($node) eq $wanted }, 30,
			'slots of ' . $wanted . ' on ' . $node->name . ', not "' . slots_of($node) . '"');
	}
	pass("$what: every node has a slot for each other one");
	return;
}

sub region_is
{
	my ($region, $health, $primary, $what) = @_;
	foreach my $seer ($cluster->nodes)
	{
		$cluster->poll_until(
			sub {
				# one that was killed a moment ago may not be dead yet
				return 1 unless $seer->postmaster;
				my $row = row_of($seer, q{SELECT * FROM multiregion.region_status() AS r}
						. " WHERE r::text LIKE '($region,%'");
				my ($is_primary, $status) = map { $_ // '' } @$row{qw(is_primary status)};
				return $is_primary eq $primary && $status eq $health;
			}, 30, $seer->name . " to see $region $health");
	}
	pass("$what: $region is $health" . ($primary eq 't' ? ' and primary' : ''));
	return;
}

wait_for_slots('at first');
region_is('US_EAST', 'up', 't', 'at first');
region_is('EU_WEST', 'up', 'f', 'at first');

# --- two nodes in one region -----------------------------------------------------------------

$cluster->wait_caught_up;
$cluster->poll_until(
	sub {
		($neighbour->value(q{SELECT eligible FROM multiregion.member_status() WHERE node_name = '}
					. $neighbour->name . q{'}) // '') eq 't';
	}, 30, 'the neighbour to be fit');
$first->signal_stop('fast');
$leader = $cluster->wait_for_leader(not => $first);
is($leader, $neighbour, 'an orderly stop hands over inside the region');
$leader->safe_psql('INSERT INTO work DEFAULT VALUES');
$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);
region_is('US_EAST', 'up', 't', 'handed over');
$first->kill_all;
$cluster->poll_until(
	sub {
		($leader->value(q{SELECT status FROM multiregion.member_status() WHERE node_name = '}
					. $first->name . q{'}) // '') eq 'down';
	}, 30, 'one of the two to be down');
region_is('US_EAST', 'up', 't', 'one of two nodes down');
$first->start;
$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);
$third->kill_all;
region_is('EU_WEST', 'down', 'f', 'its only node down');
$third->start;
$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);
$leader = $cluster->wait_for_leader;
region_is('EU_WEST', 'up', 'f', 'back again');

# --- what is refused -------------------------------------------------------------------------

my $free = free_port();
fails_with($leader, "SELECT add_node('n3', 'EU_WEST', 'host=127.0.0.1 port=$free')",
	'42710', qr/"n3" exists already/, 'a node twice');
fails_with($leader, "SELECT add_node('N3', 'EU_WEST', 'host=127.0.0.1 port=$free')",
	'42710', qr/"n3" exists already/, 'a node twice, in other case');
fails_with($leader, "SELECT add_node('n9', 'MARS', 'host=127.0.0.1 port=$free')",
	'42704', qr/MARS/, 'an unknown region');
fails_with($leader, q{SELECT add_node('n9', 'EU_WEST', 'host=nowhere.invalid')},
	'08001', qr/look up the host.*allow_unreachable/, 'a host without an address');
my $text = fails_with($leader, q{SELECT add_node('n9', 'EU_WEST', 'host=127.0.0.1 password=secret')},
	'22023', qr/password/i, 'a password in a connection string');
unlike($text, qr/secret/, 'and it is not repeated');
fails_with($leader, q{SELECT add_node('n9', 'EU_WEST', '} . $leader->conninfo . q{')},
	'22023', qr/this very server/, 'the connection string of the primary itself');
fails_with($leader, q{SELECT add_node('n9', 'EU_WEST', '} . $third->conninfo . q{')},
	'42710', qr/n3/, 'the connection string of another node');
fails_with($leader, q{SELECT drop_node('} . $leader->name . q{')},
	'55006', qr/it is the primary/, 'dropping the primary');
fails_with($leader, 'SELECT multiregion.leave()',
	'55006', qr/drop_node/, 'leave() of one of many');
fails_with($leader, 'DROP EXTENSION multiregion CASCADE',
	'55006', qr/leave\(\)/, 'DROP EXTENSION on a member');
fails_with($third, "SELECT add_node('n9', 'EU_WEST', 'host=127.0.0.1 port=$free')",
	'25006', qr/primary, which is in region US_EAST/, 'add_node() on a standby');
is($leader->value(q{SELECT count(*) FROM multiregion.node}), 3, 'nothing of it was stored');

# --- nodes come and go -----------------------------------------------------------------------

# A region that nobody knew of before.
$leader->safe_psql(q{SELECT add_region('AP_SOUTHEAST', 'ap-southeast-1', 'Asia Pacific',}
		. ' latitude => 1.35, longitude => 103.8)');
my $fourth = $cluster->plan_another('AP_SOUTHEAST');
$leader->safe_psql(sprintf q{SELECT add_node('%s', '%s', '%s')}, $fourth->name, $fourth->region,
	$fourth->conninfo);
$fourth->start;
$cluster->wait_complete(60);
pass('a node was added while the cluster runs');
wait_for_slots('four nodes');
$leader->safe_psql('INSERT INTO work DEFAULT VALUES');
$cluster->wait_caught_up;
# Its stream is ended, and it is not let in again, though its lease worker, which is frozen, has
# not learnt that it was dropped.
my $stream = $leader->value(q{SELECT pid FROM pg_stat_replication WHERE application_name = (SELECT 'mr_' || replace(uuid::text, '-', '')
	FROM multiregion.node WHERE node_name = '} . $fourth->name . q{')});
ok($stream, 'it streams');
$fourth->freeze_workers(qr/lease/);
$leader->safe_psql(q{SELECT drop_node('} . $fourth->name . q{')});
$cluster->poll_until(
	sub { $leader->value("SELECT count(*) FROM pg_stat_replication WHERE pid = $stream") == 0 }, 30,
	"the dropped node's stream to end");
pass('the stream of a dropped node is ended, though it runs');
$leader->wait_for_log(qr/FATAL:  this standby is no member of the cluster any more/);
pass('and refused');
$fourth->thaw_workers;
is(($fourth->lease_status // {})->{writable}, 'f', 'it is fenced');
$cluster->forget($fourth);
wait_for_slots('three nodes again');
is($leader->value('SELECT count(*) FROM multiregion.member_status()'), 3, 'it is no member any more');

# --- the last member leaves --------------------------------------------------------------------

$cluster->stop;
my $single = MultiRegion::Cluster->new(name => 'single', regions => 1);
$single->start;
my ($alone) = $single->nodes;
fails_with($alone, 'DROP EXTENSION multiregion CASCADE', '55006', qr/leave\(\)/,
	'DROP EXTENSION on the last member');
$alone->safe_psql('SELECT multiregion.leave()');
is(join(' ', @{ $alone->lease_status }{qw(managed fenced writable)}), 'f f t',
	'after leave() it is a plain server');
ok(!-e $alone->data . '/multiregion.managed', 'without a marker');
$alone->safe_psql('CREATE TABLE work (id int)');
my $pid = $alone->signal_stop('fast');
$single->poll_until(
	sub { ($alone->postmaster // $pid) != $pid && defined $alone->value('SELECT 1') },
	30, 'the restart');
$alone->safe_psql('INSERT INTO work VALUES (1)');
is($alone->lease_status->{managed}, 'f', 'and stays one over a restart');
$alone->safe_psql(sprintf q{SELECT multiregion.init('%s', '%s', '%s')}, $alone->name, $alone->region,
	$alone->conninfo);
$single->wait_for_leader;
$alone->safe_psql('INSERT INTO work VALUES (2)');
is($alone->lease_status->{managed}, 't', 'init() makes it a member again');
$alone->safe_psql('SELECT multiregion.leave()');
$alone->safe_psql('DROP EXTENSION multiregion CASCADE');
$alone->safe_psql('INSERT INTO work VALUES (3)');
pass('after leave() the extension can be dropped');
$single->stop;

# --- servers that are no members ------------------------------------------------------------------

my $plain = MultiRegion::Cluster->new(name => 'plain', managed => 0);
$plain->start;
my ($server) = $plain->nodes;
$server->safe_psql('CREATE EXTENSION multiregion');
is(join(' ', @{ $server->lease_status }{qw(managed fenced writable)}), 'f f t',
	'CREATE EXTENSION fences nothing');
$server->safe_psql('CREATE TABLE work (id int); INSERT INTO work VALUES (1)');
my $pass = $server->value(q{SELECT string_agg(name, ' ') FROM multiregion.check() WHERE NOT ok AND severity = 'error'});
is($pass, undef, 'check() has no errors on a server with the settings of a member');
$server->stop;
my $bare = start_server($plain, $server->data, $server->port, 'shared_preload_libraries=');
my $result = $bare->{session}->query('SELECT * FROM multiregion.lease_status()');
is($result->{sqlstate}, '55000', 'without preload a function fails');
like($result->{hint} // '', qr/shared_preload_libraries/, 'and says what to do');
is($bare->{session}->query('INSERT INTO work VALUES (2)')->{sqlstate}, undef,
	'the server works all the same');
stop_server($bare);

# What would bite later: no checksums and no hints, no fsync, too little of everything.
my $data = "$plain->{directory}/bad";
system(qq{"$plain->{bindir}/initdb" --no-sync --auth=trust --username=postgres -D "$data" >/dev/null}) == 0
	or die 'initdb failed';
# From 18 on it has checksums; before, this says that it has none.
system(qq{"$plain->{bindir}/pg_checksums" --disable --no-sync -D "$data" >/dev/null 2>&1});
write_file("$data/postgresql.auto.conf", join('', map { "$_\n" } q{shared_preload_libraries = 'multiregion'},
	q{listen_addresses = '127.0.0.1'}, q{unix_socket_directories = ''}, 'fsync = off',
	'wal_log_hints = off', 'max_wal_senders = 1', 'max_replication_slots = 1'));
my $port = free_port();
$bare = start_server($plain, $data, $port);
$bare->{session}->query($_) foreach 'CREATE EXTENSION multiregion',
	'ALTER ROLE multiregion_peer LOGIN REPLICATION',
	q{SELECT add_region('US_EAST', 'us-east-1', 'US East', latitude => 38.9, longitude => -77.4)};
my %found = map { $_->[0] => $_ } @{ $bare->{session}->query(
	q{SELECT name, detail, hint FROM multiregion.check() WHERE NOT ok AND severity = 'error'})->{rows} };
is(join(' ', sort keys %found), 'fsync max_replication_slots max_wal_senders wal_log_hints',
	'check() finds what is wrong');
is(scalar(grep { !$_->[2] } values %found), 0, 'and says what to do about each');
like($found{wal_log_hints}[1], qr/wal_log_hints is off, data checksums are off/, 'with the facts');
$result = $bare->{session}->query("SELECT multiregion.init('x', 'US_EAST', 'host=127.0.0.1 port=$port')");
is($result->{sqlstate}, '55000', 'init() refuses');
like($result->{detail} // '', qr/fsync is off\./, 'for what check() finds');
is($bare->{session}->value('SELECT managed FROM multiregion.lease_status()'), 'f', 'and changes nothing');
stop_server($bare);
$plain->stop;

done_testing();
