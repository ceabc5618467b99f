#!/usr/bin/perl
#
# Words that a person meets in a table, an answer or a log are in the manual that explains
# them: each word of the lists below (X-macros, MR_..._LIST) stands there in backquotes.
# "none" is never shown. A list that cannot be found has been renamed: then this rule has
# to learn its new name.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my %manual_of = (
	MR_REFUSAL_LIST => 'docs/errors.md',
	MR_HTTP_ERROR_LIST => 'docs/errors.md',
	MR_EVENT_LIST => 'docs/sql-api.md',
	MR_CAUSE_LIST => 'docs/sql-api.md',
	MR_ROLE_LIST => 'docs/sql-api.md',
	MR_HEALTH_LIST => 'docs/sql-api.md',
	MR_SERVING_LIST => 'docs/http-api.md',
	MR_OPERATION_LIST => 'docs/metrics.md',
	MR_JOIN_RULE_LIST => 'docs/configuration.md',
	MR_MODE_LIST => 'docs/configuration.md',
	MR_ROUTE_REASON_LIST => 'docs/routing.md',
	MR_NODE_REASON_LIST => 'docs/routing.md',
);

# A list of [word, line] of the entries of one list, comments apart.
sub words_of
{
	my ($text, $list) = @_;
	return if $text !~ /#define \Q$list\E\(X\)((?:[^\n]*\\\n)*[^\n]*)/;
	my ($body, $offset) = ($1, $-[1]);
	my @found;
	while ($body =~ /\bX\(\w+,[\s\\]*"([^"]+)"/g)
	{
		push(@found, [ $1, line_at($text, $offset + $-[1]) ]) if $1 ne 'none';
	}
	return @found;
}

sub check
{
	my ($tree, $report) = @_;
	for my $list (sort keys %manual_of)
	{
		my $manual = $manual_of{$list};
		my $found = 0;
		for my $path (grep { m{^src/} } sort keys %$tree)
		{
			for my $entry (words_of(blank_c($tree->{$path}), $list))
			{
				my ($word, $line) = @$entry;
				$found++;
				$report->($path, $line, "`$word` of $list is not in $manual")
				  if ($tree->{$manual} // '') !~ /`\Q$word\E`/;
			}
		}
		$report->('test/lint/words_documented.pl', 1, "$list is nowhere") if !$found;
	}
}

# A tree with every list, one of them as given.
sub tree_with
{
	my ($list, $text, $manual) = @_;
	my %tree = (
		'src/core/mr_all.h' => join('', map { "#define $_(X) X(MR_W, \"word\")\n\n" } grep { $_ ne $list } keys %manual_of),
		map { $_ => '`word`' } values %manual_of);
	return { %tree, 'src/core/mr_a.h' => $text, $manual_of{$list} => $manual };
}

lint(
	files => qr{^(?:src/.*\.h|docs/[\w-]+\.md)$},
	check => \&check,
	violations => [
		tree_with('MR_EVENT_LIST', "#define MR_EVENT_LIST(X) \\\n\tX(MR_A, \"a\", \"info\") \\\n\tX(MR_B, \"b\")\n", '`word` `a` b'),
		tree_with('MR_EVENT_LIST', "#define MR_EVENT_LIST(X) \\\n\tX(MR_A, \\\n\t  \"a\")\n", '`word` `ab`'),
		tree_with('MR_MODE_LIST', "#define MR_MODES(X) X(MR_A, \"a\")\n", '`word` `a`'),
	],
	clean => [
		tree_with('MR_EVENT_LIST', "#define MR_EVENT_LIST(X) \\\n\tX(MR_NO, \"none\") \\\n\tX(MR_B, \"b\", \"not me\")\n", '`word` `b`'),
	]);
