# What the sidecar says when something is wrong: its database down, frozen, restarted, its
# primary lost, its login refused, its extension gone. It answers from the last copy and
# says how old that is; /api/health says 503 as soon as this region cannot serve. Method:
# one cluster of three regions with their sidecars, one fault after the other.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Cluster;
use MultiRegion::Http qw(check_answer);
use MultiRegion::Sidecar;

my $cluster = MultiRegion::Cluster->new(
	regions => 3, sidecars => 1, policy => { health_check_interval => '300ms' },
	sidecar_settings => { MULTIREGION_TENANT_TIMEOUT => 400, MULTIREGION_DATABASE_TIMEOUT => 10000 });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($second, $third) = grep { $_ != $leader } $cluster->nodes;
my $tenant = '/api/regions/tenant';

sub seconds { return clock_gettime(CLOCK_MONOTONIC) }

sub get
{
	my ($node, $path, %args) = @_;
	return MultiRegion::Http->get($node->http_port, $path, timeout => 2, %args) // { json => {}, status => 'none' };
}

# The answer of /api/health as "status reason".
sub health
{
	my ($node) = @_;
	my $answer = get($node, '/api/health');
	return "$answer->{status} " . ($answer->{json}{reason} // '');
}

sub wait_for_health
{
	my ($node, $wanted, $timeout) = @_;
	my $began = seconds();

	$cluster->poll_until(sub { health($node) =~ $wanted }, $timeout, $node->name . "'s health to be $wanted");
	return seconds() - $began;
}

# The answers of a sidecar whose database is away: the last copy, and its age.
sub answers_from_copy
{
	my ($node, $what) = @_;
	my ($name, $later) = ($node->name);

	foreach my $path ('/api/regions', '/api/regions/status', '/api/regions/health/database',
		'/api/regions/health/failover')
	{
		my $answer = get($node, $path);
		is(check_answer($answer) || $answer->{status}, 200, "$what: $path answers");
		ok($answer->{json}{stale}, "$what: $path is stale");
		$cluster->poll_until(sub { $later = get($node, $path)->{json}; $later->{ageMs} > $answer->{json}{ageMs} },
			5, 'the age to grow');
		is($later->{asOf}, $answer->{json}{asOf}, "$what: $path grows older, not newer");
	}
	my $status = get($node, '/api/regions/status')->{json};
	is(scalar @{ $status->{regions} }, 3, "$what: the regions are known");
	is($status->{currentRegion}, $node->region, "$what: and which is this");
	is(get($node, '/api/regions/health/database')->{json}{status}, 'down', "$what: the database is down");
	is(get($node, '/api/regions/health/failover')->{json}{status}, 'down', "$what: nothing is said of failover");
	my $health = get($node, '/api/health');
	is(check_answer($health) || $health->{status}, 503, "$what: /api/health says 503");
	is($health->{json}{status}, 'down', "$what: in words as well");
	ok(!$health->{json}{writable}, "$what: not writable");
	my $known = get($node, "$tenant/acme/region");
	is(check_answer($known) || $known->{status}, 200, "$what: a tenant asked for before");
	is("$known->{json}{regionKey} $known->{json}{source}", 'EU_WEST preference', "$what: has its last answer");
	ok($known->{json}{stale} && $known->{json}{ageMs} > 0, "$what: which is marked as stale");
	my $unknown = get($node, "$tenant/never-asked/region");
	is(check_answer($unknown) || $unknown->{status}, 503, "$what: another tenant");
	is($unknown->{json}{code}, 'database_unavailable', "$what: is told why");
	return;
}

$leader->safe_psql(q{SELECT set_tenant_region('acme', 'EU_WEST')});
$cluster->wait_caught_up;
foreach my $node ($cluster->nodes)
{
	wait_for_health($node, qr/^200/, 20);
	$cluster->poll_until(sub { @{ get($node, '/api/regions/health/failover')->{json}{candidates} } == 2 },
		10, 'the members');
	is(get($node, "$tenant/acme/region")->{json}{regionKey}, 'EU_WEST', $node->name . ': the tenant is known');
}
my %sidecar_of = map { $_->name => join(' ', $_->processes(qr/multiregiond/)) } $cluster->nodes;

# --- the database of a standby is down, and comes back -------------------------------------

# A smart shutdown, which waits for every session: the sidecar ends its own.
my $pid = $second->postmaster;
get($second, "$tenant/acme/region");
$second->{session} = undef;
$second->stop('smart', 10);
cmp_ok(wait_for_health($second, qr/^503/, 5), '<', 1, 'a server that stops is noticed at once');
answers_from_copy($second, 'down');
like(health($second), qr/^503 (?:database_unreachable|server_stopping)$/, 'down: the reason');
my ($own) = grep { $_->{nodeName} eq $second->name } @{ get($second, '/api/regions/health/database')->{json}{nodes} };
is($own->{status}, 'down', 'down: the node itself is');
like(health($leader), qr/^200 writable_primary$/, 'the primary serves on');
$cluster->poll_until(
	sub {
		my $json = get($leader, '/api/regions/health/database')->{json};
		return $json->{status} eq 'degraded'
			&& grep { $_->{nodeName} eq $second->name && $_->{status} eq 'down' && $_->{consecutiveFailures} >= 3 }
			@{ $json->{nodes} };
	}, 10, 'the others to see it');
pass('the others say which node is down');
$second->start;
wait_for_health($second, qr/^200 standby_of_leader$/, 10);
ok(!get($second, '/api/regions/status')->{json}{stale}, 'a restarted server is fresh again');
ok(!get($second, "$tenant/acme/region")->{json}{stale}, 'its tenants as well');
isnt($second->postmaster, $pid, 'it is another server');

# --- sessions killed -------------------------------------------------------------------------

get($second, "$tenant/acme/region");
$second->safe_psql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'multiregion_api'});
my $answer = get($second, "$tenant/acme/region");
is($answer->{status}, 200, 'a tenant is answered after the sidecar lost its sessions');
wait_for_health($second, qr/^200 standby_of_leader$/, 5);
ok(!get($second, "$tenant/new/region")->{json}{stale}, 'and it finds its way back');

