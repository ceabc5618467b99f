# Requests between regions by HAProxy, fed by the sidecar: each of the ways a tenant is told,
# countries, what strangers claim, loops, streams, a region that is down; then the feed itself:
# HAProxy restarted, maps edited, a map that is full, changes in their numbers. Method: one
# cluster of three regions with sidecars, and beside each a real HAProxy with the shipped
# configuration and a small application; requests from 127.0.0.1 (trusted) and 127.0.0.9.
use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use Digest::SHA qw(hmac_sha256);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Cluster;
use MultiRegion::Http;
use MultiRegion::Ports qw(free_port);

plan skip_all => 'haproxy is not installed' if !-x '/usr/sbin/haproxy';
plan skip_all => 'python3 is not installed' if !grep { -x "$_/python3" } split /:/, $ENV{PATH};

my $top = $ENV{MR_TOP};
my $config = "$top/docker/haproxy/haproxy.cfg";
my $cluster = MultiRegion::Cluster->new(regions => 3, sidecars => 1, policy => { health_check_interval => '300ms' },
	sidecar_settings => { MULTIREGION_HAPROXY_SOCKET => '/nowhere/yet' });
my $sockets = File::Temp::tempdir(CLEANUP => 1); # their paths must be short
my %edge; # region => { port, app, folder, ... }
my @started;

END
{
	local $?;
	kill 'KILL', @started;
}

sub seconds { return clock_gettime(CLOCK_MONOTONIC) }

sub spawn
{
	my ($log, $environment, @command) = @_;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		@ENV{ keys %$environment } = values %$environment;
		open(STDOUT, '>>', $log);
		open(STDERR, '>&', \*STDOUT);
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	push @started, $pid;
	return $pid;
}

$cluster->start;
my $leader = $cluster->wait_for_leader;
my @nodes = $cluster->nodes;
my @regions = map { $_->region } @nodes;
foreach my $node (@nodes)
{
	my $folder = $node->directory . '/haproxy';
	make_path("$folder/maps");
	$edge{ $node->region } = { node => $node, folder => $folder, port => free_port(), app => free_port(),
		rw => free_port(), ro => free_port(), socket => "$sockets/" . $node->name };
}

sub environment
{
	my ($region) = @_;
	my $edge = $edge{$region};
	my %environment = (
		DEPLOYMENT_REGION => $region, ENABLE_CROSS_REGION_PROXY => 'true',
		MULTIREGION_HAPROXY_SOCKET => $edge->{socket}, MULTIREGION_HAPROXY_MAPS => "$edge->{folder}/maps",
		MULTIREGION_HAPROXY_HTTP => "127.0.0.1:$edge->{port}", MULTIREGION_GEO_HEADER => 'CF-IPCountry',
		MULTIREGION_TENANT_CLAIM => 'tenant', MULTIREGION_HAPROXY_JWT_ALG => 'HS256', MULTIREGION_HAPROXY_JWT_KEY => 'key-of-the-test',
		MULTIREGION_TENANT_HEADER => 'X-Tenant-Id', MULTIREGION_TENANT_PATH => '/t/',
		MULTIREGION_TENANT_DOMAIN => 'example.test', MULTIREGION_APP => "127.0.0.1:$edge->{app}",
		MULTIREGION_APP_HEALTH => '/health', MULTIREGION_SIDECAR => '127.0.0.1:' . $edge->{node}->http_port,
		MULTIREGION_HAPROXY_PG => "127.0.0.1:$edge->{rw}", MULTIREGION_HAPROXY_PG_READ_ONLY => "127.0.0.1:$edge->{ro}",
		MULTIREGION_PG_MAX_LAG => '16MB');

	foreach my $other (@regions)
	{
		my $node = $edge{$other}{node};
		$environment{"MULTIREGION_EDGE_$other"} = "127.0.0.1:$edge{$other}{port}";
		$environment{"MULTIREGION_PG_$other"} = '127.0.0.1:' . $node->port;
		$environment{"MULTIREGION_PG_CHECK_ADDRESS_$other"} = '127.0.0.1';
		$environment{"MULTIREGION_PG_CHECK_PORT_$other"} = $node->http_port;
	}
	return %environment;
}

sub start_haproxy
{
	my ($region, %more) = @_;
	my $edge = $edge{$region};

	$edge->{pid} = spawn("$edge->{folder}/log", { environment($region), %more }, '/usr/sbin/haproxy', '-db', '-f', $config);
	return;
}

