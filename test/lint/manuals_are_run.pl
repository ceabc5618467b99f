#!/usr/bin/perl
#
# The manuals that operators follow hold no command that nobody has tried: each fenced
# block of them is marked with where a test runs it, or why none does (see
# test/tap/lib/MultiRegion/Document.pm), a test runs the document, and what is not run is
# correct bash and names files and units of this repository that exist. The runbook has an
# entry with cause, check and action for each event of severity warning or critical, and
# names the others; SETUP ends with its troubleshooting. Links between manuals lead somewhere.
# Elsewhere in the documentation each block of SQL, or of a terminal, is marked like that.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../tap/lib";
use HouseLint;
use MultiRegion::Document ();

my ($setup, $runbook) = ('docs/MULTI_REGION_SETUP.md', 'docs/MULTI_REGION_RUNBOOK.md');
my $troubles = 15;

sub is_bash
{
	my ($text) = @_;
	open(my $pipe, '|-', 'bash -n 2>/dev/null') or die "bash: $!";
	print $pipe $text;
	return close $pipe;
}

# What a block names must be there: files of this repository, systemd units.
sub check_names
{
	my ($tree, $text, $tell) = @_;

	while ($text =~ m{(?<![\w./-])((?:docker|test)/[\w./@-]*\w)}g)
	{
		$tell->("there is no $1") if !grep { $_ eq $1 || index($_, "$1/") == 0 } keys %$tree;
	}
	while ($text =~ m{([a-z]+@)(?:15-main|(?=\.service))(\.service\.conf)?}g)
	{
		my ($unit, $ending) = ($1, $2);
		next if $unit eq 'patroni@'; # Debian's
		$tell->("there is no unit $unit")
			if !grep { defined $ending ? m{/\Q$unit\E\.service\.conf$} : m{/\Q$unit\E\.service(?:\.conf)?$} } keys %$tree;
	}
	return;
}

sub check_block
{
	my ($tree, $block, $tell) = @_;
	my ($kind, $where) = MultiRegion::Document::meaning_of($block->{mark});

	return $tell->('the block does not end') if $block->{unclosed};
	return $tell->('the line before the block must say where it is run, or why not') if !$kind;
	return $tell->('only sh, sql and console can be run') if $kind eq 'run' && $block->{language} !~ /^(?:sh|sql|console)$/;
	$tell->("there is no $1") if $kind eq 'not' && $where =~ m{\b(test/\S+\.pl)\b} && !exists $tree->{$1};
	$tell->('this is not correct bash') if $block->{language} eq 'sh' && !is_bash($block->{text});
	check_names($tree, $block->{text}, $tell);
	return;
}

