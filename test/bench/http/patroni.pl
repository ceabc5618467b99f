# How many health checks a second are answered, beside Debian's Patroni.
#
#   patroni_throughput_ratio   /api/health of multiregiond to /health of Patroni's REST API
#   patroni_per_second         Patroni's
use strict;
use warnings;

sub
{
	my ($bench) = @_;
	my (@ratios, @patroni);

	foreach (1 .. $bench->runs)
	{
		my $patroni = $bench->load($bench->patroni, '/health', connections => 16)->{per_second};
		my $ours = $bench->load($bench->sidecar, '/api/health', connections => 16)->{per_second};
		push @ratios, $ours / $patroni;
		push @patroni, $patroni;
	}
	$bench->report('patroni_throughput_ratio', 'times', '%.0f', @ratios);
	$bench->report('patroni_per_second', 'requests', '%.0f', @patroni);
};