# --- frozen -------------------------------------------------------------------------------------

my @frozen = grep { my $pid = $_; !grep { $pid == $_ } $third->processes(qr/multiregiond/) }
	MultiRegion::Process::processes_in($third->directory);
kill 'STOP', @frozen;
my $began = seconds();
$answer = get($third, "$tenant/acme/region");
cmp_ok(seconds() - $began, '<', 1.5, 'frozen: a tenant request ends at its deadline');
is($answer->{status} . ' ' . ($answer->{json}{stale} ? 'stale' : 'fresh'), '200 stale', 'frozen: with the last answer');
$answer = get($third, "$tenant/not-asked/region");
is($answer->{status}, 503, 'frozen: or none');
cmp_ok(wait_for_health($third, qr/^503/, 6), '<', 5, 'frozen: /api/health says 503 after MULTIREGION_STALE_AFTER');
answers_from_copy($third, 'frozen');
is(health($third), '503 status_too_old', 'frozen: the reason, long before the statement is given up');
kill 'CONT', @frozen;
wait_for_health($third, qr/^200 standby_of_leader$/, 10);
pass('a thawed server serves again');

# --- failover -------------------------------------------------------------------------------------

my $old = $leader;
my $epoch = get($leader, '/api/regions/status')->{json}{epoch};
$old->supervisor_off;
$old->kill_postmaster;
$leader = $cluster->wait_for_leader(not => $old);
$began = seconds();
my ($other) = grep { $_ != $old && $_ != $leader } $cluster->nodes;
foreach my $node ($leader, $other)
{
	$cluster->poll_until(
		sub {
			my $json = get($node, '/api/regions/status')->{json};
			return ($json->{primaryRegion} // '') eq $leader->region && $json->{primaryNode} eq $leader->name
				&& $json->{epoch} > $epoch && !$json->{stale};
		}, 10, 'the new primary at ' . $node->name);
}
cmp_ok(seconds() - $began, '<', 5, 'both sidecars that have a database agree on the new primary within 5 s');
wait_for_health($leader, qr/^200 writable_primary$/, 5);
wait_for_health($other, qr/^200 standby_of_leader$/, 5);
like(health($old), qr/^503 /, 'the region that is lost says 503');
is(get($old, '/api/regions/status')->{json}{primaryRegion}, $old->region, 'and has its last copy');
ok(get($old, '/api/regions/status')->{json}{stale}, 'which it calls stale');
foreach my $node ($leader, $other)
{
	my $roles = join(' ', map { "$_->{regionKey}:$_->{role}" } grep { $_->{role} eq 'primary' }
			@{ get($node, '/api/regions/status')->{json}{regions} });
	is($roles, $leader->region . ':primary', $node->name . ' names one primary');
	is(join(' ', map { $_->{regionKey} } grep { $_->{isPrimary} } @{ get($node, '/api/regions')->{json}{regions} }),
		$leader->region, $node->name . ' has it in its list');
	is(get($node, "$tenant/nobody/region")->{json}{regionKey}, $leader->region,
		$node->name . ': the default of tenants is the new primary');
	$cluster->poll_until(
		sub {
			my $last = get($node, '/api/regions/health/failover')->{json}{lastFailover};
			return $last && defined $last->{openAt} && $last->{toNode} eq $leader->name
				&& $last->{fromNode} eq $old->name && $last->{epoch} > $epoch && $last->{durationMs} >= 0;
		}, 10, 'the failover in the report of ' . $node->name);
	pass($node->name . ' reports the failover');
}
$old->start;
wait_for_health($old, qr/^200 standby_of_leader$/, 30);
is(get($old, '/api/regions/status')->{json}{primaryRegion}, $leader->region, 'the region that returned agrees');

# --- a node loses sight of the primary --------------------------------------------------------------

# Both others frozen: this one stands without a leader.
my @others = map { MultiRegion::Process::processes_in($_->data) } $leader, $other;
kill 'STOP', @others;
like($cluster->poll_until(sub { my $health = health($old); $health =~ /^503/ && $health }, 20, 'no leader'),
	qr/^503 no_leader$/, 'a standby without a leader cannot serve');
is(get($old, '/api/regions/health/failover')->{json}{status}, 'down', 'there is no primary to fail over from');
kill 'CONT', @others;
wait_for_health($old, qr/^200/, 20);
$leader = $cluster->wait_for_leader;

# --- login refused, another database, no extension ------------------------------------------------------

# A label of more than 63 letters is no name, and nobody needs to be asked for it.
my @broken = (
	[ 'wrong_user', "postgresql://nobody_there\@127.0.0.1:$leader->{port}/postgres", qr/role "nobody_there" does not exist/ ],
	[ 'wrong_database', "postgresql://127.0.0.1:$leader->{port}/nowhere", qr/database "nowhere" does not exist/ ],
	[ 'no_extension', "postgresql://127.0.0.1:$leader->{port}/template1", qr/not installed/ ],
	[ 'no_server', 'postgresql://127.0.0.1:1/postgres', qr/refused/ ],
	[ 'no_address', 'postgresql://' . 'label' x 14 . '/postgres', qr/could not resolve/ ]);
my @sidecars;
foreach my $case (@broken)
{
	my ($name, $url, $pattern) = @$case;
	my $sidecar = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => $name,
		settings => { ENABLE_MULTI_REGION => 'true', DEPLOYMENT_REGION => 'US_EAST',
			MULTIREGION_DATABASE_URL => $url, REGION_EU_WEST_API_ENDPOINT => 'https://eu.example' });
	push @sidecars, $sidecar->start;
}
foreach my $number (0 .. $#broken)
{
	my ($name, $url, $pattern) = @{ $broken[$number] };
	my $sidecar = $sidecars[$number];
	$sidecar->poll_until(sub { $sidecar->log_text =~ $pattern }, 10, "$name in the log");
	pass("$name: the log says what is wrong");
	my $health = MultiRegion::Http->get($sidecar->port, '/api/health');
	is(check_answer($health) || "$health->{status} $health->{json}{role}", '503 unknown', "$name: cannot serve");
	like($health->{json}{reason}, qr/^(?:no_status_yet|database_unreachable)$/, "$name: the reason");
	my $status = MultiRegion::Http->get($sidecar->port, '/api/regions/status');
	is(check_answer($status) || $status->{status}, 200, "$name: the status is 200 while the sidecar lives");
	my $json = $status->{json};
	ok($json->{stale}, "$name: it is stale");
	ok(!defined $json->{asOf} && !defined $json->{ageMs} && !defined $json->{epoch}, "$name: and of no time");
	is(join(' ', map { "$_->{regionKey} $_->{role}" } @{ $json->{regions} }), 'US_EAST unknown EU_WEST unknown',
		"$name: the regions are those of the settings");
	is(MultiRegion::Http->get($sidecar->port, "$tenant/acme/region")->{status}, 503, "$name: no tenant is known");
}
is(scalar(() = $sidecars[0]->log_text =~ /role "nobody_there"/g), 1, 'the same problem is logged once');

# A password that the server does not take, and then one that it does.
my $hba = $leader->data . '/pg_hba.conf';
open(my $file, '<', $hba) or die "$hba: $!";
my @lines = <$file>;
close $file;
open($file, '>', $hba) or die "$hba: $!";
print $file "host all with_password 127.0.0.1/32 scram-sha-256\n", @lines;
close $file;
$leader->safe_psql(q{CREATE ROLE with_password LOGIN PASSWORD 'right horse' IN ROLE multiregion_api});
$leader->safe_psql('SELECT pg_reload_conf()');
my $passfile = "$cluster->{directory}/passfile";
open($file, '>', $passfile) or die "$passfile: $!";
print $file "127.0.0.1:$leader->{port}:*:with_password:right horse\n";
close $file;
chmod 0600, $passfile;
my $sidecar = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => 'password',
	environment => { PGPASSFILE => $passfile },
	settings => { ENABLE_MULTI_REGION => 'true', DEPLOYMENT_REGION => $leader->region,
		MULTIREGION_DATABASE_URL => "postgresql://with_password:wrong%20secret\@127.0.0.1:$leader->{port}/postgres" });
