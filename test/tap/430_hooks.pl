# What the operator has run: a veto keeps a standby from being promoted and says why, the
# promotion function runs once for each failover, also when its worker or its server dies
# in between, commands get names and hosts as data and never as code, and a switchover
# happens at its time. Nothing of it is waited for: the function of this test goes on until
# it is told to end, and writes go on meanwhile. Method: one cluster of three.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(row_of read_file write_file);

my $cluster = MultiRegion::Cluster->new(
	policy => { health_check_interval => '1s', failback => 'off' },
	settings => {
		'multiregion.veto_function' => q{'ops.may_lead'},
		'multiregion.promotion_function' => q{'ops.promoted'},
		'multiregion.hook_timeout' => q{'2min'},
	});
my $folder = $cluster->{directory};
my $log = "$folder/hook.log";
# Each writes its line at once: they may run side by side.
$cluster->{settings}{'multiregion.promotion_command'} =
	qq{'line=\$(printf "%%s " promotion %e %c "%f" %t); echo "\$line" >> $log'};
$cluster->{settings}{'multiregion.fence_command'} =
	qq{'line=\$(printf "%%s|" fence %e "%h" "\$MULTIREGION_FROM_REGION"); echo "\$line" >> $log; exit 3'};
$cluster->start;
my $old = $cluster->wait_for_leader;
my ($vetoed, $next) = grep { $_ != $old } $cluster->nodes;

