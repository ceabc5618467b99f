# What the cases of "make bench-http" share: servers, load by wrk, what a process costs, lines
# of results.
#
#   my $bench = MultiRegion::HttpBench->new(runs => 5, seconds => 2);
#   my $load = $bench->load($bench->sidecar, '/api/health', connections => 64);
#   # $load: requests, us (processor's time an answer), per_second, p99_ms, wrong
#   $bench->report('name', 'us', '%.2f', @values);
#
# A server is a hash: name, url, pids (whose time is counted). Each is started when it is asked
# for first; spawn() starts another one.
package MultiRegion::HttpBench;

use strict;
use warnings;

use parent 'MultiRegion::BenchRun';

use File::Path qw(make_path);
use MultiRegion::Cluster;
use MultiRegion::Http;
use MultiRegion::Ports qw(free_port);
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());
chomp(my $processors = `nproc`);

# Two regions, a sidecar beside each server.
sub cluster
{
	my ($self) = @_;

	return $self->{cluster} if $self->{cluster};
	$self->tell_progress('making a cluster');
	$self->{cluster} = MultiRegion::Cluster->new(regions => 2, sidecars => 1, policy => { failback => 'off' });
	$self->{cluster}->start;
	$self->{cluster}->wait_for_leader;
	return $self->{cluster};
}

# A folder of the cluster's, below which its guard finds every process.
sub folder
{
	my ($self, $name) = @_;
	my $folder = $self->cluster->{directory} . "/$name";
	make_path($folder);
	return $folder;
}

sub write_file
{
	my ($self, $path, $text) = @_;
	open(my $file, '>', $path) or die "$path: $!";
	print $file $text;
	close $file or die "$path: $!";
	return $path;
}

# Starts a program in a folder of its own name: its pid.
sub spawn
{
	my ($self, $name, @command) = @_;
	my $folder = $self->folder($name);
	my $pid = fork() // die "fork: $!";

	return $pid if $pid;
	POSIX::setsid();
	chdir $folder or POSIX::_exit(126);
	delete @ENV{ grep { /^(?:ETCD|PATRONI|PG)/ } keys %ENV };
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>>', "$folder/log");
	open(STDERR, '>&', \*STDOUT);
	exec(@command) or POSIX::_exit(127);
}

# Binds processes to the first processor, if there are two. A process's threads follow.
sub pin
{
	my ($self, @pids) = @_;
	system("taskset -acp 0 $_ >/dev/null") == 0 || die 'taskset' foreach $processors > 1 ? @pids : ();
	return;
}

sub _children
{
	my ($pid) = @_;
	return map { /^(\d+)$/ ? $1 : () } split /\s+/, `ps -o pid= --ppid $pid`;
}

