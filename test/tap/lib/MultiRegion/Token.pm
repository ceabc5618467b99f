# Tokens of commits (src/core/mr_replication_token.h) taken apart and put together, for tests
# that need one of a commit that does not exist.
package MultiRegion::Token;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(make_token token_parts);

sub _crc32c
{
	my ($text) = @_;
	my $crc = 0xffffffff;

	foreach my $byte (unpack 'C*', $text)
	{
		$crc ^= $byte;
		$crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
	}
	return $crc ^ 0xffffffff;
}

# system (text), term, timeline, lsn as a hash.
sub token_parts
{
	my ($token) = @_;
	my ($system, $term, $timeline, $lsn) =
		$token =~ /^mr1\.([0-9a-f]{16})\.([0-9a-f]+)\.([0-9a-f]+)\.([0-9a-f]+)\.[0-9a-f]{8}$/ or return;

	return (system => $system, term => hex $term, timeline => hex $timeline, lsn => hex $lsn);
}

# The token of such parts.
sub make_token
{
	my (%parts) = @_;
	my $text = sprintf 'mr1.%s.%x.%x.%x', @parts{qw(system term timeline lsn)};

	return sprintf '%s.%08x', $text, _crc32c($text);
}

1;
