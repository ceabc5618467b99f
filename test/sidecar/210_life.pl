# How a sidecar starts, reloads and ends, and what it says beside a server that is no
# member of anything. Method: one plain server with the extension, sidecars started and
# stopped around it.
use strict;
use warnings;

use Socket qw(AF_UNIX SOCK_DGRAM pack_sockaddr_un);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Cluster;
use MultiRegion::Http qw(check_answer);
use MultiRegion::Ports qw(free_port);
use MultiRegion::Sidecar;

my $cluster = MultiRegion::Cluster->new(managed => 0);
$cluster->start;
my $server = $cluster->node(0);
$server->safe_psql($_) foreach 'CREATE EXTENSION multiregion', 'ALTER ROLE multiregion_api LOGIN';

my %settings = (
	ENABLE_MULTI_REGION => 'true', DEPLOYMENT_REGION => 'US_EAST',
	MULTIREGION_DATABASE_URL => 'postgresql://127.0.0.1:' . $server->port . '/postgres');

sub sidecar
{
	my ($name, %changes) = @_;
	return MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => $name, settings => { %settings, %changes });
}

sub seconds { return clock_gettime(CLOCK_MONOTONIC) }

sub get
{
	my ($sidecar, $path, %args) = @_;
	return MultiRegion::Http->get($sidecar->port, $path, %args) // { json => {}, status => 'none' };
}

sub get_from { return MultiRegion::Http->get(@_) }

