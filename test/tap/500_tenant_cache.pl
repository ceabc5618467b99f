# What a look-up of a tenant may say, while tenants and regions change: on the primary what is
# committed, on a standby what is replayed, in the changing session what it has written; never
# anything older. Method: the region a tenant prefers tells the version of his row, so that
# each answer can be compared with the versions just before and just after it.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Plain;

my $plain = MultiRegion::Plain->new(nodes => 2,
	settings => { max_prepared_transactions => 8, fsync => 'off', hot_standby_feedback => 'on' });
$plain->start;
my ($primary, $standby) = $plain->nodes;

sub caught_up
{
	# Not the insert position: past a page's end it lies behind the next page's header.
	my $lsn = $primary->value('SELECT pg_current_wal_flush_lsn()');
	$plain->poll_until(sub { ($standby->value("SELECT pg_last_wal_replay_lsn() >= '$lsn'") // '') eq 't' },
		20, 'the standby');
	return $lsn;
}

# Somebody else first: a session that has to look at the tables anew does so for the first one.
sub asked
{
	my ($node, $tenant) = @_;
	my $result = $node->query("SELECT region_for_tenant('nobody'), region_for_tenant('$tenant')");
	return $result->{message} // $result->{rows}[0][1];
}
sub misses { my ($node) = @_; return $node->value('SELECT misses FROM multiregion.tenant_cache') }

$primary->safe_psql(<<'SQL');
SELECT count(add_region('R' || i, 'r' || i, priority => 100 + i)) FROM generate_series(0, 59) AS i;
INSERT INTO multiregion.tenant (tenant_id, region_key, version, changed_by)
	SELECT 't' || i, 'R1', 1, 'test' FROM generate_series(0, 4) AS i;
CREATE FUNCTION next_version(who text) RETURNS void LANGUAGE sql AS
$$UPDATE multiregion.tenant SET version = version + 1, region_key = 'R' || (version + 1) % 60
	WHERE tenant_id = who$$;
CREATE PROCEDURE write_versions(rounds int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. rounds LOOP
		PERFORM next_version('t' || i % 5);
		IF i % 7 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
	END LOOP;
END $$;
CREATE FUNCTION version_of(who text) RETURNS bigint LANGUAGE sql AS
$$SELECT version FROM multiregion.tenant WHERE tenant_id = who$$;
CREATE FUNCTION read_versions() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	i int := 0;
	who text;
	before bigint;
	answer int;
	after bigint;
BEGIN
	WHILE version_of('stop') IS NULL LOOP
		i := i + 1;
		who := 't' || i % 5;
		before := version_of(who);
		answer := substr(region_for_tenant(who), 2)::int;
		after := version_of(who);
		IF (answer + 60 - before % 60) % 60 > after - before THEN
			RETURN format('%s: %s is not of %s to %s', who, answer, before, after);
		END IF;
	END LOOP;
	RETURN CASE WHEN i > 10 THEN 'never' ELSE 'too few' END;
END $$;
SQL
caught_up();

foreach my $node ($primary, $standby)
{
	is($node->value('SELECT in_use FROM multiregion.tenant_cache'), 't', $node->name . ' has a cache');
	asked($node, 't1');
	my $before = misses($node);
	is(asked($node, 't1'), 'R1', '... which answers');
	is(misses($node), $before, '... without the table');
	is($node->value(q{SELECT region_for_tenant('nobody', true)}), undef, '... also for a tenant of whom');
	$before = misses($node);
	is($node->value(q{SELECT region_for_tenant('nobody', true)}), undef, '... nothing is known');
	is(misses($node), $before, '... without the table');
}

# --- committed and replayed ------------------------------------------------------------

# Readers compare for as long as the writer writes; they say what they have seen that is stale.
my $writer = $primary->session;
sub race
{
	my ($what, $times, @statements) = @_;
	my @readers = map { $_->session, $_->session } $primary, $standby;
	my $before = misses($standby);

	$_->send('SELECT read_versions()') foreach @readers;
	foreach my $time (1 .. $times)
	{
		foreach my $statement (@statements)
		{
			my $result = $writer->query($statement);
			die "$result->{message} in: $statement" if defined $result->{sqlstate};
		}
	}
	$writer->query(q{INSERT INTO multiregion.tenant (tenant_id, region_key, version, changed_by)
		VALUES ('stop', 'R1', 1, 'test')});
	my @results = map { $_->receive } @readers;
	is($_->{rows}[0][0] // $_->{message}, 'never', "stale while $what") foreach @results;
	cmp_ok(misses($standby) - $before, '>', 40, '... and read anew again and again');
	$writer->query(q{DELETE FROM multiregion.tenant WHERE tenant_id = 'stop'});
	caught_up();
	return;
}

race('tenants change', 1, 'CALL write_versions(2000)');
race('prepared transactions change them', 200, 'BEGIN', q{SELECT next_version('t' || (random() * 4)::int)},
	q{PREPARE TRANSACTION 'p'}, q{COMMIT PREPARED 'p'});
race('many change at once', 10,
	q{BEGIN; INSERT INTO multiregion.tenant (tenant_id, region_key, version, changed_by)
		SELECT 'm' || i, 'R1', 1, 'test' FROM generate_series(1, 2000) AS i;
	SELECT next_version('t' || i) FROM generate_series(0, 4) AS i;
	DELETE FROM multiregion.tenant WHERE tenant_id ~ '^m'; COMMIT});
race('regions change', 50, q{SELECT alter_region('R' || (random() * 59)::int, priority => (random() * 1000)::int)},
	'CALL write_versions(5)');

my ($stale, $fresh) = (0, 0);
my $session = $standby->session;
foreach my $round (1 .. 500)
{
	my $key = 'R' . $round % 50;
	$writer->query("SELECT set_tenant_region('acme', '$key')");
	my $lsn = $writer->value('SELECT pg_current_wal_flush_lsn()');
	$plain->poll_until(
		sub {
			my $row = $session->query("SELECT pg_last_wal_replay_lsn() >= '$lsn',
				region_for_tenant('acme')")->{rows}[0];
			return 0 if $row->[0] eq 'f';
			$row->[1] eq $key ? $fresh++ : $stale++;
			return 1;
		}, 20, "$lsn");
}
is("$stale stale, $fresh fresh", '0 stale, 500 fresh', 'a change is there when it is replayed');

# --- uncommitted -------------------------------------------------------------------------

my $other = $primary->session;
my $mine = $primary->session;
my $now = asked($primary, 't1');
$mine->query(q{BEGIN; UPDATE multiregion.tenant SET region_key = 'R51' WHERE tenant_id = 't1'});
is($mine->value(q{SELECT region_for_tenant('t1')}), 'R51', 'a session sees what it has written');
is($other->value(q{SELECT region_for_tenant('t1')}), $now, '... and others what is committed');
$mine->query(q{SAVEPOINT s; UPDATE multiregion.tenant SET region_key = 'R52' WHERE tenant_id = 't1'});
is($mine->value(q{SELECT region_for_tenant('t1')}), 'R52', '... after a savepoint');
$mine->query('ROLLBACK TO s');
is($mine->value(q{SELECT region_for_tenant('t1')}), 'R51', '... and its rollback');
is($other->value(q{SELECT region_for_tenant('t1')}), $now, '... which others do not see');
$mine->query('ROLLBACK');
is($mine->value(q{SELECT region_for_tenant('t1')}), $now, 'after a rollback it is as before');
$mine->query(q{BEGIN; SELECT region_for_tenant('late');
	INSERT INTO multiregion.tenant (tenant_id, region_key, version, changed_by) VALUES ('late', 'R3', 1, 'x')});
is($mine->value(q{SELECT region_for_tenant('late')}), 'R3', 'a new tenant that was asked for before');
is($other->value(q{SELECT region_for_tenant('late', true)}), undef, '... is not there for others');
$mine->query('COMMIT');
is($other->value(q{SELECT region_for_tenant('late')}), 'R3', '... until the commit');
$mine->query(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1});
$other->query(q{UPDATE multiregion.tenant SET region_key = 'R4' WHERE tenant_id = 'late'});
is($mine->value(q{SELECT region_for_tenant('late')}), 'R4', 'an old snapshot does not keep an old answer');
$mine->query('COMMIT');
$mine->query(q{BEGIN; UPDATE multiregion.tenant SET region_key = 'R5' WHERE tenant_id = 'late';
	PREPARE TRANSACTION 'late'});
is($mine->value(q{SELECT region_for_tenant('late')}), 'R4', 'what is prepared is not there yet');
caught_up();
is(asked($standby, 'late'), 'R4', '... on no node');
$mine->query(q{COMMIT PREPARED 'late'});

# Asked between the change of the row and our trigger, by one that fires before it.
$other->query(q{CREATE FUNCTION ask() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN PERFORM region_for_tenant(NEW.tenant_id); RETURN NULL; END$$});
$other->query(q{CREATE TRIGGER a AFTER INSERT ON multiregion.tenant FOR EACH ROW EXECUTE FUNCTION ask()});
$other->query(q{BEGIN; INSERT INTO multiregion.tenant (tenant_id, region_key, version, changed_by)
	VALUES ('early', 'R3', 1, 'x'); ROLLBACK});
is(asked($primary, 'early'), undef, 'what a trigger saw of a transaction that was rolled back is not kept');
$other->query('DROP TRIGGER a ON multiregion.tenant; DROP FUNCTION ask()');

# --- other ways to change -------------------------------------------------------------------

sub is_everywhere
{
	my ($tenant, $region, $what) = @_;

	is(asked($primary, $tenant), $region, $what);
	caught_up();
	is(asked($standby, $tenant), $region, '... on the standby, too');
	return;
}

is_everywhere('t1', $now, 'before');
is_everywhere('late', 'R5', 'what was prepared is committed');
$other->query(q{SET session_replication_role = replica;
	UPDATE multiregion.tenant SET region_key = 'R41' WHERE tenant_id = 't1'; RESET session_replication_role});
is_everywhere('t1', 'R41', 'as a replica');
$other->query(q{SELECT alter_region('R41', priority => 1)});
is_everywhere('t1', 'R41', 'the regions are in another order');
$other->query(q{BEGIN; SELECT alter_region('R41', priority => 500)});
is($other->value(q{SELECT region_for_tenant('t1')}), 'R41', 'in the session that changes the order');
$other->query('ROLLBACK');
is_everywhere('t1', 'R41', 'it was not changed');
$other->query(q{UPDATE multiregion.tenant SET tenant_id = 'renamed' WHERE tenant_id = 't1'});
is_everywhere('renamed', 'R41', 'a tenant has got another id');
is_everywhere('t1', undef, '... and the old one is gone');
$other->query(q{DELETE FROM multiregion.tenant WHERE tenant_id = 'renamed'});
is_everywhere('renamed', undef, 'deleted');
my $before = asked($primary, 't2');
is_everywhere('t2', $before, 'another tenant');
$other->query(q{ALTER TABLE multiregion.tenant DISABLE TRIGGER ALL});
is($primary->value('SELECT in_use FROM multiregion.tenant_cache'), 'f', 'nobody notes changes');
is_everywhere('t2', $before, '... so nothing is kept');
$other->query(q{UPDATE multiregion.tenant SET region_key = 'R44' WHERE tenant_id = 't2'});
is_everywhere('t2', 'R44', '... and what is changed is seen');
$other->query(q{ALTER TABLE multiregion.tenant ENABLE ALWAYS TRIGGER note_change,
	ENABLE ALWAYS TRIGGER note_truncate});
is($primary->value('SELECT in_use FROM multiregion.tenant_cache'), 't', 'they are noted again');
is_everywhere('t2', 'R44', '... and nothing old comes back');
my $long = 'l' x 200;
$other->query("SELECT set_tenant_region('$long', 'R6')");
is_everywhere($long, 'R6', 'an id that is too long for the cache');
$other->query("SELECT set_tenant_region('$long', 'R7')");
is_everywhere($long, 'R7', '... is changed');
$other->query('BEGIN; TRUNCATE multiregion.tenant');
is($other->value(q{SELECT region_for_tenant('t2', true)}), undef, 'truncated for the session');
$other->query('ROLLBACK');
is_everywhere('t2', 'R44', '... and not for others');
$other->query('TRUNCATE multiregion.tenant');
is_everywhere('t2', undef, 'truncated');

# --- other lives --------------------------------------------------------------------------

sub set_region { my ($node, $region) = @_; return $node->safe_psql("SELECT set_tenant_region('t2', '$region')") }

set_region($primary, 'R10');
is_everywhere('t2', 'R10', 'before a crash');
$writer->query(q{BEGIN; SELECT set_tenant_region('t2', 'R12'); PREPARE TRANSACTION 'kept'});
foreach my $node ($primary, $standby)
{
	my $witness = $node->session;
	$node->crash_backend;
	$plain->poll_until(sub { $witness->query('SELECT 1')->{lost} }, 20, 'the end of all sessions');
	$plain->poll_until(sub { $node->value('SELECT 1') }, 30, 'the server');
}
is_everywhere('t2', 'R10', 'after a crash');
$primary->safe_psql(q{COMMIT PREPARED 'kept'});
is_everywhere('t2', 'R12', 'a prepared transaction from before it');
is($standby->value('SELECT pg_promote()'), 't', 'the standby is promoted');
is(asked($standby, 't2'), 'R12', '... and knows the same');
set_region($standby, 'R13');
is(asked($standby, 't2'), 'R13', '... until a change of its own');

done_testing();
