# What edges do when applications, edges or both are down, for tenants of all kinds: whoever may
# be served elsewhere is, wherever the request came in; who is pinned or of a strict zone never
# leaves it. Method: a cluster of three regions with sidecars, and beside each a real HAProxy
# with the shipped configuration and a small application.
use strict;
use warnings;

use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Edges;

plan skip_all => 'haproxy is not installed' if !-x '/usr/sbin/haproxy';
plan skip_all => 'python3 is not installed' if !grep { -x "$_/python3" } split /:/, $ENV{PATH};

my $cluster = MultiRegion::Cluster->new(regions => 3, sidecars => 1, policy => { health_check_interval => '300ms', failback => 'off' },
	sidecar_settings => { MULTIREGION_HAPROXY_SOCKET => '/nowhere/yet' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my $edges = MultiRegion::Edges->new(cluster => $cluster);
my @regions = $edges->regions;

foreach my $region (@regions)
{
	$edges->start_application($region);
	$edges->start($region);
}
$edges->feed;

sub wait_for
{
	my ($what, $condition) = @_;
	ok(eval { $cluster->poll_until($condition, 15, $what) }, $what) or diag($@, map { $_->sidecar_log } $cluster->nodes);
	return;
}

# The region whose application answers a tenant's request that comes in at a region; else the status.
sub served
{
	my ($region, $tenant, @more) = @_;
	my $answer = $edges->request($region, "/t/$tenant", @more);
	return $answer->{json}{region} // $answer->{status};
}

# All of them, in order: one for each region where it may come in.
sub everywhere
{
	my ($tenant) = @_;
	return join ' ', map { served($_, $tenant) } @regions;
}

sub becomes
{
	my ($what, %expected) = @_;

	foreach my $tenant (sort keys %expected)
	{
		my $seen = '';
		eval { $cluster->poll_until(sub { $seen = everywhere($tenant); $seen eq $expected{$tenant} }, 15, $what) };
		is($seen, $expected{$tenant}, "$what: $tenant");
	}
	return;
}

is("@regions", 'US_EAST EU_WEST AP_SOUTHEAST', 'the order of what follows');
$leader->safe_psql(q{SELECT add_zone('EAST', '{AP_SOUTHEAST,EU_WEST}', strict => true)});
$leader->safe_psql(q{SELECT set_tenant_region('free', 'EU_WEST'), set_tenant_region('choosy', 'EU_WEST', fallbacks => '{AP_SOUTHEAST}'),}
		. q{ set_tenant_region('pinned', 'EU_WEST', mode => 'pin'), set_tenant_region('strict', 'EU_WEST'),}
		. q{ set_tenant_zone('strict', 'EAST'), set_tenant_zone('zoned', 'EAST')});

my $at_home = join ' ', ('EU_WEST') x 3;
my %well = (free => $at_home, choosy => $at_home, pinned => $at_home, strict => $at_home,
	zoned => 'EU_WEST EU_WEST AP_SOUTHEAST'); # here, or the zone's first
becomes('all is well', %well);

# --- an application --------------------------------------------------------------------------

my $in_ap = join ' ', ('AP_SOUTHEAST') x 3;
$edges->stop_application('EU_WEST');
becomes("EU_WEST's application is down", free => join(' ', ('US_EAST') x 3), choosy => $in_ap, pinned => '503 503 503',
	strict => $in_ap, zoned => $in_ap);
is(served('US_EAST', 'free', headers => ['X-Multiregion-Skip: US_EAST']), '503', 'it is passed round once');
$edges->start_application('EU_WEST');
becomes('it is back', %well);
is(served('US_EAST', 'free', from => '127.0.0.9', headers => ['X-Multiregion-Skip: EU_WEST']), 'EU_WEST',
	'no stranger says what is down');

# --- an edge ---------------------------------------------------------------------------------

my %without_eu = (free => 'US_EAST 0 AP_SOUTHEAST', choosy => 'AP_SOUTHEAST 0 AP_SOUTHEAST', pinned => '503 0 503',
	strict => 'AP_SOUTHEAST 0 AP_SOUTHEAST', zoned => 'AP_SOUTHEAST 0 AP_SOUTHEAST');
$edges->stop('EU_WEST');
becomes("EU_WEST's edge is dead", %without_eu);

# --- both ------------------------------------------------------------------------------------

$edges->stop_application('US_EAST');
becomes("so is US_EAST's application", %without_eu, free => 'AP_SOUTHEAST 0 AP_SOUTHEAST');
$edges->start_application('US_EAST');
wait_for('it is back', sub { served('US_EAST', 'nobody') eq 'US_EAST' });

# --- zones -----------------------------------------------------------------------------------

$edges->stop('AP_SOUTHEAST');
becomes('nothing of a strict zone is left', strict => '503 0 0', zoned => '503 0 0', free => 'US_EAST 0 0');
$leader->safe_psql(q{SELECT alter_zone('EAST', strict => false)});
becomes('it is strict no longer', strict => 'US_EAST 0 0', zoned => 'US_EAST 0 0');
$leader->safe_psql(q{SELECT alter_zone('EAST', '{US_EAST,AP_SOUTHEAST,EU_WEST}', strict => true)});
becomes('it is again, and larger', strict => 'US_EAST 0 0', zoned => 'US_EAST 0 0');
$leader->safe_psql(q{SELECT alter_zone('EAST', '{AP_SOUTHEAST,EU_WEST}')});
becomes('and as small as before', strict => '503 0 0', zoned => '503 0 0');
$edges->start($_) foreach qw(EU_WEST AP_SOUTHEAST);
becomes('all is back', %well);

done_testing();
