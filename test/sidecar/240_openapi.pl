# /openapi.json: every path of the table is in it and the other way round; what the paths
# really answer is what its schemas say, without a key that they do not know. And
# docs/http-api.md: its commands are run, and the answers that it shows have the keys, in
# their order, and the kinds of values of the real ones. Method: a cluster with an order, a
# change and errors; JSON::Validator.
#
# Whoever adds a path adds it to docs/openapi.json. One that is a GET without parameters is
# asked here without further ado; another one needs a line in @requests.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Http qw(check_answer);
use MultiRegion::Sidecar;

plan skip_all => 'JSON::Validator is not installed' unless eval { require JSON::Validator; 1 };

my $token = 'openapi-token-0123456789';
my $cluster = MultiRegion::Cluster->new(regions => 2, sidecars => 1, sidecar_settings => { MULTIREGION_API_TOKEN => $token });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($standby) = grep { $_ != $leader } $cluster->nodes;
my @nodes = ($leader, $standby);
my $plain = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => 'without')->start;

sub get { return MultiRegion::Http->get(ref $_[0] ? $_[0]->http_port : $_[0], $_[1]) }

foreach my $node (@nodes)
{
	$cluster->poll_until(
		sub {
			my $answer = get($node, '/api/regions/health/failover') or return 0;
			return $answer->{json}{status} eq 'healthy' && defined $answer->{json}{leaseMs};
		}, 20, 'the sidecar of ' . $node->name);
}

# --- the document -----------------------------------------------------------------------------

my $answer = get($leader, '/openapi.json');
is(check_answer($answer) || $answer->{status}, 200, 'the document is served');
my $document = $answer->{json};
open(my $file, '<', "$ENV{MR_TOP}/docs/openapi.json") or die "docs/openapi.json: $!";
is($answer->{body}, do { local $/; <$file> }, 'it is docs/openapi.json');
my $tag = $answer->{headers}{etag};
my $http = MultiRegion::Http->connect($leader->http_port);
is($http->request('GET', '/openapi.json', headers => ["If-None-Match: $tag"])->{status}, 304, 'and has an entity tag');
my $index = get($leader, '/api')->{json};
is($document->{info}{version}, $index->{version}, 'it has the version of the program');
my %served = map { (lc($_->{method}) . ' ' . $_->{path} =~ s/:(\w+)/{$1}/gr => 1) } @{ $index->{paths} };
my %described = map { my $path = $_; map { ("$_ $path" => 1) } grep { /^(?:get|put|post|delete|patch)$/ } keys %{ $document->{paths}{$path} } }
	keys %{ $document->{paths} };
