# The state file is a node's memory of its votes: without it, or with a wrong one, a node
# stays fenced, gives no vote, says why and what to do, and replace_node() on the primary
# brings it back. A copy of a data directory is born fenced. Method: the file of a standby
# is broken in one way after the other, then that of a primary.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Rejoin qw(run_join read_file write_file start_server stop_server row_of);

my $cluster = MultiRegion::Cluster->new;
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($second, $third) = grep { $_ != $leader } $cluster->nodes;
my $directory = $third->data . '.multiregion';
my $state = "$directory/state";
my $status = 'SELECT * FROM multiregion.lease_status()';

$leader->safe_psql('CREATE TABLE work (id bigserial PRIMARY KEY, origin text)');
$leader->safe_psql(q{INSERT INTO work (origin) SELECT 'first' FROM generate_series(1, 100)});
$cluster->wait_caught_up;

sub bring_back
{
	my ($node, $what) = @_;

	my $primary = $leader = $cluster->wait_for_leader;
	$primary->safe_psql(q{SELECT multiregion.replace_node('} . $node->name . q{')});
	$node->start;
	$cluster->wait_streaming(nodes => [$node], timeout => 60);
	# On a busy machine another one may lead meanwhile.
	$cluster->poll_until(
		sub {
			$leader = $cluster->leader or return 0;
			($leader->value('SELECT voter FROM multiregion.member_status() WHERE node_name = \''
						. $node->name . q{'}) // '') eq 't'
				&& (($node->lease_status // {})->{reason} // '') eq 'node "' . $leader->name . '" holds the lease';
		}, 60, $node->name . ' to vote again and to follow');
	pass("$what: replace_node() brings the node back");
	return;
}

# --- lost, and damaged ---------------------------------------------------------------------

$third->stop;
my $good = read_file($state);
my $flipped = $good;
substr($flipped, length($good) / 2, 1) ^= "\x10";

my @broken = ([ lost => undef, qr/holds no state file/ ],
	[ truncated => substr($good, 0, length($good) / 2), qr/state/i ],
	[ empty => '', qr/state/i ],
	[ 'bit-flipped' => $flipped, qr/check|state/i ]);
foreach my $case (@broken)
{
	my ($how, $content, $reason) = @$case;

	unlink $state;
	write_file($state, $content) if defined $content;
	# with its own port: the others can reach it, as if multiregion-join had been forgotten
	my $server = start_server($cluster, $third->data, $third->port);
	$cluster->poll_until(
		sub { (row_of($server->{session}, $status)->{reason} // '') !~ /has not started/ },
		20, 'the lease worker');
	my $row = row_of($server->{session}, $status);
	is($row->{fenced}, 't', "$how: fenced");
	is($row->{managed}, 't', "$how: and managed all the same");
	like($row->{reason} // '', $reason, "$how: the status says why");
	unlike($row->{reason} // '', qr/holds the lease/, "$how: and follows nobody");
	my $log = read_file($server->{log});
	like($log, qr/this node is fenced: its state file cannot be used/, "$how: the log says so");
	like($log, qr/multiregion\.replace_node\(\)/, "$how: and what to do");
	if ($how eq 'lost')
	{
		$second->kill_all;
		$cluster->poll_until(sub { !$leader->is_writable }, 20, 'the leader to lose its lease');
		pass("$how: it renews nobody's lease");
		is(row_of($server->{session}, $status)->{reason}, $row->{reason}, "$how: whoever asks");
		$second->start;
		$leader = $cluster->wait_for_leader;
		pass("$how: a node in its right mind does");
	}
	stop_server($server);
	my ($code, $output) = run_join($third);
	is($code, 2, "$how: multiregion-join refuses to start it");
	like($output, qr/rule state_lost/, "$how: for that");
	like($output, qr/hint: .*multiregion\.replace_node\('n3'\)/, "$how: and says what to do");
}
bring_back($third, 'lost and damaged');
ok(-s "$directory/state.damaged", 'the damaged file is kept');
is($third->value('SELECT count(*) FROM work'), 100, 'and so is the data');

# --- somebody else's -----------------------------------------------------------------------

$third->stop;
$good = read_file($state);
write_file($state, read_file($second->data . '.multiregion/state'));
my ($code, $output) = run_join($third);
is($code, 2, 'the state file of another node is refused');
like($output, qr/rule state_of_other/, 'for that');
like($output, qr/node "n2"/, 'and told whose it is');

my $foreign = MultiRegion::Cluster->new(name => 'foreign', regions => 1);
$foreign->start;
write_file($state, read_file($foreign->node(0)->data . '.multiregion/state'));
$foreign->stop;
($code, $output) = run_join($third);
is($code, 2, 'the state file of another cluster is refused');
like($output, qr/rule state_foreign/, 'for that');
my $server = start_server($cluster, $third->data, $third->port);
$cluster->poll_until(
	sub { (row_of($server->{session}, $status)->{reason} // '') !~ /has not started/ },
	20, 'the lease worker');
my $row = row_of($server->{session}, $status);
is($row->{fenced}, 't', 'a server with the state file of another cluster is fenced');
like($row->{reason} // '', qr/another cluster/, 'and says why');
is($server->{session}->value('SELECT pg_is_in_recovery()'), 't', 'it is no primary of that cluster');
stop_server($server);

# --- back in time ---------------------------------------------------------------------------

write_file($state, $good);
$third->start;
$cluster->wait_streaming(nodes => [$third]);
# terms and configurations go by, each of them a write of the file
foreach my $value ('1s', '2s', '3s')
{
	my $version = $leader->lease_status->{config_version};
	$leader->safe_psql("SELECT multiregion.set_policy('health_check_interval', '$value')");
	$cluster->poll_until(
		sub { ($third->lease_status // {})->{config_version} > $version },
		20, 'the configuration');
}
$third->stop;
write_file($state, $good);
my $from = $third->log_size;
my $since = $leader->safe_psql('SELECT clock_timestamp()');
$third->start;
$cluster->poll_until(
	sub { (($third->lease_status // {})->{reason} // '') =~ /went back in time/ },
	30, 'the node to learn that its file is old');
pass('back in time: the status says why');
is($third->lease_status->{fenced}, 't', 'back in time: fenced');
like($third->log_text($from), qr/went back in time/, 'back in time: the log says so');
like($third->log_text($from), qr/multiregion\.replace_node\(\)/, 'back in time: and what to do');
$cluster->poll_until(
	sub {
		$leader->value('SELECT count(*) FROM multiregion.event WHERE kind = \'amnesia\''
				. " AND at >= '$since' AND subject = 'n3'");
	}, 30, 'the event');
$second->kill_all;
$cluster->poll_until(sub { !$leader->is_writable }, 20, 'the leader to lose its lease');
pass('back in time: it renews nobody\'s lease');
$second->start;
$leader = $cluster->wait_for_leader;
cmp_ok($leader->value('SELECT count(*) FROM multiregion.event WHERE kind = \'amnesia\''
			. " AND at >= '$since' AND subject = 'n3'"),
	'<=', 10, 'back in time: it is recorded, but not again and again');
$third->stop;
bring_back($third, 'back in time');

# --- two servers, one state directory -------------------------------------------------------

my $copy = "$cluster->{directory}/copy";
system('cp', '-a', $third->data, $copy) == 0 or die 'cp failed';
unlink "$copy/postmaster.pid";
my $port = free_port();
$server = start_server($cluster, $copy, $port, "multiregion.state_directory=$directory");
ok(!$server->{session}, 'a second server on one state directory does not start');
like(read_file($server->{log}), qr/is in use by another server/, 'and says why');
($code, $output) = run_join($third, '--data', $copy, '--state-directory', $directory, '--timeout', 0.2);
is($code, 3, 'nor does multiregion-join let it');
like($output, qr/still in use by another process/, 'and says why, too');
system('rm', '-rf', $copy) == 0 or die 'rm failed';

# --- copies are born fenced ------------------------------------------------------------------

system("$cluster->{bindir}/pg_basebackup", '-D', $copy, '-c', 'fast', '-d', $leader->connect_string) == 0
	or die 'pg_basebackup failed';
# its auto.conf may name the state directory of the original
ok(-e "$copy/multiregion.managed", 'the marker is copied');
$server = start_server($cluster, $copy, $port, "multiregion.state_directory=$copy.multiregion");
$cluster->poll_until(
	sub { (row_of($server->{session}, $status)->{reason} // '') !~ /has not started/ },
	20, 'the lease worker');
$row = row_of($server->{session}, $status);
is($server->{session}->value('SELECT pg_is_in_recovery()'), 'f', 'a copy started by hand is a primary');
is("$row->{managed} $row->{fenced} $row->{writable}", 't t f', 'and fenced');
like($row->{reason} // '', qr/holds no state file/, 'for it has no state file');
is($server->{session}->query(q{INSERT INTO work (origin) VALUES ('copy')})->{sqlstate},
	'25006', 'it refuses to write');
is($server->{session}->value('SELECT count(*) FROM work'), 100, 'but can be read');
stop_server($server);
$server = start_server($cluster, $copy, $port, 'multiregion.standalone=on');
like($server->{session}->query($status)->{message},
	qr/runs on its own/, 'opened as a plain server it says so');
my $result = $server->{session}->query(q{INSERT INTO work (origin) VALUES ('copy')});
ok($result->{ready} && !defined $result->{sqlstate}, 'and can be written')
	or diag($result->{message});
is($server->{session}->value(
		q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'multiregion%'}),
	0, 'and none of our workers runs');
stop_server($server);

# --- a primary without memory ----------------------------------------------------------------

my $old = $leader;
$old->kill_all;
unlink $old->data . '.multiregion/state';
$leader = $cluster->wait_for_leader(not => $old);
$leader->safe_psql(q{INSERT INTO work (origin) VALUES ('next')});
($code, $output) = run_join($old);
is($code, 2, 'a former primary without its state file is refused');
like($output, qr/rule state_lost/, 'for that');
bring_back($old, 'a former primary');
$cluster->wait_caught_up;
is($old->value('SELECT count(*) FROM work'), 101, 'and a standby with the rows of the leader');

done_testing();
