#!/usr/bin/perl
#
# Every endpoint of the sidecar's route table is in docs/http-api.md as "METHOD /path",
# and nothing else is: what the manual promises in a heading or table, the table serves.
# Every error of mr_http_error.h is a row of docs/errors.md, with its status and its hint.
# Routes are read from initialisers {MR_METHOD_..., "/path", ...} in src/sidecar; if
# there is a table but none can be read, this rule needs to learn its new form.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my $manual = 'docs/http-api.md';
my $errors = 'docs/errors.md';

# The rows that the list of errors asks for.
sub check_errors
{
	my ($tree, $report) = @_;
	my $list = 'src/sidecar/mr_http_error.h';
	my $text = ($tree->{$list} // '') =~ s/\\\n/  /gr;
	my %rows = map { $_ => 1 } split /\n/, $tree->{$errors} // '';
	my $string = qr{(?:"(?:\\.|[^"\\])*"\s*)+};
	while ($text =~ m{\bX\(MR_ERROR_\w+,\s*($string),\s*(\d+),\s*$string,\s*($string)\)}g)
	{
		my ($code, $status, $hint, $offset) = ($1, $2, $3, $-[0]);
		$_ = join('', /"((?:\\.|[^"\\])*)"/g) =~ s/\\"/"/gr foreach $code, $hint;
		my $row = "| `$code` | $status | $hint |";
		$report->($list, line_at($text, $offset), "this row is not in $errors: $row") if !$rows{$row};
	}
}

sub check
{
	my ($tree, $report) = @_;
	my (%served, $table);
	check_errors($tree, $report);
	for my $path (grep { m{^src/} } sort keys %$tree)
	{
		my $text = blank_c($tree->{$path});
		$table = $path if $path =~ /\.c$/ && $text =~ /\bMrRoute\s+\w+\[\]\s*=/;
		while ($text =~ m{\{\s*MR_METHOD_(\w+),\s*"(/[^"]*)"}g)
		{
			$served{"$1 $2"} = [ $path, line_at($text, $-[0]) ];
		}
	}
	$report->($table, 1, 'no route of this table can be read') if $table && !%served;
	my $text = $tree->{$manual} // '';
	for my $route (sort keys %served)
	{
		$report->(@{ $served{$route} }, "\"$route\" is not in $manual")
		  if $text !~ m{(?<!\w)\Q$route\E(?![\w/:])};
	}
	# Headings and the first column of tables promise; examples and prose do not.
	while ($text =~ m{^(?:\#+|\|)\s*`?(GET|POST|PUT|PATCH|DELETE)\s+(/[\w/:.-]*)}mg)
	{
		my ($route, $offset) = ("$1 $2", $-[0]);
		$report->($manual, line_at($text, $offset), "\"$route\" is not served") if !$served{$route};
	}
}

my $code = "const MrRoute mr_routes[] = {\n\t{MR_METHOD_GET, \"/api/regions\", f, \"x\"},\n};\n";
my $list = qq{#define L(X) \\\n\tX(MR_ERROR_BUSY, "busy", 503, "too many wait", \\\n\t  "Try \\"again\\" " \\\n\t  "later.")\n};
lint(
	files => qr{^(?:src/sidecar/.*\.[ch]|docs/http-api\.md|docs/errors\.md)$},
	check => \&check,
	violations => [
		{ 'src/sidecar/a.c' => $code },
		{ 'src/sidecar/a.c' => $code, $manual => '## GET /api/regions/status' },
		{ 'src/sidecar/a.c' => $code, $manual => "`POST /api/regions`" },
		{ 'src/sidecar/a.c' => $code, $manual => "## GET /api/regions\n## `GET /api/gone`\n" },
		{ 'src/sidecar/a.c' => "const MrRoute mr_routes[] = {\n\t{.path = \"/api\"},\n};\n" },
		{ 'src/sidecar/mr_http_error.h' => $list, $errors => "| `busy` | 503 | Try later. |\n" },
		{ 'src/sidecar/mr_http_error.h' => $list },
	],
	clean => [
		{ 'src/sidecar/mr_http_error.h' => $list, $errors => "| `busy` | 503 | Try \"again\" later. |\n" },
		{ 'src/sidecar/a.c' => $code, $manual => "| `GET /api/regions` | all |\ntry GET /other\n" },
		{},
	]);
