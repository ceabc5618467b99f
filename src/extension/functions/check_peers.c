/*
 * The findings of multiregion.check() about connections between nodes: are they encrypted
 * and verified, can their roles do no more than they must, is a secret where none belongs.
 *
 * Looks only, and repeats neither connection strings nor paths. Called by check.c.
 */
#include "postgres.h"

#include <stdlib.h>

#include "utils/guc.h"

#include "adapters/mr_pg_peer.h"
#include "adapters/mr_tls_file.h"
#include "extension/mr_catalog_check.h"
#include "extension/mr_check.h"
#include "extension/mr_settings.h"

#define SOON_DAYS 30

/* Adds to a list in a detail; what does not fit is left out. */
static void
add_to_list(char *list, size_t size, const char *format, const char *a, const char *b)
{
	size_t length = strlen(list);
	char entry[200];

	snprintf(entry, sizeof(entry), format, a, b);
	if (length + strlen(entry) + 3 < size)
		snprintf(list + length, size - length, "%s%s", length > 0 ? ", " : "", entry);
}

static void
conclude(MrFinding *finding, const char *name, const char *list, const char *good, const char *bad,
		 const char *hint)
{
	finding->name = name;
	finding->severity = MR_CHECK_WARNING;
	finding->hint = hint;
	finding->ok = list[0] == '\0';
	if (finding->ok)
		snprintf(finding->detail, sizeof(finding->detail), "%s", good);
	else
		snprintf(finding->detail, sizeof(finding->detail), "%s: %.300s.", bad, list);
}

/* ---------- what this node does ---------- */

/* No packet of it leaves this machine. */
static bool
is_local(const MrPeerRow *peer)
{
	char host[MR_CONNINFO_SIZE];

	if (!mr_pg_conninfo_value(peer->conninfo, "hostaddr", host, sizeof(host)))
	{
		if (mr_pg_conninfo_value(peer->conninfo, "host", host, sizeof(host)) &&
			(host[0] == '/' || host[0] == '@'))
			return true;
		if (peer->hostaddr[0] != '\0')
			strlcpy(host, peer->hostaddr, sizeof(host));
	}
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
		   strcmp(host, "localhost") == 0;
}

/* As libpq will see it: this node's own, the string's, the environment's, libpq's. */
static void
read_sslmode(const MrPeerRow *peer, char *mode, size_t size)
{
	const char *environment = getenv("PGSSLMODE");

	if (mr_pg_conninfo_value(mr_peer_options, "sslmode", mode, size) ||
		mr_pg_conninfo_value(peer->conninfo, "sslmode", mode, size))
		return;
	strlcpy(mode, environment != NULL ? environment : "prefer", size);
}

static void
take_tls(const MrPeerRow *peers, int count, MrFinding *finding)
{
	char list[300] = "";

	for (int i = 0; i < count; i++)
	{
		char mode[32];

		read_sslmode(&peers[i], mode, sizeof(mode));
		if (!is_local(&peers[i]) && strcmp(mode, "verify-full") != 0)
			add_to_list(list, sizeof(list), "\"%s\" (sslmode %s)", peers[i].name, mode);
	}
	conclude(finding, "peer_tls", list, "Connections to other machines verify whom they reach.",
			 "Connections to these nodes do not verify whom they reach",
			 "Set multiregion.peer_options = 'sslmode=verify-full sslrootcert=...' and reload: in "
			 "the place of a node that nobody verifies, anybody can answer.");
}

static void
take_secrets(const MrPeerRow *peers, int count, MrFinding *finding)
{
	char list[300] = "";
	char ignored[MR_CONNINFO_SIZE];

	for (int i = 0; i < count; i++)
	{
		if (mr_pg_conninfo_problem(peers[i].conninfo) != NULL)
			add_to_list(list, sizeof(list), "that of node \"%s\"%s", peers[i].name, "");
	}
	if (mr_pg_conninfo_value(GetConfigOption("primary_conninfo", false, false), "password", ignored,
							 sizeof(ignored)))
		add_to_list(list, sizeof(list), "%s%s", "primary_conninfo", "");
	explicit_bzero(ignored, sizeof(ignored));
	conclude(finding, "peer_secrets", list, "No connection string holds a password.",
			 "Connection strings that hold a password or cannot be used",
			 "Write them with alter_node(), and without a password: use a passfile or "
			 "certificates. primary_conninfo is not used by a member and can be emptied.");
}