# Waits until a server answers 200.
sub wait_for
{
	my ($self, $port, $path, $name) = @_;
	$self->cluster->poll_until(
		sub { (MultiRegion::Http->get($port, $path, timeout => 2) // { status => 0 })->{status} == 200 }, 60, $name);
	return;
}

# multiregiond of the primary.
sub sidecar
{
	my ($self) = @_;

	return $self->{sidecar} if $self->{sidecar};
	my $node = $self->cluster->wait_for_leader;
	my @pids = $node->processes(qr/multiregiond/);
	$self->wait_for($node->http_port, '/api/health', 'multiregiond');
	$self->pin(@pids);
	return $self->{sidecar} = { name => 'multiregiond', port => $node->http_port, pids => \@pids };
}

# The command of an nginx with one worker, which answers at each port with that port's text.
sub nginx_command
{
	my ($self, $folder, $type, %text) = @_;
	my $paths = join('', map { "  ${_}_temp_path $folder/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi));
	my $servers = join('', map {
			"  server { listen 127.0.0.1:$_ backlog=1024; location / { default_type $type; return 200 '$text{$_}'; } }\n"
	} sort keys %text);
	my $file = $self->write_file("$folder/nginx.conf", <<~"CONF");
		worker_processes 1;
		daemon off;
		pid $folder/pid;
		error_log $folder/error.log;
		events { worker_connections 4096; }
		http {
		  access_log off;
		  keepalive_requests 1000000000;
		$paths$servers}
		CONF
	return ('/usr/sbin/nginx', '-e', "$folder/error.log", '-c', $file);
}

# nginx with one worker, answering as many bytes as /api/health has with a constant.
sub nginx
{
	my ($self) = @_;

	return $self->{nginx} if $self->{nginx};
	my $length = length MultiRegion::Http->get($self->sidecar->{port}, '/api/health')->{body};
	my ($port, $folder, $text) = (free_port(), $self->folder('nginx'), 'x' x $length);
	my $pid = $self->spawn('nginx', $self->nginx_command($folder, 'application/json', $port => $text));
	$self->wait_for($port, '/', 'nginx');
	my @pids = _children($pid);
	$self->pin(@pids);
	return $self->{nginx} = { name => 'nginx', port => $port, pids => \@pids };
}

# Debian's Patroni with a server of its own and etcd.
sub patroni
{
	my ($self) = @_;

	return $self->{patroni} if $self->{patroni};
	my ($etcd, $etcd_peer, $api, $port) = map { free_port() } 1 .. 4;
	my $folder = $self->folder('patroni');
	$self->spawn('etcd', '/usr/bin/etcd', '--name', 'bench', '--data-dir', $self->folder('etcd') . '/data', '--unsafe-no-fsync',
		'--listen-client-urls', "http://127.0.0.1:$etcd", '--advertise-client-urls', "http://127.0.0.1:$etcd",
		'--listen-peer-urls', "http://127.0.0.1:$etcd_peer", '--initial-advertise-peer-urls', "http://127.0.0.1:$etcd_peer",
		'--initial-cluster', "bench=http://127.0.0.1:$etcd_peer");
	my $file = $self->write_file("$folder/patroni.yml", <<~"YAML");
		scope: bench
		name: bench
		restapi:
		  listen: 127.0.0.1:$api
		  connect_address: 127.0.0.1:$api
		etcd3:
		  host: 127.0.0.1:$etcd
		bootstrap:
		  dcs:
		    postgresql:
		      parameters:
		        unix_socket_directories: ''
		  initdb:
		  - encoding: UTF8
		  - no-sync
		  pg_hba:
		  - host all all 127.0.0.1/32 trust
		postgresql:
		  listen: 127.0.0.1:$port
		  connect_address: 127.0.0.1:$port
		  data_dir: $folder/data
		  bin_dir: $self->{cluster}{bindir}
		  pgpass: $folder/pgpass
		  authentication:
		    superuser:
		      username: postgres
		    replication:
		      username: postgres
		YAML
	my $pid = $self->spawn('patroni', '/usr/bin/patroni', $file);
	$self->wait_for($api, '/primary', 'patroni');
	$self->pin($pid);
	return $self->{patroni} = { name => 'patroni', port => $api, pids => [$pid] };
}

# Seconds of processor's time that processes have used.
sub time_of
{
	my ($self, @pids) = @_;
	my $sum = 0;

	foreach my $pid (@pids)
	{
		open(my $file, '<', "/proc/$pid/stat") or die "process $pid is gone";
		my (undef, $rest) = <$file> =~ /^(.*)\) (.*)$/;
		my @fields = split / /, $rest;
		$sum += ($fields[11] + $fields[12]) / $ticks;
	}
	return $sum;
}

# Makes load on a server by wrk. connections; headers => [...]; script (Lua).
sub load
{
	my ($self, $server, $path, %args) = @_;
	my @command = ('wrk', '-t1', '-c' . ($args{connections} // 64), "-d$self->{seconds}s", '--latency');

	unshift @command, 'taskset', '-c', '1' if $processors > 1;
	push @command, map { ('-H', $_) } @{ $args{headers} // [] };
	push @command, '-s', $self->write_file($self->folder('wrk') . '/script.lua', $args{script}) if $args{script};
	my $before = $self->time_of(@{ $server->{pids} });
	open(my $pipe, '-|', @command, "http://127.0.0.1:$server->{port}$path") or die "wrk: $!";
	my $text = do { local $/; <$pipe> };
	close $pipe;
	my $used = $self->time_of(@{ $server->{pids} }) - $before;
	my ($requests, $seconds) = $text =~ /(\d+) requests in ([\d.]+)s/ or die "wrk said: $text";
	my ($p99, $unit) = $text =~ /99%\s+([\d.]+)(us|ms|s)/;
	die "$server->{name} answered nothing: $text" unless $requests;
	return { requests => $requests, us => $used * 1e6 / $requests, per_second => $requests / $seconds,
		p99_ms => $p99 * { us => 0.001, ms => 1, s => 1000 }->{$unit},
		wrong => $text =~ /Non-2xx or 3xx responses: (\d+)/ ? $1 : 0 };
}

1;
