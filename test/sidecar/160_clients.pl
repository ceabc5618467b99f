# Applications outlive a change of the primary without a restart, and users see what they have
# written: the middleware for Express, WSGI and ASGI behind real servers, and the recipes of
# docs/clients.md, each with the same pool objects through a switchover and the death of the
# primary's region. Method: one cluster; each recipe as a process with four clients that write
# and read what they wrote, until the end.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use MultiRegion::Clients;
use MultiRegion::Cluster;
use MultiRegion::Http;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Sidecar;

my ($have, $why) = MultiRegion::Clients::available();
plan skip_all => join('; ', map { $why->{$_} } sort keys %$why) unless %$have;

my ($clients_each, $began) = (4, time);
sub now_doing { note(sprintf '%.1f s: %s', time - $began, $_[0]); return }
my $cluster = MultiRegion::Cluster->new(regions => 3, sidecars => 1,
	policy => { health_check_interval => '300ms', failback => 'off' });
my ($us, $eu, $ap) = $cluster->nodes;
my @near = ($ap, $eu, $us); # where the clients live, and where that is near to
my $clients = MultiRegion::Clients->new($cluster->{directory}, modules => $have->{node},
	environment => {
		PGHOST => join(',', map { '127.0.0.1' } @near), PGPORT => join(',', map { $_->port } @near),
		PGUSER => 'postgres', PGDATABASE => 'postgres', JDBC_HOSTS => join(',', map { '127.0.0.1:' . $_->port } @near),
		SIDECARS => join(',', map { 'http://127.0.0.1:' . $_->http_port } @near),
		SIDECAR => 'http://127.0.0.1:' . $ap->http_port, PYTHONDONTWRITEBYTECODE => 1, NODE_OPTIONS => '--max-old-space-size=256' });
$clients->start('javac', 'javac', '-proc:none', '-cp', $have->{java}, 'Jdbc.java', 'Load.java') if $have->{java};
$cluster->start;
now_doing('started the cluster');
$us->safe_psql('CREATE TABLE note (id serial PRIMARY KEY)');
$us->safe_psql("SELECT set_tenant_region('us', 'US_EAST'), set_tenant_region('ap', 'AP_SOUTHEAST')");
$cluster->wait_caught_up;

# --- what is started ----------------------------------------------------------------------------

