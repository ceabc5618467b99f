# Growing from three regions to five and back by one while clients write, a lost voter
# replaced under the same load, and a failover in between. Proves that no acknowledged row
# is lost, that commits fail only where the primary changes, that votes are one a region
# and odd, and that an amnesiac has none until it is replaced. Method: one cluster with two
# writers that note what was acknowledged.
use strict;
use warnings;

use File::Path qw(remove_tree);
use FindBin;
use IO::Handle;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(read_file write_file row_of);
use MultiRegion::Session;

my $cluster = MultiRegion::Cluster->new(
	regions => 3,
	policy => { health_check_interval => '1s', health_retry_interval => '200ms' });
$cluster->start;
my ($first, $second, $third) = $cluster->nodes;
my $leader = $cluster->wait_for_leader;
is($leader, $first, 'the first node leads');
$leader->safe_psql('CREATE TABLE work (writer int, id int, PRIMARY KEY (writer, id))');

# --- writers ------------------------------------------------------------------------------------

my @writers;
my $ports = "$cluster->{directory}/ports";    # of all nodes; read by the writers, who are older than some

sub note_ports
{
	write_file("$ports.new", join(' ', map { $_->port } $cluster->nodes));
	rename("$ports.new", $ports) or die "$ports: $!";
	return;
}

# A connection to the primary, if there is one.
sub session_that_writes
{
	foreach my $port (split / /, read_file($ports))
	{
		my $session = MultiRegion::Session->connect(port => $port, timeout => 1) or next;
		return $session if ($session->value('SELECT writable FROM multiregion.lease_status()', timeout => 2) // '') eq 't';
		$session->close;
	}
	return undef;
}

# Inserts one row after another until told to stop, and keeps the ids that were
# acknowledged and the number of failures in a file. A failed id is not tried again.
sub start_counting_writer
{
	my ($number) = @_;
	my $path = "$cluster->{directory}/writer-$number";

	pipe(my $reader, my $writer) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		my ($session, $id, $failures) = (undef, 0, 0);

		chdir $cluster->{directory};
		close $_ foreach $writer, map { $_->{pipe} } @writers;
		$reader->blocking(0);
		open(my $file, '>', $path) or POSIX::_exit(1);
		$file->autoflush(1);
		until (defined(my $read = sysread($reader, my $ignored, 1)))
		{
			$session //= session_that_writes();
			if ($session)
			{
				my $result = $session->query("INSERT INTO work VALUES ($number, " . ++$id . ')', timeout => 10);
				my $done = $result->{ready} && !defined $result->{sqlstate};
				print $file $done ? "$id\n" : "failed\n";
				$session = undef unless $done;
			}
			select(undef, undef, undef, 0.02);
		}
		POSIX::_exit(0);
	}
	close $reader;
	return { pid => $pid, pipe => $writer, path => $path, number => $number };
}

note_ports();
push @writers, start_counting_writer($_) foreach 1, 2;

