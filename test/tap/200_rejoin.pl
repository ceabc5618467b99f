# multiregion-join on real clusters: whatever a node's data directory has become while it
# was away, it ends as a correct member or says why not, and nothing is lost silently.
# Method: one cluster; each scenario breaks a node in its way, and when it is back its
# rows are compared with the leader's.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Rejoin qw(run_join add_environment drop_environment replace_program
	read_file write_file start_writer stop_writer walsender_of promote_apart);

# n2 has no vote: it may be ahead of the majority that elects the next leader.
my $cluster = MultiRegion::Cluster->new(
	regions => [qw(US_EAST US_EAST EU_WEST AP_SOUTHEAST)],
	# a standby whose walsender is frozen must not come again
	settings => { wal_receiver_timeout => "'60s'" });
$cluster->start;
my $old = $cluster->wait_for_leader;
my ($ahead, @others) = grep { $_ != $old } $cluster->nodes;
$cluster->poll_until(
	sub {
		my $voters = $old->query('SELECT node_name FROM multiregion.member_status() WHERE voter'
				. ' ORDER BY node_name')->{rows} // [];
		return "@{[ map { $_->[0] } @$voters ]}" eq 'n1 n3 n4';
	}, 30, 'one vote a region');

my $digest = q{SELECT md5(coalesce(string_agg(id || origin, ',' ORDER BY id), '')) FROM work};

sub is_like_leader
{
	my ($node, $what) = @_;

	$cluster->wait_streaming(nodes => [$node], timeout => 60);
	$cluster->wait_caught_up(timeout => 60);
	my $leader = $cluster->wait_for_leader;
	is($node->value($digest), $leader->value($digest), "$what: its rows are the leader's");
	return;
}

sub insert
{
	my ($node, $origin, $count) = @_;
	$node->safe_psql("INSERT INTO work (origin) SELECT '$origin' FROM generate_series(1, $count)");
	return;
}

# --- diverged: a former primary, and a standby that got more than the majority -----------

$old->safe_psql('CREATE TABLE work (id bigserial PRIMARY KEY, origin text,'
		. q{ filler text DEFAULT repeat('x', 200))});
insert($old, 'before', 1000);
$cluster->wait_caught_up;
my %own = ('postgresql.conf' => "\n# of n1 alone\n", 'pg_hba.conf' => "\n# of n1 alone, too\n",
	'server.key' => "a key\n");
