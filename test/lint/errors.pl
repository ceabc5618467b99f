#!/usr/bin/perl
#
# Errors that a program can act on: every ereport() of level ERROR or above carries an
# errcode(), since without one the client sees XX000, "internal error", and the sidecar
# answers 500. The primary message begins in lower case and has no full stop; a detail or
# hint is a sentence with one (PostgreSQL's error message style guide).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

sub check
{
	my ($tree, $report) = @_;
	for my $path (sort keys %$tree)
	{
		my $bare = blank_c_text($tree->{$path});
		my $text = blank_c($tree->{$path});
		for my $call (c_calls($bare, 'ereport'))
		{
			my ($offset, undef, $arguments) = @$call;
			$report->($path, line_at($text, $offset), 'ereport of an error without errcode')
			  if $arguments =~ /^\(\s*(?:ERROR|FATAL|PANIC)\b/ && $arguments !~ /\berrcode\w*\s*\(/;
		}
		while ($text =~ /\b(errmsg|errdetail|errhint)\s*\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)/g)
		{
			my ($kind, $literals, $line) = ($1, $2, line_at($text, $-[0]));
			my $message = $literals =~ s/"\s*"//gr =~ s/^"|"\s*$//gr;
			# A name, a quotation or a format may begin or end a message.
			$report->($path, $line, 'a primary message begins in lower case')
			  if $kind eq 'errmsg' && $message =~ /^[A-Z][a-z]+ /;
			$report->($path, $line, 'a primary message has no full stop')
			  if $kind eq 'errmsg' && $message =~ /\.$/;
			$report->($path, $line, 'a detail or hint is a sentence')
			  if $kind ne 'errmsg' && $message !~ /(?:[.?]|\.\))$|%s$/;
		}
	}
}

lint(
	files => qr{^src/extension/.*\.[ch]$},
	check => \&check,
	violations => [
		{ 'src/extension/a.c' => "ereport(ERROR,\n\t(errmsg(\"no such region\")));" },
		{ 'src/extension/a.c' => 'ereport(FATAL, errmsg("no errcode(x) here"));' },
		{ 'src/extension/a.c' => 'ereport(LOG, (errmsg("Region is down")));' },
		{ 'src/extension/a.c' => 'ereport(LOG, (errmsg("region is " "down.")));' },
		{ 'src/extension/a.c' => 'ereport(LOG, (errmsg("x"), errhint("call init()")));' },
	],
	clean => [
		{ 'src/extension/a.c' => 'ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("no \"%s\" (a)", f(x))));' },
		{ 'src/extension/a.c' => 'ereport(LOG, (errmsg("PostgreSQL stops"), errhint("See (this).")));' },
		{ 'src/extension/a.c' => '/* ereport(ERROR, errmsg("x")) */' },
	]);