my %app;
if ($have->{node})
{
	$app{express} = free_port();
	$clients->start('app-express', 'node', 'express_app.mjs', $app{express}, 'http://127.0.0.1:' . $ap->http_port);
}
if ($have->{python})
{
	@app{qw(wsgi asgi)} = (free_port(), free_port());
	$clients->start('app-wsgi', $have->{python}, '-m', 'gunicorn', '-b', "127.0.0.1:$app{wsgi}", '--threads', 4, 'wsgi_app');
	$clients->start('app-asgi', $have->{python}, '-m', 'uvicorn', '--log-level', 'warning', '--port', $app{asgi}, 'asgi_app:application');
}
now_doing('started the clients');
sub get { my ($name, $path, @headers) = @_; return MultiRegion::Http->get($app{$name}, $path, headers => \@headers) }
sub post { my ($name, @headers) = @_; return MultiRegion::Http->connect($app{$name})->request('POST', '/notes', headers => [ @headers, 'Content-Length: 0' ]) }
sub newest { return $_[0] && $_[0]{status} == 200 ? $_[0]{json}{newest} : undef }
sub cookie { return ($_[0]{headers}{'set-cookie'} // '') =~ /^(multiregion_token=[\w.]+);/ ? "Cookie: $1" : undef }
sub served_by { return $_[0]{headers}{'x-multiregion-served-by'} // '' }

sub is_started
{
	my ($name) = @_;
	my $http = MultiRegion::Http->connect($app{$name}) or return 0;
	return defined newest($http->request('POST', '/notes', headers => ['Content-Length: 0'])) ? 1 : 0;
}

# --- the middleware ------------------------------------------------------------------------------

my ($us_name, $ap_name) = map { $_->name } $us, $ap;
foreach my $name (sort keys %app)
{
	$cluster->poll_until(sub { is_started($name) }, 30, "the application ($name)");
	my $written = post($name);
	like(served_by($written), qr/^AP_SOUTHEAST\/$us_name; reason=lease$/, "$name: a write goes to the primary, and says so");
	like($written->{headers}{'set-cookie'} // '', qr/^multiregion_token=mr1\.[\w.]+;.*HttpOnly/, "$name: its token is in the cookie");
	is("Cookie: multiregion_token=$written->{headers}{'x-multiregion-token'}", cookie($written), "$name: and in a header");
	my ($stale, $near) = (0, 0);
	foreach (1 .. 10)
	{
		my $here = post($name, cookie($written));
		my $read = get($name, '/notes', cookie($here));
		$stale++ if (newest($read) // -1) < newest($here);
		$near++ if served_by($read) =~ m{^AP_SOUTHEAST/$ap_name; };
	}
	is($stale, 0, "$name: each user sees what he has written ($near of 10 read near by)");
	like(served_by(get($name, '/notes', 'X-Tenant: us')), qr{/$us_name; reason=preference$}, "$name: without an endpoint a tenant of elsewhere is served here");
	my $bad = get($name, '/notes', 'Cookie: a=b; multiregion_token=nonsense');
	is($bad->{status}, 200, "$name: a token that is none does no harm");
	like($bad->{headers}{'set-cookie'} // '', qr/^multiregion_token=;/, "$name: and is forgotten");
}

now_doing('wrote and read');
# A standby that stands still: with the token it is passed over, without it shows the past.
$ap->query('SELECT pg_wal_replay_pause()');
my %paused = map { $_ => post($_) } sort keys %app;
foreach my $name (sort keys %app)
{
	my $read = get($name, '/notes', cookie($paused{$name}));
	unlike(served_by($read), qr{/$ap_name;}, "$name: who has written reads elsewhere while the standby lacks it");
	cmp_ok(newest($read), '>=', newest($paused{$name}), "$name: and sees it");
}
$ap->query('SELECT pg_wal_replay_resume()');

# With an endpoint, what belongs elsewhere is sent there, once.
$us->safe_psql("SELECT alter_region('US_EAST', api_endpoint => 'https://us.example/base/')");
$cluster->poll_until(
	sub { defined MultiRegion::Http->get($ap->http_port, '/api/regions/route?op=write')->{json}{apiEndpoint} }, 10, 'the endpoint');
foreach my $name (sort keys %app)
{
	my $sent = get($name, '/notes?a=b%20c', 'X-Tenant: us');
	is("$sent->{status} $sent->{headers}{location}", '307 https://us.example/base/notes?a=b%20c&multiregion_hop=1', "$name: sent to the tenant's region");
	is(get($name, '/notes?multiregion_hop=1', 'X-Tenant: us')->{status}, 200, "$name: but only once");
	is(get($name, '/notes', 'X-Tenant: ap')->{status}, 200, "$name: not what belongs here");
	is(get($name, '/notes')->{status}, 200, "$name: nor what belongs nowhere");
	is(post($name)->{headers}{location}, 'https://us.example/base/notes?multiregion_hop=1', "$name: writes to the region of the primary");
}
$us->safe_psql("SELECT alter_region('US_EAST', api_endpoint => '')");

# --- the recipes through a switchover and a dead region -------------------------------------------

my @loads;
sub start_load { my ($name, @command) = @_; $clients->start($name, @command, $clients_each); push @loads, $name; return }
start_load('node_pg', 'node', 'load.mjs', 'node_pg.mjs') if $have->{node};
start_load('prisma', 'node', 'load.mjs', 'prisma.mjs') if $have->{prisma};
start_load($_, $have->{python}, 'load.py', $_) foreach $have->{python} ? qw(psycopg_pool_recipe sqlalchemy_recipe) : ();
if ($have->{java})
{
	is($clients->finish('javac'), 0, 'the recipe for JDBC compiles') or diag($clients->text('javac', 'err'));
	start_load('jdbc', 'java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', ".:$have->{java}", 'Load');
}


# Whether every client of the load has written and read well since then.
sub is_back
{
	my ($name, $since) = @_;
	my %good;

	$_->{words} eq 'ok' && $_->{began} >= $since and $good{"$_->{client} $_->{name}"} = 1 foreach $clients->lines($name);
	return keys %good == 2 * $clients_each;
}

sub wait_back
{
	my ($what, $since) = @_;
	foreach my $name (@loads)
	{
		$cluster->poll_until(sub { die "$name ended:\n" . $clients->text($name, 'err') unless $clients->is_running($name); is_back($name, $since) },
			40, "$name, $what");
	}
	return;
}

# The primary goes by a deed; all clients are back by themselves. Errors are few: what was
# under way, and once more where a pool lends what it has not yet seen to be broken.
my @events;
sub through
{
	my ($what, $deed) = @_;
	my $from = 1000 * time;
	my $old = $cluster->leader;

	$deed->($old);
	my $next = $cluster->wait_for_leader(not => $old);
	my $led = 1000 * time;
	wait_back($what, $led);
	push @events, { what => $what, from => $from, led => $led, to => 1000 * time, next => $next };
	return;
}

now_doing('waits for all recipes');
wait_back('at the beginning', 0);
now_doing('begins');
through('switchover', sub { $eu->query("SELECT switchover('EU_WEST')", timeout => 20) });
through('dead region', sub { $_[0]->kill_all });

now_doing('all are back');
foreach my $name (sort keys %app)
{
	$cluster->poll_until(sub { defined newest(post($name)) }, 20, "$name after the failover");
	my $written = post($name);
	cmp_ok(newest(get($name, '/notes', cookie($written))) // -1, '>=', newest($written), "$name: goes on after the failover, without a restart");
}
my @frozen = $ap->processes(qr/multiregiond/);
kill 'STOP', @frozen;
foreach my $name (sort keys %app)
{
	my $read = get($name, '/notes');
	is(defined newest($read) ? served_by($read) : "status $read->{status}", '', "$name: without a sidecar it reads as its own settings say");
}
kill 'CONT', @frozen;
now_doing('stops');
$clients->stop_all;
now_doing('stopped');

foreach my $name (@loads)
{
	my @lines = $clients->lines($name);
	my @stale = grep { $_->{words} =~ /^stale/ } @lines;
	cmp_ok(scalar @lines, '>', 50, "$name: " . @lines . ' operations');
	foreach my $event (@events)
	{
		my @errors = grep { $_->{words} =~ /^error/ && $_->{ended} >= $event->{from} && $_->{ended} <= $event->{to} } @lines;
		my %first;
		foreach my $line (grep { $_->{words} eq 'ok' && $_->{name} eq 'write' && $_->{ended} > $event->{led} } @lines)
		{
			$first{ $line->{client} } //= $line->{ended} - $event->{from};
		}
		my ($last) = sort { $b <=> $a } values %first;
		my %kinds;
		$kinds{ (split ' ', $_->{words})[1] }++ foreach @errors;
		note(sprintf '%s, %s: a new primary after %d ms, all clients write again after %d ms, %d errors (%s)', $name, $event->{what},
			$event->{led} - $event->{from}, $last // -1, scalar @errors, join(', ', map { "$kinds{$_} x $_" } sort keys %kinds));
		cmp_ok(scalar @errors, '<=', 3 * $clients_each, "$name: few errors in the $event->{what}");
		$_->{excused} = 1 foreach @errors;
		# What only the killed primary had is lost, and cannot be seen.
		$event->{what} eq 'dead region' && $_->{began} <= $event->{led} + 2000 && $_->{ended} >= $event->{from} and $_->{excused} = 1 foreach @stale;
	}
	is(join('; ', map { "$_->{name} $_->{words}" } grep { $_->{words} ne 'ok' && !$_->{excused} } @lines), '', "$name: no error else, no stale read");
}
foreach my $kind (sort keys %$why)
{
	SKIP: { skip $why->{$kind}, 1; }
}
foreach my $node ($us, $eu, $ap)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
}
done_testing();
