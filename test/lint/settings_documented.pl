#!/usr/bin/perl
#
# Everything that can be set is in docs/configuration.md by its full name: the server's
# settings (DefineCustom...Variable in src/extension), the cluster's policies
# (MR_POLICY_LIST; in backquotes, as their names are plain words) and the environment variables of the programs, which are the string
# literals of src/sidecar and src/join written IN_CAPITALS. A setting nobody can find is
# as good as none.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my $manual = 'docs/configuration.md';

# A list of [name, line].
sub settings_in
{
	my ($path, $code) = @_;
	my $text = blank_c($code);
	my @found;
	my $collect = sub {
		my ($regex) = @_;
		push(@found, [ $1, line_at($text, $-[1]) ]) while $text =~ /$regex/g;
	};
	$collect->(qr/\b(?:DefineCustom\w+Variable|define_\w+)\(\s*"([^"]+)"/) if $path =~ m{^src/extension/};
	$collect->(qr/"([A-Z][A-Z0-9]*(?:_[A-Z0-9]*)+)"/) if $path =~ m{^src/(?:sidecar|join)/};
	if ($path =~ m{^src/core/.*\.h$} && $text =~ /#define MR_POLICY_LIST\(X\)((?:[^\n]*\\\n)*[^\n]*)/)
	{
		my ($list, $offset) = ($1, $-[1]);
		push(@found, [ "`$1`", line_at($text, $offset + $-[1]) ]) while $list =~ /\bX\("([^"]+)"/g;
	}
	return @found;
}

sub check
{
	my ($tree, $report) = @_;
	my $text = $tree->{$manual} // '';
	for my $path (grep { m{^src/} } sort keys %$tree)
	{
		for my $setting (settings_in($path, $tree->{$path}))
		{
			my ($name, $line) = @$setting;
			# A name that ends in "_" is a prefix: DATABASE_URL_<REGION>.
			next if $name =~ /_$/ ? $text =~ /\b\Q$name\E/ : $text =~ /(?<![\w.])\Q$name\E(?![\w.]*\w)/;
			$report->($path, $line, "$name is not in $manual");
		}
	}
}

lint(
	files => qr{^(?:src/(?:extension|sidecar|join|core)/.*\.[ch]|docs/configuration\.md)$},
	check => \&check,
	violations => [
		{ 'src/extension/a.c' => "DefineCustomIntVariable(\n\t\"multiregion.x\", ..." },
		{ 'src/extension/a.c' => 'DefineCustomIntVariable("multiregion.x",', $manual => '`multiregion.xy`' },
		{ 'src/sidecar/a.c' => 'get("MULTIREGION_X")', $manual => 'MULTIREGION_XY' },
		{ 'src/sidecar/a.c' => '{"DATABASE_URL_"}', $manual => 'DATABASE' },
		{ 'src/core/mr_a.h' => "#define MR_POLICY_LIST(X) \\\n\tX(\"lease\", 1) \\\n\tX(\"lag\", 2)\n", $manual => '`lag` and lease' },
	],
	clean => [
		{ 'src/extension/a.c' => 'DefineCustomIntVariable("multiregion.x",', $manual => '| `multiregion.x` |' },
		{ 'src/sidecar/a.c' => '/* "MULTIREGION_X" */ get("text")' },
		{ 'src/sidecar/a.c' => '{"DATABASE_URL_"}', $manual => 'DATABASE_URL_<REGION>' },
	]);
