# Settings as a user has them: .env.multiregion.example as it is, `multiregiond settings`,
# secrets in files, and ENABLE_MULTI_REGION=false, with which a sidecar is that of one
# server that belongs to no cluster. Method: the program on files; beside a plain server
# with the extension, and beside a member of a cluster.
use strict;
use warnings;

use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Http;
use MultiRegion::Sidecar;

my $plain = MultiRegion::Cluster->new(name => 'plain', managed => 0);
my $single = MultiRegion::Cluster->new(name => 'single', regions => 1);
$_->start foreach $plain, $single;
my $server = $plain->node(0);
my $port = $server->port;
my $number = 0;

sub sidecar
{
	my ($settings, %args) = @_;
	return MultiRegion::Sidecar->new(directory => $plain->{directory}, name => 's' . ++$number, settings => $settings, %args);
}

sub write_text
{
	my ($path, $text) = @_;
	open(my $file, '>', $path) or die "$path: $!";
	print $file $text;
	close $file or die "$path: $!";
	return $path;
}

# `multiregiond settings`: exit code, what it says, and name => [who reads it, source, value].
sub settings_of
{
	my ($sidecar, @arguments) = @_;
	my ($code, $output) = $sidecar->run(@arguments, 'settings');
	is($sidecar->findings, '', 'the sanitizers found nothing');
	return ($code, $output, { map { /^(\S+)\s+(sidecar|cluster|join|later)\s+(environment|line \d+|default|not set)\s+(.*)$/
				? ($1 => [ $2, $3, $4 ]) : () } split /\n/, $output });
}

# --- the example ------------------------------------------------------------------------

my ($code, $output, $shown) = settings_of(sidecar({}), '--env-file', "$ENV{MR_TOP}/.env.multiregion.example");
is($code, 0, 'the example can be used as it is') or diag($output);
unlike($output, qr/warning|error/i, 'and nothing is to be said about it');
is_deeply([ @{ $shown->{$_->[0]} }[ 0, 2 ] ], [ @$_[ 1, 2 ] ], "$_->[0] is $_->[2]") foreach
	[ ENABLE_MULTI_REGION => 'sidecar', 'false' ], [ AUTO_FAILOVER_ENABLED => 'cluster', 'true' ],
	[ HEALTH_CHECK_INTERVAL => 'cluster', '30000' ], [ MAX_CONSECUTIVE_FAILURES => 'cluster', '3' ],
	[ FAILBACK_ENABLED => 'cluster', 'true' ], [ FAILBACK_DELAY => 'cluster', '300000' ],
	[ REDIS_MODE => 'later', 'standalone' ], [ CDN_ENABLED => 'later', 'false' ],
	[ ENABLE_CROSS_REGION_PROXY => 'sidecar', 'true' ], [ DEPLOYMENT_REGION => 'sidecar', 'US_EAST' ];
like($shown->{HEALTH_CHECK_INTERVAL}[1], qr/^line \d+$/, 'with the line it stands in');
# Who could read the file could come in.
foreach my $name (qw(MULTIREGION_API_TOKEN MULTIREGION_BASIC_AUTH MULTIREGION_JWT_KEY))
{
	my $open = sidecar({ $name => ($name =~ /BASIC/ ? 'name:' : '') . '0123456789abcdef0123456789abcdef' });
	(undef, my $quiet) = $open->run('settings');
	unlike($quiet, qr/may read it/, "$name in a file of its owner alone");
	chmod 0640, $open->folder . '/.env.multiregion';
	(undef, my $warned) = $open->run('settings');
	like($warned, qr/holds a secret and others than its owner may read it: chmod 600 it/, '... and in one of others');
}
# Without any file the defaults are the same.
my (undef, undef, $bare) = settings_of(sidecar({}));
is($bare->{$_}[2], $shown->{$_}[2], "$_ has the same default without the file")
	foreach grep { $_ ne 'DEPLOYMENT_REGION' && $_ ne 'MULTIREGION_HTTP_LISTEN' } sort keys %$shown;
is($bare->{HEALTH_CHECK_INTERVAL}[1], 'default', 'and is shown as one');

