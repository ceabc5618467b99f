# Random requests, most of them nearly right: whatever comes, the sidecar answers in form
# or hangs up, stays the same process, and the sanitizers stay silent. Method: pieces of
# requests put together and then damaged, in packets of random size, several in a row, some
# cut short; bounded in number and time. The seed is printed; MR_TEST_SEED=N runs it again.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Cluster;
use MultiRegion::Http qw(check_answer);
use MultiRegion::Sidecar;

my $rounds = $ENV{MR_TEST_ROUNDS} // 1500;
my $seconds_max = $rounds / 100;
my $seed = $ENV{MR_TEST_SEED} // int(rand(2**31));
diag("seed $seed");
srand($seed);

my $cluster = MultiRegion::Cluster->new(managed => 0);
$cluster->start;
my $server = $cluster->node(0);
$server->safe_psql($_) foreach 'CREATE EXTENSION multiregion', 'ALTER ROLE multiregion_api LOGIN',
	q{SELECT add_region('US_EAST', 'us-east-1', 'US East')};
my $sidecar = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => 'fuzzed', settings => {
	ENABLE_MULTI_REGION => 'true', DEPLOYMENT_REGION => 'US_EAST', MULTIREGION_HTTP_REQUEST_TIMEOUT => 150,
	MULTIREGION_TENANT_CACHE => 7, MULTIREGION_HTTP_MAX_CONNECTIONS => 100, MULTIREGION_DRAIN_TIMEOUT => 0,
	MULTIREGION_DATABASE_URL => 'postgresql://127.0.0.1:' . $server->port . '/postgres' })->start;
