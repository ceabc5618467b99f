# An observer beside Debian's Patroni with etcd: Patroni alone decides. Its primary is
# killed with its agent, Patroni promotes another after its own time, and rewinds the old
# one when that comes back; the observers record what multiregion would have done, when,
# and what Patroni did. Nothing that Patroni wrote is touched: settings, pg_hba.conf,
# slots, its cluster's configuration. At last the way of SETUP from Patroni: it is paused,
# its agents stop, the cluster is managed, a standby restarts through multiregion-join, and
# the primary dies once more.
use strict;
use warnings;

use FindBin;
use File::Path qw(make_path);
use POSIX ();
use HTTP::Tiny;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Plain;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Rejoin qw(add_environment);

my $patroni = '/usr/bin/patroni';
my $etcd = '/usr/bin/etcd';
plan skip_all => 'patroni and etcd-server are not installed' unless -x $patroni && -x $etcd;

my $plain = MultiRegion::Plain->new(name => 'patroni');
my $cluster = $plain->cluster;
my @nodes = $plain->nodes;
my ($etcd_port, $etcd_peer_port) = (free_port(), free_port());

# Starts a program in a folder of the cluster, where the guard finds it.
sub spawn
{
	my ($folder, $log, @command) = @_;
	my $pid = fork() // die "fork: $!";

	return $pid if $pid;
	POSIX::setsid();
	make_path($folder);
	chdir $folder or POSIX::_exit(126);
	delete @ENV{ grep { /^(?:ETCD|PATRONI|PG)/ } keys %ENV };
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>>', $log);
	open(STDERR, '>&', \*STDOUT);
	exec(@command) or POSIX::_exit(127);
}

sub write_file
{
	my ($path, $text) = @_;
	open(my $file, '>', $path) or die "$path: $!";
	print $file $text;
	close $file or die "$path: $!";
	return;
}

sub file
{
	my ($path) = @_;
	open(my $file, '<', $path) or return '(none)';
	local $/;
	return <$file> // '';
}

# --- Patroni as its users run it ------------------------------------------------------------

sub configure
{
	my ($node) = @_;
	my ($name, $port, $directory) = ($node->name, $node->port, $node->directory);
	my $api = $node->{patroni_port} = free_port();

	make_path($directory);
	write_file("$directory/patroni.yml", <<~"YAML");
		scope: observed
		name: $name
		restapi:
		  listen: 127.0.0.1:$api
		  connect_address: 127.0.0.1:$api
		etcd3:
		  host: 127.0.0.1:$etcd_port
		bootstrap:
		  dcs:
		    ttl: 10
		    loop_wait: 1
		    retry_timeout: 3
		    postgresql:
		      use_pg_rewind: true
		      use_slots: true
		      parameters:
		        max_connections: 40
		        max_wal_senders: 10
		        shared_preload_libraries: multiregion
		        unix_socket_directories: ''
		        wal_log_hints: 'on'
		        wal_retrieve_retry_interval: 100ms
		        log_line_prefix: '%m [%p] %b %a '
		        logging_collector: 'off'
		  initdb:
		  - encoding: UTF8
		  - data-checksums
		  - no-sync
		  pg_hba:
		  - host all all 127.0.0.1/32 trust
		  - host replication all 127.0.0.1/32 trust
		postgresql:
		  listen: 127.0.0.1:$port
		  connect_address: 127.0.0.1:$port
		  data_dir: $directory/data
		  bin_dir: $cluster->{bindir}
		  pgpass: $directory/pgpass
		  authentication:
		    superuser:
		      username: postgres
		    replication:
		      username: postgres
		  parameters:
		    multiregion.state_directory: $directory/state
		YAML
	return;
}

sub start_patroni
{
	my ($node) = @_;
	$node->{agent} = spawn($node->directory, $node->log_file, $patroni, $node->directory . '/patroni.yml');
	return;
}

# Agent, server and all: the machine is gone.
sub power_off
{
	my ($node) = @_;
	$node->kill_all;
	waitpid($node->{agent}, 0) if $node->{agent};
	$node->{agent} = undef;
	return;
}

# The node that Patroni holds for the primary.
sub patronis_primary
{
	foreach my $node (@nodes)
	{
		my $answer = HTTP::Tiny->new(timeout => 2)->get("http://127.0.0.1:$node->{patroni_port}/primary");
		return $node if $answer->{status} == 200;
	}
	return undef;
}

