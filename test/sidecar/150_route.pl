# /api/regions/route: each answer is that of SQL, on the primary and on standbys; what the
# client's place, limits, tokens and tenants change; what is refused; and what is said while
# the local database is dead. Method: one cluster of three regions, a sidecar beside each.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Http qw(shape_problem check_answer);
use MultiRegion::Sidecar;
use MultiRegion::Token qw(make_token token_parts);

my $cluster = MultiRegion::Cluster->new(
	regions => 3, sidecars => 1, sidecar_settings => { MULTIREGION_HTTP_CHANGES_PER_MINUTE => 6 }, policy => { health_check_interval => '300ms' },
	settings => { 'multiregion.geo_providers' => "'cloudflare'", 'multiregion.trusted_proxies' => "'10.0.0.0/8'" });
$cluster->start;
my ($us, $eu, $ap) = $cluster->nodes;
my $json = JSON::PP->new->utf8->canonical;
my $path = '/api/regions/route';
my $word = qr/^[a-z_]+$/;
my $region = qr/^(?:US_EAST|EU_WEST|AP_SOUTHEAST)$/;
my $endpoint = { regionKey => $region, regionId => 'string', apiEndpoint => 'string?' };
my $shape = {
	%$endpoint, op => qr/^(?:read|write)$/, tenantId => 'string?', currentRegion => $region, local => 'boolean', nodeName => 'string',
	host => 'string', port => 'integer', role => qr/^(?:primary|standby)$/, reason => $word, sentence => 'string',
	lagMs => 'integer?', lagBytes => 'integer?', stalenessMs => 'integer?', nodeAgeMs => 'integer?',
	homeRegionKey => 'string?', pinned => 'boolean', fallbacks => [$endpoint], token => 'string?',
	asOf => 'time', ageMs => 'integer', stale => 'boolean' };

$us->safe_psql("SELECT alter_region('EU_WEST', api_endpoint => 'https://eu.example')");
$us->safe_psql("SELECT set_tenant_region('acme', 'EU_WEST', fallbacks => '{AP_SOUTHEAST}'),"
		. " set_tenant_region('bank', 'AP_SOUTHEAST', mode => 'pin')");
$us->safe_psql("SELECT map_country('FR', 'AP_SOUTHEAST')");
$us->safe_psql('CREATE TABLE note (words text)');
$cluster->wait_caught_up;

sub ask
{
	my ($node, $query, %args) = @_;
	my $answer = MultiRegion::Http->get($node->http_port, $path . ($query eq '' ? '' : "?$query"), %args);
	my $problem = check_answer($answer);

	die "$query: $problem" if $problem;
	return $answer;
}

sub post
{
	my ($node, $body, @headers) = @_;
	return MultiRegion::Http->connect($node->http_port)->request('POST', $path,
		headers => [ 'Content-Type: application/json', @headers ], body => ref $body ? $json->encode($body) : $body);
}

