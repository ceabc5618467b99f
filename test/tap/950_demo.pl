# The demo, as a person meets it: set up, told that it runs, the primary region killed,
# frozen, brought back, stopped, removed. Method: demo.sh on ports and in a folder of its
# own, with the programs under test; a bystander in the demo's folder must survive it.
use strict;
use warnings;

use File::Temp ();
use FindBin;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Console qw(run_console);
use MultiRegion::Document ();
use MultiRegion::Http;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Process qw(processes_in kill_directory is_alive);

my $top = $ENV{MR_TOP} // "$FindBin::Bin/../..";
my $bindir = $ENV{MR_BINDIR} // "$top/build/prefix/release/bin";
my $folder = ($ENV{TESTDIR} // File::Temp::tempdir(CLEANUP => 1)) . '/demo';
my @regions = qw(US_EAST EU_WEST AP_SOUTHEAST);

# Three consecutive free ports, with those 100 and 200 above, for HAProxy and nginx beside HTTP.
sub three_ports
{
	for (1 .. 50)
	{
		my $first = free_port();
		next if grep { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $first + $_) } 1, 2, 100 .. 102, 200 .. 202;
		return $first;
	}
	die 'no three free ports in a row';
}

my $pg_port = three_ports();
my $http_port = three_ports();

$ENV{MR_DEMO_DIR} = $folder;
$ENV{MR_DEMO_BINDIR} = $bindir;
$ENV{DEMO_PG_PORT} = $pg_port;
$ENV{DEMO_HTTP_PORT} = $http_port;
$ENV{DEMO_FAILBACK_DELAY} = 3600000; # until the tour comes to it

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# Runs a verb of the demo: (exit status, output).
sub demo
{
	my (@arguments) = @_;
	my $started = now();
	my $output = `$top/docker/demo/demo.sh @arguments 2>&1 </dev/null`;
	my $status = $? >> 8;

	note sprintf("demo %s: %.1f s, exit %d\n%s", "@arguments", now() - $started, $status, $output);
	return ($status, $output);
}

sub psql
{
	my ($conninfo, $sql, $user) = @_;
	local $ENV{PGCONNECT_TIMEOUT} = 2;
	$user //= 'postgres';
	open(my $pipe, '-|', "$bindir/psql", '-XAtqw', '-d', "$conninfo user=$user dbname=postgres",
		'-c', $sql) or die "psql: $!";
	local $/;
	my $output = <$pipe> // '';
	close $pipe or return undef;
	return $output =~ s/\n\z//r;
}

my $any = 'host=localhost,localhost,localhost port=' . join(',', map { $pg_port + $_ } 0 .. 2)
	. ' target_session_attrs=read-write';

# Body of a GET at a sidecar; '' if it does not answer within 2 s.
sub get
{
	my ($number, $path) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $http_port + $number)
		or return '';
	my $answer = '';

	print $socket "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
	eval {
		local $SIG{ALRM} = sub { die "late\n" };
		alarm 2;
		local $/;
		$answer = <$socket> // '';
		alarm 0;
	};
	alarm 0;
	$answer =~ s/\A.*?\r\n\r\n//s;
	return $answer;
}

sub primary_at
{
	my ($number) = @_;
	return get($number, '/api/regions/status') =~ /"primaryRegion"\s*:\s*"(\w+)"/ ? $1 : '';
}

sub wait_for
{
	my ($seconds, $condition) = @_;
	my $deadline = now() + $seconds;

	until ($condition->())
	{
		return 0 if now() > $deadline;
		select(undef, undef, undef, 0.05);
	}
	return 1;
}

# Whatever happens, nothing of the demo outlives this test.
END
{
	local $?;
	kill_directory($folder) if defined $folder && -d $folder;
}

# A taken port is named, and nothing is left behind.
{
	my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $http_port + 1,
		Listen => 1, ReuseAddr => 1) or die "listen: $!";
	my ($status, $output) = demo('start-all');
	isnt($status, 0, 'the demo does not start when a port is taken');
	my $port = $http_port + 1;
	like($output, qr/port $port is taken.*DEMO_HTTP_PORT/s, 'it names the port and what to do');
}

