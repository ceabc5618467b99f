/*
 * What multiregion.check() asks about connections between nodes; see mr_catalog_check.h.
 *
 * Runs as the owner of the schema with a search_path that nobody can put objects into.
 * An owner who may not see other users' sessions or pg_hba.conf sees none. Called by
 * check_peers.c.
 */
#include "postgres.h"

#include "extension/mr_catalog_check.h"
#include "extension/mr_catalog_run.h"

static const char *const peers_sql =
	"SELECT n.node_name, n.conninfo, n.hostaddr FROM multiregion.node AS n ORDER BY 1";

static const char *const superuser_sql =
	"SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = $1 AND r.rolsuper";

static const char *const excess_sql =
	"SELECT pg_catalog.string_agg(e.role || ' ' || e.says, ', ' ORDER BY e.role, e.says) FROM ("
	"SELECT r.rolname AS role, v.says FROM pg_catalog.pg_roles AS r, LATERAL (VALUES"
	" (r.rolsuper, 'is a superuser'),"
	" (r.rolcreaterole, 'may create roles'),"
	" (r.rolcreatedb, 'may create databases'),"
	" (r.rolbypassrls, 'passes row security'),"
	" (r.rolreplication AND r.rolname <> 'multiregion_peer', 'may replicate')) AS v (has, says)"
	" WHERE r.rolname IN ('multiregion_peer', 'multiregion_api') AND v.has"
	" UNION ALL SELECT r.rolname, 'is a member of ' || g.rolname"
	" FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.member"
	" JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid"
	" WHERE r.rolname IN ('multiregion_peer', 'multiregion_api')) AS e";

static const char *const sessions_sql =
	"SELECT pg_catalog.string_agg(DISTINCT pg_catalog.host(a.client_addr), ', ')"
	" FROM pg_catalog.pg_stat_activity AS a LEFT JOIN pg_catalog.pg_stat_ssl AS s USING (pid)"
	" WHERE (a.usename IN ('multiregion_peer', 'multiregion_api')"
	" OR a.application_name ~ '^(multiregion(d|-join| )|mr_[0-9a-f]{32}$)')"
	" AND NOT coalesce(s.ssl, false) AND a.client_addr IS NOT NULL"
	" AND NOT a.client_addr <<= '127.0.0.0/8' AND a.client_addr <> '::1'";

static const char *const trusting_sql =
	"SELECT pg_catalog.string_agg(h.line_number::pg_catalog.text, ', ' ORDER BY h.line_number)"
	" FROM pg_catalog.pg_hba_file_rules AS h"
	" WHERE h.type <> 'local' AND h.auth_method = 'trust'"
	" AND h.user_name && ARRAY['all', 'multiregion_peer', 'multiregion_api', '+multiregion_peer',"
	" '+multiregion_api']::pg_catalog.text[]"
	" AND h.address !~ '^(127[.].*|::1|localhost|samehost)$'";

int
mr_catalog_list_peers(MrPeerRow *rows, int max)
{
	MrCatalogSession session;
	int count;

	mr_catalog_open(&session);
	count = (int) Min(mr_read(peers_sql, NULL), (uint64) max);
	for (int i = 0; i < count; i++)
	{
		mr_column_text(i, 1, rows[i].name, sizeof(rows[i].name));
		mr_column_text(i, 2, rows[i].conninfo, sizeof(rows[i].conninfo));
		mr_column_text(i, 3, rows[i].hostaddr, sizeof(rows[i].hostaddr));
	}
	mr_catalog_close(&session);
	return count;
}

bool
mr_catalog_is_superuser(const char *role)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	bool is;

	mr_catalog_open(&session);
	mr_add_text(&arguments, role);
	is = mr_read(superuser_sql, &arguments) > 0;
	mr_catalog_close(&session);
	return is;
}

static void
read_list(const char *sql, char *out, size_t size)
{
	MrCatalogSession session;

	out[0] = '\0';
	mr_catalog_open(&session);
	if (mr_read(sql, NULL) > 0)
		mr_column_text(0, 1, out, size);
	mr_catalog_close(&session);
}

void
mr_catalog_excess_rights(char *out, size_t size)
{
	read_list(excess_sql, out, size);
}

void
mr_catalog_plain_sessions(char *out, size_t size)
{
	read_list(sessions_sql, out, size);
}

void
mr_catalog_trusting_lines(char *out, size_t size)
{
	read_list(trusting_sql, out, size);
}