sub failures { return scalar grep { $_ eq 'failed' } map { split /\n/, read_file($_->{path}) // '' } @writers }

sub progress
{
	my ($what) = @_;
	my $before = $leader->value('SELECT count(*) FROM work') // 0;
	$cluster->poll_until(sub { ($leader->value('SELECT count(*) FROM work') // 0) > $before + 20 }, 30, $what);
	return;
}

# Names of the voters, once nothing moves any more.
sub wait_voters
{
	my ($wanted, $what) = @_;
	my $sql = q{SELECT coalesce(string_agg(node_name, ' ' ORDER BY node_name), '') FROM multiregion.member_status() WHERE voter};
	$cluster->poll_until(sub { ($leader->value($sql) // '') eq $wanted }, 60,
		"the voters $wanted; they are " . ($leader->value($sql) // '?'));
	pass("$what: $wanted vote");
	return;
}

progress('the writers to begin');
wait_voters('n1 n2 n3', 'three regions');

# --- growing ------------------------------------------------------------------------------------------

sub add
{
	my ($region, $id) = @_;
	$leader->safe_psql("SELECT add_region('$region', '$id', '$region')");
	my $node = $cluster->plan_another($region);
	note_ports();
	$leader->safe_psql(sprintf q{SELECT add_node('%s', '%s', '%s')}, $node->name, $region, $node->conninfo);
	$node->start;
	$cluster->wait_streaming(nodes => [$node], timeout => 90);
	return $node;
}

my $fourth = add('US_WEST', 'us-west-2');
wait_voters('n1 n2 n3', 'a fourth region does not make the votes even');
my $fifth = add('SA_EAST', 'sa-east-1');
wait_voters('n1 n2 n3 n4 n5', 'five regions');
progress('the writers to go on');
is(failures(), 0, 'no commit has failed while the cluster grew');

# --- a lost voter, replaced -----------------------------------------------------------------------------

$third->kill_all;
remove_tree($third->data, $third->state_directory, $third->data . '.multiregion');
my $old = $leader->value(q{SELECT uuid FROM multiregion.node WHERE node_name = 'n3'});
my $from = $third->log_size;
$third->start;
$third->wait_for_log(qr/has joined already, with another identity/, from => $from);
pass('a new machine under the name of a lost one is refused');
wait_voters('n1 n2 n3 n4 n5', 'a lost voter keeps its vote until it is said to be lost');
$leader->safe_psql(q{SELECT multiregion.replace_node('n3')});
$cluster->wait_streaming(nodes => [$third], timeout => 90);
wait_voters('n1 n2 n3 n4 n5', 'replaced, under load');
isnt($leader->value(q{SELECT uuid FROM multiregion.node WHERE node_name = 'n3'}), $old, 'it has another identity');
is($leader->value("SELECT reason FROM multiregion.retired_identity WHERE uuid = '$old'"), 'replaced',
	'the lost one is retired');
is($leader->query("SELECT multiregion.register_node('n3', '$old')")->{sqlstate}, '28000', 'and not accepted again');
progress('the writers to go on');
is(failures(), 0, 'no commit has failed for it');

# --- a failover of five, two of which are gone ---------------------------------------------------------------

$fourth->kill_all;
$first->kill_all;
$leader = $cluster->wait_for_leader(not => $first, timeout => 30);
progress('the writers to find the new primary');
my $failed = failures();
cmp_ok($failed, '<=', 4, "at the failover of five with two gone few commits fail ($failed)");
$_->start foreach $first, $fourth;
$cluster->wait_streaming(nodes => [ grep { $_ != $leader } $cluster->nodes ], timeout => 90);

# --- retiring one ---------------------------------------------------------------------------------------------

my ($gone) = grep { $_ != $leader } $fifth, $second;
my $region = $gone->region;
$failed = failures();
$leader->safe_psql(sprintf q{SELECT drop_node('%s')}, $gone->name);
$cluster->poll_until(
	sub { ($leader->value(q{SELECT count(*) FROM multiregion.member_status()}) // 0) == 4 },
	60, 'the dropped node to leave');
$cluster->poll_until(
	sub { ($leader->value('SELECT count(*) FROM multiregion.member_status() WHERE voter') // 0) == 3 },
	60, 'three votes');
$leader->safe_psql("SELECT drop_region('$region')");
pass('one region is retired, three vote');
ok(!$gone->is_writable, 'the node that left is fenced');
progress('the writers to go on');
is(failures(), $failed, 'no commit has failed for it');
$cluster->forget($gone);

# --- the count ------------------------------------------------------------------------------------------------

foreach my $writer (@writers)
{
	close $writer->{pipe};
	waitpid($writer->{pid}, 0);
}
my $rows = $leader->query('SELECT writer, id FROM work')->{rows};
my %there = map { join(' ', @$_) => 1 } @$rows;
my @lost;
foreach my $writer (@writers)
{
	my @acknowledged = grep { /^\d+$/ } split /\n/, read_file($writer->{path});
	cmp_ok(scalar @acknowledged, '>', 100, "writer $writer->{number} wrote all the time");
	push @lost, grep { !$there{"$writer->{number} $_"} } @acknowledged;
}
# The failover killed a primary: asynchronous, so what had not left it yet may be lost.
my $killed = $leader->value('SELECT coalesce(sum(1), 0) FROM multiregion.divergence') // 0;
cmp_ok(scalar @lost, '<=', $killed ? 10 : 0, 'nothing but what the killed primary had not sent is lost: ' . @lost);
diag('lost at the failover: ' . @lost) if @lost;
$cluster->stop;

done_testing();