# Everything that is commented out there can be used as well.
open(my $file, '<', "$ENV{MR_TOP}/.env.multiregion.example") or die "$!";
my @lines = grep { !/_FILE=/ || /CONFIG_FILE=/ } map { s/^#(?=[A-Z][A-Z0-9_]*=)//r } <$file>;
close $file;
my $full = sidecar({});
($code, $output, $shown) = settings_of($full, '--env-file',
	write_text($full->folder . '/full', join('', map { s/^(ENABLE_MULTI_REGION)=.*/$1=true/r } @lines)));
is($code, 0, 'the example with all of its lines can be used') or diag($output);
is(join("\n", grep { /warning|error/ } split /\n/, $output) =~ s/^.*?(?=\w+ \(line)//gmr,
	join("\n", map { "$_ is not used by this version" } map { my $name = $_; my ($at) = grep { $lines[$_ - 1] =~ /^$name=/ } 1 .. @lines;
			"$name (line $at)" } qw(REDIS_CLUSTER_US_EAST CDN_PROVIDER)), 'only what is for later is warned of');

# --- what is shown, and what is not -------------------------------------------------------

my $secret = write_text("$plain->{directory}/secret", "postgresql://postgres:sesame\@127.0.0.1:$port/postgres\n");
my %settings = (DEPLOYMENT_REGION => 'us_east', DATABASE_URL_US_EAST_PRIMARY_FILE => $secret,
	MULTIREGION_ADMIN_DATABASE_URL => "postgresql://postgres:sesame\@127.0.0.1:$port/postgres", REGION_SA_EAST_NAME => 'South');
($code, $output, $shown) = settings_of(sidecar(\%settings, environment => { MULTIREGION_STALE_AFTER => 5000 }));
is($code, 0, 'settings of all kinds');
is_deeply($shown->{MULTIREGION_STALE_AFTER}, [ 'sidecar', 'environment', '5000' ], 'the environment is named as a source');
like("@{$shown->{DATABASE_URL_US_EAST_PRIMARY}}", qr/^cluster line \d+ \(not shown\)$/, 'a secret from a file is there, and not shown');
like("@{$shown->{MULTIREGION_ADMIN_DATABASE_URL}}", qr/^cluster line \d+ \(not shown\)$/, 'nor is one that stands in the settings');
like("@{$shown->{REGION_SA_EAST_NAME}}", qr/^cluster line \d+ South$/, 'names with a region are shown with it');
unlike($output, qr/sesame/, 'no secret anywhere');
($code, $output) = settings_of(sidecar({ %settings, HEALTH_CHECK_INTERVAL => 'soon', HEALTHCHECK_INTERVAL => 1 }));
is($code, 2, 'wrong settings have an exit code of their own');
like($output, qr/error: HEALTH_CHECK_INTERVAL: "soon"/, 'and are named');
like($output, qr/warning: HEALTHCHECK_INTERVAL \(line \d+\) is not a setting of multiregiond; did you mean HEALTH_CHECK_INTERVAL\?/,
	'a misspelled name gets a hint');

# --- the sidecar of one server --------------------------------------------------------------

sub get
{
	my ($sidecar, $path) = @_;
	return MultiRegion::Http->get($sidecar->port, $path) // { json => {}, status => 'none' };
}

sub wait_for_reason
{
	my ($sidecar, $reason) = @_;
	return $sidecar->poll_until(sub { (get($sidecar, '/api/health')->{json}{reason} // '') eq $reason }, 10, $reason);
}

my $one = sidecar({ %settings, ENABLE_MULTI_REGION => 'false' });
($code, $output) = $one->run('init');
is($code, 0, 'init of a sidecar without regions succeeds');
like($output, qr/nothing to do/, 'it does nothing');
is($server->value(q{SELECT count(*) FROM pg_extension WHERE extname = 'multiregion'}), 0, 'which is true');
$server->safe_psql($_) foreach 'CREATE EXTENSION multiregion', 'ALTER ROLE multiregion_api LOGIN';
$one->start;
wait_for_reason($one, 'unmanaged');
my $health = get($one, '/api/health');
is("$health->{status} $health->{json}{status} $health->{json}{role} $health->{json}{region}", '200 healthy primary US_EAST',
	'the one server serves');
is($health->{json}{epoch}, undef, 'without any lease');
my $status = get($one, '/api/regions/status')->{json};
is(($status->{enabled} ? 'on' : 'off') . ($status->{managed} ? ' managed' : ' unmanaged'), 'off unmanaged', 'the status says so');
is("$status->{currentRegion} $status->{primaryRegion}", 'US_EAST US_EAST', 'and which region it is in');
is(join(' ', map { $_->{regionKey} } @{ get($one, '/api/regions')->{json}{regions} }), 'US_EAST SA_EAST',
	'the regions are those of the settings');
is(get($one, '/api/regions/health/database')->{json}{status}, 'healthy', 'the database is healthy');
is(get($one, '/api/regions/tenant/acme/region')->{json}{regionKey}, 'US_EAST', 'a tenant is at home in the one region');
is($server->lease_status->{managed} . $server->lease_status->{fenced}, 'ff', 'the server is neither managed nor fenced');
ok(!-e $server->state_directory . '/state', 'it has no vote to remember');
$server->safe_psql('CREATE TABLE written AS SELECT 1 AS id');
is($server->value('SELECT count(*) FROM written'), 1, 'writes pass');
# A region that somebody adds counts, not those of the settings.
$server->safe_psql(q{SELECT add_region('EU_WEST', 'eu-west-1')});
$one->poll_until(sub { join(' ', map { $_->{regionKey} } @{ get($one, '/api/regions')->{json}{regions} }) eq 'EU_WEST' }, 10,
	'the region of the table');
$server->safe_psql(q{SELECT drop_region('EU_WEST')});
$one->poll_until(sub { join(' ', map { $_->{regionKey} } @{ get($one, '/api/regions')->{json}{regions} }) eq 'US_EAST SA_EAST' }, 10,
	'those of the settings again');
# A reload changes what the regions are called, but not what the sidecar is.
$one->write_settings(REGION_SA_EAST_NAME => 'Elsewhere', ENABLE_MULTI_REGION => 'true');
$one->signal('HUP');
$one->poll_until(sub { $one->log_text =~ /reloaded the settings/ }, 5, 'the reload');
like($one->log_text, qr/ENABLE_MULTI_REGION and MULTIREGION_HTTP_LISTEN take effect at a restart/, 'what needs a restart is said');
wait_for_reason($one, 'unmanaged');
is(get($one, '/api/regions')->{json}{regions}[1]{name}, 'Elsewhere', 'the regions are those of the new settings');
# Without the database's address it goes on with the old one.
$one->write_settings(DATABASE_URL_US_EAST_PRIMARY_FILE => undef, ENABLE_MULTI_REGION => 'false');
$one->signal('HUP');
$one->poll_until(sub { $one->log_text =~ /whether a local database is watched changes at a restart/ }, 5, 'the second reload');
wait_for_reason($one, 'unmanaged');
is($one->stop('INT') >> 8, 0, 'it stops');
is($one->findings, '', 'and the sanitizers found nothing');
unlike($one->log_text . $server->log_text, qr/sesame/, 'no secret in any log');

# --- beside a member of a cluster it says what is true ------------------------------------------

my $member = $single->wait_for_leader;
my $beside = sidecar({ MULTIREGION_DATABASE_URL => 'postgresql://127.0.0.1:' . $member->port . '/postgres' })->start;
wait_for_reason($beside, 'writable_primary');
$status = get($beside, '/api/regions/status')->{json};
is(($status->{enabled} ? 'on' : 'off') . ($status->{managed} ? ' managed' : ' unmanaged'), 'off managed',
	'beside a member the status is that of a member');
like($beside->log_text, qr/is not true, but the local server is a member of a cluster, with its fence and lease; multiregion\.leave\(\)/,
	'and the contradiction is in the log');
is($member->lease_status->{writable}, 't', 'the member keeps its lease');
is($beside->stop('INT') >> 8, 0, 'it stops');

done_testing();
