#!/usr/bin/perl
#
# Whoever meets an object of ours in psql or in the manual finds out what it is: every
# schema, table, column of a table, view, function, procedure, type, domain, sequence,
# index and trigger that sql/install creates has a COMMENT ON, and all but columns,
# indexes and triggers stand in docs/sql-api.md: a function as name(, the rest in
# backquotes. The reverse holds as well: no comment for something that is not created.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my $manual = 'docs/sql-api.md';
my $kinds = 'SCHEMA|TABLE|VIEW|MATERIALIZED\s+VIEW|FUNCTION|PROCEDURE|AGGREGATE|TYPE|DOMAIN|SEQUENCE|'
  . 'INDEX|TRIGGER|EVENT\s+TRIGGER|OPERATOR|CAST|ROLE';
my $name = qr{(?:"[^"]+"|[\w\$\@]+)(?:\.(?:"[^"]+"|\w+))*};

sub kind_of
{
	my ($kind) = @_;
	return uc($kind) =~ s/\s+/ /gr;
}

# An index is created without a schema and commented with one.
sub bare
{
	my ($full) = @_;
	return $full =~ s/.*\.//r;
}

# Key of an object: kind and name, for a trigger also its table.
sub key_of
{
	my ($kind, $full, $rest) = @_;
	my $kind_word = kind_of($kind);
	return "INDEX " . bare($full) if $kind_word eq 'INDEX';
	return "TRIGGER $full ON $1" if $kind_word eq 'TRIGGER' && $rest =~ /\bON\s+($name)/i;
	return "$kind_word $full";
}

sub created_in
{
	my ($tree) = @_;
	my %created;
	for my $path (grep { m{^sql/install/} } sort keys %$tree)
	{
		my $text = blank_sql_bodies(blank_sql($tree->{$path}));
		while ($text =~ /^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+|UNLOGGED\s+|CONSTRAINT\s+)?($kinds)\s+(?:CONCURRENTLY\s+)?($name)([^;]*)/gim)
		{
			my ($kind, $full, $rest, $line) = ($1, $2, $3, line_at($text, $-[1]));
			$created{ key_of($kind, $full, $rest) } = [ $path, $line, $kind, $full ];
			next if kind_of($kind) ne 'TABLE' || $rest !~ /^\s*\((.*)\)/s;
			for my $column (columns_of($1))
			{
				$created{"COLUMN $full.$column"} = [ $path, $line, 'COLUMN', "$full.$column" ];
			}
		}
	}
	return %created;
}

# First words of the table's elements that are columns.
sub columns_of
{
	my ($body) = @_;
	1 while $body =~ s/\([^()]*\)//;
	my @first = map { /^\s*("?\w+"?)/ ? $1 : () } split(/,/, $body);
	return grep { !/^(?:CHECK|PRIMARY|UNIQUE|FOREIGN|CONSTRAINT|EXCLUDE|LIKE)$/i } @first;
}

sub commented_in
{
	my ($tree) = @_;
	my %commented;
	for my $path (grep { m{^sql/install/} } sort keys %$tree)
	{
		my $text = blank_sql($tree->{$path});
		while ($text =~ /^\s*COMMENT\s+ON\s+($kinds|COLUMN)\s+($name)([^;']*)/gim)
		{
			$commented{ key_of($1, $2, $3) } = [ $path, line_at($text, $-[1]) ];
		}
	}
	return %commented;
}

sub check
{
	my ($tree, $report) = @_;
	my %created = created_in($tree);
	my %commented = commented_in($tree);
	my $text = $tree->{$manual} // '';
	for my $key (sort keys %created)
	{
		my ($path, $line, $kind, $full) = @{ $created{$key} };
		$report->($path, $line, "$key has no COMMENT ON") if !$commented{$key};
		next if kind_of($kind) =~ /^(?:COLUMN|INDEX|TRIGGER|ROLE)$/;
		my $word = bare($full);
		my $mention = kind_of($kind) =~ /^(?:FUNCTION|PROCEDURE|AGGREGATE)$/ ? qr/\b\Q$word\E\(/ : qr/`[^`\n]*\b\Q$word\E\b[^`\n]*`/;
		$report->($path, $line, "$key is not in $manual") if $text !~ $mention;
	}
	for my $key (sort keys %commented)
	{
		next if $created{$key} || $key =~ /^ROLE /;
		# Columns of views have comments, but no declaration.
		next if $key =~ /^COLUMN (.*)\.[^.]+$/ && $created{"VIEW $1"};
		$report->(@{ $commented{$key} }, "a comment on $key, which is not created");
	}
}

my $docs = 'There is `t`, `f(a)` and the schema `m`, but no v.';
lint(
	files => qr{^(?:sql/install/.*\.sql|docs/sql-api\.md)$},
	check => \&check,
	violations => [
		{ 'sql/install/a.sql' => "CREATE FUNCTION m.f(a int) RETURNS int;\n", $manual => $docs },
		{ 'sql/install/a.sql' => "CREATE FUNCTION m.f(a int) RETURNS int;\nCOMMENT ON FUNCTION m.f(int) IS 'x';\n" },
		{ 'sql/install/a.sql' => "CREATE VIEW m.v AS SELECT 1;\nCOMMENT ON VIEW m.v IS 'x';", $manual => $docs },
		{ 'sql/install/a.sql' => "CREATE TABLE m.t (a int, b int);\nCOMMENT ON TABLE m.t IS 'x';\n"
			  . "COMMENT ON COLUMN m.t.a IS 'x';", $manual => $docs },
		{ 'sql/install/a.sql' => "COMMENT ON VIEW m.gone IS 'x';", $manual => $docs },
		{ 'sql/install/a.sql' => "CREATE TRIGGER g AFTER INSERT ON m.t EXECUTE FUNCTION f();\n"
			  . "COMMENT ON TRIGGER g ON m.other IS 'x';", $manual => $docs },
	],
	clean => [
		{ 'sql/install/a.sql' => "CREATE SCHEMA m;\nCREATE TABLE m.t (a int CHECK (a IN (1, 2)), CHECK (a > 0));\n"
			  . "CREATE UNIQUE INDEX i ON m.t (a);\n"
			  . "COMMENT ON SCHEMA m IS 'x';\nCOMMENT ON TABLE m.t IS 'x';\n"
			  . "COMMENT ON COLUMN m.t.a IS 'x';\nCOMMENT ON INDEX m.i IS 'x';", $manual => $docs },
		{ 'sql/install/a.sql' => "-- CREATE VIEW v\n" },
	]);
