# Where reads and writes go while the primary changes: the new primary as soon as a node
# knows of it, the old one never again, and what a node says that is cut off from all others.
# Method: three regions; the network of one node is cut; a stock psql with nothing but
# conninfo_for()'s string goes through a failover.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(
	links => 1,
	policy => { lease => '1s', heartbeat => '100ms', health_check_interval => '1s', health_retry_interval => '200ms' });
$cluster->start;
my $old = $cluster->wait_for_leader;
my ($one, $two) = grep { $_ != $old } $cluster->nodes;

# One column of a route, asked on a node.
sub ask
{
	my ($node, $column, $call) = @_;
	return $node->value("SELECT $column FROM $call") // '';
}

sub until_is
{
	my ($node, $column, $call, $expected) = @_;
	return $cluster->poll_until(sub { ask($node, $column, $call) eq $expected }, 15,
		"$column of $call to be $expected on " . $node->name);
}

# A stock psql with a connection string of ours; its output, empty when it failed.
sub psql
{
	my ($conninfo, $sql) = @_;
	open(my $pipe, '-|', 'sh', '-c', 'exec "$0" "$@" 2>/dev/null', "$cluster->{bindir}/psql", '-XAtq', '-d',
		"$conninfo user=postgres dbname=postgres", '-c', $sql) or die "psql: $!";
	my $output = join('', <$pipe>);
	close $pipe;
	chomp $output;
	return $output;
}

$old->safe_psql('CREATE TABLE t (x int)');
$cluster->wait_caught_up;
until_is($_, 'node', 'route_for_write()', $old->name) foreach $cluster->nodes;
until_is($_, 'reason', q{route_for_read(max_lag => '2s')}, 'local') foreach $one, $two;

until_is($two, 'reason', q{explain_route(max_lag => '2s') WHERE node = '} . $_->name . q{'}, 'farther') foreach $old, $one;

# --- strings that outlive a failover -------------------------------------------------------------

