# ALTER EXTENSION multiregion UPDATE: from each released version the result is what a new
# installation has, and all data is there. Until it is called nothing is different: the
# present library serves the old version's functions, and its workers the old tables.
use strict;
use warnings;

use File::Basename qw(basename);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Catalog qw(catalog_of compare data_of);
use MultiRegion::Cluster;
use MultiRegion::Http;
use MultiRegion::Session;
use MultiRegion::Verdict qw(log_complaints);

my @released = sort map { basename($_) =~ /multiregion--([\d.]+)\.sql/ ? $1 : () } glob("$ENV{MR_TOP}/test/upgrade/*.sql");
my $cluster = MultiRegion::Cluster->new(managed => 0, name => 'plain');
$cluster->start;
my $server = $cluster->node(0);

sub database
{
	my ($name, @statements) = @_;
	$server->safe_psql("CREATE DATABASE $name");
	my $session = MultiRegion::Session->connect(port => $server->port, dbname => $name) or die "no $name";
	run($session, @statements);
	return $session;
}

sub run
{
	my ($session, @statements) = @_;
	foreach my $sql (@statements)
	{
		my $result = $session->query($sql, timeout => 30);
		die "$result->{message}\n  in: $sql" if defined $result->{sqlstate} || !$result->{ready};
	}
	return;
}

# Of every kind of data something that the oldest version could hold.
my @data = (
	q{SELECT add_region('US_EAST', 'us-east-1', 'US East', 39, -77)}, q{SELECT add_region('EU_WEST', 'eu-west-1')},
	q{SELECT add_node('a', 'US_EAST', 'host=127.0.0.1 port=1', allow_unreachable => true)},
	q{SELECT set_tenant_region('acme', 'EU_WEST', 'moved')}, q{SELECT set_tenant_region('acme', 'US_EAST')},
	q{SELECT clear_tenant_region('acme')}, q{SELECT set_tenant_region('other', 'US_EAST')},
	q{SELECT multiregion.set_policy('lease', '5s', 'why not')},
	q{INSERT INTO multiregion.event (node, boot, sequence, at, kind, severity, term) VALUES ('a', 1, 1, now(), 'started', 'info', 1)},
	q{INSERT INTO multiregion.failover (epoch, cause, to_node, to_region) VALUES (2, 'sick', 'a', 'US_EAST')},
	q{INSERT INTO multiregion.divergence (node, term, timeline, fork_lsn, end_lsn) VALUES ('a', 2, 1, '0/1', '0/2')});

