# Debian's vip-manager, unmodified, moves a virtual address by what multiregiond says as etcd: to
# the primary, through a switchover and a killed region, and away from a frozen one. Method: a
# cluster of three; for each node a network namespace as its machine, with a vip-manager that
# reaches the node's multiregiond through a relay to its unix socket, and `ip monitor` that
# tells of the address.
use strict;
use warnings;

use File::Temp ();
use POSIX ();
use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Http;

my $manager = '/usr/bin/vip-manager';
my $unshare = 'unshare --map-root-user --net --pid --fork --mount-proc --kill-child';
plan skip_all => 'vip-manager is not installed' if !-x $manager;
plan skip_all => 'iproute2 is not installed' if !grep { -x "$_/ip" } qw(/sbin /usr/sbin /bin);
plan skip_all => 'this user cannot make network namespaces'
	if system("$unshare /sbin/ip link add v0 type veth peer name v1 2>/dev/null") != 0;

my $sockets = File::Temp::tempdir(CLEANUP => 1);
my $cluster = MultiRegion::Cluster->new(regions => 3, sidecars => 1, policy => { failback => 'off' },
	sidecar_settings => sub {
		my ($node) = @_;
		return (MULTIREGION_HTTP_LISTEN => '127.0.0.1:' . $node->http_port . ", unix:$sockets/" . $node->name);
	});
$cluster->start;
my $leader = $cluster->wait_for_leader;
my $address = '10.9.0.100';

# --- machines ----------------------------------------------------------------------------------

my $relay = <<'PERL';
use IO::Select; use IO::Socket::INET; use IO::Socket::UNIX;
$SIG{CHLD} = 'IGNORE';
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 2379, Listen => 16, ReuseAddr => 1) or die "2379: $!";
while (my $client = $listener->accept)
{
	next if fork;
	my $server = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit;
	my $both = IO::Select->new($client, $server);
	while (my @ready = $both->can_read)
	{
		foreach my $from (@ready) { sysread($from, my $part, 65536) or exit; syswrite($from == $client ? $server : $client, $part); }
	}
}
PERL
open(my $file, '>', "$sockets/relay.pl") or die "relay.pl: $!";
print $file $relay;
close $file or die "relay.pl: $!";

my (%events, @machines);
foreach my $node ($cluster->nodes)
{
	my $name = $node->name;
	$events{$name} = "$sockets/$name.events";
	my $script = <<~"SH";
		set -e
		export PATH=\$PATH:/sbin:/usr/sbin
		ip link set lo up
		ip link add v0 type veth peer name v1
		ip address add 10.9.0.1/24 dev v0
		ip link set v0 up
		ip link set v1 up
		perl $sockets/relay.pl $sockets/$name &
		ip monitor address >$events{$name} &
		exec $manager --ip $address --netmask 24 --interface v0 --dcs-type etcd --dcs-endpoints http://127.0.0.1:2379 \\
			--trigger-key /service/multiregion/leader --trigger-value $name --interval 200
		SH
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$cluster->{log_directory}/vip-manager-$name.log") or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT);
		exec(split(' ', $unshare), 'bash', '-c', $script) or POSIX::_exit(127);
	}
	push @machines, $pid;
}

END
{
	my $status = $?;
	kill 'KILL', $_ foreach @machines;
	waitpid($_, 0) foreach @machines;
	$? = $status;
}

# Whether a node's machine has the address.
sub has_address
{
	my ($node) = @_;
	open(my $in, '<', $events{ $node->name }) or return 0;
	my ($last) = grep { /inet \Q$address\E/ } reverse <$in>;
	return defined $last && $last !~ /^Deleted/ ? 1 : 0;
}

sub holders { return join ' ', map { $_->name } grep { has_address($_) } $cluster->nodes }

sub wait_for_holder
{
	my ($node, $what) = @_;
	eval { $cluster->poll_until(sub { holders() eq $node->name }, 30, $what) };
	is(holders(), $node->name, $what) or diag(map { `tail -n 5 '$cluster->{log_directory}/vip-manager-@{[ $_->name ]}.log'` } $cluster->nodes);
	return;
}

# --- the address ---------------------------------------------------------------------------------

wait_for_holder($leader, 'the primary has the address, and nobody else');

my ($second) = grep { $_ != $leader } $cluster->nodes;
$cluster->wait_complete(60);
$leader->safe_psql(sprintf(q{SELECT switchover('%s')}, $second->name), timeout => 30);
wait_for_holder($second, 'a switchover takes it along');

$cluster->wait_complete(60);
$second->kill_all;
my $third = $cluster->wait_for_leader(not => $second);
wait_for_holder($third, 'a killed region loses it to the next primary');

$second->start;
$cluster->wait_complete(60);
$third->freeze;
my $fourth = $cluster->wait_for_leader(not => $third);
wait_for_holder($fourth, 'so does a frozen one');
$third->thaw;
$cluster->wait_complete(60);
wait_for_holder($fourth, 'which does not get it back');

# --- its question, by hand -------------------------------------------------------------------------

foreach my $node ($cluster->nodes)
{
	my ($said, $wanted) = ('', '200 /service/batman/leader ' . $fourth->name);
	eval {
		$cluster->poll_until(
			sub {
				my $answer = MultiRegion::Http->raw($node->http_port, "GET /v2/keys/service/batman/leader?quorum=true&recursive=false&sorted=false HTTP/1.1\r\n"
						. "Host: 127.0.0.1:2379\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n");
				$said = join ' ', $answer->{status}, map { $answer->{json}{node}{$_} // '' } qw(key value);
				$said eq $wanted;
			}, 20, 'the answer');
	};
	is($said, $wanted, $node->name . ' says who leads');
}
foreach my $case ([ '%22%0A%C3%A4', 200 ], [ '%ff', 400 ], [ '%00', 400 ], [ 'x' x 600, 400 ], [ '%zz', 400 ], [ '', 404 ])
{
	my ($scope, $status) = @$case;
	my $answer = MultiRegion::Http->raw($fourth->http_port, "GET /v2/keys/service/$scope/leader HTTP/1.1\r\nHost: a\r\n\r\n");
	is("$answer->{status}" . (ref $answer->{json} ? '' : ' without JSON'), $status, "a scope '" . substr($scope, 0, 12) . "'");
}
my ($alone, @gone) = ($fourth, grep { $_ != $fourth } $cluster->nodes);
$_->kill_all foreach @gone;
my $code = '';
$cluster->poll_until(
	sub {
		my $answer = MultiRegion::Http->raw($alone->http_port, "GET /v2/keys/service/x/leader HTTP/1.1\r\nHost: a\r\n\r\n");
		$code = "$answer->{status} " . ($answer->{json}{code} // '');
		$code =~ /^404/;
	}, 30, 'the lease to run out');
is($code, '404 no_leader', 'who has lost its majority leads no more');
$cluster->poll_until(sub { holders() eq '' }, 30, 'the address to be given up');
pass('and has no address');

done_testing();
