# multiregion.read_consistency on a standby: session, global, bounded; with which statements,
# protocols and kinds of transactions it holds, what happens when it cannot, and that it costs
# the extension's own sessions nothing. Then enforce_home_region. Method: one primary and one
# standby; pairs of a write on the primary and a read on the standby right behind it.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(regions => 2, settings => { wal_writer_delay => '10s' });
$cluster->start;
my $primary = $cluster->wait_for_leader;
my ($standby) = grep { $_ != $primary } $cluster->nodes;
$primary->safe_psql('CREATE TABLE counter (value int); INSERT INTO counter VALUES (0)');
$primary->safe_psql(q{CREATE FUNCTION counted() RETURNS int LANGUAGE plpgsql STABLE AS
	'BEGIN RETURN (SELECT value FROM counter); END'});
$primary->safe_psql(q{CREATE FUNCTION counted_anew() RETURNS int LANGUAGE plpgsql VOLATILE AS
	'BEGIN RETURN (SELECT value FROM counter); END'});
$cluster->wait_caught_up;

my $writer = $primary->session;
$writer->query('SET multiregion.report_token = on');
my $reader = $standby->session;
my $value = 0;

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub told { return $writer->parameter('multiregion.session_token') }
sub write_one { $writer->query('UPDATE counter SET value = ' . ++$value); return told() }
sub give { my ($token) = @_; return $reader->query("SELECT set_config('multiregion.wait_for', '$token', false)") }

sub pause_for_sure
{
	$standby->safe_psql('SELECT pg_wal_replay_pause()');
	return $cluster->poll_until(
		sub { $standby->safe_psql('SELECT pg_get_wal_replay_pause_state()') eq 'paused' || do { write_one(); 0 } },
		10, 'replay to be paused');
}

sub resume { return $standby->safe_psql('SELECT pg_wal_replay_resume()') }

# How many of so many reads were stale. The token is given without a wait of its own.
sub stale_of
{
	my ($pairs, $read, $token_first) = @_;
	my $stale = 0;

	for (1 .. $pairs)
	{
		my $token = write_one();
		give($token) if $token_first;
		my $seen = $read->();
		$stale++ if !defined $seen || $seen != $value;
	}
	return $stale;
}

# --- session --------------------------------------------------------------------------------

