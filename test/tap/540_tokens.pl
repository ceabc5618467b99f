# Tokens of commits, and waiting for them on a standby: what the client is told, what SET
# multiregion.wait_for and wait_for_token() do, who is woken when, and what a wait must not
# do: hold replay up. Method: a primary and a standby whose replay is paused and resumed.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Token qw(make_token token_parts);

my $cluster = MultiRegion::Cluster->new(regions => 2,
	settings => { max_standby_streaming_delay => '30s' });
$cluster->start;
my $primary = $cluster->wait_for_leader;
my ($standby) = grep { $_ != $primary } $cluster->nodes;
$primary->safe_psql('CREATE TABLE note (id int PRIMARY KEY, body text)');
$cluster->wait_caught_up;

my $writer = $primary->session;
my $reader = $standby->session;

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub pause { return $standby->safe_psql('SELECT pg_wal_replay_pause()') }
sub resume { return $standby->safe_psql('SELECT pg_wal_replay_resume()') }
sub told { return $writer->parameter('multiregion.session_token') }

sub pause_for_sure
{
	pause();
	return $cluster->poll_until(
		sub { $standby->safe_psql('SELECT pg_get_wal_replay_pause_state()') eq 'paused' || do {
				$primary->safe_psql('SELECT pg_logical_emit_message(false, $$x$$, $$y$$)'); 0 } },
		10, 'replay to be paused');
}

# Until so many sessions of the standby are in the middle of a statement like this.
sub wait_for_waiters
{
	my ($count, $pattern) = @_;
	return $cluster->poll_until(
		sub { $standby->value("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
				. " AND wait_event = 'Extension' AND query ~ '$pattern' AND pid <> pg_backend_pid()") == $count },
		10, "$count waiters");
}

# --- what the client is told ------------------------------------------------------------

is(told(), '', 'a session that has not written has no token');
is($writer->value('SELECT session_token()'), undef, 'nor does it find one');
$writer->query('INSERT INTO note VALUES (1)');
is(told(), '', 'unless it asked, it is not told');
$writer->query('SET multiregion.report_token = on; INSERT INTO note VALUES (2)');
my $token = told();
like($token, qr/^mr1\.[0-9a-f]{16}\.[0-9a-f]+\.1\.[0-9a-f]+\.[0-9a-f]{8}$/, 'then it is told with the commit');
is($writer->value('SELECT session_token()'), $token, 'session_token() says the same');
is($writer->value('SELECT multiregion.commit_token()'), $token, 'so does the function for the sidecar');
is($writer->value('SHOW multiregion.session_token'), $token, 'and SHOW');
$writer->query('SELECT count(*) FROM note');
$writer->query('BEGIN; INSERT INTO note VALUES (3); ROLLBACK');
is(told(), $token, 'a read and a rollback do not change it');
$writer->query('BEGIN; INSERT INTO note VALUES (4)');
is(told(), $token, 'a transaction under way does not either');
$writer->query('COMMIT');
isnt(told(), $token, 'its end does');
is($writer->query("SET multiregion.session_token = '$token'")->{sqlstate}, '55P02', 'nobody can set it');
is($primary->session(options => "-c multiregion.session_token=$token"), undef, 'at the start of a session neither');
$writer->query('INSERT INTO note VALUES (5)');
like($writer->value('SELECT last_commit_lsn()'), qr{^[0-9A-F]+/[0-9A-F]+$}, 'the position alone');
my %parts = token_parts(told());
is($writer->value(sprintf "SELECT last_commit_lsn() = '%X/%X'", $parts{lsn} >> 32, $parts{lsn} & 0xffffffff), 't', 'it is the token\'s');

