# A multiregiond that a test runs by itself, with settings of its own; or a run of
# "multiregiond init". The sidecars of a cluster are the cluster's (sidecars => 1).
#
#   my $sidecar = MultiRegion::Sidecar->new(directory => $folder, name => 'a',
#       settings => { ENABLE_MULTI_REGION => 'true', ... });      # its .env.multiregion
#   $sidecar->start;                                              # until it listens
#   my ($code, $output) = $sidecar->run('init');
#
# It works in directory/name, below a cluster's folder if there is one, so that the
# cluster's guard ends it. MULTIREGION_HTTP_LISTEN gets a free port of the loopback.
package MultiRegion::Sidecar;

use strict;
use warnings;

use Fcntl qw(O_WRONLY O_CREAT O_EXCL);
use File::Path qw(make_path);
use MultiRegion::Ports qw(free_port);
use MultiRegion::Process qw(is_alive);
use POSIX qw(WNOHANG);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# Keys: directory, name, settings (of the file), environment (of the process), log (where
# its output goes; directory/name/log).
sub new
{
	my ($class, %args) = @_;
	my $self = bless { settings => {}, environment => {}, port => free_port(), %args }, $class;

	$self->{folder} = "$args{directory}/$args{name}";
	$self->{log} //= "$self->{folder}/log";
	$self->{program} = ($ENV{MR_BINDIR} // die 'MR_BINDIR is not set; use make test-sidecar') . '/multiregiond';
	make_path($self->{folder});
	$self->write_settings;
	return $self;
}

sub port { return $_[0]{port} }
sub pid { return $_[0]{pid} }
sub folder { return $_[0]{folder} }

# Writes .env.multiregion anew. With arguments: over what was set; undef removes.
sub write_settings
{
	my ($self, %changes) = @_;
	my $path = "$self->{folder}/.env.multiregion";

	$self->{settings} = { MULTIREGION_HTTP_LISTEN => "127.0.0.1:$self->{port}",
		%{ $self->{settings} }, %changes };
	unlink $path;
	sysopen(my $file, $path, O_WRONLY | O_CREAT | O_EXCL, 0600) or die "$path: $!";
	foreach my $name (sort grep { defined $self->{settings}{$_} } keys %{ $self->{settings} })
	{
		print $file "$name=\"$self->{settings}{$name}\"\n";
	}
	close $file or die "$path: $!";
	return;
}

sub _spawn
{
	my ($self, @arguments) = @_;
	my $pid = fork() // die "fork: $!";

	return $pid if $pid;
	chdir $self->{folder} or POSIX::_exit(126);
	foreach my $name (grep { /^(?:MULTIREGION|DATABASE_URL|PG)/ } keys %ENV) { delete $ENV{$name}; }
	$ENV{$_} = $self->{environment}{$_} foreach keys %{ $self->{environment} };
	open(STDIN, '<', '/dev/null');
	open(STDERR, $self->{errors} ? '>&' : '>>', $self->{errors} // $self->{log}) or POSIX::_exit(126);
	open(STDOUT, '>&', $self->{output} // \*STDERR) or POSIX::_exit(126);
	exec { $self->{program} } $self->{program}, @arguments or POSIX::_exit(127);
}

# Starts it and waits until it listens; dies with its output if it ends instead.
sub start
{
	my ($self, @arguments) = @_;
	my $from = $self->log_size;

	$self->{pid} = $self->_spawn(@arguments);
	$self->poll_until(
		sub {
			die "multiregiond ended:\n" . $self->log_text($from)
				if waitpid($self->{pid}, WNOHANG) != 0;
			return $self->log_text($from) =~ /listening on/;
		}, 20, 'multiregiond to listen');
	return $self;
}

# The same, with its standard output to this handle instead of the log.
sub start_with_output
{
	my ($self, $output) = @_;

	$self->{output} = $output;
	return $self->start;
}

# The same, with its log to this handle: until it can be connected to.
sub start_with_errors
{
	my ($self, $errors) = @_;

	$self->{errors} = $errors;
	$self->{pid} = $self->_spawn;
	$self->poll_until(sub { MultiRegion::Http->connect($self->port) }, 20, 'multiregiond to listen');
	return $self;
}

sub is_running { return $_[0]{pid} && is_alive($_[0]{pid}) }

sub signal { kill $_[1], $_[0]{pid}; return; }

# Waits until it has ended: its wait status.
sub wait_for_end
{
	my ($self, $timeout) = @_;

	$self->poll_until(sub { waitpid($self->{pid}, WNOHANG) != 0 }, $timeout // 10, 'multiregiond to end');
	$self->{pid} = undef;
	return $?;
}

sub stop
{
	my ($self, $signal) = @_;

	$self->signal($signal // 'INT');
	return $self->wait_for_end;
}

# Runs it with these arguments until it ends: exit code (or "signal N") and output.
sub run
{
	my ($self, @arguments) = @_;
	my $from = $self->log_size;
	my $pid = $self->_spawn(@arguments);
	my $ended = eval { $self->poll_until(sub { waitpid($pid, WNOHANG) != 0 }, 60, 'the end'); 1 };
	my $status = $?;

	if (!$ended)
	{
		kill 'KILL', $pid;
		waitpid($pid, 0);
		return ('late', $self->log_text($from));
	}
	return ($status & 127 ? 'signal ' . ($status & 127) : $status >> 8, $self->log_text($from));
}

sub log_size { return -s $_[0]{log} // 0 }

sub log_text
{
	my ($self, $from) = @_;
	open(my $file, '<', $self->{log}) or return '';
	seek($file, $from // 0, 0);
	local $/;
	return <$file> // '';
}

# What the sanitizers found, or ''.
sub findings
{
	my ($self) = @_;
	return findings_in($self->log_text);
}

sub findings_in
{
	my ($text) = @_;
	return $text =~ /^(.*(?:Sanitizer|runtime error|gave up|Assert).*(?:\n.*){0,30})/m ? $1 : '';
}

# Calls the condition until it is true and returns its value; dies after timeout seconds.
sub poll_until
{
	my ($self, $condition, $timeout, $what) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + $timeout;

	for (;;)
	{
		my $value = $condition->();
		return $value if $value;
		last if clock_gettime(CLOCK_MONOTONIC) >= $deadline;
		select(undef, undef, undef, 0.01);
	}
	die "waited $timeout s in vain for $what\n" . $self->log_text;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);

	return unless $self->{pid};
	kill 'KILL', $self->{pid};
	waitpid($self->{pid}, 0);
	return;
}

1;
