# Where a client is.
#
#   resolve_geo              a call with the 20 headers of a request behind Cloudflare, all of
#                            whose location headers are there
#   resolve_geo_forwarded    the same behind one's own balancer in front of it, which adds an
#                            X-Forwarded-For and is known, as are Cloudflare's networks
#   client_address           a call with an X-Forwarded-For of three hops
#   mmdb_lookup              a look-up of an address in a database of 50,000 networks, without SQL
#                            around it (processor time; test/bench/lookup)
#   nearest_region_address   a call of nearest_region(inet)
#   nearest_region_country   a call of nearest_region(text)
#   region_for_client        a call of region_for_tenant() with the headers
use strict;
use warnings;

use MultiRegion::Places;

my @cloudflare = qw(173.245.48.0/20 103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 141.101.64.0/18 108.162.192.0/18
	190.93.240.0/20 188.114.96.0/20 197.234.240.0/22 198.41.128.0/17 162.158.0.0/15 104.16.0.0/13 104.24.0.0/14
	172.64.0.0/13 131.0.72.0/22 2400:cb00::/32 2606:4700::/32 2803:f800::/32 2405:b500::/32 2405:8100::/32
	2a06:98c0::/29 2c0f:f248::/32);

my %request = (
	'host' => 'app.example.com', 'accept' => '*/*', 'accept-encoding' => 'gzip, br', 'accept-language' => 'de,en;q=0.8',
	'cookie' => 'session=' . 'x' x 64, 'user-agent' => 'Mozilla/5.0 (X11; Linux x86_64)', 'referer' => 'https://app.example.com/',
	'cdn-loop' => 'cloudflare', 'cf-visitor' => '{"scheme":"https"}', 'x-forwarded-proto' => 'https', 'sec-fetch-mode' => 'cors',
	'cf-ray' => '230b030023ae2822-TXL', 'cf-connecting-ip' => '203.0.113.5', 'cf-ipcountry' => 'DE', 'cf-region-code' => 'BE',
	'cf-ipcity' => 'Berlin', 'cf-ipcontinent' => 'EU', 'cf-iplatitude' => '52.52', 'cf-iplongitude' => '13.40',
	'cf-timezone' => 'Europe/Berlin');

sub literal { my (%headers) = @_; return "'{" . join(', ', map { '"' . $_ . '": "' . ($headers{$_} =~ s/"/\\"/gr) . '"' } sort keys %headers) . "}'::jsonb" }

sub networks
{
	my %country_of = map { $_ => [qw(DE US JP BR FR GB IN ZA)]->[ $_ % 8 ] } 0 .. 49_999;
	return map { (sprintf('%d.%d.%d.0/24', 20 + ($_ >> 16), $_ >> 8 & 255, $_ & 255) => { country => { iso_code => $country_of{$_} } }) } 0 .. 49_999;
}

# Without a server around it: the program that looks addresses up prints a time a line.
sub look_ups
{
	my ($bench, $file) = @_;
	my $program = $ENV{MR_LOOKUP} or die 'MR_LOOKUP is not set';
	my @times = split(' ', qx{$program '$file' '@{[ $bench->primary->directory ]}' @{[ $bench->runs ]}});
	die "$program failed" if @times != $bench->runs;
	return @times;
}

sub {
	my ($bench) = @_;
	my $session = $bench->session($bench->primary);
	my $headers = literal(%request);
	my $forwarded = literal(%request, 'x-forwarded-for' => '203.0.113.5, 173.245.48.9');
	my $file = $bench->primary->directory . '/places.mmdb';
	my %calls = (
		resolve_geo => "resolve_geo($headers, '10.1.2.3')",
		client_address => q{client_address('{"x-forwarded-for": "6.6.6.6, 203.0.113.5, 10.0.0.7"}'::jsonb, '10.1.2.3')},
		nearest_region_country => q{nearest_region('DE')},
		region_for_client => "region_for_tenant(id, $headers, '10.1.2.3')");

	$session->query("SET multiregion.geo_providers = 'cloudflare'");
	$session->query("SET multiregion.trusted_proxies = '10.0.0.0/8'");
	foreach my $name (sort keys %calls)
	{
		# with an argument that is not constant, or it would be called once
		my $call = $calls{$name} =~ s/'10\.1\.2\.3'\)/CASE WHEN id IS NULL THEN '10.1.2.4' ELSE '10.1.2.3' END::inet)/r;
		$call =~ s/'DE'/CASE WHEN id IS NULL THEN 'FR' ELSE 'DE' END/;
		$bench->report($name, 'us', '%.3f', map { $bench->per_call($session, $call) } 1 .. $bench->runs);
	}
	$session->query("SET multiregion.trusted_proxies = '10.0.0.0/8 " . join(' ', map { "cloudflare=$_" } @cloudflare) . q{'});
	$bench->report('resolve_geo_forwarded', 'us', '%.3f', map { $bench->per_call($session,
		"resolve_geo($forwarded, CASE WHEN id IS NULL THEN '10.1.2.4' ELSE '10.1.2.3' END::inet)") } 1 .. $bench->runs);
	if (!MultiRegion::Places::is_there())
	{
		$bench->tell_progress('libmaxmind-db-writer-perl is not installed: no mmdb_lookup');
		return;
	}
	MultiRegion::Places::replace_file($file, networks());
	$session->query("SET multiregion.mmdb_path = '$file'");
	die 'the database is not read' if ($session->query(q{SELECT nearest_region('20.0.3.4'::inet)})->{rows}[0][0] // '') !~ /_/;
	$bench->report('mmdb_lookup', 'us', '%.3f', look_ups($bench, $file));
	$bench->report('nearest_region_address', 'us', '%.3f',
		map { $bench->per_call($session, q{nearest_region('20.0.0.0'::inet + length(id) * 997)}) } 1 .. $bench->runs);
	return;
};
