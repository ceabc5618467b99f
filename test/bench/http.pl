#!/usr/bin/perl
#
# make bench-http: what answers from memory cost, beside nginx and Patroni on this machine.
# Prints a line a measure:
#
#   name value unit (min max runs)
#
# value is the median of rounds in which the servers take turns, so that what else the machine
# does meets all of them. Cost is the processor's time of the server's process (user and
# system, /proc/PID/stat) by the number of its answers; servers run on the first processor,
# wrk on the second. Progress goes to standard error.
#
#   http.pl [CASE...]      RUNS=n (default 5), SECONDS_EACH=n (default 2)
#
# A case is a file of test/bench/http/, whose comment tells what its lines mean. It ends with a
# function that gets a MultiRegion::HttpBench (which has the servers, makes load and prints
# lines). Cases run in the order of their names.

use strict;
use warnings;

use FindBin;

use lib "$FindBin::Bin/../tap/lib";
use MultiRegion::HttpBench;

MultiRegion::HttpBench->new(runs => $ENV{RUNS} // 5, seconds => $ENV{SECONDS_EACH} // 2)->run_cases("$FindBin::Bin/http", @ARGV);
