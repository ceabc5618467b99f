#!/usr/bin/perl
#
# Sizes of C: a function has at most 70 lines (from its return type to its closing brace),
# a .c file 500, a header 150, a line 100 columns with tabs of 4. What does not fit does
# more than one thing. There are no exemptions, generated files are not checked in.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my ($function_max, $source_max, $header_max, $line_max) = (70, 500, 150, 100);

# Functions of a file: [first line, last line, name]. The house style makes this easy: a
# function's braces stand in column 0, and nothing else's with a parenthesis before them.
sub functions_of
{
	my ($text) = @_;
	my @lines = split(/\n/, blank_c_text($text));
	my @found;
	for (my $at = 0; $at < @lines; $at++)
	{
		next if $lines[$at] !~ /^\{/;
		my $first = $at;
		$first-- while $first > 0 && $lines[ $first - 1 ] =~ /\S/ && $lines[ $first - 1 ] !~ /^#|[;}]\s*$/;
		my $head = join(' ', @lines[ $first .. $at ]);
		next if $head !~ /(\w+)\s*\(/ || $head =~ /\b(?:struct|union|enum)\s+\w*\s*\{/;
		my $name = $1;
		my $last = $at;
		$last++ while $last < $#lines && $lines[$last] !~ /^\}/;
		push(@found, [ $first + 1, $last + 1, $name ]);
		$at = $last;
	}
	return @found;
}

sub width_of
{
	my ($line) = @_;
	1 while $line =~ s/^([^\t]*)\t/$1 . ' ' x (4 - length($1) % 4)/e;
	utf8::decode($line);
	return length($line);
}

sub check
{
	my ($tree, $report) = @_;
	for my $path (sort keys %$tree)
	{
		my @lines = ($tree->{$path} =~ /([^\n]*)\n/g);
		my $max = $path =~ /\.h$/ ? $header_max : $source_max;
		$report->($path, scalar(@lines), "the file has more than $max lines") if @lines > $max;
		for my $number (1 .. @lines)
		{
			my $width = width_of($lines[ $number - 1 ]);
			$report->($path, $number, "the line has $width columns, more than $line_max") if $width > $line_max;
		}
		for my $function (functions_of($tree->{$path}))
		{
			my ($first, $last, $name) = @$function;
			my $length = $last - $first + 1;
			$report->($path, $first, "function $name has $length lines, more than $function_max")
			  if $length > $function_max;
		}
	}
}

sub function_with
{
	my ($body_lines) = @_;
	return "static int\nf(int a,\n  int b)\n{\n" . "\ta++; /* } */\n" x $body_lines . "}\n";
}

lint(
	files => qr{^(?:src|test)/.*\.[ch]$},
	check => \&check,
	violations => [
		{ 'src/a.c' => function_with(66) },
		{ 'src/a.c' => "int x;\n\n" . function_with(3) . "\n" . function_with(66) },
		{ 'src/a.c' => "struct s\n{\n\tint (*f)(void);\n};\n" . function_with(66) },
		{ 'src/a.c' => "MR_TEST(x)\n{\n" . "\ta();\n" x 68 . "}\n" },
		{ 'src/a.c' => "void f(void)\n{\n" . "\ta(\"\\n}\");\n" x 68 . "}\n" },
		{ 'src/a.c' => "\n" x 501 },
		{ 'src/mr_a.h' => "\n" x 151 },
		{ 'src/a.c' => 'x' x 101 . "\n" },
		{ 'src/a.c' => "\t" . 'x' x 97 . "\n" },
	],
	clean => [
		{ 'src/a.c' => function_with(65) },
		{ 'src/a.c' => function_with(40) . "\n" . function_with(40) },
		{ 'src/a.c' => "static const struct x table[] =\n{\n" . "\t{1},\n" x 100 . "};\n" },
		{ 'src/a.c' => "\n" x 500, 'src/mr_a.h' => "\n" x 150 },
		{ 'src/a.c' => "\t" . 'x' x 96 . "\n" . "\x{c3}\x{a9}" x 100 . "\n" },
	]);
