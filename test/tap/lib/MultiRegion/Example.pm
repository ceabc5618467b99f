# SQL examples of a document: statements with what they return, run on a real server.
#
#   SELECT region_for_tenant('acme');          -- EU_WEST
#
#   SELECT tenant_id, region_key FROM multiregion.tenants;
#   --  tenant_id | region_key
#   --  acme      | EU_WEST
#
# A comment beside a statement is the one row it returns, its values joined by "|"; comment
# lines directly below one are a table with its header. Both are compared word for word:
# null is NULL, "..." in a value is anything, a last line "..." is further rows, "(no rows)"
# is none. An error is "ERROR 42704: its message", with "HINT: ..." below if it matters.
# What a statement returns has to be shown, unless it is nothing or void. Other comments
# stand at the head of the block or after an empty line.
#
# "SELECT commit_token() AS token \gset" keeps columns, also for later blocks of the
# document; :'token' is one of them, quoted. "; varies COLUMN, COLUMN" in the mark of the
# block names columns whose values are only of the kind that is shown (a number, a time,
# a text), "; soon" repeats a block that reads until it is as shown.
package MultiRegion::Example;

use strict;
use warnings;

use Exporter qw(import);
our @EXPORT_OK = qw(run_example statements_of differences);

my $piece = qr{'(?:[^']|'')*'|"[^"]*"|\$(\w*)\$.*?\$\g{-1}\$|--[^\n]*|[^;\\'"\$-]+|.}s;

