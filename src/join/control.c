/*
 * pg_controldata, pg_waldump and the single-user server; see mr_join_control.h.
 *
 * Must never trust a number it did not find: a field that is missing fails the call.
 */
#include "join/mr_join_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "join/mr_join_files.h"
#include "join/mr_join_process.h"
#include "join/mr_join_wal.h"

#define WAL_END_TIMEOUT_MS 5000

/* The value behind "label:", or NULL. */
static const char *
value_of(const MrJoinRun *run, const char *label)
{
	size_t length = strlen(label);
	const char *line = run->output;

	while (line != NULL && *line != '\0')
	{
		if (strncmp(line, label, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	return NULL;
}

static bool
number_of(const MrJoinRun *run, const char *label, uint64_t *out)
{
	const char *value = value_of(run, label);
	char *end;

	if (value == NULL)
		return false;
	errno = 0;
	*out = strtoull(value, &end, 10);
	return errno == 0 && end > value;
}

static bool
small_number_of(const MrJoinRun *run, const char *label, uint32_t *out)
{
	uint64_t number;

	if (!number_of(run, label, &number) || number > UINT32_MAX)
		return false;
	*out = (uint32_t) number;
	return true;
}

static bool
parse_lsn(const char *text, MrLsn *out)
{
	unsigned int high;
	unsigned int low;

	if (text == NULL || sscanf(text, "%X/%X", &high, &low) != 2)
		return false;
	*out = (uint64_t) high << 32 | low;
	return true;
}

static bool
parse_state(const MrJoinRun *run, char *out, size_t size)
{
	const char *value = value_of(run, "Database cluster state");
	size_t length = value != NULL ? strcspn(value, "\n") : 0;

	if (length == 0 || length >= size)
		return false;
	memcpy(out, value, length);
	out[length] = '\0';
	return true;
}

static bool
parse_control(const MrJoinRun *run, MrJoinControl *control)
{
	const char *hints = value_of(run, "wal_log_hints setting");
	uint32_t checksums;

	memset(control, 0, sizeof(*control));
	if (!parse_state(run, control->state, sizeof(control->state)) ||
		!number_of(run, "Database system identifier", &control->system_identifier) ||
		!small_number_of(run, "Latest checkpoint's TimeLineID", &control->timeline) ||
		!small_number_of(run, "Min recovery ending loc's timeline", &control->recovery_timeline) ||
		!parse_lsn(value_of(run, "Latest checkpoint location"), &control->checkpoint) ||
		!parse_lsn(value_of(run, "Latest checkpoint's REDO location"), &control->redo) ||
		!parse_lsn(value_of(run, "Minimum recovery ending location"), &control->recovery_end) ||
		!small_number_of(run, "Bytes per WAL segment", &control->segment_bytes) ||
		!small_number_of(run, "Data page checksum version", &checksums) || hints == NULL)
		return false;
	control->can_rewind = checksums != 0 || strncmp(hints, "on", 2) == 0;
	return control->timeline > 0 && control->segment_bytes >= 1024 * 1024;
}

bool
mr_join_control_read(MrJoin *join)
{
	MrJoinRun run = {.program = "pg_controldata", .arguments = {"-D", join->options.pgdata}};

	if (mr_join_run(join, &run) && parse_control(&run, &join->control))
		return true;
	mr_join_say("pg_controldata cannot read the data directory \"%s\"", join->options.pgdata);
	mr_join_show_output(&run, 3);
	return false;
}

bool
mr_join_control_was_standby(const MrJoinControl *control)
{
	return strcmp(control->state, "shut down in recovery") == 0 ||
		   strcmp(control->state, "in archive recovery") == 0;
}

bool
mr_join_control_is_clean(const MrJoinControl *control)
{
	return strcmp(control->state, "shut down") == 0;
}

/*
 * pg_waldump over the local WAL of a timeline, from lsn on. The segments are named to
 * it: left to itself it opens whichever file comes first, and gives up when that is one
 * made for WAL still to be written.
 */
typedef struct WalDump
{
	char path[PATH_MAX];
	char start[32];
	char first[MR_JOIN_SEGMENT_NAME];
	char last[MR_JOIN_SEGMENT_NAME];
} WalDump;

/* False if there is nothing to look at. */
static bool
prepare_dump(const MrJoin *join, WalDump *dump, uint32_t timeline, MrLsn lsn)
{
	snprintf(dump->start, sizeof(dump->start), "%X/%X", (unsigned int) (lsn >> 32),
			 (unsigned int) lsn);
	return mr_join_path(dump->path, sizeof(dump->path), join->options.pgdata, "pg_wal") &&
		   mr_join_wal_segments(join, timeline, lsn, dump->first, dump->last);
}

int
mr_join_wal_probe(const MrJoin *join, uint32_t timeline, MrLsn lsn)
{
	WalDump dump;
	MrJoinRun run = {
		.program = "pg_waldump",
		.arguments = {"-n", "1", "-p", dump.path, "-s", dump.start, dump.first, dump.last}};

	if (!prepare_dump(join, &dump, timeline, lsn))
		return 0;
	if (mr_join_run(join, &run) && strstr(run.output, "lsn:") != NULL)
		return 1;
	/* "could not find a valid record": its way to say no */
	if (run.status == 1 && strstr(run.output, "could not find") != NULL)
		return 0;
	mr_join_say("pg_waldump cannot tell where the local WAL ends");
	mr_join_show_output(&run, 3);
	return -1;
}

/* "... record at 0/A: invalid record length at 0/B": B. Else the last "lsn: 0/A". */
static MrLsn
last_position(const MrJoinRun *run, MrLsn lsn)
{
	const char *at = run->output;
	const char *found;
	MrLsn seen;

	while ((found = strstr(at, "lsn: ")) != NULL)
	{
		at = found + 5;
		if (parse_lsn(at, &seen) && seen > lsn)
			lsn = seen;
	}
	at = run->output;
	while ((found = strstr(at, " at ")) != NULL)
	{
		at = found + 4;
		if (parse_lsn(at, &seen) && seen > lsn)
			lsn = seen;
	}
	return lsn;
}

bool
mr_join_wal_is_complete(const MrJoin *join, const char *segment)
{
	char path[PATH_MAX];
	MrJoinRun run = {.program = "pg_waldump", .arguments = {"-q", "-p", path, segment}};

	/* where the WAL ends before the segment does, it fails with an invalid record */
	return mr_join_path(path, sizeof(path), join->options.pgdata, "pg_wal") &&
		   mr_join_run(join, &run);
}

MrLsn
mr_join_wal_end(const MrJoin *join, uint32_t timeline, MrLsn lsn)
{
	WalDump dump;
	MrJoinRun run = {.program = "pg_waldump",
					 .arguments = {"-p", dump.path, "-s", dump.start, dump.first, dump.last},
					 .timeout_ms = WAL_END_TIMEOUT_MS};

	if (!prepare_dump(join, &dump, timeline, lsn))
		return lsn;
	(void) mr_join_run(join, &run);
	return last_position(&run, lsn);
}

bool
mr_join_control_recover(MrJoin *join)
{
	char signal_file[PATH_MAX];
	char config_file[PATH_MAX + 32];
	MrJoinRun run = {.program = "postgres",
					 .arguments = {"--single", "-F", "-D", join->options.pgdata, "-c",
								   "archive_mode=off", "-c", "wal_keep_size=2000000MB", "-c",
								   "max_slot_wal_keep_size=-1", NULL}};
	int last = 10;

	if (!mr_join_path(signal_file, sizeof(signal_file), join->options.pgdata, "standby.signal") ||
		!mr_join_remove_file(signal_file))
	{
		mr_join_say("could not remove standby.signal before the rewind: %s", strerror(errno));
		return false;
	}
	if (join->options.config_file[0] != '\0')
	{
		snprintf(config_file, sizeof(config_file), "config_file=%s", join->options.config_file);
		run.arguments[last++] = "-c";
		run.arguments[last++] = config_file;
	}
	run.arguments[last++] = "template1";
	run.arguments[last] = NULL;
	if (!mr_join_run(join, &run))
	{
		mr_join_say("crash recovery of the data directory failed, which pg_rewind needs");
		mr_join_show_output(&run, 5);
		return false;
	}
	return mr_join_control_read(join);
}