# A standby that can be read and receives.
sub streams
{
	my ($node) = @_;
	return ($node->value('SELECT status FROM pg_stat_wal_receiver', timeout => 2) // '') eq 'streaming';
}

my @files = qw(postgresql.auto.conf postgresql.conf postgresql.base.conf pg_hba.conf patroni.dynamic.json);

sub slots_of
{
	my ($node) = @_;
	return { map { $_->[0] => 1 } @{ $node->query('SELECT slot_name FROM pg_replication_slots')->{rows} } };
}

sub picture
{
	my ($node) = @_;
	my $data = $node->data;
	return {
		(map { $_ => file("$data/$_") } @files),
		marker => -e "$data/multiregion.managed" ? 1 : 0,
		slots => $node->safe_psql(q{SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'mr\_%' ORDER BY 1}),
		standby => -e "$data/standby.signal" ? 1 : 0,
	};
}

my $etcd_pid = spawn("$cluster->{directory}/etcd", "$cluster->{log_directory}/etcd.log", $etcd,
	'--name', 'e', '--data-dir', "$cluster->{directory}/etcd/data",
	'--listen-client-urls', "http://127.0.0.1:$etcd_port", '--advertise-client-urls', "http://127.0.0.1:$etcd_port",
	'--listen-peer-urls', "http://127.0.0.1:$etcd_peer_port",
	'--initial-advertise-peer-urls', "http://127.0.0.1:$etcd_peer_port",
	'--initial-cluster', "e=http://127.0.0.1:$etcd_peer_port", '--unsafe-no-fsync');
$plain->poll_until(sub { HTTP::Tiny->new(timeout => 1)->get("http://127.0.0.1:$etcd_port/health")->{status} == 200 },
	30, 'etcd');
configure($_) foreach @nodes;
start_patroni($nodes[0]);
$plain->poll_until(sub { patronis_primary() }, 60, 'Patroni to bootstrap');
start_patroni($_) foreach @nodes[ 1, 2 ];
my $primary = $nodes[0];
$plain->poll_until(sub { streams($_) }, 90, $_->name . ' to stream') foreach @nodes[ 1, 2 ];

# --- observing ------------------------------------------------------------------------------------

$primary->safe_psql('CREATE EXTENSION multiregion');
$primary->safe_psql('ALTER ROLE multiregion_peer LOGIN');
$primary->safe_psql('CREATE TABLE t (i int)');
$plain->poll_until(sub { $primary->value('SELECT count(*) FROM pg_replication_slots WHERE active') == 2 },
	20, q{Patroni's slots});
my %before = map { $_->name => picture($_) } @nodes;
# Of its slots Patroni makes more when it likes to, from version 4 on also on standbys.
my %slots = map { $_->name => slots_of($_) } @nodes;
my %receiver = map { $_->name => ($_->processes(qr/walreceiver/))[0] } @nodes[ 1, 2 ];
my %postmaster = map { $_->name => $_->postmaster } @nodes;
$plain->observe(primary => $primary);
is(join(' ', map { $_->lease_status->{mode} } @nodes), 'observe observe observe', 'all observe');
is_deeply(picture($_), $before{ $_->name }, $_->name . ': nothing was touched') foreach @nodes;
foreach my $node (@nodes)
{
	my $now = slots_of($node);

	is_deeply([ grep { !$now->{$_} } keys %{ $slots{ $node->name } } ], [], $node->name . q{: no slot of Patroni's is gone});
}
is_deeply({ map { $_->name => ($_->processes(qr/walreceiver/))[0] } @nodes[ 1, 2 ] }, \%receiver,
	'the streams go on undisturbed');
is_deeply({ map { $_->name => $_->postmaster } @nodes }, \%postmaster, 'no server was restarted');

# --- Patroni's primary dies with its agent --------------------------------------------------------------

my @others = @nodes[ 1, 2 ];
my %size = map { $_->name => $_->log_size } @nodes;
# Without it, who has a vote is what was there before: the first node alone.
$plain->poll_until(
	sub { !grep { ($_->value('SELECT count(*) FROM multiregion.member_status() WHERE voter') // 0) != 3 } @nodes },
	30, 'everybody to know of three votes');
$primary->safe_psql('INSERT INTO t VALUES (1)');
power_off($primary);
$plain->poll_until(
	sub { grep { $_->log_text($size{ $_->name }) =~ /event would_fail_over/ } @others }, 20,
	'an observer to say what it would do');
is(join('', map { $_->value('SELECT pg_is_in_recovery()') } @others), 'tt', 'before Patroni has done anything');
my ($ours) = grep { $_->log_text($size{ $_->name }) =~ /event would_fail_over/ } @others;
my $theirs = $plain->poll_until(sub { patronis_primary() }, 60, 'Patroni to promote one');
$plain->poll_until(sub { ($theirs->lease_status // {})->{is_primary} eq 't' }, 30, 'the observers to agree');
is($theirs->query('INSERT INTO t VALUES (2)')->{sqlstate}, undef, 'it writes');
$plain->poll_until(
	sub { ($theirs->value(q{SELECT count(DISTINCT kind) FROM multiregion.event
		WHERE kind IN ('would_fail_over', 'observed_failover')}) // 0) == 2 }, 60, 'both to be recorded');
is($theirs->safe_psql(q{SELECT kind, subject FROM multiregion.event
	WHERE kind IN ('would_fail_over', 'observed_failover') ORDER BY at}),
	'would_fail_over|' . $ours->name . "\nobserved_failover|" . $theirs->name, 'who, and whom Patroni chose');
note($theirs->safe_psql(q{SELECT at, detail FROM multiregion.event
	WHERE kind IN ('would_fail_over', 'observed_failover') ORDER BY at}));
cmp_ok($theirs->safe_psql(q{SELECT value FROM multiregion.event WHERE kind = 'observed_failover'}), '>', 3000,
	q{Patroni's outage is told in milliseconds});
is($theirs->safe_psql(q{SELECT cause, from_node, to_node FROM multiregion.failovers ORDER BY epoch DESC LIMIT 1}),
	'observed|' . $primary->name . '|' . $theirs->name, 'the failover is in the list');

# --- the old primary comes back under Patroni --------------------------------------------------------------

start_patroni($primary);
# It may stream from before the fork for a moment, until Patroni has it rewound.
my $timeline = hex substr($theirs->safe_psql('SELECT pg_walfile_name(pg_current_wal_lsn())'), 0, 8);
$plain->poll_until(
	sub {
		streams($primary)
			&& ($primary->value('SELECT received_tli FROM pg_stat_wal_receiver') // 0) == $timeline;
	}, 90, 'Patroni to bring the old primary back');
is($primary->value('SELECT pg_is_in_recovery()'), 't', 'the old primary is a standby');
$plain->wait_observed($theirs);
is(join(' ', map { $_->lease_status->{primary_node} } @nodes), join(' ', ($theirs->name) x 3),
	'all observe, and know the new primary');
foreach my $node (@nodes)
{
	my $now = picture($node);
	# what Patroni writes at a failover is its own: slots, signal file, primary_conninfo
	is_deeply([ @{$now}{qw(marker postgresql.auto.conf pg_hba.conf postgresql.base.conf)} ],
		[ @{ $before{ $node->name } }{qw(marker postgresql.auto.conf pg_hba.conf postgresql.base.conf)} ],
		$node->name . ': nothing was touched');
	unlike($now->{slots}, qr/^mr_/m, $node->name . ': no slot of ours');
}

# --- from Patroni: its agents go, the servers stay, and are managed ------------------------------------------

%postmaster = map { $_->name => $_->postmaster } @nodes;
is(system('patronictl', '-c', $theirs->directory . '/patroni.yml', 'pause', '--wait'), 0, 'Patroni is paused');
foreach my $node (@nodes)
{
	kill 'TERM', $node->{agent};
	waitpid($node->{agent}, 0);
	$node->{agent} = undef;
}
is_deeply({ map { $_->name => $_->postmaster } @nodes }, \%postmaster, 'the servers go on without their agents');
$theirs->safe_psql('ALTER ROLE multiregion_peer REPLICATION');
$plain->poll_until(sub { !defined $theirs->query(q{SELECT multiregion.set_mode('manage')})->{sqlstate} }, 30,
	'all to be ready');
$plain->poll_until(sub { (join ' ', map { ($_->lease_status // {})->{mode} // '?' } @nodes) eq 'manage manage manage' },
	20, 'mode manage everywhere');
is_deeply({ map { $_->name => $_->postmaster } @nodes }, \%postmaster, 'managed without a restart');
is($theirs->query('INSERT INTO t VALUES (3)')->{sqlstate}, undef, 'the primary writes');
my ($standby) = grep { $_ != $theirs } @nodes;
my $from = $standby->log_size;
foreach my $node (@nodes)
{
	$cluster->_prepare_node($node);
	add_environment($node, 'MULTIREGION_STATE_DIRECTORY', $node->directory . '/state');
}
$standby->stop;
$standby->start;
$cluster->wait_streaming(nodes => [$standby], timeout => 60);
like($standby->log_text($from), qr/multiregion-join: starting/, 'a standby restarts through multiregion-join');
ok($plain->poll_until(sub { $standby->value('SELECT count(*) FROM t WHERE i = 3') }, 20, 'the row to be replayed'),
	'with what was written');
$plain->poll_until(
	sub { ($theirs->value(q{SELECT bool_and(eligible) FROM multiregion.member_status()}) // '') eq 't' }, 30,
	'everybody to be fit');
power_off($theirs);
my $next = $cluster->wait_for_leader(not => $theirs);
is($next->query('INSERT INTO t VALUES (4)')->{sqlstate}, undef, $next->name . ' was promoted and writes');
power_off($_) foreach @nodes;
done_testing();
