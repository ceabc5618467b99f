# Where a client is.
#
#   resolve_geo              a call with the 20 headers of a request behind Cloudflare, all of
#                            whose location headers are there
#   resolve_geo_forwarded    the same behind one's own balancer in front of it, which adds an
#                            X-Forwarded-For and is known, as are Cloudflare's networks
#   client_address           a call with an X-Forwarded-For of three hops
#   mmdb_lookup              a look-up of an address in a database of 50,000 networks: what
#                            nearest_region(inet) costs more with it than for an address that
#                            has no family in the database
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

sub literal { my (%headers) = @_; return q{'} . '{' . join(', ', map { '"' . $_ . '": "' . ($headers{$_} =~ s/"/\\"/gr) . '"' } sort keys %headers) . q{}'::jsonb} }

sub networks
{
	my %country_of = map { $_ => [qw(DE US JP BR FR GB IN ZA)]->[ $_ % 8 ] } 0 .. 49_999;
	return map { (sprintf('%d.%d.%d.0/24', 20 + ($_ >> 16), $_ >> 8 & 255, $_ & 255) => { country => { iso_code => $country_of{$_} } }) } 0 .. 49_999;
}

# An address of its own for each call, out of a table: making them costs more than what is measured.
sub address_table
{
	my ($bench) = @_;
	$bench->primary->safe_psql('CREATE TABLE IF NOT EXISTS addresses AS
		SELECT (20 || \'.\' || (i >> 8 & 255) || \'.\' || (i & 255) || \'.\' || i % 254 + 1)::inet AS a
		FROM (SELECT (n * 7919::bigint % 50000)::int AS i FROM generate_series(1, 300000) AS n) AS s', timeout => 60);
	$bench->primary->safe_psql('VACUUM ANALYZE addresses', timeout => 60);
	return;
}

sub per_address
{
	my ($bench, $session, $expression) = @_;
	return $bench->seconds($session, "SELECT count($expression) FROM addresses") / 300_000 * 1e6;
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
	address_table($bench);
	die 'the database is not read' if $session->query(q{SELECT nearest_region('20.1.2.3'::inet)})->{rows}[0][0] !~ /_/;
	my (@call, @look_up);
	foreach (1 .. $bench->runs)
	{
		# 250.0.0.0 leaves the tree at once
		my $with = per_address($bench, $session, q{(resolve_geo('{}', a)).country});
		my $without = per_address($bench, $session, q{(resolve_geo('{}', '250.0.0.0'::inet + (a - '0.0.0.0'::inet) % 2)).source});
		push @look_up, $with - $without;
		push @call, per_address($bench, $session, 'nearest_region(a)');
	}
	$bench->report('nearest_region_address', 'us', '%.3f', @call);
	return;
};