my $started = now();
my ($status, $output) = demo('start-all');
is($status, 0, 'the demo starts') or BAIL_OUT('without a demo there is nothing to test');
cmp_ok(now() - $started, '<', 60, 'in less than a minute');
like($output, qr/target_session_attrs=read-write.*demo-kill REGION=US_EAST/s, 'it says what to try');
is(primary_at($_), 'US_EAST', "the sidecar of $regions[$_] names the primary region") foreach 0 .. 2;
is(psql($any, "INSERT INTO visit (note) VALUES ('before') RETURNING note"), 'before',
	'a client of all three can write');

# The cluster's own connections are encrypted, by certificate; nothing else is admitted.
foreach my $number (0 .. 2)
{
	my $here = 'host=127.0.0.1 port=' . ($pg_port + $number);
	ok(wait_for(10, sub {
			my $dns = psql($here, q{SELECT string_agg(DISTINCT a.usename || coalesce(s.client_dn, ' -'), ' ') FROM}
					. ' pg_stat_activity AS a JOIN pg_stat_ssl AS s USING (pid) WHERE a.usename <> current_user') // '';
			$dns =~ m{multiregion_api/CN=multiregion_api} && $dns =~ m{multiregion_peer/CN=[a-z]+-[a-z]+-1\.multiregion\.test}
				&& $dns !~ / -/ && psql($here, q{SELECT count(*) FROM pg_stat_activity AS a JOIN pg_stat_ssl AS s USING (pid)}
				. q{ WHERE a.usename LIKE 'multiregion%' AND NOT s.ssl}) eq '0' }),
		"$regions[$number]: peers and sidecar log in with their certificates");
	foreach my $role (qw(multiregion_peer multiregion_api))
	{
		is(psql("$here sslmode=$_", 'SELECT 1', $role), undef, "$regions[$number]: not as $role with sslmode=$_ alone")
			foreach qw(disable require);
	}
}

# nginx, where it is installed, belongs to each region, as a page that names the region shows.
my $with_nginx = grep { -x "$_/nginx" } split(/:/, "$ENV{PATH}:/usr/sbin");
sub origin_of { return MultiRegion::Http->get($http_port + 200 + $_[0], '/', timeout => 2) }
sub origins_are
{
	my ($wanted, $what) = @_;
	SKIP:
	{
		skip('nginx is not installed', 1) unless $with_nginx;
		my $found = '';
		wait_for(10, sub { $found = join(' ', map { my $page = origin_of($_);
				$page && $page->{body} =~ /Hello from $regions[$_]/ ? $page->{headers}{'x-multiregion-served-by'} : '-' } 0 .. 2);
			$found eq $wanted });
		is($found, $wanted, "static files: $what");
	}
	return;
}
origins_are("@regions", 'each region serves its own');

# So does HAProxy, which passes a tenant's request on to his region.
my $with_haproxy = $with_nginx && grep { -x "$_/haproxy" } split(/:/, "$ENV{PATH}:/usr/sbin");
SKIP:
{
	skip('haproxy is not installed', 1) unless $with_haproxy && length("$folder/AP_SOUTHEAST/edge/socket") <= 97;
	psql($any, q{SELECT set_tenant_region('edged', 'EU_WEST')});
	ok(wait_for(10, sub {
		my $http = MultiRegion::Http->connect($http_port + 100) or return 0;
		my $page = $http->request('GET', '/', headers => ['X-Tenant-Id: edged'], timeout => 2);
		return $page && $page->{body} =~ /Hello from EU_WEST/;
	}), 'a request for a tenant of EU_WEST that enters at US_EAST is served there');
}

# Works in the demo's folder but is none of its processes.
my $bystander = fork() // die "fork: $!";
if ($bystander == 0)
{
	chdir "$folder/US_EAST/data";
	exec 'sleep', '600';
}

($status, $output) = demo('start-all');
is($status, 0, 'a second start succeeds');
like($output, qr/already running/, 'and says that it runs');
($status, $output) = demo('kill', 'MARS');
isnt($status, 0, 'an unknown region is refused');
like($output, qr/no region "MARS".*US_EAST/s, 'with the names there are');

($status) = demo('kill', 'us-east-1');
is($status, 0, 'a region is killed, by its id');
my $killed_at = now();
ok(wait_for(5, sub { my $p = primary_at(1); $p =~ /^(EU_WEST|AP_SOUTHEAST)$/ && $p eq primary_at(2) }),
	'both others agree on a new primary region within 5 s');
