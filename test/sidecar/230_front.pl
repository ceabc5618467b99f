# What happens to every request whatever its path: CORS, the limit of changes, the access
# log, entity tags and conditional GET, HEAD and OPTIONS everywhere. Method: sidecars without
# a database, whose answers come from memory all the same.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;

use MultiRegion::Http qw(check_answer);
use MultiRegion::Sidecar;

my $directory = tempdir('multiregion-front-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $token = 'front-token-0123456789';
my @authorized = ("Authorization: Bearer $token", 'Content-Type: application/json');

sub sidecar
{
	my ($name, %settings) = @_;
	return MultiRegion::Sidecar->new(directory => $directory, name => $name,
		settings => { REGION_US_EAST_NAME => 'x \\"ageMs\\":5 y', MULTIREGION_API_TOKEN => $token, %settings });
}

my $sidecar = sidecar('one', MULTIREGION_ACCESS_LOG => 'all', MULTIREGION_HTTP_CHANGES_PER_MINUTE => 30,
	MULTIREGION_CORS_ORIGINS => 'https://app.example.com, http://localhost:8080')->start;
my $http = MultiRegion::Http->connect($sidecar->port);

sub request
{
	my ($method, $path, @headers) = @_;
	return $http->request($method, $path, headers => \@headers);
}

# --- HEAD and OPTIONS ------------------------------------------------------------------------

my %takes = ('/api/regions/failover/manual' => ['GET']); # its last part could be an id
# OPTIONS of a health check is the check (160_patroni).
push @{ $takes{ $_->{path} } }, $_->{method} foreach grep { $_->{path} =~ m{^/(?:api|metrics|cluster|config|switchover)\b} } @{ request('GET', '/api')->{json}{paths} };
foreach my $template (sort keys %takes)
{
	my $path = $template =~ s/:id/1/r;
	my $answer = request('OPTIONS', $path);
	my %expected = map { $_ => 1 } @{ $takes{$template} }, 'OPTIONS', (grep { $_ eq 'GET' } @{ $takes{$template} }) ? 'HEAD' : ();
	is("$answer->{status} " . join(' ', sort split /, /, $answer->{headers}{allow}), '204 ' . join(' ', sort keys %expected),
		"OPTIONS $template");
	next unless $expected{GET} && $template !~ /manual/;
	my ($get, $head) = map { request($_, $path) } qw(GET HEAD);
	my $type = $path eq '/metrics' ? 'text/plain; version=0.0.4; charset=utf-8' : undef;
	is(check_answer($head, head => 1, type => $type) || $head->{status}, $get->{status}, "HEAD $template");
	my @same = map { my $of = $_; join(' ', map { $of->{headers}{$_} // '-' } qw(content-type etag cache-control)) } $get, $head;
	is($same[1], $same[0], '... with the headers of GET');
}

# --- entity tags -----------------------------------------------------------------------------------

foreach my $path ('/api', '/api/regions', '/api/regions/status', '/api/regions/health/database', '/api/regions/health/failover')
{
	my $first = request('GET', $path);
	my $tag = $first->{headers}{etag} // '';
	like($tag, qr{^W/"[0-9a-f]{16}"$}, "$path has an entity tag");
	is($first->{headers}{'cache-control'}, 'no-cache', '... and may be kept, but not given without asking');
	foreach my $condition ($tag, '*', "\"other\", $tag", $tag =~ s{W/}{}r)
	{
		my $answer = request('GET', $path, "If-None-Match: $condition");
		is(check_answer($answer) || "$answer->{status} $answer->{headers}{etag}", "304 $tag", "... that saves an answer: $condition");
	}
	is(request('HEAD', $path, "If-None-Match: $tag")->{status}, 304, '... to HEAD as well');
	is(request('GET', $path, 'If-None-Match: "other"')->{status}, 200, '... and another tag does not');
	is(request('GET', "$path?x=1", "If-None-Match: $tag")->{status}, 304, '... nor does a query matter');
}
is(request('GET', '/api/health')->{headers}{etag}, undef, '/api/health has none: it is asked for its status');
is(request('GET', '/api/regions')->{json}{regions}[0]{name}, 'x "ageMs":5 y', 'what looks like an age and is a name, stays');

# --- parts that are not there yet --------------------------------------------------------------------

is_deeply(request('GET', '/api/regions/health/redis')->{json}, { status => 'disabled' }, 'Redis is disabled');
is(request('POST', '/api/cdn/invalidate')->{status}, 401, 'invalidating needs a token');
my $invalidated = $http->request('POST', '/api/cdn/invalidate', headers => \@authorized, body => '{"paths":["/"]}');
is(check_answer($invalidated) || "$invalidated->{status} $invalidated->{json}{status}", '200 disabled', 'and is disabled');

# --- CORS ---------------------------------------------------------------------------------------------

my $answer = request('GET', '/api/regions', 'Origin: https://app.example.com');
is($answer->{headers}{'access-control-allow-origin'}, 'https://app.example.com', 'a listed origin may read');
is($answer->{headers}{vary}, 'Origin', '... and caches know that it matters');
like($answer->{headers}{'access-control-expose-headers'}, qr/\bETag\b/, '... and may see headers');
is(request('GET', '/nowhere', 'Origin: http://localhost:8080')->{headers}{'access-control-allow-origin'},
	'http://localhost:8080', 'errors can be read, too');
foreach my $origin ('https://evil.example.com', 'https://app.example.com.evil.com', 'http://app.example.com', 'null', '')
{
	$answer = request('GET', '/api/regions', "Origin: $origin");
	is($answer->{headers}{'access-control-allow-origin'}, undef, "not \"$origin\"");
}
$answer = request('OPTIONS', '/api/regions/tenant/a/region', 'Origin: https://app.example.com',
	'Access-Control-Request-Method: POST', 'Access-Control-Request-Headers: authorization');
is($answer->{status}, 204, 'a preflight');
like($answer->{headers}{'access-control-allow-methods'}, qr/\bPOST\b/, '... allows POST');
like($answer->{headers}{'access-control-allow-headers'}, qr/\bAuthorization\b/, '... and the header that it needs');

# --- the limit of changes --------------------------------------------------------------------------------

my @statuses = map { request('DELETE', '/api/regions/tenant/a/region', @authorized)->{status} } 1 .. 6;
is("@statuses[0, 4, 5]", '503 429 429', 'a burst of changes, then no more');
$answer = request('POST', '/api/regions/failover/manual');
is(check_answer($answer) || "$answer->{status} $answer->{json}{code}", '429 too_many_requests', 'whatever the path');
like($answer->{headers}{'retry-after'}, qr/^[12]$/, 'Retry-After says when');
is(request('GET', '/api/regions')->{status}, 200, 'reading goes on');
is(request('OPTIONS', '/api/regions')->{status}, 204, 'and asking what may be done');
$sidecar->write_settings(MULTIREGION_HTTP_CHANGES_PER_MINUTE => 0);
$sidecar->signal('HUP');
$sidecar->poll_until(sub { $sidecar->log_text =~ /reloaded the settings/ }, 5, 'the reload');
is(request('DELETE', '/api/regions/tenant/a/region')->{status}, 401, 'without a limit after a reload');

# --- the access log -----------------------------------------------------------------------------------------

sub lines { return map { JSON::PP->new->utf8->decode($_) } grep { /^\{/ } split /\n/, $_[0]->log_text }

sub line_of
{
	my ($from, $id) = @_;
	return $from->poll_until(sub { (grep { $_->{id} eq $id } lines($from))[0] }, 5, "the line of $id");
}

request('GET', '/api/regions/tenant/a%2fb/region?strict=secret', 'X-Request-Id: seen-1', "User-Agent: a\"b\xff");
is_deeply({ %{ line_of($sidecar, 'seen-1') }, time => 0, durationMs => 0 },
	{ time => 0, id => 'seen-1', client => '127.0.0.1', identity => undef, user => undef, method => 'GET',
		path => '/api/regions/tenant/a%2fb/region', route => '/api/regions/tenant/:id/region', status => 400,
		bytes => line_of($sidecar, 'seen-1')->{bytes}, durationMs => 0, userAgent => "a\"b\x{fffd}" },
	'a line of the access log');
request('HEAD', '/api', 'X-Request-Id: seen-2');
is(join(' ', map { line_of($sidecar, 'seen-2')->{$_} } qw(method route status bytes)), 'HEAD /api 200 0', 'of HEAD');
my $odd = MultiRegion::Http->raw($sidecar->port, "GET / HTTP/1.1\r\nX-Request-Id: seen-3\r\n\r\n");
is($odd->{headers}{'x-request-id'}, 'seen-3', 'a request that is refused unread');
is(line_of($sidecar, 'seen-3')->{status}, 400, '... has a line, too');
$odd = MultiRegion::Http->raw($sidecar->port, "NONSENSE\r\n\r\n");
is(line_of($sidecar, $odd->{headers}{'x-request-id'})->{method}, undef, 'and so has what is no request');
ok(!grep({ /secret|\Q$token\E/ } $sidecar->log_text), 'no query and no token is in the log');
$sidecar->write_settings(MULTIREGION_ACCESS_LOG => 'errors', MULTIREGION_CORS_ORIGINS => '*');
my $from = $sidecar->log_size;
$sidecar->signal('HUP');
$sidecar->poll_until(sub { $sidecar->log_text($from) =~ /reloaded the settings/ }, 5, 'the reload');
request('GET', '/api/regions', 'X-Request-Id: good-1');
request('GET', '/nowhere', 'X-Request-Id: bad-1');
is(line_of($sidecar, 'bad-1')->{status}, 404, 'errors only');
ok(!grep({ $_->{id} eq 'good-1' } lines($sidecar)), '... are logged');
$answer = request('GET', '/api/regions', 'Origin: null');
is($answer->{headers}{'access-control-allow-origin'}, '*', 'any origin, if that is said');
is($sidecar->stop('TERM'), 0, 'it ends well');
is($sidecar->findings, '', 'the sanitizers found nothing');

# --- requests that came before ---------------------------------------------------------------------------------

# With the access log off they are answered past the parser; what can be seen must be the same.
my $short = sidecar('short', MULTIREGION_HTTP_CHANGES_PER_MINUTE => 0)->start;
$http = MultiRegion::Http->connect($short->port);
foreach my $path ('/api/regions', '/api/regions/status', '/api/health', '/api')
{
	my @answers = map { request('GET', $path) } 1 .. 3;
	my $changed = request('GET', $path, 'X-Unknown: forces the long way');
	my @seen = map { my $of = $_; join("\n", $of->{status}, $of->{reason}, $of->{body} =~ s/"checkedAt":"[^"]*"//r,
		map { "$_: $of->{headers}{$_}" } grep { !/^(?:date|x-request-id)$/ } sort keys %{ $of->{headers} }) } @answers, $changed;
	is(check_answer($answers[2]), '', "$path again is in form");
	is($seen[$_], $seen[3], '... the same as the long way') foreach 0 .. 2;
	isnt($answers[1]{headers}{'x-request-id'}, $answers[2]{headers}{'x-request-id'}, '... with an id of its own');
	like($answers[2]{headers}{date}, qr/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, '... and a date');
}
my $known = MultiRegion::Http->request_text('GET', '/api/regions');
my @hot = map { request('GET', '/api/regions')->{body} } 1 .. 2;

# Sends pieces as packets of their own: the statuses of all answers.
sub statuses_of
{
	my (@pieces) = @_;
	my $own = MultiRegion::Http->connect($short->port);
	foreach my $piece (@pieces)
	{
		$own->send($piece);
		select(undef, undef, undef, 0.02);
	}
	my @found;
	while (my $one = $own->answer(timeout => 0.3)) { push @found, $one->{status}; }
	return join(' ', @found) . $own->rest;
}

my $head = "POST /api/cdn/invalidate HTTP/1.1\r\nHost: localhost\r\nContent-Length: " . length($known) . "\r\n\r\n";
is(statuses_of($known, $known), '200 200', 'one after the other');
is(statuses_of($known . $known . $known), '200 200 200', 'three at once');
is(statuses_of($known . 'GET /nowhere HTTP/1.1', "\r\nHost: a\r\n\r\n", $known), '200 404 200', 'with another between them');
is(statuses_of($head, $known), '401', 'the body of another request is not one, in a packet of its own');
is(statuses_of($head, substr($known, 0, 5), substr($known, 5)), '401', '... or in two');
is(statuses_of($head . $known, $known), '401 200', '... and after the body it is one again');
is(statuses_of("GET /nowhere HTTP/1.1\r\nX-A: b\r\n", $known), '400', 'nor is the end of the headers of another');
is(statuses_of("POST /api/cdn/invalidate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" . sprintf("%x\r\n", length $known),
		$known, "\r\n0\r\n\r\n", $known), '401 200', 'nor a chunk');
is(statuses_of(substr($known, 0, 10), substr($known, 10), $known), '200 200', 'in pieces');
is(statuses_of("$known\0"), '400', 'with a byte more');
is(statuses_of($known x 2, $known x 2, $known x 2), '200 200 200 200 200 200', 'two at once, again and again');
{
	my $own = MultiRegion::Http->connect($short->port);
	$own->send(MultiRegion::Http->request_text('GET', '/api') . $head);
	is($own->answer->{status}, 200, 'the head of a request came with the one before it');
	request('GET', '/api/regions') foreach 1 .. 2;
	$own->send($known);
	is($own->answer->{status}, 401, '... and its body is not taken for a request');
	is($own->rest, '', '... nor anything else for an answer');
}
$short->write_settings(MULTIREGION_CORS_ORIGINS => 'https://app.example.com');
$short->signal('HUP');
$short->poll_until(sub { $short->log_text =~ /reloaded the settings/ }, 5, 'the reload');
is(join(' ', map { request('GET', '/api/regions')->{headers}{vary} // '-' } 1 .. 3), 'Origin Origin Origin', 'a reload changes them, too');
my $lazy = MultiRegion::Http->connect($short->port);
$lazy->{socket}->blocking(0);
my $sent = 0;
foreach (1 .. 20_000) { $sent++ if syswrite($lazy->{socket}, $known); }
is(request('GET', '/api')->{status}, 200, "who sends $sent requests and reads no answer stops nobody");
$lazy->close;
$short->write_settings(MULTIREGION_DRAIN_TIMEOUT => 60_000);
$short->signal('HUP');
$short->signal('TERM');
$short->poll_until(sub { (MultiRegion::Http->get($short->port, '/api') // {})->{headers}{connection} }, 5, 'the drain');
is($http->request('GET', '/api/regions')->{headers}{connection}, 'close', 'while it drains nothing goes the short way');
is($short->stop('INT'), 0, 'it ends well');
is($short->findings, '', 'the sanitizers found nothing');

# --- a reader of the access log that does not read ------------------------------------------------------------

pipe(my $reader, my $writer) or die "pipe: $!";
my $full = sidecar('full', MULTIREGION_ACCESS_LOG => 'all', MULTIREGION_DRAIN_TIMEOUT => 0);
$full->start_with_output($writer);
close $writer;
$reader->blocking(0); # or an empty pipe holds this up, while the loss is told a moment later
my $busy = MultiRegion::Http->connect($full->port);
my $agent = 'x' x 4000;
my $answered = grep { ($busy->request('GET', '/api/health', headers => ["User-Agent: $agent"], timeout => 5) // {})->{status} } 1 .. 150;
is($answered, 150, 'a full pipe stops nobody');
$full->poll_until(sub { sysread($reader, my $bytes, 65536); $full->log_text =~ /lines of the access log were lost/ }, 10, 'the loss to be told');
pass('and what is lost is counted');
close $reader;
is($busy->request('GET', '/api/health')->{status}, 503, 'a reader that is gone stops nobody either');
is($full->stop('TERM'), 0, 'it ends well');
is($full->findings, '', 'the sanitizers found nothing');

foreach my $wrong ([ MULTIREGION_CORS_ORIGINS => 'app.example.com' ], [ MULTIREGION_CORS_ORIGINS => 'https://a.example.com/path' ],
	[ MULTIREGION_ACCESS_LOG => 'some' ], [ MULTIREGION_HTTP_CHANGES_PER_MINUTE => 'many' ])
{
	my ($code, $output) = sidecar('wrong', @$wrong)->run;
	is($code, 2, "$wrong->[0]=$wrong->[1] is refused");
	like($output, qr/error: $wrong->[0]/, '... and named');
}

done_testing();
