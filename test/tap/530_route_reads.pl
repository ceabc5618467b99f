# Where reads go: near, in the tenant's region, never to a node that is paused, behind, down
# or silent; and that explain_route() says so. Method: two regions with two nodes each; a
# stock psql goes where it was sent.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(
	regions => 2, nodes_per_region => 2,
	settings => { max_standby_streaming_delay => '-1' },
	policy => { lease => '1s', heartbeat => '100ms', health_check_interval => '1s', health_retry_interval => '200ms' });
$cluster->start;
my $primary = $cluster->wait_for_leader;
my ($near) = grep { $_ != $primary && $_->region eq 'US_EAST' } $cluster->nodes;
my ($eu, $eu2) = grep { $_->region eq 'EU_WEST' } $cluster->nodes;

# One column of a route, asked on a node.
sub ask
{
	my ($node, $column, $call) = @_;
	return $node->value("SELECT $column FROM $call") // '';
}

# What explain_route() says of a node.
sub verdict
{
	my ($node, $about, $arguments) = @_;
	return ask($node, 'reason', "explain_route($arguments) WHERE subject = 'node' AND node = '" . $about->name . q{'});
}

sub until_is
{
	my ($node, $column, $call, $expected) = @_;
	return $cluster->poll_until(sub { ask($node, $column, $call) eq $expected }, 15,
		"$column of $call to be $expected on " . $node->name);
}

# A stock psql, with nothing but what it was told; its output.
sub psql
{
	my ($conninfo, $sql) = @_;
	open(my $pipe, '-|', "$cluster->{bindir}/psql", '-XAtq', '-d', "$conninfo user=postgres dbname=postgres", '-c', $sql)
		or die "psql: $!";
	my $output = join('', <$pipe>);
	close $pipe;
	chomp $output;
	return $output;
}

$primary->safe_psql('CREATE TABLE t (x int)');
$cluster->wait_caught_up;
until_is($_, 'count(*)', "explain_route(max_lag => '1s') WHERE reason IN ('local', 'nearest', 'turn', 'farther', 'spared')", '5')
	foreach $cluster->nodes;

# --- near ----------------------------------------------------------------------------------

is(ask($primary, 'node', 'route_for_read()'), $near->name, 'the primary is spared by a standby in its region');
is(verdict($primary, $primary, ''), 'spared', 'and explain_route() says so');
is(ask($eu, 'node', 'route_for_read()'), $eu->name, 'a standby serves its own reads');
is(ask($eu, 'reason', 'route_for_read()'), 'local', 'for it is here');
is(ask($near, 'region', q{route_for_read(from_region => 'eu-west-1')}), 'EU_WEST', 'from elsewhere the nearest is there');
is($primary->value(q{SELECT count(DISTINCT (route_for_read(from_region => 'EU_WEST')).node) FROM generate_series(1, 10)}),
	2, 'and both of the region have their turn');
is(ask($eu, "is_primary || ' ' || (lag_bytes IS NOT NULL) || ' ' || (staleness_bound < '5s') || ' ' || (age < '5s')", 'route_for_read()'),
	'false true true true', 'the answer says how fresh it is');

my $target = psql('host=127.0.0.1 port=' . $eu->port, 'SELECT host, port, node FROM route_for_read()');
my ($host, $port, $name) = split(/\|/, $target);
is(psql("host=$host port=$port", 'SELECT pg_is_in_recovery()'), 't', 'a stock psql goes to read where it was sent');
($host, $port, $name) = split(/\|/, psql('host=127.0.0.1 port=' . $eu->port, 'SELECT host, port, node FROM route_for_write()'));
is($name, $primary->name, 'a standby names the primary for writes');
is(psql("host=$host port=$port", 'INSERT INTO t VALUES (1) RETURNING x'), '1', 'and there the write succeeds');

# --- tenants ----------------------------------------------------------------------------------

$primary->safe_psql(q{SELECT set_tenant_region('acme', 'EU_WEST')});
$cluster->wait_caught_up;
is(ask($primary, 'region', q{route_for_read(tenant => 'acme')}), 'EU_WEST', 'a tenant reads in its region');
is(ask($primary, 'reason', q{route_for_read(tenant => 'acme')}), 'preference', 'by its preference');
is($primary->value(q{SELECT count(DISTINCT (route_for_read(tenant => 'acme')).node) FROM generate_series(1, 10)}),
	1, 'always on the same node');
is(ask($near, q{concat_ws(' ', region, role, reason, pinned, fallback_rank, home_region)}, q{tenant_route('acme')}),
	'EU_WEST standby preference f 0 EU_WEST', 'tenant_route() says why');
is(ask($eu, q{concat_ws(' ', region, node, role, reason, home_region)}, q{tenant_route('acme', for_write => true)}),
	'US_EAST ' . $primary->name . ' primary lease EU_WEST', 'its writes go to the one primary');
is(ask($near, 'region', q{tenant_route('nobody', latitude => 51.5, longitude => 0)}), 'EU_WEST',
	'a tenant without preference begins near its client');

# --- a token ------------------------------------------------------------------------------------

is($eu->value('SELECT pg_wal_replay_pause()'), '', 'replay stops on one node');
until_is($eu2, 'reason', q{explain_route() WHERE node = '} . $eu->name . q{'}, 'paused');
my $session = $primary->session;
$session->query('INSERT INTO t VALUES (2)');
my $token = $session->value('SELECT multiregion.commit_token()');
like(verdict($eu, $eu, "min_token => '$token'"), qr/^(paused|token)$/, 'who stands still has not replayed the commit');
$cluster->poll_until(sub { ask($eu2, 'node', "route_for_read(min_token => '$token')") eq $eu2->name }, 15,
	'the commit to be where it is named');
is($eu2->value('SELECT count(*) FROM t WHERE x = 2'), 1, 'what is named has replayed the commit');
isnt(ask($eu, 'node', "route_for_read(min_token => '$token')"), $eu->name, 'and the paused node sends the read away');
isnt(ask($eu2, 'node', q{route_for_read(from_region => 'EU_WEST')}), $eu->name, 'nobody is sent to it') for 1 .. 4;
$eu->safe_psql('SELECT pg_wal_replay_resume()');

# --- behind ---------------------------------------------------------------------------------------

until_is($eu2, 'reason', q{explain_route(max_lag => '700ms') WHERE node = '} . $eu->name . q{'}, 'farther');
my $reader = $eu->session;
$reader->query('BEGIN');
$reader->query('SELECT count(*) FROM t');
$primary->safe_psql('TRUNCATE t');
$primary->safe_psql('INSERT INTO t SELECT generate_series(1, 1000)');
until_is($_, 'reason', q{explain_route(max_lag => '700ms') WHERE node = '} . $eu->name . q{'}, 'lag')
	foreach $eu, $eu2, $primary;
is(ask($eu, 'node', q{route_for_read(max_lag => '700ms')}), $eu2->name, 'a node that is behind sends the read to its neighbour');
isnt(ask($primary, 'node', q{route_for_read(max_lag => '700ms', from_region => 'EU_WEST')}), $eu->name, 'and nobody is sent to it') for 1 .. 4;
is(ask($primary, 'node', q{route_for_read(max_lag_bytes => 100, tenant => 'acme')}), $eu2->name, 'nor by a limit in bytes');
is(ask($eu, 'reason', 'route_for_read()'), 'local', 'without a limit of its own a read may be half a minute old');
$eu->safe_psql(q{ALTER SYSTEM SET multiregion.max_read_lag = '300ms'});
$eu->safe_psql('SELECT pg_reload_conf()');
until_is($eu, 'reason', 'route_for_read()', 'nearest');
$reader->query('COMMIT');
until_is($eu, 'reason', q{route_for_read(max_lag => '700ms')}, 'local');

# --- a monitor that is stuck ---------------------------------------------------------------------

$eu->freeze_workers(qr/monitor/);
until_is($eu, 'reason', q{explain_route(max_lag => '700ms') WHERE node = '} . $eu->name . q{'}, 'lag');
isnt(ask($eu, 'node', q{route_for_read(max_lag => '700ms')}), $eu->name, 'a node that does not know how far it is behind counts as one that is');
is(ask($eu, 'node', q{route_for_read(max_lag => '700ms', from_region => 'EU_WEST')}), $primary->name, 'and takes nobody for fresh but the primary');
$eu->thaw_workers;
until_is($eu, 'reason', q{route_for_read(max_lag => '700ms')}, 'local');

# --- what if --------------------------------------------------------------------------------------

is(ask($near, 'region', q{explain_route('acme', assume_down => '{EU_WEST}') WHERE subject = 'answer'}), 'US_EAST',
	'with its region down the tenant would be served by the other');
is(verdict($near, $eu, q{assume_down => '{eu-west-1}'}), 'assumed_down', 'the nodes of the region are said to be down');
is(ask($near, 'region', q{route_for_read(tenant => 'acme')}), 'EU_WEST', 'and nothing has changed');
is(ask($near, q{concat_ws(' ', node, reason)}, sprintf(q{explain_route(for_write => true, assume_down => '{%s}') WHERE subject = 'answer'}, $eu->name)),
	$primary->name . ' lease', 'writes go on without a standby');
is($near->value(q{SELECT 1 FROM explain_route(assume_down => '{nobody}')}) // '', '', 'a node that is none is an error');

# --- rights -------------------------------------------------------------------------------------

$primary->safe_psql('CREATE ROLE app LOGIN');
$cluster->wait_caught_up;
sub as_app { return psql("host=127.0.0.1 port=" . $eu->port . ' options=-crole=app', "$_[0]") }
is(as_app('SELECT node FROM route_for_read()'), $eu->name, 'everybody may ask where to read');
is(as_app('SELECT node FROM route_for_write()'), $primary->name, 'and where to write');
my $string = $eu->value(q{SELECT conninfo_for('read')});
like($string, qr/^host=127\.0\.0\.1(,127\.0\.0\.1){3} port=\d+(,\d+){3} target_session_attrs=prefer-standby connect_timeout=2$/,
	'a connection string has all nodes');
like($string, qr/ port=@{[ $eu->port ]},/, 'the nearest first');
{
	open(my $saved, '>&', \*STDERR) or die;
	open(STDERR, '>', '/dev/null') or die;
	is(as_app('SELECT conninfo_for()'), '', 'which is not for everybody');
	is(as_app('SELECT * FROM explain_route()'), '', 'nor is the explanation');
	open(STDERR, '>&', $saved) or die;
}

# --- down ---------------------------------------------------------------------------------------

$eu->supervisor_off;
$eu->kill_all;
foreach my $node ($near, $eu2, $primary)
{
	$cluster->poll_until(sub { verdict($node, $eu, '') =~ /^(down|silent)$/ }, 15, 'the dead node to be missed on ' . $node->name);
	is(ask($node, 'count(*)', q{generate_series(1, 200), LATERAL route_for_read(from_region => 'EU_WEST') AS r WHERE r.node = '}
				. $eu->name . q{'}), 0, 'a dead node is not named on ' . $node->name);
}
is(ask($primary, 'node', q{route_for_read(tenant => 'acme')}), $eu2->name, 'a region with one node left serves its tenant');
$eu2->safe_psql('SELECT pg_wal_replay_pause()');
until_is($primary, 'region', q{tenant_route('acme')}, 'US_EAST');
is(ask($primary, q{concat_ws(' ', node, reason, home_region)}, q{tenant_route('acme')}), $near->name . ' primary EU_WEST',
	'with none it goes to the region of the primary');
until_is($primary, 'region', q{region_for_tenant('acme') AS region}, 'US_EAST');
$primary->safe_psql(q{SELECT set_tenant_region('pinned', 'EU_WEST', mode => 'pin', fallbacks => NULL)});
until_is($primary, q{concat_ws(' ', region, node, reason, pinned)}, q{tenant_route('pinned')}, 'EU_WEST unavailable t');
is(ask($primary, 'node', q{route_for_read(tenant => 'pinned')}), '', 'a pin is never left');
$primary->safe_psql(q{SELECT add_zone('EU', '{EU_WEST}', strict => true), set_tenant_zone('bound', 'EU')});
$primary->safe_psql(q{SELECT set_tenant_zone('bound_home', 'EU'), set_tenant_region('bound_home', 'EU_WEST')});
foreach my $tenant (qw(bound bound_home))
{
	is(ask($primary, q{concat_ws(' ', region, node, reason, pinned)}, "tenant_route('$tenant')"), 'EU_WEST unavailable f',
		"nor is a strict zone, by the tenant $tenant");
	is(ask($primary, 'node', "route_for_read(tenant => '$tenant')"), '', 'also when a read may be anywhere');
	is($primary->value("SELECT region_for_tenant('$tenant')"), 'EU_WEST', 'and its region is the same');
}
is(ask($primary, 'reason', q{explain_route('bound') WHERE region = 'US_EAST' AND subject = 'region'}), 'outside_zone', 'which is explained');
is($primary->value(q{SELECT alter_zone('EU', strict => false)}), 'EU', 'a zone that is strict no more');
is(ask($primary, 'region', q{tenant_route('bound_home')}), 'US_EAST', 'lets them out at once');
is(ask($primary, 'node', q{tenant_route('pinned', for_write => true)}), $primary->name, 'its writes go to the primary all the same');
$near->safe_psql('SELECT pg_wal_replay_pause()');
until_is($eu2, q{concat_ws(' ', node, reason)}, 'route_for_read()', $primary->name . ' primary');
is(ask($near, q{concat_ws(' ', node, reason)}, q{route_for_read(max_lag => '1s')}), $primary->name . ' primary',
	'the primary is the last resort');

# Nobody renews the lease of the primary any more.
foreach my $node ($near, $eu2)
{
	$node->supervisor_off;
	$node->kill_all;
}
until_is($primary, 'reason', 'route_for_write()', 'no_primary');
is(ask($primary, 'node', 'route_for_write()'), '', 'a fenced primary does not send writes to itself');
is(ask($primary, q{concat_ws(' ', node, reason)}, 'route_for_read()'), 'unavailable', 'nor reads');
is(verdict($primary, $primary, ''), 'fenced', 'and says that it is fenced');
done_testing();