sub wait_for
{
	my ($node, $sql, $what, $timeout) = @_;
	return $cluster->poll_until(sub { my $value = $node->value($sql); defined $value && $value ne 'f' && $value }, $timeout // 30, $what);
}

sub lines { return split /\n/, read_file($log) // '' }

sub set_on
{
	my ($node, %settings) = @_;
	$node->safe_psql("ALTER SYSTEM SET $_ = '$settings{$_}'") foreach sort keys %settings;
	$node->safe_psql('SELECT pg_reload_conf()');
	return;
}

my $member = q{SELECT %s FROM multiregion.member_status() WHERE node_name = '%s'};

# Everybody runs and follows, and the named standbys may lead.
sub settle
{
	my (@eligible) = @_;
	$_->start foreach $cluster->nodes;
	$cluster->wait_complete(60);
	my $leader = $cluster->wait_for_leader;
	foreach my $node (@eligible)
	{
		wait_for($leader, sprintf($member, q{eligible AND status = 'up'}, $node->name), $node->name . ' to be fit');
	}
	return $leader;
}

# --- a function that does not work -------------------------------------------------------

wait_for($old, sprintf(q{SELECT detail FROM multiregion.events WHERE kind = 'veto_failed' AND node = '%s'}, $vetoed->name),
	'the event of the missing function');
like($old->value(q{SELECT detail FROM multiregion.events WHERE kind = 'veto_failed' LIMIT 1}),
	qr/function ops\.may_lead\(\) does not exist/, 'a veto function that does not work is an event');
wait_for($old, sprintf($member, 'eligible', $vetoed->name), 'the standby to be fit');
pass('and no veto, by default');
set_on($vetoed, 'multiregion.veto_on_error' => 'on');
wait_for($vetoed, sprintf($member, 'NOT eligible', $vetoed->name), 'the error to be a veto');
like($vetoed->value(sprintf($member, 'reason', $vetoed->name)), qr/the pre-promotion hook said no/, 'unless that is wanted');

# --- a veto -------------------------------------------------------------------------------

$old->safe_psql($_) foreach split /;;\n/, <<'SQL';
CREATE ROLE ops_owner;;
GRANT pg_monitor TO ops_owner;;
CREATE SCHEMA ops AUTHORIZATION ops_owner;;
SET ROLE ops_owner;;
CREATE TABLE ops.veto (node text, reason text);;
CREATE TABLE ops.go (id int);;
CREATE TABLE ops.promotion (epoch bigint, cause text, from_node text, to_node text, who text);;
CREATE FUNCTION ops.may_lead() RETURNS text LANGUAGE sql BEGIN ATOMIC
	SELECT v.reason FROM ops.veto AS v JOIN multiregion.lease_status() AS s ON s.node = v.node; END;;
CREATE FUNCTION ops.promoted(epoch bigint, cause text, from_node text, to_node text) RETURNS void
	LANGUAGE plpgsql SET search_path = ops AS $$
BEGIN
	INSERT INTO promotion VALUES (epoch, cause, from_node, to_node, current_user);
	WHILE NOT EXISTS (SELECT FROM go) LOOP
		PERFORM pg_sleep(0.02);
	END LOOP;
END $$;;
RESET ROLE
SQL
wait_for($vetoed, sprintf($member, 'eligible', $vetoed->name), 'the function to be found');
pass('a function that works again objects no more');
# longer than is kept: no letter may be cut in two
my $why = 'no cache here' . "\xc3\xa9" x 93;
$old->safe_psql(sprintf q{INSERT INTO ops.veto VALUES ('%s', 'no cache here' || repeat(U&'\00e9', 150))}, $vetoed->name);
wait_for($old, sprintf($member, 'NOT eligible', $vetoed->name), 'the objection to arrive');
wait_for($old, sprintf($member, "reason = 'the pre-promotion hook said no: $why'", $vetoed->name),
	'its reason to be collected');
pass('the primary knows of the veto');
wait_for($vetoed, sprintf($member, 'NOT eligible', $vetoed->name), 'the standby to know it');
is($vetoed->value(sprintf($member, 'reason', $vetoed->name)), "the pre-promotion hook said no: $why", 'the standby says why');
like($old->value(sprintf q{SELECT reason FROM multiregion.nodes WHERE node_name = '%s'}, $vetoed->name),
	qr/: no cache here/, 'so does its list of nodes');
is($old->value(sprintf q{SELECT input FROM explain_failover() WHERE rule = 'veto' AND NOT passes AND node = '%s'}, $vetoed->name),
	"it reports veto: $why", 'explain_failover() tells it');
is($old->value('SELECT DISTINCT node FROM explain_failover() WHERE wins'), $next->name, 'and who would win instead');
my $refused = $old->query(sprintf "SELECT switchover('%s')", $vetoed->name);
like(($refused->{sqlstate} // '') . " $refused->{message}", qr/^55000 .*pre-promotion hook said no/, 'no switchover to it');

# --- a failover ---------------------------------------------------------------------------

my $host = '$(touch pwned)`touch pwned`;touch pwned" $HOME *';
my $version = $old->lease_status->{config_version};
$old->safe_psql(sprintf q{SELECT alter_node('%s', $x$host='%s' hostaddr=127.0.0.1 port=%d$x$)}, $old->name, $host, $old->port);
$cluster->poll_until(sub { !grep { ($_->lease_status->{config_version} // 0) <= $version } $cluster->nodes }, 20, 'the hostile host to arrive');
settle($next);
$cluster->wait_caught_up;
$old->kill_all;
my $leader = $cluster->wait_for_leader(not => $old);
is($leader->name, $next->name, 'the vetoed standby is not elected, the other one is');
wait_for($leader, q{SELECT attempts FROM multiregion.hooks WHERE hook = 'promotion_function'}, 'the function to begin');
$leader->safe_psql('CREATE TABLE written AS SELECT 1 AS id');
is($leader->value(q{SELECT count(*) FROM ops.promotion}), 0, 'writes go on while it runs');
wait_for($leader, q{SELECT count(*) > 0 FROM multiregion.events WHERE kind = 'hook_failed' AND detail = 'fence_command: exit code 3'},
	'the event of the failed command');
my $hooks = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'multiregion hooks' AND query LIKE '%promotion%'};
wait_for($leader, $hooks, 'the function to run');
my $term = $leader->lease_status->{term};
kill 'KILL', $leader->value($hooks);
$cluster->poll_until(sub { my $status = $leader->lease_status; $status && $status->{term} > $term && $status->{writable} eq 't' }, 30, 'the server to be back');
wait_for($leader, q{SELECT attempts = 2 FROM multiregion.hooks WHERE hook = 'promotion_function'}, 'the function to begin again');
$leader->safe_psql('INSERT INTO ops.go VALUES (1)');
wait_for($leader, q{SELECT state = 'done' FROM multiregion.hooks WHERE hook = 'promotion_function'}, 'the function to end');
is($leader->safe_psql('SELECT cause, from_node, to_node, who FROM ops.promotion'),
	'lease_expired|' . $old->name . '|' . $leader->name . '|ops_owner', 'it was done once, as its owner, and was told what has happened');
my $epoch = $leader->value('SELECT epoch FROM ops.promotion');
is($epoch, $leader->value('SELECT max(epoch) FROM multiregion.failovers'), 'with the epoch of the failover');
is($leader->value(q{SELECT h.started_at > f.open_at FROM multiregion.hooks AS h JOIN multiregion.failovers AS f USING (epoch) WHERE hook = 'promotion_function'}),
	't', 'after writes were possible');
is_deeply([ sort(lines()) ], [ "fence|$epoch|$host|" . $old->region . '|', 'promotion ' . "$epoch lease_expired " . $old->name . ' ' . $leader->name . ' ' ],
	'each command was run once, with names and a host as data');
ok(!-e $leader->data . '/pwned', 'and none of it was run as code');
is($leader->safe_psql(q{SELECT hook, state, attempts, detail FROM multiregion.hooks WHERE hook <> 'promotion_function' ORDER BY 1}),
	"fence_command|failed|1|exit code 3\npromotion_command|done|1|exit code 0", 'how they ended is written down');

# --- a switchover: no fence, a function that fails at first ----------------------------------

settle($old);
$leader->safe_psql(q{ALTER FUNCTION ops.promoted RENAME TO not_there});
set_on($old, 'multiregion.promotion_command' => 'sleep 1234', 'multiregion.hook_timeout' => '1s');
$cluster->wait_caught_up;
$old->safe_psql(sprintf "SELECT switchover('%s')", $old->name);
$leader = $cluster->wait_for_leader(not => $leader);
$epoch = wait_for($leader, "SELECT max(epoch) FROM multiregion.failovers HAVING max(epoch) > $epoch", 'the record of the switchover');
wait_for($leader, "SELECT attempts = 2 FROM multiregion.hooks WHERE hook = 'promotion_function' AND epoch = $epoch", 'a second attempt');
like($leader->value("SELECT detail FROM multiregion.hooks WHERE hook = 'promotion_function' AND epoch = $epoch"),
	qr/does not exist/, 'a function that fails is tried again, and the error is told');
$leader->safe_psql(q{ALTER FUNCTION ops.not_there RENAME TO promoted});
wait_for($leader, "SELECT state = 'done' FROM multiregion.hooks WHERE hook = 'promotion_function' AND epoch = $epoch", 'it to succeed');
is($leader->value("SELECT cause FROM ops.promotion WHERE epoch = $epoch"), 'switchover', 'until it succeeds');
wait_for($leader, "SELECT state = 'failed' FROM multiregion.hooks WHERE hook = 'promotion_command' AND epoch = $epoch", 'the command to be ended');
like($leader->value("SELECT detail FROM multiregion.hooks WHERE hook = 'promotion_command' AND epoch = $epoch"),
	qr/longer than multiregion.hook_timeout/, 'a command that goes on is ended');
is(scalar $leader->processes(qr/sleep 1234/), 0, 'with what it has started');
is($leader->value("SELECT count(*) FROM multiregion.hooks WHERE hook = 'fence_command' AND epoch = $epoch"), 0, 'nobody is fenced after a planned change');

# --- at a time of day ----------------------------------------------------------------------

settle($next);
is($leader->query(q{SELECT schedule_switchover(now() + interval '1 hour', 'NOWHERE')})->{sqlstate}, '42704', 'an unknown target is refused at once');
is($vetoed->query(q{SELECT schedule_switchover(now() + interval '1 hour')})->{sqlstate}, '25006', 'a standby schedules nothing');
my $cancelled = $leader->safe_psql(q{SELECT schedule_switchover(now() + interval '1 second', away => true)});
is($leader->safe_psql("SELECT cancel_switchover($cancelled)"), 't', 'one can be cancelled');
my $vetoing = $leader->safe_psql(sprintf q{SELECT schedule_switchover(now() + interval '1 second', '%s')}, $vetoed->region);
wait_for($leader, "SELECT state = 'refused' FROM multiregion.scheduled_switchovers WHERE schedule_id = $vetoing", 'the refusal');
is($leader->value("SELECT rule FROM multiregion.scheduled_switchovers WHERE schedule_id = $vetoing"), 'veto', 'a refused one says by which rule');
is($cluster->wait_for_leader->name, $leader->name, 'and changes nothing');
my $id = $leader->safe_psql(sprintf q{SELECT schedule_switchover(now() + interval '2 seconds', '%s', reason => 'maintenance')}, $next->region);
$cluster->poll_until(sub { my $now = $cluster->leader; $now && $now == $next }, 60, 'the scheduled switchover');
wait_for($next, "SELECT state = 'done' FROM multiregion.scheduled_switchovers WHERE schedule_id = $id", 'its end to be written down');
is($next->value(qq{SELECT s.due_at <= f.open_at AND s.epoch = f.epoch AND f.cause = 'switchover' FROM multiregion.schedule AS s
	JOIN multiregion.failovers AS f USING (order_id) WHERE schedule_id = $id}), 't', 'it was done at its time, and which failover it was is known');
is($next->value("SELECT state FROM multiregion.scheduled_switchovers WHERE schedule_id = $cancelled"), 'cancelled', 'the cancelled one was not');

# The lease worker may take its time to answer; a transaction would hold back what is removed.
$cluster->set_policy(lease => '10s');
my $slow = $next->safe_psql(sprintf q{SELECT schedule_switchover(now() + interval '1 second', '%s')}, $vetoed->region);
$next->freeze_workers(qr/lease/);
wait_for($next, "SELECT state = 'running' FROM multiregion.scheduled_switchovers WHERE schedule_id = $slow", 'the order to be given');
wait_for($next, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'multiregion hooks' AND xact_start IS NOT NULL},
	'no transaction to be open', 3);
is($next->value("SELECT state FROM multiregion.scheduled_switchovers WHERE schedule_id = $slow"), 'running', 'while the order waits');
$next->thaw_workers;
wait_for($next, "SELECT state = 'refused' FROM multiregion.scheduled_switchovers WHERE schedule_id = $slow", 'the answer to be written down');
$cluster->set_policy(lease => '3s');

# --- the veto is lifted ----------------------------------------------------------------------

$leader = settle($old);
$leader->safe_psql('DELETE FROM ops.veto');
settle($vetoed);
wait_for($leader, sprintf(q{SELECT count(*) > 0 FROM multiregion.events WHERE kind = 'veto_lifted' AND node = '%s'}, $vetoed->name), 'the event of it');
$vetoed->safe_psql(sprintf "SELECT switchover('%s')", $vetoed->name);
is($cluster->wait_for_leader(not => $leader)->name, $vetoed->name, 'without objection it is promoted');

# --- a veto function that hangs, with the primary dead -----------------------------------------

$leader = settle($old, $next);
set_on($vetoed, 'multiregion.veto_on_error' => 'off');
my $newest = $leader->value('SELECT max(event_id) FROM multiregion.events');
$leader->safe_psql(q{CREATE OR REPLACE FUNCTION ops.may_lead() RETURNS text LANGUAGE sql AS $$ SELECT pg_sleep(60)::text $$});
wait_for($leader, "SELECT count(DISTINCT node) = 2 FROM multiregion.events WHERE kind = 'veto_failed' AND detail LIKE '%timeout' AND event_id > $newest",
	'both standbys to give the function up');
$epoch = $leader->value('SELECT max(epoch) FROM multiregion.failovers');
$leader->kill_all;
$leader = $cluster->wait_for_leader(not => $leader);
my $took = wait_for($leader, "SELECT duration_ms FROM multiregion.failovers WHERE epoch > $epoch AND open_at IS NOT NULL", 'the record of the failover');
cmp_ok($took, '<', 2000, 'no election waits for a function that hangs');
wait_for($leader, "SELECT state = 'done' FROM multiregion.hooks WHERE hook = 'promotion_function' AND epoch > $epoch", 'the function after it');
is($leader->value(q{SELECT count(*) FROM multiregion.hooks WHERE state IN ('waiting', 'running') AND epoch < (SELECT max(epoch) FROM multiregion.failovers)}),
	0, 'and of what came before nothing is left open');
done_testing();
