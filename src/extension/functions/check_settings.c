/*
 * The findings of multiregion.check() that are one setting and one rule each: a table.
 *
 * A rule says what is fine; the hint says what to write otherwise, and the comment why.
 * Called by check.c.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/guc.h"

#include "extension/mr_catalog_edit.h"
#include "extension/mr_check.h"
#include "extension/mr_shared_state.h"

typedef enum Rule
{
	MUST_BE,      /* word */
	MUST_NOT_BE,  /* word */
	MUST_BE_ZERO, /* and "" counts as zero */
	AT_LEAST,     /* low, in the setting's base unit */
	AT_MOST,      /* high */
	BETWEEN
} Rule;

typedef struct SettingCheck
{
	const char *setting;
	Rule rule;
	const char *word;
	int low;
	int high;
	MrCheckSeverity severity;
	const char *hint;
} SettingCheck;

static const SettingCheck setting_checks[] = {
	{"wal_level", MUST_NOT_BE, "minimal", 0, 0, MR_CHECK_ERROR,
	 "Set wal_level = replica and restart: without it there are no standbys."},
	{"fsync", MUST_BE, "on", 0, 0, MR_CHECK_ERROR,
	 "Set fsync = on: a vote, and every commit, rests on what is on the disk."},
	{"full_page_writes", MUST_BE, "on", 0, 0, MR_CHECK_ERROR,
	 "Set full_page_writes = on: pg_rewind and crash recovery need it."},
	{"hot_standby", MUST_BE, "on", 0, 0, MR_CHECK_ERROR,
	 "Set hot_standby = on and restart: standbys vote through a connection."},
	{"max_connections", AT_LEAST, NULL, 30, 0, MR_CHECK_WARNING,
	 "Set max_connections to at least 30: each node, its monitor and sidecar hold some."},
	{"max_worker_processes", AT_LEAST, NULL, 8, 0, MR_CHECK_WARNING,
	 "Set max_worker_processes to at least 8, or the lease worker may find no place."},
	{"synchronous_commit", MUST_NOT_BE, "off", 0, 0, MR_CHECK_WARNING,
	 "Set synchronous_commit = on: a restart may lose commits that were acknowledged."},
	{"synchronous_standby_names", MUST_BE, "", 0, 0, MR_CHECK_WARNING,
	 "Leave synchronous_standby_names empty: commits would hang while its standbys are away."},
	{"recovery_min_apply_delay", MUST_BE_ZERO, NULL, 0, 0, MR_CHECK_WARNING,
	 "Set recovery_min_apply_delay = 0: a delayed standby is never promoted."},
	{"wal_retrieve_retry_interval", AT_MOST, NULL, 0, 1000, MR_CHECK_WARNING,
	 "Set wal_retrieve_retry_interval = 100ms: a standby waits that long before it looks for the "
	 "new primary."},
	{"wal_sender_timeout", BETWEEN, NULL, 1, 60000, MR_CHECK_WARNING,
	 "Set wal_sender_timeout to some seconds: a dead standby is noticed that late."},
	{"wal_receiver_timeout", BETWEEN, NULL, 1, 60000, MR_CHECK_WARNING,
	 "Set wal_receiver_timeout to some seconds: a dead primary is noticed that late."},
	{"max_slot_wal_keep_size", AT_LEAST, NULL, 0, 0, MR_CHECK_WARNING,
	 "Set max_slot_wal_keep_size below the free space of the disk: every node keeps WAL for every "
	 "other, and one that is gone for good would fill it."},
	{"default_transaction_read_only", MUST_BE, "off", 0, 0, MR_CHECK_WARNING,
	 "Set default_transaction_read_only = off: clients that look for the primary would pass by."},
	{"archive_mode", MUST_NOT_BE, "always", 0, 0, MR_CHECK_WARNING,
	 "Set archive_mode = on: with always every node writes to the archive, and a former primary "
	 "may overwrite what the new one wrote."},
};

static bool
is_fine(const SettingCheck *check, const char *value)
{
	int number = (int) strtol(value, NULL, 10);

	switch (check->rule)
	{
		case MUST_BE:
			return strcmp(value, check->word) == 0;
		case MUST_NOT_BE:
			return strcmp(value, check->word) != 0;
		case MUST_BE_ZERO:
			return number == 0;
		case AT_LEAST:
			return number >= check->low;
		case AT_MOST:
			return number <= check->high;
		case BETWEEN:
			return number >= check->low && number <= check->high;
	}
	return false;
}

static void
take_setting(const SettingCheck *check, MrFinding *finding)
{
	/* In the base unit, and as a person writes it. */
	const char *value = GetConfigOption(check->setting, true, false);
	const char *shown = GetConfigOptionByName(check->setting, NULL, true);

	finding->name = check->setting;
	finding->severity = check->severity;
	finding->hint = check->hint;
	finding->ok = value != NULL && is_fine(check, value);
	snprintf(finding->detail, sizeof(finding->detail), "%s is %s.", check->setting,
			 shown == NULL      ? "unknown"
			 : shown[0] == '\0' ? "empty"
								: shown);
}

/* Without one of the two, pg_rewind cannot tell which pages differ. */
static void
take_rewind(MrFinding *finding)
{
	bool hints = strcmp(GetConfigOption("wal_log_hints", false, false), "on") == 0;
	bool checksums = DataChecksumsEnabled();

	finding->name = "wal_log_hints";
	finding->severity = MR_CHECK_ERROR;
	finding->ok = hints || checksums;
	snprintf(finding->detail, sizeof(finding->detail),
			 "wal_log_hints is %s, data checksums are %s.", hints ? "on" : "off",
			 checksums ? "on" : "off");
	finding->hint = "Set wal_log_hints = on and restart, or enable checksums with pg_checksums: "
					"without either, pg_rewind cannot bring a former primary back.";
}

/* As many as other nodes, and two for a clone and a rewind under way. */
static void
take_capacity(const char *setting, int spare, MrFinding *finding)
{
	int has = (int) strtol(GetConfigOption(setting, false, false), NULL, 10);
	int nodes = Max(mr_catalog_count_nodes(NULL), 3);

	finding->name = setting;
	finding->severity = MR_CHECK_ERROR;
	finding->ok = has >= nodes - 1 + spare;
	snprintf(finding->detail, sizeof(finding->detail), "%s is %d; %d nodes need %d.", setting, has,
			 nodes, nodes - 1 + spare);
	finding->hint = "Raise it and restart: every other node streams from here when this one is "
					"primary.";
}

int
mr_check_settings(MrFinding *findings, int count)
{
	for (size_t i = 0; i < lengthof(setting_checks); i++)
		take_setting(&setting_checks[i], &findings[count++]);
	take_rewind(&findings[count++]);
	take_capacity("max_wal_senders", 2, &findings[count++]);
	take_capacity("max_replication_slots", 0, &findings[count++]);
	return count;
}
