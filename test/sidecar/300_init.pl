# multiregiond init: from the environment to a cluster's tables. It says what it does,
# does it once, reports what differs and leaves that alone; passwords go into the passfile
# and nowhere else. Method: a plain server, made the first node of a cluster; beside it a
# cluster of two that exists, and a server without the library.
use strict;
use warnings;

use Fcntl qw(:mode);
use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Sidecar;

my $plain = MultiRegion::Cluster->new(name => 'plain', managed => 0, settings => { log_statement => 'all' });
my $bare = MultiRegion::Cluster->new(name => 'bare', managed => 0, settings => { shared_preload_libraries => q{''} });
my $pair = MultiRegion::Cluster->new(name => 'pair', regions => 2, policy => { failback => 'off' });
$_->start foreach $plain, $bare, $pair;
my $server = $plain->node(0);
my $port = $server->port;
my @secrets = ('hush%2Fhush%40', 'hush/hush@', 'tr%C3%A9s%3Asecret', 'tr' . "\xc3\xa9" . 's:secret', 'open sesame');
my $said = '';

# The settings of a cluster of two regions, first node the plain server.
my $passfile = "$plain->{directory}/passfile";
my %settings = (
	ENABLE_MULTI_REGION => 'true',
	DEPLOYMENT_REGION => 'us_east',
	DATABASE_URL_US_EAST_PRIMARY => "postgresql://postgres:hush%2Fhush%40\@127.0.0.1:$port/postgres",
	DATABASE_URL_EU_WEST_REPLICA => 'postgresql://postgres:tr%C3%A9s%3Asecret@127.0.0.2:5432/postgres',
	MULTIREGION_PASSFILE => $passfile,
	REGION_EU_WEST_API_ENDPOINT => 'https://eu-west.example/api',
	CDN_ENDPOINT_EU_WEST => 'https://cdn.example',
	REGION_EU_WEST_NAME => 'Europe',
	HEALTH_CHECK_INTERVAL => 1234,
	FAILBACK_ENABLED => 'false',
	MULTIREGION_POLICY_DURABILITY => 'async');
my $number = 0;

