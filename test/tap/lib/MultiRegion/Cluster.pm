# A cluster of real PostgreSQL servers for tests and benchmarks, each one started as in
# production (supervisor, multiregion-join, postgres, if wanted multiregiond).
#
#   my $cluster = MultiRegion::Cluster->new(regions => 3);
#   $cluster->start;                              # all are members and stream
#   my $leader = $cluster->leader;                # a MultiRegion::Node
#   $leader->kill_all;
#   my $next = $cluster->wait_for_leader(not => $leader, timeout => 15);
#
# Keys of new(), all optional:
#   regions => 3             how many, or a list of keys
#   nodes_per_region => 1
#   managed => 1             0: a single plain server, no member of anything
#   settings => {...}        lines for postgresql.conf of the first node (others copy it)
#   policy => {...}          multiregion.policy, set before the others join
#   sidecars => 0            1: a multiregiond beside each server
#   sidecar_settings => {}   more lines for their .env.multiregion, or what returns them for a node
#   links => 0               1: members reach each other through the link program, so
#                            that cut() and delay() work
#   tls => 'cert'            or 'scram': members log in with TLS only, see MultiRegion::Tls
#   name => 'cluster'        of its folder, for tests with more than one
#   extension_version        of the extension (default: the newest)
#
# Everything lies below TESTDIR (made by the test runner; else a folder in /tmp). A guard
# process kills what is left of the cluster when the test ends, however it ends.
package MultiRegion::Cluster;

use strict;
use warnings;

use Cwd qw(abs_path getcwd);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use List::Util qw(max min);
use MultiRegion::Link;
use MultiRegion::Node;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Process qw(kill_directory);
use MultiRegion::Tls;
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# key, id, name, latitude, longitude
my @known_regions = (
	[ 'US_EAST', 'us-east-1', 'US East', 38.9, -77.4 ],
	[ 'EU_WEST', 'eu-west-1', 'EU West', 53.3, -6.3 ],
	[ 'AP_SOUTHEAST', 'ap-southeast-1', 'Asia Pacific Southeast', 1.35, 103.8 ],
	[ 'US_WEST', 'us-west-2', 'US West', 45.8, -119.7 ],
	[ 'SA_EAST', 'sa-east-1', 'South America East', -23.5, -46.6 ],
	[ 'AP_SOUTH', 'ap-south-1', 'Asia Pacific South', 19.1, 72.9 ],
	[ 'AF_SOUTH', 'af-south-1', 'Africa South', -33.9, 18.4 ]);

my $here = dirname(abs_path(__FILE__));
my $top = $ENV{MR_TOP} // abs_path("$here/../../../..");

sub new
{
	my ($class, %args) = @_;
	my $self = bless {
		name => 'cluster', regions => 3, nodes_per_region => 1, managed => 1, %args,
		bindir => $ENV{MR_BINDIR} // "$top/build/prefix/release/bin",
		scripts => "$top/docker/demo",
		nodes => [],
	}, $class;
	my $base = $ENV{TESTDIR} // File::Temp::tempdir('multiregion-XXXXXX', TMPDIR => 1);

	$self->{own_folder} = abs_path($base) unless $ENV{TESTDIR};
	$self->{directory} = abs_path($base) . "/$self->{name}";
	$self->{log_directory} = $ENV{TESTLOGDIR} // "$base/log";
	make_path($self->{directory}, $self->{log_directory});
	$self->_start_guard;
	$self->{tls} = MultiRegion::Tls->new(script => "$top/docker/tls/ca.sh",
		directory => "$self->{directory}/ca", login => $self->{tls}) if $self->{tls};
	$self->_plan_nodes;
	return $self;
}

sub _plan_node
{
	my ($self, $region) = @_;
	my $name = 'n' . (1 + @{ $self->{nodes} });
	my $port = free_port();

	push @{ $self->{nodes} }, MultiRegion::Node->new(
		cluster => $self, name => $name, region => $region, port => $port,
		public_port => $self->{links} ? free_port() : $port,
		http_port => $self->{sidecars} ? free_port() : 0,
		directory => "$self->{directory}/$name",
		log_file => "$self->{log_directory}/$self->{name}-$name.log");
	return $self->{nodes}[-1];
}

