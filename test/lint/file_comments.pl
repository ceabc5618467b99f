#!/usr/bin/perl
#
# Each C file opens with a comment of at most 40 lines that says what it does, and each
# prototype in a header stands below a comment that is its contract (one comment may
# serve the prototypes that follow it without a blank line between).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my $opening_max = 40;

sub check_prototypes
{
	my ($path, $text, $report) = @_;
	# A paragraph is what stands between blank lines.
	my $offset = 0;
	for my $paragraph (split(/(\n(?:[ \t]*\n)+)/, $text))
	{
		my $code = blank_c($paragraph);
		$report->($path, line_at($text, $offset), 'a prototype without a contract')
		  if $code =~ /^(?:extern\b|\w[\w \t\*]*\b\w+\s*\()[^;{]*\)[^;{]*;/m && $code !~ /^typedef/
		  && $paragraph !~ m{/\*};
		$offset += length($paragraph);
	}
}

sub check
{
	my ($tree, $report) = @_;
	for my $path (sort keys %$tree)
	{
		my $text = $tree->{$path};
		if ($text !~ m{\A(/\*.*?\*/)}s)
		{
			$report->($path, 1, 'the file does not open with what it does');
			next;
		}
		my $lines = 1 + ($1 =~ tr/\n//);
		$report->($path, 1, "the opening comment has $lines lines, more than $opening_max")
		  if $lines > $opening_max;
		check_prototypes($path, $text, $report) if $path =~ /\.h$/;
	}
}

my $opening = "/* What it does. */\n";
lint(
	files => qr{^(?:src|test)/.*\.[ch]$},
	check => \&check,
	violations => [
		{ 'src/a.c' => "#include <stdio.h>\n" },
		{ 'src/a.c' => "/*\n" . " * line\n" x 40 . " */\n" },
		{ 'src/mr_a.h' => "$opening\nextern int mr_a_do(int a,\n\tint b);\n" },
		{ 'src/mr_a.h' => "$opening\n/* A contract. */\n\nextern int mr_a_do(int a);\n" },
	],
	clean => [
		{ 'src/a.c' => "/*\n" . " * line\n" x 38 . " */\n" },
		{ 'src/mr_a.h' => "$opening\n/* A contract. */\nextern int mr_a_do(int a);\nextern int mr_b(void);\n" },
		{ 'src/mr_a.h' => "$opening\ntypedef void (*MrHandler)(int a);\n" },
	]);
