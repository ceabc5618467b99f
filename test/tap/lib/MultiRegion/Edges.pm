# HAProxy with the shipped configuration beside each node of a cluster, and a small application
# behind each: what tests and benchmarks of the edges share.
#
#   my $edges = MultiRegion::Edges->new(cluster => $cluster);
#   $edges->start_application($_), $edges->start($_) foreach $edges->regions;
#   $edges->feed;                                  # the sidecars are told of them
#   my $answer = $edges->request('US_EAST', '/t/acme');
#
# Keys of new(): cluster (a node a region, sidecars => 1; their settings must name
# MULTIREGION_HAPROXY_SOCKET, any path); environment => sub { my ($edge) = @_; ... }, more
# variables of an edge's HAProxy; config, another file than the shipped one. Everything
# runs below the cluster's folder, where its guard finds it.
package MultiRegion::Edges;

use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use MultiRegion::Ports qw(free_port);
use POSIX ();

sub new
{
	my ($class, %args) = @_;
	my $self = bless { config => "$ENV{MR_TOP}/docker/haproxy/haproxy.cfg", environment => sub { () }, %args }, $class;

	# The paths of the sockets must be short.
	$self->{sockets} = File::Temp::tempdir(CLEANUP => 1);
	foreach my $node ($self->{cluster}->nodes)
	{
		# Not the node's: what kills a node leaves the edge.
		my $folder = "$self->{cluster}{directory}/edge-" . $node->name;
		push @{ $self->{regions} }, $node->region;
		$self->{edge}{ $node->region } = { node => $node, folder => $folder, socket => "$self->{sockets}/" . $node->name,
			map { $_ => free_port() } qw(port https app rw ro) };
		make_path("$folder/maps");
		$self->write_map($node->region, $_, '') foreach qw(tenants.map recent.map countries.map);
		$self->write_map($node->region, 'trusted.lst', "127.0.0.1\n");
	}
	return $self;
}

sub regions { return @{ $_[0]{regions} } }

# node, folder, socket, pid, app_pid and the ports port, https, app, rw, ro of a region's edge.
sub edge { return $_[0]{edge}{ $_[1] } }

sub write_map
{
	my ($self, $region, $name, $text) = @_;
	my $path = "$self->{edge}{$region}{folder}/maps/$name";

	open(my $file, '>', $path) or die "$path: $!";
	print $file $text;
	close $file or die "$path: $!";
	return;
}

# HAProxy's variables in a region.
sub environment
{
	my ($self, $region) = @_;
	my $edge = $self->{edge}{$region};
	my %environment = (
		DEPLOYMENT_REGION => $region, ENABLE_CROSS_REGION_PROXY => 'true',
		MULTIREGION_HAPROXY_SOCKET => $edge->{socket}, MULTIREGION_HAPROXY_MAPS => "$edge->{folder}/maps",
		MULTIREGION_HAPROXY_HTTP => "127.0.0.1:$edge->{port}", MULTIREGION_GEO_HEADER => 'CF-IPCountry',
		MULTIREGION_TENANT_HEADER => 'X-Tenant-Id', MULTIREGION_TENANT_PATH => '/t/',
		MULTIREGION_TENANT_DOMAIN => 'example.test', MULTIREGION_APP => "127.0.0.1:$edge->{app}",
		MULTIREGION_APP_HEALTH => '/health', MULTIREGION_SIDECAR => '127.0.0.1:' . $edge->{node}->http_port,
		MULTIREGION_HAPROXY_PG => "127.0.0.1:$edge->{rw}", MULTIREGION_HAPROXY_PG_READ_ONLY => "127.0.0.1:$edge->{ro}",
		MULTIREGION_PG_MAX_LAG => '16MB');

	foreach my $other ($self->regions)
	{
		my $node = $self->{edge}{$other}{node};
		$environment{"MULTIREGION_EDGE_$other"} = "127.0.0.1:$self->{edge}{$other}{port}";
		$environment{"MULTIREGION_PG_$other"} = '127.0.0.1:' . $node->port;
		$environment{"MULTIREGION_PG_CHECK_ADDRESS_$other"} = '127.0.0.1';
		$environment{"MULTIREGION_PG_CHECK_PORT_$other"} = $node->http_port;
	}
	return (%environment, $self->{environment}->($edge));
}

# --- processes -------------------------------------------------------------------------------

# Starts a program in the folder of a region's edge: its pid. log: first part of the log's name.
sub spawn
{
	my ($self, $region, $log, $environment, @command) = @_;
	my $folder = $self->{edge}{$region}{folder};
	my $pid = fork() // die "fork: $!";

	return $pid if $pid;
	@ENV{ keys %$environment } = values %$environment;
	chdir $folder or POSIX::_exit(126);
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>>', "$self->{cluster}{log_directory}/$log-" . lc($region) . '.log') or POSIX::_exit(126);
	open(STDERR, '>&', \*STDOUT);
	exec { $command[0] } @command or POSIX::_exit(127);
}

