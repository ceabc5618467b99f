#!/usr/bin/perl
#
# Code, manual and example agree. The environment variables of src/core/mr_variables.h are
# all in .env.multiregion.example (NAME_FILE as well, where a value may be a password) and
# all in docs/configuration.md, with the same default, and neither has others. What is read
# in src/sidecar and src/join stands in that list. The policies of MR_POLICY_LIST have their
# defaults in the manual's table.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my $header = 'src/core/mr_variables.h';
my $numbers = 'src/core/mr_variables_numbers.h'; # a part of its list
my $manual = 'docs/configuration.md';
my $example = '.env.multiregion.example';

# The entries of a list, each a list of its arguments as text.
sub entries_of
{
	my ($text, $list) = @_;
	return if blank_c($text // '') !~ /#define \Q$list\E\(X\)((?:[^\n]*\\\n)*[^\n]*)/;
	my $body = $1;
	my @entries;
	while ($body =~ /\bX\(((?:"(?:\\.|[^"\\])*"|[^()"]|\([^()]*\))*)\)/g)
	{
		my @arguments;
		my $inner = $1;
		while ($inner =~ /\G[\s\\]*("(?:\\.|[^"\\])*"|(?:[^",()]|\([^()]*\))+?)[\s\\]*(?:,|$)/g)
		{
			push(@arguments, $1 =~ s/^"(.*)"$/$1/sr);
		}
		push(@entries, \@arguments);
	}
	return @entries;
}

# name => { initial, kind, owner }
sub variables_of
{
	my ($text) = @_;
	my %variables;
	$variables{ $_->[0] } = { owner => $_->[1], kind => $_->[2], initial => $_->[3] } for entries_of($text, 'MR_VARIABLE_LIST');
	$variables{ $_->[1] } = { owner => 'SIDECAR', kind => 'NUMBER', initial => $_->[2] } for entries_of($text, 'MR_SETTING_NUMBERS');
	$variables{ $_->[0] } = { owner => 'INIT', kind => 'POLICY', initial => $_->[2] } for entries_of($text, 'MR_POLICY_VARIABLES');
	return %variables;
}

sub has_file { return $_[0]{kind} eq 'SECRET' && $_[0]{owner} ne 'JOIN' }

# The pattern of the list that a name is one of; exact names first.
sub pattern_of
{
	my ($name, $variables) = @_;
	return $name if $variables->{$name};
	for my $pattern (sort grep { /</ } keys %$variables)
	{
		my $regex = quotemeta($pattern) =~ s/\\<\w+\\>/[A-Z][A-Z0-9_]*/r;
		return $pattern if $name =~ /^$regex$/;
	}
	return;
}

