# Who is the primary, whatever happens to it: its server killed, cut off, frozen, its lease
# worker alone frozen, and a switchover. Whoever is asked, and when, no sidecar says 200 on
# /primary while another one does; and clients of HAProxy, with the configuration of
# Patroni's documentation and with that of docs/routing.md, find the primary by these
# answers. Method: one cluster of three regions with their sidecars and both HAProxys, each
# fault on the node that leads; what HAProxy needs is waited for while other things are tried.
use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Cluster;
use MultiRegion::Http;
use MultiRegion::Ports qw(free_port);
use POSIX ();
use MultiRegion::Session;
use MultiRegion::Sidecar;

my ($program) = grep { -x } '/usr/sbin/haproxy', '/usr/local/sbin/haproxy', '/usr/bin/haproxy';
plan skip_all => 'haproxy is not installed' unless $program;

my $secret = 'test-token-0123456789';
my $cluster = MultiRegion::Cluster->new(
	regions => 3, sidecars => 1, links => 1, policy => { health_check_interval => '300ms', failback => 'off' },
	# A patient sidecar: only the lease keeps it from saying yes for a server that stands still.
	sidecar_settings => { MULTIREGION_API_TOKEN => $secret, MULTIREGION_STALE_AFTER => 30000,
		MULTIREGION_DATABASE_TIMEOUT => 30000 });
$cluster->start;
my $leader = $cluster->wait_for_leader;

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub ask { my ($node, @request) = @_; return MultiRegion::Http->ask($node->http_port, @request) }

sub code { return ask($_[0], 'GET', $_[1], timeout => 3)->{status} }

# --- HAProxy ---------------------------------------------------------------------------------

# Starts HAProxy with a configuration, below the cluster's folder, where the guard finds it.
sub start_haproxy
{
	my ($name, $text) = @_;
	my $folder = "$cluster->{directory}/$name";

	mkdir $folder or die "$folder: $!";
	open(my $file, '>', "$folder/haproxy.cfg") or die "$folder: $!";
	print $file $text;
	close $file;
	my $pid = fork() // die "fork: $!";
	return $pid if $pid;
	chdir $folder or POSIX::_exit(126);
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>', "$cluster->{log_directory}/$name.log");
	open(STDERR, '>&', \*STDOUT);
	exec($program, '-db', '-f', 'haproxy.cfg') or POSIX::_exit(127);
}

# As Patroni's repository has it (haproxy.cfg), and its documentation for the replicas.
my ($stats, $stock, $stock_replicas) = map { free_port() } 1 .. 3;
my $servers = join('', map { sprintf "    server postgresql_127.0.0.1_%d 127.0.0.1:%d maxconn 100 check port %d\n", $_->port, $_->port, $_->http_port }
		$cluster->nodes);
my @haproxies = start_haproxy('stock', <<"TEXT");
global
    maxconn 100

defaults
    log global
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s

listen stats
    mode http
    bind 127.0.0.1:$stats
    stats enable
    stats uri /

listen primary
    bind 127.0.0.1:$stock
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions
$servers
listen replicas
    bind 127.0.0.1:$stock_replicas
    option httpchk OPTIONS /replica
    http-check expect status 200
    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions
$servers
TEXT

# That of the manual, with these addresses.
my ($write, $read) = map { free_port() } 1 .. 2;
open(my $manual, '<', "$ENV{MR_TOP}/docs/routing.md") or die "docs/routing.md: $!";
my ($text) = do { local $/; <$manual> } =~ /^```haproxy\n(.*?)^```$/ms or die 'docs/routing.md has no configuration of HAProxy';
my %place = ('us-1' => $cluster->node(0), 'eu-1' => $cluster->node(1), 'ap-1' => $cluster->node(2));
$text =~ s/\b(us-1|eu-1|ap-1)\.db\.example\.com:5432 check port 3000/'127.0.0.1:' . $place{$1}->port . ' check port ' . $place{$1}->http_port/ge;
$text =~ s/agent-addr (us-1|eu-1|ap-1)\.db\.example\.com agent-port 3000/"agent-addr 127.0.0.1 agent-port " . $place{$1}->http_port/ge;
$text =~ s/bind \*:5000/bind 127.0.0.1:$write/;
$text =~ s/bind \*:5001/bind 127.0.0.1:$read/;
unlike($text, qr/example/, 'the manual has a configuration that can be used');
push @haproxies, start_haproxy('manual', $text);