sub simple { return $reader->value('SELECT value FROM counter') }
cmp_ok(stale_of(300, \&simple, 1), '>', 0, 'eventual: there are stale reads (or the test would prove nothing)');
$reader->query("SET multiregion.read_consistency = 'session'");
$reader->prepare('p', 'SELECT value FROM counter WHERE $1::text IS NOT NULL');
$reader->query('PREPARE q AS SELECT value FROM counter');
my %reads = (
	'a simple query' => \&simple,
	'an extended query' => sub { $reader->execute('p', 'x')->{rows}[0][0] },
	'EXECUTE' => sub { $reader->value('EXECUTE q') },
	'a cursor' => sub { $reader->query('BEGIN; DECLARE c CURSOR FOR SELECT value FROM counter'); my $seen = $reader->value('FETCH c'); $reader->query('COMMIT'); $seen },
	'COPY' => sub { my $done = $reader->query('COPY (SELECT 1 FROM counter WHERE value = ' . $value . ') TO STDOUT'); ($done->{tags}[-1] // '') eq 'COPY 1' ? $value : undef },
	'COPY of a table' => sub { my $done = $reader->query("COPY counter TO STDOUT"); defined $done->{sqlstate} ? undef : simple() },
	'EXPLAIN ANALYZE' => sub { my $plan = $reader->query("EXPLAIN (ANALYZE, COSTS off, TIMING off) SELECT 1 FROM counter WHERE value = $value"); $plan->{rows}[0][0] =~ /rows=1(?:\.00)? / ? $value : undef },
	'a stable function' => sub { $reader->value('SELECT counted()') },
	'a volatile function' => sub { $reader->value('SELECT counted_anew()') },
	'a function in FROM' => sub { $reader->value('SELECT * FROM counted()') },
	'DO' => sub { my $done = $reader->query("DO \$\$BEGIN IF (SELECT value FROM counter) <> $value THEN RAISE 'stale'; END IF; END\$\$"); defined $done->{sqlstate} ? undef : $value },
	'a transaction block' => sub { $reader->query('BEGIN'); my $seen = simple(); $reader->query('COMMIT'); $seen },
	'a later statement of a block' => sub { $reader->query('BEGIN; SELECT 1'); give(write_one()); my $seen = simple(); $reader->query('COMMIT'); $seen },
	'several statements at once' => sub { my $rows = $reader->query('SELECT 1; SELECT value FROM counter')->{rows}; $rows->[-1][0] },
	'REPEATABLE READ' => sub { $reader->query('BEGIN ISOLATION LEVEL REPEATABLE READ'); my $seen = simple(); $reader->query('COMMIT'); $seen },
	'SET TRANSACTION' => sub { $reader->query('BEGIN'); $reader->query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY'); my $seen = simple(); $reader->query('COMMIT'); $seen },
	'beside an open cursor' => sub { $reader->query('BEGIN; DECLARE c CURSOR FOR SELECT 1 FROM pg_class; FETCH c'); give(write_one()); my $seen = simple(); $reader->query('COMMIT'); $seen },
);
foreach my $name (sort keys %reads)
{
	is(stale_of(60, $reads{$name}, 1), 0, "session: $name sees the write");
}
is(stale_of(500, sub { $reader->query("SET multiregion.wait_for = '" . told() . "'"); simple() }), 0, 'SET multiregion.wait_for');
is(stale_of(100, sub { my $rows = $reader->query("BEGIN; SET LOCAL multiregion.wait_for = '" . told() . "'; SELECT value FROM counter; COMMIT")->{rows}; $rows->[-1][0] }),
	0, 'SET LOCAL in one message');
is($reader->value('SHOW multiregion.wait_for') eq told() ? 'kept' : 'gone', 'gone', 'whose token ends with the transaction');
is(stale_of(50, sub { my $other = $standby->session(options => '-c multiregion.read_consistency=session -c multiregion.wait_for=' . told()); $other->value('SELECT value FROM counter') }),
	0, 'a token in the startup packet');

# What cannot be kept is refused.
write_one();
$reader->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM counter");
is($reader->query("SET multiregion.wait_for = '" . told() . "'")->{sqlstate}, '25001', 'SET after the snapshot of a REPEATABLE READ transaction is refused');
$reader->query('ROLLBACK');
pause_for_sure();
write_one();
give(told());
$reader->query("SET default_transaction_isolation = 'repeatable read'");
is($reader->query('SELECT value FROM counter')->{sqlstate}, '55000', 'so is a single REPEATABLE READ statement that must wait');
$reader->query('RESET default_transaction_isolation');

# --- paused ------------------------------------------------------------------------------------

$reader->query("SET multiregion.wait_timeout = '50ms'");
my $result = $reader->query('SELECT value FROM counter');
is($result->{sqlstate}, 'MR003', 'what is not reached in time is an error');
$reader->query("SET multiregion.on_timeout = 'stale'");
cmp_ok(simple() // $value, '<', $value, 'or a stale read, if that is wanted');
$reader->query('RESET multiregion.on_timeout');
my $began = now();
is($standby->session(application => 'multiregion lease', options => '-c multiregion.read_consistency=session -c multiregion.wait_for=' . told())->value('SELECT 1'), 1,
	'sessions of the extension itself do not wait');
cmp_ok(now() - $began, '<', 2, 'not at all');
$reader->query('RESET multiregion.wait_timeout; RESET multiregion.wait_for');

# --- global and bounded while replay stands still -------------------------------------------------

foreach my $mode ('global', 'bounded')
{
	$reader->query("SET multiregion.read_consistency = '$mode'; SET multiregion.wait_timeout = '100ms'; SET multiregion.max_staleness = '20ms'");
	is($reader->query('SELECT value FROM counter')->{sqlstate}, 'MR003', "$mode: a commit that has not been replayed is waited for in vain");
	$reader->query("SET multiregion.on_timeout = 'stale'");
	cmp_ok(simple() // $value, '<', $value, "$mode: or is not, if that is wanted");
	$reader->query('RESET multiregion.on_timeout');
}
is($reader->query("SELECT assert_max_staleness('10 ms')")->{sqlstate}, 'MR003', 'assert_max_staleness() raises');
$cluster->poll_until(sub { ($reader->value(q{SELECT replication_staleness() > '300 ms'}) // 't') eq 't' }, 10, 'the bound to grow');
pass('the bound of staleness grows meanwhile');
resume();
$reader->query('RESET multiregion.wait_timeout; RESET multiregion.max_staleness');

# --- global ----------------------------------------------------------------------------------------

$reader->query("SET multiregion.read_consistency = 'global'");
is(stale_of(200, \&simple), 0, 'global: without any token');
is(stale_of(30, $reads{'REPEATABLE READ'}), 0, 'global: REPEATABLE READ');
is(stale_of(30, $reads{'EXECUTE'}), 0, 'global: EXECUTE');
is(stale_of(30, $reads{'a volatile function'}), 0, 'global: a function');
$writer->query('SET synchronous_commit = off');
is(stale_of(20, \&simple), 0, 'global: of commits that are not flushed when they are acknowledged');
$writer->query('RESET synchronous_commit');
is($writer->query("SET multiregion.read_consistency = 'global'; SELECT value FROM counter")->{rows}[0][0], $value, 'on the primary there is nothing to ask');

# --- bounded -----------------------------------------------------------------------------------------

$reader->query("SET multiregion.read_consistency = 'bounded'; SET multiregion.max_staleness = '10s'");
ok(defined simple(), 'bounded: a fresh standby answers');
is($reader->value(q{SELECT replication_staleness() < '5 s'}), 't', 'replication_staleness()');
is($reader->query("SELECT assert_max_staleness('5 s')")->{sqlstate} // 'none', 'none', 'assert_max_staleness()');
is($writer->value('SELECT replication_staleness()'), '00:00:00', 'on the primary it is nothing');
my $asked = sub { $primary->value(q{SELECT sum(calls) FROM (SELECT 1 AS calls FROM pg_stat_activity WHERE application_name = 'multiregion reads') AS c}) };
cmp_ok($asked->() // 0, '>=', 1, 'it asks over a connection that is kept');
$reader->query("SET multiregion.max_staleness = '1ms'");
is(stale_of(50, sub { select(undef, undef, undef, 0.002); simple() }), 0, 'bounded: nothing older than 1 ms is missed'); # the time that is allowed

# The primary cannot be asked.
$reader->query("SET multiregion.wait_timeout = '200ms'");
$primary->freeze;
$result = $reader->query('SELECT value FROM counter');
is($result->{sqlstate}, '08001', 'with no primary that answers there is an error');
$reader->query("SET multiregion.read_consistency = 'global'");
is($reader->query('SELECT value FROM counter')->{sqlstate}, '08001', 'global, too');
$reader->query("SET multiregion.on_timeout = 'stale'");
is(simple(), $value, 'or what is there, if that is wanted');
$primary->thaw;
$cluster->wait_complete(60);
$reader->query('RESET ALL');

# --- home region ---------------------------------------------------------------------------------------

$writer = $primary->session;
$primary->safe_psql(sprintf q{SELECT set_tenant_region('acme', '%s')}, $primary->region);
$primary->safe_psql(sprintf q{SELECT set_tenant_region('local', '%s')}, $standby->region);
$cluster->wait_caught_up;
$reader->query("SET multiregion.tenant = 'acme'");
is(scalar @{ $reader->query('SELECT 1')->{notices} }, 0, 'by default nobody looks at a tenant\'s region');
$reader->query("SET multiregion.enforce_home_region = 'warn'");
$result = $reader->query('SELECT 1');
is($result->{notices}[0]{sqlstate} // '', 'MR001', 'warn: a warning');
is($result->{rows}[0][0], 1, 'and the answer');
is(scalar @{ $reader->query('BEGIN; SELECT 1; SELECT 2; COMMIT')->{notices} }, 1, 'one a transaction');
$reader->query("SET multiregion.enforce_home_region = 'error'");
$result = $reader->query('SELECT value FROM counter');
is($result->{sqlstate}, 'MR001', 'error: an error of its own');
like($result->{detail}, qr/Its region is @{[ $primary->region ]}/, 'which names the region');
like($result->{hint}, qr/host=127\.0\.0\.1 port=@{[ $primary->port ]}/, 'and where to connect to');
is($reader->query('COPY counter TO STDOUT')->{sqlstate}, 'MR001', 'COPY as well');
$reader->query('BEGIN; SAVEPOINT s');
$reader->query('SELECT 1');
$reader->query('ROLLBACK TO s');
is($reader->query('SELECT 1')->{sqlstate}, 'MR001', 'again after ROLLBACK TO');
$reader->query('ROLLBACK');
is($reader->query("BEGIN; SET multiregion.tenant = 'local'; SELECT 1; SET multiregion.tenant = 'acme'; SELECT 1; COMMIT")->{sqlstate}, 'MR001',
	'again for another tenant');
$reader->query('ROLLBACK');
is($reader->query('SHOW multiregion.tenant')->{rows}[0][0], 'acme', 'settings can be shown and changed');
$reader->query("SET multiregion.tenant = 'local'");
is(simple(), $value, 'a tenant of this region');
$reader->query("SET multiregion.tenant = 'nobody'");
is(simple(), $value, 'a tenant for whom nothing is set');
$writer->query("SET multiregion.tenant = 'local'; SET multiregion.enforce_home_region = 'error'");
is($writer->query('INSERT INTO counter VALUES (1)')->{sqlstate}, 'MR001', 'writes on the primary are looked at, too');
$writer->query("SET multiregion.tenant = 'acme'");
is($writer->query('DELETE FROM counter WHERE value = -1')->{sqlstate} // 'none', 'none', 'of its own tenants not');

done_testing();
