#!/usr/bin/perl
#
# make bench-routing: what routing costs, on a primary and a standby of this machine with a
# million tenants. Prints a line a measure:
#
#   name value unit (min max runs)
#
# value is the median. Times of a call are taken inside one statement, less the empty loop, by
# the processor's time of the backend.
# Progress goes to standard error.
#
#   routing.pl [CASE...]      RUNS=n (default 5)
#
# A case is a file of test/bench/routing/, whose comment tells what its lines mean. It ends
# with a function that gets a MultiRegion::Bench (which makes cluster, tenants and
# connections, and prints lines). Cases run in the order of their names.

use strict;
use warnings;

use FindBin;

use lib "$FindBin::Bin/../tap/lib";
use MultiRegion::Bench;

MultiRegion::Bench->new(runs => $ENV{RUNS} // 5)->run_cases("$FindBin::Bin/routing", @ARGV);