# The agent check, as the manual of the API writes it.
my $admin = free_port();
my $agents = join('', map { '    server ' . $_->name . ' 127.0.0.1:' . $_->port . ' agent-check agent-port ' . $_->http_port
			. qq{ agent-inter 500ms agent-send "GET /agent HTTP/1.0\\r\\n\\r\\n"\n} } $cluster->nodes);
push @haproxies, start_haproxy('agent', <<"TEXT");
global
    stats socket 127.0.0.1:$admin
defaults
    mode tcp
    timeout connect 2s
    timeout client 30s
    timeout server 30s
listen agents
    bind 127.0.0.1:@{[ free_port() ]}
$agents
TEXT

# What HAProxy makes of a node's agent: status of the server, of the agent check.
sub agent
{
	my ($node) = @_;
	my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$admin") or return '';
	print $client "show stat\n";
	my (@names, %field);
	while (my $line = <$client>)
	{
		chomp $line;
		@names = split /,/, $line =~ s/^# //r if $line =~ /^#/;
		my @values = split /,/, $line, -1;
		@field{@names} = @values if ($values[1] // '') eq $node->name;
	}
	return join(' ', map { $_ // '' } @field{qw(status agent_status)});
}

# Who answers behind a port: its port, and whether it is in recovery; undef if nobody does.
sub behind
{
	my ($port) = @_;
	my $session = MultiRegion::Session->connect(port => $port, timeout => 3) or return undef;
	my $row = $session->query(q{SELECT current_setting('port') || ' ' || pg_is_in_recovery()}, timeout => 3)->{rows};
	return $row && @$row ? $row->[0][0] : undef;
}

# In turn, so that three connections would show another server.
sub leads_behind { return !grep { (behind($_[0]) // '') ne $leader->port . ' false' } 1 .. 3 }

# Until all ports lead where they must; a write goes through.
sub wait_haproxy
{
	my ($what) = @_;
	my $began = now();
	my %after;

	$cluster->poll_until(
		sub {
			foreach my $port ($stock, $write)
			{
				$after{$port} //= now() - $began if leads_behind($port);
			}
			return keys %after == 2;
		}, 40, "$what: HAProxy to find " . $leader->name);
	my $session = MultiRegion::Session->connect(port => $stock, timeout => 5);
	$session->query('INSERT INTO marks VALUES (1)', timeout => 5);
	pass(sprintf '%s: clients of HAProxy write again, by the stock configuration after %.1f s, by the manual\'s after %.1f s', $what, @after{ $stock, $write });
	return;
}

# --- who leads -----------------------------------------------------------------------------------

# Asks all sidecars in turn until the condition is true: a list of [node, 200 or not].
my @seen;

sub watch
{
	my ($condition, $timeout, $what) = @_;
	my $deadline = now() + $timeout;

	for (;;)
	{
		foreach my $node ($cluster->nodes)
		{
			push @seen, [ $node->name, code($node, '/primary') eq 200 ? 1 : 0 ];
		}
		return if $condition->();
		die "waited $timeout s in vain for $what\n" . $cluster->describe if now() > $deadline;
	}
	return;
}

# Node A said yes before node B did and after: then both were primaries at one time.
sub one_at_a_time
{
	my ($what) = @_;
	my ($last, %done) = ('');
	my $wrong = 0;

	foreach my $answer (grep { $_->[1] } @seen)
	{
		next if $answer->[0] eq $last;
		$wrong++ if $done{ $answer->[0] };
		$done{$last} = 1 if $last ne '';
		$last = $answer->[0];
	}
	is($wrong, 0, "$what: never two that say 200 on /primary (" . scalar(@seen) . ' answers)');
	@seen = ();
	return;
}

sub others_lead
{
	my ($old) = @_;
	return scalar grep { $_ != $old && code($_, '/primary') eq 200 } $cluster->nodes;
}

# What the sidecar of a primary that cannot be asked says: all but a writer.
sub no_writer
{
	my ($node, $what) = @_;
	my @writes = grep { code($node, $_) eq 200 } '/', '/primary', '/master', '/read-write', '/leader', '/read-only',
		'/node/is-read-write', '/health/primary', '/readiness', '/connection/is-ready', '/read-only-sync';
	is("@writes", '', "$what: nothing implies a writer");
	is(code($node, '/liveness') . code($node, '/patroni') . code($node, '/cluster'), '200200200', "$what: it answers");
	isnt(ask($node, 'GET', '/patroni')->{json}{role}, 'primary', "$what: it is called no primary");
	return;
}


my %faults = (
	killed => [ sub { $_[0]->kill_all }, sub { $_[0]->start } ],
	'cut off' => [ sub { $cluster->cut($_[0]) }, sub { $cluster->heal($_[0]) } ],
	frozen => [
		sub {
			my %sidecars = map { $_ => 1 } $_[0]->processes(qr/multiregiond/);
			@{ $_[0]{stopped} } = grep { !$sidecars{$_} } MultiRegion::Process::processes_in($_[0]->directory);
			kill 'STOP', @{ $_[0]{stopped} };
		},
		sub { kill 'CONT', @{ $_[0]{stopped} } } ],
	'without its lease worker' => [
		sub { $_[0]->freeze_workers(qr/lease/) },
		sub { $_[0]->thaw_workers } ]);

sub wait_ready
{
	$leader = $cluster->wait_for_leader;
	$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);
	$cluster->poll_until(
		sub {
			code($leader, '/primary') eq 200 && 2 == grep { code($_, '/readiness') eq 200
					&& (ask($_, 'GET', '/patroni')->{json}{multiregion}{primaryNode} // '') eq $leader->name }
				grep { $_ != $leader } $cluster->nodes;
		}, 30, 'the sidecars to see it');
	return;
}

wait_ready();
$leader->safe_psql('CREATE TABLE marks (id int)');
wait_haproxy('at the start');
# HAProxy takes all servers for well until their first checks.
my @readers;
$cluster->poll_until(
	sub {
		my %who = map { $_ => 1 } grep { defined } map { behind($read) } 1 .. 4;
		@readers = sort keys %who;
		return join(' ', @readers) eq join(' ', sort map { $_->port . ' true' } grep { $_ != $leader } $cluster->nodes);
	}, 20, 'both standbys to be read from');
pass('the port for reading leads to both standbys, not to the primary');
$cluster->poll_until(sub { (behind($stock_replicas) // '') =~ / true$/ }, 20, 'the stock port for replicas');
pass('so does the stock one');

$cluster->poll_until(sub { 3 == grep { agent($_) =~ /L7OK$/ } $cluster->nodes }, 20, 'the agents of three servers');
pass('the agent check finds all of them up');

# A client that sits on its session is moved, too.
my $old = $leader;
my $sitting = MultiRegion::Session->connect(port => $stock, timeout => 5);
my ($target) = grep { $_ != $leader } $cluster->nodes;
my $order = MultiRegion::Http->connect($leader->http_port);
$order->send(MultiRegion::Http->request_text('POST', '/switchover', headers => ["Authorization: Bearer $secret"],
		body => JSON::PP->new->encode({ leader => $leader->name, candidate => $target->name })));
watch(sub { others_lead($old) }, 20, 'the next primary');
is($order->answer(timeout => 40)->{status}, 200, 'a switchover');
watch(sub { code($old, '/replica') eq 200 }, 60, 'the old primary to follow');
one_at_a_time('switchover');
$leader = $cluster->wait_for_leader;
wait_haproxy('switchover');
ok($sitting->query('SELECT 1', timeout => 5)->{lost}, 'switchover: no session stays on the old primary');
wait_ready();

my $last = now();
foreach my $what ('killed', 'frozen', 'cut off', 'without its lease worker')
{
	$old = $leader;
	$sitting = MultiRegion::Session->connect(port => $stock, timeout => 5);
	$faults{$what}[0]->($old);
	watch(sub { others_lead($old) }, 30, "$what: the next primary");
	no_writer($old, $what) if $what ne 'killed';
	$cluster->poll_until(sub { agent($old) =~ /^DOWN/ }, 10, 'its agent to say down') if $what eq 'frozen';
	$leader = $cluster->wait_for_leader(not => $old);
	if ($what eq 'killed' || $what eq 'frozen')
	{
		wait_haproxy($what);
		$cluster->poll_until(sub { $sitting->query('SELECT 1', timeout => 1)->{lost} }, 30, 'the session to be ended')
			if $what eq 'frozen';
	}
	$faults{$what}[1]->($old);
	watch(sub { code($old, '/replica') eq 200 && code($old, '/primary') eq 503 }, 60, "$what: it to follow");
	one_at_a_time($what);
	wait_ready();
	note(sprintf '%s: %.1f s', $what, now() - $last);
	$last = now();
}

foreach my $pid (@haproxies)
{
	kill 'TERM', $pid;
	waitpid($pid, 0);
}
foreach my $node ($cluster->nodes)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
}

done_testing();
