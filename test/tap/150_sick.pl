# A primary that answers but cannot write gives the lease to a successor: after failed
# write checks, and after one that hangs.

use strict;
use warnings;

use MultiRegion::Cluster;
use POSIX ();
use Test::More;

my $cluster = MultiRegion::Cluster->new(
	regions => 3,
	policy => {
		health_check_interval => 300, health_retry_interval => 100, failback => 'off',
		max_consecutive_failures => 3,
	});
$cluster->start;

sub canary_of { return $_[0]->data . '/multiregion.canary' }

# Who led before, who leads now, and why.
sub last_failover
{
	my ($leader) = @_;
	return $cluster->poll_until(
		sub {
			my $row = $leader->query(q{SELECT cause, from_node, to_node FROM multiregion.failovers
				ORDER BY epoch DESC LIMIT 1})->{rows}[0];
			return $row && ($row->[2] // '') eq $leader->name ? $row : undef;
		}, 20, 'the failover to be recorded');
}

my $sick = $cluster->leader;
$cluster->poll_until(sub { -s canary_of($sick) }, 20, 'the first write check');

# --- checks that fail -----------------------------------------------------------------

unlink canary_of($sick);
mkdir canary_of($sick) or die "mkdir: $!";
my $next = $cluster->wait_for_leader(not => $sick, timeout => 30);
isnt($next->name, $sick->name, 'a standby took over');
is_deeply(last_failover($next), [ 'sick', $sick->name, $next->name ],
	'the failover is recorded with its cause');
like($sick->log_text, qr/write check failed: file "multiregion\.canary": Is a directory/,
	'the log says what failed');
ok($next->is_writable, 'the successor accepts writes');

rmdir canary_of($sick);
$cluster->wait_complete(60);
pass('the sick node is back as a standby once it can write');

# --- nobody to take over ----------------------------------------------------------------

my @others = grep { $_ != $next } $cluster->nodes;
$cluster->set_policy('auto_failover', 'off');
my $size = $next->log_size;
unlink canary_of($next);
mkdir canary_of($next) or die "mkdir: $!";
$next->wait_for_log(qr/nobody can take over/, from => $size);
ok($next->is_writable, 'a sick primary that nobody can follow goes on leading');
rmdir canary_of($next);
$cluster->set_policy('auto_failover', 'on');

# --- a check that hangs -------------------------------------------------------------------

$cluster->set_policy('max_consecutive_failures', '1');
$cluster->poll_until(sub { -s canary_of($next) }, 20, 'a write check that works');
# Opening a pipe that nobody reads blocks like a disk that does not answer.
unlink canary_of($next);
POSIX::mkfifo(canary_of($next), 0600) or die "mkfifo: $!";
my $third = $cluster->wait_for_leader(not => $next, timeout => 60);
is_deeply(last_failover($third), [ 'sick', $next->name, $third->name ],
	'a hanging check ends a leadership too');
unlink canary_of($next);

done_testing();
