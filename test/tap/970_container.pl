# docker/entrypoint.sh as process 1 of a process namespace, as in a container: a cluster
# of three of them. A killed postmaster is reaped and started again after its lease worker
# has handed over; a stop ends with the hand-over and not before; nothing but "bootstrap"
# makes a database.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(make_path);
use FindBin;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Process qw(processes_in title_of is_alive children_of);
use MultiRegion::Rejoin qw(read_file write_file row_of);

my $top = $ENV{MR_TOP};
my $unshare = 'unshare --map-current-user --pid --fork --mount-proc --kill-child';
my $scripts = "$ENV{TESTDIR}/scripts";
my $entrypoint = "$top/docker/entrypoint.sh";

plan skip_all => 'this user cannot make process namespaces' if system("$unshare true 2>/dev/null") != 0;

# What starts a node of the cluster, in place of the demo's loop.
make_path($scripts);
copy("$top/docker/demo/postgresql.conf", "$scripts/postgresql.conf") or die $!;
write_file("$scripts/supervisor.sh", <<"END");
. ./environment
export MR_BINDIR PGDATA=\$PWD/data MULTIREGION_NODE=\$MR_NODE MULTIREGION_PEERS=\$MR_PEERS
export MR_SETTINGS_DIR=\$PWD/settings
exec $unshare $entrypoint -p "\$MR_PORT" -c cluster_name="\$MR_NODE"
END

# postmaster.pid holds a number of the namespace.
{
	no warnings 'redefine';
	*MultiRegion::Node::postmaster = sub {
		my ($node) = @_;
		my ($pid) = grep { title_of($_) =~ m{^\S+/postgres -D } } processes_in($node->directory);
		return $pid;
	};
}

sub process_1 { return (children_of($_[0]{supervisor}, processes_in($_[0]->directory)))[0] }

# Waits for the end of a container: its exit status.
sub wait_for_end
{
	my ($node) = @_;
	$node->{cluster}->poll_until(sub { waitpid($node->{supervisor}, POSIX::WNOHANG) }, 60, 'its end');
	my $status = $?;
	$node->{supervisor} = undef;
	return $status;
}

