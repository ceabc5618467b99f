# One node of a test cluster: a real PostgreSQL under a supervisor (the same shell loop
# as in the demo), started through multiregion-join as in production. Made by
# MultiRegion::Cluster. Faults act on this node's processes and nothing else.
package MultiRegion::Node;

use strict;
use warnings;

use MultiRegion::Process qw(processes_in title_of is_alive kill_directory signal_directory
	children_of);
use MultiRegion::Session;
use POSIX qw(WNOHANG);

# Keys: cluster, name, region, port (of the server), public_port (in its conninfo),
# http_port, directory.
sub new
{
	my ($class, %args) = @_;
	return bless {%args}, $class;
}

sub name { return $_[0]{name} }
sub region { return $_[0]{region} }
sub port { return $_[0]{port} }
sub http_port { return $_[0]{http_port} }
sub directory { return $_[0]{directory} }
sub data { return "$_[0]{directory}/data" }
sub state_directory { return "$_[0]{directory}/state" }
sub log_file { return $_[0]{log_file} }

# What the other members use; goes through the link program where there is one.
sub conninfo
{
	my ($self) = @_;
	my $tls = $self->{cluster}{tls};
	return $tls ? $tls->conninfo($self, $self->{public_port}) : "host=127.0.0.1 port=$self->{public_port}";
}

# For psql and libpq programs of the test: never through the link program.
sub connect_string
{
	my ($self) = @_;
	return "host=127.0.0.1 port=$self->{port} user=postgres dbname=postgres";
}

# --- SQL ------------------------------------------------------------------------

# A new connection (keys as in MultiRegion::Session), or undef.
sub session
{
	my ($self, %args) = @_;
	return MultiRegion::Session->connect(timeout => 2, %args, port => $self->{port});
}

# Result of a statement (see MultiRegion::Session) on a connection kept for this; a
# broken one is made anew first. Never dies: {lost} or {timeout} where it cannot.
sub query
{
	my ($self, $sql, %args) = @_;
	my $timeout = $args{timeout} // 10;
	my $session = delete $self->{session};

	# A broken connection is noticed by using it; "SELECT" has no effect to repeat.
	if ($session && $session->query('SELECT', timeout => $timeout)->{ready})
	{
		my $result = $session->query($sql, timeout => $timeout);
		$self->{session} = $session if $result->{ready};
		return $result;
	}
	$session = $self->session(timeout => $timeout)
		or return { lost => 1, %{ $MultiRegion::Session::last_error } };
	my $result = $session->query($sql, timeout => $timeout);
	$self->{session} = $session if $result->{ready};
	return $result;
}

