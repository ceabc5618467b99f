#!/usr/bin/perl
#
# The install script takes over nothing that is there already: no OR REPLACE and no
# IF NOT EXISTS, because an object that somebody else made first would become ours, or
# would be called by ours with our rights (CVE-2022-2625 was that). Roles belong to the
# whole server, so a DO block may look whether they exist. And every function in a
# language that resolves names at run time (sql, plpgsql) fixes its search_path, or a
# caller could slip in an operator of his own. Upgrade scripts may replace functions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

sub check_function
{
	my ($statement) = @_;
	return if $statement !~ /\bLANGUAGE\s+'?(sql|plpgsql)'?\b/i;
	return if $statement =~ /\bSET\s+search_path\s*(?:=|TO)\s*\S/i;
	return "a function in $1 needs SET search_path";
}

sub check
{
	my ($tree, $report) = @_;
	for my $path (sort keys %$tree)
	{
		my $text = blank_sql_bodies(blank_sql($tree->{$path}));
		if ($path =~ m{^sql/install/})
		{
			while ($text =~ /\b(OR\s+REPLACE|IF\s+NOT\s+EXISTS)\b/gi)
			{
				$report->($path, line_at($text, $-[0]), uc($1) . ' would take over a foreign object');
			}
		}
		while ($text =~ /\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b[^;]*/gi)
		{
			my ($offset, $wrong) = ($-[0], check_function($&));
			$report->($path, line_at($text, $offset), $wrong) if $wrong;
		}
	}
}

my $function = 'CREATE FUNCTION f() RETURNS int LANGUAGE %s %s AS $$ SELECT 1; $$;';
lint(
	files => qr{^sql/(?:install|upgrade)/.*\.sql$},
	check => \&check,
	violations => [
		{ 'sql/install/a.sql' => 'CREATE TABLE IF NOT EXISTS t ();' },
		{ 'sql/install/a.sql' => 'CREATE OR REPLACE VIEW v AS SELECT 1;' },
		{ 'sql/install/a.sql' => sprintf($function, 'sql', '') },
		{ 'sql/install/a.sql' => sprintf($function, 'plpgsql', '-- SET search_path = pg_catalog') },
		{ 'sql/install/a.sql' => "CREATE FUNCTION f() RETURNS int\nLANGUAGE sql BEGIN ATOMIC SELECT 1; END;" },
		{ 'sql/upgrade/a.sql' => sprintf($function, 'sql', '') },
	],
	clean => [
		{ 'sql/install/a.sql' => 'DO $do$ BEGIN IF NOT EXISTS (SELECT) THEN CREATE ROLE r; END IF; END $do$;' },
		{ 'sql/install/a.sql' => sprintf($function, 'plpgsql', 'SET search_path = pg_catalog') },
		{ 'sql/install/a.sql' => "CREATE FUNCTION f() RETURNS int AS 'MODULE_PATHNAME' LANGUAGE c;" },
		{ 'sql/install/a.sql' => '-- IF NOT EXISTS is not used' },
		{ 'sql/upgrade/a.sql' => 'CREATE OR REPLACE VIEW v AS SELECT 1;' },
	]);
