# What a fenced server that is not in recovery refuses, what it goes on doing, and how
# its sessions end, begin and heal. Method: one cluster without automatic failover; the
# standbys are frozen, so that the primary's lease runs out, and thawed again. Every
# statement is tried in a session that has switched its own read-only mode off.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(
	policy => { auto_failover => 'off' },
	settings => { wal_level => 'logical', max_prepared_transactions => 10 });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my @standbys = grep { $_ != $leader } $cluster->nodes;

sub close_fence
{
	$_->freeze foreach @standbys;
	$cluster->poll_until(sub { ($leader->lease_status // {})->{fenced} // '' eq 't' },
		20, 'the lease to run out');
	return;
}

sub open_fence
{
	$_->thaw foreach @standbys;
	is($cluster->wait_for_leader(timeout => 30)->name, $leader->name, 'the lease is back');
	return;
}

sub refused
{
	my ($session, $sql, $name) = @_;
	my $result = $session->query($sql);
	my $done = is($result->{sqlstate}, '25006', 'refused: ' . ($name // $sql));
	diag($result->{message} // "@{ $result->{tags} }") unless $done;
	$session->query('ROLLBACK') if ($result->{transaction} // 'I') ne 'I';
	return;
}

sub works
{
	my ($session, $sql, $name) = @_;
	my $result = $session->query($sql);
	my $done = ok($result->{ready} && !defined $result->{sqlstate}, $name // "works: $sql");
	diag($result->{message}) unless $done;
	return $result;
}

sub count_rows { return $leader->safe_psql('SELECT count(*) FROM filled') }

# --- before ---------------------------------------------------------------------------

$leader->safe_psql($_) foreach (
	q{CREATE TABLE filled (id int PRIMARY KEY, v text)},
	q{INSERT INTO filled SELECT i, 'x' FROM generate_series(1, 10) AS i},
	q{CREATE SEQUENCE counter},
	q{CREATE MATERIALIZED VIEW seen AS SELECT * FROM filled},
	q{CREATE PROCEDURE writes() LANGUAGE plpgsql AS
		$$BEGIN INSERT INTO filled VALUES (99); COMMIT; END$$},
	q{CREATE DATABASE other}, q{CREATE ROLE victim}, q{CREATE PUBLICATION everything FOR ALL TABLES},
	q{CREATE ROLE careful LOGIN SUPERUSER}, q{ALTER ROLE careful SET default_transaction_read_only = on},
	q{SELECT lo_create(4242)},
	q{SELECT pg_create_logical_replication_slot('decoded', 'pgoutput')},
	q{BEGIN; INSERT INTO filled VALUES (101); PREPARE TRANSACTION 'first'},
	q{BEGIN; INSERT INTO filled VALUES (102); PREPARE TRANSACTION 'second'});
$cluster->wait_caught_up;

my $writing = $leader->session;
$writing->query('INSERT INTO filled VALUES (11)');
my $reading = $leader->session;
works($reading, 'SELECT count(*) FROM filled', 'a session that reads');
my $midway = $leader->session;
works($midway, 'BEGIN; INSERT INTO filled VALUES (12)', 'a transaction that has not committed');

my $start_decoding = q{START_REPLICATION SLOT decoded LOGICAL 0/0}
	. q{ (proto_version '1', publication_names 'everything')};
my $decoder = $leader->session(replication => 'database', options => '-c wal_sender_timeout=0');
is($decoder->query($start_decoding, timeout => 0.2)->{timeout}, 1, 'a logical walsender streams');

# --- sessions when the lease runs out ---------------------------------------------------

close_fence();
my $end = $writing->receive(timeout => 10);
is($end->{sqlstate}, '57P01', 'a session that has written is ended');
$end = $decoder->receive(timeout => 10);
is($end->{sqlstate}, '57P01', 'a logical walsender is ended');
is($leader->session(replication => 'database'), undef, 'and none may begin');
is($MultiRegion::Session::last_error->{sqlstate}, '57P03', 'with an error that says try again');
is($reading->value('SELECT count(*) FROM filled'), 11, 'a session that reads goes on');
is($midway->query('COMMIT')->{sqlstate}, '25006', 'what has not committed is refused with an error');
works($midway, 'SELECT 1', 'and the session goes on');

my $session = $leader->session;
is($session->parameter('default_transaction_read_only'), 'on', 'a new session is told that it is read-only');
my $psql = "$cluster->{bindir}/psql -XAtc 'SELECT 1'";
my $read_write = `$psql '@{[ $leader->connect_string ]} target_session_attrs=read-write' 2>&1`;
like($read_write, qr/session is read-only/, 'target_session_attrs=read-write goes elsewhere');

# --- statements -------------------------------------------------------------------------

works($session, 'SET default_transaction_read_only = off');
works($session, $_) foreach (
	'SELECT count(*) FROM filled', 'BEGIN; SELECT 1; SAVEPOINT s; RELEASE s; COMMIT',
	'COPY filled TO STDOUT', 'EXPLAIN INSERT INTO filled VALUES (200)', 'LISTEN channel',
	'UNLISTEN channel', 'DO $$BEGIN PERFORM 1; END$$', 'PREPARE q AS SELECT 1', 'EXECUTE q',
	'BEGIN; DECLARE c CURSOR FOR SELECT 1; FETCH c; LOCK filled IN ACCESS SHARE MODE; ROLLBACK',
	'SHOW work_mem', 'DISCARD PLANS', 'CHECKPOINT');
refused($session, $_) foreach (
	q{INSERT INTO filled VALUES (200)}, q{UPDATE filled SET v = 'y'}, q{DELETE FROM filled},
	q{MERGE INTO filled USING (VALUES (1)) AS m (id) ON filled.id = m.id
		WHEN MATCHED THEN UPDATE SET v = 'm'},
	q{WITH gone AS (DELETE FROM filled RETURNING id) SELECT count(*) FROM gone},
	q{DO $$BEGIN INSERT INTO filled VALUES (200); END$$}, q{CALL writes()},
	q{EXPLAIN ANALYZE INSERT INTO filled VALUES (200)},
	q{EXPLAIN ANALYZE CREATE TABLE made AS SELECT 1 AS a},
	q{PREPARE w AS INSERT INTO filled VALUES (200); EXECUTE w},
	q{COPY filled FROM STDIN}, q{COPY (DELETE FROM filled RETURNING id) TO STDOUT},
	q{CREATE TABLE made (a int)}, q{CREATE TABLE made AS SELECT 1 AS a}, q{SELECT 1 AS a INTO made},
	q{CREATE TEMP TABLE made (a int)}, q{ALTER TABLE filled ADD w int}, q{DROP TABLE filled},
	q{TRUNCATE filled}, q{CREATE INDEX ON filled (v)}, q{CREATE INDEX CONCURRENTLY ON filled (v)},
	q{REINDEX TABLE filled}, q{REINDEX TABLE CONCURRENTLY filled}, q{CLUSTER filled USING filled_pkey},
	q{VACUUM filled}, q{VACUUM FULL filled}, q{ANALYZE filled}, q{REFRESH MATERIALIZED VIEW seen},
	q{CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT 1'}, q{COMMENT ON TABLE filled IS 'x'},
	q{GRANT SELECT ON filled TO victim}, q{CREATE ROLE made}, q{ALTER ROLE victim LOGIN}, q{DROP ROLE victim},
	q{CREATE DATABASE made}, q{DROP DATABASE other}, q{DROP DATABASE other WITH (FORCE)},
	q{ALTER DATABASE other RENAME TO made}, q{ALTER DATABASE other SET work_mem = '1MB'},
	q{CREATE TABLESPACE made LOCATION '/nowhere'}, q{CREATE EXTENSION plpgsql},
	q{SELECT nextval('counter')}, q{SELECT nextval('counter')}, q{SELECT setval('counter', 1000)},
	q{DO $$BEGIN PERFORM nextval('counter'); END$$},
	q{SELECT * FROM filled WHERE id = 1 FOR UPDATE}, q{SELECT * FROM filled WHERE id = 1 FOR SHARE},
	q{SELECT lo_create(0)}, q{SELECT lo_from_bytea(0, '\x00')}, q{SELECT lo_put(4242, 0, '\x00')},
	q{SELECT lo_unlink(4242)},
	q{SELECT pg_logical_emit_message(true, 'p', 'm')}, q{SELECT txid_current()},
	q{BEGIN; PREPARE TRANSACTION 'third'}, q{COMMIT PREPARED 'first'}, q{ROLLBACK PREPARED 'second'},
	q{NOTIFY channel}, q{SELECT pg_notify('channel', 'x')},
	q{BEGIN; SELECT txid_current(); COMMIT});
is($session->value('SELECT last_value FROM counter'), 1, 'no sequence has moved');
my $other = $leader->session(dbname => 'other');
ok($other && defined $other->value('SELECT 1'), 'the database that was to be dropped is undamaged');
$other->close if $other;

# --- sessions when the lease is back ----------------------------------------------------

my %opened = map { $_ => $leader->session } qw(simple failing block several extended prepared cursor);
$opened{role} = $leader->session(user => 'careful');
$opened{option} = $leader->session(options => '-c default_transaction_read_only=on');
$opened{serializable} = $leader->session(options => '-c default_transaction_isolation=serializable');
$opened{chosen} = $leader->session;
$opened{read} = $leader->session;
works($opened{prepared}->prepare('', 'SELECT 1') && $opened{prepared}, 'SELECT 1', 'a session on a fenced node');
ok($opened{prepared}->prepare('later', 'INSERT INTO filled VALUES ($1::int)')->{ready},
	'prepares a statement');
works($opened{chosen}, 'SET default_transaction_read_only = on', 'another chooses to be read-only');
works($opened{read}, 'BEGIN; SELECT 1', 'and another is in the middle of a transaction');
open_fence();

is($opened{failing}->query('INSERT INTO filled VALUES (1)')->{sqlstate}, '23505', 'healed by a statement that fails');
works($opened{failing}, 'INSERT INTO filled VALUES (20)', 'the next one writes');
works($opened{simple}, 'INSERT INTO filled VALUES (21)', 'healed: the first statement writes');
is($opened{simple}->parameter('default_transaction_read_only'), 'off', 'and the client is told');
works($opened{block}, 'BEGIN', 'healed: a transaction block');
works($opened{block}, 'INSERT INTO filled VALUES (22)', 'writes');
works($opened{block}, 'COMMIT', 'and commits');
works($opened{several}, 'INSERT INTO filled VALUES (23); INSERT INTO filled VALUES (24)',
	'healed: two statements at once');
my $result = $opened{extended}->prepare('', 'INSERT INTO filled VALUES ($1::int)');
ok(!defined $result->{sqlstate}, 'healed: the extended protocol');
is($opened{extended}->execute('', 25)->{sqlstate}, undef, 'writes');
is($opened{prepared}->execute('later', 26)->{sqlstate}, undef, 'healed: what was prepared while fenced writes');
works($opened{cursor}, 'DO $$BEGIN INSERT INTO filled VALUES (27); END$$', 'healed: a DO block');
is($opened{role}->query('INSERT INTO filled VALUES (30)')->{sqlstate}, '25006',
	'a role that is read-only by its settings stays so');
is($opened{option}->query('INSERT INTO filled VALUES (31)')->{sqlstate}, '25006',
	'and so does a connection that asked for it');
is($opened{chosen}->query('INSERT INTO filled VALUES (32)')->{sqlstate}, '25006',
	'and a session that chose it');
$opened{serializable}->query('INSERT INTO filled VALUES (33)');
works($opened{serializable}, 'INSERT INTO filled VALUES (34)',
	'a serializable session is healed, at the latest before its second statement');
is($opened{read}->query('INSERT INTO filled VALUES (35)')->{sqlstate}, '25006',
	'a transaction that began read-only ends so');
works($opened{read}, 'ROLLBACK AND CHAIN');
is($opened{read}->query('INSERT INTO filled VALUES (35)')->{sqlstate}, '25006', 'also its chained successor');
works($opened{read}, 'ROLLBACK');
works($opened{read}, 'INSERT INTO filled VALUES (35)', 'and the next one writes');
is($leader->safe_psql('SELECT count(*) FROM filled WHERE id BETWEEN 20 AND 29'), 8, 'all of it is there');
is($leader->safe_psql('SELECT count(*) FROM filled WHERE id IN (12, 99, 200)'), 0,
	'and nothing of what was refused');

works($session, q{COMMIT PREPARED 'first'});
works($session, q{ROLLBACK PREPARED 'second'});
$decoder = $leader->session(replication => 'database');
is($decoder->query($start_decoding, timeout => 0.2)->{timeout}, 1, 'logical decoding goes on');
$decoder->close;

# --- what must not go while the server is managed -----------------------------------------

is($session->query($_)->{sqlstate}, '55006', "refused while managed: $_")
	foreach ('DROP EXTENSION multiregion', 'DROP EXTENSION multiregion CASCADE', 'DROP SCHEMA public CASCADE');
my $elsewhere = $leader->session(dbname => 'template1');
is($elsewhere->query($_)->{sqlstate}, '55006', "refused while managed: $_")
	foreach ('DROP DATABASE postgres', 'DROP DATABASE postgres WITH (FORCE)', 'ALTER DATABASE postgres RENAME TO p');
works($session, 'DROP DATABASE other', 'another database can be dropped');
ok($leader->is_writable, 'and the primary leads on');

done_testing();
