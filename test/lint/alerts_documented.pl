#!/usr/bin/perl
#
# The list of alerts (MR_ALERT_LIST in src/core/mr_alerts.h), the manual and the runbook say
# the same: docs/sql-api.md has a row for each, with its severity, what it is about, its unit,
# its policy, and its sentence as a link to the entry of the runbook, which has cause, check
# and action, and mentions the alert. No row is left of an alert that there is no more.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my ($list, $manual, $runbook) = ('src/core/mr_alerts.h', 'docs/sql-api.md', 'docs/MULTI_REGION_RUNBOOK.md');

# Hashes of the entries of the list, by word.
sub alerts_of
{
	my ($text) = @_;
	my %alerts;
	return if $text !~ /#define MR_ALERT_LIST\(X\)((?:[^\n]*\\\n)*[^\n]*)/;
	my ($body, $offset) = ($1, $-[1]);
	my $string = qr/"([^"]*)"/;
	my $gap = qr/,[\s\\]*/;
	while ($body =~ /\bX\(\w+$gap$string$gap$string$gap$string$gap$string$gap$string$gap\w+$gap$string$gap((?:$string[\s\\]*)+)\)/g)
	{
		my ($word, $severity, $about, $unit, $policy, $entry, $sentence) = ($1, $2, $3, $4, $5, $6, $7);
		$sentence =~ s/"[\s\\]*"//g;
		$sentence =~ s/^"|"[\s\\]*$//g;
		$alerts{$word} = { severity => $severity, about => $about, unit => $unit, policy => $policy,
			entry => $entry, sentence => $sentence, line => line_at($text, $offset) };
	}
	return %alerts;
}

sub check_row
{
	my ($word, $alert, $text, $tell) = @_;
	my ($row) = $text =~ /^(\| `\Q$word\E` \| (?:info|warning|critical) \|.*)$/m;
	return $tell->("the alert $word has no row in $manual") if !defined $row;
	my @cells = map { s/^\s+|\s+$//gr } split /\|/, $row;
	my $policy = $alert->{policy} ne '' ? "`$alert->{policy}`" : '';
	my $link = "[$alert->{sentence}](" . ($runbook =~ s{docs/}{}r) . "#$alert->{entry})";
	my @expected = ($alert->{severity}, $alert->{about}, $alert->{unit}, $policy);

	for my $i (0 .. $#expected)
	{
		$tell->("$manual says \"$cells[$i + 2]\" of $word, the list \"$expected[$i]\"") if ($cells[ $i + 2 ] // '') ne $expected[$i];
	}
	$tell->("the row of $word does not end with $link") if ($cells[-1] // '') ne $link;
	return;
}

sub check_entry
{
	my ($word, $alert, $text, $tell) = @_;
	my ($entry) = $text =~ /^### \Q$alert->{entry}\E\n(.*?)(?=^#{1,3} |\z)/ms;
	return $tell->("the alert $word has no entry $alert->{entry} in $runbook") if !defined $entry;
	foreach my $part (grep { $entry !~ /^\*\*$_\b/m } qw(Cause Check Action))
	{
		$tell->("the entry $alert->{entry} has no \"$part\"");
	}
	$tell->("the entry $alert->{entry} does not mention `$word`") if $word ne $alert->{entry} && $entry !~ /`\Q$word\E`/;
	return;
}

sub check
{
	my ($tree, $report) = @_;
	my %alerts = alerts_of($tree->{$list} // '');
	my $text = $tree->{$manual} // '';

	$report->($list, 1, 'there is no list of alerts') if !%alerts;
	foreach my $word (sort keys %alerts)
	{
		my $tell = sub { $report->($list, $alerts{$word}{line}, $_[0]) };
		check_row($word, $alerts{$word}, $text, $tell);
		check_entry($word, $alerts{$word}, $tree->{$runbook} // '', $tell);
	}
	while ($text =~ /^\| `(\w+)` \| .*\]\(MULTI_REGION_RUNBOOK\.md#\w+\) \|$/mg)
	{
		$report->($manual, line_at($text, $-[0]), "there is no alert $1") if !exists $alerts{$1};
	}
	return;
}

# A tree without violations, but for what is given.
sub tree_with
{
	my (%changes) = @_;
	return { $list => "#define MR_ALERT_LIST(X) \\\n\tX(A, \"late\", \"warning\", \"node\", \"ms\", \"lag\", \\\n\t  NOW, \"slow\", \"it is \" \\\n\t  \"late\") \\\n\tX(B, \"gone\", \"critical\", \"cluster\", \"\", \"\", LATER, \"gone\", \"it is gone\")\n\n",
		$manual => "| `late` | warning | node | ms | `lag` | at once | [it is late](MULTI_REGION_RUNBOOK.md#slow) |\n"
		  . "| `gone` | critical | cluster |  |  | later | [it is gone](MULTI_REGION_RUNBOOK.md#gone) |\n",
		$runbook => "### slow\n**Cause.** `late`\n**Check**\n**Action.**\n### gone\n**Cause.**\n**Check**\n**Action.**\n",
		%changes };
}

my ($docs, $book) = @{ tree_with() }{ $manual, $runbook };

lint(
	files => qr{^(?:docs/[\w-]+\.md|src/core/mr_alerts\.h)$},
	check => \&check,
	violations => [
		tree_with($list => 'nothing'),
		tree_with($manual => $docs =~ s/warning/critical/r),
		tree_with($manual => $docs =~ s/`lag`/`lab`/r),
		tree_with($manual => $docs =~ s/ ms / bytes /r),
		tree_with($manual => $docs =~ s/it is late/it was late/r),
		tree_with($manual => $docs =~ s/#gone/#slow/r),
		tree_with($manual => $docs =~ s/.*gone.*\n//r),
		tree_with($manual => "$docs| `old` | info | node |  |  | now | [it was](MULTI_REGION_RUNBOOK.md#gone) |\n"),
		tree_with($runbook => $book =~ s/### gone/### lost/r),
		tree_with($runbook => $book =~ s/`late`//r),
		tree_with($runbook => $book =~ s/\*\*Action.*\n//r),
	],
	clean => [ tree_with() ]);
