# pg_dump, pg_dumpall and pg_upgrade of a member: all data is there afterwards, rights are
# as they were, and the result is a plain server that anybody may write to, with the
# library preloaded or not. Single-user mode never fences.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Catalog qw(catalog_of compare data_of);
use MultiRegion::Cluster;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Rejoin qw(read_file start_server stop_server);
use MultiRegion::Session;

my $cluster = MultiRegion::Cluster->new(name => 'member', regions => 1);
my $bindir = $cluster->{bindir};
my $files = "$ENV{TESTDIR}/files";
mkdir $files or die "$files: $!";

sub run
{
	my ($command) = @_;
	my $output = `$command 2>&1`;
	return ($? >> 8, $output);
}

sub succeeds
{
	my ($command, $what) = @_;
	my ($code, $output) = run($command);
	return is($code, 0, $what) || diag("$command\n$output");
}

# --- a member with something to lose -----------------------------------------------------

$cluster->start;
my $member = $cluster->node(0);
$member->safe_psql($_) foreach
	q{SELECT add_region('EU_WEST', 'eu-west-1', 'EU West', 53, -6)},
	q{SELECT add_node('lost', 'EU_WEST', 'host=127.0.0.1 port=1', allow_unreachable => true)},
	q{SELECT multiregion.register_node('lost', gen_random_uuid())},
	q{SELECT set_tenant_region('acme', 'EU_WEST', 'moved')}, q{SELECT set_tenant_region('acme', 'US_EAST')},
	q{SELECT set_tenant_region('gone', 'US_EAST')}, q{SELECT clear_tenant_region('gone')},
	q{SELECT multiregion.set_policy('failback_delay', '10min', 'why not')},
	q{INSERT INTO multiregion.failover (epoch, cause, to_node, to_region) VALUES (7, 'sick', 'n1', 'US_EAST')},
	q{SELECT multiregion.record_divergence('lost', 1, 1, '0/1', '0/2')},
	q{SELECT add_zone('UNION', '{EU_WEST}')}, q{SELECT set_tenant_zone('acme', 'UNION')},
	q{SELECT set_tenant_region('union', 'EU_WEST', mode => 'pin', fallbacks => '{US_EAST}')},
	q{CREATE TABLE "Organization" ("id" text PRIMARY KEY, "regionPreference" text)},
	q{INSERT INTO "Organization" VALUES ('acme', NULL), ('union', NULL), ('mine', 'us-east-1')},
	q{SELECT add_region_preference('"Organization"', 'id', 'regionPreference')},
	'CREATE TABLE t (i int)', 'INSERT INTO t VALUES (1)', 'CREATE ROLE operator IN ROLE multiregion_admin';
$cluster->poll_until(sub { $member->value('SELECT count(*) FROM multiregion.event') > 3 }, 20, 'events in the table');

my $from = '-h 127.0.0.1 -U postgres -p ' . $member->port;
succeeds("$bindir/pg_dump $from -f $files/plain.sql postgres", 'pg_dump');
succeeds("$bindir/pg_dump $from -Fc -f $files/custom postgres", 'pg_dump in its own format');
succeeds("$bindir/pg_dumpall $from --no-sync -f $files/all.sql", 'pg_dumpall');
# Whatever the member writes now is not in the dumps; one snapshot would be too much to ask.
my @data = grep { !/^multiregion\.event / } data_of($member->session);
my @catalog = catalog_of($member->session);
my $events = () = read_file("$files/plain.sql") =~ /^\d+\tn1\t-?\d+\t\d+\t/mg;
cmp_ok($events, '>', 3, 'events are dumped');
unlike(read_file("$files/plain.sql"), qr/(?:FROM|TO) "\d+"/, 'no right of a role that is not there');

# --- restored elsewhere --------------------------------------------------------------------

my $plain = MultiRegion::Cluster->new(name => 'plain', managed => 0);
my $bare = MultiRegion::Cluster->new(name => 'bare', managed => 0, settings => { shared_preload_libraries => "''" });

sub is_complete
{
	my ($server, $database, $what, $preloaded) = @_;
	my $session = MultiRegion::Session->connect(port => $server->port, dbname => $database) or die "no $database";

	is(join("\n", compare(\@data, [ grep { !/^multiregion\.event / } data_of($session) ])), '', "$what: all data");
	# The first dump held so many; events may have come before the others.
	cmp_ok($session->value('SELECT count(*) FROM multiregion.event'), '>=', $events, "$what: all events");
	is(join("\n", compare(\@catalog, [ catalog_of($session) ])), '', "$what: objects and rights as they were");
	is($session->query('INSERT INTO t VALUES (2)')->{message}, undef, "$what: it may be written");
	is($session->query(q{SELECT set_tenant_region('new', 'EU_WEST')})->{message}, undef, "$what: so may tenants");
	is($session->query(q{SELECT multiregion.set_policy('lease', '5s')})->{message}, undef, "$what: and policy");
	is($session->query(q{UPDATE "Organization" SET "regionPreference" = 'eu-west-1' WHERE id = 'mine'})->{message}, undef,
		"$what: and the application's table");
	is($session->value(q{SELECT region_for_tenant('mine')}), 'EU_WEST', "$what: which tenants follow");
	$session->query(q{SELECT set_tenant_region('union', 'EU_WEST')});
	$session->query(q{SELECT set_tenant_region('mine', 'US_EAST')});
	is($session->value(q{SELECT string_agg("regionPreference", ' ' ORDER BY id) FROM "Organization"}), 'US_EAST US_EAST EU_WEST',
		"$what: and which follows tenants");
	is($session->value('SELECT count(*) FROM multiregion.node WHERE uuid IS NOT NULL'), 2, "$what: nodes are data");
	my $status = $session->query('SELECT managed, fenced FROM multiregion.lease_status()');
	if ($preloaded) { is_deeply($status->{rows}, [ [ 'f', 'f' ] ], "$what: which make nobody a member"); }
	else { is($status->{sqlstate}, '55000', "$what: the library is not preloaded"); }
	ok(!-e $server->data . '/multiregion.managed' && !-e $server->data . '.multiregion/state', "$what: no marker, no state");
	return;
}