my $writes = $two->value(q{SELECT conninfo_for('write')});
my $reads = $two->value(q{SELECT conninfo_for('read')});
my $ours = $two->value(q{SELECT conninfo_for('any', '} . $one->region . q{')});
is(psql($writes, 'SELECT pg_is_in_recovery()'), 'f', 'the string for writes finds the primary');
is(psql($reads, 'SELECT node FROM multiregion.lease_status()'), $two->name, 'the string for reads the nearest standby');
is(psql($ours, 'SELECT node FROM multiregion.lease_status()'), $one->name, 'and that of a region a node in it');
unlike("$writes$reads$ours", qr/password|user=|dbname|passfile/, 'they hold nothing but addresses');
is($two->query(q{SELECT conninfo_for('nothing')})->{sqlstate} // '', '22023', 'a role that is none is an error');

# --- what would happen --------------------------------------------------------------------------

my $successor = ask($two, 'node', sprintf(q{explain_route(for_write => true, assume_down => '{%s}') WHERE subject = 'answer'}, $old->region));
like($successor, qr/^(@{[ $one->name ]}|@{[ $two->name ]})$/, 'a drill names who would take the writes');
is(ask($two, 'reason', sprintf(q{explain_route(for_write => true, assume_down => '{%s}') WHERE subject = 'answer'}, $old->region)),
	'successor', 'as what it is: a successor');
is(ask($two, 'node', 'route_for_write()'), $old->name, 'and nothing has changed');

# --- a standby alone -------------------------------------------------------------------------------

$cluster->cut($two);
until_is($two, 'reason', 'route_for_write()', 'last_known');
is(ask($two, 'node', 'route_for_write()'), $old->name, 'a node that is cut off names the last primary it knew');
$cluster->poll_until(sub { ask($two, q{age > '2s'}, 'route_for_write()') eq 't' }, 15, 'the age of that to grow');
until_is($two, 'reason', q{route_for_read(max_lag => '1s')}, 'unavailable');
is(ask($two, 'reason', 'route_for_read()'), 'local', 'without a limit its own reads go on');
is(ask($two, q{staleness_bound > '1s'}, 'route_for_read()'), 't', 'with a bound that tells how old they may be');
until_is($one, 'reason', q{explain_route() WHERE node = '} . $two->name . q{'}, 'silent');
$cluster->heal;
until_is($two, 'reason', 'route_for_write()', 'lease');
until_is($two, 'reason', q{route_for_read(max_lag => '1s')}, 'local');

# --- the primary alone -------------------------------------------------------------------------------

$old->supervisor_off; # what it says as a fenced server is asked for, not what it is after a rejoin
$cluster->cut($old);
my (%wrong, %named);
my $new = $cluster->poll_until(
	sub {
		my $leader = $cluster->leader;
		foreach my $node ($one, $two)
		{
			my $row = $node->query('SELECT w.node, r.node FROM route_for_write() AS w, route_for_read() AS r')->{rows}[0] or next;
			$named{ $row->[0] // '' } = 1;
			$wrong{'a read goes to ' . ($row->[1] // 'nobody')} = 1 if ($row->[1] // $old->name) eq $old->name;
		}
		return $leader && $leader != $old ? $leader : undef;
	}, 20, 'a new primary');
my ($standby) = grep { $_ != $new } $one, $two;
is(join(', ', keys %wrong), '', 'standbys go on reading meanwhile');
is(join(', ', grep { $_ ne $old->name && $_ ne $new->name && $_ ne '' } keys %named), '', 'no write was sent to a standby');
is(ask($new, q{concat_ws(' ', node, reason)}, 'route_for_write()'), $new->name . ' lease', 'the new primary names itself');
my $begin = clock_gettime(CLOCK_MONOTONIC);
until_is($standby, 'node', 'route_for_write()', $new->name);
cmp_ok(clock_gettime(CLOCK_MONOTONIC) - $begin, '<', 3, 'the other standby does at once');
is(ask($standby, q{count(*)}, q{generate_series(1, 100), LATERAL route_for_read(from_region => '} . $old->region
			. q{') AS r WHERE r.node = '} . $old->name . q{'}), 0, 'nobody reads from the old one');
is(ask($new, q{count(*)}, q{generate_series(1, 100), LATERAL route_for_read(from_region => '} . $old->region
			. q{') AS r WHERE r.node = '} . $old->name . q{'}), 0, 'as the new primary sees it, too');
my $said = $old->query('SELECT w.node, w.reason, r.node FROM route_for_write() AS w, route_for_read() AS r')->{rows};
SKIP:
{
	skip 'the old primary has stopped already', 2 unless $said && @$said;
	isnt($said->[0][0] // '', $old->name, 'the old primary does not send writes to itself');
	isnt($said->[0][2] // '', $old->name, 'nor reads');
}
is(psql($writes, 'INSERT INTO t VALUES (1) RETURNING x'), '1', 'the string for writes finds the new primary');
is(psql($reads, 'SELECT pg_is_in_recovery()'), 't', 'the string for reads a standby');

# --- the primary dead ------------------------------------------------------------------------------

$cluster->heal;
$old->start;
$cluster->wait_streaming(nodes => [ $cluster->nodes ]);
until_is($_, 'reason', q{explain_route() WHERE subject = 'answer'}, 'local') foreach $standby, $old;
$new->supervisor_off;
$new->kill_all;
my $next = $cluster->wait_for_leader(not => $new);
my ($left) = grep { $_ != $next && $_ != $new } $cluster->nodes;
until_is($left, 'node', 'route_for_write()', $next->name);
is(psql($writes, 'INSERT INTO t VALUES (2) RETURNING x'), '2', 'nor does a dead one hold up a writer');
foreach my $node ($next, $left)
{
	$cluster->poll_until(sub { ask($node, 'reason', q{explain_route() WHERE node = '} . $new->name . q{'}) =~ /^(silent|down)$/ }, 15,
		'the dead primary to be missed');
	is(ask($node, 'count(*)', q{generate_series(1, 100), LATERAL route_for_read(from_region => '} . $new->region
				. q{') AS r WHERE r.node = '} . $new->name . q{'}), 0, 'the dead primary is not read on ' . $node->name);
}
done_testing();
