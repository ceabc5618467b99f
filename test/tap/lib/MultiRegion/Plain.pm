# PostgreSQL servers that know nothing of a supervisor or of multiregion-join: one primary
# and streaming standbys as pg_basebackup makes them, with the library preloaded. For tests
# of the observer.
#
#   my $plain = MultiRegion::Plain->new(nodes => 3);
#   $plain->start;                          # a primary and its standbys, extension created
#   $plain->observe;                        # ... and all of them members that observe
#
# Its nodes are MultiRegion::Node, and so is what finds and ends their processes; start()
# and stop() of a node are not to be used: see start_server.
package MultiRegion::Plain;

use strict;
use warnings;

use File::Path qw(make_path);
use MultiRegion::Cluster;

sub new
{
	my ($class, %args) = @_;
	my $cluster = MultiRegion::Cluster->new(regions => $args{nodes} // 3, name => $args{name} // 'plain',
		settings => $args{settings} // {});
	return bless { cluster => $cluster }, $class;
}

sub cluster { return $_[0]{cluster} }
sub nodes { return $_[0]{cluster}->nodes }
sub poll_until { my ($self, @rest) = @_; return $self->{cluster}->poll_until(@rest) }

sub _run
{
	my ($self, $node, $program, @arguments) = @_;
	return MultiRegion::Cluster::_run("$self->{cluster}{bindir}/$program", @arguments);
}

# Starts the server as somebody at a shell would, and returns when it accepts connections.
sub start_server
{
	my ($self, $node) = @_;
	my $pid = fork() // die "fork: $!";

	# pg_ctl leaves the server in the folder it was called from
	if ($pid == 0)
	{
		chdir $node->directory;
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$self->{cluster}{log_directory}/pg_ctl.log");
		open(STDERR, '>&', \*STDOUT);
		exec("$self->{cluster}{bindir}/pg_ctl", '-w', '-t', '60', '-D', $node->data, '-l', $node->log_file,
			'-o', '-p ' . $node->port . ' -c cluster_name=' . $node->name
				. ' -c multiregion.state_directory=' . $node->state_directory, 'start');
	}
	waitpid($pid, 0);
	die $node->name . " did not start\n" if $?;
	return;
}

sub add_standby
{
	my ($self, $primary, $node) = @_;

	make_path($node->directory);
	$self->_run($node, 'pg_basebackup', '-R', '-X', 'stream', '-c', 'fast', '-D', $node->data, '-d',
		$primary->connect_string . ' application_name=' . $node->name);
	$self->start_server($node);
	return;
}

sub start
{
	my ($self) = @_;
	my ($primary, @standbys) = $self->nodes;

	make_path($primary->directory);
	$self->{cluster}->_prepare_first($primary);
	$self->start_server($primary);
	$primary->safe_psql('CREATE EXTENSION multiregion');
	$primary->safe_psql('ALTER ROLE multiregion_peer LOGIN');
	$self->add_standby($primary, $_) foreach @standbys;
	return $self;
}

# Makes everybody a member that observes; the standbys are taken in as they run.
sub observe
{
	my ($self, %args) = @_;
	my $primary = $args{primary} // ($self->nodes)[0];

	$primary->safe_psql(sprintf q{SELECT add_region('%s', '%s', '%s')}, $_->region,
		lc($_->region) =~ tr/_/-/r, $_->region) foreach $self->nodes;
	$primary->safe_psql(sprintf q{SELECT multiregion.init('%s', '%s', '%s', mode => 'observe')},
		$primary->name, $primary->region, $primary->conninfo);
	$self->poll_until(sub { ($primary->lease_status // {})->{is_primary} eq 't' }, 20, 'the first observer');
	$primary->safe_psql(sprintf q{SELECT add_node('%s', '%s', '%s')}, $_->name, $_->region, $_->conninfo)
		foreach grep { $_ != $primary } $self->nodes;
	$self->wait_observed($primary);
	return;
}

# Until all members observe, vote, stream and hold WAL of this primary's time.
sub wait_observed
{
	my ($self, $primary) = @_;
	my $count = scalar $self->nodes;

	return $self->poll_until(
		sub {
			($primary->value("SELECT count(*) FILTER (WHERE voter AND heard_ms < 1500) = $count"
				. ' FROM multiregion.member_status()') // '') eq 't';
		}, 60, "$count observers");
}

1;
