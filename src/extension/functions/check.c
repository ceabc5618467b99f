/*
 * multiregion.check(): what about this server would bite later.
 *
 * Looks only. Each finding has a severity for the case that it is not ok; init() refuses
 * errors. Settings of PostgreSQL are in check_settings.c, connections between nodes in
 * check_peers.c, here is what else takes more than a look at a setting. Called by init(),
 * by multiregion-join and by administrators.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/tuplestore.h"

#include "extension/mr_catalog_edit.h"
#include "extension/mr_check.h"
#include "extension/mr_functions.h"
#include "extension/mr_managed.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/routing/mr_tenant_cache.h"

/* statfs() types of file systems that are gone after a restart of the machine. */
#define TYPE_TMPFS 0x01021994
#define TYPE_RAMFS 0x858458f6

PG_FUNCTION_INFO_V1(multiregion_check);

static void
begin(MrFinding *finding, const char *name, MrCheckSeverity severity, const char *hint)
{
	finding->name = name;
	finding->severity = severity;
	finding->hint = hint;
}

static void
take_preload(MrFinding *finding)
{
	begin(finding, "shared_preload_libraries", MR_CHECK_ERROR,
		  "Add multiregion to shared_preload_libraries and restart.");
	finding->ok = mr_shared != NULL;
	snprintf(finding->detail, sizeof(finding->detail), "multiregion is %s.",
			 finding->ok ? "preloaded" : "not preloaded");
}

static void
take_worker(MrFinding *finding)
{
	begin(finding, "lease_worker", MR_CHECK_ERROR,
		  "See the server log; max_worker_processes may be too small.");
	finding->ok =
		mr_shared != NULL && pg_atomic_read_u32(&mr_shared->lease_procno) != PG_UINT32_MAX;
	snprintf(finding->detail, sizeof(finding->detail), "The lease worker is %s.",
			 finding->ok ? "running" : "not running");
}

static void
take_database(MrFinding *finding)
{
	char *here = get_database_name(MyDatabaseId);

	begin(finding, "multiregion.database", MR_CHECK_ERROR,
		  "Create the extension in multiregion.database, or set that to this database and "
		  "restart.");
	finding->ok = mr_database != NULL && strcmp(mr_database, here) == 0;
	snprintf(finding->detail, sizeof(finding->detail),
			 "multiregion.database is \"%s\", this database is \"%s\".",
			 mr_database != NULL ? mr_database : "", here);
}

static void
take_slot_name(MrFinding *finding)
{
	const char *name = GetConfigOption("primary_slot_name", false, false);

	begin(finding, "primary_slot_name", MR_CHECK_WARNING,
		  "Leave primary_slot_name to multiregion-join: a slot of another name exists on one "
		  "node only, and is missing after a failover.");
	finding->ok = name[0] == '\0' || strncmp(name, "mr_", 3) == 0;
	snprintf(finding->detail, sizeof(finding->detail), "primary_slot_name is %s.",
			 name[0] == '\0' ? "empty" : name);
}

/* Asked of the setting itself: the library may be an absolute path or a list's only entry. */
static void
take_archive(MrFinding *finding)
{
	bool archives = strcmp(GetConfigOption("archive_mode", false, false), "off") != 0;
	const char *library = GetConfigOption("archive_library", false, false);

	begin(finding, "archive_library", MR_CHECK_WARNING,
		  "Set archive_library = 'multiregion' and move archive_command's text to "
		  "multiregion.archive_command: otherwise a fenced primary goes on archiving WAL that "
		  "nobody acknowledged.");
	finding->ok = !archives || strcmp(library, "multiregion") == 0;
	snprintf(finding->detail, sizeof(finding->detail), "WAL is %s.",
			 !archives     ? "not archived"
			 : finding->ok ? "archived only while this node holds the lease"
						   : "archived also while this node is fenced");
}

static void
take_prepared(MrFinding *finding)
{
	int64 count = mr_catalog_count_prepared();

	begin(finding, "prepared_transactions", MR_CHECK_WARNING,
		  "Finish them with COMMIT PREPARED or ROLLBACK PREPARED: they hold back vacuum, and "
		  "after a failover they may exist no more.");
	finding->ok = count == 0;
	snprintf(finding->detail, sizeof(finding->detail), "%lld prepared transactions wait.",
			 (long long) count);
}

static void
take_authentication(MrFinding *finding)
{
	begin(finding, "pg_hba.conf", MR_CHECK_WARNING,
		  "Add lines for \"replication\" and for multiregion.database that admit the other nodes "
		  "to pg_hba.conf, and reload.");
	finding->ok = mr_catalog_admits_replication();
	snprintf(finding->detail, sizeof(finding->detail), "Replication is %s.",
			 finding->ok ? "admitted from somewhere" : "admitted from nowhere");
}

/* Two nodes could each stop the other, so they have one vote, and with it no failover. */
static void
take_voters(MrFinding *finding)
{
	MrLease *lease = mr_copy_lease();
	int voters = lease != NULL ? mr_config_count_voters(&lease->durable.config) : 0;

	begin(
		finding, "voters", MR_CHECK_WARNING,
		"Add a third node, or a witness with add_witness(), in a third place. Until then, should "
		"the voter be lost, only multiregion-join --force-new-quorum makes another node primary.");
	finding->ok = lease == NULL || voters >= 3;
	if (lease == NULL)
		snprintf(finding->detail, sizeof(finding->detail), "The server is no member of a cluster.");
	else
		snprintf(finding->detail, sizeof(finding->detail),
				 "%d of %d nodes %s a vote; failover is %s.", voters,
				 mr_config_count_members(&lease->durable.config), voters == 1 ? "has" : "have",
				 finding->ok ? "automatic" : "not automatic");
}

