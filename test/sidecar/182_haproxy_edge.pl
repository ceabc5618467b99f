# The edges' borders: TLS and HTTP/2, tokens signed with a key pair, PostgreSQL's ports through a
# switchover, a runtime socket that is lost while HAProxy lives, more changes than the small map
# should hold, fallbacks beyond the first, an edge that dies with a request, proxying switched off. Method: a cluster of three
# regions with sidecars, and beside each a real HAProxy with the shipped configuration.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use IPC::Open2 qw(open2);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Edges;
use MultiRegion::Session;
use MultiRegion::Tls;

plan skip_all => 'haproxy is not installed' if !-x '/usr/sbin/haproxy';
plan skip_all => 'python3 is not installed' if !grep { -x "$_/python3" } split /:/, $ENV{PATH};

my $cluster = MultiRegion::Cluster->new(regions => 3, sidecars => 1, policy => { health_check_interval => '300ms', failback => 'off' },
	sidecar_settings => { MULTIREGION_HAPROXY_SOCKET => '/nowhere/yet' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my $files = "$cluster->{directory}/files";
my $host = 'edge.multiregion.test';
my %pair; # private and public keys' files of tokens
my $edges = MultiRegion::Edges->new(cluster => $cluster, environment => sub {
		my ($edge) = @_;
		return (MULTIREGION_HAPROXY_HTTPS => "127.0.0.1:$edge->{https}", MULTIREGION_HAPROXY_CERT => "$files/edge.pem",
			MULTIREGION_TENANT_CLAIM => 'tenant', MULTIREGION_HAPROXY_JWT_ALG => 'RS256', MULTIREGION_HAPROXY_JWT_KEY => $pair{ours}[1]);
	});

sub run
{
	my (@command) = @_;
	open(my $pipe, '-|', "@{[ map { quotemeta } @command ]} 2>&1") or die "$command[0]: $!";
	my $output = do { local $/; <$pipe> } // '';
	close $pipe or die "$command[0]: $output";
	return $output;
}

sub contents
{
	my ($path) = @_;
	open(my $file, '<', $path) or die "$path: $!";
	local $/;
	return scalar <$file>;
}

mkdir $files or die "$files: $!";
my $ca = MultiRegion::Tls->new(script => "$ENV{MR_TOP}/docker/tls/ca.sh", directory => "$cluster->{directory}/ca");
$ca->ca('node', $host);
$ca->ca('install', $host, $files);
open(my $pem, '>', "$files/edge.pem") or die "edge.pem: $!";
print $pem contents("$files/node.crt"), contents("$files/node.key");
close $pem;
foreach my $name (qw(ours theirs))
{
	$pair{$name} = [ "$files/$name.key", "$files/$name.pub" ];
	run('openssl', 'genrsa', '-out', $pair{$name}[0], '2048');
	run('openssl', 'rsa', '-in', $pair{$name}[0], '-pubout', '-out', $pair{$name}[1]);
}

my ($status, $output) = $edges->check('US_EAST');
is($status, 0, 'a configuration with all of it') or diag($output);
unlike($output, qr/WARNING|ALERT/, 'which it does not warn of');
foreach my $region ($edges->regions)
{
	$edges->start_application($region);
	$edges->start($region);
}
$edges->feed(MULTIREGION_HAPROXY_CHECK_INTERVAL => 1000);

sub wait_for
{
	my ($what, $condition, $limit) = @_;
	ok(eval { $cluster->poll_until($condition, $limit // 15, $what) }, $what) or diag($@, map { $_->sidecar_log } $cluster->nodes);
	return;
}

sub region_of { return $edges->region_of(@_) }

$leader->safe_psql(q{SELECT set_tenant_region('acme', 'EU_WEST'), set_tenant_region('far', 'AP_SOUTHEAST'),}
		. q{ set_tenant_region('picky', 'EU_WEST', fallbacks => '{AP_SOUTHEAST,US_EAST}')});
my %home = (acme => 'EU_WEST', far => 'AP_SOUTHEAST', none => 'US_EAST');
wait_for('US_EAST is fed', sub { !grep { region_of('US_EAST', "/t/$_") ne $home{$_} } keys %home });

# --- TLS and HTTP/2 --------------------------------------------------------------------------

# What curl has of the HTTPS port: one answer a path, in any order; and its --write-out.
sub curl
{
	my ($options, @paths) = @_;
	my $port = $edges->edge('US_EAST')->{https};
	return run('curl', '-sS', '--max-time', '10', '--cacert', "$files/ca.crt", '--resolve', "$host:$port:127.0.0.1",
		@$options, map { "https://$host:$port$_" } @paths);
}

my $answer = curl([ '--http2', '-D', '-', '-w', "\\nversion %{http_version}" ], '/t/acme/x');
like($answer, qr/^version 2$/m, 'HTTP/2, by a certificate that is verified');
like($answer, qr/^x-multiregion-served-by: EU_WEST\r?$/m, 'to the region of the tenant');
like($answer, qr/"x-forwarded-proto": "https"/, 'whose application is told that it was HTTPS');
like($answer, qr/"x-forwarded-host": "\Q$host\E:\d+"/, 'and by which name');
like(curl([ '--http1.1', '-w', "\\nversion %{http_version}" ], '/t/acme'), qr/"region": "EU_WEST".*^version 1.1$/sm, 'HTTP/1.1 as well');
my @paths = map { ("/t/acme/$_", "/t/far/$_", "/t/none/$_") } 1 .. 10;
my $answers = curl([ '--http2', '--parallel' ], @paths);
my @wrong = grep { my ($tenant) = m{^/t/(\w+)}; $answers !~ /"region": "$home{$tenant}", "path": "\Q$_\E"/ } @paths;
is("@wrong", '', 'thirty requests at once in streams of HTTP/2, each to its region');
open(my $body, '>', "$files/body") or die "body: $!";
print $body 'x' x 3_000_000;
close $body;
like(curl([ '--http2', '--data-binary', "\@$files/body" ], '/t/acme/upload'), qr/"bytes": 3000000/, 'a body of 3 MB over HTTP/2');

# --- tokens signed with a key pair -----------------------------------------------------------

sub signed
{
	my ($text, $key) = @_;
	my $pid = open2(my $out, my $in, 'openssl', 'dgst', '-sha256', '-sign', $key);
	print $in $text;
	close $in;
	my $signature = do { local $/; <$out> };
	waitpid($pid, 0);
	return $signature;
}

sub token
{
	my ($alg, $sign, $payload) = @_;
	my $text = encode_base64url(qq({"alg":"$alg","typ":"JWT"})) . '.' . encode_base64url($payload // '{"tenant":"acme"}');
	return "$text." . encode_base64url($sign->($text));
}

my $public = contents($pair{ours}[1]);
my $ours = sub { signed($_[0], $pair{ours}[0]) };
my $good = token('RS256', $ours);
my (undef, undef, $signature) = split /\./, $good;
my $far = encode_base64url('{"tenant":"far"}');
my @tokens = (
	[ 'RS256 with the right key', $good, 'EU_WEST' ],
	[ 'RS256 with another key', token('RS256', sub { signed($_[0], $pair{theirs}[0]) }), 'US_EAST' ],
	[ 'alg none without a signature', token('none', sub { '' }), 'US_EAST' ],
	[ 'alg none with the right signature', token('none', $ours), 'US_EAST' ],
	[ 'HS256 signed with the public key', token('HS256', sub { hmac_sha256($_[0], $public) }), 'US_EAST' ],
	[ 'RS256 that is signed as HS256', token('RS256', sub { hmac_sha256($_[0], $public) }), 'US_EAST' ],
	[ "another tenant's claim under a good signature", $good =~ s/\.[^.]+\./.$far./r, 'US_EAST' ],
	[ 'RS256 without a signature', $good =~ s/\.[^.]+$/./r, 'US_EAST' ],
	[ 'RS512 in its head', token('RS512', $ours), 'US_EAST' ],
	[ 'a signature and nothing else', "..$signature", 'US_EAST' ],
	[ 'an empty claim', token('RS256', $ours, '{"tenant":""}'), 'US_EAST' ]);
foreach my $case (@tokens)
{
	my ($what, $token, $region) = @$case;
	is(region_of('US_EAST', '/', headers => ["Authorization: Bearer $token"]), $region, "token: $what");
}

# --- PostgreSQL's ports through a switchover -------------------------------------------------

my ($rw, $ro) = @{ $edges->edge('EU_WEST') }{qw(rw ro)};

# Port and role of the server behind a port.
sub behind
{
	my ($port) = @_;
	my $session = MultiRegion::Session->connect(port => $port, timeout => 3) or return '';
	return $session->query(q{SELECT current_setting('port') || ' ' || pg_is_in_recovery()}, timeout => 3)->{rows}[0][0] // '';
}

# Connections go to the servers in turn: six see them all.
sub all_behind { my ($port) = @_; my %all = map { behind($port) => 1 } 1 .. 6; return join ', ', sort keys %all }

sub standbys { return join ', ', sort map { $_->port . ' true' } grep { $_ != $leader } $cluster->nodes }

$leader->safe_psql('CREATE TABLE mark (at text)');
wait_for('the read-write port leads to the primary', sub { all_behind($rw) eq $leader->port . ' false' });
wait_for('the read-only port to both standbys', sub { all_behind($ro) eq standbys() });
my @psql = ("$cluster->{bindir}/psql", '-X', '-At', '-U', 'postgres', '-d', 'postgres', '-h', '127.0.0.1');
run(@psql, '-p', $rw, '-c', q{INSERT INTO mark VALUES ('before')});
my ($old, $target) = ($leader, grep { $_ != $leader } $cluster->nodes);
my $writer = MultiRegion::Session->connect(port => $rw, timeout => 3);
my @readers = grep { $_->{row} eq $target->port } map { my $session = MultiRegion::Session->connect(port => $ro, timeout => 3);
	{ session => $session, row => $session->query(q{SELECT current_setting('port')}, timeout => 3)->{rows}[0][0] } } 1 .. 2;
$old->query(sprintf "SELECT switchover('%s')", $target->region);
$leader = $cluster->wait_for_leader(not => $old);
is($leader->name, $target->name, 'a switchover');
wait_for('the read-write port leads to the next primary', sub { all_behind($rw) eq $leader->port . ' false' });
run(@psql, '-p', $rw, '-c', q{INSERT INTO mark VALUES ('after')});
is(run(@psql, '-p', $rw, '-c', 'SELECT at FROM mark'), "before\nafter\n", 'where psql writes on');
wait_for('the read-only port leads to the old one, too', sub { all_behind($ro) eq standbys() }, 20);
ok($writer->query('SELECT 1', timeout => 5)->{lost}, 'no session for writing stayed');
ok(@readers && !grep({ !$_->{session}->query('SELECT 1', timeout => 5)->{lost} } @readers), 'nor one for reading on the new primary');

# --- a runtime socket that is lost -----------------------------------------------------------

my $edge = $edges->edge('US_EAST');
my $hidden = "$edge->{socket}.away";

sub set_tenant { $leader->safe_psql("SELECT set_tenant_region('$_[0]', 'AP_SOUTHEAST')"); return }

# Cuts all connections to the runtime socket; HAProxy does not notice otherwise.
sub cut
{
	my ($socket) = @_;
	my @sessions = $edges->runtime('US_EAST', 'show sess', socket => $socket) =~ /^(0x\w+): proto=unix_stream\b.* fe=GLOBAL /mg;
	$edges->runtime('US_EAST', "shutdown session $_", socket => $socket) foreach @sessions;
	return;
}

sub sidecar_log { return $edge->{node}->sidecar_log }

my $pid = $edge->{pid};
cut($edge->{socket});
wait_for('the feed learns that its connection was cut', sub { sidecar_log() =~ /HAProxy: the connection was closed/ });
set_tenant('cut');
wait_for('and comes again', sub { region_of('US_EAST', '/t/cut') eq 'AP_SOUTHEAST' && sidecar_log() =~ /connection was closed.*a whole map/s });
rename($edge->{socket}, $hidden) or die "rename: $!";
set_tenant('kept');
wait_for('the file of the socket is gone: what is connected goes on', sub { region_of('US_EAST', '/t/kept') eq 'AP_SOUTHEAST' });
cut($hidden);
wait_for('cut as well, it is looked for', sub { sidecar_log() =~ /HAProxy: (?:No such file|its runtime socket cannot be reached)/ });
set_tenant('missed');
wait_for('a change passes by', sub { region_of('EU_WEST', '/t/missed') eq 'AP_SOUTHEAST' });
is(join(' ', map { region_of('US_EAST', "/t/$_") } qw(missed acme kept)), 'US_EAST EU_WEST AP_SOUTHEAST', 'requests go by the last maps');
rename($hidden, $edge->{socket}) or die "rename: $!";
wait_for('the file is back: what was missed is there', sub { region_of('US_EAST', '/t/missed') eq 'AP_SOUTHEAST' });
wait_for('all in a whole map', sub {
		my $map = $edges->runtime('US_EAST', 'show map ' . $edges->map_file('US_EAST', 'tenants.map'));
		return !grep { $map !~ /^0x\w+ $_ AP_SOUTHEAST$/m } qw(far cut kept missed);
	});
ok(kill(0, $pid) && $edge->{pid} == $pid, 'in the same HAProxy');

# --- more changes than the small map should hold ---------------------------------------------

foreach my $part (1, 2)
{
	$leader->safe_psql("INSERT INTO multiregion.tenant_import (tenant_id, region) SELECT 'm$part-' || i, 'AP_SOUTHEAST' FROM generate_series(1, 5500) AS i", timeout => 30);
	wait_for("5500 changes, part $part", sub { region_of('US_EAST', "/t/m$part-5500") eq 'AP_SOUTHEAST' });
}
wait_for('a whole map is made before the small one is full', sub { $edges->entries('US_EAST', 'tenants.map') >= 11_000 });
wait_for('which is empty then', sub { $edges->entries('US_EAST', 'recent.map') == 0 });

# --- fallbacks beyond the first --------------------------------------------------------------

is(region_of('US_EAST', '/t/picky'), 'EU_WEST', 'a tenant with two fallbacks');
$edges->stop($_) foreach qw(EU_WEST AP_SOUTHEAST);
wait_for('its home and its first fallback are down: the second is chosen', sub {
		my $seen = $edges->request('US_EAST', '/t/picky')->{json};
		return ($seen->{region} // '') eq 'US_EAST' && !defined $seen->{headers}{'x-multiregion-hop'};
	});
$edges->start($_) foreach qw(EU_WEST AP_SOUTHEAST);

# --- an edge that dies with a request ----------------------------------------------------------

# What is not idempotent may have been done there: it is not asked for once more.
wait_for('the edges are back', sub { region_of('US_EAST', '/t/picky') eq 'EU_WEST' && region_of('US_EAST', '/t/acme') eq 'EU_WEST' });

# What applications held so far, in order.
sub held
{
	my ($region) = @_;
	return "@{ $edges->request($region, '/', headers => ['X-Multiregion-Hop: 1'])->{json}{held} // [] }";
}

my $so_far = '';
foreach my $case ([ GET => 'US_EAST' ], [ POST => undef ], [ PUT => 'US_EAST' ], [ PATCH => undef ], [ DELETE => 'US_EAST' ])
{
	my ($method, $again) = @$case;
	my $asked = $edges->send('US_EAST', '/t/acme/x', method => $method, headers => ['X-Hold: EU_WEST']);
	$so_far = join ' ', grep { length } $so_far, $method;
	wait_for("$method: the region's application has the request", sub { held('EU_WEST') eq $so_far });
	$edges->stop('EU_WEST');
	my $answer = $edges->receive($asked);
	is($answer->{status}, $again ? 200 : 502, $again ? 'its edge dies: it is asked once more' : 'its edge dies: it fails');
	is($answer->{json}{region}, $again, $again ? 'here' : 'and nobody else was asked');
	$edges->start('EU_WEST');
	wait_for('the edge is back', sub { region_of('US_EAST', '/t/acme') eq 'EU_WEST' });
}

# --- switched off ----------------------------------------------------------------------------

$edges->feed(ENABLE_CROSS_REGION_PROXY => 'false');
wait_for('ENABLE_CROSS_REGION_PROXY=false: the feed leaves HAProxy alone', sub { $edges->runtime('US_EAST', 'show sess') !~ /fe=GLOBAL.*\n.*fe=GLOBAL/ });
$edges->stop('US_EAST');
$edges->start('US_EAST', ENABLE_CROSS_REGION_PROXY => 'false');
wait_for('everything is served here', sub { !grep { region_of('US_EAST', "/t/$_") ne 'US_EAST' } qw(acme far picky) });
is(region_of('US_EAST', '/', headers => ["Authorization: Bearer $good"]), 'US_EAST', 'by a token, too');
is($edges->entries('US_EAST', 'tenants.map') + $edges->entries('US_EAST', 'recent.map'), 0, 'and nothing is in its maps');
$edges->feed(ENABLE_CROSS_REGION_PROXY => 'true');
$edges->stop('US_EAST');
$edges->start('US_EAST');
wait_for('switched on again it is fed', sub { region_of('US_EAST', '/t/acme') eq 'EU_WEST' && region_of('US_EAST', '/t/m2-1') eq 'AP_SOUTHEAST' });

done_testing();
