# Networks that fail: every kind of cut between the nodes, in both directions and in one,
# and slow links. There is one writer at a time, and what was cut off comes back by
# itself. Method: one cluster whose members reach each other through the link program; the
# test itself does not, so that it can see a node that nobody else sees.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $lease_seconds = 3;
my $cluster = MultiRegion::Cluster->new(
	links => 1,
	policy => {
		health_check_interval => '500ms',
		health_retry_interval => '200ms',
		max_consecutive_failures => '3' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
$leader->safe_psql('CREATE TABLE work (id bigserial PRIMARY KEY, origin text)');

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub others { return grep { $_ != $leader } $cluster->nodes }

sub insert
{
	my ($node, $origin, $count) = @_;
	$node->safe_psql("INSERT INTO work (origin) SELECT '$origin' FROM generate_series(1, " . ($count // 1) . ')');
	return;
}

# member_status() of one node about another, as a hash.
sub status_of
{
	my ($seer, $seen) = @_;
	my $result = $seer->query(
		'SELECT * FROM multiregion.member_status() WHERE node_name = \'' . $seen->name . q{'});
	my %row;
	return {} unless @{ $result->{rows} // [] };
	@row{ @{ $result->{columns} } } = @{ $result->{rows}[0] };
	return \%row;
}

sub wait_for_status
{
	my ($seer, $seen, $status) = @_;
	$cluster->poll_until(sub { (status_of($seer, $seen)->{status} // '') eq $status },
		30, $seer->name . ' to see ' . $seen->name . " $status");
	return;
}

# All are members, see each other and have the same rows.
sub settle
{
	my ($what) = @_;
	$cluster->heal;
	$cluster->wait_complete(60);
	$leader = $cluster->wait_for_leader;
	insert($leader, 'settled');
	$cluster->wait_caught_up;
	foreach my $seer ($cluster->nodes)
	{
		wait_for_status($seer, $_, 'up') foreach $cluster->nodes;
	}
	my %digests = map { ($_->value(
			q{SELECT md5(string_agg(id || origin, ',' ORDER BY id)) FROM work}) // 'none') => 1 } $cluster->nodes;
	is(scalar(keys %digests), 1, "$what: afterwards all have the same rows");
	return;
}

# --- the primary cut off for a moment ------------------------------------------------------

settle('at first');
my $term = $cluster->term;
my $took;
foreach my $attempt (1 .. 3)
{
	my $begin = now();
	$cluster->cut($leader);
	$cluster->poll_until(sub { now() >= $begin + 2 }, 10, 'two seconds');
	insert($leader, 'short cut') if $leader->is_writable;
	$cluster->heal($leader);
	$took = now() - $begin;
	# a machine that is busy elsewhere proves nothing
	last if $took < 2.3;
	settle('a cut that took too long');
	$term = $cluster->term;
}
my $end = now() + $lease_seconds + 1;
$cluster->poll_until(sub { now() >= $end }, 10, 'more than a lease');
SKIP:
{
	skip 'the machine is too busy', 2 if $took >= 2.3;
	is($cluster->leader, $leader, 'a cut of two seconds: no failover');
	is($cluster->term, $term, 'a cut of two seconds: no election');
}
settle('a cut of two seconds');

# --- cut off for longer than a lease --------------------------------------------------------

# After the cut another node leads, and the old primary has refused since before. One that hears
# of its successor stops, to be its standby: then nobody may be there to refuse.
sub taken_over
{
	my ($what, %args) = @_;
	my $old = $leader;
	my $before = $cluster->term;

	$cluster->poll_until(sub { !$old->is_writable }, 20, $old->name . ' to be fenced');
	$leader = $cluster->wait_for_leader(not => $old, timeout => 30);
	ok(!$old->is_writable, "$what: the old primary is fenced while another leads");
	my $refused = $old->query(q{INSERT INTO work (origin) VALUES ('refused')});
	like($refused->{sqlstate} // ($refused->{ready} ? 'done' : 'lost'),
		$args{hears} ? qr/^(?:25006|57P01|57P03|lost)$/ : qr/^25006$/, "$what: it refuses to write");
	cmp_ok($leader->lease_status->{term}, '>', $before, "$what: in a new term");
	insert($leader, $what, 10);
	$cluster->heal;
	$cluster->wait_streaming(nodes => [$old], timeout => 60);
	# it streams before it answers
	$cluster->poll_until(sub { defined $old->value('SELECT 1') }, 20, $old->name . ' to answer');
	is($old->value('SELECT pg_is_in_recovery()'), 't', "$what: healed, it is a standby");
	settle($what);
	return;
}

$cluster->cut($leader);
taken_over('cut off');

# --- one way ---------------------------------------------------------------------------------

$cluster->cut($leader, '*');
taken_over('nobody hears the primary', hears => 1);

$cluster->cut('*', $leader);
taken_over('the primary hears nobody');

# --- a standby on its own, and two that do not see each other --------------------------------

my ($second, $third) = others();
$term = $cluster->term;
$cluster->cut($third);
insert($leader, 'minority', 100);
wait_for_status($leader, $third, 'down');
wait_for_status($second, $third, 'down');
ok($leader->is_writable, 'a standby cut off: the others go on');
is($third->lease_status->{fenced}, 't', 'a standby cut off: it does not lead');
# it stands for election in vain meanwhile
$end = now() + $lease_seconds;
$cluster->poll_until(sub { now() >= $end }, 10, 'more than a lease');
ok($leader->is_writable, 'a standby cut off: for longer than a lease');
settle('a standby cut off');
is($cluster->term, $term, 'a standby cut off: when it is back it disturbs nobody');

$cluster->cut($second, $third);
$cluster->cut($third, $second);
wait_for_status($second, $third, 'down');
wait_for_status($third, $second, 'down');
wait_for_status($leader, $_, 'up') foreach $second, $third;
insert($leader, 'between', 100);
$cluster->wait_caught_up;
is(join(' ', $cluster->wait_for_leader->name, $cluster->term), join(' ', $leader->name, $term),
	'two standbys that do not see each other: nothing happens');
settle('two standbys cut');

# --- lag --------------------------------------------------------------------------------------

my $since = $leader->safe_psql('SELECT clock_timestamp()');
$cluster->cut($leader, $third);
insert($leader, 'unheard', 1000);
foreach my $seer ($leader, $second)
{
	my $first = $cluster->poll_until(
		sub {
			my $row = status_of($seer, $third);
			return ($row->{lag_bytes} // 0) > 10_000 && ($row->{lag_ms} // 0) > 500 ? $row : undef;
		}, 30, $seer->name . ' to see the lag');
	insert($leader, 'unheard', 1000);
	$cluster->poll_until(
		sub {
			my $row = status_of($seer, $third);
			return ($row->{lag_ms} // 0) >= $first->{lag_ms} + 2000
				&& ($row->{lag_bytes} // 0) >= $first->{lag_bytes} + 10_000;
		}, 30, $seer->name . ' to see the lag grow');
	pass('one way cut: ' . $seer->name . ' sees the lag grow, in time and bytes');
}
my $own = $cluster->poll_until(
	sub {
		my $lag = status_of($third, $third)->{lag_ms};
		return defined $lag && $lag > 2000 ? $lag : undef;
	}, 20, $third->name . ' to see its own lag');
$cluster->poll_until(
	sub { (status_of($third, $third)->{lag_ms} // 0) >= $own + 1000 },
	20, $third->name . ' to see it grow');
pass('one way cut: who does not hear the primary does not take itself for up to date');
wait_for_status($leader, $third, 'down');
$cluster->poll_until(
	sub {
		$leader->value('SELECT count(*) FROM multiregion.event WHERE kind = \'node_down\''
				. ' AND subject = \'' . $third->name . "' AND at >= '$since'");
	}, 20, 'the event');
is($leader->value(q{SELECT severity FROM multiregion.event WHERE kind = 'region_down'}
			. ' AND subject = \'' . $third->region . "' AND at >= '$since' LIMIT 1"),
	'critical', 'one way cut: a region without a node is an alert');
$cluster->heal;
$cluster->poll_until(
	sub {
		my $row = status_of($leader, $third);
		return ($row->{lag_bytes} // -1) == 0 && $row->{lag_ms} == 0;
	}, 30, 'the lag to go');
settle('one way cut');

# --- slow links ---------------------------------------------------------------------------------

$term = $cluster->term;
$cluster->delay('*', '*', 150);
$end = now() + $lease_seconds + 1;
my $writes = 0;
while (now() < $end)
{
	insert($leader, 'slow');
	$writes++;
}
cmp_ok($writes, '>', 4, 'slow links: writing goes on');
is(join(' ', $cluster->wait_for_leader->name, $cluster->term), join(' ', $leader->name, $term),
	'slow links: no election');
my ($round_trip) = status_of($leader, $second)->{round_trip_ms};
cmp_ok($round_trip, '>=', 250, 'slow links: the round trip is measured');
my $old = $leader;
$old->kill_all;
$leader = $cluster->wait_for_leader(not => $old, timeout => 40);
pass('slow links: a failover works');
$cluster->delay('*', '*', 0);
$old->start;
settle('slow links');

done_testing();
