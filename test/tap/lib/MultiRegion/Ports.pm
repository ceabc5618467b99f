# Free ports on the loopback, kept from other tests of this user by a lock each until
# the test ends. They lie below the range from which the kernel picks ports by itself.
package MultiRegion::Ports;

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(:flock O_CREAT O_RDWR);
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_REUSEADDR INADDR_LOOPBACK pack_sockaddr_in);

our @EXPORT_OK = qw(free_port);

my %locks;

sub _is_free
{
	my ($port) = @_;

	socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
	setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
	return bind($socket, pack_sockaddr_in($port, INADDR_LOOPBACK));
}

# A port nobody listens on. MR_TEST_PORTS=FIRST-LAST narrows the choice.
sub free_port
{
	my ($first, $last) = ($ENV{MR_TEST_PORTS} // '10200-32000') =~ /^(\d+)-(\d+)$/
		or die 'MR_TEST_PORTS must be FIRST-LAST';
	my $directory = "/tmp/multiregion-ports-$<";
	my $start = int(rand($last - $first + 1));

	mkdir $directory, 0700;
	foreach my $step (0 .. $last - $first)
	{
		my $port = $first + ($start + $step) % ($last - $first + 1);
		next if $locks{$port};
		sysopen(my $lock, "$directory/$port", O_CREAT | O_RDWR, 0600) or next;
		next unless flock($lock, LOCK_EX | LOCK_NB) && _is_free($port);
		$locks{$port} = $lock;
		return $port;
	}
	die "no free port in $first-$last";
}

1;
