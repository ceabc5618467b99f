# A server that leaves while its lease worker writes the state file: nothing is left that would
# make it a member again when it restarts. Method: leave() at many moments after init(), in the
# first second of which the monitor proposes a changed policy, which the worker persists.
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
my $state = $node->data . '.multiregion/state';
my @refused;
foreach my $round (1 .. 25)
{
	# It waits until the worker of the membership before has let go, and finds what that left.
	my $began = $node->query(sprintf q{SELECT multiregion.init('n1', 'US_EAST', '%s')}, $node->conninfo);
	$cluster->poll_until(sub { (($node->lease_status // {})->{writable} // '') eq 't' }, 20, 'the lease');
	$node->safe_psql("SELECT multiregion.set_policy('lease', '@{[3000 + $round]} ms')");
	my $since = clock_gettime(CLOCK_MONOTONIC);
	push @refused, "$round: $began->{message}" if $began->{sqlstate};
	unlink $state if $began->{sqlstate};
	$cluster->poll_until(sub { clock_gettime(CLOCK_MONOTONIC) - $since >= 0.045 * $round }, 5, 'the moment of this round');
	$node->safe_psql('SELECT multiregion.leave()') unless $began->{sqlstate};
}
is(join("\n", @refused), '', 'who has left can begin anew');
ok(!-e $state, 'and has no state file');
done_testing();
