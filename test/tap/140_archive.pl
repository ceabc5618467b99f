# A fenced primary archives nothing: archive_library = 'multiregion' holds files back
# until the lease is there again.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Path qw(make_path);
use MultiRegion::Cluster;
use Test::More;

my $archive = abs_path($ENV{TESTDIR} // '.') . '/archive';
make_path($archive);

my $cluster = MultiRegion::Cluster->new(
	regions => 3,
	settings => {
		archive_mode => 'on',
		archive_library => 'multiregion',
		'multiregion.archive_command' => "'test ! -e $archive/%f && cp %p $archive/%f'",
	});
$cluster->start;

my $leader = $cluster->leader;
my @others = grep { $_ != $leader } $cluster->nodes;

# Ends the current segment; returns the name of the file that is to be archived.
sub switch_segment
{
	my $name = $leader->safe_psql('SELECT pg_walfile_name(pg_current_wal_insert_lsn())');
	$leader->safe_psql(q{SELECT pg_create_restore_point('x'), pg_switch_wal()});
	return $name;
}

my $first = switch_segment();
ok($cluster->poll_until(sub { -e "$archive/$first" }, 30, 'the first file'),
	'a primary inside its lease archives');
is($leader->safe_psql(q{SELECT ok FROM multiregion.check() WHERE name = 'archive_library'}), 't',
	'check() is content');

# Without the others the lease runs out.
$_->kill_all foreach @others;
$cluster->poll_until(sub { !$leader->is_writable }, 20, 'the fence');
my $size = $leader->log_size;
my $second = switch_segment();
$leader->wait_for_log(qr/archiving waits: this node does not hold the write lease/, from => $size);
ok(!-e "$archive/$second", 'a fenced node does not archive');

$_->start foreach @others;
$cluster->wait_for_leader(timeout => 60);
if ($cluster->leader == $leader)
{
	# The archiver rests for up to a minute after failures; a new file wakes it earlier.
	$cluster->poll_until(
		sub { $leader->query('SELECT pg_switch_wal()'); -e "$archive/$second" },
		90, 'the file held back');
	pass('the file is archived when the lease is back');
}
else
{
	ok(!-e "$archive/$second", 'what only the fenced node wrote stays out of the archive');
}

done_testing();
