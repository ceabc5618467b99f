# A running test/bench/probe.c: a pinned writer to each node of a cluster, which writes
# down what it was promised. Needs the table bench.probe (make_table).
#
#   my $probe = MultiRegion::Probe->start($cluster, $program);
#   ... $probe->log->read_on ...                 # a MultiRegion::ProbeLog
#   my $log = $probe->stop;
package MultiRegion::Probe;

use strict;
use warnings;

use IPC::Open2;
use MultiRegion::ProbeLog;

my $count = 0;

sub make_table
{
	my ($class, $leader) = @_;
	$leader->safe_psql('CREATE SCHEMA bench; CREATE TABLE bench.probe (id bigint PRIMARY KEY)');
	return;
}

# Returns once it has been promised something.
sub start
{
	my ($class, $cluster, $program) = @_;
	my $path = "$cluster->{log_directory}/probe-" . ++$count . '.txt';
	my $pid = open2(my $out, my $in, $program, $path,
		map { $_->name . '=' . $_->connect_string . ' hostaddr=127.0.0.1 connect_timeout=5' }
			$cluster->nodes);

	readline($out) // die 'the probe did not start';
	my $log = MultiRegion::ProbeLog->new($path);
	$cluster->poll_until(sub { scalar $log->read_on->acks > 20 }, 20, 'the probe to write');
	return bless { log => $log, in => $in, out => $out, pid => $pid }, $class;
}

sub log { return $_[0]{log} }

# Ends it and returns its whole log.
sub stop
{
	my ($self) = @_;

	close $self->{in};
	waitpid($self->{pid}, 0);
	return $self->{log}->read_on;
}

1;
