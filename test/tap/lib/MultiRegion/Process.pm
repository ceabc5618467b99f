# Which processes belong to a directory, and signals to all of them. A node's
# processes (supervisor, postmaster and every child of it, sidecar, multiregion-join)
# work in the node's directory, and nothing else does: that finds them without names,
# and also when their parent is dead (a postmaster's children are sessions of their own,
# so process groups do not). Linux only; sees only processes of the same user.
package MultiRegion::Process;

use strict;
use warnings;

use Exporter qw(import);
use POSIX qw(sysconf _SC_CLK_TCK);
our @EXPORT_OK = qw(processes_in title_of is_alive kill_directory signal_directory children_of ended_cpu_us);

# Ids of the processes that work in the directory or below it.
sub processes_in
{
	my ($directory) = @_;
	my @found;

	opendir(my $proc, '/proc') or die "/proc: $!";
	foreach my $pid (grep { /^\d+$/ } readdir $proc)
	{
		my $cwd = readlink "/proc/$pid/cwd";
		next unless defined $cwd;
		# After the directory is removed the kernel says so behind its name.
		next unless $cwd eq $directory || index($cwd, "$directory/") == 0;
		push @found, $pid + 0 if is_alive($pid);
	}
	return @found;
}

# False for a process that is gone or only waits to be reaped.
sub is_alive
{
	my ($pid) = @_;

	open(my $stat, '<', "/proc/$pid/stat") or return 0;
	my $line = <$stat>;
	return defined $line && $line =~ /^\d+ \(.*\) ([A-Za-z])/s && $1 ne 'Z' && $1 ne 'X';
}

sub children_of
{
	my ($parent, @pids) = @_;
	my @children;

	foreach my $pid (@pids)
	{
		open(my $stat, '<', "/proc/$pid/stat") or next;
		my $line = <$stat>;
		push @children, $pid if defined $line && $line =~ /^\d+ \(.*\) \S (\d+)/s && $1 == $parent;
	}
	return @children;
}

# Processor time, in us, of a process and of its children that have ended.
sub ended_cpu_us
{
	my ($pid) = @_;

	open(my $stat, '<', "/proc/$pid/stat") or return 0;
	my ($after) = <$stat> =~ /^\d+ \(.*\) (.*)/s or return 0;
	my ($user, $system, $children_user, $children_system) = (split / /, $after)[ 11 .. 14 ];
	return ($user + $system + $children_user + $children_system) * 1_000_000 / sysconf(_SC_CLK_TCK);
}

# What a process calls itself, "postgres: walwriter".
sub title_of
{
	my ($pid) = @_;

	open(my $file, '<', "/proc/$pid/cmdline") or return '';
	local $/;
	my $title = <$file> // '';
	$title =~ s/\0+$//;
	$title =~ tr/\0/ /;
	return $title;
}

# Sends a signal to everything in the directory, again until nothing new is found
# there: what a process starts meanwhile gets it too.
sub signal_directory
{
	my ($signal, $directory, @first) = @_;
	my %done;

	for (;;)
	{
		my @new = grep { !$done{$_} } @first, processes_in($directory);
		last unless @new;
		@first = ();
		kill $signal, $_ and $done{$_} = 1 for @new;
		$done{$_} = 1 for @new;
	}
	return keys %done;
}

# Kills everything in the directory, first (a list of ids) first. All is stopped before
# the first one dies, so that none sees another's death and none is born.
sub kill_directory
{
	my ($directory, @first) = @_;

	signal_directory('STOP', $directory, @first);
	signal_directory('KILL', $directory, @first);
	return;
}

1;