/* A file of a setting that has run out, will soon, or cannot be read. */
static void
take_file(const char *setting, const char *path, char *list, size_t size)
{
	int days;
	char text[32];

	if (path[0] == '\0' || strcmp(path, "system") == 0)
		return;
	if (!mr_tls_file_days_left(path, &days))
		add_to_list(list, size, "%s cannot be read%s", setting, "");
	else if (days < 0)
		add_to_list(list, size, "%s has run out%s", setting, "");
	else if (days < SOON_DAYS)
	{
		snprintf(text, sizeof(text), "%d", days);
		add_to_list(list, size, "%s runs out in %s days", setting, text);
	}
}

/* Files of TLS that this node uses: settings of the server, and options towards peers. */
static const char *const tls_settings[] = {"ssl_cert_file", "ssl_ca_file", "ssl_crl_file"};
static const char *const tls_options[] = {"sslcert", "sslrootcert", "sslcrl"};

/* The number-th of them that is in use; false past the end. An empty path is none. */
static bool
find_tls_file(size_t number, const char **name, char path[MR_PEER_OPTIONS_SIZE])
{
	path[0] = '\0';
	if (number < lengthof(tls_settings))
	{
		*name = tls_settings[number];
		if (strcmp(GetConfigOption("ssl", false, false), "on") == 0)
			strlcpy(path, GetConfigOption(*name, false, false), MR_PEER_OPTIONS_SIZE);
		return true;
	}
	number -= lengthof(tls_settings);
	if (number >= lengthof(tls_options))
		return false;
	*name = tls_options[number];
	if (!mr_pg_conninfo_value(mr_peer_options, *name, path, MR_PEER_OPTIONS_SIZE))
		path[0] = '\0';
	return true;
}

int
mr_certificate_days(void)
{
	char path[MR_PEER_OPTIONS_SIZE];
	const char *name;
	int first = -1;
	int days;

	for (size_t i = 0; find_tls_file(i, &name, path); i++)
	{
		if (path[0] == '\0' || strcmp(path, "system") == 0 || !mr_tls_file_days_left(path, &days))
			continue;
		days = Max(days, 0);
		first = first < 0 ? days : Min(first, days);
	}
	return first;
}

static void
take_certificates(MrFinding *finding)
{
	char path[MR_PEER_OPTIONS_SIZE];
	const char *name;
	char list[300] = "";

	for (size_t i = 0; find_tls_file(i, &name, path); i++)
		take_file(name, path, list, sizeof(list));
	conclude(finding, "peer_certificates", list, "No certificate in use runs out soon.",
			 "Certificates, or lists of revoked ones",
			 "Put new ones in their place and reload: "
			 "connections that exist go on, but none can be made with one that has run out.");
}

/* ---------- what others may do here ---------- */

static void
take_roles(const MrPeerRow *peers, int count, MrFinding *finding)
{
	char list[300];
	char user[MR_NAME_SIZE];

	mr_catalog_excess_rights(list, sizeof(list));
	for (int i = 0; i < count; i++)
	{
		if (mr_pg_conninfo_value(peers[i].conninfo, "user", user, sizeof(user)) &&
			mr_catalog_is_superuser(user))
			add_to_list(list, sizeof(list), "peers of node \"%s\" log in as the superuser %s",
						peers[i].name, user);
	}
	conclude(finding, "peer_roles", list, "Peers and sidecars may do what they must, and no more.",
			 "More than peers and sidecars need",
			 "Take it away with ALTER ROLE and REVOKE; connection strings of nodes name no user "
			 "(multiregion_peer), or one with REPLICATION that is a member of multiregion_peer.");
}

static void
take_sessions(MrFinding *finding)
{
	char list[300];

	mr_catalog_plain_sessions(list, sizeof(list));
	conclude(
		finding, "peer_sessions", list,
		"No peer or sidecar of another machine is connected without TLS.",
		"Peers or sidecars are connected without TLS from",
		"Set ssl = on, admit multiregion_peer and multiregion_api with \"hostssl\" lines only, "
		"and set multiregion.peer_options on the other nodes.");
}

static void
take_trust(MrFinding *finding)
{
	char list[300];

	mr_catalog_trusting_lines(list, sizeof(list));
	conclude(finding, "peer_trust", list, "pg_hba.conf trusts no other machine.",
			 "pg_hba.conf admits peers from other machines without a proof in line",
			 "Use \"hostssl\" with the method cert or scram-sha-256 there, and reload.");
}

int
mr_check_peers(MrFinding *findings, int count)
{
	MrPeerRow *peers = palloc(MR_MAX_MEMBERS * sizeof(MrPeerRow));
	int npeers = mr_catalog_list_peers(peers, MR_MAX_MEMBERS);

	take_tls(peers, npeers, &findings[count++]);
	take_secrets(peers, npeers, &findings[count++]);
	take_certificates(&findings[count++]);
	take_roles(peers, npeers, &findings[count++]);
	take_sessions(&findings[count++]);
	take_trust(&findings[count++]);
	pfree(peers);
	return count;
}