sub start_app
{
	my ($region) = @_;
	$edge{$region}{app_pid} = spawn("$edge{$region}{folder}/app.log", {}, 'python3', "$top/test/sidecar/application.py",
		$region, $edge{$region}{app});
	return;
}

sub end_process
{
	my ($pid) = @_;
	kill 'KILL', $pid;
	waitpid($pid, 0);
	@started = grep { $_ != $pid } @started;
	return;
}

foreach my $region (@regions)
{
	my $maps = "$edge{$region}{folder}/maps";
	foreach my $name (qw(tenants.map recent.map countries.map))
	{
		open(my $file, '>', "$maps/$name") or die "$maps: $!";
		print $file "acme AP_SOUTHEAST\n" if $name eq 'tenants.map'; # a wrong one
	}
	open(my $file, '>', "$maps/trusted.lst") or die "$maps: $!";
	print $file "127.0.0.1\n";
	close $file;
}

# --- the shipped configuration is one --------------------------------------------------------

foreach my $switch ('true', 'false')
{
	my %environment = (environment('US_EAST'), ENABLE_CROSS_REGION_PROXY => $switch);
	local @ENV{ keys %environment } = values %environment;
	my $output = `/usr/sbin/haproxy -c -f $config 2>&1`;
	is($?, 0, "haproxy -c, ENABLE_CROSS_REGION_PROXY=$switch") or diag($output);
	unlike($output, qr/WARNING|ALERT/, 'and it warns of nothing');
}

foreach my $region (@regions)
{
	start_app($region);
	start_haproxy($region);
}

# The sidecars are told of their HAProxy, and read that again.
foreach my $node (@nodes)
{
	my $path = $node->directory . '/.env.multiregion';
	open(my $in, '<', $path) or die "$path: $!";
	my @lines = grep { !/MULTIREGION_HAPROXY/ } <$in>;
	open(my $out, '>', $path) or die "$path: $!";
	print $out @lines, "MULTIREGION_HAPROXY_SOCKET=$edge{ $node->region }{socket}\n",
		"MULTIREGION_HAPROXY_MAPS=$edge{ $node->region }{folder}/maps\n", "MULTIREGION_HAPROXY_CHECK_INTERVAL=1000\n",
		"MULTIREGION_HAPROXY_MAX_TENANTS=20000\n";
	close $out;
	kill 'HUP', $node->processes(qr/multiregiond/);
}

# --- asking ----------------------------------------------------------------------------------

