#!/usr/bin/perl
#
# What is shipped for Prometheus and Grafana fits what multiregiond says. Each alert of the
# list (MR_ALERT_LIST) has a rule in docker/prometheus/multiregion.rules.yml with its severity,
# its sentence and its entry of the runbook; no rule is left of an alert that there is no more.
# Every rule has a test, and an entry of the runbook with cause, check and action. Every metric
# that rules, their tests or the dashboard name is in a list of mr_metric_*list.h; the dashboard is JSON,
# its panels have titles, and none lies over another. (promtool itself: 170_metrics.)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;
use JSON::PP ();

my ($alerts, $metrics, $cluster, $runbook) =
  ('src/core/mr_alerts.h', 'src/sidecar/mr_metric_list.h', 'src/sidecar/mr_metric_cluster_list.h', 'docs/MULTI_REGION_RUNBOOK.md');
my ($rules, $tests, $dashboard) =
  ('docker/prometheus/multiregion.rules.yml', 'docker/prometheus/multiregion.rules.test.yml', 'docker/grafana/multiregion.json');
my $text_of = qr/((?:"[^"]*"[\s\\]*)+)/;
my $gap = qr/,[\s\\]*/;

# Hashes of the alerts, by word.
sub alerts_of
{
	my ($text) = @_;
	my %found;
	my $string = qr/"([^"]*)"/;
	while ($text =~ /\bX\(\w+$gap$string$gap$string$gap$string$gap$string$gap$string$gap\w+$gap$string$gap$text_of\)/g)
	{
		my ($word, $severity, $about, $entry, $sentence) = ($1, $2, $3, $6, $7);
		$sentence = ucfirst($sentence =~ s/"[\s\\]*"//gr =~ s/^"|"[\s\\]*$//gr);
		$found{$word} = { severity => $severity, about => $about, entry => $entry, sentence => $sentence };
	}
	return %found;
}