# As GitHub makes anchors of headings.
sub anchors_of
{
	my ($text) = @_;
	return map { (lc($_->[1]) =~ s/[^\w\s-]//gr) =~ tr/ /-/r } MultiRegion::Document::headings_of($text);
}

sub check_links
{
	my ($tree, $path, $report) = @_;
	my $text = $tree->{$path} // '';

	while ($text =~ m{\]\(((?!https?:)[^)#]*)(?:#([^)]*))?\)}g)
	{
		my ($file, $anchor, $line) = ($1, $2, line_at($text, $-[0]));
		my $target = $file eq '' ? $path : "docs/$file" =~ s{docs/\.\./}{}r;
		if (!exists $tree->{$target}) { $report->($path, $line, "there is no $target"); }
		elsif (defined $anchor && !grep { $_ eq $anchor } anchors_of($tree->{$target}))
		{
			$report->($path, $line, "$target has no heading #$anchor");
		}
	}
	return;
}

sub check_events
{
	my ($tree, $report) = @_;
	my $text = $tree->{$runbook} // '';
	my $list = $tree->{'src/core/mr_events.h'} // '';

	while ($list =~ /X\(\w+,[\s\\]*"(\w+)",[\s\\]*"(\w+)"/g)
	{
		my ($word, $severity) = ($1, $2);
		my ($entry) = $text =~ /^### \Q$word\E\n(.*?)(?=^#{1,3} |\z)/ms;
		if ($severity eq 'info')
		{
			$report->($runbook, 1, "`$word` is not mentioned") if $text !~ /`\Q$word\E`/;
			next;
		}
		$report->($runbook, 1, "the event $word has no entry") if !defined $entry;
		foreach my $part (grep { defined $entry && $entry !~ /^\*\*$_\b/m } qw(Cause Check Action))
		{
			$report->($runbook, 1, "the entry of $word has no \"$part\"");
		}
	}
	return;
}

# The blocks of a document, and the test that runs them.
sub check_document
{
	my ($tree, $path, $report) = @_;
	my $must_run = 0;

	foreach my $block (MultiRegion::Document::blocks_of($tree->{$path} // ''))
	{
		next if $path ne $setup && $path ne $runbook && $block->{language} !~ /^(?:sql|console)$/ && $block->{mark} !~ /^(?:not )?run:/;
		$must_run = 1 if $block->{mark} =~ /^run:/;
		check_block($tree, $block, sub { $report->($path, $block->{line}, $_[0]) });
	}
	$report->($path, 1, 'no test runs it')
	  if $must_run && !grep { m{^test/tap/\w+\.pl$} && $tree->{$_} =~ /\Q$path\E/ } keys %$tree;
	return;
}

sub check
{
	my ($tree, $report) = @_;

	check_document($tree, $_, $report) foreach sort grep { /\.md$/ } keys %$tree;
	check_links($tree, $_, $report) foreach $setup, $runbook;
	check_events($tree, $report);
	my ($last) = ($tree->{$setup} // '') =~ /^(## (?!.*^## ).*)\z/ms;
	my $rows = () = ($last // '') =~ /^\|(?! *(?:symptom|-)).*\|$/mg;
	$report->($setup, 1, 'it does not end with "## 10. Troubleshooting" and ' . "$troubles symptoms")
	  if ($last // '') !~ /\A## 10\. Troubleshooting$/m || $rows < $troubles;
	return;
}

# A tree without violations, but for what is given.
sub tree_with
{
	my (%changes) = @_;
	my %tree = (
		$setup => "## 10. Troubleshooting\n" . "| a | b |\n" x $troubles,
		$runbook => "### lost\n**Cause.**\n**Check**\n**Action.** `won`\n",
		'src/core/mr_events.h' => "X(A, \"lost\", \\\n\"warning\", \"x\") X(B, \"won\", \"info\", \"y\")\n",
		'docker/systemd/multiregiond@.service' => '',
		'test/tap/1_a.pl' => "$setup $runbook",
		%changes);
	delete @tree{ grep { !defined $tree{$_} } keys %tree };
	return \%tree;
}

sub block_in
{
	my ($mark, $language, $text) = @_;
	return tree_with($runbook => "### lost\n**Cause.**\n**Check**\n**Action.** `won`\n\n$mark\n```$language\n$text\n```\n");
}

lint(
	files => qr{^(?:docs/[\w-]+\.md|README\.md|\.env\.multiregion\.example|src/core/mr_events\.h|test/(?:tap|sidecar)/\w+\.pl|docker/.*)$},
	check => \&check,
	violations => [
		block_in('', 'sql', 'SELECT 1'),
		block_in('<!-- run: primary -->', 'sql', 'SELECT 1'),
		block_in('<!-- not run: -->', 'sh', 'true'),
		block_in('<!-- not run: it takes a machine -->', 'sh', 'if true'),
		block_in('<!-- not run: it takes a machine -->', 'sh', 'systemctl start multiregion@15-main'),
		block_in('<!-- not run: it takes a machine -->', 'sh', 'cp docker/nothing .'),
		block_in('<!-- not run: test/tap/2_b.pl does that -->', 'sh', 'true'),
		block_in('<!-- run: on primary -->', '', 'SELECT 1'),
		tree_with($runbook => "### lost\n**Cause.**\n**Action.** `won`\n"),
		tree_with($runbook => "`won` `lost`\n"),
		tree_with($runbook => "### lost\n**Cause.**\n**Check**\n**Action.**\n"),
		tree_with($runbook => "### lost\n**Cause.**\n**Check**\n**Action.** `won` [a](#nowhere)\n"),
		tree_with($setup => "## 10. Troubleshooting\n| a | b |\n"),
		tree_with($setup => "## 10. Troubleshooting\n" . "| a | b |\n" x $troubles . "## 11. More\n"),
		tree_with($runbook => "### lost\n**Cause.**\n**Check**\n**Action.** `won`\n\n<!-- run: on primary -->\n```sql\nSELECT 1\n```\n",
			'test/tap/1_a.pl' => $setup),
		tree_with('docs/a.md' => "```sql\nSELECT 1\n```\n"),
		tree_with('README.md' => "<!-- run: on primary -->\n```sql\nSELECT 1\n```\n"),
	],
	clean => [
		tree_with(),
		tree_with('docs/a.md' => "```\nany\n```\n<!-- not run: it takes a machine -->\n```sql\nSELECT 1\n```\n"),
		tree_with('README.md' => "<!-- run: on primary; varies a, b; soon -->\n```sql\nSELECT 1\n```\n",
			'test/tap/2_b.pl' => 'README.md'),
		block_in('<!-- run: on primary; shows a.* -->', 'sql', 'SELECT 1'),
		block_in('<!-- not run: it takes a machine -->', 'sh', 'systemctl start multiregiond@15-main'),
	]);