# Statements of a block: hashes of sql, keep (whether \gset ends it), beside and below
# (lists of what comments say).
sub statements_of
{
	my ($text) = @_;
	my @statements;
	my $sql = '';

	while ($text =~ /\G(;|\\gset\b|$piece)/gc)
	{
		my $word = $1;
		if ($word ne ';' && $word ne '\gset')
		{
			$sql .= $word if $word !~ /^--/;
			next;
		}
		my ($beside) = $text =~ /\G[ \t]*--[ \t]*([^\n]*?)[ \t]*(?=\n|\z)/gc ? $1 : ();
		my @below = $text =~ /\G[ \t]*\n((?:--[^\n]*(?:\n|\z))+)/gc ? map { s/^--\s*|\s+$//gr } split(/\n/, $1) : ();
		push @statements, { sql => $sql =~ s/^\s+|\s+$//gr, keep => $word eq '\gset',
			beside => $beside, below => \@below };
		$sql = '';
	}
	push @statements, { sql => $sql =~ s/^\s+|\s+$//gr, below => [], unfinished => 1 } if $sql =~ /\S/;
	return @statements;
}

sub _kind_of
{
	my ($value) = @_;
	return !defined $value ? 'null'
		: $value =~ /^-?[\d.]+(?:e[+-]?\d+)?$/ ? 'a number'
		: $value =~ /^\d{4}-\d\d-\d\d[ T]\d\d:/ ? 'a time'
		: $value =~ m{^[0-9A-F]+/[0-9A-F]+$} ? 'a position' : 'a text';
}

sub _same
{
	my ($shown, $value, $varies) = @_;
	my $wanted = $shown eq 'null' ? undef : $shown;

	return 1 if $shown eq '...';
	return _kind_of($wanted) eq _kind_of($value) if $varies;
	return !defined $value if !defined $wanted;
	return 0 if !defined $value;
	my $pattern = join('.*', map { quotemeta } split(/\.\.\./, $wanted, -1));
	return $value =~ s/\s+/ /gr =~ /\A$pattern\z/;
}

sub _cells { return map { s/^\s+|\s+$//gr } split(/\|/, $_[0], -1) }

# The rows that a statement shows: (columns or undef, rows, whether there may be more).
sub _shown
{
	my ($statement) = @_;
	my @lines = @{ $statement->{below} };

	return (undef, [ [ _cells($statement->{beside}) ] ], 0) if defined $statement->{beside};
	my $columns = [ _cells(shift @lines) ];
	shift @lines if @lines && $lines[0] =~ /^-+(?:\+-+)*$/;
	my $more = @lines && $lines[-1] eq '...';
	pop @lines if $more;
	return ($columns, [ map { [ _cells($_) ] } @lines ], $more);
}

sub _error_differences
{
	my ($result, @lines) = @_;
	my ($state, $message) = shift(@lines) =~ /^ERROR (\w{5})(?:: (.*))?$/ or return 'an ERROR without SQLSTATE is shown';
	my %said = (message => $message, map { /^(DETAIL|HINT): (.*)$/ ? (lc $1, $2) : (nothing => $_) } @lines);
	my @wrong;

	return "no error, but $state is shown" if !defined $result->{sqlstate};
	push @wrong, "SQLSTATE is $result->{sqlstate} ($result->{message}), not $state" if $result->{sqlstate} ne $state;
	foreach my $part (grep { defined $said{$_} } sort keys %said)
	{
		push @wrong, "the $part is \"" . ($result->{$part} // '') . "\", not \"$said{$part}\""
			if !_same($said{$part}, $result->{$part}, 0);
	}
	return @wrong;
}

sub _row_differences
{
	my ($columns, $shown, $row, $varies) = @_;
	my @wrong;

	return scalar(@$row) . ' values, not ' . @$shown if @$row != @$shown;
	foreach my $i (0 .. $#$row)
	{
		push @wrong, "$columns->[$i] is " . ($row->[$i] // 'null') . ", not $shown->[$i]"
			if !_same($shown->[$i], $row->[$i], $varies->{ $columns->[$i] });
	}
	return @wrong;
}

# What a result has other than shown, as texts.
sub differences
{
	my ($statement, $result, $varies) = @_;
	my @lines = ((defined $statement->{beside} ? $statement->{beside} : ()), @{ $statement->{below} });
	my @rows = @{ $result->{rows} // [] };
	my @columns = @{ $result->{columns} // [] };

	return _error_differences($result, @lines) if @lines && $lines[0] =~ /^ERROR\b/;
	return "it failed: $result->{sqlstate}: $result->{message}" if defined $result->{sqlstate};
	return 'no answer: ' . ($result->{message} // '') if !$result->{ready};
	return () if $statement->{keep};
	if (!@lines)
	{
		return (grep { ($_ // 'null') ne '' } map { @$_ } @rows) ? 'what it returns is not shown' : ();
	}
	return (@rows ? scalar(@rows) . ' rows, not none' : ()) if "@lines" eq '(no rows)';
	my ($header, $shown, $more) = _shown($statement);
	return "the columns are @columns, not @$header" if $header && "@columns" ne "@$header";
	return scalar(@rows) . ' rows, not ' . @$shown if @rows < @$shown || (@rows > @$shown && !$more);
	return map { _row_differences(\@columns, $shown->[$_], $rows[$_], $varies) } 0 .. $#$shown;
}

sub _quoted { return defined $_[0] ? "'" . $_[0] =~ s/'/''/gr . "'" : 'NULL' }

sub _table
{
	my ($result) = @_;

	return join('', "--  ERROR $result->{sqlstate}: $result->{message}\n",
		map { defined $result->{$_} ? '--  ' . uc($_) . ": $result->{$_}\n" : () } qw(detail hint))
		if defined $result->{sqlstate};
	return '' if !@{ $result->{columns} // [] };
	return join('', map { '--  ' . join(' | ', map { $_ // 'null' } @$_) . "\n" } $result->{columns}, @{ $result->{rows} });
}

# Runs a block in a session: (what is not as shown, what was returned, as text).
sub run_example
{
	my ($session, $text, %args) = @_;
	my %varies = map { $_ => 1 } split(/,\s*/, $args{varies} // '');
	my $kept = $args{kept} // {};
	my ($output, @wrong) = ('');

	foreach my $statement (statements_of($text))
	{
		my $sql = $statement->{sql} =~ s/:'(\w+)'/exists $kept->{$1} ? _quoted($kept->{$1}) : ":'$1'"/ger;
		my $result = $session->query($sql, timeout => 60);
		my @found = $statement->{unfinished} ? 'it does not end with ;' : differences($statement, $result, \%varies);

		@$kept{ @{ $result->{columns} } } = @{ $result->{rows}[0] } if $statement->{keep} && @{ $result->{rows} // [] };
		$output .= "$sql;\n" . _table($result);
		push @wrong, map { "$sql: $_" } @found;
		last if !$session->is_open;
	}
	return (\@wrong, $output);
}

1;
