# What a hot GET costs, beside nginx answering with a constant of the same length.
#
#   hot_cpu_ratio     the same bytes again and again, as health checks send them
#   parsed_cpu_ratio  a header that makes multiregiond parse each request
#   hot_us, nginx_us  processor's time an answer
use strict;
use warnings;

sub
{
	my ($bench) = @_;
	my (%us, @hot, @parsed);

	foreach (1 .. $bench->runs)
	{
		my $nginx = $bench->load($bench->nginx, '/')->{us};
		my $hot = $bench->load($bench->sidecar, '/api/health');
		my $parsed = $bench->load($bench->sidecar, '/api/health', headers => ['X-Request-Id: bench']);
		die 'not every answer was 200' if $hot->{wrong} || $parsed->{wrong};
		push @hot, $hot->{us} / $nginx;
		push @parsed, $parsed->{us} / $nginx;
		push @{ $us{nginx_us} }, $nginx;
		push @{ $us{hot_us} }, $hot->{us};
	}
	$bench->report('hot_cpu_ratio', 'times', '%.2f', @hot);
	$bench->report('parsed_cpu_ratio', 'times', '%.2f', @parsed);
	$bench->report($_, 'us', '%.2f', @{ $us{$_} }) foreach sort keys %us;
};
