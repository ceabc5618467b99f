# The primary moves because somebody wants it to: switchover() and failover(), from any
# node, under load, with a node of the two killed in the middle, with and without a
# primary, and what is refused and why. Method: one cluster with a pinned writer to each
# node (test/bench/probe.c) that records what it was promised.
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
	policy => { health_check_interval => '1s', failback => 'off', auto_failover => 'on' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
MultiRegion::Probe->make_table($leader);
my $probe = MultiRegion::Probe->start($cluster, $program);
my $log = $probe->log;

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub others { return grep { $_ != $leader } $cluster->nodes }
sub session { return $_[0]->session }

sub settle { return $leader = $cluster->settle }

sub wait_for_acks
{
	my ($what) = @_;
	my $from = now();
	$cluster->poll_until(
		sub { grep { $_->{sent} > $from && $_->{node} eq $leader->name } $log->read_on->acks },
		30, "$what: the primary to write");
	return;
}

# Nothing that anybody was promised may be missing after planned changes.
sub nothing_lost
{
	my ($what) = @_;
	wait_for_acks($what);
	my @lost = $log->read_on->lost($leader);
	is(scalar @lost, 0, "$what: nothing is lost");
	return;
}

# --- dry runs and refusals ------------------------------------------------------------

my $old = $leader;
my ($target, $third) = others();
my $result = $target->query(sprintf "SELECT * FROM switchover('%s', dry_run => true)", $target->region);
ok(!defined $result->{sqlstate}, 'a dry run is answered on a standby') or diag($result->{message});
my $row = row_of(session($third), sprintf "SELECT * FROM switchover('%s', dry_run => true)", lc $target->region);
is("$row->{from_node} $row->{to_node} $row->{kind}", $old->name . ' ' . $target->name . ' switchover',
	'it names both nodes and the kind');
is($row->{epoch}, undef, 'and nothing has happened');
is($cluster->wait_for_leader->name, $old->name, 'the primary stays');
is($old->query('SELECT switchover(' . "'" . $old->region . "')")->{sqlstate}, '55006',
	'the primary cannot be switched over to itself');
is($old->query(q{SELECT switchover('NOWHERE')})->{sqlstate}, '42704', 'an unknown region is an error');
is($old->query(q{SELECT failover('NOWHERE')})->{sqlstate}, '42704', 'for failover() too');
is($old->query(q{SELECT switchover(wait => '-1 s')})->{sqlstate}, '22023', 'a senseless wait is an error');
$target->safe_psql('SELECT pg_wal_replay_pause()');
$cluster->poll_until(
	sub {
		($old->query(sprintf "SELECT switchover('%s')", $target->region)->{sqlstate} // '') eq '55000';
	}, 20, 'a paused standby to be refused');
my $refused = $old->query(sprintf "SELECT switchover('%s')", $target->region);
like($refused->{message}, qr/replay is paused/, 'the reason is told');
unlike($old->log_text, qr/event lease_resumed/, 'it was found out before writes were refused');
is($cluster->wait_for_leader->name, $old->name, 'a refused one changes nothing');
$row = row_of(session($third), sprintf "SELECT status, rule, jsonb_array_length(nodes) AS nodes FROM multiregion.request_failover('%s')", $target->region);
is("$row->{status} $row->{rule} $row->{nodes}", 'refused replay_paused 3', 'for the sidecar it is a row');
$target->safe_psql('SELECT pg_wal_replay_resume()');
settle();

# --- switchovers ------------------------------------------------------------------------

# Moves the primary to a node, asked at another one; returns the row.
sub switch_to
{
	my ($to, $asked, $what) = @_;
	my ($from, $term) = ($leader, $cluster->term);
	my $began = now();
	# pg_sleep: the answer may take a moment on its way
	my $seen = row_of(session($asked), sprintf "SELECT s.*, pg_sleep(0.05) FROM switchover('%s') AS s", $to->name);

	is($seen->{to_node} // 'none', $to->name, "$what: the answer names the new primary");
	is($seen->{lost_bytes}, 0, "$what: nothing is lost, it says");
	cmp_ok($seen->{epoch} // 0, '>', $term, "$what: in a new term");
	$leader = $cluster->wait_for_leader;
	is($leader->name, $to->name, "$what: it leads");
	wait_for_acks($what);
	my $first = $log->first_ack_after($began, $from->name);
	my ($last) = sort { $b->{at} <=> $a->{at} } grep { $_->{node} eq $from->name && $_->{at} < $first->{at} } $log->acks;
	my $outage = $first->{at} - $last->{at};
	cmp_ok($outage, '<', 2, sprintf '%s: writes were down for %d ms', $what, 1000 * $outage);
	is(scalar $log->late_acks($from->name, $first->{at}), 0, "$what: one acknowledges at a time");
	settle();
	nothing_lost($what);
	my $record;
	$cluster->poll_until(
		sub {
			$record = row_of($leader->session, 'SELECT cause, rule, from_node, to_node, order_id'
					. ' FROM multiregion.failovers WHERE epoch = ' . ($seen->{epoch} // 0));
			defined $record->{cause};
		}, 10, 'the record of the switchover');
	is("$record->{cause} $record->{from_node} $record->{to_node} $record->{order_id}",
		'switchover ' . $from->name . ' ' . $to->name . " $seen->{failover_id}", "$what: it is recorded");
	return $seen;
}

switch_to($target, $leader, 'asked at the old primary');
($target, $third) = others();
switch_to($target, $target, 'asked at the new one');
($target, $third) = others();
switch_to($target, $third, 'asked at a third');

$old = $leader;
$row = row_of(session($leader), 'SELECT * FROM switchover(away => true)');
isnt($row->{to_region}, $old->region, 'away: the primary leaves its region');
settle();
is($leader->name, $row->{to_node}, 'away: the node that was named leads');

# --- killed in the middle -----------------------------------------------------------------

foreach my $side ('old primary', 'successor')
{
	foreach my $delay (0.001, 0.02, 0.06)
	{
		settle();
		$old = $leader;
		($target, $third) = others();
		my $what = sprintf '%s killed %d ms after the order', $side, 1000 * $delay;
		my $asking = session($third);
		$asking->send(sprintf "SELECT * FROM switchover('%s', wait => '20 s')", $target->name);
		select(undef, undef, undef, $delay); # the moment of the fault, not a wait for anything
		($side eq 'successor' ? $target : $old)->kill_all;
		$leader = $cluster->wait_for_leader(not => $side eq 'successor' ? $target : $old, timeout => 20);
		ok($leader, "$what: somebody leads");
		settle();
		wait_for_acks($what);
	}
}

# --- no primary ---------------------------------------------------------------------------

$cluster->set_policy('auto_failover', 'off');
settle();
# Both standbys hold the same: else the one that lacks a byte would be refused.
$probe->stop;
$old = $leader;
($target, $third) = others();
$cluster->wait_caught_up;
$old->supervisor_off;
$old->kill_all;
$cluster->poll_until(
	sub { ($third->query("SELECT switchover('" . $target->name . "', wait => '100 ms')")->{message} // '') =~ /no primary is there/ },
	20, 'the lease to run out');
is($third->query("SELECT switchover('" . $target->name . "')")->{sqlstate}, '55000', 'a switchover needs a primary');
my $asking = session($third);
$row = row_of($asking, sprintf "SELECT * FROM failover('%s')", $target->region);
is("$row->{to_node} $row->{kind}", $target->name . ' manual', 'failover() needs none');
$leader = $cluster->wait_for_leader;
is($leader->name, $target->name, 'the wanted node leads');
$leader->safe_psql(q{SELECT multiregion.set_policy('auto_failover', NULL)});
settle();
done_testing();
