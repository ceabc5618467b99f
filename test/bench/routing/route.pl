# Where a read and a write go, in a cluster with as many members as there can be (two of
# them live, the others in the configuration only).
#
#   route_for_read         a call without conditions
#   route_for_read_tenant  a call for a tenant, with limits and a region to begin from
#   route_for_write        a call
#   tenant_route           a call
use strict;
use warnings;

my %calls = (
	route_for_read => 'route_for_read()',
	route_for_read_tenant => q{route_for_read(max_lag => '1 minute', tenant => id, from_region => 'EU_WEST', max_lag_bytes => 1000000000)},
	route_for_write => 'route_for_write()',
	tenant_route => 'tenant_route(id)');

return sub {
	my ($bench) = @_;
	my $primary = $bench->primary;
	my $members = 'SELECT count(*) FROM multiregion.member_status()';

	$bench->million_tenants;
	foreach my $number (3 .. 32)
	{
		$primary->safe_psql("SELECT add_node('far$number', 'EU_WEST', 'host=127.0.0.1 port=$number', allow_unreachable => true)");
	}
	$primary->safe_psql('UPDATE multiregion.node SET uuid = gen_random_uuid() WHERE uuid IS NULL');
	$bench->cluster->poll_until(sub { $primary->value($members) == 32 && $bench->standby->value($members) == 32 }, 60,
		'32 members');
	my $session = $bench->session($bench->standby);
	foreach my $name (sort keys %calls)
	{
		$bench->report($name, 'us', '%.2f',
			map { $bench->per_call($session, "($calls{$name}).node", calls => 100_000) } 1 .. $bench->runs);
	}
	$primary->safe_psql("SELECT drop_node('far$_')") foreach 3 .. 32;
	return;
};