my $port = $sidecar->port;
$sidecar->poll_until(sub { (MultiRegion::Http->get($port, '/api/health') // {})->{status} eq '200' }, 10, 'health');

# --- making requests --------------------------------------------------------------------

sub one_of { return $_[ int(rand(@_)) ] }
sub often { my ($percent) = @_; return rand(100) < $percent }

sub bytes
{
	my ($length) = @_;
	return join('', map { chr(int(rand(256))) } 1 .. $length);
}

sub segment
{
	return one_of(
		sub { one_of(qw(api regions status tenant region health database failover)) },
		sub { one_of('', '.', '..', '%2e', '%00', '%', '%4', '%zz', '%2F', '~', '*', '%ff', '%c3%a9', '%F0%9F%98%80') },
		sub { sprintf('%%%02x', int(rand(256))) x int(1 + rand(300)) },
		sub { bytes(1 + int(rand(20))) =~ s/[\r\n ]/x/gr },
		sub { 'x' x int(rand(700)) })->();
}

sub path
{
	return one_of('/', '/api', '/primary', '/replica', '/patroni', '/cluster', '/agent', '/api/health', '/api/regions', '/api/regions/status', '/api/regions/health/database',
		'/api/regions/health/failover') if often(25);
	return '/api/regions/route' if often(25);
	return '/api/regions/tenant/' . one_of(qw(acme o%27hara a/b %e2%82%ac x), segment()) . '/region' if often(60);
	return one_of('', '', '', 'http://localhost', '//', '*') . join('', map { '/' . segment() } 0 .. rand(5));
}

sub query
{
	return '' if often(60);
	return '?' . join('&', map { one_of('strict', 's%74rict', '', 'x', qw(tenant op max_lag token from country latitude longitude explain), often(20) ? segment() : 'y')
			. one_of('', '=', '=' . one_of('true', '0', 'no', '%00', '+', qw(write 5s US_EAST 1e3 first-primary), often(20) ? segment() : 'z')) } 0 .. rand(4));
}

my @usual = ('Connection: keep-alive', 'Accept: */*', 'Accept-Encoding: gzip', 'User-Agent: x', 'Range: bytes=0-1',
	'Upgrade: h2c', 'Content-Length: 0', 'X-Empty:', 'X-Multiregion-Token: mr1.0', 'CF-IPCountry: DE',
	'X-Forwarded-For: 10.0.0.1, x', 'Content-Type: application/json');
my @odd = ('Host: localhost', 'Host: [::1]:80', 'Host:', 'Host: a b', 'Connection: close',
	 'Expect: 100-continue', 'Expect: x', 'Content-Length: 0', 'Content-Length: 3', 'Content-Length: 70000',
	'Content-Length: -1', 'Transfer-Encoding: chunked', 'Transfer-Encoding: x',
	' folded', 'Nonsense', ': empty', 'Cookie: a=b');

sub request
{
	my $method = one_of(('GET') x 16, qw(POST PUT PATCH DELETE OPTIONS TRACE CONNECT BREW));
	my @lines = ($method . ' ' . path() . query() . one_of((' HTTP/1.1') x 30, ' HTTP/1.0', ' HTTP/9.9', '', ' HTTP/1'));
	push @lines, 'Host: localhost' if often(97);
	push @lines, one_of(often(80) ? @usual : @odd) foreach 1 .. one_of(0, 0, 0, 1, 2, 5);
	push @lines, 'X-Long: ' . 'y' x rand(20_000) if often(2);
	my $body = one_of(('') x 40, 'abc', '{"regionKey":"EU_WEST"}', '{"op":"read","headers":{"a":["b","c"]},"peer":"::1"}', "5\r\nhello\r\n0\r\n\r\n", bytes(1 + int(rand(50))));
	push @lines, 'Content-Length: ' . length $body if $body ne '' && often(70);
	return join(one_of(("\r\n") x 9, "\n"), @lines) . one_of(("\r\n\r\n") x 9, "\n\n") . $body;
}

# Damages a text in a few places.
sub damaged
{
	my ($text) = @_;
	foreach (1 .. one_of((0) x 8, 1, 1, 2, 5))
	{
		my $at = int(rand(length $text));
		my $length = int(rand(4));
		my $new = one_of('', "\0", "\r", "\n", "\r\n", ' ', ':', bytes(1), bytes(4), substr($text, int(rand(length $text)), 20));
		substr($text, $at, $length) = $new if $at + $length <= length $text;
		last if $text eq '';
	}
	return $text;
}

# --- the loop ----------------------------------------------------------------------------

my %statuses;
my @problems;
my @open;
my $began = clock_gettime(CLOCK_MONOTONIC);
my $done = 0;
foreach my $round (1 .. $rounds)
{
	$server->signal_stop('fast') if $round % 1000 == 500 && $server->postmaster;
	last if clock_gettime(CLOCK_MONOTONIC) - $began > $seconds_max || @problems > 5 || !$sidecar->is_running;
	my $text = join('', map { damaged(request()) } 1 .. one_of(1, 1, 1, 2, 7));
	$text = substr($text, 0, int(rand(length $text))) if often(10);
	my $http = MultiRegion::Http->connect($port);
	if (!$http)
	{
		push @problems, "round $round: no connection";
		next;
	}
	for (my $at = 0; $at < length $text;)
	{
		my $length = often(70) ? length $text : 1 + int(rand(200));
		$http->send(substr($text, $at, $length)) or last;
		$at += $length;
	}
	$http->end if often(30);
	$done++;
	# Some go away at once, some stay for a while, the rest reads what there is.
	if (often(15))
	{
		push @open, $http;
		(shift @open)->close if @open > 20;
		next;
	}
	$http->close, next if often(10);
	while (my $answer = $http->answer(timeout => 0.02))
	{
		$statuses{ $answer->{status} }++;
		# A request HEAD cannot have come about.
		my $problem = check_answer($answer);
		push @problems, "round $round: $problem; request: " . ($text =~ s/([^ -~])/sprintf('\\x%02x', ord $1)/ger)
			if $problem;
	}
	$http->close;
	if ($round % 50 == 0)
	{
		my $answer = MultiRegion::Http->get($port, '/api', timeout => 5);
		push @problems, "round $round: the next client got " . ($answer ? $answer->{status} : 'nothing')
			if !$answer || $answer->{status} != 200;
	}
}
is(join("\n", @problems), '', 'every answer was in form, and nobody else was disturbed');
cmp_ok($done, '>', 200, 'enough requests were made');
my %wanted = map { $_ => 1 } qw(200 204 400 404 405 501);
ok($statuses{$_}, "some were answered $_") foreach sort keys %wanted;
is(join(' ', grep { !/^(?:200|204|400|403|404|405|408|409|413|415|417|431|501|503)$/ } sort keys %statuses), '',
	'and none with a status that nobody expects');
diag("$done requests: " . join(', ', map { "$_: $statuses{$_}" } sort keys %statuses));
$_->close foreach @open;
ok($sidecar->is_running, 'it is still the same process');
is($sidecar->findings, '', 'the sanitizers found nothing');
$server->{session} = undef;
$cluster->poll_until(sub { defined $server->value('SELECT 1') }, 20, 'the server');
is($server->value(q{SELECT count(*) FROM multiregion.tenants}), 0, 'nothing was written');
is($sidecar->stop('TERM'), 0, 'it ends well');
is($sidecar->findings, '', 'without a leak');

done_testing();
