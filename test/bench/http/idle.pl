# Memory of multiregiond with a thousand connections that have had an answer and are kept.
#
#   idle_rss  resident memory, code of shared libraries included
use strict;
use warnings;

use MultiRegion::Http;

sub
{
	my ($bench) = @_;
	my $server = $bench->sidecar;
	my @kept;

	foreach (1 .. 990)
	{
		my $http = MultiRegion::Http->connect($server->{port}) or die "connection $_: $!";
		die "no answer to connection $_" unless $http->request('GET', '/api/regions/status');
		push @kept, $http;
	}
	open(my $file, '<', "/proc/$server->{pids}[0]/status") or die "status: $!";
	my ($kib) = map { /^VmRSS:\s+(\d+) kB/ ? $1 : () } <$file>;
	$bench->report('idle_rss', 'MiB', '%.1f', $kib / 1024);
};
