# multiregion-join on real clusters: whatever a node's data directory has become while it
# was away, it ends as a correct member or says why not, and nothing is lost silently.
# Method: a fifth of the scenarios break the node by hand; after each one its rows are
# compared with the leader's.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Process qw(kill_directory);
use MultiRegion::Ports qw(free_port);
use MultiRegion::Rejoin qw(:DEFAULT run_join add_environment drop_environment replace_program
	read_file write_file start_writer stop_writer walsender_of promote_apart);

# n2 has no vote: it may be ahead of the majority that elects the next leader.
my $cluster = MultiRegion::Cluster->new(
	regions => [qw(US_EAST US_EAST EU_WEST AP_SOUTHEAST)]);
$cluster->start;
my $old = $cluster->wait_for_leader;
my ($ahead, @others) = grep { $_ != $old } $cluster->nodes;

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

done_testing();
