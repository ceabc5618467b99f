#!/usr/bin/perl
#
# Calls that may not be made. strcpy, strcat, sprintf and their like write past the end;
# atoi and its like hide errors; json_object() binds to the server's own function of that
# name (json_pack("{}") does not); localtime and strtok keep hidden state; system and
# popen hand a string to a shell. Nothing in src or test sleeps: a test that sleeps is slow
# or wrong or both, it polls a condition with a deadline instead; a program waits for an event.
# "PG_VERSION_NUM" stands only in pg_compat.h, so that there is one place to look when a
# new PostgreSQL comes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my $banned = 'strcpy|strcat|stpcpy|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|'
  . 'localtime|gmtime|ctime|asctime|system|popen|tmpnam|mktemp|json_object|'
  . 'sleep|usleep|nanosleep';

sub check_c
{
	my ($path, $text, $report) = @_;
	for my $call (c_calls($text, $banned))
	{
		$report->($path, line_at($text, $call->[0]), "$call->[1]() is banned");
	}
	return if $path =~ m{/pg_compat\.h$};
	while ($text =~ /\bPG_VERSION_NUM\b/g)
	{
		$report->($path, line_at($text, $-[0]), 'PG_VERSION_NUM belongs in pg_compat.h');
	}
}

# Shell and Perl: a command or call "sleep" with a number or variable.
sub check_script
{
	my ($path, $text, $report) = @_;
	$text =~ s/(^|\s)#.*$/$1/mg;
	while ($text =~ /(?:^|[;&|(\s])(?:Time::HiRes::)?(u?sleep)\b\s*\(?\s*[\d.\$]/mg)
	{
		$report->($path, line_at($text, $-[1]), "$1: wait for a condition with a deadline");
	}
}

sub check
{
	my ($tree, $report) = @_;
	for my $path (sort keys %$tree)
	{
		next if $path eq 'test/lint/banned_calls.pl';
		check_c($path, blank_c_text($tree->{$path}), $report) if $path =~ /\.[ch]$/;
		check_script($path, $tree->{$path}, $report) if $path !~ /\.[ch]$/;
	}
}

lint(
	files => qr{^(?:src|test)/.*\.(?:[ch]|sh|pl|pm)$},
	check => \&check,
	violations => [
		{ 'src/a.c' => "\tstrcpy(a, b);\n" },
		{ 'src/a.c' => "\tx = json_object ();\n" },
		{ 'test/a.c' => "\tusleep(5);\n" },
		{ 'src/extension/a.c' => "#if PG_VERSION_NUM >= 160000\n" },
		{ 'test/a.sh' => "while ! ready; do sleep 1; done\n" },
		{ 'test/a.sh' => "sleep 0.1\n" },
		{ 'test/a.pl' => "\tsleep(\$seconds);\n" },
		{ 'test/a.pm' => "Time::HiRes::usleep(1000);\n" },
	],
	clean => [
		{ 'src/a.c' => "/* never strcpy(a, b) */ snprintf(a, sizeof(a), \"sleep(1)\"); my_strcpy(a);\n" },
		{ 'src/extension/pg_compat.h' => "#if PG_VERSION_NUM >= 160000\n" },
		{ 'test/a.sh' => "# sleep 1 would do\npsql -c 'select pg_sleep(1)'\n" },
		{ 'test/a.pl' => "die 'asleep'; # sleep(1)\n" },
	]);
