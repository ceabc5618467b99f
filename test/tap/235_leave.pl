# A server that leaves while its lease worker writes the state file: nothing is left that would
# make it a member again when it restarts. Method: the policy is changed, which the worker
# persists; it is frozen when its new file is there and not yet in place, and thawed after
# leave().
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(managed => 0);
$cluster->start;
my ($node) = $cluster->nodes;

$node->safe_psql('CREATE EXTENSION multiregion');
$node->safe_psql(q{SELECT add_region('US_EAST', 'us-east-1')});
$node->safe_psql('ALTER ROLE multiregion_peer LOGIN REPLICATION');
my $folder = $node->data . '.multiregion';
my ($worker) = $node->processes(qr/multiregion lease/);

# Stops the worker in the middle of a write; false if it was faster.
sub freeze_in_write
{
	my $until = clock_gettime(CLOCK_MONOTONIC) + 3;

	until (-e "$folder/state.tmp") { return 0 if clock_gettime(CLOCK_MONOTONIC) > $until; }
	kill 'STOP', $worker;
	return -e "$folder/state.tmp";
}

sub begin { return $node->query(sprintf q{SELECT multiregion.init('n1', 'US_EAST', '%s')}, $node->conninfo) }

my ($caught, $began) = (0, begin());
foreach my $round (1 .. 30)
{
	$cluster->poll_until(sub { (($node->lease_status // {})->{writable} // '') eq 't' }, 20, 'the lease');
	$node->safe_psql("SELECT multiregion.set_policy('lease', '@{[3000 + $round]} ms')");
	$caught += freeze_in_write() ? 1 : 0;
	$node->safe_psql('SELECT multiregion.leave()');
	kill 'CONT', $worker;
	# It waits until the worker has let go, and finds what that has left.
	$began = begin();
	last if $began->{sqlstate} || $caught == 3;
}
is($caught, 3, 'three times the worker was writing');
is($began->{sqlstate} // 'none', 'none', 'who has left can begin anew') or diag($began->{message});
done_testing();
