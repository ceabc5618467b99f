# The primary goes home, stays where it is during a pause, and does not flap: failback,
# pause_failover(), the governor. Method: one cluster whose delays are seconds.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Probe;
use MultiRegion::Rejoin qw(row_of);

my $program = $ENV{MR_PROBE} // ($ENV{MR_TOP} // "$FindBin::Bin/../..") . '/build/test/probe.bin';
my $cluster = MultiRegion::Cluster->new(
	links => 1,
	policy => { health_check_interval => '1s', failback_delay => '2s' });
$cluster->start;
my $home = $cluster->wait_for_leader;
MultiRegion::Probe->make_table($home);
my $probe = MultiRegion::Probe->start($cluster, $program);
my $log = $probe->log;

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# --- failback -------------------------------------------------------------------------

$home->kill_all;
my $away = $cluster->wait_for_leader(not => $home);
$cluster->poll_until(
	sub { ($away->value(q{SELECT reason FROM multiregion.events WHERE kind = 'failback_postponed' LIMIT 1}) // '') ne '' },
	30, 'the reason of the postponement');
is($away->value(q{SELECT count(*) FROM multiregion.events WHERE kind = 'failback_postponed' AND reason IN ('unreachable', 'not_streaming', 'wal_end_unknown')}) > 0,
	1, 'a failback that has to wait says why');
my $returned = now();
$home->start;
$cluster->poll_until(sub { my $leader = $cluster->leader; $leader && $leader == $home }, 60, 'the primary to return home');
cmp_ok(now() - $returned, '>', 2, 'it was not before the time of proven health');
my $row;
$cluster->poll_until(
	sub {
		$row = row_of($home->session, 'SELECT cause, rule, from_node, to_node FROM multiregion.failovers LIMIT 1');
		($row->{to_node} // '') eq $home->name;
	}, 10, 'the record of the failback');
is("$row->{cause} $row->{rule} $row->{from_node} $row->{to_node}",
	'failback named_by_primary ' . $away->name . ' ' . $home->name, 'it is recorded as a failback');
$cluster->wait_complete(60);
my $from = now();
$cluster->poll_until(sub { grep { $_->{sent} > $from && $_->{node} eq $home->name } $log->read_on->acks }, 30, 'writes at home');
my @lost = grep { $_->{node} eq $away->name } $log->lost($home);
is(scalar @lost, 0, 'a failback loses nothing');

# --- a pause of the cluster ----------------------------------------------------------------

$cluster->configure(q{SELECT pause_failover('60 s', reason => 'a test')});
is($home->value('SELECT scope || reason FROM multiregion.pauses'), 'clustera test', 'the pause shows');
is($home->query(q{SELECT pause_failover('8 days')})->{sqlstate}, '22003', 'a pause has a longest length');
is($away->query(q{SELECT pause_failover('8 s')})->{sqlstate}, '25006', 'on a standby it is refused');
$cluster->poll_until(sub { $home->lease_status->{lease_remaining_ms} > 40000 }, 10, 'the lease to reach to the end of the pause');
$cluster->cut($home);
$from = now();
$cluster->poll_until(
	sub { grep { $_->{sent} > $from + 5 && $_->{node} eq $home->name } $log->read_on->acks },
	20, 'a primary that is cut off to write on for longer than a lease');
pass('a primary that is cut off goes on writing during a pause');
$cluster->heal;
$cluster->wait_complete(60);
is($cluster->wait_for_leader->name, $home->name, 'and nobody took over');
my $term = $cluster->term;
$home->kill_postmaster;
$cluster->poll_until(sub { ($cluster->term // 0) > $term && $cluster->leader }, 40, 'the primary to come back');
is($cluster->wait_for_leader->name, $home->name, 'a restart stays at home');
$cluster->configure('SELECT resume_failover()');
$cluster->poll_until(sub { my $left = $home->lease_status->{lease_remaining_ms}; $left > 0 && $left <= 3000 }, 10, 'the lease to be short again');
$cluster->wait_complete(60);
$home->kill_all;
$away = $cluster->wait_for_leader(not => $home, timeout => 10);
ok($away, 'after it ended early, another takes over within a lease');
$home->start;

# --- a pause of a region ----------------------------------------------------------------------

$cluster->poll_until(sub { my $leader = $cluster->leader; $leader && $leader == $home }, 90, 'the primary to return home');
$cluster->wait_complete(60);
my ($first, $second) = grep { $_ != $home } $cluster->nodes;
$cluster->configure(sprintf q{SELECT pause_failover('5 min', region => '%s')}, $first->region);
$home->kill_all;
my $next = $cluster->wait_for_leader(not => $home);
is($next->name, $second->name, 'a paused region does not take over');
$home->start;
$cluster->wait_complete(60);
$cluster->configure(sprintf q{SELECT resume_failover('%s')}, $first->region);

# --- the governor ---------------------------------------------------------------------------------

$cluster->set_policy('failback', 'off');
$cluster->set_policy('max_failovers_per_hour', '1');
$cluster->wait_complete(60);
my $leader = $cluster->wait_for_leader;
$leader->supervisor_off;
$leader->kill_all;
my @others = grep { $_ != $leader } $cluster->nodes;
$cluster->poll_until(
	sub { !grep { ($_->lease_status->{reason} // '') !~ /too many failovers/ } @others },
	20, 'the governor to hold');
pass('after the failovers of an hour the governor holds');
is($cluster->leader, undef, 'so that nobody leads');
# Without loss, so the one that was sent the most before the kill.
my ($ahead) = map { $_->[0] } sort { $b->[1] <=> $a->[1] }
	map { [ $_, $_->value(q{SELECT pg_last_wal_receive_lsn() - '0/0'}) ] } @others;
my $order = $ahead->query(sprintf "SELECT to_node || ' ' || kind FROM failover('%s')", $ahead->name);
is($order->{rows}[0][0], $ahead->name . ' manual', 'an order overrides it') or diag(explain($order));
$leader->start;
$cluster->wait_complete(60);
$probe->stop;
done_testing();