is(join(', ', sort grep { !$described{$_} } keys %served), '', 'every path that is served is described');
is(join(', ', sort grep { !$served{$_} } keys %described), '', 'every path that is described is served');
my %ids;
$ids{ $_->{operationId} // 'none' }++ foreach map { my $p = $_; map { $document->{paths}{ $_->[1] }{ $_->[0] } } [ split / / ] } keys %described;
is(join(' ', grep { $ids{$_} != 1 } sort keys %ids), '', 'each has a name of its own');

# --- answers --------------------------------------------------------------------------------------

# The same schema, but a key that is not in it is an error.
sub strict
{
	my ($value) = @_;
	return [ map { strict($_) } @$value ] if ref $value eq 'ARRAY';
	return $value if ref $value ne 'HASH';
	my %copy = map { ($_ => strict($value->{$_})) } keys %$value;
	$copy{additionalProperties} = JSON::PP::false()
		if ref $copy{properties} eq 'HASH' && !exists $copy{additionalProperties} && ref($copy{required}) eq 'ARRAY';
	return \%copy;
}

my $components = strict($document->{components});
my %checked;

# What is wrong with an answer by the schema of its path, method and status.
sub problem_of
{
	my ($method, $template, $given) = @_;
	my $responses = $document->{paths}{$template}{ lc $method }{responses} // return "$method $template is not described";
	my $response = $responses->{ $given->{status} } // $responses->{default} // return "status $given->{status} is not described";
	$response = $document->{components}{responses}{ $1 } if ($response->{'$ref'} // '') =~ m{/responses/(\w+)$};
	return $given->{body} eq '' ? '' : 'it has a body' unless $response->{content};
	my ($type) = ($given->{headers}{'content-type'} // '') =~ m{^([^;]+)};
	my $schema = $response->{content}{$type}{schema} // return "type $type is not described";
	$checked{"$method $template $given->{status}"}++;
	return '' if $type ne 'application/json';
	my $validator = JSON::Validator->new->schema({ '$schema' => 'https://json-schema.org/draft/2019-09/schema',
		%{ strict($schema) }, components => $components });
	return join('; ', $validator->validate($given->{json}));
}

sub ask
{
	my ($node, $method, $template, $path, %args) = @_;
	my $own = MultiRegion::Http->connect(ref $node ? $node->http_port : $node);
	my $given = $own->request($method, $path, timeout => 40,
		headers => [ "Authorization: Bearer $token", 'Content-Type: application/json', @{ $args{headers} // [] } ],
		body => $args{body});
	is($given ? problem_of($method, $template, $given) : 'no answer', '', "$method $path: " . ($given ? $given->{status} : ''));
	is($given->{status}, $args{status}, '... the status that was meant') if $args{status};
	return $given;
}

my $tenant = '/api/regions/tenant/{id}/region';
my $manual = '/api/regions/failover/manual';
my @requests = (
	[ 'GET', $tenant, '/api/regions/tenant/nobody/region', status => 200 ],
	[ 'GET', $tenant, '/api/regions/tenant/nobody/region?strict=1', status => 404 ],
	[ 'GET', $tenant, '/api/regions/tenant/%zz/region', status => 400 ],
	[ 'POST', $tenant, '/api/regions/tenant/acme/region', body => '{"regionKey":"EU_WEST"}', status => 200 ],
	[ 'POST', $tenant, '/api/regions/tenant/acme/region', body => '{"regionKey":"EU_WEST","expectedVersion":9}', status => 409 ],
	[ 'POST', $tenant, '/api/regions/tenant/acme/region', body => '{"regionKey":"MARS"}', status => 422 ],
	[ 'POST', $tenant, '/api/regions/tenant/acme/region', body => '[]', status => 400 ],
	[ 'GET', $tenant, '/api/regions/tenant/acme/region', status => 200 ],
	[ 'DELETE', $tenant, '/api/regions/tenant/acme/region', status => 200 ],
	[ 'GET', '/api/regions/route', '/api/regions/route?op=write&tenant=acme', status => 200 ],
	[ 'GET', '/api/regions/route', '/api/regions/route?op=neither', status => 400 ],
	[ 'POST', '/api/regions/route', '/api/regions/route', body => '{}', status => 200 ],
	[ 'POST', '/api/cdn/invalidate', '/api/cdn/invalidate', body => '{}', status => 200 ],
	[ 'GET', '/api/regions/failover/{id}', '/api/regions/failover/12345', status => 404 ],
	[ 'GET', '/v2/keys/service/{scope}/leader', '/v2/keys/service/batman/leader', status => 200 ],
	map({ [ @$_[ 0, 1, 1 ], $_->[0] eq 'DELETE' ? () : (body => '{}'), status => $_->[2] ] } [ 'POST', '/switchover', 400 ],
		[ 'DELETE', '/switchover', 404 ], [ 'POST', '/failover', 400 ], [ 'POST', '/failsafe', 502 ],
		map { [ @$_, 501 ] } [ 'PATCH', '/config' ], [ 'PUT', '/config' ], [ 'POST', '/restart' ], [ 'DELETE', '/restart' ],
		[ 'POST', '/reinitialize' ], [ 'POST', '/reload' ]),
	[ 'POST', $manual, $manual, body => '{"targetRegionId":"' . $standby->region . '","dryRun":true}', status => 200 ],
	[ 'POST', $manual, $manual, body => '{"targetRegionId":"' . $leader->region . '"}', status => 409 ],
	[ 'POST', $manual, $manual, body => '{"targetRegionId":"mars"}', status => 404 ]);

sub ask_all_reads
{
	my ($node) = @_;
	foreach my $path (grep { $document->{paths}{$_}{get} && !/\{/ } sort keys %{ $document->{paths} })
	{
		ask($node, 'GET', $path, $path);
	}
	return;
}

ask_all_reads($_) foreach @nodes, $plain->port;
ask($leader, @$_) foreach @requests;

# Who has to be somebody is said.
foreach my $operation (sort grep { !/^get / } keys %described)
{
	my ($method, $path) = split / /, $operation;
	my $given = MultiRegion::Http->connect($leader->http_port)->request(uc $method, $path =~ s/\{id\}/acme/r,
		headers => ['Content-Type: application/json'], $method eq 'delete' ? () : (body => '{}'));
	my $asks = grep { $_->{token} } @{ $document->{paths}{$path}{$method}{security} // [] };
	is($asks ? 401 : 200, $given->{status}, "$operation " . ($asks ? 'needs somebody' : 'is for everybody'));
}

# --- the manual -----------------------------------------------------------------------------------------

# Kind of a value, as the manual shows it; null stands for any.
sub kind_of
{
	my ($value) = @_;
	return 'null' unless defined $value;
	return 'boolean' if JSON::PP::is_bool($value);
	return ref $value || (JSON::PP->new->allow_nonref->encode($value) =~ /^"/ ? 'string' : 'number');
}

# Where a shown value and a real one differ in more than what may vary, or ''.
sub difference
{
	my ($shown, $real, $where) = @_;
	my ($wanted, $kind) = (kind_of($shown), kind_of($real));

	return '' if $wanted eq 'null' || $kind eq 'null';
	return "$where is $kind and not $wanted; " if $wanted ne $kind;
	return @$shown && @$real ? difference($shown->[0], $real->[0], "$where\[0]") : '' if $kind eq 'ARRAY';
	return '' if $kind ne 'HASH';
	my ($has, $shows) = map { join(' ', sort keys %$_) } $real, $shown;
	return "$where has the keys $has and not $shows; " if $has ne $shows;
	return join('', map { difference($shown->{$_}, $real->{$_}, "$where.$_") } sort keys %$shown);
}

# The answer of a command of the manual.
sub run_command
{
	my ($command) = @_;
	my $port = $leader->http_port;

	$command =~ s/\bTOKEN\b/$token/g;
	$command =~ s/localhost:3000/127.0.0.1:$port/g;
	return eval { JSON::PP->new->utf8->decode(scalar `$command --silent --max-time 40`) };
}

my %examples = (
	'GET /api/regions/tenant/:id/region' => '/api/regions/tenant/acme/region',
	'GET /v2/keys/service/:scope/leader' => '/v2/keys/service/multiregion/leader');
open(my $text, '<', "$ENV{MR_TOP}/docs/http-api.md") or die "docs/http-api.md: $!";
my @sections = split /^## /m, do { local $/; <$text> };
my ($common, $order, %compared);

foreach my $section (@sections)
{
	my ($method, $path) = $section =~ m{\A(GET|POST|DELETE) (/\S*)} or next;
	my $real;
	while ($section =~ /(?:^<!-- (not run: .*) -->\n)?^```(sh|json)\n(.*?)^```/msg)
	{
		my ($skip, $language, $block) = ($1, $2, $3);
		next if $skip;
		if ($language eq 'sh')
		{
			$real = run_command($block =~ s/\\\n//r =~ s/\n\z//r);
			$order = $real if $path eq $manual;
			ok($real, "the command of $method $path is answered");
			next;
		}
		my $asked = $examples{"$method $path"} // ($path =~ /:/ ? undef : $path);
		$real = get($leader, $asked)->{json} if !$real && $method eq 'GET' && $asked;
		$real = MultiRegion::Http->connect($leader->http_port)->request($method, $path, headers => ["Authorization: Bearer $token"])->{json}
			if !$real && $method ne 'GET';
		my $shown = eval { JSON::PP->new->utf8->decode($block) };
		ok($shown, "an example of $method $path is JSON") or next;
		$common = { map { ($_ => $shown->{$_}) } grep { !/^(?:localStatus|nodes)$/ } keys %$shown } if $path =~ m{health/database};
		$shown = { %$common, %$shown } if $path =~ m{health/failover};
		is(difference($shown, $real, '$'), '', "$method $path is as it is shown");
		$compared{"$method $path"} = 1;
		$real = undef;
	}
}
my ($shown_error) = join('', @sections) =~ /^```json\n(\{"code":"not_found".*?)^```/ms;
is_deeply(get($leader, '/nowhere')->{json}, JSON::PP->new->utf8->decode($shown_error // 'null'), 'and so is an error');
cmp_ok(scalar keys %compared, '>', 9, 'the examples were found');
is($order->{status}, 'done', 'the order of the manual is done');

# --- after the order ------------------------------------------------------------------------------------------

ask($standby, 'GET', '/api/regions/failover/{id}', "/api/regions/failover/$order->{failoverId}");
$cluster->poll_until(sub { (get($standby, '/api/regions/health/failover') // {})->{json}{lastFailover} }, 20, 'the failover to be known');
ask_all_reads($_) foreach @nodes;
my %operations = map { my ($method, $path) = /^(\S+) (\S+)/; ("$method $path" => 1) } keys %checked;
is(join(', ', grep { !$operations{$_} } map { my ($method, $path) = split / /; uc($method) . " $path" } sort keys %described), '',
	'an answer of every path was compared');
is($plain->stop('INT'), 0, 'the sidecar without a cluster ends well');

done_testing();
