# A cluster whose nodes run two builds of different versions: rolled forward, standbys
# first and the primary last, and back again. The later one has appended something to each
# section of a message, of the configuration and of the state file (build/next, made with
# MR_TEST_NEXT_VERSION), whatever there is today.
use strict;
use warnings;

use File::Path qw(make_path);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(read_file write_file);
use MultiRegion::Verdict qw(log_complaints);

my $cluster = MultiRegion::Cluster->new(policy => { on_stop => 'any' });
my $now = $ENV{MR_BINDIR};

# A server with the later version inside; what is the same is the same file.
my $prefix = "$ENV{MR_PREFIX}/test";
my $later = "$ENV{TESTDIR}/next";
system('cp', '-al', $prefix, $later) == 0 or die 'cp';
my $next = $later . substr($now, length $prefix);
foreach my $file ([ 'multiregion.so', $next =~ s{/bin$}{/lib}r ], [ 'multiregion-join', $next ])
{
	my ($name, $folder) = @$file;
	unlink "$folder/$name" or die "$folder/$name: $!";
	system('cp', "$ENV{MR_TOP}/build/next/$name", $folder) == 0 or die "cp $name";
}

# Has the node run this build from its next start on.
sub choose
{
	my ($node, $bindir) = @_;
	my $path = $node->directory . '/environment';
	write_file($path, read_file($path) =~ s/^MR_BINDIR=.*$/MR_BINDIR='$bindir'/mr);
	return;
}

sub build_of { return readlink('/proc/' . $_[0]->postmaster . '/exe') =~ m{^\Q$next\E/} ? 'next' : 'now' }

my $row = 0;

sub acknowledge
{
	my $leader = $cluster->wait_for_leader;
	$leader->safe_psql('INSERT INTO t VALUES (' . ++$row . ')');
	return $leader;
}

# Standbys first, then the primary, which hands over.
sub roll
{
	my ($bindir, $what) = @_;
	my $leader = $cluster->wait_for_leader;

	foreach my $node ((grep { $_ != $leader } $cluster->nodes), $leader)
	{
		$cluster->wait_complete(60);
		acknowledge();
		$node->stop_fast;
		choose($node, $bindir);
		acknowledge();
		$node->start;
		$cluster->wait_complete(60);
		is(build_of($node), $bindir eq $next ? 'next' : 'now', "$what: " . $node->name . ' streams again, or leads');
		is(acknowledge()->safe_psql('SELECT count(*) FROM t'), $row, "$what: nothing is lost");
	}
	return;
}

# The first byte of an encoded configuration is its version.
sub config_version
{
	my ($leader) = @_;
	return $leader->safe_psql(q{SELECT get_byte(multiregion.register_node(node_name, uuid), 0)
		FROM multiregion.node WHERE uuid IS NOT NULL LIMIT 1});
}

sub fail_over
{
	my ($what) = @_;
	my $old = acknowledge();
	my $build = build_of($old);

	$cluster->wait_caught_up;
	$old->kill_all;
	my $new = $cluster->wait_for_leader(not => $old);
	is($new->safe_psql('SELECT count(*) FROM t'), $row, "$what: power loss of a node of build \"$build\", taken over by \""
			. build_of($new) . '"');
	$old->start;
	$cluster->wait_complete(60);
	pass("$what: it comes back");
	return;
}

$cluster->start;
$cluster->wait_for_leader->safe_psql('CREATE TABLE t (i int)');
my $version = config_version($cluster->wait_for_leader);
my $term = $cluster->term;
roll($next, 'forward');
is(config_version($cluster->wait_for_leader), $version + 1, 'the later version writes something else');

# An empty directory, cloned by the one build from a primary of the other.
my ($third) = grep { $_ != $cluster->wait_for_leader } $cluster->nodes;
$third->stop_fast;
choose($third, $now);
system('rm', '-rf', $third->data) == 0 or die 'rm';
$third->start;
$cluster->wait_complete(60);
is(build_of($third), 'now', 'a node is cloned by the older build from a primary of the later one');
fail_over('mixed');
fail_over('mixed');
roll($now, 'back');
is(config_version($cluster->wait_for_leader), $version, 'back at the older version');
cmp_ok($cluster->term, '>', $term, 'the terms have gone on');

foreach my $node ($cluster->nodes)
{
	is(join("\n", log_complaints($node, 0)), '', $node->name . ': nothing bad in its log');
	unlike($node->log_text(0), qr/event amnesia|its state file cannot be used/, $node->name . ' has forgotten nothing');
}

done_testing();