# Starts a region's HAProxy; more: variables that differ this time.
sub start
{
	my ($self, $region, %more) = @_;
	$self->{edge}{$region}{pid} = $self->spawn($region, 'haproxy', { $self->environment($region), %more },
		'/usr/sbin/haproxy', '-db', '-f', $self->{config});
	return;
}

sub start_application
{
	my ($self, $region) = @_;
	$self->{edge}{$region}{app_pid} = $self->spawn($region, 'application', {}, 'python3',
		"$ENV{MR_TOP}/test/sidecar/application.py", $region, $self->{edge}{$region}{app});
	return;
}

sub _end
{
	my ($self, $region, $which) = @_;
	my $pid = delete $self->{edge}{$region}{$which};

	kill 'KILL', $pid;
	waitpid($pid, 0);
	return;
}

sub stop { return $_[0]->_end($_[1], 'pid') }
sub stop_application { return $_[0]->_end($_[1], 'app_pid') }

# What HAProxy says of the configuration as it would be started: (exit status, output).
sub check
{
	my ($self, $region, %more) = @_;
	my %environment = ($self->environment($region), %more);

	local @ENV{ keys %environment } = values %environment;
	my $output = `/usr/sbin/haproxy -c -f '$self->{config}' 2>&1`;
	return ($?, $output);
}

# Tells the sidecars of their HAProxys, with more settings; they read that at once.
sub feed
{
	my ($self, %more) = @_;

	foreach my $region ($self->regions)
	{
		my $edge = $self->{edge}{$region};
		my $path = $edge->{node}->directory . '/.env.multiregion';
		my %settings = (MULTIREGION_HAPROXY_SOCKET => $edge->{socket}, MULTIREGION_HAPROXY_MAPS => "$edge->{folder}/maps", %more);
		my $names = join '|', keys %settings;

		open(my $in, '<', $path) or die "$path: $!";
		my @lines = grep { !/^(?:$names)=/ } <$in>;
		open(my $out, '>', $path) or die "$path: $!";
		print $out @lines, map { "$_=$settings{$_}\n" } sort keys %settings;
		close $out or die "$path: $!";
		kill 'HUP', $edge->{node}->processes(qr/multiregiond/);
	}
	return;
}

# --- asking ----------------------------------------------------------------------------------

# Sends a request to a region's HAProxy: what receive() takes. from: its address; host;
# headers => [...]; body; method.
sub send
{
	my ($self, $region, $path, %args) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{edge}{$region}{port},
		LocalAddr => $args{from} // '127.0.0.1', Timeout => 5) or return undef;
	my $body = $args{body} // '';
	my $method = $args{method} // (length $body ? 'POST' : 'GET');
	my $text = "$method $path HTTP/1.1\r\nHost: " . ($args{host} // 'localhost') . "\r\nConnection: close\r\n";

	$text .= "$_\r\n" foreach @{ $args{headers} // [] };
	$text .= 'Content-Length: ' . length($body) . "\r\n" if length $body;
	local $SIG{PIPE} = 'IGNORE';
	print $socket "$text\r\n$body";
	return $socket;
}

# Its answer: status (0: none), head, body, json.
sub receive
{
	my ($self, $socket) = @_;
	my $answer = '';

	eval {
		local $SIG{ALRM} = sub { die "late\n" };
		alarm 20;
		while ($socket && sysread($socket, my $part, 65536)) { $answer .= $part; }
		alarm 0;
	};
	alarm 0;
	my ($head, $rest) = split /\r\n\r\n/, $answer, 2;
	my $json = eval { JSON::PP::decode_json($rest // '') } // {};
	return { status => ($head // '') =~ m{^HTTP/1.1 (\d+)} ? $1 : 0, head => $head // '', body => $rest // '', json => $json };
}

# Both.
sub request { my ($self, @request) = @_; return $self->receive($self->send(@request)) }

# The region whose application answered.
sub region_of { my ($self, @request) = @_; return $self->request(@request)->{json}{region} // 'none' }

# What HAProxy's runtime socket answers. socket: where it is now.
sub runtime
{
	my ($self, $region, $command, %args) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $args{socket} // $self->{edge}{$region}{socket}) or return '';
	my $answer = '';

	print $socket "$command\n";
	while (sysread($socket, my $part, 65536)) { $answer .= $part; }
	return $answer;
}

# A map's file, as HAProxy calls it.
sub map_file { return "$_[0]{edge}{$_[1]}{folder}/maps/$_[2]" }

# How many entries a map has.
sub entries
{
	my ($self, $region, $name) = @_;
	return scalar(() = $self->runtime($region, 'show map ' . $self->map_file($region, $name)) =~ /^0x/mg);
}

1;