sub wait_for_health
{
	my ($sidecar, $reason) = @_;
	return $sidecar->poll_until(sub { (get($sidecar, '/api/health')->{json}{reason} // '') eq $reason }, 10, $reason);
}

# It must have ended by itself, with this exit code, and the sanitizers silent.
sub ended
{
	my ($sidecar, $code, $what) = @_;
	is($sidecar->wait_for_end >> 8, $code, "$what: exit code $code");
	is($sidecar->findings, '', "$what: the sanitizers found nothing");
	return;
}

# --- a server of no cluster ---------------------------------------------------------

my $sidecar = sidecar('plain', MULTIREGION_DRAIN_TIMEOUT => 1000)->start;
wait_for_health($sidecar, 'unmanaged');
# Health says so once the regions were read, of which there are none yet.
my $first = get($sidecar, '/api/regions/tenant/nobody/region');
is(join(' ', map { $_ // 'none' } $first->{status}, @{ $first->{json} }{qw(regionKey regionId source)}),
	'200 US_EAST us-east-1 default', 'before there are regions in the database, tenants belong to its own');
$server->safe_psql($_) foreach q{SELECT add_region('US_EAST', 'us-east-1', 'US East')},
	q{SELECT add_region('EU_WEST', 'eu-west-1', 'EU West')}, q{SELECT set_tenant_region('acme', 'EU_WEST')};
$sidecar->poll_until(sub { (get($sidecar, '/api/regions')->{json}{regions}[0]{name} // '') eq 'US East' }, 5, 'the regions');
my $health = get($sidecar, '/api/health');
is("$health->{status} $health->{json}{role} $health->{json}{status}", '200 primary healthy', 'a plain server serves');
is($health->{json}{epoch}, undef, 'and has no epoch');
my $status = get($sidecar, '/api/regions/status')->{json};
ok(!$status->{managed} && $status->{enabled}, 'it is not managed');
is("$status->{currentRegion} $status->{primaryRegion}", 'US_EAST US_EAST', 'its region is the primary one');
is(join(' ', map { "$_->{regionKey} $_->{role} $_->{status}" } @{ $status->{regions} }),
	'US_EAST primary healthy EU_WEST unknown unknown', 'of others nothing is known');
is(join(' ', map { $_->{regionKey} } grep { $_->{isPrimary} } @{ get($sidecar, '/api/regions')->{json}{regions} }),
	'US_EAST', 'in the list as well');
my $nobody = get($sidecar, '/api/regions/tenant/nobody/region')->{json};
is("$nobody->{regionKey} $nobody->{regionId} $nobody->{source}", 'US_EAST us-east-1 default', 'tenants belong to it');
is(get($sidecar, '/api/regions/tenant/acme/region')->{json}{regionKey}, 'EU_WEST', 'unless they prefer another');
is(get($sidecar, '/api/regions/health/database')->{json}{status}, 'healthy', 'its database is healthy');
is(get($sidecar, '/api/regions/health/failover')->{json}{status}, 'degraded', 'it cannot fail over');

# A word of a later version for what became of an order is not taken for success.
$server->safe_psql(q{
	CREATE OR REPLACE FUNCTION multiregion.failover_result(failover_id text, OUT status text, OUT order_id text, OUT kind text,
		OUT from_node text, OUT from_region text, OUT to_node text, OUT to_region text, OUT epoch bigint, OUT duration_ms bigint,
		OUT lost_bytes bigint, OUT rule text, OUT reason text, OUT nodes jsonb)
	LANGUAGE plpgsql AS $$BEGIN status := failover_id; END$$});
is(join(' ', map { get($sidecar, "/api/regions/failover/$_")->{status} } qw(done pending unknown postponed)),
	'200 200 404 500', 'an outcome that is not known here is an error');

# The extension goes and comes back in another schema.
$server->safe_psql('DROP EXTENSION multiregion');
wait_for_health($sidecar, 'database_unreachable');
is(get($sidecar, '/api/regions/tenant/acme/region')->{json}{stale} ? 1 : 0, 1, 'without the extension: the last answer');
ok(get($sidecar, '/api/regions/status')->{json}{stale}, 'and the last copy');
$server->safe_psql($_) foreach q{CREATE SCHEMA "My %s Place"}, q{CREATE EXTENSION multiregion SCHEMA "My %s Place"},
	q{GRANT USAGE ON SCHEMA "My %s Place" TO multiregion_api},
	q{SELECT "My %s Place".add_region('EU_WEST', 'eu-west-1', 'EU West')},
	q{SELECT "My %s Place".add_region('US_EAST', 'us-east-1', 'US East')},
	q{SELECT "My %s Place".set_tenant_region('acme', 'US_EAST')};
wait_for_health($sidecar, 'unmanaged');
$sidecar->poll_until(sub { !get($sidecar, '/api/regions/tenant/acme/region')->{json}{stale} }, 5, 'a fresh answer');
is(get($sidecar, '/api/regions/tenant/acme/region')->{json}{regionKey}, 'US_EAST', 'in another schema it is found');

# --- reload -------------------------------------------------------------------------------

$sidecar->write_settings(MULTIREGION_LOG_LEVEL => 'debug', DEPLOYMENT_REGION => 'EU_WEST');
$sidecar->signal('HUP');
$sidecar->poll_until(sub { $sidecar->log_text =~ /reloaded the settings/ }, 5, 'the reload');
wait_for_health($sidecar, 'unmanaged');
is(get($sidecar, '/api/regions/status')->{json}{currentRegion}, 'EU_WEST', 'SIGHUP reads the settings again');
my $from = $sidecar->log_size;
$sidecar->write_settings(DEPLOYMENT_REGION => 'Not A Region', MULTIREGION_STALE_AFTER => 'sesame');
$sidecar->signal('HUP');
$sidecar->poll_until(sub { $sidecar->log_text($from) =~ /were not reloaded/ }, 5, 'the refusal');
like($sidecar->log_text($from), qr/error: DEPLOYMENT_REGION/, 'a wrong setting is named');
like($sidecar->log_text($from), qr/error: MULTIREGION_STALE_AFTER/, 'and every other');
is(get($sidecar, '/api/regions/status')->{json}{currentRegion}, 'EU_WEST', 'wrong settings change nothing');
$sidecar->write_settings(DEPLOYMENT_REGION => 'US_EAST', MULTIREGION_STALE_AFTER => undef,
	MULTIREGION_HTTP_LISTEN => '127.0.0.1:1', MULTIREGION_HTTP_REQUEST_TIMEOUT => 200);
$from = $sidecar->log_size;
$sidecar->signal('HUP');
$sidecar->poll_until(sub { $sidecar->log_text($from) =~ /reloaded the settings/ }, 5, 'the reload');
like($sidecar->log_text($from), qr/warning: .*MULTIREGION_HTTP_LISTEN take effect at a restart/, 'what needs a restart is said');
my $slow = MultiRegion::Http->connect($sidecar->port);
$slow->send('G');
ok($slow->ends(timeout => 5), 'a new deadline of requests holds');
# A log that nobody reads stops nobody.
{
	pipe(my $reader, my $writer) or die "pipe: $!";
	fcntl($writer, 1031, 4096); # F_SETPIPE_SZ
	my $unheard = MultiRegion::Sidecar->new(directory => $sidecar->{directory}, name => 'unheard',
		settings => { %{ $sidecar->{settings} }, MULTIREGION_HTTP_LISTEN => undef, MULTIREGION_DRAIN_TIMEOUT => 0 });
	$unheard->write_settings(MULTIREGION_HTTP_LISTEN => '127.0.0.1:' . $unheard->port);
	$unheard->start_with_errors($writer);
	close $writer;
	my $answered = 0;
	foreach my $round (1 .. 100)
	{
		$unheard->signal('HUP');
		$answered++ if MultiRegion::Http->get($unheard->port, '/api', timeout => 5) or last;
	}
	is($answered, 100, 'a log that nobody reads stops nobody');
	is($unheard->stop('TERM'), 0, '... and not the end either');
}

# Reload after reload, with requests under way.
my @clients = map { MultiRegion::Http->connect($sidecar->port) } 1 .. 4;
foreach my $round (1 .. 10)
{
	$sidecar->signal('HUP');
	$_->send(MultiRegion::Http->request_text('GET', "/api/regions/tenant/round$round/region")) foreach @clients;
	my @wrong = grep { !$_ || $_->{status} !~ /^(?:200|503)$/ } map { $_->answer } @clients;
	is(scalar @wrong, 0, "round $round: every request is answered during a reload");
}
wait_for_health($sidecar, 'unmanaged');
pass('after many reloads it serves');

# --- the end ------------------------------------------------------------------------------------

# A request that waits in the database is answered before the end; meanwhile /api/health
# turns clients away and everything else is served.
$sidecar->write_settings(MULTIREGION_HTTP_LISTEN => '127.0.0.1:' . $sidecar->port,
	MULTIREGION_HTTP_REQUEST_TIMEOUT => undef, MULTIREGION_DRAIN_TIMEOUT => 700, MULTIREGION_TENANT_TIMEOUT => 5000);
$from = $sidecar->log_size;
$sidecar->signal('HUP');
$sidecar->poll_until(sub { $sidecar->log_text($from) =~ /reloaded the settings/ }, 5, 'the reload');
wait_for_health($sidecar, 'unmanaged');
my $lock = $server->session;
$lock->query('BEGIN; LOCK TABLE multiregion.tenant');
my $waiting = MultiRegion::Http->connect($sidecar->port);
my $idle = MultiRegion::Http->connect($sidecar->port);
is($idle->request('GET', '/api')->{status}, 200, 'a connection that is kept');
$waiting->send(MultiRegion::Http->request_text('GET', '/api/regions/tenant/locked/region'));
$cluster->poll_until(
	sub { $server->value(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'multiregion_api' AND wait_event_type = 'Lock'}) },
	10, 'the request to wait');
is($idle->request('GET', '/api')->{status}, 200, 'what came before') foreach 1 .. 2;
$waiting->send(MultiRegion::Http->request_text('GET', '/api'));
my $began = seconds();
$sidecar->signal('TERM');
wait_for_health($sidecar, 'draining');
is(get($sidecar, '/api/health')->{status}, 503, 'while it drains, /api/health says 503');
my $other = get($sidecar, '/api/regions');
is(check_answer($other) || $other->{status}, 200, 'and everything else is served');
is($other->{headers}{connection}, 'close', 'one answer a connection');
$sidecar->poll_until(sub { !MultiRegion::Http->connect($sidecar->port) }, 5, 'it to stop accepting');
cmp_ok(seconds() - $began, '>', 0.6, 'it drains as long as it was told');
ok($sidecar->is_running, 'it waits for the request under way');
$lock->query('COMMIT');
my $answer = $waiting->answer;
is(check_answer($answer) || "$answer->{status} $answer->{json}{tenantId}", '200 locked', 'which is answered');
ended($sidecar, 0, 'SIGTERM');
ok($idle->ends, 'kept connections end');
cmp_ok(seconds() - $began, '<', 3.5, 'SIGTERM takes no longer than drain and answers');

# The longest it takes: a request that is never answered.
$sidecar = sidecar('stuck', MULTIREGION_DRAIN_TIMEOUT => 100, MULTIREGION_TENANT_TIMEOUT => 60000)->start;
wait_for_health($sidecar, 'unmanaged');
$lock->query('BEGIN; LOCK TABLE multiregion.tenant');
$waiting = MultiRegion::Http->connect($sidecar->port);
$waiting->send(MultiRegion::Http->request_text('GET', '/api/regions/tenant/locked/region'));
$cluster->poll_until(
	sub { $server->value(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'multiregion_api' AND wait_event_type = 'Lock'}) },
	10, 'the request to wait');
$began = seconds();
$sidecar->signal('TERM');
ended($sidecar, 0, 'SIGTERM with a request that waits for ever');
cmp_ok(seconds() - $began, '<', 4, 'it ends all the same');
$lock->query('COMMIT');
$sidecar = sidecar('patient', MULTIREGION_DRAIN_TIMEOUT => 60000)->start;
$sidecar->signal('TERM');
wait_for_health($sidecar, 'draining');
$began = seconds();
$sidecar->signal('TERM');
ended($sidecar, 0, 'a second SIGTERM');
cmp_ok(seconds() - $began, '<', 2, 'it does not wait');
$sidecar = sidecar('interrupted', MULTIREGION_DRAIN_TIMEOUT => 60000)->start;
$began = seconds();
$sidecar->signal('INT');
ended($sidecar, 0, 'SIGINT');
cmp_ok(seconds() - $began, '<', 2, 'it does not wait either');
# At any moment of its start.
foreach my $number (1 .. 5)
{
	$sidecar = sidecar("early$number", MULTIREGION_DRAIN_TIMEOUT => 0)->start;
	$sidecar->signal('TERM');
	ended($sidecar, 0, "SIGTERM at once, $number");
}

# Its server goes for good, by a smart shutdown, which waits for every session.
$sidecar = sidecar('orphan')->start;
wait_for_health($sidecar, 'unmanaged');
is(get($sidecar, '/api/regions/tenant/acme/region')->{status}, 200, 'its sessions are there');
$lock->close;
$server->{session} = undef;
$server->stop('smart', 10);
is(get($sidecar, '/api/health')->{status}, 503, 'without its server the region cannot serve');

# --- disabled, and settings that are wrong -----------------------------------------------------------

my $disabled = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => 'disabled',
	settings => { REGION_US_EAST_NAME => 'x' })->start;
is(join(' ', map { get($disabled, $_)->{status} } '/api', '/api/regions', '/api/regions/status', '/api/health',
		'/api/regions/health/database', '/api/regions/health/failover', '/api/regions/tenant/a/region'),
	'200 200 200 503 200 200 503', 'what is disabled answers');
is(get($disabled, '/api/health')->{json}{reason}, 'disabled', 'and says that it is');
$disabled->signal('HUP');
$disabled->poll_until(sub { $disabled->log_text =~ /reloaded the settings/ }, 5, 'the reload');
$disabled->signal('TERM');
ended($disabled, 0, 'disabled');

my $second_port = free_port();
my $both = sidecar('both');
$both->write_settings(MULTIREGION_HTTP_LISTEN => '127.0.0.1:' . $both->port . ", localhost:$second_port");
$both->start;
$both->poll_until(sub { $both->log_text =~ /listening on \S+:$second_port/ }, 5, 'the second address');
is(join(' ', map { MultiRegion::Http->get($_, '/api')->{status} } $both->port, $second_port), '200 200', 'two addresses');
$both->signal('INT');
ended($both, 0, 'with two addresses');

# A unix socket: beside TCP, taken over from a dead process and from nobody else, gone in the end.
my $path = "$cluster->{directory}/api.sock";
my $socket_only = sidecar('socket', MULTIREGION_HTTP_LISTEN => "unix:$path")->start;
my $third_port = free_port();
my ($failed, $why) = sidecar('robber', MULTIREGION_HTTP_LISTEN => "unix:$path")->run;
is($failed, 1, 'a socket that another one listens on');
like($why, qr/could not listen on unix:\S+: Address already in use/, 'is not taken away');
is(check_answer(get_from($path, '/api')), '', 'requests through a unix socket');
is((stat $path)[2] & 0777, 0660, 'owner and group may use it');
$socket_only->signal('KILL');
$socket_only->wait_for_end;
ok(-S $path, 'a killed one leaves its socket');
$socket_only = sidecar('socket', MULTIREGION_HTTP_LISTEN => "unix:$path, 127.0.0.1:$third_port")->start;
$socket_only->poll_until(sub { get_from($third_port, '/api') }, 5, 'the address beside it');
is(check_answer(get_from($path, '/api')), '', 'the next one takes it over');
my $slow = MultiRegion::Http->connect($path);
$slow->send("GET / HTTP/1.1\r\n");
$socket_only->signal('TERM');
ended($socket_only, 0, 'with a unix socket');
ok(!-e $path, 'and removes it');
($failed, $why) = sidecar('relative', MULTIREGION_HTTP_LISTEN => 'unix:api.sock')->run;
like($why, qr/"unix:api.sock" is not a numeric ADDRESS:PORT, /, 'a path that is not absolute');
open(my $plain_file, '>', $path) or die "$path: $!";
close $plain_file;
($failed, $why) = sidecar('robber', MULTIREGION_HTTP_LISTEN => "unix:$path")->run;
like($why, qr/Address already in use/, 'a file that is no socket');
ok(-f $path, 'stays');

# Ids of requests.
my $named = sidecar('named')->start;
my $ids = MultiRegion::Http->connect($named->port);
my @made = map { $ids->request('GET', $_)->{headers}{'x-request-id'} } '/', '/nowhere';
like($made[0], qr/^[0-9a-f]{32}$/, 'a request gets an id');
isnt($made[0], $made[1], 'each its own');
is($ids->request('GET', '/api', headers => ['X-Request-Id: a-1.b:c/d'])->{headers}{'x-request-id'}, 'a-1.b:c/d', "or the client's");
foreach my $id ('x' x 65, 'a b', 'a"b', "\xc3\xa9", '')
{
	isnt($ids->request('GET', '/api', headers => ["X-Request-Id: $id"])->{headers}{'x-request-id'}, $id, 'but not one that is odd');
}
$named->signal('INT');
ended($named, 0, 'with ids');

my ($code, $output) = sidecar('taken', MULTIREGION_HTTP_LISTEN => '127.0.0.1:' . $sidecar->port)->run('serve');
is($code, 1, 'a port that is taken');
like($output, qr/error: could not start: could not listen on 127\.0\.0\.1:\d+: Address already in use/, 'is named');
($code, $output) = sidecar('nonsense', MULTIREGION_HTTP_LISTEN => 'everywhere')->run;
is($code, 1, 'an address that is none');
like($output, qr/"everywhere" is not a numeric ADDRESS:PORT, /, 'is named');
($code, $output) = sidecar('nothing', DEPLOYMENT_REGION => undef, MULTIREGION_DATABASE_URL => undef)->run;
is($code, 2, 'without region and database');
like($output, qr/error: DEPLOYMENT_REGION is not set/, 'the region is missed');
like($output, qr/error: .*set MULTIREGION_DATABASE_URL/, 'and the database');
($code, $output) = sidecar('password', MULTIREGION_DATABASE_URL => 'postgresql://u:open/sesame@127.0.0.1/x')->run;
is($code, 2, 'a URL that cannot be read');
unlike($output, qr/sesame|open/, 'is not repeated');
($code, $output) = sidecar('arguments')->run('--no-such-option');
is($code, 2, 'an unknown argument');
like($output, qr/argument 1 is not understood; try --help/, 'is told by its number');
($code, $output) = sidecar('arguments')->run('--env-file', 'nowhere');
is($code, 2, 'a file that is not there');
like($output, qr/could not read nowhere: No such file or directory/, 'is named');
($code, $output) = sidecar('arguments')->run('--version');
my ($version) = map { /^default_version\s*=\s*'(.*)'/ ? $1 : () } do {
	open(my $file, '<', "$ENV{MR_TOP}/multiregion.control") or die "multiregion.control: $!";
	<$file>;
};
is("$code $output", "0 multiregiond $version\n", '--version: that of the extension');
($code, $output) = sidecar('arguments')->run('--help');
is($code, 0, '--help');
like($output, qr/usage: multiregiond/, 'says how to use it');

$sidecar->signal('TERM');
ended($sidecar, 0, 'without a server');

# --- a service manager -------------------------------------------------------------------

# The next message within 10 seconds that is not the one to be skipped.
sub notified
{
	my ($socket, $skip) = @_;
	my $deadline = seconds() + 10;
	while (seconds() < $deadline)
	{
		my $wait = '';
		vec($wait, fileno($socket), 1) = 1;
		next unless select($wait, undef, undef, 0.1) > 0;
		recv($socket, my $message, 256, 0);
		return $message if $message ne ($skip // '');
	}
	return 'none';
}

foreach my $name ("\0multiregion-test-$$", "/tmp/multiregion-test-$$")
{
	socket(my $manager, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
	bind($manager, pack_sockaddr_un($name)) or die "bind: $!";
	$sidecar = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => 'notify' . ($name =~ tr{/}{}),
		settings => { %settings, ENABLE_MULTI_REGION => 'false' },
		environment => { NOTIFY_SOCKET => $name =~ s/^\0/@/r, WATCHDOG_USEC => 100_000 })->start;
	is(notified($manager), 'READY=1', 'the service manager is told that it serves');
	is(notified($manager), 'WATCHDOG=1', 'and that it lives');
	is(notified($manager), 'WATCHDOG=1', 'again and again');
	$sidecar->signal('TERM');
	is(notified($manager, 'WATCHDOG=1'), 'STOPPING=1', 'and that it stops');
	ended($sidecar, 0, 'with a service manager');
	unlink $name if $name =~ m{^/};
}

done_testing();
