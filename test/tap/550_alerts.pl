# Alerts on a real cluster: raised when something has lasted, told once, seen on every node,
# fenced and standby alike, carried over a failover without being told again, cleared once.
# Method: one cluster with short delays; replay of a standby is paused, nodes are killed, a
# monitor is stopped.
use strict;
use warnings;

use FindBin;
use Test::More;
use JSON::PP qw(decode_json);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(
	policy => {
		failback => 'off',
		health_check_interval => '500ms',
		health_retry_interval => '100ms',
		max_consecutive_failures => 2,
		lag_warning => '3s',
		lag_critical => '1h',
		alert_delay => '500ms' });
$cluster->start;
my $first = $cluster->settle;
my ($second, $third) = grep { $_ != $first } $cluster->nodes;

# Whether a node shows the alert now; undef if it does not answer.
sub shows
{
	my ($node, $alert, $subject) = @_;
	my $about = defined $subject ? "subject = '$subject'" : 'subject IS NULL';
	return $node->value("SELECT count(*) FROM multiregion.alerts WHERE alert = '$alert' AND $about");
}

sub wait_shown
{
	my ($alert, $subject, $count, @nodes) = @_;
	foreach my $node (@nodes)
	{
		$cluster->poll_until(sub { (shows($node, $alert, $subject) // -1) == $count },
			30, $node->name . ($count ? ' to show ' : ' to be rid of ') . $alert);
	}
	return pass("$alert is " . ($count ? 'raised' : 'cleared') . ' on ' . join(', ', map { $_->name } @nodes));
}

# What the primary has recorded of an alert, oldest first: "open" or "over".
sub history
{
	my ($node, $alert, $subject) = @_;
	my $result = $node->query("SELECT CASE WHEN cleared_at IS NULL THEN 'open' ELSE 'over' END
		FROM multiregion.alert_history WHERE alert = '$alert' AND subject = '$subject' ORDER BY alert_id");
	return join(' ', map { $_->[0] } @{ $result->{rows} // [] });
}

sub wait_history
{
	my ($node, $alert, $subject, $expected) = @_;
	$cluster->poll_until(sub { history($node, $alert, $subject) eq $expected },
		30, "the record of $alert to be \"$expected\"");
	return is(history($node, $alert, $subject), $expected, "$alert of $subject is recorded: $expected");
}

sub listener
{
	my ($node) = @_;
	my $session = $node->session;
	$session->query('LISTEN multiregion_alert');
	return $session;
}

# What a listener was told of an alert, in order: "raised cleared".
sub told
{
	my ($session, $alert, $subject) = @_;
	$session->query('SELECT 1');
	my @payloads = map { decode_json($_->[1]) } @{ $session->{notifications} // [] };
	return join(' ', map { $_->{state} }
		grep { $_->{alert} eq $alert && ($_->{subject} // '') eq $subject } @payloads);
}

# --- nothing is wrong -----------------------------------------------------------------

foreach my $node ($cluster->nodes)
{
	$cluster->poll_until(sub { ($node->value('SELECT count(*) FROM multiregion.alerts') // -1) == 0 },
		30, $node->name . ' to be content');
}
pass('a cluster that is well has no alert, as every node sees it');
is($first->value('SELECT count(*) FROM multiregion.list_alerts() AS l LEFT JOIN multiregion.policies AS p
	ON p.name = l.policy WHERE l.policy IS NOT NULL AND p.name IS NULL'), 0, 'thresholds are policies');

# --- a standby that does not replay -----------------------------------------------------

my $listener = listener($first);
$first->safe_psql(q{SELECT pg_create_physical_replication_slot('forgotten', true)});
$cluster->set_policy('slot_wal_warning', '1MB');
my $node = $third->name;
$first->safe_psql('CREATE TABLE written (i int)');
$cluster->wait_caught_up;
$third->safe_psql('SELECT pg_wal_replay_pause()');
$first->safe_psql('INSERT INTO written SELECT generate_series(1, 30000)');
wait_shown('lag_warning', $node, 1, $cluster->nodes);
wait_shown('replay_paused', $node, 1, $cluster->nodes);
my $row = $first->query("SELECT severity, region_key, value > threshold, threshold, unit, runbook, since < now()
	FROM multiregion.alerts WHERE alert = 'lag_warning'")->{rows}[0];
is(join(' ', @$row), 'warning ' . $third->region . ' t 3000 ms MULTI_REGION_RUNBOOK.md#replication_lag t',
	'it says how bad it is, and where to read on');
wait_history($first, 'lag_warning', $node, 'open');
is($second->value("SELECT node FROM multiregion.alert_history WHERE alert = 'lag_warning'"), $first->name,
	'the primary has recorded it, and standbys have the record');
is($first->value("SELECT count(*) FROM multiregion.alerts WHERE subject = '" . $second->name . q{'}), 0,
	'nobody else is to blame');

wait_shown('slot_retains_wal', 'forgotten', 1, $first);
is(shows($second, 'slot_retains_wal', 'forgotten'), 0, 'a slot is the business of its server');
$first->safe_psql(q{SELECT pg_drop_replication_slot('forgotten')});
wait_history($first, 'slot_retains_wal', 'forgotten', 'over');

# The figures behind it.
foreach my $seer ($cluster->nodes)
{
	my $windows = $seer->query("SELECT period, samples > 0, max_ms >= 3000, min_ms <= median_ms AND median_ms <= p99_ms AND p99_ms <= max_ms
		FROM multiregion.lag_windows WHERE node_name = '$node' ORDER BY period")->{rows};
	is(join(', ', map { join(' ', @$_) } @$windows), '00:01:00 t t t, 00:05:00 t t t, 01:00:00 t t t',
		$seer->name . ' knows how late it was in the last minute, five, and hour');
}
is($first->value("SELECT bool_and(lag_ms > 0 AND max_ms >= 3000) FROM multiregion.region_lag WHERE region_key = '"
		. $third->region . q{'}), 't', 'and so does the view of regions');
is($first->value("SELECT max_ms >= 3000 AND max_bytes > 0 FROM multiregion.replication WHERE node_name = '$node'"),
	't', 'and the view of replication');

# --- failover while it lasts ------------------------------------------------------------

# The monitor forgets nothing that it has told when it is started anew.
my $monitor = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'multiregion monitor'};
my $pid = $first->safe_psql($monitor);
$first->safe_psql("SELECT pg_terminate_backend($pid)");
$cluster->poll_until(sub { ($first->value($monitor) // $pid) != $pid }, 20, 'a new monitor');
# Nor what a primary before it has left open, here one that is over by then.
$first->safe_psql("INSERT INTO multiregion.alert (alert, severity, subject, since, node)
	VALUES ('sick', 'critical', '$node', now(), 'before')");
my $lsn = $first->safe_psql(q{SELECT pg_current_wal_flush_lsn()});
$cluster->poll_until(sub { ($second->value("SELECT pg_last_wal_replay_lsn() >= '$lsn'") // q{}) eq q{t} }, 20, "the other standby to have it");
is(told($listener, 'lag_warning', $node), 'raised', 'a listener was told once');
is(told($listener, 'slot_retains_wal', 'forgotten'), 'raised cleared', 'and of the end');
$first->kill_all;
is($cluster->wait_for_leader(not => $first), $second, 'another node takes over');
my $after = listener($second);
$cluster->poll_until(sub { history($second, 'node_down', $first->name) eq 'open' }, 30, 'the loss to be recorded');
pass('the new primary records what is wrong now');
$cluster->poll_until(sub { $second->value('SELECT count(*) FROM multiregion.failover') }, 20, 'the record of the failover');
$second->safe_psql("INSERT INTO multiregion.hook_run (epoch, hook, state, ended_at)
	SELECT max(epoch), 'promotion_command', 'failed', now() FROM multiregion.failover
	ON CONFLICT (epoch, hook) DO UPDATE SET state = 'failed', ended_at = now()");
wait_shown('quorum_at_risk', undef, 1, $second, $third);
wait_shown('region_down', $first->region, 1, $second, $third);
is($second->value("SELECT string_agg(severity, ' ') FROM (SELECT DISTINCT ON (severity) severity FROM multiregion.alerts) AS s
	WHERE severity = 'critical'"), 'critical', 'a lost region is critical');
wait_shown('lag_warning', $node, 1, $second, $third);
is(history($second, 'lag_warning', $node), 'open', 'the alert of before goes on');
is(told($after, 'lag_warning', $node), '', 'and is not told again');
wait_history($second, 'sick', $node, 'over');
is(told($after, 'sick', $node), 'cleared', 'what was left open, and is over, is told so');
$third->safe_psql('SELECT pg_wal_replay_resume()');
$second->safe_psql('INSERT INTO written VALUES (2)');
wait_shown('lag_warning', $node, 0, $second, $third);
wait_history($second, 'lag_warning', $node, 'over');
is(told($after, 'lag_warning', $node), 'cleared', 'its end is told, once');

# --- cured ------------------------------------------------------------------------------

kill 'STOP', $third->safe_psql($monitor);
$first->start;
$cluster->settle;
wait_shown('hook_failed', undef, 1, $first, $second);
$second->safe_psql("UPDATE multiregion.hook_run SET ended_at = now() - interval '25 hours'");
wait_history($second, 'node_down', $first->name, 'over');
wait_history($second, 'region_down', $first->region, 'over');
is(told($after, 'node_down', $first->name) =~ s/^raised //r, 'cleared', 'a node that is back is told once');
wait_shown('monitor_stale', $node, 1, $third);
kill 'CONT', $third->safe_psql($monitor);
foreach my $seer ($cluster->nodes)
{
	$cluster->poll_until(sub { ($seer->value('SELECT count(*) FROM multiregion.alerts') // -1) == 0 },
		30, $seer->name . ' to be content again');
}
pass('nothing is wrong any more, as every node sees it');

# --- a node that is fenced ----------------------------------------------------------------

$_->kill_all foreach $first, $third;
wait_shown('no_primary', undef, 1, $second);
is($second->lease_status->{fenced}, 't', 'a fenced node shows its alerts');
is($second->value("SELECT count(*) FROM multiregion.alerts WHERE alert = 'node_down'"), 2, 'all of them');
$_->start foreach $first, $third;
$cluster->settle;
wait_shown('no_primary', undef, 0, $cluster->nodes);

done_testing();
