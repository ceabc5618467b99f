# Changing a tenant over HTTP: from the sidecar of any region, with the token of the commit;
# who may; what is refused, and what is said of a change that was not made. Method: one
# cluster of three regions with their sidecars; what the answers claim is compared with what
# the tables of the primary and of the standbys hold.
use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Cluster;
use MultiRegion::Http qw(shape_problem check_answer);
use MultiRegion::Sidecar;

my $secret = 'test-token-0123456789';
my $cluster = MultiRegion::Cluster->new(
	regions => 3, sidecars => 1, policy => { health_check_interval => '300ms' },
	sidecar_settings => { MULTIREGION_API_TOKEN => "$secret another-token-0123456789",
		MULTIREGION_WRITE_TIMEOUT => 3000 });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($second, $third) = grep { $_ != $leader } $cluster->nodes;
my $json = JSON::PP->new->utf8->canonical;
my @bearer = ("Authorization: Bearer $secret");
my @type = ('Content-Type: application/json');

sub seconds { return clock_gettime(CLOCK_MONOTONIC) }

sub path { return '/api/regions/tenant/' . ($_[0] // 'acme') . '/region' }

# One request on a connection of its own.
sub request
{
	my ($port, $method, $path, %args) = @_;
	my $http = MultiRegion::Http->connect($port) or return undef;
	my $answer = $http->request($method, $path, timeout => 15, %args);

	$http->close;
	return $answer;
}

# POST of a body (a hash becomes JSON) at a node's sidecar, with all that is needed.
sub post
{
	my ($node, $tenant, $body, %args) = @_;
	return request($node->http_port, 'POST', path($tenant), headers => [ @bearer, @type ],
		body => ref $body ? $json->encode($body) : $body, %args);
}

# The answer must be in order and have this status (and code).
sub is_answer
{
	my ($answer, $wanted, $what) = @_;
	my $got = $answer ? join(' ', $answer->{status}, $answer->{status} < 400 ? () : $answer->{json}{code}) : 'none';

	is(check_answer($answer, more => $wanted =~ /stale_version/ ? { version => 'integer' } : {}) || $got, $wanted, $what);
	return $answer ? $answer->{json} : {};
}

# A token's term, timeline and position; empty if it is none.
sub position
{
	my ($token) = @_;
	return map { hex } ($token // '') =~ /^mr1\.[0-9a-f]{16}\.([0-9a-f]+)\.([0-9a-f]+)\.([0-9a-f]+)\.[0-9a-f]{8}\z/;
}

sub history
{
	my ($tenant) = @_;
	return $leader->safe_psql("SELECT version, region_key, reason FROM multiregion.tenant_history"
			. " WHERE tenant_id = '$tenant' ORDER BY version");
}

foreach my $node ($cluster->nodes)
{
	$cluster->poll_until(
		sub {
			my $answer = post($node, 'first-' . $node->name, { regionKey => 'EU_WEST' });
			return $answer && $answer->{status} == 200;
		}, 20, 'a first change by the sidecar of ' . $node->name);
	pass('the sidecar of ' . $node->name . ' reaches the primary');
}
my %sidecar_of = map { $_->name => join(' ', $_->processes(qr/multiregiond/)) } $cluster->nodes;

# --- it is done, and where ------------------------------------------------------------------

my $shape = { tenantId => 'string', regionKey => qr/^[A-Z_]+$/, regionId => 'string',
	source => qr/^(?:preference|default)$/, effectiveRegionKey => qr/^[A-Z_]+$/, version => 'integer?',
	asOf => 'time', ageMs => 'integer', stale => 'boolean', token => qr/^mr1\.[0-9a-f.]+$/ };
my $system = sprintf('%016x', $leader->value('SELECT system_identifier FROM pg_control_system()'));
my $term = $leader->lease_status->{term};
my @last = (0, 0, 0);
my $version = 0;

foreach my $region ('EU_WEST', 'ap-southeast-1', 'us_east')
{
	foreach my $node ($cluster->nodes)
	{
		my $what = "$region by " . $node->name;
		my $key = { EU_WEST => 'EU_WEST', 'ap-southeast-1' => 'AP_SOUTHEAST', us_east => 'US_EAST' }->{$region};
		my $changes = $node == ($cluster->nodes)[0];
		my $answer = is_answer(post($node, 'acme', { regionKey => $region, reason => $what }), 200, "$what: done");
		is(shape_problem($answer, $shape), '', "$what: all keys and types");
		$version++ if $changes;
		is("$answer->{tenantId} $answer->{regionKey} $answer->{source} $answer->{effectiveRegionKey}",
			"acme $key preference $key", "$what: what it is now");
		is($answer->{version}, $version, "$what: its version" . ($changes ? '' : '; nothing was to be changed'));
		ok(!$answer->{stale}, "$what: it is no old answer");
		my @at = position($answer->{token});
		like($answer->{token}, qr/^mr1\.$system\./, "$what: the token names this system");
		is("$at[0] $at[1]", "$term 1", "$what: term and timeline");
		cmp_ok($at[2], '>', $last[2], "$what: tokens grow");
		@last = @at;
		my $lsn = sprintf('%X/%X', $at[2] >> 32, $at[2] & 0xffffffff);
		is($leader->value("SELECT '$lsn'::pg_lsn <= pg_current_wal_flush_lsn()"), 't', "$what: it lies in the WAL");
		foreach my $reader ($second, $third)
		{
			$cluster->poll_until(sub { $reader->value("SELECT pg_last_wal_replay_lsn() >= '$lsn'") eq 't' }, 10,
				'the position at a standby');
			is($reader->value("SELECT region_for_tenant('acme')"), $key, "$what: seen by " . $reader->name . ' from there on');
		}
	}
}
is($leader->value(q{SELECT changed_by FROM multiregion.tenants WHERE tenant_id = 'acme'}), 'multiregion_api',
	'the sidecar is who changed it');
is($second->value('SELECT multiregion.commit_token()'), undef, 'a session that only reads has no token');

# Odd ids and reasons arrive as they are.
foreach my $tenant (q{o'hara "x"}, "caf\xc3\xa9 \xf0\x9f\x98\x80", 'a/b', '%41', "'; DROP TABLE multiregion.tenant; --", '$1')
{
	my $escaped = $tenant =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord $1)/ger;
	my $answer = is_answer(post($second, $escaped, { regionKey => 'EU_WEST', reason => q{it's "$2" \\ } }), 200, "tenant $escaped");
	utf8::decode(my $text = $tenant);
	is($answer->{tenantId}, $text, "tenant $escaped: the id");
	my $quoted = $tenant =~ s/'/''/gr;
	is($leader->value("SELECT reason FROM multiregion.tenants WHERE tenant_id = '$quoted'"), q{it's "$2" \\ },
		"tenant $escaped: the reason");
}

# --- versions ---------------------------------------------------------------------------------

is_answer(post($third, 'fresh', { regionKey => 'EU_WEST', expectedVersion => 0 }), 200, 'version 0 of a new tenant');
my $stale = is_answer(post($third, 'fresh', { regionKey => 'US_EAST', expectedVersion => 0 }), '409 stale_version', 'an old version');
is($stale->{version}, 1, 'an old version: the present one is told');
like($stale->{details} . $stale->{hint}, qr/1, not 0.*Read/, 'an old version: what to do');
is_answer(post($third, 'fresh', { regionKey => 'US_EAST', expectedVersion => 1 }), 200, 'the present version');
is(history('fresh'), "1|EU_WEST|\n2|US_EAST|", 'both changes, and no other, are in the history');

# --- DELETE -------------------------------------------------------------------------------------

my $gone = is_answer(request($second->http_port, 'DELETE', path('fresh') . '?expectedVersion=1', headers => \@bearer),
	'409 stale_version', 'DELETE of an old version');
is($gone->{version}, 2, 'DELETE: the present version');
$gone = is_answer(request($second->http_port, 'DELETE', path('fresh') . '?expectedVersion=2&reason=moved%20out',
		headers => \@bearer), 200, 'DELETE');
is(shape_problem($gone, $shape), '', 'DELETE: all keys and types');
is("$gone->{regionKey} $gone->{source}", $leader->region . ' default', 'DELETE: it follows the primary');
is($gone->{version}, undef, 'DELETE: no version');
my @deleted = position($gone->{token});
cmp_ok($deleted[2], '>', $last[2], 'DELETE: a token');
is((split /\n/, history('fresh'))[-1], '3||moved out', 'DELETE: in the history');
is_answer(post($third, 'fresh', { regionKey => 'US_EAST', expectedVersion => 0 }), '409 stale_version',
	'a tenant that had a preference is not new');
my $again = is_answer(request($second->http_port, 'DELETE', path('fresh'), headers => \@bearer), 200, 'DELETE again');
cmp_ok((position($again->{token}))[2], '>', $deleted[2], 'DELETE again: what was to be is so, as of a later position');
$again = is_answer(request($second->http_port, 'DELETE', path('never-there'), headers => \@bearer), 200, 'DELETE of nothing');
ok(position($again->{token}), 'DELETE of nothing: a token');
is_answer(request($second->http_port, 'DELETE', path('fresh') . "?$_", headers => \@bearer), '400 bad_parameter', "DELETE ?$_")
	foreach 'expectedVersion=', 'expectedVersion=x', 'expectedVersion=-1', 'expectedVersion=99999999999999999999',
	'reason=%ff', 'reason=' . 'x' x 2000;

# --- refused ------------------------------------------------------------------------------------

my $before = $leader->value('SELECT count(*) FROM multiregion.tenant_history');
my $unknown = is_answer(post($second, 'acme', { regionKey => 'ATLANTIS' }), '422 unknown_region', 'a region that is not there');
like($unknown->{hint}, qr/EU_WEST/, 'a region that is not there: which there are');
is_answer(post($second, 'acme', { regionKey => $_ }), '422 unknown_region', 'region ' . substr($_, 0, 20))
	foreach '', ' ', 'EU-WEST', "EU_WEST'", "EU_WEST\n", 'x' x 300, "caf\x{e9}";
my @bodies = (
	[ '' => 'no body' ], [ 'EU_WEST' => 'no JSON' ], [ '[]' => 'an array' ], [ '"EU_WEST"' => 'a string' ],
	[ '{}' => 'no region' ], [ '{"regionKey":null}' => 'a null region' ], [ '{"regionKey":7}' => 'a number as region' ],
	[ '{"regionKey":"EU_WEST"' => 'half of it' ], [ '{"regionKey":"EU_WEST"}x' => 'something after it' ],
	[ '{"regionKey":"EU_WEST","regionKey":"US_EAST"}' => 'a key twice' ],
	[ '{"regionKey":"EU_WEST","expectedversion":1}' => 'a misspelled condition' ],
	[ '{"regionKey":"EU_WEST","expectedVersion":"1"}' => 'a version as text' ],
	[ '{"regionKey":"EU_WEST","expectedVersion":1.5}' => 'half a version' ],
	[ '{"regionKey":"EU_WEST","expectedVersion":9223372036854775808}' => 'a version beyond numbers' ],
	[ '{"regionKey":"EU_WEST","reason":["x"]}' => 'a list of reasons' ],
	[ "{\"regionKey\":\"EU_WEST\",\"reason\":\"\xff\"}" => 'a reason that is not UTF-8' ],
	[ '{"regionKey":"EU_WEST","reason":"\u0000"}' => 'a reason with a NUL' ],
	[ '{"regionKey":"EU_WEST","reason":"' . 'x' x 1100 . '"}' => 'an endless reason' ],
	[ '{"a":' x 5000 . '1' . '}' x 5000 => 'a deep object' ]);
is_answer(post($second, 'acme', $_->[0]), '400 bad_body', $_->[1]) foreach @bodies;
is_answer(post($second, 'acme', { regionKey => 'EU_WEST', reason => 'x' x 1001 }), '400 22001', 'a long reason');
is_answer(post($second, $_->[0], { regionKey => 'EU_WEST' }), '400 bad_tenant', $_->[1])
	foreach [ '%00', 'a tenant of a NUL' ], [ 'x' x 256, 'a long tenant' ], [ '%0a', 'a line feed' ];
foreach my $case ([ undef, 'no Content-Type' ], [ 'text/plain', 'text' ], [ 'application/x-www-form-urlencoded', 'a form' ],
	[ 'application/jsonx', 'almost JSON' ])
{
	is_answer(request($second->http_port, 'POST', path(), body => '{"regionKey":"EU_WEST"}',
			headers => [ @bearer, defined $case->[0] ? "Content-Type: $case->[0]" : () ]), '415 unsupported_media_type', $case->[1]);
}
is_answer(request($second->http_port, 'POST', path(), body => '{"regionKey":"US_EAST"}',
		headers => [ @bearer, 'content-type: Application/JSON; charset=utf-8' ]), 200, 'JSON with a charset');
is_answer(post($second, 'acme', '{"regionKey":"EU_WEST","reason":"' . 'x' x 100_000 . '"}'), '413 request_too_large', 'a huge body');
is_answer(post($second, 'acme', { regionKey => 'EU_WEST' }, headers => [ @bearer, @type, 'Expect: 100-continue' ]), 200,
	'one that asks before it sends');
is_answer(post($second, 'acme', { regionKey => 'US_EAST' }), 200, 'and the next');
$before += 2;

# --- who may ------------------------------------------------------------------------------------

foreach my $method ('POST', 'DELETE')
{
	my %body = $method eq 'POST' ? (body => '{"regionKey":"EU_WEST"}') : ();
	foreach my $case ([ 'nothing' ], [ 'another scheme', "Authorization: Basic $secret" ],
		[ 'the bare token', "Authorization: $secret" ], [ 'two tokens', @bearer, @bearer ])
	{
		my ($what, @headers) = @$case;
		my $answer = request($second->http_port, $method, path(), headers => [ @headers, @type ], %body);
		is_answer($answer, '401 unauthorized', "$method with $what");
		is($answer->{headers}{'www-authenticate'}, 'Bearer realm="multiregiond"', "$method with $what: how to");
	}
	foreach my $wrong ('x', substr($secret, 0, -1), "${secret}0", uc $secret, "$secret another-token-0123456789")
	{
		my $answer = request($second->http_port, $method, path(), headers => [ "Authorization: Bearer $wrong", @type ], %body);
		is_answer($answer, '401 unauthorized', "$method with a wrong token");
		is($answer->{headers}{'www-authenticate'}, 'Bearer realm="multiregiond", error="invalid_token"', "$method: it is wrong");
		unlike($answer->{text}, qr/\Q$secret\E/, "$method: the right one is not told");
	}
}
# What comes after a body in chunks is no header.
is_answer(MultiRegion::Http->raw($second->http_port, 'POST ' . path() . " HTTP/1.1\r\nHost: a\r\n$type[0]\r\nTransfer-Encoding: chunked\r\n\r\n"
		. "17\r\n{\"regionKey\":\"EU_WEST\"}\r\n0\r\n$bearer[0]\r\n\r\n"), '401 unauthorized', 'a token in a trailer');
# Who may not learns nothing else, and who only reads needs nothing.
is_answer(request($second->http_port, 'POST', path(), body => 'nonsense'), '401 unauthorized', 'nonsense of a stranger');
is_answer(request($second->http_port, 'GET', path()), 200, 'GET needs no token');
is_answer(request($second->http_port, 'POST', '/api/health', headers => \@bearer), '405 method_not_allowed', 'a token for nothing');
is($leader->value('SELECT count(*) FROM multiregion.tenant_history'), $before, 'nothing that was refused was done');
is_answer(request($third->http_port, 'POST', path(), body => '{"regionKey":"EU_WEST"}',
		headers => [ 'authorization: bearer another-token-0123456789', @type ]), 200, 'the other token');

# Without a token nobody may; one from a file comes with a reload.
my $file = "$cluster->{directory}/tokens";
my $sidecar = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => 'closed',
	settings => { ENABLE_MULTI_REGION => 'true', DEPLOYMENT_REGION => $second->region,
		MULTIREGION_DATABASE_URL => "postgresql://127.0.0.1:$second->{port}/postgres" })->start;
my $closed = is_answer(request($sidecar->port, 'POST', path(), body => '{"regionKey":"EU_WEST"}', headers => [ @bearer, @type ]),
	'403 no_token', 'a sidecar without token');
like($closed->{hint}, qr/MULTIREGION_API_TOKEN.*MULTIREGION_API_TOKEN_FILE/, 'it says how to set one');
open(my $out, '>', $file) or die "$file: $!";
print $out "$secret\n";
close $out;
chmod 0600, $file;
$sidecar->write_settings(MULTIREGION_API_TOKEN_FILE => $file);
$sidecar->signal('HUP');
$sidecar->poll_until(
	sub {
		(request($sidecar->port, 'POST', path(), body => '{"regionKey":"US_EAST"}', headers => [ @bearer, @type ]) // {})
			->{status} == 200;
	}, 10, 'the token of the file');
pass('a token from a file, after a reload');
unlike($sidecar->log_text, qr/\Q$secret\E/, 'no token in the log');
$sidecar->signal('TERM');
is($sidecar->wait_for_end, 0, 'that sidecar ends well');
is($sidecar->findings, '', 'the sanitizers found nothing in it');

# The login is the sidecar's own on every member: a password of its URL, or of a passfile.
foreach my $node ($cluster->nodes)
{
	my $hba = $node->data . '/pg_hba.conf';
	open(my $in, '<', $hba) or die "$hba: $!";
	my @lines = <$in>;
	close $in;
	open($out, '>', $hba) or die "$hba: $!";
	print $out "host all with_password 127.0.0.1/32 scram-sha-256\n", @lines;
	close $out;
	$node->safe_psql('SELECT pg_reload_conf()');
}
$leader->safe_psql(q{CREATE ROLE with_password LOGIN PASSWORD 'right horse' IN ROLE multiregion_api});
$cluster->wait_caught_up;
my $passfile = "$cluster->{directory}/api.passfile";
open($out, '>', $passfile) or die "$passfile: $!";
print $out "127.0.0.1:*:*:with_password:right horse\n";
close $out;
chmod 0600, $passfile;
foreach my $case ([ 'url', "postgresql://with_password:right%20horse\@127.0.0.1:$second->{port}/postgres" ],
	[ 'passfile', "postgresql://with_password\@127.0.0.1:$second->{port}/postgres?passfile=$passfile" ])
{
	my ($name, $url) = @$case;
	my $own = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => $name,
		settings => { ENABLE_MULTI_REGION => 'true', DEPLOYMENT_REGION => $second->region, MULTIREGION_API_TOKEN => $secret,
			MULTIREGION_DATABASE_URL => $url })->start;
	$own->poll_until(
		sub {
			(request($own->port, 'POST', path("by-$name"), body => '{"regionKey":"EU_WEST"}', headers => [ @bearer, @type ]) // {})
				->{status} == 200;
		}, 10, "a change with the password of the $name");
	is($leader->value("SELECT changed_by FROM multiregion.tenants WHERE tenant_id = 'by-$name'"), 'with_password',
		"a password of the $name lets the sidecar in at the primary as well");
	$own->signal('TERM');
	is($own->wait_for_end, 0, "$name: ends well");
	is($own->findings, '', "$name: the sanitizers found nothing");
	unlike($own->log_text, qr/horse/, "$name: no password in the log");
}

# --- many at a time -------------------------------------------------------------------------------

my @http = map { MultiRegion::Http->connect($_->http_port) } map { ($cluster->nodes) } 1 .. 14;
my $now = $leader->value(q{SELECT version FROM multiregion.tenants WHERE tenant_id = 'acme'});
foreach my $number (0 .. $#http)
{
	$http[$number]->send(MultiRegion::Http->request_text('POST', path(), headers => [ @bearer, @type ],
			body => $json->encode({ regionKey => 'AP_SOUTHEAST', expectedVersion => $now + 0, reason => "race $number" })));
}
my @answers = map { $_->answer(timeout => 15) } @http;
my @won = grep { $answers[$_] && $answers[$_]{status} == 200 } 0 .. $#answers;
is(scalar @won, 1, '42 at a time with one version: one of them wins');
is(scalar(grep { $_ && $_->{status} == 409 && $_->{json}{version} == $now + 1 } @answers), $#http, 'the others are told so');
is((split /\n/, history('acme'))[-1], ($now + 1) . "|AP_SOUTHEAST|race $won[0]", 'it is the one in the history');
foreach my $number (0 .. $#http)
{
	$http[$number]->send(MultiRegion::Http->request_text('POST', path("many-$number"), headers => [ @bearer, @type ],
			body => '{"regionKey":"EU_WEST"}'));
}
@answers = map { $_->answer(timeout => 15) } @http;
is(scalar(grep { $_ && $_->{status} == 200 && $_->{json}{version} == 1 } @answers), scalar @http, '42 tenants at a time');
is(scalar(keys %{ { map { $_->{json}{token} => 1 } @answers } }), scalar @http, 'each with a token of its own');
$_->close foreach @http;
is($leader->value(q{SELECT count(*) <= 3 * 5 + 4 FROM pg_stat_activity WHERE usename = 'multiregion_api'}), 't',
	'by no more than four sessions of each sidecar, beside its own');

# --- not done, and said so --------------------------------------------------------------------------

# Somebody holds the row: the change gives up before its request does, and is not made later.
my $holder = $leader->session;
$holder->query(q{BEGIN; SELECT set_tenant_region('acme', 'US_EAST')});
my $began = seconds();
my $late = post($second, 'acme', { regionKey => 'EU_WEST', reason => 'too late' });
is_answer($late, '503 not_done', 'a change that waits too long for another');
is($late->{headers}{'retry-after'}, 1, 'it may be tried again');
cmp_ok(seconds() - $began, '<', 3.5, 'in its time');

# A client that goes away meanwhile, and one that stays.
my ($leaver, $stayer) = map { MultiRegion::Http->connect($second->http_port) } 1, 2;
$leaver->send(MultiRegion::Http->request_text('POST', path(), headers => [ @bearer, @type ], body => '{"regionKey":"EU_WEST"}'));
$leaver->close;
$stayer->send(MultiRegion::Http->request_text('POST', path(), headers => [ @bearer, @type ],
		body => '{"regionKey":"EU_WEST","reason":"stayed"}'));
$cluster->poll_until(
	sub { $leader->value(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'multiregion_api' AND wait_event_type = 'Lock'}) == 2 },
	10, 'both changes to wait');
$holder->query('ROLLBACK');
is_answer($stayer->answer, 200, 'a change is answered while another client has gone');
is(scalar(() = history('acme') =~ /too late/g), 0, 'and it is not made afterwards');

# The way to the primary that a sidecar has is lost, and found again.
$leader->safe_psql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'multiregion_api'});
$cluster->poll_until(sub { post($second, 'acme', { regionKey => 'EU_WEST' })->{status} == 200 }, 5, 'a change after that');
pass('a sidecar that lost its sessions makes new ones');

# The rights are taken away: the API says so, and goes on reading.
$leader->safe_psql('REVOKE EXECUTE ON FUNCTION set_tenant_region FROM multiregion_api');
is_answer(post($second, 'acme', { regionKey => 'US_EAST' }), '403 42501', 'a right that was taken away');
$leader->safe_psql('GRANT EXECUTE ON FUNCTION set_tenant_region TO multiregion_api');

# No majority: whoever is left says that nothing was done, in time.
$_->supervisor_off foreach $leader, $third;
my $count = $leader->value('SELECT count(*) FROM multiregion.tenant_history');
$_->stop('immediate') foreach $third, $leader;
foreach my $node ($second, $third)
{
	$began = seconds();
	my $answer = post($node, 'acme', { regionKey => 'US_EAST', reason => 'nobody there' });
	is_answer($answer, '503 not_done', 'without a primary, by ' . $node->name);
	is($answer->{headers}{'retry-after'}, 1, 'without a primary: when to try again');
	cmp_ok(seconds() - $began, '<', 4, 'without a primary: in time');
}
$_->start foreach $leader, $third;
$leader = $cluster->wait_for_leader(timeout => 40);
foreach my $node ($cluster->nodes)
{
	$cluster->poll_until(sub { (post($node, 'back', { regionKey => 'US_EAST' }) // {})->{status} == 200 }, 30, 'the way back');
}
pass('with a primary, changes are made again in every region');
is(scalar(() = history('acme') =~ /nobody there/g), 0, 'and none of those that were not done');

foreach my $node ($cluster->nodes)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
	is(join(' ', $node->processes(qr/multiregiond/)), $sidecar_of{ $node->name }, $node->name . ': still the same sidecar');
	unlike($node->sidecar_log, qr/\Q$secret\E/, $node->name . ': no token in the log');
}

done_testing();