/* Each answer of routing about a tenant may come from memory only while these fire. */
static void
take_tenant_cache(MrFinding *finding)
{
	const MrRoutingTables *tables = mr_routing_tables();

	begin(finding, "tenant_cache", MR_CHECK_WARNING,
		  "Enable the triggers that are disabled with ALTER TABLE multiregion.tenant ENABLE ALWAYS "
		  "TRIGGER note_change (and note_truncate), and ALTER TABLE multiregion.region (and zone) "
		  "ENABLE ALWAYS TRIGGER note_change.");
	finding->ok = mr_tenant_cache == NULL || (tables->tenants_watched && tables->regions_watched);
	if (mr_tenant_cache == NULL)
		strlcpy(finding->detail, "Tenants are not kept in memory.", sizeof(finding->detail));
	else if (finding->ok)
		strlcpy(finding->detail, "Tenants are kept in memory.", sizeof(finding->detail));
	else
		strlcpy(finding->detail,
				"Triggers of multiregion.tenant, region or zone are disabled: what is known of "
				"tenants is read anew each time.",
				sizeof(finding->detail));
}

/* ---------- the state directory ---------- */

/* The directory, or while it does not exist the one above; resolved. False: neither is there. */
static bool
real_directory(const char *directory, char out[PATH_MAX])
{
	char parent[MAXPGPATH];

	if (realpath(directory, out) != NULL)
		return true;
	if (errno != ENOENT)
		return false;
	strlcpy(parent, directory, sizeof(parent));
	canonicalize_path(parent);
	get_parent_directory(parent);
	return parent[0] != '\0' && realpath(parent, out) != NULL;
}

static bool
is_volatile(const char *path)
{
	struct statfs info;

	return statfs(path, &info) == 0 && (info.f_type == TYPE_TMPFS || info.f_type == TYPE_RAMFS);
}

/* Why the directory cannot serve; NULL if it can. */
static const char *
directory_problem(const char *directory)
{
	char path[PATH_MAX];
	char data[PATH_MAX];

	if (!is_absolute_path(directory))
		return "is not an absolute path";
	if (!real_directory(directory, path) || realpath(DataDir, data) == NULL)
		return "does not exist, nor does the directory above it";
	if (path_is_prefix_of_path(data, path))
		return "lies inside the data directory, which pg_basebackup and pg_rewind copy";
	if (access(path, W_OK | X_OK) != 0)
		return "cannot be written";
	if (is_volatile(path) && !is_volatile(data))
		return "lies in memory and would be lost by a restart of the machine";
	return NULL;
}

static void
take_state_directory(MrFinding *finding)
{
	const char *directory = mr_state_directory();
	const char *problem = directory_problem(directory);

	begin(finding, "multiregion.state_directory", MR_CHECK_ERROR,
		  "Set multiregion.state_directory to a directory outside the data directory, on storage "
		  "that lasts as long, and restart.");
	finding->ok = problem == NULL;
	snprintf(finding->detail, sizeof(finding->detail), "\"%s\" %s.", directory,
			 problem != NULL ? problem : "can be used");
}

/* ---------- the list ---------- */

static int
collect(MrFinding *findings)
{
	static void (*const takers[])(MrFinding * finding) = {
		take_preload, take_worker,   take_database,       take_state_directory, take_slot_name,
		take_archive, take_prepared, take_authentication, take_voters,          take_tenant_cache,
	};
	int count = 0;

	memset(findings, 0, MR_CHECK_MAX * sizeof(MrFinding));
	for (size_t i = 0; i < lengthof(takers); i++)
		takers[i](&findings[count++]);
	count = mr_check_settings(findings, count);
	count = mr_check_peers(findings, count);
	count = mr_check_slots(findings, count);
	Assert(count <= MR_CHECK_MAX);
	return count;
}

static const char *
severity_name(MrCheckSeverity severity)
{
	switch (severity)
	{
		case MR_CHECK_INFO:
			return "info";
		case MR_CHECK_WARNING:
			return "warning";
		case MR_CHECK_ERROR:
			return "error";
	}
	return "?";
}

Datum
multiregion_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MrFinding *findings = palloc(MR_CHECK_MAX * sizeof(MrFinding));
	int count = collect(findings);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < count; i++)
	{
		const MrFinding *finding = &findings[i];
		Datum values[5];
		bool nulls[5] = {false};

		values[0] = CStringGetTextDatum(finding->name);
		values[1] = BoolGetDatum(finding->ok);
		values[2] = CStringGetTextDatum(severity_name(finding->severity));
		values[3] = CStringGetTextDatum(finding->detail);
		nulls[4] = finding->ok;
		values[4] = finding->ok ? (Datum) 0 : CStringGetTextDatum(finding->hint);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static bool
is_ignored(const char *name, char **ignored, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(ignored[i], name) == 0)
			return true;
	}
	return false;
}

void
mr_check_or_refuse(char **ignored, int ignored_count)
{
	MrFinding *findings = palloc(MR_CHECK_MAX * sizeof(MrFinding));
	int count = collect(findings);
	StringInfoData problems;
	const char *hint = NULL;

	initStringInfo(&problems);
	for (int i = 0; i < count; i++)
	{
		const MrFinding *finding = &findings[i];

		if (finding->ok || finding->severity != MR_CHECK_ERROR ||
			is_ignored(finding->name, ignored, ignored_count))
			continue;
		appendStringInfo(&problems, "%s%s", problems.len > 0 ? "\n" : "", finding->detail);
		hint = hint == NULL ? finding->hint
							: "SELECT * FROM multiregion.check() WHERE NOT ok says "
							  "what to do.";
	}
	if (problems.len > 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server is not ready to be managed"),
						errdetail("%s", problems.data), errhint("%s", hint)));
}
