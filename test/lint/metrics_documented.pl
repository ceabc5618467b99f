#!/usr/bin/perl
#
# The list of metrics (src/sidecar/mr_metric_list.h and mr_metric_cluster_list.h, and Patroni's names in
# mr_patroni_metric_list.h) and docs/metrics.md say the same, row by row; and what the list
# says of a metric is as Prometheus wants it: a counter ends with _total, a unit with the unit
# (before _total), no help is empty, no name comes twice, and no label is a tenant. A sample of
# the watcher's SQL (mr_sample_sql.h) has a name of one of the lists.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my ($list, $cluster, $patroni, $sql, $manual) =
  ('src/sidecar/mr_metric_list.h', 'src/sidecar/mr_metric_cluster_list.h', 'src/sidecar/mr_patroni_metric_list.h', 'src/sidecar/mr_sample_sql.h', 'docs/metrics.md');
my $text_of = qr/((?:"[^"]*"[\s\\]*)+)/;
my $gap = qr/,[\s\\]*/;

sub joined { return $_[0] =~ s/"[\s\\]*"//gr =~ s/^"|"[\s\\]*$//gr }

# Hashes of the entries of the list.
sub metrics_of
{
	my ($tree, $path) = @_;
	my ($text, @metrics) = ($tree->{$path} // '');
	while ($text =~ /\bX\((\w+)$gap"(\w+)"$gap(\w+)$gap(\w+)$gap"([\w,]*)"$gap"(\w*)"$gap$text_of\)/g)
	{
		push(@metrics, { path => $path, name => $2, type => lc $3, when => lc $4, labels => $5, unit => $6, help => joined($7),
			line => line_at($text, $-[0]) });
	}
	return @metrics;
}

sub patroni_of
{
	my ($text) = @_;
	my @metrics;
	while ($text =~ /\bX\(\w+$gap"(\w+)"$gap(\w+)$gap$text_of\)/g)
	{
		push(@metrics, { name => $1, type => lc $2, help => joined($3), line => line_at($text, $-[0]) });
	}
	return @metrics;
}

sub row_of
{
	my ($metric) = @_;
	return "| `$metric->{name}` | $metric->{type} | $metric->{help} |" if !defined $metric->{when};
	my $labels = join(' ', map { "`$_`" } split /,/, $metric->{labels});
	return "| `$metric->{name}` | $metric->{type} | $metric->{when} | $labels | $metric->{help} |";
}

sub check_form
{
	my ($metric, $tell) = @_;
	my ($name, $unit) = @$metric{qw(name unit)};
	my $counts = $metric->{type} eq 'counter';

	$tell->("the counter $name does not end with _total") if $counts != ($name =~ /_total$/ ? 1 : 0);
	$tell->("$name does not end with its unit $unit") if $unit ne '' && $name !~ /_\Q$unit\E(?:_total)?$/;
	$tell->("$name has no unit in the list") if $unit eq '' && $name =~ /_(?:seconds|bytes)(?:_total)?$/;
	$tell->("the help of $name is no sentence") if $metric->{help} !~ /^\S.*\.$/;
	$tell->("$name would have a series for each tenant") if $metric->{labels} =~ /tenant/;
	return;
}

sub check
{
	my ($tree, $report) = @_;
	my @metrics = map { metrics_of($tree, $_) } $list, $cluster;
	my (%line, %rows);

	$report->($list, 1, 'there is no list of metrics, or part of it cannot be read') if !@metrics;
	foreach my $metric (@metrics)
	{
		check_form($metric, sub { $report->($metric->{path}, $metric->{line}, $_[0]) });
		$report->($metric->{path}, $metric->{line}, "$metric->{name} stands there twice") if $line{ $metric->{name} }++;
		$rows{ row_of($metric) } = [ $metric->{path}, $metric ];
	}
	foreach my $metric (patroni_of($tree->{$patroni} // ''))
	{
		$line{ $metric->{name} }++;
		$rows{ row_of($metric) } = [ $patroni, $metric ];
	}
	my %documented = map { $_ => 1 } ($tree->{$manual} // '') =~ /^(\| `(?:multiregion|process|patroni)_.*)$/mg;
	foreach my $row (sort keys %rows)
	{
		$report->($rows{$row}[0], $rows{$row}[1]{line}, "$manual has no row\n  $row") if !delete $documented{$row};
	}
	$report->($manual, 1, "there is no such metric: $_") foreach sort keys %documented;
	my $text = $tree->{$sql} // '';
	while ($text =~ /'((?:multiregion|patroni)_\w+)'/g)
	{
		$report->($sql, line_at($text, $-[0]), "no list has the metric $1") if !$line{$1};
	}
	return;
}

# A tree without violations, but for what is given.
sub tree_with
{
	my (%changes) = @_;
	return { $list => "X(A, \"multiregion_a_seconds\", GAUGE, FRESH, \"region,node\", \\\n\t  \"seconds\", \"What it \" \\\n\t  \"is.\") \\\n",
		$cluster => "\tX(B, \"multiregion_b_total\", COUNTER, KEPT, \"\", \"\", \"How many.\")\n",
		$patroni => "X(C, \"patroni_c\", GAUGE, \"One.\")\n", $sql => "'multiregion_b_total' 'patroni_c'",
		$manual => "| `multiregion_a_seconds` | gauge | fresh | `region` `node` | What it is. |\n"
		  . "| `multiregion_b_total` | counter | kept |  | How many. |\n| `patroni_c` | gauge | One. |\n",
		%changes };
}

my %whole = %{ tree_with() };

lint(
	files => qr{^(?:\Q$list\E|\Q$cluster\E|\Q$patroni\E|\Q$sql\E|\Q$manual\E)$},
	check => \&check,
	violations => [
		tree_with($list => 'nothing'),
		tree_with($cluster => 'nothing'),
		tree_with($cluster => $whole{$cluster} =~ s/_total/_count/r, $manual => $whole{$manual} =~ s/_total/_count/r),
		tree_with($list => $whole{$list} =~ s/_a_seconds/_a/r, $manual => $whole{$manual} =~ s/_a_seconds/_a/r),
		tree_with($list => $whole{$list} =~ s/  "seconds"/  ""/r),
		tree_with($cluster => $whole{$cluster} =~ s/How many\././r, $manual => $whole{$manual} =~ s/How many\././r),
		tree_with($list => $whole{$list} =~ s/region,node/tenant/r, $manual => $whole{$manual} =~ s/`region` `node`/`tenant`/r),
		tree_with($list => $whole{$list} . $whole{$list}),
		tree_with($list => $whole{$list} . $whole{$cluster}),
		tree_with($manual => $whole{$manual} =~ s/fresh/kept/r),
		tree_with($manual => $whole{$manual} =~ s/How many/How much/r),
		tree_with($manual => $whole{$manual} =~ s/\| One/| Two/r),
		tree_with($manual => $whole{$manual} . "| `multiregion_old` | gauge | kept |  | It was. |\n"),
		tree_with($sql => "'multiregion_c_total'"),
	],
	clean => [ tree_with() ]);