# Runs init with these changes of the settings: exit code and output. arguments => [...].
sub init
{
	my ($changes, %args) = @_;
	my @arguments = @{ delete $args{arguments} // [] };
	my $sidecar = MultiRegion::Sidecar->new(
		directory => $plain->{directory}, name => 'init' . ++$number,
		settings => { %settings, %{ $changes // {} } }, %args);
	my ($code, $output) = $sidecar->run('init', @arguments);
	$said .= $output;
	is($sidecar->findings, '', "run $number: the sanitizers found nothing");
	return ($code, $output);
}

# Everything that init may change, as text.
sub contents
{
	my ($node) = @_;
	return join("\n---\n", map { $node->safe_psql($_) }
			'SELECT * FROM multiregion.region ORDER BY 1', 'SELECT * FROM multiregion.node ORDER BY 1',
		'SELECT * FROM multiregion.policy ORDER BY 1', 'SELECT * FROM multiregion.policy_history ORDER BY 1',
		q{SELECT rolname, rolcanlogin, rolreplication FROM pg_roles WHERE rolname LIKE 'multiregion%' ORDER BY 1});
}

# --- refused before anything happens --------------------------------------------------

# Whether the server is as nobody has ever touched it.
sub is_untouched
{
	my ($node, $what) = @_;
	is($node->safe_psql(q{SELECT (SELECT count(*) FROM pg_extension WHERE extname = 'multiregion'),}
				. q{ (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'multiregion%')}),
		'0|0', $what);
	ok(!-e $passfile, "$what, nor is there a passfile");
	return;
}

my ($code, $output) = init({ MULTIREGION_PASSFILE => undef });
is($code, 2, 'a password without a passfile is refused');
like($output, qr/^error: DATABASE_URL_US_EAST_PRIMARY holds a password/m, 'by the name of the variable');
like($output, qr/^hint: .*MULTIREGION_PASSFILE/m, 'and what to do is said');
is_untouched($server, 'a refusal for a missing passfile changes nothing');
($code, $output) = init({ MULTIREGION_PASSFILE => "$plain->{directory}/not/there/passfile" });
is($code, 1, 'a passfile that cannot be written is refused');
like($output, qr{^error: could not write .*/not/there/passfile: No such file}m, 'by its name');
is_untouched($server, 'a refusal for a passfile that cannot be written changes nothing');
($code, $output) = init({
	DATABASE_URL_US_EAST_PRIMARY => "postgresql://postgres\@127.0.0.1:$bare->{nodes}[0]{port}/postgres" });
is($code, 4, 'a server without the library needs to be prepared');
like($output, qr/^hint: .*\n\s+shared_preload_libraries = 'multiregion'$/m, 'it says how');
is_untouched($bare->node(0), 'nothing was made there');
($code, $output) = init({ ENABLE_MULTI_REGION => 'false' });
is($code, 0, 'what is disabled has nothing to do');
like($output, qr/nothing to do/, 'and says so');
($code, $output) = init({ DATABASE_URL_US_EAST_PRIMARY => 'postgresql://postgres:hush%2Fhush%40@127.0.0.1:1/postgres' });
is($code, 1, 'a server that does not answer');
like($output, qr/^error: could not connect to the local database: .*refused/m, 'is an error in one line');
my $log_before = $server->log_size;
($code, $output) = init({ DATABASE_URL_EU_WEST_REPLICA =>
		"postgresql://postgres\@127.0.0.1:$pair->{nodes}[0]{port}/postgres" });
is($code, 4, 'a server whose peer is a member of a cluster does not make another');
like($output, qr/^error: node "eu_west_1" of region EU_WEST belongs to a cluster already$/m, 'it says which peer');
like($output, qr/^hint: .*multiregion-join/m, 'and what to do');
unlike($server->log_text($log_before), qr/CREATE EXTENSION/, 'peers, who may be silent, are asked while nothing is locked');
is_untouched($server, 'nor does it change anything');
($code, $output) = init({ DATABASE_URL_US_EAST_PRIMARY => undef,
	MULTIREGION_ADMIN_DATABASE_URL => "postgresql://postgres\@127.0.0.1:$port/postgres",
	MULTIREGION_DATABASE_URL => "postgresql://127.0.0.1:$port/postgres" });
is($code, 2, 'a first node that nobody could reach is refused');
like($output, qr/^error: no DATABASE_URL_US_EAST_PRIMARY says how/m, 'it says what is missing');
is_untouched($server, 'this refusal changes nothing either');
# What multiregion.init() itself would refuse is known before.
$server->safe_psql('ALTER SYSTEM SET full_page_writes = off');
$server->safe_psql('SELECT pg_reload_conf()');
$plain->poll_until(sub { $server->value('SHOW full_page_writes') eq 'off' }, 10, 'the setting');
($code, $output) = init();
is($code, 4, 'a server with settings that would bite needs to be prepared') or diag($output);
like($output, qr/^error: full_page_writes: /m, 'they are named');
like($output, qr/^hint: /m, 'with what to do');
is_untouched($server, 'and nothing is changed before they are good');
$server->safe_psql('ALTER SYSTEM RESET full_page_writes');
$server->safe_psql('SELECT pg_reload_conf()');
$plain->poll_until(sub { $server->value('SHOW full_page_writes') eq 'on' }, 10, 'the setting');

# --- a look at what it would do ----------------------------------------------------------

($code, $output) = init(undef, arguments => ['--check']);
is($code, 3, 'init --check on a server that is not prepared has something to say') or diag($output);
like($output, qr/^differs: \Q$_\E$/m, "it says: $_") foreach 'the extension multiregion is not there; init creates it',
	'the role multiregion_api may not log in as it must', "$passfile is not what init would make of it",
	'region US_EAST is missing', 'region EU_WEST is missing', 'node "eu_west_1" is missing',
	'this server is in no cluster; init makes it "us_east_1" of region US_EAST, the first node of one',
	'policy health_check_interval is 30000, and HEALTH_CHECK_INTERVAL says 1234; nobody has set it: init sets it';
like($output, qr/^\d+ differences, nothing was changed$/m, 'and that nothing was changed');
is_untouched($server, 'which is true');

# Strings that nobody can use, each with a password in it: none is repeated.
foreach my $case (
	[ 'DATABASE_URL_US_EAST_PRIMARY', 'postgresql://postgres:open sesame@127.0.0.1/x%zz' ],
	[ 'DATABASE_URL_US_EAST_PRIMARY', "host=127.0.0.1 port=$port password=open sesame" ],
	[ 'DATABASE_URL_US_EAST_PRIMARY', "postgresql://postgres:open%0a*:*:*:*:sesame\@127.0.0.1:$port/postgres" ],
	[ 'DATABASE_URL_EU_WEST_REPLICA', 'postgresql://postgres:open/sesame@127.0.0.1/postgres' ],
	[ 'DATABASE_URL_EU_WEST_REPLICA', 'postgresql://postgres:open@sesame@127.0.0.1/postgres' ],
	[ 'MULTIREGION_ADMIN_DATABASE_URL', "host=127.0.0.1 port=$port user=postgres password=open sesame" ],
	[ 'MULTIREGION_ADMIN_DATABASE_URL', 'postgresql://postgres:open/sesame@127.0.0.1/postgres' ],
	[ 'MULTIREGION_ADMIN_DATABASE_URL', 'postgresql://postgres:open@sesame@127.0.0.1/postgres' ],
	[ 'MULTIREGION_DATABASE_URL', 'postgresql://postgres:open/sesame@127.0.0.1/postgres' ],
	[ 'MULTIREGION_DATABASE_URL', 'postgresql://postgres:open@sesame@127.0.0.1/postgres' ])
{
	my ($name, $url) = @$case;
	($code, $output) = init({ $name => $url });
	is($code, 2, "$name: refused");
	like($output, qr/error: \Q$name\E\b/, "$name: by its name");
	unlike($output, qr/open|sesame/, "$name: not by what it holds");
}

# --- the first run ------------------------------------------------------------------------

($code, $output) = init();
is($code, 0, 'the first run succeeds') or diag($output);
foreach my $line ('created the extension multiregion', 'let the role multiregion_peer log in, also for replication',
	'let the role multiregion_api log in', "wrote the passwords of 2 nodes to $passfile", 'added region US_EAST (us-east-1)',
	'added region EU_WEST (eu-west-1)', 'made this server "us_east_1" of region US_EAST, the first node of a cluster',
	'added node "eu_west_1" of region EU_WEST', 'set policy health_check_interval to 1234', 'set policy failback to off')
{
	like($output, qr/^\Q$line\E/m, "it says: $line");
}
like($output, qr/^\d+ changes made$/m, 'and how many changes there were');
my $status = $server->lease_status;
is("$status->{node} $status->{region} $status->{writable}", 'us_east_1 US_EAST t', 'the server leads a cluster');
is($server->safe_psql('SELECT region_key, region_id, name, api_endpoint, cdn_endpoint FROM multiregion.regions'),
	"US_EAST|us-east-1|US East (N. Virginia)||\nEU_WEST|eu-west-1|Europe|https://eu-west.example/api|https://cdn.example",
	'the regions are there');
is($server->safe_psql('SELECT node_name, region_key FROM multiregion.node ORDER BY 1'), "eu_west_1|EU_WEST\nus_east_1|US_EAST",
	'the nodes are there');
like($server->safe_psql(q{SELECT conninfo FROM multiregion.node WHERE node_name = 'us_east_1'}),
	qr/^(?=.*host='127\.0\.0\.1')(?=.*port='$port')(?=.*user='postgres')(?=.*passfile='\Q$passfile\E')/, 'and how to reach them');
is($server->safe_psql(q{SELECT name, value FROM multiregion.policies WHERE is_set ORDER BY 1}),
	"durability|async\nfailback|off\nhealth_check_interval|1234", 'the policies are set');

# --- passwords ------------------------------------------------------------------------------

my @file = stat $passfile;
is(sprintf('%o', S_IMODE($file[2])), '600', 'the passfile is for its owner alone');
open(my $handle, '<', $passfile) or die "$passfile: $!";
is(join('', <$handle>), "127.0.0.1:$port:*:postgres:hush/hush\@\n127.0.0.2:5432:*:postgres:tr\xc3\xa9s\\:secret\n",
	'and holds the passwords as libpq reads them');
close $handle;
my $everything = contents($server) . $server->log_text . $said;
foreach my $view (map { split /\n/ } $server->safe_psql(
		q{SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace}
		. q{ WHERE n.nspname = 'multiregion' AND c.relkind IN ('r', 'v')}))
{
	$everything .= $server->safe_psql("SELECT * FROM $view");
}
$everything .= $server->safe_psql('SELECT query FROM pg_stat_activity');
$everything .= do { local (@ARGV, $/) = $server->state_directory . '/state'; <> } if -e $server->state_directory . '/state';
foreach my $secret (@secrets)
{
	is(index($everything, $secret), -1, 'no password in tables, views, state, server log or output');
}

# --- again ------------------------------------------------------------------------------------

# The cluster has what the first run wrote.
$plain->poll_until(sub { $server->value(q{SELECT in_force = '1234' FROM multiregion.policies WHERE name = 'health_check_interval'}) eq 't' },
	20, 'the policy to be in force');
my $before = contents($server);
($code, $output) = init();
is($code, 0, 'the second run succeeds');
like($output, qr/^unchanged$/m, 'and says that it changed nothing');
unlike($output, qr/^(?:added|set|created|made|let|wrote|differs)/m, 'nothing else');
is(contents($server), $before, 'nor has it');
is((stat $passfile)[1], $file[1], 'the passfile is the same file');
chmod 0644, $passfile;
($code, $output) = init();
is($code, 0, 'a passfile that others may read');
is(sprintf('%o', S_IMODE((stat $passfile)[2])), '600', 'is made the owner\'s again');
@file = stat $passfile;
# The settings may as well be in the environment, and win there.
($code, $output) = init({ map { $_ => undef } keys %settings }, environment => \%settings);
is($code, 0, 'settings in the environment');
like($output, qr/^unchanged$/m, 'are the same settings');
($code, $output) = init({ HEALTH_CHECK_INTERVAL => 'nonsense' }, environment => { HEALTH_CHECK_INTERVAL => 1234 });
is($code, 0, 'the environment wins over the file');

# --- what differs -------------------------------------------------------------------------------

my %different = (
	REGION_EU_WEST_NAME => q{Else'where}, CDN_ENDPOINT_EU_WEST => 'https://other.example', REGION_EU_WEST_PRIORITY => 7,
	REGION_EU_WEST_LATITUDE => 1, REGION_EU_WEST_LONGITUDE => 2, HEALTH_CHECK_INTERVAL => 4321,
	DATABASE_URL_EU_WEST_REPLICA => 'postgresql://postgres@127.0.0.2:5433/postgres', REGION_EU_WEST_ID => 'eu-other-1');
($code, $output) = init({%different});
is($code, 3, 'what differs gives an exit code of its own');
# Each line names the thing, what it is, the variable, what that says, and the command.
my @commands;
foreach my $line (
	[ 'region EU_WEST has name "Europe", and REGION_EU_WEST_NAME says "Else\'where"', q{alter_region('EU_WEST', name => 'Else''where')} ],
	[ 'region EU_WEST has CDN endpoint "https://cdn.example", and CDN_ENDPOINT_EU_WEST says "https://other.example"',
		q{alter_region('EU_WEST', cdn_endpoint => 'https://other.example')} ],
	[ 'region EU_WEST has priority "100", and REGION_EU_WEST_PRIORITY says "7"', q{alter_region('EU_WEST', priority => '7')} ],
	[ 'region EU_WEST has latitude "53.35", and REGION_EU_WEST_LATITUDE says "1"', q{alter_region('EU_WEST', latitude => 1, longitude => 2);} ],
	[ 'region EU_WEST has longitude "-6.26", and REGION_EU_WEST_LONGITUDE says "2"', q{alter_region('EU_WEST', latitude => 1, longitude => 2);} ],
	[ 'node "eu_west_1" is reached at another address than DATABASE_URL_EU_WEST_REPLICA says', q{alter_node('eu_west_1', '} ],
	[ 'policy health_check_interval is 1234, and HEALTH_CHECK_INTERVAL says 4321', q{set_policy('health_check_interval', '4321')} ])
{
	my ($said, $command) = @$line;
	like($output, qr/^differs: \Q$said\E; to change it: SELECT \w+\.\Q$command\E/m, "it says: $said");
	push @commands, $1 if $output =~ /^differs: \Q$said\E; to change it: (.*)$/m;
}
like($output, qr/^differs: region EU_WEST has id "eu-west-1", and REGION_EU_WEST_ID says "eu-other-1"; it cannot be changed$/m,
	'and of what cannot be changed that it cannot');
is(contents($server), $before, 'and changes none of it');
my ($checked, $report) = init({ %different }, arguments => ['--check']);
is($checked, 3, 'init --check gives the same exit code');
is_deeply([ grep { /^differs/ } split /\n/, $report ], [ grep { /^differs/ } split /\n/, $output ], 'and the same lines');
is(contents($server), $before, 'also without changing anything');
($code, $output) = init({ DEPLOYMENT_REGION => 'EU_WEST', MULTIREGION_NODE => 'other',
	MULTIREGION_ADMIN_DATABASE_URL => "postgresql://postgres\@127.0.0.1:$port/postgres" });
is($code, 3, 'another name and region of the server differ');
like($output, qr/^differs: this server is node "us_east_1", not "other"$/m, 'it says which node it is');
like($output, qr/^differs: this server is in region US_EAST, not EU_WEST$/m, 'and in which region');
# Neither an order nor a part of the nodes makes the passfile another.
is((stat $passfile)[1], $file[1], 'other settings leave the passfile as it is');
# What is new is added, also then.
($code, $output) = init({ REGION_AP_SOUTHEAST_NAME => 'Added later' });
is($code, 0, 'a region that is new is added');
like($output, qr/^added region AP_SOUTHEAST \(ap-southeast-1\)$/m, 'and named');
($code, $output) = init({ DATABASE_URL_EU_WEST_REPLICA =>
		'postgresql://postgres:tr%C3%A9s%3Asecret@127.0.0.2:5432/postgres, postgresql://' . 'label' x 14 . '/postgres' });
is($code, 0, 'a node whose host cannot be resolved yet');
like($output, qr/^added node "eu_west_2" of region EU_WEST \(its host has no address yet\)$/m, 'is added all the same');

# The commands do what they say: afterwards only the id differs.
$server->safe_psql($_) foreach @commands;
($code, $output) = init({%different});
is(join("\n", grep { /^differs/ } split /\n/, $output),
	'differs: region EU_WEST has id "eu-west-1", and REGION_EU_WEST_ID says "eu-other-1"; it cannot be changed',
	'the commands make of it what the settings say');
($code, $output) = init({ %different, REGION_EU_WEST_ID => undef, REGION_EU_NORTH_NAME => 'North' }, arguments => ['--check']);
is($code, 3, 'what init would add is a difference for --check');
like($output, qr/^differs: region EU_NORTH is missing$/m, 'and named');
($code, $output) = init({ %different, REGION_EU_WEST_ID => undef }, arguments => ['--check']);
is($code, 0, 'init --check has nothing to say about what is as it should be');
like($output, qr/^unchanged$/m, 'and says that');

# --- an application's role is not a peer's -------------------------------------------------------

$server->safe_psql(q{CREATE ROLE app LOGIN PASSWORD 'open sesame'});
($code, $output) = init({ %different, REGION_EU_WEST_ID => undef,
	MULTIREGION_ADMIN_DATABASE_URL => "postgresql://postgres\@127.0.0.1:$port/postgres",
	DATABASE_URL_AP_SOUTHEAST_REPLICA => 'postgresql://app:open%20sesame@127.0.0.3:5432/app' });
is($code, 0, 'a URL of an application');
my $conninfo = $server->safe_psql(q{SELECT conninfo FROM multiregion.node WHERE node_name = 'ap_southeast_1'});
unlike($conninfo, qr/app|sesame/, 'gives peers its address, not its role');
open($handle, '<', $passfile) or die "$passfile: $!";
unlike(join('', <$handle>), qr/sesame/, 'nor its password');
close $handle;

# --- a standby -------------------------------------------------------------------------------------

my $standby = $pair->node(1);
my $leader = $pair->wait_for_leader;
my %known = (
	DEPLOYMENT_REGION => $standby->region, MULTIREGION_NODE => $standby->name, MULTIREGION_NODES_US_EAST => 'n1',
	MULTIREGION_NODES_EU_WEST => 'n2', REGION_EU_WEST_NAME => undef, REGION_EU_WEST_API_ENDPOINT => undef,
	CDN_ENDPOINT_EU_WEST => undef, HEALTH_CHECK_INTERVAL => undef, MULTIREGION_POLICY_DURABILITY => undef,
	DATABASE_URL_US_EAST_PRIMARY => 'postgresql://postgres@127.0.0.1:' . $leader->port . '/postgres',
	DATABASE_URL_EU_WEST_REPLICA => 'postgresql://postgres@127.0.0.1:' . $standby->port . '/postgres');
$before = contents($leader);
($code, $output) = init(\%known);
is($code, 0, 'on a standby, everything as it is') or diag($output);
like($output, qr/^unchanged$/m, 'is unchanged');
($code, $output) = init({ %known, HEALTH_CHECK_INTERVAL => 777, REGION_SA_EAST_NAME => 'South',
	DATABASE_URL_SA_EAST_REPLICA => 'host=127.0.0.9' });
is($code, 3, 'on a standby, what is missing differs');
like($output, qr/^differs: $_/m, "it says: $_") foreach 'region SA_EAST is missing', 'node "sa_east_1" is missing',
	'policy health_check_interval is 30000, and HEALTH_CHECK_INTERVAL says 777; nobody has set it: init on the primary sets it';
is(contents($leader), $before, 'and nothing changed');

# A change of the policy is taken back for the whole cluster; a standby can look at what that
# would do, but not do it.
is($standby->safe_psql(q{SELECT old_value, value FROM multiregion.rollback_policy(0, dry_run => true) WHERE name = 'failback'}), 'off|',
	'a standby says what a rollback would change');
is($standby->value('SELECT multiregion.policy_version()'), $leader->value('SELECT multiregion.policy_version()'),
	'and knows the version of the policy');
ok(!eval { $standby->safe_psql('SELECT * FROM multiregion.rollback_policy(0)'); 1 }, 'it cannot roll back');
like($@, qr/cannot execute rollback_policy\(\) during recovery/, 'and says why');
$leader->safe_psql(q{SELECT * FROM multiregion.rollback_policy(0, 'all as it was')});
$pair->poll_until(sub { $standby->value(q{SELECT in_force FROM multiregion.policies WHERE name = 'failback'}) eq 'on' }, 20,
	'the policy of then to be in force');
is($standby->value(q{SELECT reason FROM multiregion.policy_changes LIMIT 1}), 'rollback to version 0: all as it was',
	'and the standby knows why');

# --- a witness ------------------------------------------------------------------------------------------

($code, $output) = init({ DATABASE_URL_SA_EAST_WITNESS => 'host=127.0.0.9', REGION_SA_EAST_ID => 'sa-east-1',
	REGION_SA_EAST_NAME => 'South' });
like($output, qr/^added witness "sa_east_1" of region SA_EAST/m, 'a witness is added as one') or diag($output);
is($server->value(q{SELECT witness FROM multiregion.nodes WHERE node_name = 'sa_east_1'}), 't', 'and is one');

# --- settings that are wrong ------------------------------------------------------------------------

($code, $output) = init({
	DEPLOYMENT_REGION => 'us east!', MULTIREGION_NODE => '-x', HEALTH_CHECK_INTERVAL => 'soon', FAILBACK_DELAY => -5,
	MAX_CONSECUTIVE_FAILURES => 0, AUTO_FAILOVER_ENABLED => 'maybe', MULTIREGION_PASSFILE => 'relative',
	MULTIREGION_LOG_LEVEL => 'loud', MULTIREGION_HTTP_MAX_CONNECTIONS => '1e9', REGION_EU_WEST_ID => 'EU WEST',
	REGION_EU_WEST_LATITUDE => 91, REGION_US_EAST_LONGITUDE => 12, REGION_EU_WEST_PRIORITY => 'first',
	REGION_EU_WEST_API_ENDPOINT => 'ftp://user:open@sesame', MULTIREGION_NODES_EU_WEST => 'a b' });
is($code, 2, 'wrong settings have an exit code of their own');
like($output, qr/error: [^\n]*$_\b/, "$_ is named") foreach qw(DEPLOYMENT_REGION MULTIREGION_NODE
	HEALTH_CHECK_INTERVAL FAILBACK_DELAY MAX_CONSECUTIVE_FAILURES AUTO_FAILOVER_ENABLED MULTIREGION_PASSFILE
	MULTIREGION_LOG_LEVEL MULTIREGION_HTTP_MAX_CONNECTIONS REGION_EU_WEST_ID REGION_EU_WEST_LATITUDE
	REGION_US_EAST_LATITUDE REGION_EU_WEST_PRIORITY REGION_EU_WEST_API_ENDPOINT MULTIREGION_NODES_EU_WEST);
unlike($output, qr/sesame/, 'an endpoint with a password is not repeated');
($code, $output) = init({ %different, REGION_EU_WEST_ID => undef, DATABASE_URL_US_EAST_PRIMRY => 'host=a password=sesame', MULTIREGION_STALE_AFTR => 'sesame',
	REDIS_MODE => 'cluster', CDN_PROVIDER => 'fastly' });
is($code, 0, 'names nobody knows are no error');
like($output, qr/warning: $_ \(line \d+\) is not a setting/, "$_ is named") foreach qw(DATABASE_URL_US_EAST_PRIMRY
	MULTIREGION_STALE_AFTR);
like($output, qr/warning: $_ \(line \d+\) is not used by this version/, "$_ is known for later") foreach qw(REDIS_MODE CDN_PROVIDER);
unlike($output, qr/sesame/, 'without their values');

done_testing();
