# How long a hot GET takes with 256 connections.
#
#   p99_ms            each connection waits 25 ms between requests: some 10,000 a second
#   p99_nginx_ms      the same, of nginx with a constant: what the machine allows
#   p99_saturated_ms  none waits: as many requests as the processor can answer
#   saturated_per_second
use strict;
use warnings;

sub
{
	my ($bench) = @_;
	my (@paced, @nginx, @saturated, @rate);
	my $pace = "function delay() return 25 end\n";

	foreach (1 .. $bench->runs)
	{
		push @paced, $bench->load($bench->sidecar, '/api/health', connections => 256, script => $pace)->{p99_ms};
		push @nginx, $bench->load($bench->nginx, '/', connections => 256, script => $pace)->{p99_ms};
		my $load = $bench->load($bench->sidecar, '/api/health', connections => 256);
		push @saturated, $load->{p99_ms};
		push @rate, $load->{per_second};
	}
	$bench->report('p99_ms', 'ms', '%.2f', @paced);
	$bench->report('p99_nginx_ms', 'ms', '%.2f', @nginx);
	$bench->report('p99_saturated_ms', 'ms', '%.2f', @saturated);
	$bench->report('saturated_per_second', 'requests', '%.0f', @rate);
};
