# The link program can be believed: it knows who connects, holds back exactly the
# direction that is cut, loses nothing, and says nothing to either side.
#
# Method: two "nodes" are echo servers of this test; the clients are processes that work
# in a node's folder and relay lines to and from this test.
use strict;
use warnings;

use File::Temp ();
use FindBin;
use IO::Select;
use IO::Socket::INET;
use IPC::Open2;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Link;
use MultiRegion::Ports qw(free_port);

my $top = $ENV{MR_TOP} // "$FindBin::Bin/../..";
my $folder = $ENV{TESTDIR} // File::Temp::tempdir(CLEANUP => 1);
my $program = $ENV{MR_LINK} // "$top/build/test/link.bin";
my %port = map { $_ => free_port() } qw(a b);
my %public = map { $_ => free_port() } qw(a b);
my @children;

# Answers each line with "echo LINE", on any number of connections.
sub echo_server
{
	my ($port) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
		Listen => 10, ReuseAddr => 1) or die "listen: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		my $select = IO::Select->new($listener);
		while (my @ready = $select->can_read)
		{
			foreach my $socket (@ready)
			{
				if ($socket == $listener) { $select->add(scalar $listener->accept); next; }
				my $read = sysread($socket, my $data, 4096);
				if ($read) { syswrite($socket, "echo $data"); next; }
				$select->remove($socket);
				close $socket;
			}
		}
	}
	push @children, $pid;
	return;
}

# A program in a folder that connects to a port and relays standard input and output.
my $relay = <<'END';
use IO::Socket::INET; use IO::Select;
my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $ARGV[0]) or die;
$| = 1;
my $select = IO::Select->new($s, \*STDIN);
while (my @ready = $select->can_read) {
	for my $from (@ready) {
		my $read = sysread($from, my $data, 4096);
		if ($from == $s && !$read) { print defined $read ? "ended\n" : "reset\n"; exit; }
		exit unless $read;
		if ($from == $s) { print $data } else { syswrite($s, $data) }
	}
}
END

sub client
{
	my ($where, $port) = @_;
	my $pid = open2(my $out, my $in, 'sh', '-c', 'cd "$1" && exec perl -e "$2" "$3"', 'sh',
		$where, $relay, $port);
	$in->autoflush(1);
	push @children, $pid;
	return { in => $in, out => $out };
}

# The next line from a client within so many seconds, or ''.
sub hear
{
	my ($client, $seconds) = @_;
	return '' unless IO::Select->new($client->{out})->can_read($seconds);
	return readline($client->{out}) // '';
}

sub say_to
{
	my ($client, $text) = @_;
	print { $client->{in} } "$text\n";
	return;
}

$SIG{PIPE} = 'IGNORE';
mkdir "$folder/$_" foreach qw(a b elsewhere);
echo_server($port{$_}) foreach qw(a b);
my $link = MultiRegion::Link->new($program, map { "$_:$public{$_}:$port{$_}:$folder/$_" } qw(a b));

my $a_to_b = client("$folder/a", $public{b});
my $b_to_a = client("$folder/b", $public{a});
my $stranger = client("$folder/elsewhere", $public{b});
foreach my $client ($a_to_b, $b_to_a, $stranger)
{
	say_to($client, 'hello');
	is(hear($client, 5), "echo hello\n", 'a connection goes through');
}

$link->command('cut a b');
say_to($_, 'one') foreach $a_to_b, $b_to_a, $stranger;
is(hear($stranger, 5), "echo one\n", 'who is no node is not concerned by a cut');
is(hear($a_to_b, 0.3), '', 'what a sends to b is held back');
is(hear($b_to_a, 0.1), '', 'so is what a answers to b');
$link->command('heal a b');
is(hear($a_to_b, 5), "echo one\n", 'it arrives after the cut');
is(hear($b_to_a, 5), "echo one\n", 'the answer arrives after the cut');

$link->command('cut b a');
my $late = client("$folder/a", $public{b});
say_to($late, 'first');
is(hear($late, 0.3), '', 'a connection made during a cut reaches nobody');
close $a_to_b->{in};
is(hear($a_to_b, 0.3), '', 'the end of a connection is not seen through a cut');
$link->command('heal * *');
is(hear($late, 5), "echo first\n", 'it gets through after the cut');

$link->command('delay a b 200');
my $start = clock_gettime(CLOCK_MONOTONIC);
say_to($late, 'slow');
is(hear($late, 5), "echo slow\n", 'a delayed line arrives');
cmp_ok(clock_gettime(CLOCK_MONOTONIC) - $start, '>=', 0.2, 'and not before its time');

$link->command('refuse b');
is(hear($late, 5), "reset\n", 'a refusing node resets its connections');
my $refused = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $public{b});
ok(!$refused, 'and takes no new ones');
$link->command('accept b');
my $again = client("$folder/b", $public{b});
say_to($again, 'back');
is(hear($again, 5), "echo back\n", 'until it accepts again');

ok(!eval { $link->command('cut a nobody'); 1 }, 'a command it does not understand is refused');

kill 'KILL', @children;
waitpid($_, 0) foreach @children;
done_testing();