ok(wait_for(5, sub { (psql($any, "INSERT INTO visit (note) VALUES ('after') RETURNING note") // '') eq 'after' }),
	'a client of all three can write again');
cmp_ok(now() - $killed_at, '<', 5, 'all of it within 5 s');
ok(wait_for(5, sub { (psql($any, "SELECT from_region, cause FROM multiregion.failovers LIMIT 1") // '')
			=~ /^US_EAST\|lease_expired$/ }), 'the failover is on record');
ok(wait_for(5, sub { (psql($any, 'SELECT detected_at IS NOT NULL, promoted_at IS NOT NULL,'
				. ' open_at IS NOT NULL FROM multiregion.failovers LIMIT 1') // '') eq 't|t|t' }),
	'with its times');
ok(is_alive($bystander), 'a bystander in the killed folder was left alone');
is(scalar(grep { $_ != $bystander } processes_in("$folder/US_EAST")), 0,
	'nothing of the killed region is left');
origins_are('- EU_WEST AP_SOUTHEAST', 'those of a killed region are gone with it');

($status, $output) = demo('status');
is($status, 0, 'status works');
like($output, qr/^US_EAST\s+down/m, 'and shows the killed region');
($status) = demo('start', 'US_EAST');
is($status, 0, 'the killed region starts');
origins_are("@regions", 'and come back with it');
my $now_primary = primary_at(1);
is(psql('host=127.0.0.1 port=' . $pg_port, 'SELECT pg_is_in_recovery()'), 't', 'it is a standby');
is(psql($any, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"), '2',
	'two standbys stream');

# A frozen region, then killed in that state.
my ($frozen) = grep { $regions[$_] eq $now_primary } 0 .. 2;
my @others = grep { $_ != $frozen } 0 .. 2;
ok(wait_for(15, sub { primary_at(0) eq $now_primary }), 'the sidecar of the returned region agrees');
($status) = demo('freeze', $now_primary);
is($status, 0, 'the primary region is frozen');
ok(wait_for(10, sub { my $p = primary_at($others[0]);
			$p ne '' && $p ne $now_primary && $p eq primary_at($others[1]) }),
	'the others elect a new primary region');
($status, $output) = demo('status');
like($output, qr/^$now_primary\s+frozen/m, 'status shows the frozen region');
($status) = demo('thaw', $now_primary);
is($status, 0, 'it goes on');
ok(wait_for(20, sub { (psql($any, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") // '')
			eq '2' }), 'and comes back as a standby');
my $standby = $now_primary;
($status) = demo('freeze', $standby);
($status) = demo('kill', $standby);
is($status, 0, 'a frozen region can be killed');
($status) = demo('start', $standby);
is($status, 0, 'and started again');

# The tour goes on: home again, and moved on purpose by SQL and over HTTP.
is(psql($any, q{SELECT multiregion.set_policy('failback_delay', '2s')}), '2000', 'the failback is set near');
ok(wait_for(30, sub { primary_at(0) eq 'US_EAST' && primary_at(1) eq 'US_EAST' && primary_at(2) eq 'US_EAST' }),
	'the primary region is US_EAST again');
psql($any, q{SELECT multiregion.set_policy('failback', 'off')});
ok(wait_for(10, sub { (psql($any, q{SELECT wins FROM explain_failover() WHERE node = 'eu_west_1' AND rule = 'election'}) // '') eq 't' }),
	'explain_failover() names the next one');
ok(wait_for(20, sub { (psql($any, q{SELECT to_region || ' ' || lost_bytes FROM switchover('EU_WEST')}) // '') eq 'EU_WEST 0' }),
	'a switchover by SQL');
open(my $token_file, '<', "$folder/token") or die "token: $!";
chomp(my $token = <$token_file>);

sub post
{
	my ($number, $path, $body, $with) = @_;
	my $http = MultiRegion::Http->connect($http_port + $number) or return {};
	my $answer = $http->request('POST', $path, timeout => 35, body => $body,
		headers => [ 'Content-Type: application/json', "Authorization: Bearer $with" ]);
	$http->close;
	return $answer // {};
}
is(post(1, '/api/regions/failover/manual', '{"targetRegionId": "ap-southeast-1"}', 'wrong')->{status}, 401,
	'a manual failover needs the token');
my $moved;
ok(wait_for(30, sub { $moved = post(0, '/api/regions/failover/manual', '{"targetRegionId": "ap-southeast-1"}', $token);
			$moved->{status} == 200 }), 'with it the primary moves') or diag(explain($moved));
ok(wait_for(10, sub { primary_at(1) eq 'AP_SOUTHEAST' && primary_at(2) eq 'AP_SOUTHEAST' }), 'where it was sent');
ok(wait_for(20, sub { post(2, '/api/regions/tenant/acme/region', '{"regionKey": "EU_WEST"}', $token)->{status} == 200 }),
	'a tenant is sent to a region over HTTP');
ok(wait_for(20, sub { (psql($any, q{SELECT region_for_tenant('acme')}) // '') eq 'EU_WEST' }), 'and is there');
ok(wait_for(20, sub { (psql($any, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") // '') eq '2' }),
	'two standbys stream');

# The README's tour, as it stands there.
sub run_command
{
	my ($command) = @_;
	local %ENV = (%ENV, psql => "$bindir/psql -X", any => "$any user=postgres dbname=postgres", token => $token);
	my $tools = qq{curl() { command curl -s "\$@"; }\nmake() { "$top/docker/demo/demo.sh" "\${1#demo-}" \${2#REGION=}; }};

	$command =~ s/localhost:300([123])/'localhost:' . ($http_port + $1 - 1)/ge;
	$command =~ s/port=550([123])/'port=' . ($pg_port + $1 - 1)/ge;
	open(my $pipe, '-|', 'bash', '-c', "exec 2>&1 </dev/null\n$tools\n$command") or die "bash: $!";
	local $/;
	my $output = <$pipe> // '';
	close $pipe;
	return ($? >> 8, $output =~ s/localhost:(\d+)/'localhost:' . ($1 - $http_port + 3001)/ger);
}

my $readme = MultiRegion::Document->new('README.md');
foreach my $block (grep { $_->{mark} =~ /^run:/ } $readme->blocks)
{
	wait_for(20, sub { psql($any, q{SELECT switchover('US_EAST')}); primary_at(0) eq 'US_EAST' })
		if $block->{text} =~ /INTO visit .*hello|switchover|tenant_route/;
	# The tour's own words: a standby that has more wins, and on a busy machine that may be the other.
	if ($block->{text} =~ /make demo-kill REGION=US_EAST/)
	{
		psql($any, q{SELECT pause_failover('10 min', region => 'AP_SOUTHEAST')});
		ok(wait_for(20, sub { my %versions = map { (psql("host=127.0.0.1 port=$_", 'SELECT config_version FROM multiregion.lease_status()') // '') => 1 }
					map { $pg_port + $_ } 0 .. 2;
				keys %versions == 1 && !$versions{''}; }), 'everybody knows whom the tour expects');
	}
	my @wrong = run_console($block->{text}, \&run_command);
	is(join("\n", @wrong), '', "README.md:$block->{line}");
	psql($any, 'SELECT resume_failover()') if $block->{text} =~ /demo-start REGION=US_EAST/;
}
psql($any, 'SELECT resume_failover()');
ok(wait_for(20, sub { (psql($any, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") // '') eq '2' }),
	'two standbys stream after the tour');

my $rows = psql($any, 'SELECT count(*) FROM visit');
($status) = demo('stop');
is($status, 0, 'the demo stops');
is(scalar(grep { $_ != $bystander } processes_in($folder)), 0, 'all of it');
($status, $output) = demo('start-all');
is($status, 0, 'it starts again');
ok(wait_for(15, sub { (psql($any, 'SELECT count(*) FROM visit') // '') eq $rows }), 'with its rows');

($status) = demo('clean');
is($status, 0, 'the demo is removed');
ok(!-e $folder, 'with its data');
ok(is_alive($bystander), 'and the bystander is still there');
kill 'KILL', $bystander;
waitpid($bystander, 0);
($status, $output) = demo('kill', 'US_EAST');
like($output, qr/make demo/, 'without a demo every command says how to get one');

done_testing();