sub zombies
{
	my ($init) = @_;
	return grep { (read_file("/proc/$_/stat") // '') =~ /^\d+ \(.*\) Z/s }
		children_of($init, map { m{(\d+)} } glob('/proc/[0-9]*'));
}

sub failover_to
{
	my ($leader) = @_;
	my $term = $leader->lease_status->{term};
	return $leader->{cluster}->poll_until(sub {
			my $session = $leader->session or return undef;
			my $row = row_of($session, "SELECT cause, from_node FROM multiregion.failovers WHERE epoch = $term");
			return $row->{cause} ? $row : undef;
		}, 20, 'the failover to be recorded');
}

my $cluster = MultiRegion::Cluster->new(policy => { on_stop => 'any' });
$cluster->{scripts} = $scripts;
$cluster->start;
pass('three containers: one server made the first member, two clones');

# --- the postmaster is killed ------------------------------------------------------------

my $old = $cluster->wait_for_leader;
$old->safe_psql('CREATE TABLE t (i int)');
$cluster->wait_caught_up;
my ($init, $postmaster) = (process_1($old), $old->postmaster);
ok($init && (read_file("/proc/$init/status") =~ /^NSpid:\s+\d+\s+1$/m), 'the script is process 1');
is($old->processes(qr/^postgres:/) > 3, 1, 'and PostgreSQL runs below it');
$old->kill_postmaster;
my $new = $cluster->wait_for_leader(not => $old);
is(failover_to($new)->{cause}, 'primary_crash', 'the lease worker of a killed postmaster hands over');
$cluster->wait_streaming;
is(process_1($old), $init, 'process 1 has stayed');
isnt($old->postmaster // 0, $postmaster, 'and has started the server again');
is_deeply([ zombies($init) ], [], 'nothing is left that nobody waited for');

# --- a reload -------------------------------------------------------------------------------

open(my $file, '>>', $old->data . '/postgresql.conf') or die $!;
print $file "log_min_duration_statement = 12345\n";
close $file;
kill 'HUP', $init;
$cluster->poll_until(sub { ($old->value('SHOW log_min_duration_statement') // '') eq '12345ms' }, 10,
	'the new setting');
pass('SIGHUP makes the server read its configuration');

# --- orderly stop ------------------------------------------------------------------------------

$cluster->wait_complete(60);
$new->safe_psql('INSERT INTO t VALUES (1)');
kill 'TERM', process_1($new);
my $status = wait_for_end($new);
is($status, 0, 'a stopped container ends well');
is_deeply([ processes_in($new->directory) ], [], 'and nothing is left of it');
my $third = $cluster->wait_for_leader(not => $new);
is(failover_to($third)->{cause}, 'orderly_stop', 'it has handed over');
is($third->safe_psql('SELECT i FROM t'), 1, 'and lost nothing');
$new->start;
$cluster->wait_complete(60);
pass('it comes back');

# --- stopped while the lease worker has its last gasp --------------------------------------------

$third = $cluster->wait_for_leader;
$cluster->wait_caught_up;
$init = process_1($third);
kill 'KILL', $third->postmaster;
kill 'TERM', $init;
wait_for_end($third);
my $fourth = $cluster->wait_for_leader(not => $third);
is(failover_to($fourth)->{cause}, 'primary_crash', 'process 1 does not take the last gasp with it');
is_deeply([ processes_in($third->directory) ], [], 'and takes everything else with it');

# --- bootstrap -------------------------------------------------------------------------------------

sub entrypoint
{
	my ($folder, @arguments) = @_;
	my $output = `cd $folder && MR_BINDIR=$cluster->{bindir} PGDATA=$folder/data MR_SETTINGS_DIR=$folder/settings $entrypoint @arguments 2>&1`;
	return ($? >> 8, $output);
}

my $folder = "$cluster->{directory}/fresh";
make_path("$folder/settings");
my ($code, $output) = entrypoint($folder, 'bootstrap');
is($code, 0, 'bootstrap makes a database') or diag($output);
($code, $output) = entrypoint($folder, 'bootstrap');
is($code, 1, 'but once');
like($output, qr/is not empty/, 'and says why');
make_path("$folder/lost");
make_path("$folder/lost/data.multiregion");
write_file("$folder/lost/data.multiregion/state", 'of a member');
($code, $output) = entrypoint("$folder/lost", 'bootstrap');
like("$code $output", qr/^1 .*identity of a node/, 'not where a member has lost its data');
ok(!-e "$folder/lost/data", 'nothing is made then');
($code, $output) = entrypoint($folder, qw(sidecar --version));
like("$code $output", qr/^0 multiregiond /, 'the sidecar is in it, too');
($code, $output) = entrypoint($folder, qw(echo anything else));
is("$code $output", "0 anything else\n", 'any other command is run as it is');

my $another = $cluster->plan_another('US_WEST');
write_file("$folder/settings/postgresql.conf",
	"listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nshared_buffers = 32MB\n");
write_file("$folder/settings/pg_hba.conf", "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n");
write_file($another->directory . '/environment',
	"MR_BINDIR=$cluster->{bindir}\nMR_NODE=\nMR_PEERS=\nMR_PORT=" . $another->port . "\n");
rename("$folder/data", $another->data) or die $!;
rename("$folder/settings", $another->directory . '/settings') or die $!;
write_file($another->data . '/postgresql.conf',
	read_file($another->data . '/postgresql.conf') =~ s{\Q$folder\E}{$another->directory}ger);
$another->start;
$cluster->poll_until(sub { $another->value('SELECT true') }, 30, 'the new database');
$another->safe_psql('CREATE EXTENSION multiregion');
is($another->safe_psql(q{SELECT name FROM multiregion.check() WHERE NOT ok AND severity <> 'info'}), '',
	'its settings are what a member needs');
is($another->safe_psql('SHOW hba_file'), $another->directory . '/settings/pg_hba.conf', 'own pg_hba.conf');

done_testing();