foreach my $case ([ $plain, 'preloaded', 1 ], [ $bare, 'not preloaded', 0 ])
{
	my ($other, $what, $preloaded) = @$case;
	$other->start;
	my $server = $other->node(0);
	my $to = '-h 127.0.0.1 -U postgres -p ' . $server->port;

	$server->safe_psql("CREATE DATABASE $_") foreach qw(sql custom halves);
	# Roles belong to the whole server; pg_dump leaves them to pg_dumpall, but for those of the extension.
	$server->safe_psql('CREATE ROLE operator');
	succeeds("$bindir/psql -X -q $to -v ON_ERROR_STOP=1 -f $files/plain.sql sql", "$what: restored by psql");
	is_complete($server, 'sql', "$what, psql", $preloaded);
	succeeds("$bindir/pg_restore $to --exit-on-error -d custom $files/custom", "$what: restored by pg_restore");
	is_complete($server, 'custom', "$what, pg_restore", $preloaded);
	succeeds("$bindir/pg_restore $to --exit-on-error --schema-only -d halves $files/custom", "$what: the schema");
	is($server->value('SELECT 1'), 1, "$what: the server is there");
	my $session = MultiRegion::Session->connect(port => $server->port, dbname => 'halves');
	is_deeply([ grep { !/^multiregion\.configuration_version / } data_of($session) ], [], "$what: without data");
	succeeds("$bindir/pg_restore $to --exit-on-error --data-only -d halves $files/custom", "$what: then the data");
	is_complete($server, 'halves', "$what, in halves", $preloaded);
}

my $whole = MultiRegion::Cluster->new(name => 'whole', managed => 0);
$whole->start;
my $server = $whole->node(0);
my $to = '-h 127.0.0.1 -U postgres -p ' . $server->port;
my (undef, $output) = run("$bindir/psql -X -q $to -f $files/all.sql postgres");
is(join("\n", grep { /ERROR/ && !/role "postgres" already exists/ } split /\n/, $output), '', 'pg_dumpall restored');
is_complete($server, 'postgres', 'pg_dumpall', 1);
is($server->value(q{SELECT pg_has_role('operator', 'multiregion_admin', 'MEMBER')}), 't', 'its roles are members');

# It can begin a cluster of its own, to which the nodes of the dump do not belong.
my $init = $server->query(q{SELECT multiregion.init('n1', 'US_EAST', 'host=127.0.0.1 port=} . $server->port . q{')});
is($init->{message}, undef, 'init() of a restored server');
$whole->wait_for_leader;
is($server->value('SELECT count(*) FROM multiregion.nodes WHERE joined'), 1, 'nodes of the dump have to join anew');

# --- and away -------------------------------------------------------------------------------

$server->safe_psql('SELECT ' . $_) foreach q{drop_node('lost')}, 'multiregion.leave()',
	q{remove_region_preference('"Organization"')};
$server->safe_psql($_) foreach 'DROP EXTENSION multiregion',
	map { "$_ multiregion_admin, multiregion_peer, multiregion_api" } 'DROP OWNED BY', 'DROP ROLE';
my (undef, $left) = run("$bindir/pg_dumpall $to");
unlike($left, qr/multiregion|"\d+"/, 'a server without the extension and its roles dumps no trace of them');

# --- single-user mode --------------------------------------------------------------------------

$member->stop_fast;
succeeds("echo 'INSERT INTO t VALUES (3)' | $bindir/postgres --single -D " . $member->data . ' postgres',
	'single-user mode of a member');
$member->start;
$cluster->wait_for_leader;
is($member->safe_psql('SELECT count(*) FROM t WHERE i = 3'), 1, 'may write');

# --- pg_upgrade ----------------------------------------------------------------------------------

@data = data_of($member->session);
@catalog = catalog_of($member->session);
$member->stop_fast;
my $new = "$cluster->{directory}/new";
succeeds("$bindir/initdb --no-sync --data-checksums --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8 -D $new"
		. " && cp " . $member->data . "/postgresql.conf $new/", 'a new data directory');
succeeds("cd $files && $bindir/pg_upgrade -U postgres -b $bindir -B $bindir -d " . $member->data . " -D $new"
		. ' -s /tmp -p ' . free_port() . ' -P ' . free_port(), 'pg_upgrade of a member');
my $upgraded = start_server($cluster, $new, free_port());
ok(!-e "$new/multiregion.managed", 'the new server is a member of nothing');
is($upgraded->{session}->query('INSERT INTO t VALUES (4)')->{message}, undef, 'and may be written');
my @events = grep { /^multiregion\.event / } @data;
my @found = data_of($upgraded->{session});
is(join("\n", compare([ grep { !/^multiregion\.event / } @data ], [ grep { !/^multiregion\.event / } @found ])), '', 'all data');
cmp_ok(scalar(grep { /^multiregion\.event / } @found), '>=', scalar @events, 'all events');
is(join("\n", compare(\@catalog, [ catalog_of($upgraded->{session}) ])), '', 'objects and rights as they were');
stop_server($upgraded);

done_testing();