$sidecar->start;
$sidecar->poll_until(sub { $sidecar->log_text =~ /password authentication failed/ }, 10, 'the refusal');
is(MultiRegion::Http->get($sidecar->port, '/api/health')->{status}, 503, 'a wrong password: cannot serve');
foreach my $case ([ '', 'without it: that of the passfile' ], [ ':wrong%20secret', undef ],
	[ ':right%20horse', 'the right one' ])
{
	my ($password, $what) = @$case;
	my $wanted = $what ? 200 : 503;
	$sidecar->write_settings(
		MULTIREGION_DATABASE_URL => "postgresql://with_password$password\@127.0.0.1:$leader->{port}/postgres");
	$sidecar->signal('HUP');
	$sidecar->poll_until(sub { MultiRegion::Http->get($sidecar->port, '/api/health')->{status} == $wanted }, 10, 'the login');
	pass("a reloaded password, $what") if $what;
}
is(MultiRegion::Http->get($sidecar->port, "$tenant/acme/region")->{status}, 200, 'also for tenants');
unlike($sidecar->log_text, qr/secret|horse/, 'no password in the log');
my $cmdline = do { local (@ARGV, $/) = '/proc/' . $sidecar->pid . '/cmdline'; <> };
unlike($cmdline, qr/secret|horse/, 'nor in the command line');

# --- a smart shutdown of the primary -----------------------------------------------------------

# It waits for every session as well, and nobody has to ask the sidecar to end its own.
get($leader, "$tenant/acme/region");
$leader->{session} = undef;
$leader->stop('smart', 10);
isnt($cluster->wait_for_leader(not => $leader), $leader, 'a primary that stops smartly ends, and another leads');
$leader->start;
wait_for_health($leader, qr/^200 standby_of_leader$/, 20);

foreach my $one (@sidecars, $sidecar)
{
	$one->signal('TERM');
}
foreach my $one (@sidecars, $sidecar)
{
	is($one->wait_for_end, 0, "$one->{name}: ends well");
	is($one->findings, '', "$one->{name}: the sanitizers found nothing");
}
foreach my $node ($cluster->nodes)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
	is(join(' ', $node->processes(qr/multiregiond/)), $sidecar_of{ $node->name }, $node->name . ': still the same sidecar');
}

done_testing();