# One request at a region's HAProxy: status, headers, body decoded. from: its address.
sub request
{
	my ($region, $path, %args) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $edge{$region}{port},
		LocalAddr => $args{from} // '127.0.0.1', Timeout => 5) or return { status => 0, json => {}, head => '' };
	my $body = $args{body} // '';
	my $method = $args{method} // (length $body ? 'POST' : 'GET');
	my $text = "$method $path HTTP/1.1\r\nHost: " . ($args{host} // 'localhost') . "\r\nConnection: close\r\n";
	my $answer = '';

	$text .= "$_\r\n" foreach @{ $args{headers} // [] };
	$text .= 'Content-Length: ' . length($body) . "\r\n" if length $body;
	eval {
		local $SIG{ALRM} = sub { die "late\n" };
		alarm 20;
		local $SIG{PIPE} = 'IGNORE';
		print $socket "$text\r\n$body";
		while (sysread($socket, my $part, 65536)) { $answer .= $part; }
		alarm 0;
	};
	alarm 0;
	my ($head, $rest) = split /\r\n\r\n/, $answer, 2;
	my $json = eval { JSON::PP::decode_json($rest // '') } // {};
	return { status => ($head // '') =~ m{^HTTP/1.1 (\d+)} ? $1 : 0, head => $head // '', body => $rest // '', json => $json };
}

sub region_of { return request(@_)->{json}{region} // 'none' }

sub wait_for
{
	my ($what, $condition, $limit) = @_;
	my $deadline = seconds() + ($limit // 15);
	my $good;

	until ($good = $condition->()) { last if seconds() > $deadline; select(undef, undef, undef, 0.02); }
	ok($good, $what) or diag(join "\n", map { $_->sidecar_log } @nodes);
	return $good;
}

# What HAProxy's runtime socket answers.
sub runtime
{
	my ($region, $command) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $edge{$region}{socket}) or return '';
	my $answer = '';

	print $socket "$command\n";
	while (sysread($socket, my $part, 65536)) { $answer .= $part; }
	return $answer;
}

sub entries
{
	my ($region, $map) = @_;
	return scalar(() = runtime($region, "show map $edge{$region}{folder}/maps/$map") =~ /^0x/mg);
}

sub token
{
	my ($payload, $key, $alg) = @_;
	my $text = encode_base64url(qq({"alg":"$alg","typ":"JWT"})) . '.' . encode_base64url($payload);
	return "$text." . encode_base64url(hmac_sha256($text, $key));
}

# --- four ways to tell a tenant --------------------------------------------------------------

$leader->safe_psql(q{SELECT set_tenant_region('acme', 'EU_WEST'), set_tenant_region('pin', 'AP_SOUTHEAST', mode => 'pin'),}
		. q{ set_tenant_region('home', 'US_EAST'), set_tenant_region('picky', 'EU_WEST', fallbacks => '{AP_SOUTHEAST}'),}
		. q{ set_tenant_region('odd;\\"x', 'EU_WEST'), map_country('DE', 'EU_WEST'), map_country('SG', 'AP_SOUTHEAST')});
my %home = (acme => 'EU_WEST', pin => 'AP_SOUTHEAST', home => 'US_EAST');
foreach my $region (@regions)
{
	wait_for("$region is fed, a wrong map file is replaced, and all regions are up for it",
		sub { !grep { region_of($region, '/', headers => ["X-Tenant-Id: $_"]) ne $home{$_} } keys %home });
}
wait_for('countries are fed', sub { region_of('US_EAST', '/', headers => ['CF-IPCountry: DE']) eq 'EU_WEST' });

my $good = token('{"tenant":"acme"}', 'key-of-the-test', 'HS256');
my $bad = token('{"tenant":"acme"}', 'another', 'HS256');
is(region_of('US_EAST', '/', host => 'acme.example.test'), 'EU_WEST', 'by host');
is(region_of('US_EAST', '/', host => 'ACME.Example.test:80'), 'EU_WEST', 'in any case, with a port');
is(region_of('US_EAST', '/t/acme/x?y=1'), 'EU_WEST', 'by path');
is(region_of('US_EAST', '/t/ac%6De'), 'EU_WEST', 'by a path that is percent-encoded');
is(region_of('US_EAST', '/', headers => ["Authorization: Bearer $good"]), 'EU_WEST', 'by the claim of a token');
is(region_of('US_EAST', '/', headers => ["Authorization: Bearer $bad"]), 'US_EAST', 'not by that of a forged one');
is(region_of('US_EAST', '/', headers => [ 'Authorization: Bearer ' . token('{"tenant":"acme"}', '', 'none') ]),
	'US_EAST', 'nor of one without a signature');
is(region_of('US_EAST', '/', headers => [ "Authorization: Bearer $good", 'X-Tenant-Id: pin' ]), 'EU_WEST',
	'a good token goes before a header');
is(region_of('US_EAST', '/', headers => ['X-Tenant-Id: pin']), 'AP_SOUTHEAST', 'a pinned tenant');
is(region_of('US_EAST', '/', headers => ['X-Tenant-Id: odd;\\"x']), 'EU_WEST', 'an odd id');
is(region_of('EU_WEST', '/', headers => ['X-Tenant-Id: unknown']), 'EU_WEST', 'an unknown tenant stays where it came');

my $answer = request('US_EAST', '/t/acme/orders?x=1', headers => [ 'X-Multiregion-Token: mr1.mine', 'Cookie: a=b' ]);
like($answer->{head}, qr/^X-Multiregion-Served-By: EU_WEST\r?$/mi, 'who served it is said');
like($answer->{head}, qr/^X-Multiregion-Token: mr1.token\r?$/mi, 'a token comes back');
my $seen = $answer->{json}{headers};
is("$seen->{'x-multiregion-token'} $seen->{'x-multiregion-hop'} $seen->{'x-multiregion-tenant'} $answer->{json}{path}",
	'mr1.mine 1 acme /t/acme/orders?x=1', 'token, hop and tenant reach the application');

# --- what strangers claim --------------------------------------------------------------------

$answer = request('US_EAST', '/', from => '127.0.0.9', headers => [ 'CF-IPCountry: DE', 'X-Multiregion-Hop: 3',
	'X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https', 'X-Real-IP: 6.6.6.6', 'Forwarded: for=6.6.6.6', 'X-Multiregion-Tenant: boss' ]);
$seen = $answer->{json}{headers};
is($answer->{json}{region}, 'US_EAST', "a stranger's country is not believed");
is("$seen->{'x-forwarded-for'} $seen->{'x-forwarded-proto'}", '127.0.0.9 http', 'X-Forwarded-* are made anew');
is(join(' ', grep { defined $seen->{$_} } qw(x-multiregion-hop x-real-ip forwarded cf-ipcountry x-multiregion-tenant)), '', 'nor is the rest');
$answer = request('US_EAST', '/', headers => [ 'CF-IPCountry: SG', 'X-Forwarded-For: 192.0.2.7', 'X-Forwarded-Proto: https' ]);
is($answer->{json}{region}, 'AP_SOUTHEAST', "the CDN's country is");
like($answer->{json}{headers}{'x-forwarded-for'}, qr/^192\.0\.2\.7, 127\.0\.0\.1/, 'so are its addresses');

$answer = request('US_EAST', '/t/acme/', headers => ['X-Multiregion-Hop: 3']);
is("$answer->{status} $answer->{json}{code}", '508 proxy_loop', 'a loop ends');

# --- streams ---------------------------------------------------------------------------------

is(request('US_EAST', '/t/acme/upload', body => 'x' x 20_000_000)->{json}{bytes}, 20_000_000, 'a body of 20 MB');
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $edge{US_EAST}{port}) or die $!;
	my ($began, $text, $first) = (seconds(), '', undef);
	print $socket "GET /slow HTTP/1.1\r\nHost: acme.example.test\r\nConnection: close\r\n\r\n";
	while (sysread($socket, my $part, 4096)) { $text .= $part; $first //= seconds() - $began if $text =~ /part 0/; }
	like($text, qr/part 0.*part 1.*part 2/s, 'an answer in pieces');
	cmp_ok(seconds() - $began - $first, '>', 0.5, 'whose first one does not wait for the last');
}
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $edge{US_EAST}{port}) or die $!;
	my $text = '';
	print $socket "GET /socket HTTP/1.1\r\nHost: acme.example.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		. "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	while ($text !~ /\r\n\r\n/ && sysread($socket, my $part, 4096)) { $text .= $part; }
	like($text, qr/^HTTP\/1.1 101 .*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/s, 'a WebSocket opens');
	print $socket "\x81\x85abcd" . ('hello' ^ 'abcda');
	while ($text !~ /hello/ && sysread($socket, my $part, 4096)) { $text .= $part; }
	like($text, qr/\x81\x05hello\z/, 'and echoes across the regions');
}

# --- changes, in their numbers ---------------------------------------------------------------

my $began = seconds();
$leader->safe_psql(q{SELECT count(set_tenant_region('n' || i, 'AP_SOUTHEAST')) FROM generate_series(1, 1000) AS i});
my $done = seconds();
foreach my $region (@regions)
{
	wait_for("1000 changes reach $region", sub { region_of($region, '/', headers => ['X-Tenant-Id: n1000']) eq 'AP_SOUTHEAST' });
	note sprintf('%s: %.0f ms after the commit', $region, 1000 * (seconds() - $done));
}
cmp_ok(seconds() - $done, '<', 3, 'soon');
# An older transaction that commits later is not missed.
my $late = $leader->session;
$late->query(q{BEGIN; SELECT set_tenant_region('late', 'AP_SOUTHEAST')});
$leader->safe_psql(q{SELECT set_tenant_region('early', 'AP_SOUTHEAST')});
wait_for('what commits first comes first', sub { region_of('EU_WEST', '/t/early') eq 'AP_SOUTHEAST' });
is(region_of('EU_WEST', '/t/late'), 'EU_WEST', 'an open transaction is not seen');
$late->query('COMMIT');
wait_for('and is not missed when it commits', sub { region_of('EU_WEST', '/t/late') eq 'AP_SOUTHEAST' });
$leader->safe_psql(q{SELECT clear_tenant_region('late')});
wait_for('a preference that is cleared is gone', sub { region_of('EU_WEST', '/t/late') eq 'EU_WEST' });

# --- HAProxy restarted, its maps edited, a map that is full ----------------------------------

end_process($edge{US_EAST}{pid});
start_haproxy('US_EAST');
wait_for('HAProxy restarted: it is fed anew', sub { region_of('US_EAST', '/t/n1') eq 'AP_SOUTHEAST' && region_of('US_EAST', '/t/acme') eq 'EU_WEST' });
my $maps = "$edge{US_EAST}{folder}/maps";
wait_for('whole', sub { entries('US_EAST', 'tenants.map') + entries('US_EAST', 'recent.map') >= 1004 });
runtime('US_EAST', "clear map $maps/tenants.map");
wait_for('a map that was emptied is made anew', sub { region_of('US_EAST', '/t/n1') eq 'AP_SOUTHEAST' && entries('US_EAST', 'tenants.map') > 1000 });
wait_for('and what is in it leaves the small one', sub { entries('US_EAST', 'recent.map') == 0 });
# (By its map: the other edge would pass the request on once more, as it knows better.)
runtime('US_EAST', "set map $maps/tenants.map n2 EU_WEST");
wait_for('an entry that was edited is found and put right', sub {
		runtime('US_EAST', "show map $maps/tenants.map") =~ / n2 AP_SOUTHEAST$/m
			&& $nodes[0]->sidecar_log =~ /tenants\.map was changed by somebody else/;
	});
runtime('US_EAST', "add map $maps/countries.map FR AP_SOUTHEAST");
wait_for('so is a country', sub { region_of('US_EAST', '/', headers => ['CF-IPCountry: FR']) eq 'US_EAST' });

# --- a region that is down -------------------------------------------------------------------

end_process($edge{EU_WEST}{pid});
$answer = request('US_EAST', '/t/acme/');
is("$answer->{status} " . ($answer->{json}{region} // ''), '200 US_EAST', 'the edge of EU_WEST is gone: the very next request is served');
wait_for('a tenant with a fallback is served there', sub { region_of('US_EAST', '/t/picky') eq 'AP_SOUTHEAST' });
start_haproxy('EU_WEST');
wait_for('the edge is back', sub { region_of('US_EAST', '/t/acme') eq 'EU_WEST' });
end_process($edge{AP_SOUTHEAST}{pid});
wait_for('a pinned tenant is served nowhere else', sub { request('US_EAST', '/t/pin')->{status} == 503 });
end_process($edge{US_EAST}{app_pid});
wait_for('the application is gone: another region serves', sub { region_of('US_EAST', '/') eq 'EU_WEST' });
start_app('US_EAST');
wait_for('and is back', sub { region_of('US_EAST', '/') eq 'US_EAST' });

# The database of a region dies: its servers are drained, and used again.
my ($other) = grep { $_ != $leader && $_->region eq 'EU_WEST' } @nodes;
$other->kill_all;
wait_for('a region whose database is down is drained', sub { runtime('US_EAST', 'show servers state region_EU_WEST') =~ /^\S+ region_EU_WEST \S+ EU_WEST \S+ \S+ 8 /m }, 20);
$other->start;
wait_for('and used again', sub { runtime('US_EAST', 'show servers state region_EU_WEST') =~ /^\S+ region_EU_WEST \S+ EU_WEST \S+ \S+ 0 /m }, 40);

# Too many: the last whole map stays, and it is said.
$leader->safe_psql(q{SELECT count(set_tenant_region('m' || i, 'AP_SOUTHEAST')) FROM generate_series(1, 21000) AS i});
my ($node) = grep { $_->region eq 'US_EAST' } @nodes;
wait_for('a full map is reported', sub { $node->sidecar_log =~ /tenants\.map is full, the last whole one stays/ }, 30);
cmp_ok(entries('US_EAST', 'tenants.map'), '<', 2000, 'the last whole one stays');
is(region_of('US_EAST', '/t/acme'), 'EU_WEST', 'and is used');

end_process($edge{US_EAST}{pid});
start_haproxy('US_EAST', ENABLE_CROSS_REGION_PROXY => 'false');
wait_for('without proxying all is served here', sub { region_of('US_EAST', '/t/n1') eq 'US_EAST' && region_of('US_EAST', '/t/acme') eq 'US_EAST' });
end_process($edge{US_EAST}{app_pid});
wait_for('or not at all', sub { request('US_EAST', '/')->{status} == 503 });

done_testing();
