# A service manager that tidies up after a killed postmaster sends SIGTERM to its lease
# worker, perhaps before that has noticed the death: the last gasp must take place all
# the same. Method: the worker is frozen while both happen.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(row_of);

my $cluster = MultiRegion::Cluster->new;
$cluster->start;
my $old = $cluster->wait_for_leader;

$cluster->wait_caught_up;
$old->supervisor_off;
my @workers = $old->freeze_workers(qr/lease/);
is(scalar @workers, 1, 'one lease worker');
$old->kill_postmaster;
kill 'TERM', @workers;
$old->thaw_workers;
my $new = $cluster->wait_for_leader(not => $old);
my $term = $new->lease_status->{term};
my $failover = $cluster->poll_until(
	sub {
		my $row = row_of($new->session, "SELECT * FROM multiregion.failovers WHERE epoch = $term");
		return $row->{cause} ? $row : undef;
	}, 20, 'the failover to be recorded');
is($failover->{cause}, 'primary_crash', 'the lease was handed over');

done_testing();
