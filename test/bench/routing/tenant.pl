# Where a tenant belongs.
#
#   region_for_tenant          a call for a tenant that is in the cache
#   region_for_tenant_standby  the same on a standby
#   sql_function_same_lookup   an SQL function that reads the region from the table by index
#   cold_lookup                a call for a tenant that is not in the cache, and puts him there
#   long_id_lookup             a call for an id that is too long for the cache
#   bytes_per_tenant           shared memory of the cache, by the tenants that are in it
#   cold_after_change          share of the tenants in the cache that one change of a tenant ends
#   cold_at_10_changes         share of look-ups that read the table, at 10 changes a second
#   two_clients                throughput of two sessions, by that of one of them alone
#   twenty_clients             of twenty; more than there are processors gain nothing
use strict;
use warnings;

my $call = 'region_for_tenant(id)';

sub cached { my ($node) = @_; return $node->value('SELECT tenants FROM multiregion.tenant_cache') }

# More buckets at once than are told one by one: nobody is in the cache any more.
sub empty_cache
{
	my ($bench) = @_;
	$bench->primary->safe_psql('UPDATE multiregion.tenant SET reason = reason
		WHERE tenant_id IN (SELECT \'t\' || i FROM generate_series(1, 5000) AS i)', timeout => 60);
	return;
}

sub warm_up
{
	my ($bench, $session) = @_;
	$bench->seconds($session, "SELECT count(region_for_tenant('t' || i))"
			. " FROM generate_series(1, $MultiRegion::Bench::tenants) AS i") foreach 1 .. 2;
	return;
}

# 10 changes a second, by a clock; look-ups as they come.
sub cold_share
{
	my ($bench, $session, $seconds) = @_;
	my $writer = $bench->session($bench->primary);
	my $counters = 'SELECT hits, misses FROM multiregion.tenant_cache';
	my $before = $session->query($counters)->{rows}[0];
	my $start = $bench->now;
	my $changes = 0;

	while ((my $passed = $bench->now - $start) < $seconds)
	{
		if ($changes < $passed * 10)
		{
			my $tenant = 't' . (1 + int(rand($MultiRegion::Bench::tenants)));
			$writer->query("UPDATE multiregion.tenant SET reason = 'x' WHERE tenant_id = '$tenant'");
			$changes++;
		}
		$session->query("SELECT count(region_for_tenant('t' || 1 + (random() * "
				. "@{[ $MultiRegion::Bench::tenants - 1 ]})::int)) FROM generate_series(1, 2000)");
	}
	my $after = $session->query($counters)->{rows}[0];
	my $misses = $after->[1] - $before->[1];
	return $misses / ($misses + $after->[0] - $before->[0]);
}

# Throughput of some sessions by that of one alone, each asking in an order of its own.
sub clients
{
	my ($bench, $count) = @_;
	my @sessions = map { $bench->session($bench->primary) } 1 .. $count;
	my $calls = int(2_000_000 / $count);
	my $work = sub { "SELECT count(region_for_tenant('t' || 1 + (i * 7919::bigint + $_[0] * 31337) % 1000000))"
			. " FROM generate_series(1, $calls) AS i" };
	my $alone = $bench->seconds($sessions[0], $work->(0));
	my $start = $bench->now;

	$sessions[$_]->send($work->($_)) foreach 0 .. $#sessions;
	$_->receive(timeout => 120) foreach @sessions;
	return $count * $alone / ($bench->now - $start);
}

sub changes
{
	my ($bench, $session) = @_;
	my @shares;

	foreach (1 .. $bench->runs)
	{
		my $before = cached($bench->primary);
		$bench->primary->safe_psql(q{UPDATE multiregion.tenant SET reason = 'x' WHERE tenant_id = 't}
				. (1 + int(rand(1000))) . q{'});
		push @shares, 1 - cached($bench->primary) / $before;
	}
	$bench->report('cold_after_change', 'share', '%.6f', @shares);
	warm_up($bench, $session);
	$bench->report('cold_at_10_changes', 'share', '%.6f',
		map { cold_share($bench, $session, 5) } 1 .. $bench->runs);
	return;
}

sub {
	my ($bench) = @_;
	my ($session, @cold, @long);

	$bench->million_tenants;
	$session = $bench->session($bench->primary);
	$bench->primary->safe_psql("CREATE OR REPLACE FUNCTION look_up(id text) RETURNS text LANGUAGE sql
		STABLE AS 'SELECT region_key FROM multiregion.tenant WHERE tenant_id = id'");
	foreach (1 .. $bench->runs)
	{
		empty_cache($bench);
		push @cold, $bench->per_call($session, $call, calls => 100_000);
		push @long, $bench->per_call($session, "region_for_tenant(id || repeat('x', 60))",
			calls => 50_000);
	}
	$bench->report('cold_lookup', 'us', '%.3f', @cold);
	$bench->report('long_id_lookup', 'us', '%.3f', @long);
	warm_up($bench, $session);
	$bench->report('region_for_tenant', 'us', '%.3f',
		map { $bench->per_call($session, $call) } 1 .. $bench->runs);
	$bench->report('sql_function_same_lookup', 'us', '%.3f',
		map { $bench->per_call($session, 'look_up(id)') } 1 .. $bench->runs);
	my $memory = $bench->primary->value('SELECT size_bytes / tenants FROM multiregion.tenant_cache');
	$bench->report('bytes_per_tenant', 'bytes', '%d', $memory);
	$bench->report('two_clients', 'times', '%.2f', map { clients($bench, 2) } 1 .. $bench->runs);
	$bench->report('twenty_clients', 'times', '%.2f', map { clients($bench, 20) } 1 .. $bench->runs);
	changes($bench, $session);
	my $reader = $bench->session($bench->standby);
	warm_up($bench, $reader);
	$bench->report('region_for_tenant_standby', 'us', '%.3f',
		map { $bench->per_call($reader, $call) } 1 .. $bench->runs);
	return;
};
