# 20 sessions ask for tenants while tenants change and a region comes and goes: each answer is
# what is set for the tenant at that moment, or the primary while his region is down, and
# nobody waits for anybody. Method: as in 500_tenant_cache.pl a tenant's region tells the
# version of his row, here among three; the region that flaps is frozen and thawed.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(
	policy => { health_check_interval => '200ms', health_retry_interval => '100ms',
		failback => 'off' },
	settings => { hot_standby_feedback => 'on' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($flapping, $calm) = grep { $_ != $leader } $cluster->nodes;
my ($here, $there) = ($leader->region, $flapping->region);

$leader->safe_psql(<<"SQL");
CREATE FUNCTION region_of(version bigint) RETURNS text LANGUAGE sql AS
\$\$SELECT (ARRAY['$here', '${\$calm->region}', '$there'])[1 + version % 3]\$\$;
CREATE FUNCTION version_of(who text) RETURNS bigint LANGUAGE sql AS
\$\$SELECT version FROM multiregion.tenant WHERE tenant_id = who\$\$;
CREATE FUNCTION ask() RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	i int := 0;
	who text;
	began timestamptz;
	longest interval := '0';
	before bigint;
	answer text;
	after bigint;
BEGIN
	WHILE version_of('stop') IS NULL LOOP
		i := i + 1;
		who := 't' || i % 50;
		before := version_of(who);
		began := clock_timestamp();
		answer := region_for_tenant(who);
		longest := greatest(longest, clock_timestamp() - began);
		after := version_of(who);
		IF answer <> '$here' AND after - before < 2 AND
			answer NOT IN (region_of(before), region_of(after)) THEN
			RETURN format('%s: %s is not of %s to %s', who, answer, before, after);
		END IF;
	END LOOP;
	RETURN CASE WHEN i < 100 THEN 'too few' WHEN longest > '5 s' THEN 'blocked ' || longest ELSE 'right' END;
END \$\$;
INSERT INTO multiregion.tenant (tenant_id, region_key, version, changed_by)
	SELECT 't' || i, region_of(3), 3, 'test' FROM generate_series(0, 49) AS i;
SELECT set_tenant_region('away', '$there');
SELECT set_tenant_region('pinned', '$there', mode => 'pin');
SELECT set_tenant_region('careful', '$there', fallbacks => '{${\$calm->region}}');
SELECT set_tenant_region('calm', '${\$calm->region}');
SQL
$cluster->wait_caught_up;

my @readers = map { $_ % 2 ? $leader->session : $calm->session } 1 .. 20;
my $writer = $leader->session;
my $version = 3;
$writer->query('SET synchronous_commit = off');

# A few changes, and what the leader says of the tenant whose region flaps.
sub change_and_ask
{
	$version++;
	my $result = $writer->query("UPDATE multiregion.tenant SET version = $version,
		region_key = region_of($version) WHERE tenant_id = 't@{[ $version % 50 ]}'");
	BAIL_OUT($result->{message}) if defined $result->{sqlstate};
	return $writer->value(q{SELECT region_for_tenant('away')});
}

$cluster->poll_until(sub { change_and_ask() eq $there }, 20, 'all regions to be healthy');
$_->send('SELECT ask()') foreach @readers;
foreach my $round (1, 2)
{
	$flapping->freeze;
	$cluster->poll_until(sub { change_and_ask() eq $here }, 20, 'the frozen region to be avoided');
	is($writer->value(q{SELECT region_for_tenant('pinned')}), $there, 'a pin holds');
	is($writer->value(q{SELECT region_for_tenant('careful')}), $calm->region, 'a fallback serves');
	$flapping->thaw;
	$cluster->poll_until(sub { change_and_ask() eq $there }, 20, 'the region to be used again');
}
pass('twice a region went and came');
is($writer->value(q{SELECT region_for_tenant('calm')}), $calm->region, 'the calm one serves its tenants');
$writer->query("INSERT INTO multiregion.tenant (tenant_id, region_key, version, changed_by)
	VALUES ('stop', '$here', 1, 'test')");
foreach my $reader (@readers)
{
	my $result = $reader->receive;
	is($result->{rows}[0][0] // $result->{message}, 'right', 'what a session saw');
}

# --- nobody waits ---------------------------------------------------------------------------

my $asker = $leader->session;
$asker->query(q{SET statement_timeout = '2s'});
$writer->query(q{SET synchronous_commit = on; BEGIN; SELECT alter_region('} . $here . q{', priority => 7);
	LOCK TABLE multiregion.tenant, multiregion.region IN SHARE ROW EXCLUSIVE MODE});
$writer->query("UPDATE multiregion.tenant SET region_key = '$here' WHERE tenant_id IN ('away', 'new')");
is($asker->value(q{SELECT region_for_tenant('away')}), $there, 'a change under way keeps nobody waiting');
is($asker->value(q{SELECT region_for_tenant('never asked for')}), $here, '... who was not asked for before');
$leader->safe_psql(q{ALTER SYSTEM SET synchronous_standby_names = 'nobody'});
$leader->safe_psql('SELECT pg_reload_conf()');
$cluster->poll_until(sub { $writer->value('SHOW synchronous_standby_names') eq 'nobody' }, 10, 'a slow standby');
$writer->send('COMMIT');
$cluster->poll_until(
	sub { $leader->value(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'}) > 0 },
	10, 'a commit that waits');
is($asker->value(q{SELECT region_for_tenant('away')}), $there, 'nor does a commit that waits for a standby');
is($asker->value(q{SELECT region_for_tenant('nobody')}), $here, '... others');
$leader->safe_psql('ALTER SYSTEM RESET synchronous_standby_names');
$leader->safe_psql('SELECT pg_reload_conf()');
is($writer->receive->{sqlstate}, undef, 'it goes on');
is($asker->value(q{SELECT region_for_tenant('away')}), $here, '... and is seen');

done_testing();