# Whether one of the rows has all the values of this one; it may have columns more.
sub is_held
{
	my ($row, @rows) = @_;
	my ($table, $members) = $row =~ /^(\S+) \{(.*)\}$/s;
	return scalar grep {
		my $line = $_;
		$line =~ /^\Q$table\E / && !grep { index($line, $_) < 0 } split(/, (?=")/, $members)
	} @rows;
}

# The present sidecar beside each node says who is primary.
sub serves_http
{
	my ($what) = @_;
	my $region = $cluster->wait_for_leader->region;

	foreach my $node ($cluster->nodes)
	{
		$cluster->poll_until(
			sub {
				my $answer = MultiRegion::Http->get($node->http_port, '/api/regions/status') or return 0;
				return $answer->{status} == 200 && ($answer->{json}{primaryRegion} // '') eq $region && !$answer->{json}{stale};
			}, 20, "$what: the sidecar of " . $node->name);
		pass("$what: the sidecar of " . $node->name . ' serves');
	}
	return;
}

# --- one database for each version ------------------------------------------------------

my @fresh = catalog_of(database('fresh', 'CREATE EXTENSION multiregion'));
cmp_ok(scalar @fresh, '>', 300, 'there is something to compare');
foreach my $version (@released)
{
	my $old = database('old_' . $version =~ tr/./_/r, "CREATE EXTENSION multiregion VERSION '$version'", @data);
	my @before = data_of($old);
	cmp_ok(scalar @before, '>=', 12, "$version: data of all kinds");
	foreach my $function (map { $_->[0] } @{ $old->query(q{SELECT oid::regproc::text FROM pg_proc
		WHERE pronamespace = 'multiregion'::regnamespace AND prokind = 'f' AND pronargs = 0 AND prorettype <> 'trigger'::regtype
			AND provolatile <> 'v'})->{rows} })
	{
		my $result = $old->query("SELECT * FROM $function()");
		is($result->{message}, undef, "$version: the present library serves its $function()");
	}
	is($old->query($_)->{message}, undef, "$version: $_") foreach map { "SELECT * FROM multiregion.$_" }
		qw(regions nodes replication tenants failovers events policies settings);

	my $result = $old->query('ALTER EXTENSION multiregion UPDATE', timeout => 30);
	is($result->{message}, undef, "$version can be updated");
	my @differences = compare(\@fresh, [ catalog_of($old) ]);
	is("@differences[0 .. ($#differences < 5 ? $#differences : 5)]", '', "$version: as if newly installed");
	my @after = data_of($old);
	is(scalar @after, scalar @before, "$version: as many rows as before");
	is(join("\n", grep { !is_held($_, @after) } @before), '', "$version: every value is there");
	run($old, 'DROP EXTENSION multiregion');
	is($old->value(q{SELECT count(*) FROM pg_init_privs WHERE initprivs::text LIKE '%multiregion%'}), 0,
		"$version: it goes without a trace of its rights");
}

# In a schema that is closed to the sidecar, too.
my $own = database('own', 'CREATE SCHEMA "Own Place"', q{CREATE EXTENSION multiregion VERSION '0.1' SCHEMA "Own Place"});
my $own_fresh = database('own_fresh', 'CREATE SCHEMA "Own Place"', q{CREATE EXTENSION multiregion SCHEMA "Own Place"});
run($own, 'ALTER EXTENSION multiregion UPDATE');
is(join("\n", compare([ catalog_of($own_fresh) ], [ catalog_of($own) ])), '', 'an update in a schema of its own');
is($own->value(q{SELECT has_schema_privilege('multiregion_api', 'Own Place', 'USAGE')}), 't', 'the sidecar may use it');
$cluster->stop;

# --- a cluster with an old version of the extension -----------------------------------------

$cluster = MultiRegion::Cluster->new(extension_version => $released[0], sidecars => 1);
$cluster->start;
my $leader = $cluster->wait_for_leader;
my @old = catalog_of($leader->session);
$leader->safe_psql($_) foreach grep { /tenant/ } map { s/add_region.*|add_node.*//r } @data;
serves_http($released[0]);
$leader->kill_all;
my $next = $cluster->wait_for_leader(not => $leader);
$cluster->poll_until(sub { ($next->value('SELECT count(*) FROM multiregion.failovers') // 0) > 0 }, 20, 'the failover in the table');
pass('the workers of the present library do their work with the old tables');
$leader->start;
$cluster->wait_complete(60);
is(join("\n", compare(\@old, [ catalog_of($next->session) ])), '', 'and leave them as they are');

serves_http("$released[0], after a failover");
my @rows = grep { !/multiregion\.event / } data_of($next->session);
$next->safe_psql('ALTER EXTENSION multiregion UPDATE');
$cluster->wait_caught_up;
foreach my $node ($cluster->nodes)
{
	isnt($node->value(q{SELECT extversion FROM pg_extension WHERE extname = 'multiregion'}), $released[0],
		$node->name . ' has the new version');
	is(scalar(grep { !/multiregion\.event / } data_of($node->session)), scalar(@rows), $node->name . ' has all data');
}
is($next->value(q{SELECT bool_and(has_function_privilege('multiregion_peer', f, 'EXECUTE')) FROM (VALUES
	('pg_ls_dir(text, boolean, boolean)'), ('pg_stat_file(text, boolean)'), ('pg_read_binary_file(text)'),
	('pg_read_binary_file(text, bigint, bigint, boolean)')) AS v (f)}), 't', 'a member may still be rewound');
is($next->value(q{SELECT count(*) FROM pg_init_privs WHERE initprivs::text LIKE '%multiregion%' AND objoid < 16384}), 0,
	'by ordinary rights');
serves_http('updated');
$cluster->poll_until(
	sub {
		my $answer = MultiRegion::Http->get($next->http_port, '/api/regions/status') or return 0;
		return defined $answer->{json}{ifPrimaryDiedNow}{successor};
	}, 20, 'the forecast over HTTP');
pass('a sidecar that was there before uses what is new');
$next->kill_all;
my $last = $cluster->wait_for_leader(not => $next);
$next->start;
$cluster->wait_complete(60);
$cluster->poll_until(sub { ($last->value('SELECT count(*) FROM multiregion.failovers') // 0) > 1 }, 20, 'the second failover');
pass('and the cluster goes on');
foreach my $node ($cluster->nodes)
{
	is(join("\n", log_complaints($node, 0)), '', $node->name . ': nothing bad in its log');
	unlike($node->log_text(0), qr/multiregion (?:monitor|lease)\b.*ERROR/, $node->name . ': no error of a worker');
}

done_testing();
