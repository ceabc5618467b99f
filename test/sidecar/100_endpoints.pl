# Every endpoint, asked on the primary and on a standby: all keys and types of the
# answers, and that what they say is what SQL says. Then tenants: known, unknown, strict,
# with odd ids. Method: one cluster of three regions, a sidecar beside each server.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Http qw(shape_problem check_answer);
use MultiRegion::Sidecar;

my $cluster = MultiRegion::Cluster->new(
	regions => 3, sidecars => 1, policy => { health_check_interval => '300ms' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($second, $third) = grep { $_ != $leader } $cluster->nodes;

sub get
{
	my ($node, $path, %args) = @_;
	return MultiRegion::Http->get($node->http_port, $path, %args);
}

# The decoded answer, which must be in order and have this status.
sub json
{
	my ($node, $path, $status, $what) = @_;
	my $answer = get($node, $path);
	my $problem = check_answer($answer);

	is($problem || $answer->{status}, $status // 200, ($what // "$path at " . $node->name) . ': answered');
	return $answer ? $answer->{json} : {};
}

sub has_shape
{
	my ($value, $shape, $what) = @_;
	is(shape_problem($value, $shape), '', "$what: all keys and types");
	return;
}

# --- the sidecars come up -------------------------------------------------------------

foreach my $node ($cluster->nodes)
{
	$cluster->poll_until(
		sub {
			my $answer = get($node, '/api/regions/health/database', timeout => 2) or return 0;
			return 0 if $answer->{json}{status} ne 'healthy' || @{ $answer->{json}{nodes} } != 3;
			$answer = get($node, '/api/regions/health/failover', timeout => 2) or return 0;
			return 0 if 2 != grep { $_->{eligible} } @{ $answer->{json}{candidates} };
			$answer = get($node, '/api/regions/status', timeout => 2) or return 0;
			return defined $answer->{json}{ifPrimaryDiedNow}{bytesAtRisk};
		}, 20, 'the sidecar of ' . $node->name);
	pass('the sidecar of ' . $node->name . ' sees a healthy cluster');
}
my %sidecar_of = map { $_->name => join(' ', $_->processes(qr/multiregiond/)) } $cluster->nodes;
my $word = qr/^[a-z_]+$/;
my $region_words = qr/^(?:US_EAST|EU_WEST|AP_SOUTHEAST)$/;
my $role = qr/^(?:primary|standby|unknown)$/;
my $health = qr/^(?:healthy|degraded|down|unknown)$/;
my %age = (asOf => 'time', ageMs => 'integer', stale => 'boolean');

# --- shapes -----------------------------------------------------------------------------

my %shapes = (
	'/api' => { name => qr/^multiregiond$/, version => qr/^\d+\.\d+$/, region => $region_words,
		paths => [ { method => qr/^(?:GET|POST|PUT|PATCH|DELETE)$/, path => 'string', what => 'string' } ] },
	'/api/regions' => {
		%age,
		regions => [ { regionKey => $region_words, regionId => 'string', name => 'string', latitude => 'number',
			longitude => 'number', priority => 'integer', apiEndpoint => 'string?', cdnEndpoint => 'string?',
			isPrimary => 'boolean' } ] },
	'/api/regions/status' => {
		%age,
		currentRegion => $region_words, primaryRegion => $region_words, epoch => 'integer',
		durability => qr/^(?:async|quorum)$/, enabled => 'boolean', managed => 'boolean', currentNode => 'string',
		primaryNode => 'string',
		ifPrimaryDiedNow => { successor => 'string', successorRegion => $region_words, outageMs => 'integer',
			commitsAtRisk => 'integer?', bytesAtRisk => 'integer', reason => 'string?' },
		regions => [ { regionKey => $region_words, regionId => 'string', name => 'string', role => $role,
			status => $health, lagBytes => 'integer?', lagMs => 'integer?', consecutiveFailures => 'integer?',
			nodes => [ { nodeName => 'string', role => $role, status => $health, lagBytes => 'integer?',
				lagMs => 'integer?' } ] } ] },
	'/api/health' => {
		%age,
		status => qr/^(?:healthy|down)$/, role => $role, epoch => 'integer', reason => $word,
		region => $region_words, node => 'string', writable => 'boolean' },
	'/api/regions/health/database' => {
		%age,
		status => qr/^(?:healthy|degraded|down)$/, checkedAt => 'time', currentRegion => $region_words,
		currentNode => 'string', primaryRegion => $region_words, primaryNode => 'string', epoch => 'integer',
		localStatus => $health,
		nodes => [ { nodeName => 'string', regionKey => $region_words, role => $role, status => $health,
			lagBytes => 'integer?', lagMs => 'integer?', consecutiveFailures => 'integer?', roundTripMs => 'number?',
			walEnd => 'string?', replayLsn => 'string?', timeline => 'integer?', checkedAt => 'time?' } ] },
	'/api/regions/health/failover' => {
		%age,
		status => qr/^(?:healthy|degraded|down)$/, checkedAt => 'time', currentRegion => $region_words,
		currentNode => 'string', primaryRegion => $region_words, primaryNode => 'string', epoch => 'integer',
		leaseRemainingMs => 'integer?', autoFailoverEnabled => 'boolean', healthCheckIntervalMs => 'integer',
		maxConsecutiveFailures => 'integer', failbackEnabled => 'boolean', failbackDelayMs => 'integer',
		leaseMs => 'integer',
		candidates => [ { nodeName => 'string', regionKey => $region_words, eligible => 'boolean', voter => 'boolean',
			reason => 'string?' } ],
		lastFailover => 'string?' });
my $tenant_shape = { %age, tenantId => 'string', regionKey => $region_words, regionId => 'string',
	source => qr/^(?:preference|default)$/, effectiveRegionKey => $region_words, version => 'integer?' };
my %answers;

foreach my $node ($cluster->nodes)
{
	foreach my $path (sort keys %shapes)
	{
		my $what = "$path at " . $node->name;
		my $json = $answers{ $node->name }{$path} = json($node, $path);
		has_shape($json, $shapes{$path}, $what);
		cmp_ok($json->{ageMs}, '<', 3000, "$what: it is fresh") if exists $json->{ageMs};
		ok(!$json->{stale}, "$what: and not stale") if exists $json->{stale};
	}
}

# That everything is listed, 240_openapi proves.
my %listed = map { ("$_->{method} $_->{path}" => 1) } @{ $answers{ $leader->name }{'/api'}{paths} };
is(join(' ', grep { !$listed{$_} } (map { "GET $_" } sort keys %shapes), 'DELETE /api/regions/tenant/:id/region',
	'POST /api/regions/failover/manual', 'POST /api/regions/tenant/:id/region'), '', 'GET /api lists the paths');
my $version = $leader->value(q{SELECT extversion FROM pg_extension WHERE extname = 'multiregion'});
is($answers{ $leader->name }{'/api'}{version}, $version, 'sidecar and extension have one version');

# --- contents -----------------------------------------------------------------------------

my $status = $leader->lease_status;
foreach my $node ($cluster->nodes)
{
	my ($name, $is_leader) = ($node->name, $node == $leader);
	my %of = %{ $answers{$name} };
	is($of{'/api/regions/status'}{currentRegion}, $node->region, "$name: its region");
	is($of{'/api/regions/status'}{currentNode}, $name, "$name: its name");
	is($of{'/api/regions/status'}{primaryRegion}, $leader->region, "$name: the region of the primary");
	is($of{'/api/regions/status'}{primaryNode}, $leader->name, "$name: the primary");
	is($of{'/api/regions/status'}{epoch}, $status->{term}, "$name: the epoch");
	is($of{'/api/regions/status'}{durability}, 'async', "$name: the durability");
	ok($of{'/api/regions/status'}{managed} && $of{'/api/regions/status'}{enabled}, "$name: managed and enabled");
	is(join(' ', map { "$_->{regionKey}:$_->{role}:$_->{status}" } @{ $of{'/api/regions/status'}{regions} }),
		join(' ', map { $_->region . ($_ == $leader ? ':primary' : ':standby') . ':healthy' }
				$cluster->nodes),
		"$name: roles and health of the regions, the preferred first");
	is(join(' ', map { map { $_->{nodeName} } @{ $_->{nodes} } } @{ $of{'/api/regions/status'}{regions} }),
		join(' ', map { $_->name } $cluster->nodes), "$name: their nodes");
	is($of{'/api/health'}{role}, $is_leader ? 'primary' : 'standby', "$name: its role");
	is($of{'/api/health'}{reason}, $is_leader ? 'writable_primary' : 'standby_of_leader', "$name: the reason");
	is($of{'/api/health'}{writable} ? 1 : 0, $is_leader ? 1 : 0, "$name: only the primary is writable");
	is($of{'/api/health'}{node} . $of{'/api/health'}{region}, $name . $node->region, "$name: who it is");
	is($of{'/api/regions/health/failover'}{status}, 'healthy', "$name: a failover would work");
	is($of{'/api/regions/health/failover'}{healthCheckIntervalMs}, 300, "$name: policy as it is set");
	is(join(' ', sort map { $_->{nodeName} } grep { $_->{eligible} } @{ $of{'/api/regions/health/failover'}{candidates} }),
		join(' ', sort map { $_->name } grep { $_ != $leader } $cluster->nodes), "$name: the candidates");
	is(join(' ', map { $_->{regionKey} } grep { $_->{isPrimary} } @{ $of{'/api/regions'}{regions} }),
		$leader->region, "$name: one region is primary");
}
my $rows = $leader->query('SELECT region_key, region_id, name, latitude, longitude, priority FROM multiregion.regions'
		. ' ORDER BY region_key COLLATE "C"')->{rows};
is_deeply(
	[ map { [ @$_{qw(regionKey regionId name latitude longitude priority)} ] }
		sort { $a->{regionKey} cmp $b->{regionKey} } @{ $answers{ $second->name }{'/api/regions'}{regions} } ],
	[ map { [ @$_[ 0 .. 2 ], map { $_ + 0 } @$_[ 3 .. 5 ] ] } @$rows ], 'the regions of a standby are those of SQL');

# What is changed on the primary shows at a standby's sidecar by itself.
$leader->safe_psql(q{SELECT alter_region('EU_WEST', name => E'Quote " and \\\\ and \u00e9 <b>',}
		. q{ api_endpoint => 'https://eu.example/api', cdn_endpoint => 'https://cdn.example')});
$cluster->poll_until(
	sub {
		my ($region) = grep { $_->{regionKey} eq 'EU_WEST' } @{ get($third, '/api/regions')->{json}{regions} };
		return ($region->{apiEndpoint} // '') eq 'https://eu.example/api'
			&& $region->{name} eq qq{Quote " and \\ and \x{e9} <b>} && $region->{cdnEndpoint} eq 'https://cdn.example';
	}, 5, 'the changed region at a standby');
pass('a changed region reaches the sidecar of a standby, whatever its name is');
$leader->safe_psql(q{SELECT add_region('NOWHERE', 'nowhere-1', 'No coordinates')});
my $bare;
$cluster->poll_until(
	sub {
		($bare) = grep { $_->{regionKey} eq 'NOWHERE' } @{ get($second, '/api/regions')->{json}{regions} };
	}, 5, 'the new region');
ok(!defined $bare->{latitude} && !defined $bare->{longitude}, 'a region without a place has none');
my ($empty) = grep { $_->{regionKey} eq 'NOWHERE' } @{ get($second, '/api/regions/status')->{json}{regions} };
is("$empty->{role} $empty->{status} @{ $empty->{nodes} }", 'unknown unknown ', 'a region without nodes is unknown');
$leader->safe_psql("SELECT multiregion.set_policy('auto_failover', 'off')");
$cluster->poll_until(sub { get($third, '/api/regions/health/failover')->{json}{status} eq 'degraded' },
	10, 'the verdict on failover');
is(get($third, '/api/regions/health/failover')->{json}{autoFailoverEnabled}, 0, 'automatic failover can be off');
$leader->safe_psql("SELECT multiregion.set_policy('auto_failover', 'on')");

# --- tenants --------------------------------------------------------------------------------

my %region_of = ('acme' => 'EU_WEST', q{o'hara "x"} => 'AP_SOUTHEAST', "caf\x{e9} \x{1F600}" => 'EU_WEST',
	'a/b' => 'EU_WEST', '..' => 'EU_WEST', '%41' => 'AP_SOUTHEAST', 'a+b' => 'EU_WEST', 'x' x 255 => 'EU_WEST',
	"'; DROP TABLE multiregion.tenant; --" => 'EU_WEST', '$1' => 'AP_SOUTHEAST', 'strict' => 'EU_WEST');

sub escaped
{
	my ($text) = @_;
	utf8::encode($text);
	$text =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord $1)/ge;
	return $text;
}

foreach my $tenant (sort keys %region_of)
{
	my $quoted = $tenant =~ s/'/''/gr;
	utf8::encode($quoted);
	$leader->safe_psql("SELECT set_tenant_region('$quoted', '$region_of{$tenant}')");
}
$cluster->wait_caught_up;
foreach my $node ($leader, $second)
{
	foreach my $tenant (sort keys %region_of)
	{
		my $what = escaped(substr($tenant, 0, 40)) . ' at ' . $node->name;
		my $json = json($node, '/api/regions/tenant/' . escaped($tenant) . '/region', 200, $what);
		has_shape($json, $tenant_shape, $what);
		is($json->{tenantId}, $tenant, "$what: the tenant");
		is("$json->{regionKey} $json->{effectiveRegionKey} $json->{source}",
			"$region_of{$tenant} $region_of{$tenant} preference", "$what: its region");
	}
	my $what = 'an unknown tenant at ' . $node->name;
	my $json = json($node, '/api/regions/tenant/nobody/region', 200, $what);
	has_shape($json, $tenant_shape, $what);
	is("$json->{regionKey} $json->{source}", $leader->region . ' default', "$what: has the default");
	is($json->{version}, undef, "$what: and no version");
	$json = json($node, '/api/regions/tenant/nobody/region?strict=true', 404, "$what, strict");
	is($json->{code}, 'unknown_tenant', "$what, strict: the code");
	is(json($node, '/api/regions/tenant/acme/region?strict=true')->{regionKey}, 'EU_WEST', 'a known one, strict');
	is(json($node, '/api/regions/tenant/%61cm%65/region')->{tenantId}, 'acme', 'an id with escaped letters');
	is(json($node, '/api/regions/tenant/a+b/region')->{tenantId}, 'a+b', 'a plus in a path is a plus');
}
is($leader->value('SELECT count(*) FROM multiregion.tenants'), scalar(keys %region_of), 'no id was taken for SQL');
my $before = json($second, '/api/regions/tenant/acme/region');
$leader->safe_psql(q{SELECT set_tenant_region('acme', 'AP_SOUTHEAST')});
$cluster->wait_caught_up;
my $after = json($second, '/api/regions/tenant/acme/region');
is($after->{regionKey}, 'AP_SOUTHEAST', 'a tenant that moved is where it is now');
cmp_ok($after->{version}, '>', $before->{version}, 'its version grew');
$leader->safe_psql(q{SELECT clear_tenant_region('acme')});
$cluster->wait_caught_up;
is(json($second, '/api/regions/tenant/acme/region')->{source}, 'default', 'a cleared tenant has the default');

# Many at a time: more than the pool has connections.
my @connections = map { MultiRegion::Http->connect($second->http_port) } 1 .. 40;
$_->send(MultiRegion::Http->request_text('GET', '/api/regions/tenant/many' . "/region")) foreach @connections;
my @answers = map { $_->answer } @connections;
is(scalar(grep { $_ && $_->{status} == 200 } @answers), 40, '40 tenant requests at a time are answered');
is($second->value(q{SELECT count(*) <= 5 FROM pg_stat_activity WHERE usename = 'multiregion_api'}), 't',
	'by no more than five sessions');
$_->close foreach @connections;

# --- unfinished business -----------------------------------------------------------------------

is($second->value(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'multiregion_api' AND state <> 'idle'}
			. q{ AND backend_xmin IS NOT NULL}), 0, 'a waiting sidecar holds no snapshot');
foreach my $node ($cluster->nodes)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
	is(join(' ', $node->processes(qr/multiregiond/)), $sidecar_of{ $node->name }, $node->name . ': still the same sidecar');
}

done_testing();
