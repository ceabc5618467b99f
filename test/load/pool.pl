#!/usr/bin/perl
#
# make bench-pool: CLIENTS (1000) connections of clients that reconnect only when they see an
# error, each sending a statement every half a second, on three real servers with fsync on;
# what befalls the primary is MultiRegion::Pool's cases(). Prints
#
#   pool_stuck N connections (min max runs)     2 s after the takeover, over all cases
#   pool_back_CASE N ms (min max runs)          takeover -> the last client had an answer
#   pool_connect N ms (N N 1)                   the same number of connections with no fault
#
# the first a total, the second medians. The third says what the machine can do: a backend
# is a process, and costs PostgreSQL some milliseconds of processor time to start. Where
# that alone takes two seconds, clients are late and not stuck. Progress goes to standard
# error.
#
#   pool.pl [CASE...]     CLIENTS=1000 RUNS=1

use strict;
use warnings;

use FindBin;
use List::Util qw(sum0 min max);

use lib "$FindBin::Bin/../tap/lib";
use MultiRegion::Cluster;
use MultiRegion::Pool qw(cases settle);

my $top = $ENV{MR_TOP} // "$FindBin::Bin/../..";
my $program = $ENV{MR_POOL} // "$top/build/release/pool.bin";
my $clients = $ENV{CLIENTS} // 1000;
my $runs = $ENV{RUNS} // 1;
my %wanted = map { $_ => 1 } @ARGV;
my @cases = grep { !%wanted || $wanted{ $_->[0] } } cases();
my (@stuck, %back);

die "pool.pl: there is no such case\n" if !@cases;
my $cluster = MultiRegion::Cluster->new(
	settings => { max_connections => $clients + 60, fsync => 'on' },
	policy => { failback => 'off' });
$cluster->start;
my $pool = MultiRegion::Pool->start($cluster, $program, clients => $clients);

foreach my $case (map { @cases } 1 .. $runs)
{
	my ($name, $deed) = @$case;
	my $old = settle($cluster);
	my ($next) = grep { $_ != $old } $cluster->nodes;
	my $seen = $pool->hit(sub { $deed->($old, $next) })
		// die "pool.pl: $name: not everybody came back\n" . $cluster->describe;

	push @stuck, $seen->{stuck};
	push @{ $back{$name} }, $seen->{last_ms};
	print STDERR "    $name: takeover after $seen->{takeover_ms} ms, $seen->{stuck} stuck 2 s later,"
		. " the last one back after $seen->{last_ms} ms\n";
}
$pool->stop;
printf "pool_stuck %d connections (%d %d %d)\n", sum0(@stuck), min(@stuck), max(@stuck),
	scalar @stuck;
foreach my $name (map { $_->[0] } @cases)
{
	my @sorted = sort { $a <=> $b } @{ $back{$name} };

	printf "pool_back_%s %d ms (%d %d %d)\n", $name, $sorted[ int(@sorted / 2) ], $sorted[0],
		$sorted[-1], scalar @sorted;
}
printf "pool_connect %d ms (%d %d 1)\n", ($pool->connect_ms) x 3;