# In short where a read or a write goes, and why.
sub short
{
	my ($answer) = @_;
	my $found = $answer->{json};
	return "$answer->{status} $found->{code}" if $answer->{status} != 200;
	return join(' ', map { $_ // '-' } @$found{qw(regionKey nodeName role reason)});
}

foreach my $node ($us, $eu, $ap)
{
	$cluster->poll_until(
		sub {
			my $status = (MultiRegion::Http->get($node->http_port, '/api/regions/status') // return 0)->{json};
			my $route = MultiRegion::Http->get($node->http_port, "$path?tenant=acme")->{json};
			my ($there) = grep { $_->{regionKey} eq 'EU_WEST' } @{ MultiRegion::Http->get($node->http_port, '/api/regions')->{json}{regions} };
			return ($route->{reason} // '') eq 'preference' && defined $there->{apiEndpoint} && ($status->{ifPrimaryDiedNow}{successor} // '') ne ''
				&& 3 == grep { $_->{status} eq 'healthy' } @{ $status->{regions} };
		}, 20, 'the sidecar of ' . $node->name);
}

# An operator of somebody who may create some is not taken for PostgreSQL's own.
$us->safe_psql($_) foreach q{CREATE FUNCTION public.trap(numeric, integer) RETURNS numeric LANGUAGE plpgsql AS 'BEGIN RAISE ''trapped''; END'},
	'CREATE OPERATOR public.* (LEFTARG = numeric, RIGHTARG = integer, FUNCTION = public.trap)';
is(ask($us, 'explain=true&from=EU_WEST')->{status}, 200, 'operators of others mean nothing');
$us->safe_psql($_) foreach 'DROP OPERATOR public.* (numeric, integer)', 'DROP FUNCTION public.trap';
my ($u, $e, $a) = map { $_->name } $us, $eu, $ap;

# --- who is named, and why ------------------------------------------------------------------

my @cases = (
	# asked at, query, answer; a statement may fail before and after it is prepared
	(map { [ $us, "country=IE&max_lag=-${_}s", '400 22023' ] } 1 .. 12),
	[ $us, '', "US_EAST $u primary local" ],
	[ $eu, '', "EU_WEST $e standby local" ],
	[ $eu, 'op=write', "US_EAST $u primary lease" ],
	[ $eu, 'op=write&tenant=acme', "US_EAST $u primary lease" ],
	[ $us, 'tenant=acme', "EU_WEST $e standby preference" ],
	[ $eu, 'tenant=acme&op=read', "EU_WEST $e standby preference" ],
	[ $us, 'tenant=bank', "AP_SOUTHEAST $a standby pin" ],
	[ $us, 'from=eu-west-1', "EU_WEST $e standby nearest" ],
	[ $us, 'max_lag=10+s&from=AP_SOUTHEAST&max_lag_bytes=100000000', "AP_SOUTHEAST $a standby nearest" ],
	[ $us, 'country=ie', "EU_WEST $e standby nearest" ],
	[ $us, 'country=FR', "AP_SOUTHEAST $a standby nearest" ],
	[ $us, 'country=FR&latitude=48.8&longitude=2.3', "AP_SOUTHEAST $a standby nearest" ],
	[ $us, 'latitude=53&longitude=-6', "EU_WEST $e standby nearest" ],
	[ $us, 'latitude=53&longitude=-6&from=US_EAST', "US_EAST $u primary local" ],
	[ $us, 'country=IE&tenant=bank', "AP_SOUTHEAST $a standby pin" ],
	[ $us, 'country=IE&op=write', "US_EAST $u primary lease" ],
	[ $us, 'country=XX', "US_EAST $u primary local" ],
	[ $eu, 'token=first-primary', "US_EAST $u primary lease" ],
	[ $eu, 'token=first-unconstrained', "EU_WEST $e standby local" ],
	# refused
	[ $us, 'op=delete', '400 bad_parameter' ],
	[ $us, 'tenant=%FF', '400 bad_parameter' ],
	[ $us, 'tenant=' . 'x' x 300, '400 bad_parameter' ],
	[ $us, 'tenant=a%01', '400 bad_tenant' ],
	[ $us, 'token=mr1.nonsense', '400 bad_token' ],
	[ $us, 'max_lag=soon', '400 22007' ],
	[ $us, 'max_lag=-1s', '400 22023' ],
	[ $us, 'max_lag_bytes=many', '400 22P02' ],
	[ $us, 'from=MARS', '404 42704' ],
	[ $us, 'latitude=1', '400 bad_parameter' ],
	[ $us, 'latitude=100&longitude=1', '400 22003' ],
	[ $us, 'explain=maybe', '400 bad_parameter' ]);

foreach my $case (@cases)
{
	my ($node, $query, $expected) = @$case;
	my $answer = ask($node, $query);

	is(short($answer), $expected, '"' . substr($query, 0, 60) . '" at ' . $node->name);
	next if $answer->{status} != 200;
	my %found = %{ $answer->{json} };
	delete $found{client};
	is(shape_problem(\%found, $shape), '', '... has all keys');
	is($found{local} ? $found{regionKey} : 'elsewhere', $found{regionKey} eq $node->region ? $node->region : 'elsewhere', '... and knows where it is');
	is("$found{host}:$found{port}", '127.0.0.1:' . $cluster->node($found{nodeName})->port, '... and how to get there');
}
my $acme = ask($us, 'tenant=acme')->{json};
is(join(' ', map { $_->{regionKey} } @{ $acme->{fallbacks} }), 'AP_SOUTHEAST US_EAST', 'the tenant\'s own fallback, then the others');
is("$acme->{apiEndpoint} $acme->{homeRegionKey} $acme->{tenantId}", 'https://eu.example EU_WEST acme', 'and where its region is');
is_deeply(ask($us, 'tenant=bank')->{json}{fallbacks}, [], 'a pinned tenant has no fallback');
is(join(' ', map { $_->{regionKey} } @{ ask($us, 'from=EU_WEST')->{json}{fallbacks} }), 'US_EAST AP_SOUTHEAST', 'without a tenant: by distance');
is(scalar @{ ask($us, 'op=write')->{json}{fallbacks} }, 1, 'of a write: where the next primary would be');
my $steps = ask($us, 'tenant=acme&explain=1')->{json}{steps};
is(join(' ', map { $_->{nodeName} } grep { $_->{subject} eq 'answer' } @$steps), $e, 'explained: the answer');
ok((grep { $_->{subject} eq 'node' && $_->{nodeName} eq $u && $_->{reason} eq 'other_region' } @$steps), 'explained: why not others');
is((grep { $_->{subject} eq 'answer' } @{ ask($us, 'op=write&explain=1')->{json}{steps} })[0]{reason}, 'lease', 'a write is explained');

# --- the client's headers ---------------------------------------------------------------------

# A peer that is trusted by nobody may choose where to read all the same.
my $far = ask($us, '', headers => [ 'CF-IPCountry: SG' ]);
is(short($far), "AP_SOUTHEAST $a standby nearest", 'a header of the request itself');
is_deeply($far->{json}{client}, { country => 'SG', regionKey => 'AP_SOUTHEAST', source => 'cloudflare', trusted => JSON::PP::false() },
	'and who says so');
is(ask($us, '', headers => [ 'Cookie: CF-IPCountry=SG', 'Authorization: SG' ])->{json}{client}, undef, 'secrets are no headers of a client');
is(short(post($us, { headers => { 'CF-IPCountry' => 'SG' }, peer => '10.1.2.3' })), "AP_SOUTHEAST $a standby nearest",
	'headers in the body');
ok(post($us, { headers => { 'CF-IPCountry' => 'SG' }, peer => '10.1.2.3' })->{json}{client}{trusted}, 'trusted from a proxy');
is(short(post($us, { headers => { 'CF-IPCountry' => 'SG' }, peer => '10.1.2.3', tenant => 'bank', op => 'read' })),
	"AP_SOUTHEAST $a standby pin", 'with a tenant');
is(short(post($us, {}, 'CF-IPCountry: SG')), "US_EAST $u primary local", 'the headers of a POST are those of the application');
is(join(' ', map { post($us, {})->{status} } 1 .. 20), join(' ', (200) x 20), 'a question is no change, of which a client has few');
foreach my $case ([ '[]', 'bad_body' ], [ '{"headers":[]}', 'bad_body' ], [ '{"peer":"x"}', 'bad_body' ], [ '{"op":"x"}', 'bad_body' ],
	[ '{"latitude":"1","longitude":2}', 'bad_body' ], [ '{"max_lag":"1s"}', 'bad_body' ], [ '{"tenant":"\u0001"}', 'bad_tenant' ])
{
	is(short(post($us, $case->[0])), "400 $case->[1]", "body $case->[0]");
}

# --- tokens -------------------------------------------------------------------------------------

my $session = $us->session;
$session->query("INSERT INTO note VALUES ('x')");
my $token = $session->value('SELECT session_token()');
$cluster->poll_until(sub { short(ask($eu, "token=$token")) eq "EU_WEST $e standby local" }, 10, 'the commit at a standby');
pass('a commit that is there may be read there');
my $echo = ask($eu, '', headers => [ "X-Multiregion-Token: $token" ]);
is($echo->{json}{token}, $token, 'the token may come as a header');
is($echo->{headers}{'x-multiregion-token'}, $token, 'and goes back as one');
$eu->query('SELECT pg_wal_replay_pause()');
$session->query("INSERT INTO note VALUES ('y')");
my $newer = $session->value('SELECT session_token()');
isnt(short(ask($eu, "token=$newer")), "EU_WEST $e standby local", 'a commit that is not there is not read there');
is(post($eu, { token => $newer })->{json}{token}, $newer, 'the token may be in the body');
$eu->query('SELECT pg_wal_replay_resume()');
$cluster->poll_until(sub { short(ask($eu, "token=$newer")) eq "EU_WEST $e standby local" }, 10, 'the standby to go on');
my $other = make_token(token_parts($token), system => '0123456789abcdef');
is(short(ask($eu, "token=$other")), '400 22023', 'a token of elsewhere is refused');
foreach my $claim ($other, 'nonsense', 'x' x 500)
{
	my $answer = ask($eu, '', headers => [ "X-Multiregion-Token: $claim" ]);
	is(short($answer), "EU_WEST $e standby local", 'but forgotten when a client brings it: ' . substr($claim, 0, 30));
	is($answer->{json}{token}, undef, '... and the answer says so');
}
is(short(ask($eu, 'max_lag=-1s', headers => [ "X-Multiregion-Token: $token" ])), '400 22023', '... but nothing else is');

# --- the local database is dead --------------------------------------------------------------------

ask($eu, "tenant=$_") foreach 'acme', 'bank';
$eu->supervisor_off;
$eu->kill_postmaster;
$cluster->poll_until(sub { ask($eu, 'op=write')->{json}{stale} }, 10, 'the sidecar to notice');
is(short(ask($eu, 'op=write')), "US_EAST $u primary last_known", 'dead: the last known primary');
is(short(ask($eu, '')), "US_EAST $u primary last_known", 'dead: the nearest other region');
is(short(ask($eu, 'from=AP_SOUTHEAST')), "AP_SOUTHEAST $a standby last_known", 'dead: near to where it is asked for');
is(short(ask($eu, 'from=AP_SOUTHEAST&max_lag=1s')), "US_EAST $u primary last_known", 'dead: with a limit only the primary');
is(short(ask($eu, "from=AP_SOUTHEAST&token=$token")), "US_EAST $u primary last_known", 'dead: and with a token');
is(short(ask($eu, 'tenant=bank')), "AP_SOUTHEAST $a standby last_known", 'dead: a pin');
is(short(ask($eu, 'tenant=bank&max_lag=1s')), '503 database_unavailable', 'dead: a pin is not left');
is(short(ask($eu, 'tenant=acme')), "US_EAST $u primary last_known", 'dead: a tenant that may move');
is(short(ask($eu, 'tenant=unheard')), '503 database_unavailable', 'dead: nobody knows this tenant');
is(ask($eu, 'tenant=unheard')->{headers}{'retry-after'}, '1', 'dead: try again');
is_deeply([ grep { $_->{regionKey} eq 'EU_WEST' } @{ ask($eu, '')->{json}{fallbacks} } ], [], 'dead: it is no fallback itself');

foreach my $node ($us, $eu, $ap)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
}
done_testing();
