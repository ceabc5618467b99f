#!/usr/bin/perl
#
# Every test file is run by some target: it stands in a folder that the runner knows,
# under a name that the runner looks for, and is executable where it is executed. A test
# that nobody runs is worse than none. Each sql/NAME.sql has its expected/NAME.out and
# each isolation spec its own, and none is left over; each unit test file has tests; each
# model is named in test/model/run.sh.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

# Folder => what its files are called. Anything else below test/ is not run by anybody.
my @places = (
	qr{^test/unit/\w+\.[ch]$},
	qr{^test/simulation/(?:mutants\.pl|\w+\.[ch])$},
	qr{^test/fuzz/(?:run\.sh|\w+\.[ch])$},
	qr{^test/bench/(?:lookup/)?\w+\.[ch]$},
	qr{^test/bench/(?:\w+/)*\w+\.p[lm]$},
	qr{^test/chaos/\w+\.pl$},
	qr{^test/link/\w+\.[ch]$},
	qr{^test/clients/(?:load\.(?:mjs|py)|Load\.java)$},
	qr{^test/load/\w+\.(?:[ch]|pl)$},
	qr{^test/lint/\w+\.(?:pl|sh)$},
	qr{^test/lint/lib/\w+\.pm$},
	qr{^test/model/(?:run\.sh|README\.md|\w+\.pml)$},
	qr{^test/tap/\w+\.pl$},
	qr{^test/tap/lib/(?:\w+/)*\w+\.pm$},
	qr{^test/sidecar/\w+\.pl$},
	qr{^test/sidecar/application\.py$}, # started by MultiRegion::Edges
	qr{^test/sidecar/lib/(?:\w+/)*\w+\.pm$},
	qr{^test/isolation/specs/\w+\.spec$},
	qr{^test/isolation/expected/\w+\.out$},
	qr{^test/tools/[\w.]+$},
	qr{^test/upgrade/multiregion--[\w.]+\.sql$},
	qr{^sql/\w+\.sql$},
	qr{^sql/install/\w+\.sql$},
	qr{^sql/upgrade/multiregion--[\w.]+--[\w.]+\.sql$},
	qr{^expected/\w+(?:_\d)?\.out$},
);

# Source and output come in pairs; an output NAME_1.out is an alternative of NAME.out.
sub check_pairs
{
	my ($tree, $report, $source, $ending, $output) = @_;
	for my $path (sort keys %$tree)
	{
		if ($path =~ m{^\Q$source\E/(\w+)\.$ending$} && !exists $tree->{"$output/$1.out"})
		{
			$report->($path, 1, "there is no $output/$1.out");
		}
		if ($path =~ m{^\Q$output\E/(\w+?)(?:_\d)?\.out$} && !exists $tree->{"$source/$1.$ending"}
			&& !exists $tree->{ "$source/" . ($path =~ m{/(\w+)\.out$})[0] . ".$ending" })
		{
			$report->($path, 1, "there is no $source/$1.$ending");
		}
	}
}

sub check
{
	my ($tree, $report) = @_;
	check_pairs($tree, $report, 'sql', 'sql', 'expected');
	check_pairs($tree, $report, 'test/isolation/specs', 'spec', 'test/isolation/expected');
	for my $path (sort keys %$tree)
	{
		my $text = $tree->{$path};
		$report->($path, 1, 'no target runs a file of this name in this folder')
		  if !grep { $path =~ $_ } @places;
		my $has_tests = $text =~ /^MR_TEST\(/m;
		$report->($path, 1, 'a unit test file has tests, and only they do')
		  if $path =~ m{^test/unit/(test_)?\w+\.c$} && !!$1 != !!$has_tests;
		$report->($path, 1, 'a model that test/model/run.sh does not name')
		  if $path =~ m{/(\w+)\.pml$} && ($tree->{'test/model/run.sh'} // '') !~ /\b\Q$1\E\b/;
		$report->($path, 1, 'it must be executable')
		  if $path =~ m{^test/(?:lint|model|tools|simulation)/\w+\.(?:sh|pl)$} && -e $path && !-x $path;
	}
}

lint(
	files => qr{^(?:test|sql|expected)/},
	check => \&check,
	violations => [
		{ 'sql/a.sql' => '' },
		{ 'expected/a.out' => '' },
		{ 'test/isolation/specs/a.spec' => '' },
		{ 'test/unit/lease.c' => "MR_TEST(x)\n{\n}\n" },
		{ 'test/unit/test_lease.c' => "int main(void);\n" },
		{ 'test/tap/t/001_a.pl' => '' },
		{ 'test/tap/001_a.t' => '' },
		{ 'test/model/a.pml' => '', 'test/model/run.sh' => "check b\n" },
		{ 'test/chaos/a.sh' => '' },
	],
	clean => [
		{ 'sql/a.sql' => '', 'expected/a.out' => '', 'expected/a_1.out' => '' },
		{ 'sql/a_1.sql' => '', 'expected/a_1.out' => '' },
		{ 'test/unit/test_lease.c' => "MR_TEST(x)\n{\n}\n", 'test/unit/mr_help.c' => '' },
		{ 'test/model/a.pml' => '', 'test/model/run.sh' => "check a\n" },
		{ 'test/tap/001_a.pl' => '', 'test/tap/lib/A/B.pm' => '' },
	]);
