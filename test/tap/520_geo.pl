# Where clients are, on real servers: a database of addresses that is absent, made, replaced
# while a session uses it, garbage, truncated under its readers, and gone again; told once by
# whichever process sees it first. The map of countries reaches the sessions of a standby
# with the commit. Where health is known, a client is sent to the nearest region, and to the
# primary's if nothing is known of him.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Places;
use MultiRegion::Plain;

MultiRegion::Places::is_there() or plan skip_all => 'libmaxmind-db-writer-perl is not installed';

my $plain = MultiRegion::Plain->new(nodes => 2, name => 'geo');
$plain->start;
my ($primary, $standby) = $plain->nodes;
my $file = $primary->directory . '/places.mmdb';
my $copies = $primary->data . '/pg_stat_tmp';

sub wait_value
{
	my ($node, $sql, $expected, $what) = @_;
	return $plain->poll_until(sub { ($node->value($sql) // '-') eq $expected }, 20, $what);
}

sub warnings_in_log
{
	open(my $log, '<', $primary->log_file) or die;
	return scalar grep { /could not use the database of addresses/ } <$log>;
}

sub put
{
	my ($text) = @_;
	open(my $out, '>:raw', $file) or die "$file: $!";
	print $out $text;
	close $out or die;
	return;
}

sub copies { return grep { /\.mmdb$/ } glob("$copies/multiregion-*") }

my %berlin = (
	continent => { code => 'EU' }, country => { iso_code => 'DE' }, subdivisions => [ { iso_code => 'BE' } ],
	city => { names => { en => "Berlin" } },
	location => { latitude => 52.52, longitude => 13.4, time_zone => 'Europe/Berlin' });
my $country = q{SELECT (resolve_geo('{}', '203.0.113.5')).country};

# --- absent, then there -------------------------------------------------------------------

$primary->safe_psql("ALTER SYSTEM SET multiregion.mmdb_path = '$file'");
$primary->safe_psql('SELECT pg_reload_conf()');
wait_value($primary, 'SHOW multiregion.mmdb_path', $file, 'the setting');
is($primary->value($country), undef, 'an absent file is no error');
is(warnings_in_log(), 0, 'and no warning');

MultiRegion::Places::replace_file($file, '203.0.113.0/24' => \%berlin, '2001:db8::/32' => { country => { iso_code => 'JP' } },
	'198.51.100.0/24' => { registered_country => { iso_code => 'FR' } }, '192.0.2.0/24' => { city => { names => { en => 'Nowhere' } } });
wait_value($primary, $country, 'DE', 'the file to be found');
is($primary->safe_psql(q{SELECT * FROM resolve_geo('{}', '203.0.113.5')}),
	'DE|BE|EU|Berlin|52.52|13.4|Europe/Berlin|203.0.113.5|mmdb|t', 'all that it says');
is($primary->safe_psql(q{SELECT country, source, trusted FROM resolve_geo('{}', '2001:db8::7')}), 'JP|mmdb|t', 'an address of IPv6');
is($primary->value(q{SELECT (resolve_geo('{}', '198.51.100.1')).country}), 'FR', 'where it is registered, for want of better');
is($primary->safe_psql(q{SELECT country, city, source FROM resolve_geo('{}', '192.0.2.1')}), '||none', 'a city without country or place is no help');
is($primary->safe_psql(q{SELECT source FROM resolve_geo('{}', '8.8.8.8')}), 'none', 'an address that it does not have');
is($primary->safe_psql(q{SELECT source FROM resolve_geo('{"X-Forwarded-For": "203.0.113.5"}', '10.0.0.1')}), 'none',
	'nobody is placed by a header that is not trusted');
$primary->safe_psql($_) foreach q{SET multiregion.trusted_proxies = '10.0.0.0/8'}, q{SET multiregion.geo_providers = 'cloudflare'};
is($primary->safe_psql(q{SELECT country, source FROM resolve_geo('{"X-Forwarded-For": "203.0.113.5"}', '10.0.0.1')}), 'DE|mmdb',
	'but by one that is');
is($primary->safe_psql(q{SELECT country, source FROM resolve_geo('{"CF-IPCountry": "XX", "X-Forwarded-For": "203.0.113.5"}', '10.0.0.1')}),
	'DE|mmdb', 'and where the header does not know');
is($primary->safe_psql(q{SELECT country, source, trusted FROM resolve_geo('{"CF-IPCountry": "US"}', '203.0.113.5')}), 'DE|mmdb|t',
	'what a client writes himself counts for less than his address');

# --- replaced, spoiled, gone ---------------------------------------------------------------

# Half copies, of a process that was killed and of one that lives.
foreach my $pid (99999999, $$)
{
	open(my $half, '>', "$copies/multiregion-$pid.new") or die "$copies: $!";
}
MultiRegion::Places::replace_file($file, '203.0.113.0/24' => { country_code => 'US', city => 'Reno', latitude => 39.5, longitude => -119.8 });
wait_value($primary, $country, 'US', 'the new file in the same session');
is($primary->safe_psql(q{SELECT country, city, latitude FROM resolve_geo('{}', '203.0.113.5')}), 'US|Reno|39.5', 'in the flat form');
is(scalar copies(), 1, 'one copy is kept');
ok(!-e "$copies/multiregion-99999999.new", 'half a copy whose process is gone is not');
ok(-e "$copies/multiregion-$$.new", 'but another may be under way');

my @sessions = map { $primary->session } 1 .. 3;
put('rubbish' x 1000);
$plain->poll_until(sub { $primary->value($country); warnings_in_log() > 0 }, 20, 'the rubbish to be told');
is($primary->value($country), 'US', 'rubbish keeps what was there');
foreach my $session (@sessions, $primary->session)
{
	is($session->query($country)->{rows}[0][0], 'US', 'in a session that begins, too');
}
put('');
put("other rubbish");
$plain->poll_until(sub { $primary->value($country); warnings_in_log() > 1 }, 20, 'other rubbish to be told');
is(warnings_in_log(), 2, 'once for each');

# Whoever maps a file that shrinks dies of it: nobody may have mapped this one.
MultiRegion::Places::write_file($file, map({ ("203.0.$_.0/24" => { country => { iso_code => 'BR' }, city => { names => { en => "City $_ " x 10 } } }) } 0 .. 250));
wait_value($primary, $country, 'BR', 'the file written in place');
is($_->query($country)->{ready}, 1, 'a session reads it') foreach @sessions;
truncate($file, 10) or die;
is($primary->safe_psql(q{SELECT count((resolve_geo('{}', ('203.0.' || i || '.5')::inet)).city) FROM generate_series(0, 250) AS i}), 251,
	'a file that shrinks hurts nobody');
$plain->poll_until(sub { $primary->value($country); warnings_in_log() > 2 }, 20, 'the shrunk file to be told');
is($_->query($country)->{rows}[0][0], 'BR', 'and what was there stays') foreach @sessions;
truncate($file, 0) or die;
unlink $file;
wait_value($primary, $country, '-', 'the file to be gone');
cmp_ok(warnings_in_log(), '<=', 4, 'which is no error');
mkdir $file or die;
$plain->poll_until(sub { $primary->value($country); my $log = ''; open(my $in, '<', $primary->log_file); local $/; <$in> =~ /no regular file/ }, 20, 'a folder to be refused');
rmdir $file;

# --- on a standby ----------------------------------------------------------------------------

my $here = $standby->directory . '/places.mmdb';
MultiRegion::Places::replace_file($here, '203.0.113.0/24' => \%berlin);
# Two nodes that observe; of two only one has a vote.
$primary->safe_psql(sprintf q{SELECT add_region('%s', '%s')}, $_->region, lc($_->region) =~ tr/_/-/r) foreach $primary, $standby;
$primary->safe_psql(sprintf q{SELECT multiregion.init('%s', '%s', '%s', mode => 'observe')}, $primary->name, $primary->region, $primary->conninfo);
$plain->poll_until(sub { ($primary->lease_status // {})->{is_primary} eq 't' }, 20, 'the first observer');
$primary->safe_psql(sprintf q{SELECT add_node('%s', '%s', '%s')}, $standby->name, $standby->region, $standby->conninfo);
wait_value($standby, 'SELECT primary_region()', $primary->region, 'the standby to know the primary');

$standby->safe_psql("SET multiregion.mmdb_path = '$here'");
wait_value($standby, $country, 'DE', 'the file of the standby');
$primary->safe_psql(q{SELECT alter_region('US_EAST', latitude => 38.9, longitude => -77.4), alter_region('EU_WEST', latitude => 53.3, longitude => -6.3)});
wait_value($standby, q{SELECT nearest_region('203.0.113.5'::inet)}, 'EU_WEST', 'the places of the regions');
$primary->safe_psql(q{SELECT map_country('DE', 'US_EAST')});
wait_value($standby, q{SELECT nearest_region('203.0.113.5'::inet)}, 'US_EAST', 'the map on the standby, in the same session');
is($standby->query(q{SELECT map_country('DE', 'EU_WEST')})->{sqlstate}, '25006', 'which cannot change it');
$primary->safe_psql(q{SELECT unmap_country('DE')});
wait_value($standby, q{SELECT nearest_region('203.0.113.5'::inet)}, 'EU_WEST', 'the end of the map');

# Health and primary are known.
$standby->safe_psql($_) foreach q{SET multiregion.trusted_proxies = '10.0.0.0/8'}, q{SET multiregion.geo_providers = 'cloudflare'};
wait_value($standby, q{SELECT region_for_tenant('acme', '{"CF-IPCountry": "DE"}', '10.0.0.1')}, 'EU_WEST', 'the nearest region');
is($standby->value(q{SELECT region_for_tenant('acme', '{}', '203.0.113.5')}), 'EU_WEST', 'by address as well');
is($standby->value(q{SELECT region_for_tenant('acme', '{}', '10.0.0.1')}), 'US_EAST', 'the primary, for a client somewhere');
is($standby->value(q{SELECT region_for_tenant('acme', '{"CF-IPCountry": "DE"}', '8.8.8.8')}), 'US_EAST', 'and for one who says so himself');

done_testing();