foreach my $name (sort keys %own)
{
	my $path = $old->data . "/$name";
	$own{$name} = (read_file($path) // '') . $own{$name};
	write_file($path, $own{$name});
}
mkdir $old->data . '/conf.d';
write_file($old->data . '/conf.d/local.conf', "# local\n");

my $term = $old->lease_status->{term};
my $timeline = $old->lease_status->{timeline};
kill 'STOP', map { walsender_of($old, $_) } @others;
insert($old, 'lost', 500);
$cluster->poll_until(
	sub { ($ahead->value(q{SELECT count(*) FROM work WHERE origin = 'lost'}) // 0) == 500 },
	30, 'the standby to get ahead of the others');
# Without a checkpointer the next leader's control file shows its old timeline on.
my @checkpointers = map { $_->processes(qr/checkpointer/) } @others;
is(scalar @checkpointers, 2, 'the checkpointers are found');
kill 'STOP', @checkpointers;
$ahead->kill_all;
$old->kill_all;
my $new = $cluster->wait_for_leader(not => $old, timeout => 30);
is($new->value(q{SELECT count(*) FROM work WHERE origin = 'lost'}),
	0, 'the next leader has not got the last rows');
insert($new, 'after', 100);

# Killed in the middle: pg_rewind dies of the size of the files it may write, and
# multiregion-join with it; once.
my $programs = replace_program($old, 'pg_rewind', <<'SCRIPT');
ln -sf "$REAL" "$0"
(ulimit -f 1000; exec "$REAL" "$@")
kill -9 $PPID
SCRIPT
add_environment($old, 'MULTIREGION_BINDIR', $programs);
my $writer = start_writer($cluster, q{INSERT INTO work (origin) VALUES ('load')});
my $from = $old->log_size;
$old->start;
$old->wait_for_log(qr/asking the leader for a checkpoint: its control file still shows timeline $timeline\b/,
	from => $from);
pass('a checkpoint is asked for while the control file shows the old timeline');
kill 'CONT', @checkpointers;
$old->wait_for_log(qr/rule rewind_begun/, from => $from);
pass('a rewind that was killed in the middle is begun again');
$from = $ahead->log_size;
$ahead->start;
foreach my $round (1 .. 3)
{
	$new->safe_psql('SELECT pg_switch_wal()');
	$new->safe_psql('CHECKPOINT');
}
$cluster->wait_streaming(nodes => [ $old, $ahead ], timeout => 60);
stop_writer($writer);
like($ahead->log_text($from), qr/rewinding; rule past_fork/, 'a standby past the fork is rewound');
unlike($old->log_text . $ahead->log_text,
	qr/pg_waldump cannot tell/, 'where the local WAL ends could be told');
is_like_leader($old, 'former primary');
is_like_leader($ahead, 'standby past the fork');
is($old->value(q{SELECT count(*) FROM work WHERE origin = 'lost'}), 0, 'the lost rows are gone');
is($old->value(q{SELECT count(*) > 0 FROM work WHERE origin = 'load'}),
	't', 'and there were new ones meanwhile');
foreach my $name (sort keys %own)
{
	is(read_file($old->data . "/$name"), $own{$name}, "its own $name is kept");
}
is(read_file($old->data . '/conf.d/local.conf'), "# local\n", 'and its own conf.d');

foreach my $node ($old, $ahead)
{
	my $name = $node->name;
	my $row = $new->query("SELECT term, timeline, fork_lsn, end_lsn, end_lsn - fork_lsn > 500 * 200,"
			. " kept_path FROM multiregion.divergence WHERE node = '$name'")->{rows};
	is(scalar @$row, 1, "$name: the divergence is recorded once");
	is("@{$row->[0]}[0, 1]", "$term $timeline", "$name: with term and timeline of the lost WAL");
	is($row->[0][4], 't', "$name: fork and end tell how much was lost");
	my $kept = $row->[0][5];
	ok(defined $kept && index($kept, $node->state_directory . '/diverged/') != -1
			|| defined $kept && -d $kept,
		"$name: the lost WAL is kept aside");
	like(read_file("$kept/divergence"), qr/^end_lsn \Q$row->[0][3]\E$/m, "$name: with a note");
	my $dump = `"$cluster->{bindir}/pg_waldump" -p "$kept" -t $timeline -s $row->[0][2] 2>&1`;
	my $inserts = () = $dump =~ /desc: INSERT/g;
	cmp_ok($inserts, '>=', 500, "$name: the lost rows can be read in it");
}

drop_environment($old, 'MULTIREGION_BINDIR');

# --- the leader has removed what a node needs ---------------------------------------------

# Starts a node that multiregion-join refuses until a clone is allowed.
sub clone_when_allowed
{
	my ($node, $rule) = @_;
	my $name = $node->name;
	my $seen = $node->log_size;

	$node->start;
	$node->wait_for_log(qr/a clone is wanted by rule $rule:/, from => $seen);
	like($node->log_text($seen), qr/hint: call multiregion-join once with --reclone=auto/,
		"$name: a clone is not made unasked ($rule)");
	ok(!$node->postmaster, "$name: and no server started");
	$node->supervisor_off;
	add_environment($node, 'MULTIREGION_RECLONE', 'auto');
	$node->start;
	is_like_leader($node, "$name, cloned");
	my @aside = glob($node->data . '.old-*');
	is(scalar @aside, 1, "$name: what was there is moved aside");
	$node->supervisor_off;
	drop_environment($node, 'MULTIREGION_RECLONE');
	$node->start;
	return;
}

$cluster->wait_streaming(nodes => [ $cluster->nodes ]);
$cluster->wait_caught_up;
$ahead->stop;
my $gone = $new;
kill 'STOP', map { walsender_of($gone, $_) } grep { $_ != $gone && $_ != $ahead } $cluster->nodes;
insert($gone, 'lost again', 10);
$gone->kill_all;
$new = $cluster->wait_for_leader(not => $gone, timeout => 30);
$new->safe_psql("ALTER SYSTEM SET $_") foreach "max_slot_wal_keep_size = '16MB'", 'wal_keep_size = 0',
	"min_wal_size = '32MB'", "max_wal_size = '32MB'";
$new->safe_psql('SELECT pg_reload_conf()');
my $oldest = q{SELECT min(substr(name, 9)) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'};
my $needed = substr($new->value('SELECT pg_walfile_name(pg_current_wal_lsn())'), 8);
foreach my $round (1 .. 5)
{
	# Who streams must not be left behind as well.
	$cluster->wait_caught_up;
	insert($new, 'much later', 1);
	$new->safe_psql('SELECT pg_switch_wal()');
}
$cluster->poll_until(
	sub { $new->safe_psql('CHECKPOINT'); ($new->value($oldest) // '') gt $needed },
	30, 'the WAL to go');
$new->safe_psql("ALTER SYSTEM RESET $_")
	foreach qw(max_slot_wal_keep_size wal_keep_size min_wal_size max_wal_size);
$new->safe_psql('SELECT pg_reload_conf()');
clone_when_allowed($ahead, 'wal_gone');
$from = $gone->log_size;
clone_when_allowed($gone, 'rewind_failed');
like($gone->log_text($from), qr/the leader has removed WAL that the rewound/,
	'a rewind that could not be followed by recovery is not taken for one');

# --- two histories under one timeline id ---------------------------------------------------

sub timeline_of
{
	my ($node) = @_;
	my ($timeline) = `"$cluster->{bindir}/pg_controldata" "@{[ $node->data ]}"`
		=~ /^Latest checkpoint's TimeLineID:\s+(\d+)$/m;
	return $timeline;
}

my $apart = $ahead;
$apart->stop;
insert($new, 'meanwhile', 10);
my $before = $new;
$before->kill_all;
$new = $cluster->wait_for_leader(not => $before);
insert($new, 'next', 10);
$before->start;
$cluster->wait_streaming(nodes => [$before]);
# An election in two rounds skips a timeline; the other history must still take the same.
my $taken = $new->lease_status->{timeline};
write_file(sprintf('%s/pg_wal/%08X.history', $apart->data, $_), "# skipped\n")
	foreach timeline_of($apart) + 1 .. $taken - 1;
promote_apart($apart, free_port(), 'SELECT pg_promote()',
	q{INSERT INTO work (origin) VALUES ('apart')});
is(timeline_of($apart), $taken, 'two promotions took the same timeline');
clone_when_allowed($apart, 'collision');
is($apart->value(q{SELECT count(*) FROM work WHERE origin = 'apart'}), 0, 'one history is left');

# --- an empty data directory ---------------------------------------------------------------

my $id = q{SELECT uuid FROM multiregion.node WHERE node_name = '} . $ahead->name . q{'};
my $uuid = $new->value($id);
$ahead->stop;
system('rm', '-rf', $ahead->data) == 0 or die 'rm failed';
add_environment($ahead, 'MULTIREGION_BINDIR', replace_program($ahead, 'pg_basebackup', <<'SCRIPT'));
ln -sf "$REAL" "$0"
(ulimit -f 1000; exec "$REAL" "$@")
kill -9 $PPID
SCRIPT
$from = $ahead->log_size;
$ahead->start;
is_like_leader($ahead, 'an empty data directory');
like($ahead->log_text($from), qr/removed an unfinished clone/,
	'a clone that was killed in the middle is begun again');
is($new->value($id), $uuid, 'the node is still the same');

# --- the wrong data directory --------------------------------------------------------------

$ahead->stop;
my $data = $ahead->data;
rename($data, "$data.right") or die $!;
system("$cluster->{bindir}/initdb", '--no-sync', '--auth=trust', '--username=postgres', '-D', $data) == 0
	or die 'initdb failed';
my ($code, $output) = run_join($ahead);
is($code, 2, 'a plain database in the place of a member is refused');
like($output, qr/rule marker_lost/, 'for what is missing');
write_file("$data/multiregion.managed", read_file("$data.right/multiregion.managed"));
write_file("$data/standby.signal", '');
($code, $output) = run_join($ahead);
is($code, 2, 'the same with the right marker is refused');
like($output, qr/rule other_database/, 'for being another database');
write_file("$data/multiregion.managed", ('0' x 31) . "1\n");
($code, $output) = run_join($ahead);
is($code, 2, 'a directory of another cluster is refused');
like($output, qr/rule state_foreign/, 'for its marker');
like($output, qr/hint: /, 'and with a hint');
system('rm', '-rf', $data) == 0 or die 'rm failed';
rename("$data.right", $data) or die $!;
$ahead->start;
is_like_leader($ahead, 'back in its own directory');

# --- an older copy of its own data directory --------------------------------------------------

$ahead->stop;
system('cp', '-a', $data, "$data.older") == 0 or die 'cp failed';
$ahead->start;
insert($cluster->wait_for_leader, 'since the copy', 100);
is_like_leader($ahead, 'before its data directory is set back');
$ahead->stop;
system('rm', '-rf', $data) == 0 or die 'rm failed';
rename("$data.older", $data) or die $!;
$ahead->start;
is_like_leader($ahead, 'set back to an older copy');

# --- nobody answers -------------------------------------------------------------------------

$new = $cluster->wait_for_leader;
$_->kill_all foreach grep { $_ != $new } $cluster->nodes;
$new->kill_all;
$from = $new->log_size;
$new->start;
$cluster->poll_until(sub { $new->lease_status }, 30, 'the last leader to answer, alone');
like($new->log_text($from), qr/starting unchanged; rule no_peer/, 'alone it starts as it was');
is($new->lease_status->{fenced}, 't', 'fenced');
is($new->value('SELECT pg_is_in_recovery()'), 'f', 'and no standby');
is($new->query(q{INSERT INTO work (origin) VALUES ('alone')})->{sqlstate}, '25006',
	'so that it refuses to write');
$_->start foreach grep { $_ != $new } $cluster->nodes;
$cluster->wait_for_leader(timeout => 60);
foreach my $node ($cluster->nodes)
{
	next if $node == $cluster->wait_for_leader;
	is_like_leader($node, $node->name . ' after the power cut');
}

done_testing();