sub _plan_nodes
{
	my ($self) = @_;
	my @keys = ref $self->{regions} ? @{ $self->{regions} }
		: map { $_->[0] } @known_regions[ 0 .. $self->{regions} - 1 ];

	@keys = ($keys[0]) unless $self->{managed};
	foreach my $region (@keys)
	{
		foreach my $number (1 .. ($self->{managed} ? $self->{nodes_per_region} : 1))
		{
			$self->_plan_node($region);
		}
	}
	return;
}

# --- life ------------------------------------------------------------------------

# A killed server leaves the System V segment that guards its data directory. The kernel has
# a few thousand of them, for all of the machine; its id is in postmaster.pid.
sub _remove_segments
{
	my ($directory) = @_;

	foreach my $path (glob("$directory/*/data/postmaster.pid"))
	{
		open(my $file, '<', $path) or next;
		my @lines = <$file>;
		shmctl($1, 0, 0) if ($lines[6] // '') =~ /^\s*\d+\s+(\d+)/; # IPC_RMID
	}
	return;
}

# A process that waits until this one has ended and then kills what works below the
# cluster's folder. It is a session of its own: what ends the test does not end it.
sub _start_guard
{
	my ($self) = @_;

	pipe(my $reader, my $writer) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		POSIX::setsid();
		# Its own writing end, and those of clusters made before, whose guards wait for their end.
		foreach my $fd (map { m{(\d+)$} } glob('/proc/self/fd/*'))
		{
			POSIX::close($fd) if $fd > 2 && $fd != fileno $reader;
		}
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', '/dev/null');
		$SIG{$_} = 'IGNORE' foreach qw(TERM INT HUP);
		sysread($reader, my $ignored, 1);
		kill_directory($self->{directory});
		_remove_segments($self->{directory});
		POSIX::_exit(0);
	}
	$self->{owner} = $$;
	$self->{guard} = $pid;
	$self->{guard_pipe} = $writer;
	return;
}

# Kills everything. Happens by itself at the end of the test. The files stay; those of who is
# no test, as the benchmarks, stay if it failed.
sub stop
{
	my ($self) = @_;

	return if !$self->{guard_pipe} || $self->{owner} != $$;
	$_->{session} = undef foreach @{ $self->{nodes} };
	# Told, for its end of file may not come: a process that the test has forked may have the pipe, too.
	syswrite $self->{guard_pipe}, 'x';
	close delete $self->{guard_pipe};
	waitpid($self->{guard}, 0);
	$self->{link}->stop if $self->{link};
	return;
}

sub DESTROY
{
	my ($self) = @_;
	my $good = ${^GLOBAL_PHASE} ne 'DESTRUCT' || $? == 0;
	local ($?, $@, $!);
	$self->stop;
	remove_tree($self->{own_folder}) if $self->{own_folder} && $self->{owner} == $$ && $good;
	return;
}

# --- making it ----------------------------------------------------------------------

# A fresh data directory of this build, made once a run and copied from then on.
sub _template
{
	my ($self) = @_;
	my $folder = $ENV{TESTDIR} ? dirname(dirname($ENV{TESTDIR})) : $self->{directory};
	my $server = "$self->{bindir}/postgres";
	my $template = "$folder/initdb-" . (stat $server)[9];

	open(my $lock, '>', "$folder/initdb.lock") or die "$folder/initdb.lock: $!";
	flock($lock, LOCK_EX);
	return $template if -e "$template/PG_VERSION" && !-e "$template.new";
	_run('rm', '-rf', "$template.new", $template);
	_run("$self->{bindir}/initdb", '--no-sync', '--data-checksums', '--auth=trust',
		'--username=postgres', '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions',
		'-D', "$template.new");
	rename("$template.new", $template) or die "$template: $!";
	return $template;
}

# Runs a program, dies with its output if it fails.
sub _run
{
	my (@command) = @_;

	open(my $pipe, '-|', "@{[ map { quotemeta } @command ]} 2>&1") or die "$command[0]: $!";
	local $/;
	my $output = <$pipe> // '';
	close $pipe or die "$command[0] failed:\n$output";
	return $output;
}

sub _write_file
{
	my ($path, @lines) = @_;

	open(my $file, '>>', $path) or die "$path: $!";
	print $file map { "$_\n" } @lines;
	close $file or die "$path: $!";
	return;
}