# Hashes of the rules: name, expr, severity, summary, entry, line.
sub rules_of
{
	my ($text) = @_;
	my @found;
	while ($text =~ /^ {6}- alert: (\w+)\n((?: {8,}.*\n)+)/mg)
	{
		my ($name, $body, $line) = ($1, $2, line_at($text, $-[0]));
		my ($entry) = $body =~ /runbook_url: MULTI_REGION_RUNBOOK\.md#(\w+)$/m;
		push(@found, { name => $name, line => $line, entry => $entry,
			expr => ($body =~ /^ +expr: (.*)$/m)[0] // '', severity => ($body =~ /^ +severity: (.*)$/m)[0] // '',
			summary => ($body =~ /^ +summary: "(.*)"$/m)[0] // '' });
	}
	return @found;
}

sub check_alert
{
	my ($word, $alert, $rule, $tell) = @_;
	my $name = 'Multiregion' . join('', map { ucfirst } split /_/, $word);
	my $subject = $alert->{about} eq 'cluster' ? '' : ': {{ $labels.subject }}';

	return $tell->("the alert $word has no rule") if !$rule;
	$tell->("the rule of $word is not called $name") if $rule->{name} ne $name;
	$tell->("the rule of $word has the severity $rule->{severity}") if $rule->{severity} ne $alert->{severity};
	$tell->("the rule of $word does not say \"$alert->{sentence}$subject\"") if $rule->{summary} ne "$alert->{sentence}$subject";
	$tell->("the rule of $word does not lead to $alert->{entry}") if ($rule->{entry} // '') ne $alert->{entry};
	return;
}

sub check_rule
{
	my ($tree, $rule, $tell) = @_;

	$tell->("$rule->{name} has no test in $tests") if ($tree->{$tests} // '') !~ /^ +alertname: \Q$rule->{name}\E$/m;
	return $tell->("$rule->{name} has no link to the runbook") if !defined $rule->{entry};
	my ($entry) = ($tree->{$runbook} // '') =~ /^### \Q$rule->{entry}\E\n(.*?)(?=^#{1,3} |\z)/ms;
	return $tell->("the runbook has no entry $rule->{entry}") if !defined $entry;
	foreach my $part (grep { $entry !~ /^\*\*$_\b/m } qw(Cause Check Action))
	{
		$tell->("the runbook's entry $rule->{entry} has no \"$part\"");
	}
	return;
}

sub check_names
{
	my ($tree, $report) = @_;
	my %type_of = join('', map { $tree->{$_} // '' } $metrics, $cluster) =~ /\bX\(\w+$gap"(\w+)"$gap(\w+)$gap\w+$gap"/g;

	foreach my $path (grep { defined $tree->{$_} } $rules, $tests, $dashboard)
	{
		while ($tree->{$path} =~ /\b((?:multiregion|process)_\w+)\b(?!\.)/g)
		{
			my ($name, $line) = ($1, line_at($tree->{$path}, $-[0]));
			my $family = $name =~ s/_(?:bucket|sum|count)$//r;
			next if exists $type_of{$name} || ($type_of{$family} // '') eq 'HISTOGRAM';
			next if $path ne $dashboard && ($tree->{$path} =~ /#\Q$name\E$/m);
			$report->($path, $line, "there is no metric $name");
		}
	}
	return;
}

sub check_dashboard
{
	my ($text, $tell) = @_;
	my $json = eval { JSON::PP->new->utf8->decode($text) };
	my (%taken, %ids);

	return $tell->('is not JSON') if !$json || ref $json->{panels} ne 'ARRAY';
	foreach my $panel (@{ $json->{panels} })
	{
		my ($title, $place) = ($panel->{title} // '', $panel->{gridPos});
		$tell->('has a panel without a title') if $title eq '';
		$tell->("has the panel $panel->{id} twice") if $ids{ $panel->{id} }++;
		$tell->("the panel $title shows nothing") if $panel->{type} ne 'row' && !@{ $panel->{targets} // [] };
		foreach my $x ($place->{x} .. $place->{x} + $place->{w} - 1)
		{
			foreach my $y ($place->{y} .. $place->{y} + $place->{h} - 1)
			{
				$tell->("the panel $title lies over $taken{$x,$y}") if defined $taken{$x,$y} && $taken{$x,$y} ne $title;
				$taken{$x,$y} = $title;
			}
		}
	}
	return;
}

sub check
{
	my ($tree, $report) = @_;
	my %alert = alerts_of($tree->{$alerts} // '');
	my @rules = rules_of($tree->{$rules} // '');
	my %rule_of;

	$report->($alerts, 1, 'there is no list of alerts') if !%alert;
	foreach my $rule (@rules)
	{
		my $tell = sub { $report->($rules, $rule->{line}, $_[0]) };
		check_rule($tree, $rule, $tell);
		my ($word) = $rule->{expr} =~ /multiregion_alert_active\{alert="(\w+)"\}/ or next;
		$tell->("there is no alert $word") if !$alert{$word};
		$rule_of{$word} = $rule;
	}
	foreach my $word (sort keys %alert)
	{
		check_alert($word, $alert{$word}, $rule_of{$word}, sub { $report->($rules, 1, $_[0]) });
	}
	check_names($tree, $report);
	check_dashboard($tree->{$dashboard} // '', sub { $report->($dashboard, 1, $_[0]) });
	return;
}

# A tree without violations, but for what is given.
sub tree_with
{
	my (%changes) = @_;
	my $rule = sub {
		my ($name, $expr, $summary, $entry) = @_;
		return "      - alert: $name\n        expr: '$expr'\n        labels:\n          severity: warning\n        annotations:\n"
		  . "          summary: \"$summary\"\n          runbook_url: MULTI_REGION_RUNBOOK.md#$entry\n";
	};
	return { $alerts => "X(A, \"too_late\", \"warning\", \"node\", \"ms\", \"lag\", \\\n\t  NOW, \"slow\", \"it is \" \\\n\t  \"late\")\n",
		$metrics => "X(A, \"multiregion_alert_active\", GAUGE, FRESH, \"\")\nX(B, \"multiregion_b_seconds\", HISTOGRAM, KEPT, \"\")\n",
		$runbook => "### slow\n**Cause.**\n**Check**\n**Action.**\n### multiregion_b\n**Cause.**\n**Check**\n**Action.**\n",
		$rules => $rule->('MultiregionTooLate', 'multiregion_alert_active{alert="too_late"}', 'It is late: {{ $labels.subject }}', 'slow')
		  . $rule->('B', 'rate(multiregion_b_seconds_count[5m])', 'Often', 'multiregion_b'),
		$tests => "  alertname: MultiregionTooLate\n  alertname: B\n",
		$dashboard => '{"panels":[{"id":1,"title":"B","type":"stat","gridPos":{"x":0,"y":0,"w":1,"h":1},"targets":[{"expr":"multiregion_b_seconds_sum"}]},'
		  . '{"id":2,"title":"C","type":"row","gridPos":{"x":1,"y":0,"w":1,"h":1}}]}',
		%changes };
}

my %whole = %{ tree_with() };

lint(
	files => qr{^(?:\Q$alerts\E|\Q$metrics\E|\Q$cluster\E|\Q$runbook\E|\Q$rules\E|\Q$tests\E|\Q$dashboard\E)$},
	check => \&check,
	violations => [
		tree_with($alerts => 'nothing'),
		tree_with($alerts => $whole{$alerts} =~ s/too_late/too_early/r),
		tree_with($alerts => $whole{$alerts} =~ s/warning/critical/r),
		tree_with($alerts => $whole{$alerts} =~ s/it is/it was/r),
		tree_with($alerts => $whole{$alerts} =~ s/node/cluster/r),
		tree_with($alerts => $whole{$alerts} =~ s/slow/multiregion_b/r),
		tree_with($rules => $whole{$rules} =~ s/MultiregionTooLate/TooLate/r),
		tree_with($rules => $whole{$rules} =~ s/ +runbook_url: .*#multiregion_b\n//r),
		tree_with($rules => $whole{$rules} =~ s/_seconds_count/_hours_count/r),
		tree_with($runbook => $whole{$runbook} =~ s/### multiregion_b/### b/r),
		tree_with($runbook => $whole{$runbook} =~ s/\*\*Action.*\n\z//r),
		tree_with($tests => "  alertname: MultiregionTooLate\n"),
		tree_with($dashboard => $whole{$dashboard} =~ s/_sum/_most/r),
		tree_with($dashboard => $whole{$dashboard} =~ s/"x":1/"x":0/r),
		tree_with($dashboard => $whole{$dashboard} =~ s/"id":2/"id":1/r),
		tree_with($dashboard => $whole{$dashboard} =~ s/"C"/""/r),
		tree_with($dashboard => '{'),
	],
	clean => [ tree_with() ]);
