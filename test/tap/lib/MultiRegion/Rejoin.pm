# What tests of multiregion-join need beside MultiRegion::Cluster: the program run by
# hand, its helpers replaced, files of a node, a writer that goes on meanwhile.
package MultiRegion::Rejoin;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use IO::Handle;
use MultiRegion::Session;
use POSIX ();

our @EXPORT_OK = qw(run_join add_environment drop_environment replace_program read_file write_file
	start_writer stop_writer walsender_of start_server stop_server row_of promote_apart
	make_witness);

sub read_file
{
	my ($path) = @_;

	open(my $file, '<', $path) or return undef;
	local $/;
	return <$file> // '';
}

sub write_file
{
	my ($path, $content) = @_;

	open(my $file, '>', $path) or die "$path: $!";
	print $file $content;
	close $file or die "$path: $!";
	return;
}

# Runs multiregion-join for a node that is down, as its supervisor would, with more
# arguments. Returns (exit code, output).
sub run_join
{
	my ($node, @more) = @_;
	my $output = $node->directory . '/join.out';
	my @peers = map { $_->conninfo } grep { $_ != $node } $node->{cluster}->nodes;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		chdir $node->directory or POSIX::_exit(126);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $output) or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT);
		exec("$node->{cluster}{bindir}/multiregion-join", '--data', $node->data, '--node', $node->name,
			'--peers', join(', ', @peers), @more) or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	return ($? >> 8, read_file($output));
}

# Environment of the node's supervisor, from its next start on.
sub add_environment
{
	my ($node, $name, $value) = @_;
	my $path = $node->directory . '/environment';

	write_file($path, read_file($path) . "export $name='$value'\n");
	return;
}

sub drop_environment
{
	my ($node, $name) = @_;
	my $path = $node->directory . '/environment';

	write_file($path, join('', grep { !/^export \Q$name\E=/ } split /^/, read_file($path)));
	return;
}

# A folder of PostgreSQL's programs for MULTIREGION_BINDIR in which one is this script.
# In it, $REAL is the program that it stands for.
sub replace_program
{
	my ($node, $program, $script) = @_;
	my $bindir = $node->{cluster}{bindir};
	my $folder = $node->directory . '/programs';

	make_path($folder);
	foreach my $path (glob("$bindir/*"))
	{
		my ($name) = $path =~ m{([^/]+)$};
		unlink "$folder/$name";
		symlink($path, "$folder/$name") or die "$folder/$name: $!" if $name ne $program;
	}
	write_file("$folder/$program", "#!/bin/bash\nREAL='$bindir/$program'\n$script");
	chmod 0755, "$folder/$program";
	return $folder;
}

# A process that inserts into a table of the leader, wherever that is, until it is told
# to stop. Returns a handle for stop_writer().
sub start_writer
{
	my ($cluster, $statement) = @_;

	pipe(my $reader, my $writer) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		my ($session, $count) = (undef, 0);

		# the guard finds it there
		chdir $cluster->{directory};
		# the parent's sessions are not ours to talk on
		delete $_->{session} foreach $cluster->nodes;
		close $writer;
		$reader->blocking(0);
		until (defined(my $read = sysread($reader, my $ignored, 1)))
		{
			if (!$session)
			{
				($session) = grep { $_ } map { $_->postmaster ? $_->session(timeout => 1) : () }
					grep { $_->postmaster && $_->is_writable } $cluster->nodes;
			}
			my $result = $session ? $session->query($statement, timeout => 5) : { lost => 1 };
			$session = undef if !$result->{ready} || defined $result->{sqlstate};
			select(undef, undef, undef, 0.002);
		}
		POSIX::_exit(0);
	}
	close $reader;
	return { pid => $pid, pipe => $writer };
}

sub stop_writer
{
	my ($writer) = @_;

	close $writer->{pipe};
	# a writer that was started later has this one's pipe, too, and keeps it open
	kill 'TERM', $writer->{pid};
	waitpid($writer->{pid}, 0);
	return;
}

# Process id of the walsender of a leader that serves another node.
sub walsender_of
{
	my ($leader, $node) = @_;

	return $leader->value(q{SELECT r.pid FROM pg_stat_replication AS r JOIN multiregion.node AS n}
			. q{ ON r.application_name = 'mr_' || replace(n.uuid::text, '-', '')}
			. q{ WHERE n.node_name = '} . $node->name . q{'}) // die 'no walsender for ' . $node->name;
}

# Starts a server by hand, without multiregion-join: what somebody does to a copy. Its
# log is DATA.log. Returns a handle for stop_server().
sub start_server
{
	my ($cluster, $data, $port, @settings) = @_;
	my $log = "$data.log";
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		# below the cluster's folder the guard finds it
		chdir $cluster->{directory} or POSIX::_exit(126);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $log) or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT);
		exec("$cluster->{bindir}/postgres", '-D', $data, '-p', $port, map { ('-c', $_) } @settings)
			or POSIX::_exit(127);
	}
	my $session;
	$cluster->poll_until(
		sub {
			$session = MultiRegion::Session->connect(port => $port, timeout => 2);
			return $session || waitpid($pid, POSIX::WNOHANG) == $pid;
		}, 30, "the server of $data");
	return { pid => $pid, session => $session, log => $log };
}

# Makes the server of a planned node (plan_another) that is to be a witness: one of its own,
# with the extension and a role for its peers.
sub make_witness
{
	my ($cluster, $node) = @_;

	# not a copy of the clusters' template: its system identifier has to be its own
	system("'$cluster->{bindir}/initdb' --no-sync --auth=trust --username=postgres --encoding=UTF8"
			. " --locale=C.UTF-8 -D '@{[ $node->data ]}' >/dev/null") == 0 or die 'initdb failed';
	write_file($node->data . '/postgresql.conf', read_file("$cluster->{scripts}/postgresql.conf"));
	my $server = start_server($cluster, $node->data, $node->port);
	foreach my $statement ('CREATE EXTENSION multiregion',
		'ALTER ROLE multiregion_peer LOGIN REPLICATION')
	{
		my $result = $server->{session}->query($statement, timeout => 60);
		die "$statement: $result->{message}" if !$result->{ready} || defined $result->{sqlstate};
	}
	stop_server($server);
	add_environment($node, 'MULTIREGION_WITNESS', 'on');
	return;
}

sub stop_server
{
	my ($server) = @_;

	return unless $server->{session};
	$server->{session}->close;
	kill 'INT', $server->{pid};
	waitpid($server->{pid}, 0);
	return;
}

# One row of a query as a hash.
sub row_of
{
	my ($session, $sql) = @_;
	my $result = $session->query($sql);
	my %row;

	@row{ @{ $result->{columns} // [] } } = @{ ($result->{rows} // [])->[0] // [] };
	return \%row;
}

# Has the server of a node that is down promoted and changed as no member of the cluster.
sub promote_apart
{
	my ($node, $port, @statements) = @_;
	my $server =
		start_server($node->{cluster}, $node->data, $port, 'multiregion.standalone=on');

	foreach my $statement (@statements)
	{
		my $result = $server->{session}->query($statement, timeout => 60);
		die "$statement: $result->{message}" if !$result->{ready} || defined $result->{sqlstate};
	}
	stop_server($server);
	return;
}

1;
