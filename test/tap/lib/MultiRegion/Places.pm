# Makes databases of addresses in MaxMind's format, with Debian's libmaxmind-db-writer-perl.
#
#   MultiRegion::Places::is_there() or plan skip_all => ...;
#   MultiRegion::Places::write_file($path, '192.0.2.0/24' => { country => { iso_code => 'DE' } }, ...);
#   MultiRegion::Places::replace_file($path, ...);     # the same, by rename
package MultiRegion::Places;

use strict;
use warnings;

my %type_of = (
	latitude => 'double', longitude => 'double', subdivisions => [ 'array', 'map' ],
	map({ $_ => 'map' } qw(city continent country registered_country location names)));

sub is_there { return eval { require MaxMind::DB::Writer::Tree; 1 } }

# What it is: a map where there is a hash, else text.
sub tree_of
{
	my (@networks) = @_;
	my $flat = !grep { ref $_ && grep { ref } values %$_ } @networks;
	my $tree = MaxMind::DB::Writer::Tree->new(
		ip_version => 6, record_size => 24, database_type => 'Test', languages => ['en'],
		description => { en => 'made by a test' }, alias_ipv6_to_ipv4 => 1,
		remove_reserved_networks => 0,
		map_key_type_callback => sub { return $flat && $_[0] eq 'city' ? 'utf8_string' : $type_of{ $_[0] } // 'utf8_string' });

	while (my ($network, $record) = splice(@networks, 0, 2))
	{
		$tree->insert_network($network, $record);
	}
	return $tree;
}

sub write_file
{
	my ($path, @networks) = @_;
	require MaxMind::DB::Writer::Tree;
	my $tree = tree_of(@networks);

	open(my $file, '>:raw', $path) or die "$path: $!";
	$tree->write_tree($file);
	close $file or die "$path: $!";
	return;
}

sub replace_file
{
	my ($path, @networks) = @_;

	write_file("$path.new", @networks);
	rename("$path.new", $path) or die "$path: $!";
	return;
}

1;
