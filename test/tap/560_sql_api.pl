# docs/sql-api.md against real servers: it describes every function, view and table with the
# signature that the server has, and its examples return what they show. Three regions as in
# the demo, and "plain", a server that belongs to no cluster at first.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::ApiManual qw(api_differences);
use MultiRegion::Cluster;
use MultiRegion::Document;

my $cluster = MultiRegion::Cluster->new(policy => { failback => 'off' });
my $single = MultiRegion::Cluster->new(name => 'plain', managed => 0);
my $document = MultiRegion::Document->new('docs/sql-api.md', examples => 1);
my @names = qw(us_east_1 eu_west_1 ap_southeast_1);
$_->{name} = shift @names foreach $cluster->nodes;
my ($plain) = $single->nodes;
$plain->{name} = 'us_east_1';
my ($us, $eu) = map { $cluster->node($_) } qw(us_east_1 eu_west_1);

# The primary is lost, and nobody follows it by himself.
sub lose_primary
{
	$cluster->settle;
	$cluster->set_policy('auto_failover', 'off');
	$cluster->wait_caught_up;
	$eu->kill_all;
	return $cluster->poll_until(sub { ($us->lease_status // {})->{primary_node} ? 0 : 1 }, 20, 'nobody to lead');
}

sub recover
{
	$cluster->settle;
	return $cluster->set_policy('auto_failover', 'on');
}

$single->start;
$cluster->start;
my @wrong = api_differences($us->session, $document);
is(scalar @wrong, 0, 'the manual describes what there is') or diag(join("\n", @wrong));

$plain->safe_psql('CREATE ROLE alice');
$us->safe_psql(q{SELECT set_tenant_region('acme', 'EU_WEST')});
$document->run($cluster, places => { plain => $plain },
	after => { "FROM switchover('EU_WEST')" => \&lose_primary, "FROM failover('US_EAST')" => \&recover });
MultiRegion::Document->new('docs/geo.md', examples => 1)->run($cluster);
MultiRegion::Document->new('docs/routing.md', examples => 1)->run($cluster);
$us->safe_psql('CREATE TABLE account AS SELECT 7 AS id, 0 AS balance');
MultiRegion::Document->new('docs/consistency.md', examples => 1)->run($cluster);
MultiRegion::Document->new('docs/geo.md', examples => 1)->run($cluster);
MultiRegion::Document->new('docs/packaging.md', examples => 1)->run($single, places => { plain => $plain });
done_testing();
