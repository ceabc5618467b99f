# TLS of the HTTP server: who may connect, what versions, what a client's certificate says,
# new certificates without restart, slow and broken handshakes, and that requests behave as
# without TLS: kept connections, bodies, deadlines, the drain. Method: the authority of the
# nodes (docker/tls/ca.sh), curl, openssl s_client for bytes, a sidecar without a database.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IPC::Open2 qw(open2);
use JSON::PP ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Http;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Sidecar;
use MultiRegion::Tls;

my $directory = tempdir('multiregion-https-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $ca = MultiRegion::Tls->new(script => "$ENV{MR_TOP}/docker/tls/ca.sh", directory => "$directory/ca");
my $other = MultiRegion::Tls->new(script => "$ENV{MR_TOP}/docker/tls/ca.sh", directory => "$directory/other");
my $files = "$directory/files";
mkdir $files or die "$files: $!";
mkdir "$directory/foreign" or die "$!";
$ca->ca('node', 'api.multiregion.test', '--ip', '127.0.0.1');
$ca->ca('client', $_) foreach 'deploy', 'revoked';
$ca->ca('install', $_, $files) foreach 'api.multiregion.test', 'deploy', 'revoked';
$other->ca('client', 'stranger');
$other->ca('install', 'stranger', "$directory/foreign");
$ca->ca('revoke', 'revoked');
$ca->ca('install', 'api.multiregion.test', $files);

my $tls_port = free_port();
my %settings = (MULTIREGION_HTTP_TLS_CERT => "$files/node.crt", MULTIREGION_HTTP_TLS_KEY => "$files/node.key",
	MULTIREGION_HTTP_TLS_CLIENT_CA => "$files/ca.crt", MULTIREGION_HTTP_TLS_CLIENT_CRL => "$files/ca.crl",
	MULTIREGION_ACCESS_LOG => 'all', MULTIREGION_HTTP_REQUEST_TIMEOUT => 700, MULTIREGION_API_TOKEN => 'tls-token-0123456789');
my $sidecar = MultiRegion::Sidecar->new(directory => $directory, name => 'tls', settings => {%settings});
$sidecar->write_settings(MULTIREGION_HTTP_LISTEN => '127.0.0.1:' . $sidecar->port . ", https://127.0.0.1:$tls_port");
$sidecar->start;
$sidecar->poll_until(sub { $sidecar->log_text =~ m{listening on https://} }, 5, 'the second address');

sub seconds { return clock_gettime(CLOCK_MONOTONIC) }

# Runs curl: exit code and output. Paths are of the sidecar.
sub curl
{
	my (@arguments) = @_;
	my $pid = open(my $pipe, '-|') // die "fork: $!";
	if ($pid == 0)
	{
		open(STDERR, '>', '/dev/null');
		exec('curl', '-s', '--max-time', 10, '--cacert', "$files/ca.crt",
			map { m{^/} && !/\.(?:crt|key)$/ ? "https://127.0.0.1:$tls_port$_" : $_ } @arguments) or POSIX::_exit(127);
	}
	local $/;
	my $output = <$pipe> // '';
	close $pipe;
	return ($? >> 8, $output);
}

sub as { my ($name, $folder) = @_; $folder //= $files; return ('--cert', "$folder/$name.crt", '--key', "$folder/$name.key") }

sub line_of
{
	my ($id) = @_;
	return $sidecar->poll_until(
		sub { (grep { $_->{id} eq $id } map { JSON::PP->new->utf8->decode($_) } grep { /^\{/ } split /\n/, $sidecar->log_text)[0] },
		5, "the line of $id");
}

# --- who may connect ----------------------------------------------------------------------------

my ($code, $output) = curl('-w', '%{http_code} %{http_version} %{num_connects}|', '/api/regions', '/api/regions');
is($code, 0, 'verified against the authority of the nodes');
like($output, qr/^\{"regions".*\}\s*200 1\.1 1\|/s, 'answers as without TLS');
like($output, qr/200 1\.1 0\|$/, 'on a connection that is kept');
($code, $output) = curl('--http2', '-o', '/dev/null', '-w', '%{http_version}', '/api');
is($output, '1.1', 'a client that offers HTTP/2 is told that this is HTTP/1.1');
($code) = curl('--tls-max', '1.1', '/api');
isnt($code, 0, 'TLS 1.1 is refused');
($code, $output) = curl('--tlsv1.2', '--tls-max', '1.2', '-o', '/dev/null', '-w', '%{http_code}', '/api');
is($output, '200', 'TLS 1.2 is spoken');
($code, $output) = curl('-H', 'X-Request-Id: anonymous', '-o', '/dev/null', '-w', '%{http_code}', '/api');
is($output . (line_of('anonymous')->{identity} // ' nobody'), '200 nobody', 'without a certificate it is nobody');
($code, $output) = curl(as('deploy'), '-H', 'X-Request-Id: named', '-o', '/dev/null', '-w', '%{http_code}', '/api');
is("$output " . line_of('named')->{identity}, '200 deploy', 'with one its common name is known');
($code, $output) = curl(as('stranger', "$directory/foreign"), '-o', '/dev/null', '-w', '%{http_code}', '/api');
is($output, '000', 'one of a foreign authority is refused');
($code, $output) = curl(as('revoked'), '-o', '/dev/null', '-w', '%{http_code}', '/api');
is($output, '000', 'and so is a revoked one');
($code, $output) = curl('-X', 'POST', '-H', 'Authorization: Bearer tls-token-0123456789', '-H', 'Content-Type: application/json',
	'-d', '{"paths":["' . 'x' x 60_000 . '"]}', '-w', '%{http_code}', '/api/cdn/invalidate');
like($output, qr/"disabled".*200/s, 'a body of many records');
($code, $output) = curl('-X', 'POST', '-d', '@/etc/ssl/openssl.cnf', '-H', 'X-Request-Id: refused', '-w', '%{http_code}', '/api/cdn/invalidate');
like($output, qr/401$/, 'errors are answered');
is(MultiRegion::Http->raw($tls_port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", timeout => 5), undef, 'plain HTTP is not');

# --- bytes, fast and slow ---------------------------------------------------------------------------

# A session of bytes over TLS: what to write to, what to read from.
sub session
{
	my $pid = open2(my $out, my $in, "exec openssl s_client -quiet -connect 127.0.0.1:$tls_port -CAfile $files/ca.crt 2>/dev/null");
	$in->autoflush(1);
	return { in => $in, out => $out, pid => $pid };
}

# Everything until the end of the connection, and how long that took.
sub rest_of
{
	my ($session) = @_;
	my $began = seconds();
	local $/;
	my $text = readline($session->{out}) // '';
	close $session->{in};
	waitpid($session->{pid}, 0);
	return ($text, seconds() - $began);
}

my $session = session();
print { $session->{in} } "GET /api HTTP/1.1\r\nHost: a\r\n\r\nGET /api/regions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
my ($text) = rest_of($session);
is(scalar(() = $text =~ m{^HTTP/1\.1 200 OK\r$}mg), 2, 'two requests in one record');
$session = session();
print { $session->{in} } "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n";
($text) = rest_of($session);
like($text, qr/"bad_request".*NUL/s, 'a NUL is seen under TLS, too');
$session = session();
print { $session->{in} } "GET / HTTP/1.1\r\nHost: a\r\n";
($text, my $took) = rest_of($session);
is($text, '', 'a request that does not come to its end is cut off without a word');
cmp_ok($took, '<', 3, '... in time');

my $silent = MultiRegion::Http->connect($tls_port);
$silent->send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
my $began = seconds();
ok($silent->ends(timeout => 5), 'a handshake that does not go on ends');
cmp_ok(seconds() - $began, '<', 3, '... with the deadline of a request');
is($silent->rest, '', '... without a word in plain text');
my $seed = int(rand(2**31));
srand($seed);
diag("seed $seed");
foreach my $round (1 .. 40)
{
	my $garbage = MultiRegion::Http->connect($tls_port);
	$garbage->send(join('', ($round % 2 ? "\x16\x03\x01" : ''), map { chr(int(rand(256))) } 1 .. 1 + int(rand(300))));
	$garbage->close;
}
($code, $output) = curl('-o', '/dev/null', '-w', '%{http_code}', '/api');
is($output, '200', 'garbage instead of handshakes hurts nobody');

# --- new certificates, without a restart ------------------------------------------------------------------

sub reload
{
	my (%changes) = @_;
	my $from = $sidecar->log_size;
	$sidecar->write_settings(%changes);
	$sidecar->signal('HUP');
	$sidecar->poll_until(sub { $sidecar->log_text($from) =~ /reloaded the settings/ }, 5, 'the reload');
	return $sidecar->log_text($from);
}

sub serial
{
	my $text = `openssl s_client -connect 127.0.0.1:$tls_port -CAfile $files/ca.crt </dev/null 2>/dev/null | openssl x509 -noout -serial`;
	return $text =~ /serial=(\w+)/ ? $1 : 'none';
}

my $kept = session();
print { $kept->{in} } "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
$kept->{out}->blocking(1);
my $first_line = readline($kept->{out});
my $old = serial();
$ca->ca('renew', 'api.multiregion.test', '--new-key');
$ca->ca('install', 'api.multiregion.test', $files);
unlike(reload(), qr/error/, 'a new certificate is taken');
isnt(serial(), $old, 'and shown to new connections');
print { $kept->{in} } "GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
($text) = rest_of($kept);
like($text, qr{HTTP/1\.1 404 }, 'old ones go on');
$old = serial();
chmod 0644, "$files/node.key";
like(reload(), qr/error: the last certificate stays in use: the key \S+ may be read by everybody/, 'a key that is no secret is not taken');
chmod 0600, "$files/node.key";
like(reload(MULTIREGION_HTTP_TLS_KEY => "$files/deploy.key"), qr/error: the last certificate stays in use: could not use the key/, 'nor one that does not fit');
is(serial(), $old, 'and the last ones stay');
reload(MULTIREGION_HTTP_TLS_KEY => "$files/node.key", MULTIREGION_HTTP_TLS_CLIENT_CERT => 'required');
($code, $output) = curl('-o', '/dev/null', '-w', '%{http_code}', '/api');
is($output, '000', 'where clients must have a certificate, one without is refused');
($code, $output) = curl(as('deploy'), '-o', '/dev/null', '-w', '%{http_code}', '/api');
is($output, '200', 'one with is not');
reload(MULTIREGION_HTTP_TLS_CLIENT_CERT => undef, MULTIREGION_DRAIN_TIMEOUT => 60_000);

# --- the drain --------------------------------------------------------------------------------------------

$kept = session();
print { $kept->{in} } "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
$first_line = readline($kept->{out});
$sidecar->signal('TERM');
$sidecar->poll_until(sub { (MultiRegion::Http->get($sidecar->port, '/api/health') // {})->{json}{reason} eq 'disabled' }, 5, 'an answer');
$sidecar->poll_until(sub { $sidecar->log_text =~ /info: stopping/ }, 5, 'the drain');
print { $kept->{in} } "GET /api/regions HTTP/1.1\r\nHost: a\r\n\r\n";
($text) = rest_of($kept);
like($text, qr/Connection: close.*"regions"/s, 'while it drains, an answer ends its connection');
$sidecar->signal('TERM');
is($sidecar->wait_for_end, 0, 'it ends well');
is($sidecar->findings, '', 'the sanitizers found nothing');

# --- settings that are wrong ---------------------------------------------------------------------------------

foreach my $wrong ([ 'needs MULTIREGION_HTTP_TLS_CERT', 1, MULTIREGION_HTTP_TLS_CERT => undef, MULTIREGION_HTTP_TLS_KEY => undef ],
	[ 'belong together', 2, MULTIREGION_HTTP_TLS_KEY => undef ], [ 'is not an absolute path', 2, MULTIREGION_HTTP_TLS_CERT => 'node.crt' ],
	[ 'could not use the certificate', 1, MULTIREGION_HTTP_TLS_CERT => "$files/none" ],
	[ 'could not use the clients\' authority', 1, MULTIREGION_HTTP_TLS_CLIENT_CA => "$files/node.key" ],
	[ 'could not use the revocation list', 1, MULTIREGION_HTTP_TLS_CLIENT_CRL => "$files/ca.crt" ],
	[ 'whom to believe', 2, MULTIREGION_HTTP_TLS_CLIENT_CA => undef, MULTIREGION_HTTP_TLS_CLIENT_CRL => undef, MULTIREGION_HTTP_TLS_CLIENT_CERT => 'required' ],
	[ 'neither optional nor required', 2, MULTIREGION_HTTP_TLS_CLIENT_CERT => 'maybe' ])
{
	my ($problem, $expected, %changes) = @$wrong;
	my $bad = MultiRegion::Sidecar->new(directory => $directory, name => 'bad',
		settings => { %settings, MULTIREGION_HTTP_LISTEN => "https://127.0.0.1:$tls_port", %changes });
	$bad->write_settings(MULTIREGION_HTTP_LISTEN => "https://127.0.0.1:$tls_port");
	my ($status, $said) = $bad->run;
	is($status, $expected, "$problem: it does not start");
	like($said, qr/error: .*\Q$problem\E/, '... and says so');
}

done_testing();
