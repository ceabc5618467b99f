# Tenants on a real cluster: what an import, an application and an administrator set is seen
# on the standby as soon as it is replayed, the past included; nothing can be set there; and
# after a failover both sides of a region preference go on saying the same.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Session;

my $cluster = MultiRegion::Cluster->new(policy => { failback => 'off' });
my $file = "$ENV{TESTDIR}/tenants";
my $tenants = 20_000;

sub rows { return $_[0]->query($_[1])->{rows} }

sub succeeds
{
	my ($session, $sql, $what) = @_;
	return is($session->query($sql)->{message}, undef, $what // $sql);
}

sub login
{
	my ($node, $user) = @_;
	return MultiRegion::Session->connect(port => $node->port, user => $user) // die "no $user on " . $node->name;
}

$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($standby) = grep { $_ != $leader } $cluster->nodes;
my ($home, $far) = ($leader->region, $standby->region);
$leader->safe_psql($_) foreach
	'CREATE ROLE operator LOGIN IN ROLE multiregion_admin', 'CREATE ROLE owner LOGIN', 'CREATE ROLE app LOGIN',
	'CREATE SCHEMA app AUTHORIZATION owner',
	'CREATE TABLE app."Organization" ("id" text PRIMARY KEY, "regionPreference" text)',
	'ALTER TABLE app."Organization" OWNER TO owner', 'GRANT USAGE ON SCHEMA app TO app',
	'GRANT SELECT, INSERT, UPDATE, DELETE ON app."Organization" TO app',
	"SELECT add_zone('HERE', '{$home}', true)";

# --- import, as an administrator without a right on a table ----------------------------------

open(my $out, '>', $file) or die "$file: $!";
print $out "tenant-$_\t" . ($_ % 2 ? lc $home : $far) . "\t\\N\t\\N\t\\N\tbulk\n" foreach 1 .. $tenants;
close $out;
my $output = `$cluster->{bindir}/psql -X -h 127.0.0.1 -p @{[ $leader->port ]} -U operator postgres \\
	-c '\\copy multiregion.tenant_import FROM $file' 2>&1`;
is($output, "COPY $tenants\n", 'COPY takes the lines of a client');
my $operator = login($leader, 'operator');
succeeds($operator, q{SELECT set_tenant_zone('tenant-1', 'HERE')});
my $then = $operator->value('SELECT clock_timestamp()');
succeeds($operator, qq{SELECT set_tenant_region('tenant-2', '$home', mode => 'pin', fallbacks => '{$far}')});

# --- an application that owns its table, and one that may only write ------------------------

my $refused = $operator->query(q{SELECT add_region_preference('app."Organization"', 'id', 'regionPreference')});
is($refused->{sqlstate}, '42501', 'an administrator cannot take a table that is not his');
my $owner = login($leader, 'owner');
$refused = $owner->query(q{SELECT add_region_preference('app."Organization"', 'id', 'regionPreference')});
is($refused->{sqlstate}, '42501', 'nor can an owner that is no administrator');
$leader->safe_psql('GRANT multiregion_admin TO owner');
succeeds($owner, q{SELECT add_region_preference('app."Organization"', 'id', 'regionPreference')}, 'but both together');
$leader->safe_psql('REVOKE multiregion_admin FROM owner');
my $app = login($leader, 'app');
succeeds($app, qq{INSERT INTO app."Organization" VALUES ('acme', '$far'), ('tenant-2', NULL)}, 'a plain role writes');
is($app->query(q{SELECT * FROM multiregion.tenant})->{sqlstate}, '42501', 'and sees nothing of ours');
is_deeply(rows($app, 'SELECT * FROM app."Organization" ORDER BY id'), [ [ 'acme', $far ], [ 'tenant-2', $home ] ],
	'its table knows what is set');
is($operator->value(q{SELECT changed_by FROM multiregion.tenants WHERE tenant_id = 'acme'}), 'app', 'who it was is known');

# --- the standby -----------------------------------------------------------------------------

$cluster->wait_caught_up;
my $there = login($standby, 'operator');
is($there->value('SELECT count(*) FROM multiregion.tenants'), $tenants + 1, 'the standby has all tenants');
is($there->value(q{SELECT region_for_tenant('acme')}), $far, 'what the application set');
is_deeply(rows($there, qq{SELECT region_for_tenant_at('tenant-2', '$then'), region_for_tenant('tenant-2'),
	region_for_tenant_at('tenant-2', '2020-01-01')}), [ [ $far, $home, undef ] ], 'and the past');
is_deeply(rows($there, q{SELECT table_name, state FROM multiregion.region_preferences}), [ [ 'Organization', 'ok' ] ],
	'whose tables are followed');
my $copies = rows($there, q{SELECT violation, node_name, detail FROM multiregion.residency_violations
	WHERE tenant_id = 'tenant-1' AND violation = 'copy' ORDER BY node_name});
is_deeply([ map { $_->[1] } @$copies ], [ sort map { $_->name } grep { $_->region ne $home } $cluster->nodes ],
	'nodes outside a strict zone that hold its tenants are named');
like($copies->[0][2], qr/\Q$copies->[0][1]\E.*holds a copy of all rows/, 'in a sentence');
foreach my $sql (q{set_tenant_zone('acme', NULL)}, qq{set_tenant_region('acme', '$home', mode => 'pin')},
	qq{add_zone('X', '{$home}')}, q{drop_zone('HERE')}, q{remove_region_preference('app."Organization"')})
{
	my $result = $there->query("SELECT $sql");
	is($result->{sqlstate}, '25006', "not there: $sql");
	like($result->{hint}, qr/\Q$home\E/, 'but on the primary') if $sql =~ /zone/;
}
is($there->query(qq{INSERT INTO multiregion.tenant_import (tenant_id, region) VALUES ('x', '$home')})->{sqlstate},
	'25006', 'no import either');

# --- after a failover ---------------------------------------------------------------------------

$leader->kill_all;
my $next = $cluster->wait_for_leader(not => $leader);
$app = login($next, 'app');
$operator = login($next, 'operator');
$cluster->poll_until(sub { !defined $app->query(qq{UPDATE app."Organization" SET "regionPreference" = '$home' WHERE id = 'acme'})->{message} },
	20, 'the new primary can be written');
is($operator->value(q{SELECT region_key FROM multiregion.tenants WHERE tenant_id = 'acme'}), $home,
	'the application is heard on the new primary');
succeeds($operator, qq{SELECT set_tenant_region('acme', '$far', expected_version => 2)}, 'versions go on');
is($app->value(q{SELECT "regionPreference" FROM app."Organization" WHERE id = 'acme'}), $far, 'and it hears');
is($operator->value(qq{SELECT region_for_tenant_at('tenant-2', '$then')}), $far, 'the past has not changed');
done_testing();
