#!/usr/bin/perl
#
# Layers, told by #include. core <- adapters <- {extension, sidecar, join}: core sees
# only itself and the C library's headers that neither allocate, read a clock nor do I/O
# (stdio.h is for snprintf; symbols.pl proves it); adapters see core
# and foreign libraries but never PostgreSQL's server; the three on top never see each
# other. Own headers are named mr_*.h and included by their path below src/. postgres.h
# comes first wherever it comes, and only in src/extension; jansson.h only in
# adapters/json.c, because its json_object() collides with the server's. Without this,
# the core could not be run by the simulator or the unit tests.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my %may_use = (
	core => [qw(core)],
	adapters => [qw(core adapters)],
	extension => [qw(core adapters extension)],
	sidecar => [qw(core adapters sidecar)],
	join => [qw(core adapters join)],
	ctl => [qw(core adapters ctl)],
);
my %core_may = map { $_ => 1 } qw(float.h inttypes.h limits.h math.h stdbool.h stddef.h stdint.h
  stdio.h string.h);
my $server_only = qr{^(?:postgres(?:_fe)?\.h|fmgr\.h|miscadmin\.h|pgstat\.h|funcapi\.h|varatt\.h|
	(?:access|archive|catalog|commands|common|datatype|executor|lib|libpq|mb|nodes|optimizer|parser|port|
	postmaster|replication|rewrite|storage|tcop|utils)/.*)$}x;

sub check_include
{
	my ($path, $layer, $name, $quoted) = @_;
	my $base = $path =~ s{.*/}{}r;
	if ($quoted && $name =~ m{^(core|adapters|extension|sidecar|join|ctl)/})
	{
		my $target = $1;
		return "$layer must not include $target" if !grep { $_ eq $target } @{ $may_use{$layer} };
		return "own headers are named mr_*.h" if $name !~ m{/(?:mr_\w+|pg_compat)\.h$};
		return;
	}
	return "own headers are included by path from src/" if $quoted && $layer ne 'extension';
	return "\"$name\" is not a header of the server" if $quoted && $name !~ $server_only;
	return "only src/extension includes the server's headers"
	  if $layer ne 'extension' && $name =~ $server_only;
	return "only adapters/json.c includes jansson.h"
	  if $name eq 'jansson.h' && $path ne 'src/adapters/json.c';
	return if $layer ne 'core' || $core_may{$name};
	return if $name eq 'assert.h' && $base eq 'mr_assert.h';
	return "core must not include <$name>";
}

sub check
{
	my ($tree, $report) = @_;
	for my $path (sort keys %$tree)
	{
		my ($layer) = $path =~ m{^src/(\w+)/};
		my $first = 1;
		if (!$layer || !$may_use{$layer})
		{
			$report->($path, 1, 'a file in src/ belongs to a layer');
			next;
		}
		$report->($path, 1, 'own headers are named mr_*.h')
		  if $path =~ /\.h$/ && $path !~ m{/(?:mr_\w+|pg_compat)\.h$};
		my $text = blank_c($tree->{$path});
		while ($text =~ /^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]/mg)
		{
			my ($quote, $name, $line) = ($1, $2, line_at($text, $-[0]));
			my $wrong = check_include($path, $layer, $name, $quote eq '"');
			$report->($path, $line, $wrong) if $wrong;
			$report->($path, $line, 'postgres.h comes first') if $name eq 'postgres.h' && !$first;
			$first = 0;
		}
	}
}

lint(
	files => qr{^src/.*\.[ch]$},
	check => \&check,
	violations => [
		{ 'src/core/a.c' => "#include <time.h>\n" },
		{ 'src/core/a.c' => "#include \"adapters/mr_x.h\"\n" },
		{ 'src/core/a.c' => "#include \"postgres.h\"\n" },
		{ 'src/core/a.c' => "#include \"mr_x.h\"\n" },
		{ 'src/core/x.h' => "\n" },
		{ 'src/adapters/a.c' => "#include \"postgres.h\"\n" },
		{ 'src/adapters/a.c' => "#include \"extension/mr_x.h\"\n" },
		{ 'src/adapters/a.c' => "# include <jansson.h>\n" },
		{ 'src/sidecar/a.c' => "#include \"join/mr_x.h\"\n" },
		{ 'src/extension/a.c' => "#include <stdio.h>\n#include \"postgres.h\"\n" },
		{ 'src/extension/a.c' => "#include \"mr_fence.h\"\n" },
		{ 'src/helpers.c' => "\n" },
	],
	clean => [
		{ 'src/core/a.c' => "/* #include <time.h> */\n#include \"core/mr_x.h\"\n#include <math.h>\n" },
		{ 'src/core/mr_assert.h' => "#include <assert.h>\n" },
		{ 'src/adapters/json.c' => "#include <jansson.h>\n#include \"core/mr_x.h\"\n" },
		{ 'src/extension/a.c' => "#include \"postgres.h\"\n#include \"utils/guc.h\"\n#include <poll.h>\n" },
	]);
