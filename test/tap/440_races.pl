# What happens in the very moment in which the primary moves: orders that meet, changes of
# policy, tenants, members and pauses, and what sessions were in the middle of. Each is
# acknowledged and holds on all nodes afterwards, or was refused with an error, or its
# connection ended; nothing is half-done and nothing of a planned change is lost. Method: one
# cluster; the statements leave on sessions of their own at the same instant as the order.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Probe;

my $program = $ENV{MR_PROBE} // ($ENV{MR_TOP} // "$FindBin::Bin/../..") . '/build/test/probe.bin';
my $cluster = MultiRegion::Cluster->new(
	settings => { max_prepared_transactions => 10 },
	policy => { health_check_interval => '1s', failback => 'off' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
MultiRegion::Probe->make_table($leader);
my $probe = MultiRegion::Probe->start($cluster, $program);
my $nobody = 'host=127.0.0.1 port=1';

sub others { return grep { $_ != $leader } $cluster->nodes }

sub settle
{
	$leader = $cluster->settle;
	$cluster->wait_caught_up;
	return $leader;
}

# A moment in which something may go wrong; not a wait for anything.
sub moment { my ($ms) = @_; select(undef, undef, undef, $ms / 1000); return }

# Sends statements at once, [session, statement] each; returns their results in that order.
sub at_once
{
	my (@calls) = @_;

	$_->[0]->send($_->[1]) foreach @calls;
	return map { $_->[0]->receive(timeout => 40) } @calls;
}

sub done { return $_[0]->{ready} && !defined $_[0]->{sqlstate} }

# What a client makes of it. A server that stops at once says 57P01 in a warning.
sub code
{
	my ($result) = @_;
	my ($warning) = grep { $_ eq '57P01' } map { $_->{sqlstate} // '' } @{ $result->{notices} // [] };

	return done($result) ? 'done' : $result->{timeout} ? 'silent' : $result->{sqlstate} // $warning // 'lost';
}


# All nodes say the same of something, and it is this.
sub everywhere
{
	my ($sql, $value, $what) = @_;
	my @seen;

	my $same = eval {
		$cluster->poll_until(
			sub { @seen = map { $_->value($sql) // 'null' } $cluster->nodes; !grep { $_ ne $value } @seen },
			20, $what);
	};
	ok($same, $what) or diag("wanted $value, seen @seen");
	return;
}

sub switchover_to { return sprintf "SELECT to_node, epoch FROM switchover('%s', wait => '20 s')", $_[0]->name }

# --- orders that meet -----------------------------------------------------------------

my $orders = $leader->value('SELECT count(*) FROM multiregion.failovers WHERE order_id IS NOT NULL');

# A session that has written may be ended by the first order before the second is even read,
# on a busy machine: then they have not met, and are given once more.
sub orders_meet
{
	my ($what, $calls) = @_;
	my (@codes, @won);

	foreach my $try (1 .. 3)
	{
		my @results = at_once($calls->());
		@codes = sort map { code($_) } @results;
		@won = sort { $a->{rows}[0][1] <=> $b->{rows}[0][1] } grep { done($_) } @results;
		settle();
		last if "@codes" ne '57P01 done' || $try == 3;
		$orders += @won;
	}
	# One that reaches the primary when the first is over is done as well, after it.
	like("@codes", qr/^(?:55006|done) done$/, "$what: one wins, the other is told that it came second");
	is($leader->name, @won ? $won[-1]{rows}[0][0] : '?', "$what: the one that was promised leads");
	$orders += @won;
	everywhere('SELECT count(*) FROM multiregion.failovers WHERE order_id IS NOT NULL', $orders,
		"$what: each change of the primary is recorded, and no other");
	return;
}

# Sessions that have written end with the lease, but not before they have their answer.
sub session_that_wrote
{
	my $session = $leader->session;

	$session->query('CREATE TABLE IF NOT EXISTS wrote (id int); INSERT INTO wrote VALUES (1)');
	return $session;
}

settle();
orders_meet('two switchovers asked at the primary',
	sub { map { [ session_that_wrote(), switchover_to($_) ] } others() });
orders_meet('two switchovers asked at their targets',
	sub { map { [ $_->session, switchover_to($_) ] } others() });
orders_meet('switchover and failover()', sub {
	my ($second, $third) = others();
	return ([ $leader->session, switchover_to($second) ],
		[ $third->session, sprintf "SELECT to_node, epoch FROM failover('%s')", $third->name ]);
});

# --- changes in the moment of a switchover ---------------------------------------------

# What is changed in a round, and how the tables would show it.
sub changes
{
	my ($round) = @_;
	my $before = $round - 1;

	return (
		[ 'policy', "SELECT multiregion.set_policy('health_retry_interval', '" . (1000 + $round) . "ms')",
			q{SELECT value FROM multiregion.policy WHERE name = 'health_retry_interval'}, 1000 + $round ],
		[ 'tenant', "SELECT set_tenant_region('t$round', 'EU_WEST')",
			"SELECT region_key FROM multiregion.tenant WHERE tenant_id = 't$round'", 'EU_WEST' ],
		[ 'pause', "SELECT pause_failover('1h', region => 'EU_WEST', reason => 'round $round')",
			'SELECT reason FROM multiregion.pause', "round $round" ],
		[ 'added node', "SELECT add_node('x$round', 'EU_WEST', '$nobody', allow_unreachable => true)",
			"SELECT count(*) FROM multiregion.node WHERE node_name = 'x$round'", 1 ],
		[ 'dropped node', "SELECT drop_node('x$before')",
			"SELECT count(*) FROM multiregion.node WHERE node_name = 'x$before'", 0 ],
		[ 'extension', 'DROP EXTENSION multiregion', undef, undef ]);
}

# Whatever was changed at last is in force on every node.
sub policy_in_force
{
	my ($what) = @_;
	my $value = $leader->value(q{SELECT value FROM multiregion.policies WHERE name = 'health_retry_interval'});

	everywhere(q{SELECT in_force FROM multiregion.list_policies() WHERE name = 'health_retry_interval'},
		$value, "$what: the policy of the table is in force everywhere");
	return;
}

# Makes the changes of a round while somebody does something to the primary. What a planned
# change acknowledged must be there, and what was refused must not.
sub changes_meet
{
	my ($round, $what, $planned, $deed) = @_;
	my @changes = changes($round);

	# Others are the first ones each time.
	push @changes, splice(@changes, 0, 2 * ($round - 1) % @changes);

	$leader->query("SELECT add_node('x" . ($round - 1) . "', 'EU_WEST', '$nobody', allow_unreachable => true)");
	my @before = map { $_->[2] ? $leader->value($_->[2]) // 'null' : undef } @changes;
	my @sessions = map { $leader->session } @changes;
	my $ending;
	foreach my $i (0 .. $#changes)
	{
		$ending = $deed->() if $i == 2;
		$sessions[$i]->send($changes[$i][1]);
		moment(4);
	}
	my @results = map { $_->receive(timeout => 30) } @sessions;
	$ending->();
	settle();
	note("$what: ", join ', ', map { "$changes[$_][0] " . code($results[$_]) } 0 .. $#changes);
	foreach my $i (0 .. $#changes)
	{
		my ($name, $sql, $look, $after) = @{ $changes[$i] };
		my $code = code($results[$i]);

		if ($name eq 'extension')
		{
			like($code, qr/^(?:55006|25006|57P01|57P03|lost)$/, "$what: the extension is not dropped");
			next;
		}
		like($code, qr/^(?:done|25006|57P01|lost)$/, "$what: $name: done, refused, or cut off");
		my $now = $leader->value($look) // 'null';
		my @legal = $code eq 'done' && $planned ? ($after)
			: $code eq '25006' ? ($before[$i]) : ($before[$i], $after);
		ok(scalar(grep { $_ eq $now } @legal), "$what: $name: what was said holds")
			or diag("$code, and it is $now; legal: @legal");
		everywhere($look, $now, "$what: $name: the same everywhere");
	}
	policy_in_force($what);
	return;
}

settle();
foreach my $round (1 .. 3)
{
	my ($to) = others();
	my $asking = $to->session;

	changes_meet($round, "switchover $round", 1,
		sub {
			$asking->send(switchover_to($to));
			return sub {
				my $result = $asking->receive(timeout => 30);
				is(code($result), 'done', "switchover $round: done") or diag($result->{message});
			};
		});
}
changes_meet(4, 'failover', 0,
	sub {
		$leader->kill_postmaster;
		return sub { $cluster->wait_for_leader(timeout => 30) };
	});
$leader->safe_psql(q{SELECT resume_failover(region => 'EU_WEST')});
# A primary in that region has promises for as long as the pause until it asks for shorter ones.
$cluster->poll_until(
	sub { $leader->value('SELECT count(*) FROM multiregion.pause') eq '0' && $leader->lease_status->{lease_remaining_ms} < 4000 },
	20, 'the promises of the pause to end');
$leader->safe_psql(q{DELETE FROM multiregion.node WHERE node_name LIKE 'x%'});
settle();

# --- a member changes during an election -------------------------------------------------

{
	my $old = $leader;
	my ($next, $third) = others();
	my $session = $old->session;

	$session->send(sprintf "SELECT alter_node('%s', no_promote => true)", $third->name);
	$old->kill_all;
	my $answer = code($session->receive(timeout => 10));
	$cluster->wait_for_leader(not => $old, timeout => 30);
	$old->start;
	$cluster->wait_complete(60);
	$leader = $cluster->wait_for_leader;
	my $says = $leader->value(sprintf "SELECT no_promote FROM multiregion.node WHERE node_name = '%s'", $third->name);
	note("member during an election: $answer, no_promote is $says");
	everywhere(sprintf(q{SELECT no_promote FROM multiregion.node WHERE node_name = '%s'}, $third->name),
		$says, 'member changed during an election: the same in every table');
	is($leader->query(sprintf "SELECT alter_node('%s', no_promote => false)", $third->name)->{sqlstate}, undef,
		'and it can be changed again');
	settle();
}

# --- failover() at two nodes, and no primary ---------------------------------------------

{
	my $old = $leader;
	my @targets = others();

	$leader->safe_psql(q{SELECT multiregion.set_policy('auto_failover', 'off')});
	everywhere(q{SELECT in_force FROM multiregion.list_policies() WHERE name = 'auto_failover'}, 'off',
		'automatic failover is off');
	$old->kill_all;
	my @results = at_once(
		map { [ $_->session, sprintf "SELECT to_node, epoch FROM failover('%s', wait => '20 s')", $_->name ] } @targets);
	$leader = $cluster->wait_for_leader(not => $old);
	my @done = sort { $a->{rows}[0][1] <=> $b->{rows}[0][1] } grep { done($_) } @results;
	note('failover() at two nodes: ', join ' ', map { code($_) } @results);
	cmp_ok(scalar @done, '>=', 1, 'failover() at two nodes at once: one at least is done');
	ok(!(grep { code($_) !~ /^(?:done|55006|55000|57014|57P01|lost)$/ } @results),
		'and the other is told what became of it');
	is(scalar(grep { $_->is_writable } @targets), 1, 'one node leads');
	is($leader->name, $done[-1]{rows}[0][0], 'the one that was named by the last order that was done');
	$leader->safe_psql(q{SELECT multiregion.set_policy('auto_failover', NULL)});
	settle();
}

# --- orders in the moment of a failback --------------------------------------------------

{
	my $home = $cluster->node(0);

	if ($leader == $home)
	{
		my ($away) = others();
		is(code($leader->query(switchover_to($away))), 'done', 'failback: the primary is away');
		settle();
	}
	my ($third) = grep { $_ != $leader && $_ != $home } $cluster->nodes;
	my $before = $leader->value(q{SELECT count(*) FROM multiregion.failovers WHERE cause = 'failback'});
	my $asking = $third->session;
	my ($from, $returning) = ($leader->log_size, $leader);

	$leader->safe_psql(q{SELECT multiregion.set_policy('failback_delay', '1s')});
	$leader->safe_psql(q{SELECT multiregion.set_policy('failback', 'on')});
	$leader->wait_for_log(qr/event order_accepted.*return to the preferred region/, from => $from, timeout => 60);
	my $code = code($asking->query(switchover_to($third), timeout => 40));
	note("switchover during a failback: $code");
	like($code, qr/^(?:done|55006)$/, 'a switchover during a failback is refused, or done after it');
	$cluster->poll_until(
		sub {
			my $now = $cluster->leader;
			$now && done($now->query(q{SELECT multiregion.set_policy('failback', 'off')}));
		}, 30, 'the end of it');
	settle();
	# On a busy machine it may be given up, as any hand-over that finds a doubt.
	my $given_up = $returning->log_text($from) =~ /event order_refused/;
	is($leader->value(q{SELECT count(*) FROM multiregion.failovers WHERE cause = 'failback'}) > $before || $given_up, 1,
		'the failback is done, or was given up');
}

# --- what sessions were doing --------------------------------------------------------------

$leader->safe_psql($_) foreach (
	'CREATE TABLE busy (id int, who text)', 'CREATE TABLE indexed (id int)',
	'INSERT INTO indexed SELECT generate_series(1, 1000)', 'CREATE SEQUENCE counter',
	q{CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$
		BEGIN FOR i IN 1 .. 10000000 LOOP INSERT INTO busy VALUES (i, 'procedure'); COMMIT; END LOOP; END$$});
my $old = settle();
my ($to) = others();
my %session = map { $_ => $old->session } qw(open serializable phase1 second_phase prepare copy index
	holder procedure lock listen temp cursor idle reader);

sub prepared
{
	my ($name, @statements) = @_;

	foreach my $sql (@statements)
	{
		my $result = $session{$name}->query($sql);
		die "$name: $result->{message}" unless done($result);
	}
	return;
}

prepared(open => 'BEGIN', q{INSERT INTO busy VALUES (1, 'open')});
prepared(serializable => 'BEGIN ISOLATION LEVEL SERIALIZABLE', q{SELECT count(*) FROM busy},
	q{INSERT INTO busy VALUES (1, 'serializable')});
prepared(phase1 => 'BEGIN', q{INSERT INTO busy VALUES (1, 'phase1')}, q{PREPARE TRANSACTION 'before'});
prepared(second_phase => 'BEGIN', q{INSERT INTO busy VALUES (1, 'second')}, q{PREPARE TRANSACTION 'second'});
prepared(prepare => 'BEGIN', q{INSERT INTO busy VALUES (1, 'prepare')});
prepared(holder => 'BEGIN', q{INSERT INTO indexed VALUES (0)});
prepared(lock => 'SELECT pg_advisory_lock(42)');
prepared(listen => 'LISTEN news');
prepared(temp => 'CREATE TEMP TABLE mine AS SELECT 1 AS a');
prepared(cursor => 'BEGIN', 'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM indexed', 'FETCH 1 FROM c');
$session{copy}->send('COPY busy FROM STDIN');
$session{copy}->_write(MultiRegion::Session::_packet('d', "1\tcopy\n") x 100, MultiRegion::Session::now() + 5);
$session{index}->send('CREATE INDEX CONCURRENTLY fresh ON indexed (id)');
$session{procedure}->send('CALL commits()');
$session{reader}->send('SELECT pg_sleep(600)');
$cluster->poll_until(
	sub { ($old->value(q{SELECT count(*) FROM pg_index WHERE NOT indisvalid}) // 0) == 1
		&& $old->value(q{SELECT count(*) > 10 FROM busy WHERE who = 'procedure'}) eq 't' },
	20, 'the index and the procedure to be under way');
my $number = 0;
$number = $old->value(q{SELECT nextval('counter')}) foreach 1 .. 40;

my $asking = $to->session;
$asking->send(switchover_to($to));
$session{second_phase}->send(q{COMMIT PREPARED 'second'});
$session{prepare}->send(q{PREPARE TRANSACTION 'during'});
is(code($asking->receive(timeout => 30)), 'done', 'sessions: the switchover does not wait for them');
my %end;
foreach my $name (sort keys %session)
{
	my $result = $session{$name}->receive(timeout => 20);

	# what was done in time ends afterwards
	$result = { %$result, first => code($result) };
	$end{$name} = $result->{first};
	$result = $session{$name}->receive(timeout => 20) if $result->{ready};
	is(code($result) eq 'silent' ? 'silent' : 'ended', 'ended', "sessions: $name is not left hanging");
}
note('sessions: ', join ', ', map { "$_ $end{$_}" } sort keys %end);
like($end{$_}, qr/^(?:57P01|25006)$/, "sessions: $_ is told so")
	foreach qw(open serializable holder procedure lock listen temp cursor idle reader copy);
settle();

sub rows_of { return $leader->value("SELECT count(*) FROM busy WHERE who = '$_[0]'") }

is(rows_of($_), 0, "sessions: nothing is left of $_") foreach qw(open serializable copy);
is($leader->value('SELECT count(*) FROM indexed'), 1000, 'sessions: nor of what the index waited for');
is($leader->value('SELECT count(*) FROM pg_index WHERE indexrelid::regclass::text = \'fresh\' AND indisvalid'), 0,
	'sessions: no index is valid that was not finished');
is($leader->query('DROP INDEX IF EXISTS fresh')->{sqlstate}, undef, 'sessions: and what is left of it can be dropped');
is($leader->value(q{SELECT count(*) = max(id) FROM busy WHERE who = 'procedure'}), 't',
	'sessions: a procedure that commits has done a part without a gap');
is($leader->query(q{COMMIT PREPARED 'before'})->{sqlstate}, undef, 'sessions: a prepared transaction survives');
is(rows_of('phase1'), 1, 'sessions: and is committed on the new primary');

# The second phase was done, or can be done now; the first one is there if it was promised.
my $second = $leader->query(q{COMMIT PREPARED 'second'});
is($second->{sqlstate} // 'done', '42704', 'sessions: a second phase that was acknowledged is not there any more')
	if $end{second_phase} eq 'done';
is($second->{sqlstate}, undef, 'sessions: a second phase that was refused can be done now')
	if $end{second_phase} eq '25006';
is(rows_of('second'), 1, 'sessions: done once in any case');
my $during = $leader->query(q{ROLLBACK PREPARED 'during'})->{sqlstate} // 'done';
is($during, $end{prepare} eq 'done' ? 'done' : '42704', 'sessions: a first phase is there if it was acknowledged')
	if $end{prepare} ne 'lost';
cmp_ok($leader->value(q{SELECT nextval('counter')}), '>', $number, 'sessions: a sequence gives no number twice');
is($leader->value('SELECT pg_try_advisory_lock(42)'), 't', 'sessions: an advisory lock ends with its server');
is($leader->session->query('CREATE TEMP TABLE mine (a int); SELECT * FROM mine')->{sqlstate}, undef,
	'sessions: a temporary table is not in the way of the next');

# --- all in all -----------------------------------------------------------------------------

my $log = $probe->stop;
my %primary;
foreach my $ack ($log->acks)
{
	my ($timeline) = split m{/}, $ack->{where};
	$primary{$timeline}{ $ack->{node} } = 1;
}
cmp_ok(scalar(keys %primary), '>', 1, 'more than one timeline was written');
is(scalar(grep { keys %$_ != 1 } values %primary), 0, 'no timeline was written by two nodes');
done_testing();
