# A real Prometheus for a test, on a port of the loopback, with the rules of docker/prometheus.
# Where none is installed, it is asked nothing and says yes.
#
#   my $prometheus = MultiRegion::Prometheus->start(directory => $folder, targets => { NAME => PORT });
#   $prometheus->has('multiregion_up == 0');                   # whether it has a result now
#   $prometheus->wait_for_query('multiregion_up == 0', 10);   # until it has a result
#   $prometheus->wait_for_alert('MultiregionDown', 10);       # until it is raised
#   $prometheus->problems;                                     # what could not be scraped
package MultiRegion::Prometheus;

use strict;
use warnings;

use File::Path qw(make_path);
use MultiRegion::Http;
use MultiRegion::Ports qw(free_port);
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $program = '/usr/bin/prometheus';

sub start
{
	my ($class, %args) = @_;
	my $self = bless { %args, port => free_port(), errors => {} }, $class;

	return $self if !-x $program;
	make_path($args{directory});
	my $targets = join('', map { "      - targets: ['127.0.0.1:$args{targets}{$_}']\n        labels: {target: $_}\n" } sort keys %{ $args{targets} });
	open(my $file, '>', "$args{directory}/prometheus.yml") or die $!;
	print $file "global: {scrape_interval: 500ms, evaluation_interval: 500ms}\n",
	  "rule_files: ['$ENV{MR_TOP}/docker/prometheus/multiregion.rules.yml']\n",
	  "scrape_configs:\n  - job_name: multiregion\n    static_configs:\n$targets";
	close $file;
	$self->{pid} = fork() // die "fork: $!";
	if (!$self->{pid})
	{
		chdir $args{directory} or POSIX::_exit(126);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$args{directory}/log") or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT);
		exec($program, "--config.file=$args{directory}/prometheus.yml", "--storage.tsdb.path=$args{directory}/data",
			"--web.listen-address=127.0.0.1:$self->{port}", '--log.level=warn') or POSIX::_exit(127);
	}
	$self->wait_for_query('up', 30);
	return $self;
}

# The decoded answer to a path; undef while there is none.
sub _ask
{
	my ($self, $path) = @_;
	my $answer = MultiRegion::Http->get($self->{port}, $path, timeout => 5) or return undef;
	return $answer->{json};
}

sub _wait
{
	my ($self, $condition, $timeout, $what) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + $timeout;

	return if !$self->{pid};
	until ($condition->())
	{
		die "waited $timeout s in vain for $what\n" if clock_gettime(CLOCK_MONOTONIC) > $deadline;
		$self->_note;
		select(undef, undef, undef, 0.05);
	}
	return;
}

# Whether a query has a result; true without Prometheus.
sub has
{
	my ($self, $query) = @_;
	# A long answer would come in chunks, which MultiRegion::Http does not read.
	my $escaped = "count($query)" =~ s/([^A-Za-z0-9_])/sprintf('%%%02X', ord $1)/ger;

	return 1 if !$self->{pid};
	my $json = $self->_ask("/api/v1/query?query=$escaped") or return 0;
	return scalar @{ $json->{data}{result} // [] };
}

sub wait_for_query
{
	my ($self, $query, $timeout) = @_;

	$self->_wait(sub { $self->has($query) }, $timeout, "Prometheus' $query");
	return;
}

sub wait_for_alert
{
	my ($self, $name, $timeout) = @_;
	$self->wait_for_query("ALERTS{alertname=\"$name\",alertstate=\"firing\"}", $timeout);
	return;
}

# Remembers what it could not scrape; a sidecar is always there.
sub _note
{
	my ($self) = @_;
	my $json = $self->_ask('/api/v1/targets?state=active') or return;

	foreach my $target (@{ $json->{data}{activeTargets} // [] })
	{
		$self->{errors}{"$target->{labels}{target}: $target->{lastError}"} = 1 if $target->{lastError} ne '';
	}
	return;
}

sub problems
{
	my ($self) = @_;
	return '' if !$self->{pid};
	$self->_note;
	return join("\n", sort keys %{ $self->{errors} });
}

sub stop
{
	my ($self) = @_;
	return if !$self->{pid};
	kill 'KILL', $self->{pid};
	waitpid($self->{pid}, 0);
	$self->{pid} = undef;
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);
	$self->stop;
	return;
}

1;
