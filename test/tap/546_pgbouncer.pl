# What holds of tokens and reads through Debian's PgBouncer, in session and in transaction
# mode: each line of the table in docs/consistency.md, named by its number. Method: one
# PgBouncer before a primary and a standby, with a single connection to each of them, so that
# clients must share it.
use strict;
use warnings;

use FindBin;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Ports qw(free_port);

my $program = '/usr/sbin/pgbouncer';
plan skip_all => 'pgbouncer is not installed' unless -x $program;

my $cluster = MultiRegion::Cluster->new(regions => 2);
$cluster->start;
my $primary = $cluster->wait_for_leader;
my ($standby) = grep { $_ != $primary } $cluster->nodes;
my $value = 0;
$primary->safe_psql('CREATE TABLE counter (value int); INSERT INTO counter VALUES (0)');
$primary->safe_psql('CREATE ROLE app LOGIN SUPERUSER');
$primary->safe_psql('ALTER ROLE app SET multiregion.report_token = on');
$cluster->wait_caught_up;

# Starts one in a folder of the cluster, where the guard finds it.
sub start_pool
{
	my ($mode) = @_;
	my ($folder, $port) = ("$cluster->{directory}/pgbouncer-$mode", free_port());
	my @databases = map { "$_->[0] = host=127.0.0.1 port=@{[ $_->[1]->port ]} dbname=postgres user=$_->[2]" }
		[ 'w', $primary, 'app' ], [ 'r', $standby, 'app' ];

	mkdir $folder or die "$folder: $!";
	open(my $file, '>', "$folder/pgbouncer.ini") or die "$folder: $!";
	print $file "$_\n" foreach '[databases]', @databases, '[pgbouncer]', 'listen_addr = 127.0.0.1',
		"listen_port = $port", 'unix_socket_dir =', 'auth_type = any', "pool_mode = $mode",
		'default_pool_size = 1', "logfile = $cluster->{log_directory}/pgbouncer-$mode.log",
		"pidfile = $folder/pid";
	close $file;
	if ((my $pid = fork() // die "fork: $!") == 0)
	{
		POSIX::setsid();
		chdir $folder;
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>&', \*STDOUT);
		exec($program, '-q', "$folder/pgbouncer.ini") or POSIX::_exit(127);
	}
	my $client = sub { my ($database) = @_; return MultiRegion::Session->connect(port => $port, dbname => $database, user => 'app', timeout => 2) };
	$cluster->poll_until(sub { my $first = $client->('w'); $first && ($first->value('SELECT 1') // 0) == 1 }, 20, "PgBouncer ($mode)");
	return $client;
}

sub told { return $_[0]->parameter('multiregion.session_token') }

sub write_one
{
	my ($session) = @_;
	my $result = $session->query('UPDATE counter SET value = ' . ++$value);
	die $result->{message} if defined $result->{sqlstate};
	return told($session);
}

sub stale_of
{
	my ($pairs, $writer, $read) = @_;
	my $stale = 0;
	for (1 .. $pairs)
	{
		my $token = write_one($writer);
		$stale++ if ($read->($token) // -1) != $value;
	}
	return $stale;
}

sub last_value { return $_[0]{rows}[-1][0] }

# --- session mode ------------------------------------------------------------------------------

my %pools = map { $_ => start_pool($_) } 'session', 'transaction';
my $pool = $pools{session};
my $writer = $pool->('w');
my $reader = $pool->('r');
like(write_one($writer), qr/^mr1\./, 'session 1: the token comes with the commit');
is($writer->value('SELECT session_token()'), told($writer), 'session 2: session_token() is the client\'s own');
is(stale_of(200, $writer, sub { $reader->query("SET multiregion.wait_for = '$_[0]'"); $reader->value('SELECT value FROM counter') }),
	0, 'session 3: SET multiregion.wait_for');
$reader->query('SET multiregion.read_consistency = session');
is(stale_of(200, $writer, sub { $reader->query("SELECT set_config('multiregion.wait_for', '$_[0]', false)"); $reader->value('SELECT value FROM counter') }),
	0, 'session 4: read_consistency = session');
is(stale_of(100, $writer, sub { last_value($reader->query("BEGIN; SET LOCAL multiregion.wait_for = '$_[0]'; SELECT value FROM counter; COMMIT")) }),
	0, 'session 5: SET LOCAL');
$reader->close;
$reader = $pool->('r');
is($reader->value('SHOW multiregion.wait_for') . $reader->value('SHOW multiregion.read_consistency'), 'eventual',
	'session 6: nothing is left to the next client');
$writer->close;
$writer = $pool->('w');
is($writer->value('SELECT session_token()'), undef, 'session 2: which begins without one');
is(told($writer) // '', '', 'session 1: and has been told none');

# --- transaction mode -----------------------------------------------------------------------------

$pool = $pools{transaction};
my ($one, $two) = ($pool->('w'), $pool->('w'));
$reader = $pool->('r');
is(told($_) // '', '', 'transaction: a new client has been told nothing') foreach $one, $two;
my $first = write_one($one);
my $second = write_one($two);
like($_, qr/^mr1\./, 'transaction 1: the token comes with the commit') foreach $first, $second;
isnt($first, $second, 'transaction 1: each client is told of its own');
is(told($one), $first, 'transaction 1: and not of another\'s');
is($one->value('SELECT session_token()'), $second, 'transaction 2: session_token() is that of the connection, somebody\'s');
$first = write_one($one);
is($one->query('BEGIN; UPDATE counter SET value = value; COMMIT; SELECT session_token()')->{rows}[-1][0], told($one),
	'transaction 2: but in the same message as the commit');
is(stale_of(200, $one, sub { $reader->query("SET multiregion.wait_for = '$_[0]'"); $reader->value('SELECT value FROM counter') }),
	0, 'transaction 3: SET multiregion.wait_for: the standby has replayed it, for whichever connection');
my $other = $pool->('r');
isnt($other->value('SHOW multiregion.wait_for'), '', 'transaction 6: but the token stays behind on the connection');
$reader->query('RESET multiregion.wait_for');
$reader->query('SET multiregion.read_consistency = session');
is($other->value('SHOW multiregion.read_consistency'), 'session', 'transaction 4: read_consistency set by one client is set for others');
$reader->query('RESET multiregion.read_consistency');
is(stale_of(200, $one, sub { last_value($reader->query("BEGIN; SET LOCAL multiregion.wait_for = '$_[0]'; SELECT value FROM counter; COMMIT")) }),
	0, 'transaction 5: SET LOCAL in one message');
is(stale_of(100, $one, sub {
			$reader->query('BEGIN');
			$reader->query("SET LOCAL multiregion.wait_for = '$_[0]'");
			my $seen = $reader->value('SELECT value FROM counter');
			$reader->query('COMMIT');
			$seen;
		}), 0, 'transaction 5: and in several');
is($other->value('SHOW multiregion.wait_for'), '', 'transaction 5: nothing stays behind');

# --- consistency without a token, for a role --------------------------------------------------------

# Settings of a role count from the next connection on.
$primary->safe_psql('ALTER ROLE app SET multiregion.read_consistency = global');
$cluster->wait_caught_up;
$standby->safe_psql(q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'});
$_->close foreach $writer, $one, $two, $other, $reader;
foreach my $mode ('session', 'transaction')
{
	my $through = $pools{$mode};
	my $client;
	$cluster->poll_until(
		sub { $client = $through->('r'); $client && ($client->value('SHOW multiregion.read_consistency') // '') eq 'global' },
		10, 'a new connection');
	$writer = $through->('w');
	is(stale_of(200, $writer, sub { $client->value('SELECT value FROM counter') }), 0,
		"$mode 7: read_consistency = global of the role");
}

done_testing();
