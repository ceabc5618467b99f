# What the shipped HAProxy costs a request that it passes on to the application, beside a
# HAProxy that does nothing but pass on.
#
#   proxy_cpu_ratio   docker/haproxy/haproxy.cfg with 10,000 tenants in its map to the plain one
#   proxy_map_ratio   the same to itself with no tenant in the map
#   proxy_floor_ratio a plain one that looks each tenant up in such a map, and does nothing else,
#                     to the plain one: no rules can cost less
#   proxy_usual_ratio shipped to one written by hand that routes by such a map and does what any
#                     edge does: log what fails, rebuild X-Forwarded-*, mark the answer
#   proxy_us, plain_us  processor's time an answer
#
# Each request is of another tenant, so the map's nodes come from memory as seldom hot as they
# can be.
use strict;
use warnings;

use MultiRegion::Ports qw(free_port);

my $tenants = 10_000;

# Any tenant, another one each time.
my $script = <<"LUA";
local n = 0
request = function()
	n = (n + 7919) % $tenants
	return wrk.format("GET", "/", {["X-Tenant-Id"] = "tenant-" .. n})
end
LUA

sub start_haproxy
{
	my ($bench, $name, $config, %environment) = @_;
	my $folder = $bench->folder($name);
	my $port = free_port();

	local @ENV{ keys %environment } = values %environment;
	local $ENV{MULTIREGION_HAPROXY_HTTP} = "127.0.0.1:$port";
	my $pid = $bench->spawn($name, '/usr/sbin/haproxy', '-db', '-f', $config->($folder, $port));
	$bench->wait_for($port, '/', $name);
	$bench->pin($pid);
	return { name => $name, port => $port, pids => [$pid] };
}

sub write_map
{
	my ($bench, $folder, $count) = @_;
	return $bench->write_file("$folder/tenants.map", join('', map { "tenant-$_ US_EAST\n" } 0 .. $count - 1));
}

my $lookup = 'use_backend local if { req.hdr(X-Tenant-Id),map_str(%s) -m found }';
my $usual = <<'CONF';
  option httplog
  option dontlog-normal
  log stderr format short local0
  http-request del-header X-Forwarded- -m beg
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  option forwardfor
  http-response set-header X-Served-By US_EAST
CONF

# The application is nginx, answering at once. Rules of the frontend; %s is a map of the tenants.
sub plain
{
	my ($bench, $name, $rules) = @_;
	my $application = $bench->nginx->{port};

	return start_haproxy($bench, $name, sub {
		my ($folder, $port) = @_;
		my $map = write_map($bench, $folder, $tenants);
		$rules =~ s/%s/$map/;
		return $bench->write_file("$folder/haproxy.cfg", <<~"CONF");
			global
			  nbthread 1
			defaults
			  mode http
			  timeout connect 2s
			  timeout client 60s
			  timeout server 60s
			frontend edge
			  bind 127.0.0.1:$port
			$rules
			  default_backend local
			backend local
			  server application 127.0.0.1:$application
			CONF
	});
}

sub shipped
{
	my ($bench, $name, $count) = @_;
	my $folder = $bench->folder($name);
	my $application = '127.0.0.1:' . $bench->nginx->{port};

	write_map($bench, $folder, $count);
	$bench->write_file("$folder/$_", '') foreach qw(recent.map countries.map trusted.lst);
	return start_haproxy($bench, $name,
		sub {
			open(my $file, '<', "$ENV{MR_TOP}/docker/haproxy/haproxy.cfg") or die "haproxy.cfg: $!";
			my $text = do { local $/; <$file> };
			# one thread, as all others here
			$text =~ s/^global\n/global\n\tnbthread 1\n/m;
			return $bench->write_file("$folder/haproxy.cfg", $text);
		},
		DEPLOYMENT_REGION => 'US_EAST', ENABLE_CROSS_REGION_PROXY => 'true',
		MULTIREGION_HAPROXY_SOCKET => "$folder/socket", MULTIREGION_HAPROXY_MAPS => $folder, MULTIREGION_APP => $application,
		MULTIREGION_APP_HEALTH => '/', MULTIREGION_SIDECAR => '127.0.0.1:' . $bench->sidecar->{port},
		MULTIREGION_TENANT_HEADER => 'X-Tenant-Id', MULTIREGION_GEO_HEADER => 'CF-IPCountry',
		map { ("MULTIREGION_EDGE_$_" => $application) } qw(US_EAST EU_WEST AP_SOUTHEAST));
}

sub
{
	my ($bench) = @_;
	my @servers = (plain($bench, 'plain', ''), shipped($bench, 'full', $tenants), shipped($bench, 'empty', 0),
		plain($bench, 'floor', $lookup), plain($bench, 'usual', $usual . $lookup));
	my (@ratios, @map_ratios, @floor_ratios, @usual_ratios, @proxy, @plain);

	foreach (1 .. $bench->runs)
	{
		my @loads = map { $bench->load($_, '/', script => $script) } @servers;
		die 'not every answer was 200' if grep { $_->{wrong} } @loads;
		my ($plain, $full, $empty, $floor, $by_hand) = map { $_->{us} } @loads;
		push @ratios, $full / $plain;
		push @map_ratios, $full / $empty;
		push @floor_ratios, $floor / $plain;
		push @usual_ratios, $full / $by_hand;
		push @proxy, $full;
		push @plain, $plain;
	}
	$bench->report('proxy_cpu_ratio', 'times', '%.2f', @ratios);
	$bench->report('proxy_map_ratio', 'times', '%.2f', @map_ratios);
	$bench->report('proxy_floor_ratio', 'times', '%.2f', @floor_ratios);
	$bench->report('proxy_usual_ratio', 'times', '%.2f', @usual_ratios);
	$bench->report('proxy_us', 'us', '%.2f', @proxy);
	$bench->report('plain_us', 'us', '%.2f', @plain);
};
