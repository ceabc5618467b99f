# "make install" puts these files into these places and no others, "make uninstall" takes
# them away, the result works in a server that has never seen this build, and the
# systemd units are right as far as systemd can tell.
use strict;
use warnings;

use File::Find;
use File::Path qw(make_path);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $top = $ENV{MR_TOP};
my $folder = "$ENV{TESTDIR}/install";
my $destination = "$folder/root";
my ($bindir, $libdir, $sharedir) = map { my $path = `$ENV{PG_CONFIG} --$_`; chomp $path; $path }
	qw(bindir pkglibdir sharedir);

sub run
{
	my ($command) = @_;
	my $output = `$command 2>&1`;
	return ($? >> 8, $output);
}

sub read_file
{
	my ($path) = @_;
	open(my $file, '<', $path) or die "$path: $!";
	local $/;
	return <$file>;
}

# Path below the destination => mode.
sub files
{
	my %found;
	find({ no_chdir => 1, wanted => sub {
		$found{ substr($_, length $destination) } = sprintf '%o', (lstat)[2] & 07777 unless -d;
	} }, $destination) if -d $destination;
	return \%found;
}

# --- what is installed ---------------------------------------------------------------

make_path($folder);
my ($version) = read_file("$top/multiregion.control") =~ /default_version\s*=\s*'(.*)'/;
my ($code, $output) = run("make -C $top install DESTDIR=$destination");
is($code, 0, 'make install') or diag($output);

my $own = "$sharedir/multiregion";
my %expected = (
	"$bindir/multiregiond" => 755,
	"$bindir/multiregion-join" => 755,
	"$libdir/multiregion.so" => 755,
	"$own/member.conf" => 644,
	"$own/multiregion.rules.yml" => 644,
	"$own/multiregion.json" => 644,
	"$own/docs/LICENSE" => 644,
	"$own/systemd/postgresql@.service.conf" => 644,
	'/usr/lib/systemd/system/multiregiond@.service' => 644,
	'/usr/lib/sysusers.d/multiregion.conf' => 644,
	'/usr/lib/tmpfiles.d/multiregion.conf' => 644,
	"$sharedir/extension/multiregion.control" => 644,
	"$sharedir/extension/multiregion--$version.sql" => 644);
$expected{"$own/docs/" . (m{([^/]+)$})[0]} = 644 foreach glob("$top/docs/*.md"), "$top/docs/openapi.json";
$expected{"$own/docs/examples/" . (m{([^/]+)$})[0]} = 644 foreach glob("$top/docs/examples/*");
$expected{"$sharedir/extension/" . (m{([^/]+)$})[0]} = 644
	foreach glob("$top/sql/upgrade/multiregion--*--*.sql");
$expected{"$own/env.multiregion.example"} = 644 if -e "$top/.env.multiregion.example";
is_deeply(files(), \%expected, 'these files, with these modes, and no others');

foreach my $path (sort keys %expected)
{
	my $content = read_file($destination . $path);
	unlike($content, qr/\Q$top\E|\Q$ENV{TESTDIR}\E/, "$path does not tell where it was built");
	unlike($content, qr/\@(?:BINDIR|DATADIR)\@/, "$path names real folders") if $path =~ /systemd|\.d\//;
}

# --- it works elsewhere ----------------------------------------------------------------

# A copy of PostgreSQL that this build was never installed into, and the files over it.
($code, $output) = run("$top/test/tools/prefix.sh $folder/server $ENV{PG_CONFIG} && "
	. "cp -a $destination/. $folder/server/");
is($code, 0, 'a server of its own') or diag($output);
my $cluster = do {
	local $ENV{MR_BINDIR} = "$folder/server$bindir";
	MultiRegion::Cluster->new(managed => 0);
};
$cluster->start;
my $node = $cluster->node(0);
is($node->safe_psql('CREATE EXTENSION multiregion') // '', '', 'the extension is found');
is($node->safe_psql(q{SELECT extversion FROM pg_extension WHERE extname = 'multiregion'}), $version,
	'in its version');
is($node->safe_psql('SELECT managed FROM multiregion.lease_status()'), 'f', 'and fences nothing');
($code, $output) = run("$folder/server$bindir/multiregiond --version");
is($output, "multiregiond $version\n", 'multiregiond is of the same version');
($code, $output) = run("$folder/server$bindir/multiregion-join --help");
is($code, 0, 'multiregion-join starts');
$cluster->stop;

# --- units ------------------------------------------------------------------------------

SKIP:
{
	skip 'systemd-analyze is not installed', 5 if (run('systemd-analyze --version'))[0] != 0;
	my $units = "$folder/units";
	my $drop_in = "$units/postgresql\@15-main.service.d";
	my $pg_unit = '/lib/systemd/system/postgresql@.service';

	# The units as installed, with programs where they are now.
	make_path($drop_in);
	foreach (
		[ '/usr/lib/systemd/system/multiregiond@.service', "$units/multiregiond\@.service" ],
		[ "$own/systemd/postgresql@.service.conf", "$drop_in/multiregion.conf" ])
	{
		my ($from, $to) = @$_;
		my $text = read_file($destination . $from);
		$text =~ s{\Q$bindir\E/multiregion}{$destination$bindir/multiregion}g;
		open(my $file, '>', $to) or die "$to: $!";
		print $file $text;
		close $file;
	}
	local $ENV{SYSTEMD_UNIT_PATH} = "$units:/usr/lib/systemd/system";
	($code, $output) = run('systemd-analyze verify multiregiond@15-main.service');
	is("$code $output", '0 ', 'multiregiond@.service');
	($code, $output) = run("systemd-analyze security --offline=yes --threshold=20 $units/multiregiond\@.service");
	is($code, 0, 'it is hardened') or diag($output);
	# Debian's own unit, with our changes to it.
	skip "there is no $pg_unit", 2 unless -e $pg_unit;
	run("cp $pg_unit $units/");
	($code, $output) = run('systemd-analyze verify postgresql@15-main.service');
	is("$code $output", '0 ', 'the drop-in for postgresql@.service');
	run("echo 'Restrt=always' >>$drop_in/multiregion.conf");
	($code, $output) = run('systemd-analyze verify postgresql@15-main.service');
	like($output, qr/Unknown key/, 'a mistake in it would have been seen');
}

# --- and away ------------------------------------------------------------------------------

($code, $output) = run("make -C $top uninstall DESTDIR=$destination");
is($code, 0, 'make uninstall') or diag($output);
is_deeply(files(), {}, 'nothing is left');

done_testing();
