# Whether docs/sql-api.md describes the SQL interface that a server has: each function of
# the extension with the arguments, types, defaults and result that the server gives, each
# view and table with its columns, nothing else, and for each function that people call
# an example.
#
#   my @wrong = api_differences($session, $document);    # texts
package MultiRegion::ApiManual;

use strict;
use warnings;

use Exporter qw(import);
our @EXPORT_OK = qw(api_differences sections_of);

my %long_name = (timestamptz => 'timestamp with time zone', varchar => 'character varying');
# Their callers are programs of ours.
my $for_programs = qr/^For peers/;

# Sections of a text: hashes of heading, chapter (the heading above it), text.
sub sections_of
{
	my ($text) = @_;
	my ($chapter, $open, @sections) = ('', 0);

	foreach my $line (split /\n/, $text)
	{
		$open = !$open if $line =~ /^```/;
		$chapter = $1 if !$open && $line =~ /^## (.*?)\s*$/;
		push @sections, { heading => $1, chapter => $chapter, text => '' } if !$open && $line =~ /^#+ (.*?)\s*$/;
		$sections[-1]{text} .= "$line\n" if @sections;
	}
	return @sections;
}

sub _rows
{
	my ($session, $sql) = @_;
	my $result = $session->query($sql);
	die "$result->{message}\n  in: $sql" if defined $result->{sqlstate} || !$result->{ready};
	return @{ $result->{rows} };
}

# --- what the server has -------------------------------------------------------------------

sub _functions
{
	my ($session) = @_;
	my %functions;

	foreach my $row (_rows($session, q{
		SELECT p.oid, CASE n.nspname WHEN 'multiregion' THEN 'multiregion.' ELSE '' END || p.proname,
			pg_get_function_result(p.oid), p.proretset, a.mode, a.name, format_type(a.type, NULL),
			pg_get_function_arg_default(p.oid, a.i::integer), (SELECT string_agg(attname, ' ' ORDER BY attnum)
				FROM pg_attribute JOIN pg_type AS t ON attrelid = t.typrelid WHERE t.oid = p.prorettype AND attnum > 0)
		FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		JOIN pg_namespace AS n ON p.pronamespace = n.oid
		LEFT JOIN LATERAL (SELECT * FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]),
				coalesce(p.proargmodes, array_fill('i'::"char", ARRAY[p.pronargs::integer])), p.proargnames)
			WITH ORDINALITY AS u (type, mode, name, i)) AS a ON true
		WHERE e.extname = 'multiregion' AND d.deptype = 'e' ORDER BY 2, 1, a.i}))
	{
		my ($oid, $name, $result, $set, $mode, $argument, $type, $default, $composite) = @$row;
		my $function = $functions{$oid} //= { name => $name, result => $result, set => $set eq 't', in => [],
			out => [ split(/ /, $composite // '') ] };
		next if !defined $mode;
		push @{ $function->{in} }, { name => $argument, type => ($mode eq 'v' ? 'VARIADIC ' : '') . $type, default => $default }
			if $mode =~ /[ibv]/;
		push @{ $function->{out} }, $argument if $mode =~ /[obt]/;
	}
	return values %functions;
}

sub _relations
{
	my ($session) = @_;
	my %columns;

	foreach my $row (_rows($session, q{
		SELECT n.nspname || '.' || c.relname, a.attname FROM pg_depend AS d
		JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
		JOIN pg_namespace AS n ON c.relnamespace = n.oid
		JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE e.extname = 'multiregion' AND d.deptype = 'e' AND c.relkind IN ('r', 'v', 'm') ORDER BY 1, a.attnum}))
	{
		push @{ $columns{ $row->[0] } }, $row->[1];
	}
	return \%columns;
}

# --- what the manual says ------------------------------------------------------------------

# Parts of a list; commas in brackets and quotes separate nothing.
sub _split
{
	my ($list) = @_;
	my @parts = $list =~ /((?:'[^']*'|\[[^\]]*\]|\([^)]*\)|[^,'\[(])+)/g;
	return map { s/^\s+|\s+$//gr } @parts;
}

# A heading as a function, as _functions() has it; undef if it is none.
sub _function_of
{
	my ($heading) = @_;
	my ($name, $arguments, $result) = $heading =~ /^((?:multiregion\.)?\w+)\((.*?)\) → (.+)$/ or return undef;
	my @in;

	foreach my $part (_split($arguments))
	{
		my ($variadic, $argument, $type, $default) = $part =~ /^(VARIADIC )?"?(\w+)"? (.+?)(?: DEFAULT (.+))?$/
			or return { name => $name, wrong => "\"$part\" is no argument" };
		my ($bare, $array) = $type =~ /^(.*?)((?:\[\])?)$/;
		push @in, { name => $argument, default => $default, type => ($variadic // '') . ($long_name{$bare} // $bare) . $array };
	}
	my $set = $result =~ s/^setof //;
	my $out = $result =~ /^\((.*)\)$/ ? [ _split($1) ] : undef;
	return { name => $name, in => \@in, set => $set, result => $out ? 'record' : $long_name{$result} // $result, out => $out };
}

# Words in backquotes, and those of the sections whose columns a section says it has.
sub _words
{
	my ($by_name, $section, $depth) = @_;
	my $text = $section->{text};
	my ($listed) = $section->{heading} =~ / → (?:setof )?\((.*)\)$/;
	my %words = map { $_ => 1 } map { /\w+/g } $text =~ /`([^`\n]+)`/g, $listed // ();

	return %words if $depth > 3;
	while ($text =~ /(?:(?:columns|figures|row|rows) (?:as for|as in|of)|Behind the view) (?:\[)?`([\w.]+)(?:\(\))?`/g)
	{
		my $other = $by_name->{$1} // $by_name->{"multiregion.$1"};
		%words = (%words, _words($by_name, $other, $depth + 1)) if $other && $other != $section;
	}
	return %words;
}

# First cells of the tables of a section with this head.
sub _first_cells
{
	my ($text, $head) = @_;
	my @names;

	while ($text =~ /^\| $head \|.*\n\|[-|]+\n((?:\|.*\n)+)/mg)
	{
		push @names, map { (split /\|/)[1] =~ /`(\w+)`/g } split(/\n/, $1);
	}
	return @names;
}

# --- comparing -----------------------------------------------------------------------------

sub _same_default
{
	my ($session, $type, $shown, $real) = @_;

	return !defined $shown && !defined $real if !defined $shown || !defined $real;
	return 1 if lc $shown eq lc($real =~ s/::[\w" .]+(?:\[\])?$//r);
	my $result = $session->query("SELECT ($shown)::$type IS NOT DISTINCT FROM ($real)::$type");
	return ($result->{rows}[0][0] // '') eq 't';
}

sub _argument_text
{
	my ($argument) = @_;
	return "$argument->{name} $argument->{type}" . (defined $argument->{default} ? " DEFAULT $argument->{default}" : '');
}

sub _signature { return $_[0]{name} . '(' . join(', ', map { _argument_text($_) } @{ $_[0]{in} }) . ')' }

sub _same_function
{
	my ($session, $shown, $real) = @_;

	return 0 if $shown->{name} ne $real->{name} || @{ $shown->{in} } != @{ $real->{in} };
	foreach my $i (0 .. $#{ $real->{in} })
	{
		my ($a, $b) = ($shown->{in}[$i], $real->{in}[$i]);
		return 0 if $a->{name} ne $b->{name} || $a->{type} ne $b->{type}
			|| !_same_default($session, $a->{type}, $a->{default}, $b->{default});
	}
	return 1;
}

sub _result_differences
{
	my ($by_name, $section, $shown, $real) = @_;
	my $result = $real->{result} =~ s/^SETOF //r =~ s/^TABLE\(.*/record/sr;
	my @wrong;

	push @wrong, "it returns $real->{result}" if $shown->{result} ne $result || !$shown->{set} ne !$real->{set};
	if ($shown->{out})
	{
		push @wrong, "its columns are @{$real->{out}}" if "@{$shown->{out}}" ne "@{$real->{out}}";
		return @wrong;
	}
	my %words = _words($by_name, $section, 0);
	push @wrong, map { "the column $_ is not described" } grep { !$words{$_} } @{ $real->{out} };
	my %known = map { $_ => 1 } @{ $real->{out} };
	push @wrong, map { "there is no column $_" } grep { !$known{$_} } _first_cells($section->{text}, 'column');
	%known = map { $_->{name} => 1 } @{ $real->{in} };
	push @wrong, map { "there is no argument $_" } grep { !$known{$_} } _first_cells($section->{text}, 'argument');
	return @wrong;
}

sub _function_differences
{
	my ($session, $by_name, $sections, $examples) = @_;
	my @real = _functions($session);
	my @wrong;

	foreach my $section (@$sections)
	{
		my $shown = _function_of($section->{heading}) or next;
		if ($shown->{wrong}) { push @wrong, "$shown->{name}: $shown->{wrong}"; next; }
		my ($match) = grep { _same_function($session, $shown, $_) } @real;
		if (!$match) { push @wrong, 'the manual has ' . _signature($shown); next; }
		$match->{found} = 1;
		push @wrong, map { "$shown->{name}(): $_" } _result_differences($by_name, $section, $shown, $match);
		push @wrong, "$shown->{name}() has no example"
			if $section->{chapter} !~ $for_programs && $examples !~ /(?<![\w.])\Q$shown->{name}\E\(/;
	}
	push @wrong, map { 'the server has ' . _signature($_) } grep { !$_->{found} } @real;
	return @wrong;
}

sub _relation_differences
{
	my ($session, $by_name, $sections) = @_;
	my $real = _relations($session);
	my %found;
	my @wrong;

	foreach my $section (@$sections)
	{
		my ($name) = $section->{heading} =~ /^`([\w.]+)`$/ or next;
		if (!$real->{$name}) { push @wrong, "there is no $name"; next; }
		$found{$name} = 1;
		my %words = _words($by_name, $section, 0);
		push @wrong, map { "$name: the column $_ is not described" } grep { !$words{$_} } @{ $real->{$name} };
		my %known = map { $_ => 1 } @{ $real->{$name} };
		push @wrong, map { "$name has no column $_" } grep { !$known{$_} } _first_cells($section->{text}, 'column');
	}
	push @wrong, map { "$_ is not described" } grep { !$found{$_} } sort keys %$real;
	return @wrong;
}

# Functions, views and tables that the text mentions must be there.
sub _mentions
{
	my ($session, $text) = @_;
	my %functions = map { $_->[0] => 1 } _rows($session, 'SELECT DISTINCT proname FROM pg_proc');
	my %names = map { $_->[0] => 1 } _rows($session, q{SELECT name FROM pg_settings WHERE name LIKE 'multiregion.%'
		UNION SELECT 'multiregion.' || relname FROM pg_class WHERE relnamespace = 'multiregion'::regnamespace
		UNION SELECT 'multiregion.' || proname FROM pg_proc WHERE pronamespace = 'multiregion'::regnamespace});
	my %wrong;

	while ($text =~ /`(?:multiregion\.)?(\w+)\([^`]*`/g)
	{
		$wrong{"there is no function $1()"} = 1 if !$functions{$1};
	}
	while ($text =~ /`(multiregion\.\w+)`/g)
	{
		$wrong{"there is no $1"} = 1 if !$names{$1};
	}
	return sort keys %wrong;
}

sub api_differences
{
	my ($session, $document) = @_;
	my @sections = sections_of($document->text);
	my %by_name = map { $_->{heading} =~ /^`?([\w.]+)/ ? ($1 => $_) : () } @sections;
	my $examples = join("\n", map { $_->{text} } grep { $_->{language} eq 'sql' } $document->blocks);

	return (_function_differences($session, \%by_name, \@sections, $examples),
		_relation_differences($session, \%by_name, \@sections), _mentions($session, $document->text));
}

1;