sub _prepare_node
{
	my ($self, $node) = @_;
	my @others = grep { $_ != $node } @{ $self->{nodes} };

	make_path($node->directory);
	$self->{tls}->equip($node) if $self->{tls};
	_write_file($node->directory . '/environment',
		"MR_BINDIR='$self->{bindir}'",
		"MR_NODE='" . $node->name . "'",
		"MR_PORT=" . $node->port,
		"MR_PEERS='" . join(', ', map { $_->conninfo } @others) . "'",
		$self->{tls} ? "export MULTIREGION_PEER_OPTIONS='" . $self->{tls}->peer_options($node) . "'" : ());
	return unless $self->{sidecars};
	my %settings = (
		ENABLE_MULTI_REGION => 'true',
		DEPLOYMENT_REGION => $node->region,
		MULTIREGION_NODE => $node->name,
		MULTIREGION_HTTP_LISTEN => '127.0.0.1:' . $node->http_port,
		MULTIREGION_DATABASE_URL => $self->{tls} ? $self->{tls}->sidecar_url($node)
			: 'postgresql://127.0.0.1:' . $node->port . '/postgres',
		ref $self->{sidecar_settings} eq 'CODE' ? $self->{sidecar_settings}->($node) : %{ $self->{sidecar_settings} // {} });
	_write_file($node->directory . '/.env.multiregion',
		map { "$_=\"$settings{$_}\"" } sort keys %settings);
	return;
}

sub _prepare_first
{
	my ($self, $node) = @_;
	my %settings = (
		log_line_prefix => "'%m [%p] %b %a '",
		$self->{tls} ? $self->{tls}->settings : (),
		%{ $self->{settings} // {} });

	_run('cp', '-a', '--reflink=auto', $self->_template, $node->data);
	open(my $file, '<', "$self->{scripts}/postgresql.conf") or die "postgresql.conf: $!";
	my @lines = <$file>;
	chomp @lines;
	_write_file($node->data . '/postgresql.conf', @lines,
		map { "$_ = $settings{$_}" } sort keys %settings);
	$self->{tls}->prepare_first($node) if $self->{tls};
	return;
}

# Brings the cluster up: one server, made the first member, and the others through
# multiregion-join from empty directories. Returns the cluster.
sub start
{
	my ($self, %args) = @_;
	my ($first, @others) = @{ $self->{nodes} };

	$self->_prepare_node($_) foreach @{ $self->{nodes} };
	$self->_prepare_first($first);
	$self->{link} = MultiRegion::Link->new($ENV{MR_LINK} // "$top/build/test/link.bin",
		map { join(':', $_->name, $_->{public_port}, $_->port, $_->directory) }
			@{ $self->{nodes} }) if $self->{links};
	$first->start;
	$self->poll_until(sub { defined $first->value('SELECT 1') }, 20, 'the first server');
	return $self unless $self->{managed};
	$self->_init($first);
	$_->start foreach @others;
	$self->wait_complete($args{timeout} // 60);
	return $self;
}

sub _init
{
	my ($self, $first) = @_;
	my %needed = map { $_->region => 1 } @{ $self->{nodes} };
	# A test has more failovers in an hour than any cluster should.
	my %policy = (max_failovers_per_hour => -1, %{ $self->{policy} // {} });

	$first->safe_psql('CREATE EXTENSION multiregion'
			. ($self->{extension_version} ? " VERSION '$self->{extension_version}'" : ''));
	# What "multiregiond init" does on the way.
	$first->safe_psql("ALTER ROLE $_") foreach 'multiregion_api LOGIN',
		'multiregion_peer LOGIN REPLICATION ' . ($self->{tls} ? $self->{tls}->role_option : '');
	foreach my $region (grep { $needed{ $_->[0] } } @known_regions)
	{
		$first->safe_psql(sprintf(
			q{SELECT add_region('%s', '%s', '%s', latitude => %s, longitude => %s)}, @$region));
	}
	$first->safe_psql(sprintf(q{SELECT multiregion.init('%s', '%s', '%s')},
			$first->name, $first->region, $first->conninfo));
	$self->wait_for_leader;
	$first->safe_psql(sprintf(q{SELECT add_node('%s', '%s', '%s', allow_unreachable => true)},
			$_->name, $_->region, $_->conninfo)) foreach grep { $_ != $first } @{ $self->{nodes} };
	$first->safe_psql("SELECT multiregion.set_policy('$_', '$policy{$_}')")
		foreach sort keys %policy;
	return;
}

# One more node, which is neither added nor started; not with links.
sub plan_another
{
	my ($self, $region) = @_;
	my $node = $self->_plan_node($region);

	$self->_prepare_node($node);
	return $node;
}

# A node that has left the cluster for good: nobody waits for it any more.
sub forget
{
	my ($self, $node) = @_;

	$node->kill_all;
	$self->{nodes} = [ grep { $_ != $node } @{ $self->{nodes} } ];
	return;
}

# --- looking ---------------------------------------------------------------------------

sub nodes { return @{ $_[0]{nodes} } }

# A node by name or index.
sub node
{
	my ($self, $which) = @_;
	return $self->{nodes}[$which] if $which =~ /^\d+$/;
	my ($node) = grep { $_->name eq $which } @{ $self->{nodes} };
	return $node // die "no node $which";
}

# The node that may acknowledge writes now, or undef.
sub leader
{
	my ($self) = @_;
	foreach my $node (@{ $self->{nodes} })
	{
		return $node if $node->postmaster && $node->is_writable;
	}
	return undef;
}

# Highest lease term any node that answers knows.
sub term
{
	my ($self) = @_;
	my @terms = sort { $b <=> $a } map { $_ ? $_->{term} // 0 : 0 }
		map { $_->postmaster ? $_->lease_status : undef } @{ $self->{nodes} };
	return $terms[0];
}

# Names of the members that stream from the leader now.
sub streaming
{
	my ($self, $leader) = @_;
	my $result = $leader->query(q{SELECT m.node_name FROM multiregion.node AS m
		JOIN pg_stat_replication AS r
			ON r.application_name = 'mr_' || replace(m.uuid::text, '-', '')
		WHERE r.state = 'streaming'}, timeout => 2);
	return sort map { $_->[0] } @{ $result->{rows} // [] };
}

# --- waiting -----------------------------------------------------------------------------

# Calls the condition until it is true and returns its value; dies after timeout seconds. Looks
# every 10 ms at first, and less often the longer it takes: looking costs the servers, too.
sub poll_until
{
	my ($self, $condition, $timeout, $what) = @_;
	my $began = clock_gettime(CLOCK_MONOTONIC);
	my $deadline = $began + $timeout;

	for (;;)
	{
		my $value = $condition->();
		return $value if $value;
		my $now = clock_gettime(CLOCK_MONOTONIC);
		last if $now >= $deadline;
		select(undef, undef, undef, max(0.01, min(0.03, ($now - $began) / 30)));
	}
	die "waited $timeout s in vain for $what\n" . $self->describe;
}

# The node that may write, once there is one; not => NODE: another one than this.
sub wait_for_leader
{
	my ($self, %args) = @_;
	return $self->poll_until(
		sub {
			my $leader = $self->leader;
			return $leader && (!$args{not} || $leader != $args{not}) ? $leader : undef;
		}, $args{timeout} // 20, 'a leader');
}

# Until the nodes (default: all others that run) stream from the leader.
sub wait_streaming
{
	my ($self, %args) = @_;
	my @nodes = @{ $args{nodes} // [ grep { $_->postmaster } @{ $self->{nodes} } ] };

	return $self->poll_until(
		sub {
			my $leader = $self->leader or return 0;
			my %there = map { $_ => 1 } $self->streaming($leader);
			return !grep { $_ != $leader && !$there{ $_->name } } @nodes;
		}, $args{timeout} // 30, join(', ', map { $_->name } @nodes) . ' to stream');
}

# Until every node of the cluster is a member and streams, and the right ones vote.
sub wait_complete
{
	my ($self, $timeout) = @_;
	my $count = @{ $self->{nodes} };
	my %regions = map { $_->region => 1 } @{ $self->{nodes} };
	my $voters = keys %regions;

	$voters-- if $voters % 2 == 0;
	$self->wait_streaming(nodes => $self->{nodes}, timeout => $timeout);
	$self->poll_until(
		sub {
			my $leader = $self->leader or return 0;
			my $row = $leader->query('SELECT count(*), count(*) FILTER (WHERE voter)'
					. ' FROM multiregion.member_status()')->{rows}[0] or return 0;
			return $row->[0] == $count && $row->[1] >= $voters;
		}, $timeout, "$count members with $voters voters");
	return $self->_wait_settled($timeout);
}

# Until all nodes have had one and the same configuration for longer than a change of
# voters takes from its joint to its final one: meanwhile the old voters are needed, too.
sub _wait_settled
{
	my ($self, $timeout) = @_;
	my ($since, $last) = (clock_gettime(CLOCK_MONOTONIC), '');

	return $self->poll_until(
		sub {
			my %versions = map { (($_->lease_status // {})->{config_version} // '?') => 1 }
				@{ $self->{nodes} };
			my $now = join ' ', sort keys %versions;

			($since, $last) = (clock_gettime(CLOCK_MONOTONIC), $now) if $now ne $last;
			return keys %versions == 1 && clock_gettime(CLOCK_MONOTONIC) - $since > 0.6;
		}, $timeout, 'the configuration to settle');
}

# Starts whoever is down, and waits until every node runs and could lead. Returns the leader.
sub settle
{
	my ($self) = @_;
	my $count = @{ $self->{nodes} };

	$_->start foreach @{ $self->{nodes} };
	$self->wait_complete(60);
	my $leader = $self->wait_for_leader;
	$self->poll_until(
		sub {
			($leader->value("SELECT count(*) = $count AND bool_and(status = 'up' AND eligible)"
					. ' FROM multiregion.member_status()') // '') eq 't';
		}, 30, 'everybody to be fit');
	return $leader;
}

# Sets a policy on the leader and waits until it is in force on every running node.
sub set_policy
{
	my ($self, $name, $value) = @_;
	my $stored = $self->wait_for_leader->safe_psql("SELECT multiregion.set_policy('$name', '$value')");

	$self->poll_until(
		sub {
			my $in_force = "SELECT in_force FROM multiregion.list_policies() WHERE name = '$name'";
			return !grep { $_->postmaster && ($_->value($in_force) // '') ne $stored } @{ $self->{nodes} };
		}, 20, "$name = $value to be in force");
	return;
}

# Runs what changes the configuration on the leader, and waits until all nodes have that.
sub configure
{
	my ($self, $sql) = @_;
	my $leader = $self->wait_for_leader;
	my $version = $leader->lease_status->{config_version};

	$leader->safe_psql($sql);
	$self->poll_until(sub { !grep { ($_->lease_status->{config_version} // 0) <= $version } $self->nodes },
		20, 'the configuration to arrive');
	return;
}

# Until every running node has replayed what the leader has written so far.
sub wait_caught_up
{
	my ($self, %args) = @_;
	my $leader = $self->wait_for_leader;
	my $lsn = $leader->safe_psql('SELECT pg_current_wal_flush_lsn()');

	foreach my $node (grep { $_ != $leader && $_->postmaster } @{ $self->{nodes} })
	{
		$self->poll_until(
			sub { ($node->value("SELECT pg_last_wal_replay_lsn() >= '$lsn'") // '') eq 't' },
			$args{timeout} // 30, $node->name . " to replay $lsn");
	}
	return $lsn;
}

# What each node says of itself, for a message.
sub describe
{
	my ($self) = @_;
	my $text = '';

	foreach my $node (@{ $self->{nodes} })
	{
		my $status = $node->postmaster ? $node->lease_status : undef;
		$text .= "  " . $node->name . ': '
			. ($status ? join(' ', map { "$_=" . ($status->{$_} // '-') } sort keys %$status)
				: $node->postmaster ? 'does not answer' : 'down') . "\n";
	}
	return "$text  logs are in $self->{log_directory}\n";
}

# --- the network (links => 1) ---------------------------------------------------------------

sub _link
{
	my ($self) = @_;
	return $self->{link} // die 'the cluster was made without links';
}

sub _word { return ref $_[0] ? $_[0]->name : $_[0] // '*' }

# Holds back what one node sends another; without the second: to and from all others.
sub cut
{
	my ($self, $from, $to) = @_;
	$self->_link->command('cut ' . _word($from) . ' ' . _word($to));
	$self->_link->command('cut * ' . _word($from)) unless defined $to;
	return;
}

# Undoes cut(); without arguments all of it.
sub heal
{
	my ($self, $from, $to) = @_;
	$self->_link->command('heal ' . _word($from) . ' ' . _word($to));
	$self->_link->command('heal * ' . _word($from)) unless defined $to;
	return;
}

# Closes a node's port in the network, and opens it again: who connects is told at once.
sub refuse
{
	my ($self, $to) = @_;
	$self->_link->command('refuse ' . _word($to));
	return;
}

sub accept
{
	my ($self, $to) = @_;
	$self->_link->command('accept ' . _word($to));
	return;
}

sub delay
{
	my ($self, $from, $to, $ms) = @_;
	$self->_link->command('delay ' . _word($from) . ' ' . _word($to) . " $ms");
	return;
}

1;