sub check_example
{
	my ($tree, $variables, $report) = @_;
	my (%seen, $number);
	for my $line (split(/\n/, $tree->{$example} // ''))
	{
		$number++;
		next if $line !~ /^(#?)([A-Z][A-Z0-9_]*)=(.*)$/;
		my ($hidden, $name, $value) = ($1, $2, $3);
		my $pattern = pattern_of($name, $variables);
		my $secret = $name =~ s/_FILE$//r;
		if (!$pattern && $secret ne $name && ($pattern = pattern_of($secret, $variables)))
		{
			$report->($example, $number, "$name is not read: $secret cannot hold a password")
			  if !has_file($variables->{$pattern});
			$report->($example, $number, "$name must be commented out") if !$hidden;
			$seen{"${pattern}_FILE"} = 1;
			next;
		}
		if (!$pattern)
		{
			$report->($example, $number, "$name is not in $header");
			next;
		}
		my $initial = $variables->{$pattern}{initial};
		$seen{$pattern} = 1;
		$report->($example, $number, "the default of $name is $initial") if $initial ne '' && $initial ne $value;
		$report->($example, $number, "$name must be commented out") if $variables->{$pattern}{kind} eq 'SECRET' && !$hidden;
	}
	for my $name (sort keys %$variables)
	{
		$report->($example, 1, "$name is missing") if !$seen{$name};
		$report->($example, 1, "${name}_FILE is missing") if has_file($variables->{$name}) && !$seen{"${name}_FILE"};
	}
	return;
}

# Rows of the manual's tables that have a column of this heading: [line, name, default or
# undef where the table has no such column].
sub rows_of
{
	my ($text, $heading) = @_;
	my (@rows, @columns, $number);
	for my $line (split(/\n/, $text // ''))
	{
		$number++;
		if ($line !~ /^\|/)
		{
			@columns = ();
			next;
		}
		my @cells = map { s/^\s+|\s+$//gr } split(/(?<!\\)\|/, $line, -1);
		shift @cells;
		@columns = @cells if !@columns;
		my ($name_at) = grep { $columns[$_] eq $heading } 0 .. $#columns;
		my ($default_at) = grep { $columns[$_] eq 'default' } 0 .. $#columns;
		next if !defined $name_at || ($cells[$name_at] // '') !~ /`/;
		my @names = $cells[$name_at] =~ /`([^`]+)`/g;
		push(@rows, [ $number, $_, defined $default_at ? $cells[$default_at] : undef ]) for @names;
	}
	return @rows;
}

sub check_manual
{
	my ($tree, $variables, $report) = @_;
	my %seen;
	for my $row (rows_of($tree->{$manual}, 'variable'))
	{
		my ($line, $name, $default) = @$row;
		$seen{$name} = 1;
		if (!$variables->{$name})
		{
			$report->($manual, $line, "$name is not in $header");
			next;
		}
		my $initial = $variables->{$name}{initial};
		$report->($manual, $line, "the default of $name is $initial")
		  if $initial ne '' && ($default // '') ne $initial;
	}
	for my $name (sort keys %$variables)
	{
		$report->($header, 1, "$name is in no table of $manual") if !$seen{$name};
	}
	return;
}

# What a policy's default looks like in the manual.
sub policy_default
{
	my ($initial, $unit) = @_;
	return $initial ? 'on' : 'off' if $unit eq 'boolean';
	return lc($initial =~ s/.*_//r) if $unit eq 'enum';
	return $initial;
}

sub check_policies
{
	my ($tree, $report) = @_;
	my %default = map { $_->[1] => [ $_->[0], $_->[2] ] } rows_of($tree->{$manual}, 'name');
	for my $path (grep { m{^src/core/.*\.h$} } sort keys %$tree)
	{
		for my $entry (entries_of($tree->{$path}, 'MR_POLICY_LIST'))
		{
			my ($name, $initial) = ($entry->[0], policy_default($entry->[2], $entry->[5]));
			my ($line, $said) = @{ $default{$name} // [ 1, undef ] };
			$report->($manual, $line, defined $said ? "the default of $name is $initial" : "$name is in no table")
			  if !defined $said || $said ne $initial;
		}
	}
	return;
}

sub check
{
	my ($tree, $report) = @_;
	my %variables = variables_of(join("\n", map { $tree->{$_} // '' } $header, $numbers));
	check_example($tree, \%variables, $report);
	check_manual($tree, \%variables, $report);
	check_policies($tree, $report);
	for my $path (grep { m{^src/(?:sidecar|join)/} } sort keys %$tree)
	{
		my $text = blank_c($tree->{$path});
		while ($text =~ /\b(?:getenv|value_of|mr_environment_get)\([^()]*"([A-Z]\w*)"/g)
		{
			my ($name, $line) = ($1, line_at($text, $-[1]));
			$report->($path, $line, "$name is not in $header") if !pattern_of($name =~ s/_FILE$//r, \%variables)
			  && !pattern_of($name, \%variables) && $name !~ /^(?:PATH|NOTIFY_SOCKET)$/; # set by no person
		}
	}
	return;
}

my $list = "#define MR_VARIABLE_LIST(X) \\\n\tX(\"A_<REGION>_URL\", INIT, SECRET, \"\", \"\", \"x (y)\") \\\n"
  . "\tX(\"MODE\", JOIN, WORD, \"a\", \"a|b\", \\\n\t  \"w\")\n\n"
  . "#define MR_SETTING_NUMBERS(X) \\\n\tX(n, \"NUM\", 7, 1, 9, \"x\")\n";
my $docs = "| variable | default |\n|---|---|\n| `MODE` | a |\n| `NUM` | 7 |\n\n| variable | meaning |\n|---|---|\n| `A_<REGION>_URL` | x |\n";
my $lines = "# A comment=1\nMODE=a\n#NUM=7\n#A_EU_WEST_URL=x\n#A_EU_WEST_URL_FILE=/x\n";
my $policy = "#define MR_POLICY_LIST(X) \\\n\tX(\"p\", p_ms, 5, 0, 9, \"ms\", \"x\") \\\n\tX(\"q\", q, MR_Q_LOUD, 0, 1, \"enum\", \"x\")\n";
my $policies = "\n| name | default |\n|---|---|\n| `p` | 5 |\n| `q` | loud |\n";
my %good = ($header => $list, $manual => $docs, $example => $lines);
lint(
	files => qr{^(?:src/(?:core/.*\.h|(?:sidecar|join)/.*\.[ch])|docs/configuration\.md|\.env\.multiregion\.example)$},
	check => \&check,
	violations => [
		{ %good, $example => $lines . "OTHER=1\n" },
		{ %good, $example => $lines =~ s/MODE=a/MODE=b/r },
		{ %good, $example => $lines =~ s/#NUM=7\n//r },
		{ %good, $example => $lines =~ s/#A_EU_WEST_URL_FILE=.*\n//r },
		{ %good, $example => $lines =~ s/#A_EU_WEST_URL=/A_EU_WEST_URL=/r },
		{ %good, $example => $lines . "#NUM_FILE=/x\n" },
		{ %good, $manual => $docs =~ s/`NUM` \| 7/`NUM` | 8/r },
		{ %good, $manual => $docs =~ s/\| `A_<REGION>_URL` .*\n//r },
		{ %good, $manual => $docs . "| `OTHER` | x |\n" },
		{ %good, 'src/join/a.c' => 'getenv("OTHER")' },
		{ %good, 'src/core/mr_a.h' => $policy },
		{ %good, 'src/core/mr_a.h' => $policy, $manual => $docs . $policies =~ s/5/6/r },
		{ %good, 'src/core/mr_a.h' => $policy, $manual => $docs . $policies =~ s/loud/low/r },
	],
	clean => [
		\%good,
		{ %good, 'src/join/a.c' => 'getenv("MODE"); getenv("A_EU_URL_FILE")' },
		{ %good, 'src/core/mr_a.h' => $policy, $manual => $docs . $policies },
	]);
