# Bad clients for a while: they abort, send a byte at a time, send garbage, keep connections,
# pipeline, do not read; over TCP, TLS and a unix socket; while good ones are answered, the
# server dies and comes back, and settings are reloaded. The sidecar stays the same process,
# its sanitizers stay silent, its descriptors come back. Method: processes of one bad habit
# each. MR_SOAK_SECONDS=N makes it longer (make soak-http); the seed is printed.
use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Cluster;
use MultiRegion::Http qw(check_answer);
use MultiRegion::Ports qw(free_port);
use MultiRegion::Sidecar;
use MultiRegion::Tls;

my $seconds = $ENV{MR_SOAK_SECONDS} // 5;
my $seed = $ENV{MR_TEST_SEED} // int(rand(2**31));
diag("seed $seed");

my $cluster = MultiRegion::Cluster->new(managed => 0);
$cluster->start;
my $server = $cluster->node(0);
$server->safe_psql($_) foreach 'CREATE EXTENSION multiregion', 'ALTER ROLE multiregion_api LOGIN',
	q{SELECT add_region('US_EAST', 'us-east-1', 'US East')};
my $directory = $cluster->{directory};
my $ca = MultiRegion::Tls->new(script => "$ENV{MR_TOP}/docker/tls/ca.sh", directory => "$directory/ca");
mkdir "$directory/files" or die "$directory/files: $!";
$ca->ca('node', 'api.multiregion.test', '--ip', '127.0.0.1');
$ca->ca('install', 'api.multiregion.test', "$directory/files");
my ($tls_port, $socket) = (free_port(), "$directory/api.sock");
my $sidecar = MultiRegion::Sidecar->new(directory => $directory, name => 'soaked', settings => {
	DEPLOYMENT_REGION => 'US_EAST', MULTIREGION_DATABASE_URL => 'postgresql://127.0.0.1:' . $server->port . '/postgres',
	MULTIREGION_HTTP_TLS_CERT => "$directory/files/node.crt", MULTIREGION_HTTP_TLS_KEY => "$directory/files/node.key",
	MULTIREGION_HTTP_REQUEST_TIMEOUT => 300, MULTIREGION_HTTP_IDLE_TIMEOUT => 2000, MULTIREGION_DRAIN_TIMEOUT => 0,
	MULTIREGION_HTTP_MAX_CONNECTIONS => 200 });
$sidecar->write_settings(MULTIREGION_HTTP_LISTEN => '127.0.0.1:' . $sidecar->port . ", https://127.0.0.1:$tls_port, unix:$socket");
$sidecar->start;
$sidecar->poll_until(sub { -S $socket && (MultiRegion::Http->get($socket, '/api/health') // {})->{status} eq '200' }, 10, 'health');

sub seconds { return clock_gettime(CLOCK_MONOTONIC) }
sub descriptors { my @open = glob('/proc/' . $sidecar->pid . '/fd/*'); return scalar @open }
sub one_of { return $_[ int(rand(@_)) ] }
sub anywhere { return one_of($sidecar->port, $sidecar->port, $socket) }
sub garbage { return join('', map { chr(int(rand(256))) } 1 .. 1 + int(rand($_[0]))) }
sub pause { select(undef, undef, undef, $_[0] * rand(1)); return }

my $known = MultiRegion::Http->request_text('GET', '/api/health');
my @paths = ('/api/health', '/api/regions', '/api/regions/status', '/openapi.json', '/api/regions/tenant/acme/region', '/nowhere');
my %habits = (
	aborts => sub {
		my $http = MultiRegion::Http->connect(anywhere()) or return;
		$http->send(MultiRegion::Http->request_text('GET', one_of(@paths)));
		$http->close;
	},
	aborts_in_the_middle => sub {
		my $http = MultiRegion::Http->connect(anywhere()) or return;
		my $text = MultiRegion::Http->request_text('POST', '/api/cdn/invalidate', body => 'x' x 3000);
		$http->send(substr($text, 0, int(rand(length $text))));
		$http->close;
	},
	is_slow => sub {
		my $http = MultiRegion::Http->connect(anywhere()) or return;
		foreach my $byte (split //, $known) { $http->send($byte) or last; pause(0.02); }
		$http->close;
	},
	sends_garbage => sub {
		my $http = MultiRegion::Http->connect(anywhere()) or return;
		$http->send(one_of(garbage(600), $known . garbage(100), "GET / HTTP/1.1\r\n" . garbage(300) . "\r\n\r\n"));
		$http->answer(timeout => 0.05);
		$http->close;
	},
	shakes_hands_badly => sub {
		my $http = MultiRegion::Http->connect($tls_port) or return;
		$http->send(one_of("\x16\x03\x01\x02\x00", '') . garbage(500));
		pause(0.05);
		$http->close;
	},
	speaks_tls => sub {
		system("exec timeout 2 curl -sk --max-time 1 -o /dev/null https://127.0.0.1:$tls_port/api/health https://127.0.0.1:$tls_port/api/regions");
		pause(0.2);
	},
	pipelines => sub {
		my $http = MultiRegion::Http->connect(anywhere()) or return;
		$http->send(join('', map { MultiRegion::Http->request_text('GET', one_of(@paths)) } 1 .. 1 + int(rand(20))));
		$http->answer(timeout => 1) foreach 1 .. 1 + int(rand(5));
		$http->close;
	},
	does_not_read => sub {
		my $http = MultiRegion::Http->connect(anywhere()) or return;
		foreach (1 .. 300) { last unless syswrite($http->{socket}, one_of($known, MultiRegion::Http->request_text('GET', '/openapi.json'))); }
		pause(0.1);
		$http->close;
	});

# A process of one habit, until the time is over.
sub spoil
{
	my ($name, $until) = @_;
	my $pid = fork() // die "fork: $!";

	return $pid if $pid;
	srand($seed + length $name);
	$SIG{PIPE} = 'IGNORE';
	while (seconds() < $until) { $habits{$name}->(); pause(0.01); }
	POSIX::_exit(0);
}

my $before = descriptors();
my $until = seconds() + $seconds;
my @pids = map { spoil($_, $until) } sort keys %habits;
my ($asked, $good, @problems) = (0, 0);
my $next = seconds() + $seconds / 3;
while (seconds() < $until && $sidecar->is_running && @problems < 5)
{
	my $kept = MultiRegion::Http->connect(anywhere()) or next;
	foreach my $path ((one_of(@paths)) x 3)
	{
		my $answer = $kept->request('GET', $path, timeout => 10) or last;
		$asked++;
		my $problem = check_answer($answer);
		push @problems, "$path: $problem" if $problem;
		$good++ if $answer->{status} =~ /^(?:200|404|503)$/;
	}
	$kept->close;
	next if seconds() < $next;
	$next = seconds() + $seconds / 3;
	$server->signal_stop('immediate') if $server->postmaster;
	$sidecar->signal('HUP');
}
waitpid($_, 0) foreach @pids;
is(join("\n", @problems), '', 'good clients got answers in form');
is($good, $asked, "all $asked with a status of theirs");
cmp_ok($asked, ">", 10, "enough of them");
ok($sidecar->is_running, 'it is still the same process');
$cluster->poll_until(sub { descriptors() <= $before + 5 }, 15, 'the descriptors to be closed, of ' . descriptors());
pass('no descriptor is left');
is(check_answer(MultiRegion::Http->get($_, '/api/regions')), '', "it answers at $_") foreach $sidecar->port, $socket;
is($sidecar->stop('TERM'), 0, 'it ends well');
is($sidecar->findings, '', 'the sanitizers found nothing, and no leak');

done_testing();
