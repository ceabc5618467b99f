# A running test/load/pool.c: many clients that reconnect only when they see an error, and
# who of them is back after a change of the primary. Makes the table that it writes to.
#
#   my $pool = MultiRegion::Pool->start($cluster, $program, clients => 200);
#   my $seen = $pool->hit(sub { ... });   # node, takeover_ms, stuck, late, last_ms
#   $pool->stop;
#
# Keys of start(): clients; period (default 500), answer, connect in milliseconds: how
# often a client sends something, how long it waits for the answer (0: for ever), and for a
# server that it connects to. cases() is what test and benchmark do to a primary, settle()
# makes the cluster whole again.
package MultiRegion::Pool;

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IPC::Open2;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT_OK = qw(cases settle);

sub start
{
	my ($class, $cluster, $program, %args) = @_;
	my $self = bless { cluster => $cluster, buffer => '' }, $class;

	my $first = $cluster->{managed} ? $cluster->wait_for_leader : ($cluster->nodes)[0];
	$first->safe_psql(
		'CREATE SCHEMA IF NOT EXISTS load; CREATE TABLE IF NOT EXISTS load.written (client int)');
	$self->{pid} = open2($self->{out}, $self->{in}, $program, $args{clients}, $args{period} // 500,
		$args{answer} // 1000, $args{connect} // 1000, map { $_->port } $cluster->nodes);
	$self->{in}->autoflush(1);
	my $began = clock_gettime(CLOCK_MONOTONIC);
	$self->_line(120) // die "the pool did not start\n" . $cluster->describe;
	$self->{connect_ms} = 1000 * (clock_gettime(CLOCK_MONOTONIC) - $began);
	return $self;
}

# How long it took until everybody had an answer, with nothing wrong.
sub connect_ms { return $_[0]{connect_ms} }

# The next line of the program; undef when it does not come in time.
sub _line
{
	my ($self, $timeout) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + $timeout;

	while (index($self->{buffer}, "\n") < 0)
	{
		my $left = $deadline - clock_gettime(CLOCK_MONOTONIC);

		return undef if $left <= 0 || !IO::Select->new($self->{out})->can_read($left);
		sysread($self->{out}, $self->{buffer}, 4096, length $self->{buffer}) or return undef;
	}
	$self->{buffer} =~ s/^(.*)\n//;
	return $1;
}

# Does something to the primary and waits until everybody is back; undef if they never are.
sub hit
{
	my ($self, $fault) = @_;

	print { $self->{in} } "fault\n";
	$fault->();
	return $self->result(60);
}

sub result
{
	my ($self, $timeout) = @_;
	my ($word, $port, $takeover, $stuck, $late, $last) = split / /, $self->_line($timeout) // return undef;
	my ($node) = grep { $_->port == $port } $self->{cluster}->nodes;

	return { node => $node->name, takeover_ms => $takeover, stuck => $stuck, late => $late, last_ms => $last };
}

sub stop
{
	my ($self) = @_;

	close $self->{in};
	waitpid($self->{pid}, 0);
	return;
}

# Until it is done: a busy machine may refuse one whose target is not near in time.
sub _switch_over
{
	my ($old, $next) = @_;
	my $sql = "SELECT switchover('" . $next->name . "')";

	return $old->{cluster}->poll_until(
		sub { ($next->query($sql, timeout => 40)->{sqlstate} // '55006') eq '55006' }, 60, 'a switchover');
}

# Name and deed, in order. Each is given the primary and the node that is to follow it.
sub cases
{
	return (
		[ switchover => \&_switch_over ],
		[ postmaster_killed => sub { $_[0]->kill_postmaster } ],
		[ region_killed => sub { $_[0]->kill_all } ],
		[ region_frozen => sub { $_[0]->freeze } ]);
}

sub settle
{
	my ($cluster) = @_;

	$_->thaw foreach $cluster->nodes;
	$_->start foreach $cluster->nodes;
	$cluster->wait_complete(90);
	$cluster->wait_caught_up;
	return $cluster->wait_for_leader;
}

1;
