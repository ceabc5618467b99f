# A million tenants in the maps of three HAProxys with the shipped configuration, each fed by the
# sidecar of its node (a primary, two standbys): how long a whole map takes, what it needs,
# whether requests go wrong meanwhile; and how soon HAProxy routes by a change when tenants
# change 10,000 times a minute.
#
#   map_fill_s             until a HAProxy without tenants has all; all three at once
#   map_refill_s           the same when it has them: the map is replaced while requests come
#   map_requests_wrong     of those requests at a HAProxy, how many went to a wrong region
#   map_request_p99_ms     how long these took
#   haproxy_map_rss, haproxy_map_peak   memory of HAProxy with the map; at most, with two of them
#   feed_rss               memory of the multiregiond that feeds it
#   tenant_change_ms       from the replay of a change on a node until its HAProxy routes by it;
#                          over a sample of the changes on all three nodes
#   tenant_change_p99_ms   99 of 100 are as soon
#   tenant_changes_per_minute
#
# MINUTES=n of changes (1), TENANTS=n.
use strict;
use warnings;

use File::Path qw(remove_tree);
use MultiRegion::Cluster;
use MultiRegion::Edges;
use MultiRegion::Http;
use MultiRegion::Ports qw(free_port);
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $tenants = $ENV{TENANTS} // 1_000_000;
my $changes = 10_000 * ($ENV{MINUTES} // 1);
my $seconds = 60 * ($ENV{MINUTES} // 1);
my $sampled = 25; # each such change is watched
my @homes = qw(US_EAST EU_WEST);

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub pause { select(undef, undef, undef, $_[0]) if $_[0] > 0; return }
sub quantile { my ($q, @values) = @_; my @sorted = sort { $a <=> $b } @values; return $sorted[ int($q * $#sorted) ] }

# Every region's application and edge is a port of nginx that says its name: the answer of a
# HAProxy tells where it sent the request.
sub start
{
	my ($bench) = @_;

	$bench->tell_progress("making a cluster of three regions and $tenants tenants");
	my $cluster = MultiRegion::Cluster->new(name => 'edges', regions => 3, sidecars => 1, policy => { failback => 'off' },
		settings => { shared_buffers => '256MB', max_wal_size => '4GB' },
		sidecar_settings => { MULTIREGION_HAPROXY_SOCKET => '/nowhere/yet', MULTIREGION_HAPROXY_MAX_TENANTS => 2 * $tenants });
	$cluster->start;
	my %port = map { $_->region => free_port() } $cluster->nodes;
	my $edges = MultiRegion::Edges->new(cluster => $cluster, environment => sub {
			my ($edge) = @_;
			return (MULTIREGION_APP => "127.0.0.1:$port{ $edge->{node}->region }", map { ("MULTIREGION_EDGE_$_" => "127.0.0.1:$port{$_}") } keys %port);
		});
	my $folder = $edges->edge('US_EAST')->{folder};
	$edges->spawn('US_EAST', 'nginx', {}, $bench->nginx_command($folder, 'text/plain', map { $port{$_} => $_ } keys %port));
	$cluster->wait_for_leader->query(qq{INSERT INTO multiregion.tenant (tenant_id, region_key, version, changed_by)
		SELECT 't' || i, CASE i % 2 WHEN 0 THEN '$homes[0]' ELSE '$homes[1]' END, 1, 'bench'
		FROM generate_series(1, $tenants) AS i}, timeout => 300);
	$cluster->wait_for_leader->query('VACUUM ANALYZE multiregion.tenant', timeout => 120);
	$cluster->wait_caught_up(timeout => 120);
	return $edges;
}

# --- whole maps ------------------------------------------------------------------------------

# How many whole maps a region's HAProxy has had, if it is current.
sub fills
{
	my ($edge) = @_;
	my $text = (MultiRegion::Http->get($edge->{node}->http_port, '/metrics') // {})->{body} // '';
	return 0 unless $text =~ /^multiregion_haproxy_state\{[^}]*state="current"[^}]*\} 1$/m;
	return $text =~ /^multiregion_haproxy_fills_total\{[^}]*\} (\d+)$/m ? $1 : 0;
}

# Seconds until each HAProxy has had another whole map.
sub seconds_of_fill
{
	my ($edges, $count) = @_;
	my ($began, %seconds) = (now());

	until (keys %seconds == $edges->regions)
	{
		die 'the maps are not made in time' if now() - $began > 300;
		foreach my $region (grep { !$seconds{$_} } $edges->regions)
		{
			$seconds{$region} = now() - $began if fills($edges->edge($region)) >= $count;
		}
		pause(0.05);
	}
	return values %seconds;
}

# A value of a process's status, in MiB.
sub memory
{
	my ($pid, $name) = @_;
	open(my $file, '<', "/proc/$pid/status") or die "status: $!";
	my ($kib) = map { /^$name:\s+(\d+) kB/ ? $1 : () } <$file>;
	return $kib / 1024;
}

# Runs a function in a process; what it prints comes from the handle that is returned.
sub in_process
{
	my ($function) = @_;
	my $pid = open(my $pipe, '-|') // die "fork: $!";

	return $pipe if $pid;
	$| = 1;
	eval { $function->(); 1 } or print STDERR $@;
	POSIX::_exit(0);
}

# Where a region's HAProxy sends a request of a tenant, by a connection that is kept.
sub ask
{
	my ($http, $tenant) = @_;
	my $answer = $http->request('GET', '/', headers => ["X-Tenant-Id: $tenant"], timeout => 10) or die "no answer for $tenant";
	return $answer->{body};
}

# Asks for tenants until the file is there; prints the requests, those that went wrong, and the
# 99th of 100 in ms.
sub probe
{
	my ($edge, $stop) = @_;
	my $http = MultiRegion::Http->connect($edge->{port});
	my ($wrong, @ms) = (0);

	until (-e $stop)
	{
		my $number = 1 + int rand $tenants;
		my $began = now();
		$wrong++ if ask($http, "t$number") ne $homes[ $number % 2 ];
		push @ms, 1000 * (now() - $began);
		pause(0.005);
	}
	print join(' ', scalar @ms, $wrong, quantile(0.99, @ms)), "\n";
	return;
}

sub fill
{
	my ($bench, $edges) = @_;
	my @regions = $edges->regions;
	my $stop = $edges->edge('US_EAST')->{folder} . '/stop';

	$bench->tell_progress('whole maps');
	$edges->start($_) foreach @regions;
	$edges->feed;
	$bench->report('map_fill_s', 's', '%.1f', seconds_of_fill($edges, 1));
	my @haproxys = map { $edges->edge($_)->{pid} } @regions;
	my @sidecars = map { $edges->edge($_)->{node}->processes(qr/multiregiond/) } @regions;
	$bench->report('haproxy_map_rss', 'MiB', '%.0f', map { memory($_, 'VmRSS') } @haproxys);
	my @probes = map { my $edge = $edges->edge($_); in_process(sub { probe($edge, $stop) }) } @regions;
	$edges->feed; # a reload makes them anew
	$bench->report('map_refill_s', 's', '%.1f', seconds_of_fill($edges, 2));
	$bench->write_file($stop, '');
	my @results = map { [ split / /, readline $_ ] } @probes;
	$bench->tell_progress('requests meanwhile: ' . join(', ', map { $_->[0] } @results));
	$bench->report('map_requests_wrong', 'requests', '%d', map { $_->[1] } @results);
	$bench->report('map_request_p99_ms', 'ms', '%.1f', map { $_->[2] } @results);
	$bench->report('haproxy_map_peak', 'MiB', '%.0f', map { memory($_, 'VmHWM') } @haproxys);
	$bench->report('feed_rss', 'MiB', '%.1f', map { memory($_, 'VmRSS') } @sidecars);
	return;
}

# --- changes ---------------------------------------------------------------------------------

# Sends every third tenant's change at its time.
sub write_changes
{
	my ($node, $began, $first, $step) = @_;
	my $session = $node->session(timeout => 10);

	for (my $i = $first; $i <= $changes; $i += $step)
	{
		pause($began + $i * $seconds / $changes - now());
		my $result = $session->query("SELECT set_tenant_region('t$i', 'AP_SOUTHEAST')", timeout => 10);
		die $result->{message} // 'no answer' unless @{ $result->{rows} // [] };
	}
	print now() - $began, "\n";
	return;
}

# Watches some changes on a node: prints the ms from their replay until HAProxy routes by them.
sub watch_changes
{
	my ($edge, $began) = @_;
	my ($session, $http) = ($edge->{node}->session(timeout => 10), MultiRegion::Http->connect($edge->{port}));
	my @due = grep { $_ % $sampled == 0 } 1 .. $changes;
	my (%unseen, %replayed);

	while (@due || %unseen || %replayed)
	{
		die $edge->{node}->region . ': ' . keys(%unseen) . " changes were not replayed, " . keys(%replayed) . " not routed by\n"
			if now() - $began > $seconds + 30;
		$unseen{ 't' . shift @due } = 1 while @due && $began + $due[0] * $seconds / $changes <= now();
		my $names = join(', ', map { "'$_'" } keys %unseen);
		my $rows = %unseen ? $session->query("SELECT tenant_id FROM multiregion.tenant WHERE region_key = 'AP_SOUTHEAST' AND tenant_id IN ($names)")->{rows} : [];
		foreach my $tenant (map { $_->[0] } @$rows)
		{
			delete $unseen{$tenant};
			$replayed{$tenant} = now();
		}
		foreach my $tenant (grep { ask($http, $_) eq 'AP_SOUTHEAST' } keys %replayed)
		{
			printf "%.1f\n", 1000 * (now() - delete $replayed{$tenant});
		}
		pause(0.004);
	}
	return;
}

sub change
{
	my ($bench, $edges) = @_;
	my $leader = $edges->{cluster}->wait_for_leader;
	my $began = now() + 1;

	$bench->tell_progress("$changes changes in $seconds s");
	my @watchers = map { my $edge = $edges->edge($_); in_process(sub { watch_changes($edge, $began) }) } $edges->regions;
	my @writers = map { my $first = $_; in_process(sub { write_changes($leader, $began, $first, 3) }) } 1 .. 3;
	my @ends = map { readline $_ } @writers;
	die 'not all changes were made' if @ends != @writers;
	my @ms = map { readline $_ } @watchers;
	die 'changes are missed' if @ms != $edges->regions * int($changes / $sampled);
	$bench->report('tenant_change_ms', 'ms', '%.0f', @ms);
	$bench->report('tenant_change_p99_ms', 'ms', '%.0f', quantile(0.99, @ms));
	$bench->report('tenant_changes_per_minute', 'changes', '%.0f', 60 * $changes / quantile(1, @ends));
	return;
}

sub
{
	my ($bench) = @_;
	my $edges = start($bench);

	fill($bench, $edges);
	change($bench, $edges);
	$edges->{cluster}->stop;
	remove_tree($edges->{cluster}{directory}); # gigabytes
};
