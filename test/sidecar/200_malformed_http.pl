# What no well-behaved client sends: each is refused with a JSON error that says what to
# do, none is taken for another request, and the next client is served. Method: one
# sidecar without a database (the parser does not need one) and raw sockets. Written from
# RFC 9112; what a proxy before us might read differently is refused and the connection
# closed.
use strict;
use warnings;

use File::Temp ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Http qw(check_answer);
use MultiRegion::Sidecar;

my $sidecar = MultiRegion::Sidecar->new(
	directory => $ENV{TESTDIR} // File::Temp::tempdir(CLEANUP => 1), name => 'plain',
	settings => {
		ENABLE_MULTI_REGION => 'true',
		DEPLOYMENT_REGION => 'US_EAST',
		MULTIREGION_DATABASE_URL => 'postgresql://127.0.0.1:1/postgres',
		MULTIREGION_HTTP_REQUEST_TIMEOUT => 700,
		MULTIREGION_HTTP_IDLE_TIMEOUT => 1500,
		MULTIREGION_HTTP_MAX_CONNECTIONS => 20,
	})->start;
my $port = $sidecar->port;
my $good = "GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n";

sub seconds { return clock_gettime(CLOCK_MONOTONIC) }

# Sends bytes: the answer must be this error, and the connection must end.
sub refused
{
	my ($bytes, $status, $code, $what, %args) = @_;
	my $http = MultiRegion::Http->connect($port);

	$http->send($bytes . ($args{alone} ? '' : $good));
	my $answer = $http->answer(head => $args{head});
	is(check_answer($answer, %args), '', "$what: a proper answer");
	is(($answer->{status} // ''), $status, "$what: $status") if $args{head};
	is(($answer->{status} // '') . ' ' . ($answer->{json}{code} // ''), "$status $code", "$what: $code") unless $args{head};
	like($answer->{json}{hint}, qr/\.$/, "$what: it says what to do") unless $args{head};
	like($answer->{json}{details} // '', $args{details}, "$what: and what was wrong") if $args{details};
	return if $args{open};
	is($answer->{headers}{connection} // '', 'close', "$what: Connection: close");
	ok($http->ends(timeout => 5), "$what: and so it is");
	is($http->rest, '', "$what: nothing after it was taken for a request");
	return;
}

# Sends bytes: the answer must be this status (and code).
sub answered
{
	my ($bytes, $wanted, $what, %args) = @_;
	my $answer = MultiRegion::Http->raw($port, $bytes, %args);
	my $got = join(' ', grep { defined } $answer->{status}, $answer->{status} && $answer->{status} >= 400
			? $answer->{json}{code} : undef);

	is(check_answer($answer, %args), '', "$what: a proper answer");
	is($got, $wanted, "$what: $wanted");
	return $answer;
}

sub get
{
	my ($path, $wanted, $what) = @_;
	return answered("GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n", $wanted, $what);
}

# --- request line -----------------------------------------------------------------------

refused("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, 'bad_request', 'a TLS greeting');
refused("garbage\r\n\r\n", 400, 'bad_request', 'one word');
refused("GET /\r\n\r\n", 400, 'bad_request', 'HTTP/0.9');
refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 'bad_request', 'two blanks');
refused("GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 'bad_request', 'four words');
refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400, 'bad_request', 'HTTP/2.0');
refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 'bad_request', 'the preface of HTTP/2');
refused("GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400, 'bad_request', 'HTTP/1.x');
refused("GET / FTP/1.1\r\nHost: a\r\n\r\n", 400, 'bad_request', 'another protocol');
refused("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, 'method_unknown', 'an unknown method');
refused("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, 'method_unknown', 'a method in lower case');
refused("GET api HTTP/1.1\r\nHost: a\r\n\r\n", 400, 'bad_request', 'a path without slash');
refused("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 400, 'bad_request', 'a NUL in the path');
refused("GET / HTTP/1.1\0\r\nHost: a\r\n\r\n", 400, 'bad_request', 'a NUL at the end of the line');
refused('GET /' . 'a' x 20_000 . " HTTP/1.1\r\nHost: a\r\n\r\n", 431, 'headers_too_large', 'a long path');
refused('GET /?' . 'a' x 20_000, 431, 'headers_too_large', 'a line that never ends', alone => 1);
refused("CONNECT localhost:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 'bad_request', 'CONNECT');

# --- headers ------------------------------------------------------------------------------

my $line = "GET /api HTTP/1.1\r\n";
refused("$line\r\n", 400, 'bad_request', 'no Host', details => qr/Host/);
refused("${line}Host: a\r\nHost: a\r\n\r\n", 400, 'bad_request', 'two Hosts', details => qr/Host/);
refused("${line}Host: a b\r\n\r\n", 400, 'bad_request', 'a Host with a blank', details => qr/Host/);
refused("${line}Host: a/../b\r\n\r\n", 400, 'bad_request', 'a Host with a path', details => qr/Host/);
refused("${line}Host: a:99999999\r\n\r\n", 400, 'bad_request', 'a Host with a long port', details => qr/Host/);
refused("${line}Host: " . 'a' x 300 . "\r\n\r\n", 400, 'bad_request', 'a long Host', details => qr/Host/);
refused("${line}Host: a\r\nX : b\r\n\r\n", 400, 'bad_request', 'a blank before the colon', details => qr/header/);
refused("${line}Host: a\r\nnonsense\r\n\r\n", 400, 'bad_request', 'a header without colon');
refused("${line}Host: a\r\n: b\r\n\r\n", 400, 'bad_request', 'a header without name');
refused("${line} Host: a\r\n\r\n", 400, 'bad_request', 'a continuation of nothing');
refused("${line}Host: a\r\nX: a\0b\r\n\r\n", 400, 'bad_request', 'a NUL in a header');
refused("${line}Host: a\r\n\0\r\nX: b\r\n\r\n", 400, 'bad_request', 'a line that begins with a NUL');
refused("${line}Host: a\r\nX: " . 'b' x 20_000 . "\r\n\r\n", 431, 'headers_too_large', 'a long header');
refused("${line}Host: a\r\n" . "X: bbbbbbbbbb\r\n" x 3000 . "\r\n", 431, 'headers_too_large', 'many headers');
refused("${line}Host: a\r\nExpect: 200-maybe\r\nContent-Length: 1\r\n\r\nx", 417, 'expectation_failed',
	'an odd Expect');

# --- body ---------------------------------------------------------------------------------

my $post = "POST /api/regions HTTP/1.1\r\nHost: a\r\n";
refused("${post}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, 'bad_request', 'two Content-Lengths',
	details => qr/Content-Length/);
refused("${post}Content-Length: 0\r\nContent-Length: 44\r\n\r\n", 400, 'bad_request', 'two that differ',
	details => qr/Content-Length/);
refused("${post}Content-Length: 5, 5\r\n\r\nhello", 400, 'bad_request', 'a list of Content-Lengths');
refused("${post}Content-Length: -1\r\n\r\n", 400, 'bad_request', 'a negative Content-Length');
refused("${post}Content-Length: +5\r\n\r\nhello", 400, 'bad_request', 'a Content-Length with a sign');
refused("${post}Content-Length: 0x5\r\n\r\nhello", 400, 'bad_request', 'a Content-Length in hex');
refused("${post}Content-Length: \r\n\r\n", 400, 'bad_request', 'an empty Content-Length');
refused("${post}Content-Length: 5\r\n 5\r\n\r\nhello", 400, 'bad_request', 'a Content-Length in two lines');
refused("${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 'bad_request',
	'Content-Length and chunked');
refused("${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, 'bad_request', 'a list of codings');
refused("${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, 'bad_request', 'an unknown coding');
refused("${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 'bad_request',
	'two codings');
refused("${post}Content-Length: 3\r\n\r\na\0b", 400, 'bad_request', 'a NUL in the body', details => qr/NUL/);
refused("${post}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 400, 'bad_request', 'a bad chunk');
refused("${post}Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", 400, 'bad_request', 'a negative chunk');
refused("${post}Transfer-Encoding: chunked\r\n\r\n$_->[0]\r\nhello\r\n0\r\n\r\n", 400, 'bad_request', "a length of a chunk $_->[1]")
	foreach [ '0x5', 'in C' ], [ '+5', 'with a sign' ], [ ' 5', 'after a blank' ], [ "\t5", 'after a tab' ], [ '5 ', 'before a blank' ],
	[ '5 x', 'and something else' ], [ '5;a=b', 'with an extension' ];
refused("POST /api/regions HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 400, 'bad_request',
	'chunks in HTTP/1.0', details => qr/1\.0/);
refused("${post}Transfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n", 400, 'bad_request', 'a huge chunk',
	details => qr/chunk/,
	alone => 1);
refused("${post}Content-Length: 100000\r\n\r\n" . 'x' x 100_000, 413, 'request_too_large', 'a large body');
refused("${post}Content-Length: 99999999999999999999\r\n\r\n", 408, 'request_timeout', 'a body beyond numbers',
	alone => 1);
refused("${post}Content-Length: 10000000\r\n\r\n" . 'x' x 100_000, 413, 'request_too_large',
	'a large body that does not come', alone => 1);
refused("${post}Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n", 413, 'request_too_large',
	'a large body that is asked for first', alone => 1);
my $many = join('', map { "1000\r\n" . 'x' x 4096 . "\r\n" } 1 .. 20);
refused("${post}Transfer-Encoding: chunked\r\n\r\n${many}0\r\n\r\n", 413, 'request_too_large', 'many chunks');

foreach my $method (qw(GET HEAD DELETE OPTIONS TRACE))
{
	refused("$method / HTTP/1.1\r\nHost: a\r\n$_->[0]", 400, 'bad_request', "$_->[1] of $method",
		details => $method eq 'HEAD' ? undef : qr/body/, head => $method eq 'HEAD')
		foreach [ "Content-Length: 5\r\n\r\nhello", 'a body' ],
		[ "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 'chunks' ];
}

# Who asks first whether to send what is not too large is told to.
{
	my $http = MultiRegion::Http->connect($port);
	$http->send("${post}Expect: 100-continue\r\nContent-Length: 65536\r\n\r\n");
	$sidecar->poll_until(sub { $http->ends(timeout => 0); $http->rest ne '' }, 5, '100 Continue');
	like($http->rest, qr{^HTTP/1.1 100 Continue\r\n\r\n\z}, 'a body that is asked for first: 100');
	$http->send('x' x 65536);
	is($http->answer->{status}, 405, 'a body that is asked for first: the answer');
}

# A body is read to its end and no further, whatever the answer is.
foreach my $body ("Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
{
	my $http = MultiRegion::Http->connect($port);
	my ($how) = $body =~ /^(\S+):/;
	$http->send("$post$body$good");
	is($http->answer->{status}, 405, "$how: the method is wrong");
	is($http->answer->{status}, 200, "$how: the next request on the same connection is right");
}

# What comes after the last chunk is no header.
answered("${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n$_->[0]\r\n\r\n", '405 method_not_allowed', "a trailer: $_->[1]")
	foreach [ 'X-Sum: 1', 'another header' ], [ 'Host: b', 'a second Host' ], [ 'Content-Length: 5', 'a length' ],
	[ "Transfer-Encoding: gzip\r\nHost: b", 'two' ], [ ': x', 'none' ];
{
	my $http = MultiRegion::Http->connect($port);
	$http->send("${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nConnection: close\r\n\r\n$good");
	is($http->answer->{status}, 405, 'a trailer that would close: the answer');
	is($http->answer->{status}, 200, 'a trailer that would close: the connection stays');
}

# --- what is well-formed --------------------------------------------------------------------

answered("GET /api HTTP/1.0\r\n\r\n", 200, 'HTTP/1.0 without Host');
answered("GET /api HTTP/1.1\nHost: a\n\n", 200, 'line feeds alone');
answered("GET /api HTTP/1.1\r\nHost: [::1]:3000\r\n\r\n", 200, 'an IPv6 Host');
answered("GET /api HTTP/1.1\r\nHOST: a\r\nAccept: */*\r\nX-Empty:\r\n\r\n", 200, 'other headers');
answered("GET http://localhost/api/regions HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, 'an absolute URI');
answered("GET http://elsewhere.example/api/regions?x HTTP/1.1\r\nHost: localhost\r\n\r\n", 200,
	'an absolute URI of somebody else');
answered("GET http://localhost HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n", 200, 'an absolute URI without path');
answered("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204, 'OPTIONS *');

# --- paths ------------------------------------------------------------------------------------

get('/api/regions/', 200, 'a slash at the end');
get('/api/regions?x=1&y', 200, 'a query nobody reads');
get('/api/%72egions', 200, 'an escaped letter');
get("/api/regions$_->[0]", '404 not_found', $_->[1]) foreach
	[ '/../regions', 'two dots' ], [ '/%2e%2e/regions', 'escaped dots' ], [ '/./', 'a dot' ],
	[ '//', 'two slashes' ], [ '%2f', 'an escaped slash' ], [ '%00', 'an escaped NUL' ],
	[ '%', 'half an escape' ], [ '%zz', 'no escape' ], [ ';a=b', 'a path parameter' ],
	[ '%252f', 'a double escape' ], [ "\xff", 'no UTF-8' ], [ '\\', 'a backslash' ],
	[ '/tenant//region', 'an empty tenant' ], [ '/tenant/a/region/b', 'one segment too many' ],
	[ '/tenant/a%2Fregion', 'a slash inside the tenant' ], [ '/tenant', 'a path cut short' ];
get('/' . $_, '404 not_found', "/$_") foreach 'API/regions', '/api/regions', 'ap', '~root', '.env.multiregion',
	'..%2f..%2fetc/passwd', '%c0%ae%c0%ae/';
my $tenant = '/api/regions/tenant';
get("$tenant/$_->[0]/region", '400 bad_tenant', $_->[1]) foreach
	[ '%00', 'a tenant of a NUL' ], [ 'a%00b', 'a tenant with a NUL' ], [ '%ff', 'a tenant that is not UTF-8' ],
	[ '%c0%80', 'a tenant with an overlong NUL' ], [ '%ed%a0%80', 'a tenant with a surrogate' ],
	[ '%f4%90%80%80', 'a tenant beyond Unicode' ], [ 'a%', 'half an escape' ], [ 'a%4', 'half an escape more' ],
	[ '%gg', 'no escape' ], [ '%0a', 'a line feed' ], [ '%7f', 'a DEL' ], [ 'x' x 256, '256 bytes' ],
	[ 'x' x 600, '600 bytes' ], [ '%c3%a9' x 128, '128 letters of two bytes' ], [ "\xff\xfe", 'raw bytes' ];
get("$tenant/$_->[0]/region", '503 database_unavailable', $_->[1]) foreach
	[ 'x' x 255, '255 bytes' ], [ '%27%3B%20DROP%20TABLE%20x', 'quotes' ], [ '%22', 'a double quote' ],
	[ '%2e%2e%2f', 'dots and a slash' ], [ 'a+b', 'a plus' ], [ '%5c', 'a backslash' ];
get("$tenant/a/region?strict=$_", '400 bad_parameter', "strict=$_") foreach 'maybe', '%00', '%ff', 'x' x 100, 'tru';
get("$tenant/a/region?$_", '503 database_unavailable', "?$_") foreach 'strict', 'strict=TRUE', 'x=%00', '&&=&strict=0';
my $late = MultiRegion::Http->get($port, "$tenant/a/region");
is($late->{headers}{'retry-after'}, 1, 'who is to try again learns when');

# --- methods ------------------------------------------------------------------------------------

foreach my $method (qw(POST PUT PATCH DELETE TRACE))
{
	my $answer = answered("$method /api/health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
		'405 method_not_allowed', $method);
	is($answer->{headers}{allow}, 'GET, HEAD, OPTIONS', "$method: Allow says what is");
}
my $http = MultiRegion::Http->connect($port);
my $options = $http->request('OPTIONS', '/api/regions');
is(check_answer($options), '', 'OPTIONS: a proper answer');
is("$options->{status} $options->{headers}{allow}", '204 GET, HEAD, OPTIONS', 'OPTIONS: what is allowed');
foreach my $path ('/api', '/api/regions', '/api/health', '/nowhere')
{
	my $get = $http->request('GET', $path);
	my $head = $http->request('HEAD', $path);
	is(check_answer($head, head => 1), '', "HEAD $path: a proper answer");
	is($head->{status}, $get->{status}, "HEAD $path: the status of GET");
	ok(abs($head->{headers}{'content-length'} - length $get->{body}) <= 3, "HEAD $path: the length of GET");
	is($head->{body}, '', "HEAD $path: no body");
}

# --- connections ----------------------------------------------------------------------------------

$http = MultiRegion::Http->connect($port);
$http->send($good x 50 . "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" . $good);
my @statuses = map { my $answer = $http->answer; $answer ? $answer->{status} : 'none' } 1 .. 52;
is("@statuses", join(' ', (200) x 50, 404, 200), '52 requests in one packet are answered in order');
$http->send("GET /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n$good");
is($http->answer->{headers}{connection}, 'close', 'who asks for the end gets it');
ok($http->ends && $http->rest eq '', 'and nothing more');
$http = MultiRegion::Http->connect($port);
$http->send("GET /api HTTP/1.0\r\n\r\n");
$http->answer;
ok($http->ends(timeout => 5), 'HTTP/1.0 ends after one answer');
$http = MultiRegion::Http->connect($port);
$http->send("GET /api HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
$http->answer;
is(($http->request('GET', '/api') // {})->{status}, 200, 'HTTP/1.0 with keep-alive goes on');
$http = MultiRegion::Http->connect($port);
$http->send($good);
$http->end;
is(($http->answer // {})->{status}, 200, 'who stops sending is still answered');

# --- patience ---------------------------------------------------------------------------------------

# Two that never end their request: one silent after its first bytes, one sending a byte
# now and then. Both are told and cut off at the deadline of the whole request.
my $began = seconds();
my $silent = MultiRegion::Http->connect($port);
my $slow = MultiRegion::Http->connect($port);
my $drip = MultiRegion::Http->connect($port);
my $idle = MultiRegion::Http->connect($port);
$silent->send("GET /api HTTP/1.1\r\nHost:");
$slow->send("GET /api HTTP/1.1\r\nHost: a\r\nX: ");
$drip->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
$sidecar->poll_until(
	sub {
		$slow->send('x');
		$drip->send('x');
		return $slow->ends(timeout => 0.02) && $drip->ends(timeout => 0.02);
	}, 10, 'the slow senders to be cut off');
cmp_ok(seconds() - $began, '<', 3, 'a slow sender is cut off at the deadline of the whole request');
cmp_ok(seconds() - $began, '>', 0.6, 'and not before');
foreach my $case ([ $silent, 'silent' ], [ $slow, 'slow header' ], [ $drip, 'slow body' ])
{
	my ($connection, $what) = @$case;
	ok($connection->ends(timeout => 5), "$what: cut off");
	my $answer = $connection->answer;
	is(($answer // {})->{status}, 408, "$what: and told why");
	is(check_answer($answer), '', "$what: a proper answer");
}
# Data after an answer count as a new request.
$http = MultiRegion::Http->connect($port);
$http->send("${good}GET / HT");
is($http->answer->{status}, 200, 'the first of one and a half requests is answered');
ok($http->ends(timeout => 5), 'the half one is not waited for');
ok($idle->ends(timeout => 5), 'a connection that says nothing ends');
is($idle->rest, '', 'without a word');

# A client that reads nothing.
my $deaf = MultiRegion::Http->connect($port);
$deaf->send($good x 200);
is(MultiRegion::Http->get($port, '/api')->{status}, 200, 'a client that does not read stops nobody else');
$deaf->close;

# More connections than allowed: the rest wait, and come in when others go.
my @held;
foreach my $number (1 .. 60)
{
	my $connection = MultiRegion::Http->connect($port) or last;
	push @held, $connection;
}
is(scalar @held, 60, 'the listen queue takes 60 connections');
$_->send($good) foreach @held;
my @served = grep { $_->answer(timeout => $_ == $held[0] ? 5 : 0.05) } @held;
cmp_ok(scalar @served, '>=', 20, 'the connections allowed are served');
# On a busy machine the first ones may have been idle for too long meanwhile, and made room.
cmp_ok(scalar(grep { !$_->ends(timeout => 0.01) } @served), '<=', 36, 'and no more than them at a time');
$_->close foreach @served;
my %served = map { $_ => 1 } @served;
my @waiting = grep { !$served{$_} } @held;
my $also = grep { my $answer = $_->answer(timeout => 5); $_->close; $answer } @waiting;
is($also, scalar @waiting, 'those that waited are served when others have gone');
like($sidecar->log_text, qr/too many connections/, 'the log says that there were too many');

sub reload
{
	my (%changes) = @_;
	my $from = $sidecar->log_size;
	$sidecar->write_settings(%changes);
	$sidecar->signal('HUP');
	$sidecar->poll_until(sub { $sidecar->log_text($from) =~ /reloaded the settings/ }, 5, 'the reload');
	return;
}

# Slow senders in every place: while others wait, a request has a second. More of them than there
# are places, so that one behind them waits for the second row, and not for two deadlines of 20 s.
reload(MULTIREGION_HTTP_REQUEST_TIMEOUT => 20_000, MULTIREGION_HTTP_IDLE_TIMEOUT => 60_000);
my @slow = map { MultiRegion::Http->connect($port) } 1 .. 50;
$_->send("GET /api HTTP/1.1\r\nX: ") foreach @slow;
is(MultiRegion::Http->get($port, '/api', timeout => 15)->{status}, 200, 'who comes behind slow senders in every place is served');
is((grep { defined } map { ($_->answer(timeout => 0.05) // {})->{status} } @slow)[0], 408, 'they are told that they are late');
$_->close foreach @slow;
ok(MultiRegion::Http->get($port, '/api')->{status}, 'there is room again');
my $alone = MultiRegion::Http->connect($port);
$alone->send("GET /api HTTP/1.1\r\n");
ok(!$alone->ends(timeout => 2), 'then a request has its time');
$alone->close;

# Fewer connections allowed than there are: those that are there are still looked after.
reload(MULTIREGION_HTTP_REQUEST_TIMEOUT => 700);
my @old = map { MultiRegion::Http->connect($port) } 1 .. 30;
$_->send($good) foreach @old;
is(scalar(grep { $_->answer } @old), 30, '30 connections');
reload(MULTIREGION_HTTP_MAX_CONNECTIONS => 1);
$old[-1]->send("${line}Host: a\r\nX: a\0b\r\n\r\n");
is($old[-1]->answer->{status}, 400, 'a NUL on one of more connections than are allowed now');
$old[-2]->send('GET /api');
ok($old[-2]->ends(timeout => 5), 'a slow sender on another is cut off');
is(($old[-2]->answer // {})->{status}, 408, '... and told why');
$_->close foreach @old;
reload(MULTIREGION_HTTP_MAX_CONNECTIONS => 20, MULTIREGION_HTTP_IDLE_TIMEOUT => 1500);

# Clients that go away in the middle of anything.
foreach my $part ('', 'G', "GET /api HTTP/1.1\r\n", $good, "${post}Content-Length: 50\r\n\r\nhello", $good x 20)
{
	my $connection = MultiRegion::Http->connect($port);
	$connection->send($part);
	$connection->close;
}
is(MultiRegion::Http->get($port, '/api')->{status}, 200, 'clients that go away stop nobody');

is($sidecar->findings, '', 'the sanitizers found nothing');
ok($sidecar->is_running, 'it is still the same process');
is($sidecar->stop, 0, 'and ends well');
is($sidecar->findings, '', 'without a leak');

done_testing();
