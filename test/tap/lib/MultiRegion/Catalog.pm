# What an extension consists of, as text: to compare an updated one with a fresh one, and
# one before with one after.
#
#   my @lines = catalog_of($session);        # of a MultiRegion::Session
#   my @differences = compare(\@old, \@new);  # "- line" and "+ line"
package MultiRegion::Catalog;

use strict;
use warnings;

use Exporter qw(import);
our @EXPORT_OK = qw(catalog_of compare data_of);

# An ACL in the order of its items, which depends on the order of GRANTs otherwise.
sub _sorted_acl
{
	my ($acl) = @_;
	return "(SELECT string_agg(item::text, ' ' ORDER BY item::text COLLATE \"C\") FROM unnest($acl) AS item)";
}

my $members = q{(SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
	AND refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'multiregion'))};
my $relations = qq{(SELECT c.* FROM pg_class AS c WHERE ('pg_class'::regclass, c.oid) IN $members)};

# Queries of one text column each.
my @parts = (
	q{SELECT 'version ' || extversion || ' schema ' || extnamespace::regnamespace::text FROM pg_extension
		WHERE extname = 'multiregion'},
	qq{SELECT 'member ' || type || ' ' || identity FROM (SELECT (pg_identify_object(classid, objid, 0)).*
		FROM $members AS m) AS m},
	qq{SELECT 'column ' || c.relname || ' ' || a.attnum || ' ' || a.attname || ' '
			|| format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull::text || ' ' || a.attidentity::text || ' '
			|| a.attcollation::regcollation::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '-') || ' '
			|| coalesce(col_description(c.oid, a.attnum), '-')
		FROM $relations AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
		LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE NOT a.attisdropped},
	qq{SELECT 'constraint ' || c.relname || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
		FROM $relations AS c JOIN pg_constraint AS k ON k.conrelid = c.oid},
	qq{SELECT 'index ' || pg_get_indexdef(i.indexrelid) FROM $relations AS c JOIN pg_index AS i ON i.indrelid = c.oid},
	qq{SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM $relations AS c JOIN pg_trigger AS t ON t.tgrelid = c.oid
		WHERE NOT t.tgisinternal},
	qq{SELECT 'view ' || c.relname || ' ' || pg_get_viewdef(c.oid) FROM $relations AS c WHERE c.relkind = 'v'},
	qq{SELECT 'function ' || p.oid::regprocedure::text || ' ' || pg_get_functiondef(p.oid) FROM pg_proc AS p
		WHERE ('pg_proc'::regclass, p.oid) IN $members},
	qq{SELECT 'rights ' || c.relname || ' ' || coalesce(} . _sorted_acl('c.relacl') . qq{, '-') FROM $relations AS c},
	qq{SELECT 'rights ' || p.oid::regprocedure::text || ' ' || } . _sorted_acl(q{coalesce(p.proacl, acldefault('f', p.proowner))})
		. qq{ FROM pg_proc AS p WHERE ('pg_proc'::regclass, p.oid) IN $members
			OR p.proname IN ('pg_ls_dir', 'pg_stat_file', 'pg_read_binary_file')},
	q{SELECT 'rights ' || n.nspname || ' ' || coalesce(} . _sorted_acl('n.nspacl') . q{, '-') FROM pg_namespace AS n},
	q{SELECT 'initial rights ' || type || ' ' || identity || ' ' || privtype::text || ' ' || coalesce(acl, '-') FROM (
			SELECT p.privtype, } . _sorted_acl('p.initprivs') . q{ AS acl,
				(pg_identify_object(p.classoid, p.objoid, p.objsubid)).* FROM pg_init_privs AS p
			WHERE NOT EXISTS (SELECT FROM pg_proc AS f WHERE (p.classoid, p.objoid) = ('pg_proc'::regclass, f.oid)
				AND } . _sorted_acl('p.initprivs') . ' = ' . _sorted_acl(q{acldefault('f', f.proowner)}) . q{)) AS p},
	qq{SELECT 'comment ' || m.type || ' ' || m.identity || ' ' || m.text FROM (
			SELECT (pg_identify_object(m.classid, m.objid, 0)).*, obj_description(m.objid, m.classid::regclass::name) AS text
			FROM $members AS m) AS m},
	q{SELECT 'dumped ' || config::regclass::text || ' ' || condition FROM pg_extension AS e,
			unnest(e.extconfig, e.extcondition) AS u (config, condition) WHERE e.extname = 'multiregion'});

sub _lines
{
	my ($session, @queries) = @_;
	my @lines;

	foreach my $sql (@queries)
	{
		my $result = $session->query($sql, timeout => 30);
		die "$result->{message}\n  in: $sql" if defined $result->{sqlstate} || !$result->{ready};
		push @lines, sort map { $_->[0] // '(null)' } @{ $result->{rows} };
	}
	return @lines;
}

sub catalog_of { return _lines($_[0], @parts) }

# The rows of all its tables but the counter, which is not dumped.
sub data_of
{
	my ($session) = @_;
	my @tables = _lines($session, q{SELECT oid::regclass::text FROM pg_class
		WHERE relnamespace = 'multiregion'::regnamespace AND relkind = 'r' AND relname <> 'configuration_version'});

	return _lines($session, map { "SELECT '$_ ' || (to_jsonb(t))::text FROM $_ AS t" } @tables);
}

sub compare
{
	my ($old, $new) = @_;
	my %old = map { $_ => 1 } @$old;
	my %new = map { $_ => 1 } @$new;

	return ((map { "- $_" } grep { !$new{$_} } @$old), (map { "+ $_" } grep { !$old{$_} } @$new));
}

1;
