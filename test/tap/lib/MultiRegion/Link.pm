# The network between the nodes: the link program (test/link/link.c), one for a cluster.
package MultiRegion::Link;

use strict;
use warnings;

use IPC::Open2;

# program, and a list of "NAME:LISTEN:TARGET:DIRECTORY".
sub new
{
	my ($class, $program, @nodes) = @_;
	my $pid = open2(my $answers, my $commands, $program, @nodes);
	my $self = bless { pid => $pid, answers => $answers, commands => $commands }, $class;

	$commands->autoflush(1);
	$self->_expect('ready');
	return $self;
}

sub _expect
{
	my ($self, $wanted) = @_;
	my $answer = readline $self->{answers};

	die 'the link program ended' unless defined $answer;
	chomp $answer;
	die "the link program says \"$answer\"" unless $answer eq $wanted;
	return;
}

# One command of the program, done when it returns.
sub command
{
	my ($self, $command) = @_;

	print { $self->{commands} } "$command\n";
	$self->_expect('ok');
	return;
}

sub stop
{
	my ($self) = @_;

	close $self->{commands};
	waitpid($self->{pid}, 0);
	return;
}

1;
