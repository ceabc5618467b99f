# What the rules of the house share. A rule is a function of a tree (path => text) that
# reports violations. Each run first proves that the rule can fail: every tree in
# "violations" must be reported, none in "clean" may be. Then it reads the checkout.
package HouseLint;

use strict;
use warnings;
use Exporter qw(import);
use File::Find qw(find);

our @EXPORT = qw(lint line_at blank_c blank_c_text blank_sql blank_sql_bodies c_calls tree_of);

# lint(files => REGEX of paths, or a tree, check => sub { my ($tree, $report) = @_ }, violations => [...],
# clean => [...]); report is called as $report->($path, $line, $message).
sub lint
{
	my (%rule) = @_;
	my @wrong;
	for my $tree (@{ $rule{violations} })
	{
		push(@wrong, 'a planted violation was not found: ' . sample_name($tree))
		  if !violations($rule{check}, $tree);
	}
	for my $tree (@{ $rule{clean} })
	{
		push(@wrong, "clean text was reported: $_") for violations($rule{check}, $tree);
	}
	die join("\n", 'this rule is broken:', @wrong), "\n" if @wrong;

	my $tree = ref($rule{files}) eq 'HASH' ? $rule{files} : tree_of($rule{files});
	my @found = violations($rule{check}, $tree);
	print "$_\n" for @found;
	printf "%d files, %d violations\n", scalar(keys %$tree), scalar(@found);
	exit(@found ? 1 : 0);
}

sub violations
{
	my ($check, $tree) = @_;
	my @found;
	$check->($tree, sub { my ($path, $line, $message) = @_; push(@found, "$path:$line: $message"); });
	return @found;
}

sub sample_name
{
	my ($tree) = @_;
	return join(' + ', map { "$_: " . ($tree->{$_} =~ s/\s+/ /gr) } sort keys %$tree);
}

# Reads the files of the checkout whose path matches.
sub tree_of
{
	my ($regex) = @_;
	my %tree;
	my $wanted = sub {
		my $path = $File::Find::name =~ s{^\./}{}r;
		$File::Find::prune = 1 if $path =~ m{^(?:build|\.git)$};
		return if !-f $_ || $path !~ $regex;
		open(my $handle, '<', $_) or die "$path: $!\n";
		local $/;
		$tree{$path} = <$handle> // '';
	};
	find({ wanted => $wanted, no_chdir => 1 }, '.');
	return \%tree;
}

# Line number of an offset in a text.
sub line_at
{
	my ($text, $offset) = @_;
	return 1 + (substr($text, 0, $offset) =~ tr/\n//);
}

# A string of the same length and lines, blank otherwise.
sub blank
{
	my ($text) = @_;
	return $text =~ s/[^\n]/ /gr;
}

# C with comments blanked, and with the content of literals as well (blank_c_text).
# Offsets stay the same.
sub blank_c
{
	my ($text) = @_;
	$text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+')}
		{ defined $1 ? blank($1) : $2 }gesx;
	return $text;
}

sub blank_c_text
{
	my ($text) = @_;
	$text =~ s{(/\*.*?\*/|//[^\n]*)|(["'])((?:\\.|(?!\2)[^\\])*)\2}
		{ defined $1 ? blank($1) : $2 . blank($3) . $2 }gesx;
	return $text;
}

# SQL with comments blanked.
sub blank_sql
{
	my ($text) = @_;
	$text =~ s{('(?:[^']|'')*')|(--[^\n]*|/\*.*?\*/)}{ defined $1 ? $1 : blank($2) }gesx;
	return $text;
}

# SQL with what stands between dollar quotes blanked.
sub blank_sql_bodies
{
	my ($text) = @_;
	$text =~ s{(\$\w*\$)(.*?)\1}{ my ($quote, $body) = ($1, $2); $quote . blank($body) . $quote }gesx;
	return $text;
}

# Calls of the functions named by a regex in C whose strings are blanked already:
# a list of [offset, name, text between the parentheses].
sub c_calls
{
	my ($text, $names) = @_;
	my @calls;
	while ($text =~ /\b($names)\s*(?=\()/g)
	{
		my ($name, $from) = ($1, $-[1]);
		my $rest = substr($text, pos($text));
		push(@calls, [ $from, $name, $1 ]) if $rest =~ /^(\((?:[^()]++|(?1))*\))/;
	}
	return @calls;
}

1;
