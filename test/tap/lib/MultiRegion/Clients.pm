# Applications and recipes of docs/examples as processes: started in a copy of that folder
# below the cluster's, where its guard finds them; and what the lines of a load say.
#
#   my $clients = MultiRegion::Clients->new($cluster, environment => {...});
#   my $load = $clients->start('node_pg', 'node', 'load.mjs', 'node_pg.mjs', 4);
#   my @lines = $clients->lines('node_pg');     # hashes: client, name, began, ended, words
package MultiRegion::Clients;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use POSIX qw(WNOHANG);

my $top = $ENV{MR_TOP} // abs_path(dirname(abs_path(__FILE__)) . '/../../../..');

# What is to be had here: a hash of node, prisma, python, java, each true or missing; the words
# say why. In CI nothing may be missing.
sub available
{
	my (%have, %why);
	my $modules = qx{'$top/test/tools/node_modules.sh' --where 2>/dev/null};
	chomp $modules;
	my $jars = '/usr/share/java';

	$have{node} = $modules if $modules ne '' && qx{node -e 'process.stdout.write(process.versions.node)' 2>/dev/null} =~ /^(\d+)/ && $1 >= 18;
	$have{prisma} = $modules if $have{node} && -e "$modules/node_modules/.prisma/client/index.js";
	$have{python} = '/usr/bin/python3'
		if system(q{/usr/bin/python3 -c 'import psycopg, psycopg_pool, psycopg2, sqlalchemy, starlette, uvicorn, gunicorn' 2>/dev/null}) == 0;
	$have{java} = join(':', map { "$jars/$_.jar" } qw(postgresql HikariCP slf4j-api slf4j-nop))
		if system('javac -version >/dev/null 2>&1') == 0 && !grep { !-e "$jars/$_.jar" } qw(postgresql HikariCP slf4j-api slf4j-nop);
	$why{$_} = "what $_ needs is not installed (make node-modules)" foreach grep { !$have{$_} } qw(node prisma python java);
	die join("\n", values %why) . "\n" if $ENV{CI} && %why;
	return (\%have, \%why);
}

sub new
{
	my ($class, $folder, %args) = @_;
	my $self = bless { folder => "$folder/clients", processes => {}, %args }, $class;

	make_path($self->{folder});
	system('cp', glob("$top/docs/examples/*"), glob("$top/test/clients/*"), $self->{folder}) == 0 or die 'cp failed';
	symlink("$args{modules}/node_modules", "$self->{folder}/node_modules") if $args{modules};
	return $self;
}

sub folder { return $_[0]{folder} }

# Runs a command there; ends when its standard input, a pipe of ours, does, or by stop().
sub start
{
	my ($self, $name, @command) = @_;
	my $output = "$self->{folder}/$name.out";

	pipe(my $reader, my $writer) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		chdir $self->{folder} or POSIX::_exit(126);
		@ENV{ keys %{ $self->{environment} } } = values %{ $self->{environment} };
		delete $ENV{PGDATA};
		open(STDIN, '<&', $reader);
		open(STDOUT, '>', $output) or POSIX::_exit(126);
		open(STDERR, '>', "$self->{folder}/$name.err") or POSIX::_exit(126);
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	close $reader;
	$self->{processes}{$name} = { pid => $pid, in => $writer };
	return $pid;
}

# Runs a command to its end in the background; finish() waits for it.
sub finish
{
	my ($self, $name) = @_;
	my $process = delete $self->{processes}{$name};

	close $process->{in};
	waitpid($process->{pid}, 0);
	return $?;
}

sub is_running
{
	my ($self, $name) = @_;
	return waitpid($self->{processes}{$name}{pid}, WNOHANG) == 0;
}

sub stop_all
{
	my ($self) = @_;

	close $_->{in} foreach values %{ $self->{processes} };
	foreach my $name (keys %{ $self->{processes} })
	{
		my $pid = $self->{processes}{$name}{pid};
		my $until = time + 20;
		select(undef, undef, undef, 0.02) while waitpid($pid, WNOHANG) == 0 && time < $until && $name !~ /^app/;
		kill 'KILL', $pid;
		waitpid($pid, 0);
	}
	$self->{processes} = {};
	return;
}

sub text
{
	my ($self, $name, $kind) = @_;
	open(my $file, '<', "$self->{folder}/$name." . ($kind // 'out')) or return '';
	local $/;
	return <$file> // '';
}

sub lines
{
	my ($self, $name) = @_;
	return map { /^(\d+) (\w+) (\d+) (\d+) (.*)$/ ? { client => $1, name => $2, began => $3, ended => $4, words => $5 } : () }
		split /\n/, $self->text($name);
}

1;
