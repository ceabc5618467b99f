# Who may what over HTTP, and as whom the database is asked: tokens, users and signed tokens
# that name a role of PostgreSQL; forged ones; and that no role is left behind for the next
# request. Method: two regions, so that changes cross from a secondary to the primary; the
# table says who made a change.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(encode_base64 encode_base64url);
use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Http qw(check_answer);
use MultiRegion::Rejoin qw(read_file write_file);

my ($secret, $key, $new_key) = ('test-token-0123456789', 'k' x 40, 'n' x 40);
my $password = 'correct horse battery' =~ tr/ /-/r;
my $cluster = MultiRegion::Cluster->new(
	regions => 2, sidecars => 1,
	sidecar_settings => { MULTIREGION_API_TOKEN => $secret, MULTIREGION_BASIC_AUTH => "ops:$password",
		MULTIREGION_JWT_KEY => $key, MULTIREGION_JWT_AUDIENCE => 'mr', MULTIREGION_API_ROLE => '' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($other) = grep { $_ != $leader } $cluster->nodes;
my $json = JSON::PP->new->utf8->canonical;

$leader->safe_psql($_) foreach 'CREATE ROLE editor', 'CREATE ROLE reader', 'CREATE ROLE stranger', 'CREATE ROLE boss SUPERUSER',
	'CREATE ROLE deputy', 'GRANT boss TO deputy', 'CREATE ROLE copier', 'GRANT pg_read_server_files TO copier',
	'CREATE ROLE "od""d; DROP"', 'GRANT multiregion_admin TO editor, "od""d; DROP"',
	'GRANT USAGE ON SCHEMA public, multiregion TO reader',
	'GRANT editor, reader, boss, deputy, copier, "od""d; DROP" TO multiregion_api', 'ALTER ROLE multiregion_api NOINHERIT';

sub signed
{
	my ($claims, %args) = @_;
	my $header = $args{header} // { alg => 'HS256', typ => 'JWT' };
	my $body = ref $claims ? $json->encode({ exp => time + 600, aud => 'mr', %$claims }) : $claims;
	my $text = encode_base64url($json->encode($header)) . '.' . encode_base64url($body);

	return $args{unsigned} ? "$text." : "$text." . encode_base64url(hmac_sha256($text, $args{key} // $key));
}

sub bearer { return "Authorization: Bearer $_[0]" }
sub basic { return 'Authorization: Basic ' . encode_base64($_[0], '') }

sub request
{
	my ($node, $method, $path, @headers) = @_;
	my $http = MultiRegion::Http->connect($node->http_port) or return undef;
	my $answer = $http->request($method, $path, timeout => 15, headers => [ @headers, 'Content-Type: application/json' ],
		$method eq 'POST' ? (body => '{"regionKey":"EU_WEST"}') : ());

	$http->close;
	return $answer;
}

# A change of a tenant; what came of it, and who the table says it was.
sub change
{
	my ($node, $tenant, @headers) = @_;
	my $answer = request($node, 'POST', "/api/regions/tenant/$tenant/region", @headers);

	return 'no answer' unless $answer;
	my $problem = check_answer($answer);
	return $problem if $problem;
	return "$answer->{status} $answer->{json}{code}" if $answer->{status} != 200;
	return '200 ' . $leader->value("SELECT changed_by FROM multiregion.tenants WHERE tenant_id = '$tenant'");
}

$cluster->poll_until(sub { change($_, 'first-' . $_->name, bearer($secret)) =~ /^200/ }, 20, 'a first change') foreach $cluster->nodes;

# --- whose change it is -----------------------------------------------------------------------

foreach my $node ($leader, $other)
{
	my $at = $node == $leader ? 'at the primary' : 'from another region';
	my $name = $node->name;
	is(change($node, "t-token-$name", bearer($secret)), '200 multiregion_api', "$at: a token is the sidecar's own role");
	is(change($node, "t-basic-$name", basic("ops:$password")), '200 multiregion_api', "$at: so is a user");
	is(change($node, "t-jwt-$name", bearer(signed({ role => 'editor' }))), '200 editor', "$at: a signed token is the role it names");
	is(change($node, "t-odd-$name", bearer(signed({ role => 'od"d; DROP' }))), '200 od"d; DROP', "$at: whatever it is called");
	is(change($node, "t-reader-$name", bearer(signed({ role => 'reader' }))), '403 42501', "$at: which PostgreSQL lets do what it may");
	is(change($node, 't-' . tr/a-z//cdr . "-$name", bearer(signed({ role => $_ }))), '403 42501', "$at: nobody is $_")
		foreach qw(stranger boss deputy copier none nobody postgres), 'editor"; SET ROLE boss; --';
	is(change($node, "t-after-$name", bearer($secret)), '200 multiregion_api', "$at: nothing of it is left");
}

# Many at a time on few connections: each change is its own asker's.
my @kinds = ([ bearer($secret), 'multiregion_api' ], [ bearer(signed({ role => 'editor' })), 'editor' ],
	[ bearer(signed({ role => 'od"d; DROP' })), 'od"d; DROP' ], [ bearer(signed({ role => 'reader' })), undef ]);
my @under_way;
foreach my $i (0 .. 79)
{
	my $http = MultiRegion::Http->connect($other->http_port);
	$http->send($http->request_text('POST', "/api/regions/tenant/mixed-$i/region",
			headers => [ $kinds[$i % 4][0], 'Content-Type: application/json' ], body => '{"regionKey":"EU_WEST"}'));
	push @under_way, $http;
}
my $wrong = 0;
foreach my $i (0 .. 79)
{
	my $answer = $under_way[$i]->answer(timeout => 20);
	my $wanted = $kinds[$i % 4][1];
	$wrong++ if ($answer->{status} // 0) != ($wanted ? 200 : 403);
	my $by = $leader->value("SELECT changed_by FROM multiregion.tenants WHERE tenant_id = 'mixed-$i'");
	$wrong++ if ($by // '') ne ($wanted // '');
	$under_way[$i]->close;
}
is($wrong, 0, 'no role is left to the next request of a connection');
is($leader->value('SELECT count(*) FROM multiregion.tenants WHERE changed_by IN (\'reader\', \'boss\', \'deputy\')'), 0,
	'nobody else has changed anything');

# --- forged, and out of date -------------------------------------------------------------------

my %forged = (
	'without signature' => signed({ role => 'editor' }, header => { alg => 'none' }, unsigned => 1),
	'of algorithm none, signed' => signed({ role => 'editor' }, header => { alg => 'none' }),
	'of another algorithm' => signed({ role => 'editor' }, header => { alg => 'HS512' }),
	'of another key' => signed({ role => 'editor' }, key => $new_key),
	'expired' => signed({ role => 'editor', exp => time - 60 }),
	'of tomorrow' => signed({ role => 'editor', nbf => time + 3600 }),
	'without expiry' => signed(qq({"role":"editor","aud":"mr"})),
	'for another audience' => signed({ role => 'editor', aud => 'other' }),
	'without a role' => signed({}),
	'with a role twice' => signed(qq({"role":"editor","role":"boss","aud":"mr","exp":) . (time + 60) . '}'),
	'cut' => substr(signed({ role => 'editor' }), 0, -3),
	'in a token' => signed(signed({ role => 'editor' })),
	'of 9 kB' => signed({ role => 'editor', x => 'x' x 6500 }),
	'of garbage' => "\xff\xfe.e30.AA");
foreach my $what (sort keys %forged)
{
	my $answer = request($other, 'POST', '/api/regions/tenant/forged/region', bearer($forged{$what}));
	is(check_answer($answer) || "$answer->{status} $answer->{json}{code}", '401 unauthorized', "a token $what is refused");
	like($answer->{headers}{'www-authenticate'} // '', qr/Bearer realm="multiregiond", error="invalid_token"/, '... as RFC 6750 says');
}
is(change($other, 'forged', basic($_)), '401 unauthorized', 'a wrong user is refused')
	foreach 'ops:wrong-wrong-wrong', "dba:$password", 'ops:', ':', '';
is($leader->value(q{SELECT count(*) FROM multiregion.tenants WHERE tenant_id = 'forged'}), 0, 'and none has changed anything');

# --- reading -------------------------------------------------------------------------------------

sub status_of { my $answer = request(@_); return $answer ? $answer->{status} : 'none' }
is(status_of($other, 'GET', '/api/regions'), 200, 'who brings nothing may read');
is(status_of($other, 'GET', '/api/regions', bearer($forged{cut})), 401, 'who brings a wrong token may not');
is(status_of($other, 'GET', '/api/health', bearer($forged{cut})), 200, 'a check of health is anybody\'s');
is(status_of($other, 'GET', '/api/regions/tenant/mixed-1/region', bearer(signed({ role => 'reader' }))), 403,
	'what is asked of the database is the role\'s own');
is(status_of($other, 'GET', '/api/regions/tenant/mixed-1/region', bearer(signed({ role => 'editor' }))), 200, '... as far as it may');
is(status_of($other, 'GET', '/api/regions/route?tenant=mixed-1', bearer(signed({ role => 'reader' }))), 403, '... and so is a route');
is(status_of($other, 'GET', '/api/regions/route?tenant=mixed-1', bearer(signed({ role => 'editor' }))), 200, '... of a tenant');

my $history = request($other, 'GET', '/history', bearer(signed({ role => 'reader' })));
is(check_answer($history) || "$history->{status} $history->{json}{code}", '403 42501', '... and the history of failovers');
is(status_of($other, 'GET', '/history'), 200, '... which others may');

# A check of health that asks for a tenant is more than a check of health.
my ($there) = grep { $_->region eq 'EU_WEST' } $cluster->nodes;
my $check = '/read-only?tenant=mixed-1';
is(status_of($there, 'GET', $check), 200, 'a check may ask for a tenant');
is(status_of($there, 'GET', $check, bearer(signed({ role => 'editor' }))), 200, '... as a role');
is(status_of($there, 'OPTIONS', $check, bearer(signed({ role => 'editor' }))), 200, '... by OPTIONS, too');
is(status_of($there, 'GET', $check, bearer(signed({ role => 'stranger' }))), 503, '... but not as one that nobody may be');
is(status_of($there, 'GET', $check, bearer($forged{cut})), 401, '... and a wrong token is refused');

# --- other settings, without a restart -----------------------------------------------------------

my $file = $other->directory . '/.env.multiregion';
my $from = -s ($other->{log_file} =~ s/\.log$/-sidecar.log/r);
my $settings = read_file($file);
$settings =~ s/^MULTIREGION_JWT_KEY=.*$/MULTIREGION_JWT_KEY=$new_key/m or die "no key in $file";
$settings =~ s/^MULTIREGION_API_ROLE=.*$/MULTIREGION_API_ROLE=editor/m or die "no role in $file";
write_file($file, "$settings\nMULTIREGION_ANONYMOUS=checks\n");
kill 'HUP', $other->processes(qr/multiregiond/);
$cluster->poll_until(sub { status_of($other, 'GET', '/api/regions') == 401 }, 20, 'the reload');
$cluster->poll_until(sub { status_of($other, 'GET', '/api/health') == 200 }, 20, 'the watcher to be back');
is(status_of($other, 'GET', '/api/health'), 200, 'reads can be closed, but for checks of health');
is(status_of($other, 'GET', '/api/regions', basic("ops:$password")), 200, 'to all but those who are known');
is(status_of($other, 'GET', '/read-only'), 200, 'who is not known may ask for health');
is(status_of($other, 'GET', $check), 401, '... and not for a tenant');
is(status_of($other, 'GET', '/', 'Accept: application/json'), 401, '... nor for the list of paths, at "/"');
is(status_of($other, 'GET', '/', 'Accept: application/json', basic("ops:$password")), 200, '... which others get');
is(change($other, 'old-key', bearer(signed({ role => 'editor' }))), '401 unauthorized', 'the old key is worth nothing');
is(change($other, 'new-key', bearer(signed({ role => 'editor' }, key => $new_key))), '200 editor', 'the new one is');
is(change($other, 'new-role', bearer($secret)), '200 editor', 'a token has the role that is set');

# --- the database is dead ---------------------------------------------------------------------------

my %as = map { $_ => bearer(signed({ role => $_ }, key => $new_key)) } qw(editor reader);
is(status_of($other, 'GET', '/api/regions/tenant/mixed-1/region', $as{editor}), 200, 'a tenant is asked for');
$other->supervisor_off;
$other->kill_postmaster;
$cluster->poll_until(sub { request($other, 'GET', '/api/regions/tenant/mixed-1/region', $as{editor})->{json}{stale} }, 20,
	'the sidecar to notice');
is(status_of($other, 'GET', '/api/regions/tenant/mixed-1/region', $as{reader}), 503, 'dead: who may not know is not told the last answer');
is(status_of($other, 'GET', '/api/regions/tenant/mixed-1/region', $as{editor}), 200, '... who may know is');

my $log = $other->sidecar_log;
unlike($log, qr/\Q$secret\E|\Q$password\E|\Q$key\E|\Q$new_key\E|eyJ/, 'no secret is in the log');

done_testing();