# One who does not read: whatever fills the connection's buffer after the commit holds no lock.
$primary->safe_psql('CREATE TABLE held (i int PRIMARY KEY, n int)');
$primary->safe_psql('INSERT INTO held VALUES (1, 0)');
my $lazy = $primary->session(options => '-c multiregion.report_token=on');
my $pid = $lazy->value('SELECT pg_backend_pid()');
# with the token it is more than the 8 kB of the buffer, without it less
$lazy->send(q{UPDATE held SET n = n + 1 RETURNING repeat('x', 8100)}) foreach 1 .. 2000;
$cluster->poll_until(sub { ($primary->value("SELECT wait_event FROM pg_stat_activity WHERE pid = $pid") // '') eq 'ClientWrite' },
	30, 'the client\'s buffers to be full');
is($primary->query("BEGIN; SET LOCAL lock_timeout = '3s'; LOCK TABLE held; COMMIT")->{sqlstate}, undef,
	'a client that does not read its token holds no lock');
$lazy->close;

# --- waiting ------------------------------------------------------------------------------

is($reader->value("SELECT wait_for_token('" . told() . "')"), 'success', 'the standby reaches it');
is($reader->value("SELECT token_reached('" . told() . "')"), 't', 'and knows');
is($writer->value("SELECT wait_for_token('" . told() . "')"), 'not in recovery', 'the primary has it');
is($reader->value("SELECT session_token()"), undef, 'a function leaves nothing behind');
is($reader->query("SELECT wait_for_token('mr1.nonsense')")->{sqlstate}, '22P02', 'a senseless token is an error');
is($reader->query("SET multiregion.wait_for = 'mr1.nonsense'")->{sqlstate}, '22023', 'there, too');
is($reader->query("SELECT wait_for_token('" . told() . "', '-1 s')")->{sqlstate}, '22023', 'a negative time is an error');
my $foreign = make_token(token_parts(told()), system => '00000000000000ff');
is($reader->query("SET multiregion.wait_for = '$foreign'")->{sqlstate}, '22023', 'one of another system is an error');

pause_for_sure();
$writer->query('INSERT INTO note VALUES (6)');
my $began = now();
is($reader->value("SELECT wait_for_token('" . told() . "', '100 ms')"), 'timeout', 'while replay is paused it is not reached');
cmp_ok(now() - $began, '<', 5, 'and the wait ends');
is($reader->value("SELECT token_reached('" . told() . "')"), 'f', 'which is known without waiting');
$reader->query("SET multiregion.wait_timeout = '100ms'");
my $result = $reader->query("SET multiregion.wait_for = '" . told() . "'");
is($result->{sqlstate}, 'MR003', 'SET ends with an error of its own');
like("$result->{detail} $result->{hint}", qr/wanted is .* region US_EAST/, 'that says what is missing and where it is');
is($reader->value('SHOW multiregion.wait_for'), '', 'and has set nothing');
$reader->query("SET multiregion.on_timeout = 'stale'");
$result = $reader->query("SET multiregion.wait_for = '" . told() . "'");
is($result->{sqlstate} // 'none', 'none', 'unless stale reads are accepted');
is($result->{notices}[0]{severity}, 'WARNING', 'with a warning');
is($reader->value('SELECT session_token()'), told(), 'what was set is the session\'s token');
$reader->query('RESET multiregion.wait_for; RESET multiregion.on_timeout; RESET multiregion.wait_timeout');
is($reader->value('SELECT session_token()'), undef, 'until it is reset');

# --- ends of a wait -----------------------------------------------------------------------

$reader->send("SET multiregion.wait_for = '" . told() . "'");
wait_for_waiters(1, 'SET multiregion');
$standby->safe_psql('SELECT pg_cancel_backend(' . $reader->pid . ')');
is($reader->receive->{sqlstate}, '57014', 'a wait can be cancelled');
$reader->query("SET statement_timeout = '50ms'");
is($reader->query("SELECT wait_for_token('" . told() . "')")->{sqlstate}, '57014', 'and obeys statement_timeout');
$reader->query('RESET statement_timeout');
is($reader->query("BEGIN; SELECT 1/0")->{sqlstate}, '22012', 'in a transaction that has failed');
$began = now();
is($reader->query("SET multiregion.wait_for = '" . told() . "'")->{sqlstate}, '25P02', 'nothing is waited for');
$reader->query('ROLLBACK');
my $doomed = $standby->session;
$doomed->send("SELECT wait_for_token('" . told() . "')");
wait_for_waiters(1, 'wait_for_token');
$standby->safe_psql('SELECT pg_terminate_backend(' . $doomed->pid . ')');
is($doomed->receive->{sqlstate}, '57P01', 'a session that waits can be ended');
resume();

# --- who is woken --------------------------------------------------------------------------

# Each waits for a commit of its own. What one reads is what was there when it woke up: no
# one may be woken before its turn, and the first is not woken late because of the others.
pause_for_sure();
my @waiting;
foreach my $number (1 .. 50)
{
	$writer->query("INSERT INTO note VALUES (1000 + $number)");
	push @waiting, { token => told(), session => $standby->session, number => $number };
}
foreach my $one (sort { $a->{number} * 7 % 50 <=> $b->{number} * 7 % 50 } @waiting)
{
	$one->{session}->send("SET multiregion.wait_for = '$one->{token}';"
			. ' SELECT count(*) FROM note WHERE id > 1000');
}
wait_for_waiters(50, 'SET multiregion');
resume();
my @too_early = grep { ($_->{session}->receive->{rows}[0][0] // 0) < $_->{number} } @waiting;
is(scalar @too_early, 0, 'none of 50 waiters was woken before its commit');
@waiting = ();

# By replay itself: whoever is not woken looks after 50 ms. On a busy machine many that were
# woken take nearly as long, but not all of them.
my @times;
for (1 .. 32)
{
	pause_for_sure();
	$writer->query('UPDATE note SET body = NULL WHERE id = 1');
	$reader->send("SET multiregion.wait_for = '" . told() . "'");
	wait_for_waiters(1, 'SET multiregion');
	$began = now();
	resume();
	$reader->receive;
	push @times, now() - $began;
}
my $quartile = (sort { $a <=> $b } @times)[7];
cmp_ok($quartile, '<', 0.02, sprintf 'a waiter is woken (a fourth of them within %.1f ms)', 1000 * $quartile);
$reader->query('RESET multiregion.wait_for');

# --- at the ends of pages --------------------------------------------------------------------

# A commit that ends a page ends before the next page's header; the insert position lies
# behind it, where an idle primary's standby never arrives. The rest of the page is filled
# with a message; somebody else's record may come in between, then it is tried again.
sub inserted { return hex $writer->value(q{SELECT lpad(to_hex((pg_current_wal_insert_lsn() - '0/0')::bigint), 16, '0')}) }
sub ended { my %parts = token_parts(told()); return $parts{lsn} }

sub fill
{
	my ($bytes) = @_;
	return $writer->query("SELECT pg_logical_emit_message(false, 'fill', repeat('x', $bytes))");
}

# Sizes are measured where no page ends within; one that is taken for larger than it is would
# make every try end a bit before a page does, and so the next one begin there.
my ($overhead, $commit, $tries) = (1e9, 1e9, 0);
my @troubles;
sub smaller { my ($old, $new) = @_; return $new > 0 && $new < $old ? $new : $old }

# What failed has written nothing, and would be taken for the smallest record of all.
sub done
{
	my ($result) = @_;
	push @troubles, "$result->{sqlstate} $result->{message}" if $result->{sqlstate};
	return !$result->{sqlstate};
}

sub commit_at_page_end
{
	$writer->query('BEGIN; SELECT pg_current_xact_id()');
	my ($from, $size) = (inserted(), 8 * (100 + $tries++));
	my $fits = $from % 8192 + $size + 200 < 8192;
	$overhead = smaller($overhead, inserted() - $from - $size) if done(fill($size)) && $fits;
	$from = inserted();
	$commit = smaller($commit, ended() - $from) if done($writer->query('COMMIT'));
	$writer->query('BEGIN; SELECT pg_current_xact_id()');
	my $left = 8192 - inserted() % 8192 - $commit - $overhead;
	fill($left) if $left > 300;
	return done($writer->query('COMMIT')) && ended() % 8192 == 0;
}

my ($page_ends, $late) = (0, 0);
for (1 .. 200)
{
	next unless commit_at_page_end();
	$late++ unless $reader->value("SELECT wait_for_token('" . told() . "', '2 s')") eq 'success';
	last if ++$page_ends == 5;
}
is($page_ends, 5, 'commits that end a page were seen')
	or diag("a message takes $overhead bytes more than its text, a commit $commit; the last one ended at "
			. ended() % 8192 . join("\n", '', @troubles));
is($late, 0, 'and reached');

# --- replay is not held up -------------------------------------------------------------------

# Rows that were deleted are vacuumed: replay of that conflicts with older snapshots.
sub write_conflict
{
	$primary->safe_psql('DELETE FROM note WHERE id > 10000');
	$primary->safe_psql('VACUUM note');
	$writer->query('INSERT INTO note VALUES (' . int(1e9 * rand) . ')');
	return told();
}

foreach my $statement ("SET multiregion.wait_for = '%s'", "SELECT wait_for_token('%s')", "SELECT * FROM wait_for_token('%s')")
{
	$writer->query('INSERT INTO note SELECT 20000 + generate_series(1, 100)');
	$cluster->wait_caught_up;
	pause_for_sure();
	$reader->send(sprintf $statement, write_conflict());
	wait_for_waiters(1, 'wait_for');
	$began = now();
	resume();
	$result = $reader->receive;
	is($result->{sqlstate} // 'none', 'none', sprintf("$statement: replay passes", '...')) or diag($result->{message});
	cmp_ok(now() - $began, '<', 5, 'at once');
}

# A snapshot that cannot be given back, and a lock.
foreach my $held ('DECLARE c CURSOR FOR SELECT * FROM note', 'LOCK note IN ACCESS SHARE MODE')
{
	$writer->query('INSERT INTO note SELECT 30000 + generate_series(1, 100)');
	$cluster->wait_caught_up;
	$reader->query("BEGIN; $held");
	$primary->safe_psql('ALTER TABLE note ADD COLUMN more int; ALTER TABLE note DROP COLUMN more') if $held =~ /LOCK/;
	$began = now();
	$reader->send("SELECT wait_for_token('" . write_conflict() . "', '20 s')");
	$result = $reader->receive;
	is($result->{sqlstate}, '40001', "with $held: the wait gives up");
	cmp_ok(now() - $began, '<', 5, 'at once');
	$reader->query('ROLLBACK');
	$cluster->wait_caught_up;
}

# --- how it is waited ------------------------------------------------------------------------

$standby->safe_psql(q{ALTER SYSTEM SET multiregion.replay_wakeup = 'poll'});
$standby->safe_psql('SELECT pg_reload_conf()');
$cluster->poll_until(sub { $reader->value('SHOW multiregion.replay_wakeup') eq 'poll' }, 10, 'the reload');
$writer->query('INSERT INTO note VALUES (7)');
is($reader->value("SELECT wait_for_token('" . told() . "')"), 'success', 'polling does as well');

done_testing();