# First value of the first row; undef if there is none or the statement failed.
sub value
{
	my ($self, $sql, %args) = @_;
	my $result = $self->query($sql, %args);
	return undef if defined $result->{sqlstate} || !@{ $result->{rows} // [] };
	return $result->{rows}[0][0];
}

# Rows as text, columns joined by "|"; dies if the statement fails.
sub safe_psql
{
	my ($self, $sql, %args) = @_;
	my $result = $self->query($sql, %args);
	if (!$result->{ready} || defined $result->{sqlstate})
	{
		die "$self->{name}: " . ($result->{message} // 'failed') .
			(defined $result->{detail} ? " ($result->{detail})" : '') . "\n  in: $sql\n";
	}
	return join("\n", map { join('|', map { $_ // '' } @$_) } @{ $result->{rows} });
}

# The row of multiregion.lease_status() as a hash; undef if the server does not answer.
sub lease_status
{
	my ($self) = @_;
	my $result = $self->query('SELECT * FROM multiregion.lease_status()', timeout => 2);
	return undef if !@{ $result->{rows} // [] };
	my %status;
	@status{ @{ $result->{columns} } } = @{ $result->{rows}[0] };
	return \%status;
}

# What the node's sidecar has written to its log.
sub sidecar_log
{
	my ($self) = @_;
	open(my $file, '<', $self->{log_file} =~ s/\.log$/-sidecar.log/r) or return '';
	local $/;
	return <$file> // '';
}

# Whether a write would be acknowledged now.
sub is_writable
{
	my ($self) = @_;
	my $status = $self->lease_status;
	return $status && ($status->{writable} // '') eq 't';
}

# --- processes --------------------------------------------------------------------

sub _spawn
{
	my ($self, $script, $log) = @_;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		POSIX::setsid();
		chdir $self->{directory} or POSIX::_exit(126);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', $log) or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT);
		exec('bash', $script) or POSIX::_exit(127);
	}
	return $pid;
}

sub _reap
{
	my ($self) = @_;
	foreach my $which (qw(supervisor sidecar_loop))
	{
		waitpid($self->{$which}, WNOHANG) if $self->{$which};
	}
	return;
}

# Starts the supervisor (and the sidecar's, where the cluster has them), if it does not
# run. Returns at once: wait for what you need.
sub start
{
	my ($self) = @_;
	my $scripts = $self->{cluster}{scripts};

	$self->_reap;
	if (!$self->{supervisor} || !is_alive($self->{supervisor}))
	{
		$self->{supervisor} = $self->_spawn("$scripts/supervisor.sh", $self->{log_file});
	}
	if ($self->{cluster}{sidecars} && (!$self->{sidecar_loop} || !is_alive($self->{sidecar_loop})))
	{
		$self->{sidecar_loop} =
			$self->_spawn("$scripts/sidecar.sh", $self->{log_file} =~ s/\.log$/-sidecar.log/r);
	}
	return;
}

# Ends the supervisor and nothing else: from now on a server that ends stays down.
sub supervisor_off
{
	my ($self) = @_;
	return unless $self->{supervisor};
	kill 'KILL', $self->{supervisor};
	waitpid($self->{supervisor}, 0);
	$self->{supervisor} = undef;
	return;
}

# Process id of the running postmaster, undef if there is none.
sub postmaster
{
	my ($self) = @_;
	open(my $file, '<', $self->data . '/postmaster.pid') or return undef;
	my $pid = <$file>;
	return undef unless defined $pid && $pid =~ /^(\d+)$/ && is_alive($1);
	my $cwd = readlink "/proc/$1/cwd";
	return defined $cwd && $cwd eq $self->data ? $1 + 0 : undef;
}

# Processes of this node whose title matches.
sub processes
{
	my ($self, $pattern) = @_;
	return grep { title_of($_) =~ $pattern } processes_in($self->{directory});
}

# The extension's background workers.
sub workers
{
	my ($self) = @_;
	return $self->processes(qr/^postgres: (?:\S+: )?multiregion (?:lease|monitor|hooks)/);
}

# kill -9 of the postmaster alone. Its supervisor, if on, starts it again.
sub kill_postmaster
{
	my ($self) = @_;
	my $pid = $self->postmaster // die "$self->{name} does not run";
	kill 'KILL', $pid;
	return;
}

# Power loss: supervisor first, then everything, none of it seeing another die.
sub kill_all
{
	my ($self) = @_;
	kill_directory($self->{directory}, grep { $_ } @$self{qw(supervisor sidecar_loop)});
	foreach my $which (qw(supervisor sidecar_loop))
	{
		waitpid($self->{$which}, 0) if $self->{$which};
		$self->{$which} = undef;
	}
	return;
}

# SIGSTOP / SIGCONT of everything.
sub freeze
{
	my ($self) = @_;
	signal_directory('STOP', $self->{directory}, grep { $_ } $self->{supervisor}, $self->postmaster);
	return;
}

sub thaw
{
	my ($self) = @_;
	signal_directory('CONT', $self->{directory});
	return;
}

# SIGSTOP / SIGCONT of the extension's workers alone; the names can be narrowed. They are
# frozen while they wait for something to do: one that holds a lock would freeze others too.
sub freeze_workers
{
	my ($self, $pattern) = @_;
	my @pids = grep { !$pattern || title_of($_) =~ $pattern } $self->workers;
	die "$self->{name} has no such worker" unless @pids;
	my $busy = sprintf q{SELECT count(*) FROM pg_stat_activity WHERE pid IN (%s)}
		. q{ AND wait_event_type IS DISTINCT FROM 'Extension'}, join(',', @pids);

	$self->{cluster}->poll_until(
		sub {
			return 0 if ($self->value($busy, timeout => 2) // 1) > 0;
			kill 'STOP', @pids;
			return 1 if ($self->value($busy, timeout => 2) // 1) == 0;
			kill 'CONT', @pids;
			return 0;
		}, 20, "the workers of $self->{name} to be idle");
	return @pids;
}

sub thaw_workers
{
	my ($self) = @_;
	kill 'CONT', $self->workers;
	return;
}

my %stop_signal = (smart => 'TERM', fast => 'INT', immediate => 'QUIT');

# Tells the postmaster to stop (smart, fast, immediate) and does not wait. With the
# supervisor on this is a restart.
sub signal_stop
{
	my ($self, $mode) = @_;
	my $pid = $self->postmaster // die "$self->{name} does not run";
	kill $stop_signal{ $mode // 'fast' }, $pid;
	return $pid;
}

# Stops the server for good, waits until it is down.
sub stop
{
	my ($self, $mode, $timeout) = @_;
	$self->supervisor_off;
	return unless $self->postmaster;
	my $pid = $self->signal_stop($mode);
	$self->{cluster}->poll_until(sub { !is_alive($pid) }, $timeout // 30, "$self->{name} to stop");
	return;
}

sub stop_fast { return $_[0]->stop('fast', $_[1]) }

# kill -9 of one ordinary backend: the postmaster then restarts all of its children.
sub crash_backend
{
	my ($self) = @_;
	my $session = $self->session or die "$self->{name} does not answer";
	kill 'KILL', $session->pid;
	return;
}

# --- log ------------------------------------------------------------------------------

sub log_size { return -s $_[0]{log_file} // 0 }

# The log from an offset on.
sub log_text
{
	my ($self, $from) = @_;
	open(my $file, '<', $self->{log_file}) or return '';
	seek($file, $from // 0, 0);
	local $/;
	return <$file> // '';
}

sub wait_for_log
{
	my ($self, $pattern, %args) = @_;
	return $self->{cluster}->poll_until(
		sub { $self->log_text($args{from}) =~ $pattern },
		$args{timeout} // 30, "$self->{name}'s log to match $pattern");
}

1;
