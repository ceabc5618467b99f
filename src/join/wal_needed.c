/*
 * Does a node still get the WAL that it needs? See mr_join_wal.h.
 *
 * Recovery begins at the backup label or the last checkpoint. From there on each segment
 * must be here, as the leader's history has it, or still be at the leader; the one in
 * which the local WAL ends is asked for again as a whole. Must never call WAL gone that
 * may be there: such a node starts, and waits. Called by main.c and rewind.c.
 */
#include "join/mr_join_wal.h"

#include <stdio.h>
#include <string.h>

#include "join/mr_join_control.h"
#include "join/mr_join_files.h"
#include "join/mr_join_peers.h"
#include "join/mr_join_process.h"

#define LABEL_BYTES 4096

/* Number of the segment of that name; 0 if it is none. */
static uint64_t
number_of(const char *segment, uint32_t segment_bytes)
{
	unsigned int timeline;
	unsigned int high;
	unsigned int low;

	if (sscanf(segment, "%8X%8X%8X", &timeline, &high, &low) != 3)
		return 0;
	return high * (UINT64_C(0x100000000) / segment_bytes) + low;
}

/* Where recovery will begin. */
static MrLsn
recovery_start(const MrJoin *join)
{
	static const char label[] = "START WAL LOCATION: ";
	char path[PATH_MAX];
	char text[LABEL_BYTES];
	const char *found;
	unsigned int high;
	unsigned int low;

	if (!mr_join_path(path, sizeof(path), join->options.pgdata, "backup_label") ||
		mr_join_read_file(path, text, sizeof(text)) < 0)
		return join->control.redo;
	found = strstr(text, label);
	if (found == NULL || sscanf(found + strlen(label), "%X/%X", &high, &low) != 2)
		return join->control.redo;
	return (uint64_t) high << 32 | low;
}

/* The timeline whose file the leader's history has for a segment that begins before end. */
static uint32_t
timeline_at(const MrJoinHistory *history, MrLsn end)
{
	int i = history->count - 1;

	while (i > 0 && history->list[i].begin >= end)
		i--;
	return i >= 0 ? history->list[i].timeline : 0;
}

bool
mr_join_wal_has_archive(const MrJoin *join)
{
	char command[PATH_MAX];

	return mr_join_server_setting(join, "restore_command", command, sizeof(command)) &&
		   command[0] != '\0';
}

bool
mr_join_wal_is_gone(MrJoin *join)
{
	uint32_t segment_bytes = join->control.segment_bytes;
	uint64_t number = recovery_start(join) / segment_bytes;
	char name[MR_JOIN_SEGMENT_NAME];
	char last[MR_JOIN_SEGMENT_NAME] = "";
	uint64_t oldest;

	if (!mr_join_leader_oldest_segment(join, name))
		return false;
	oldest = number_of(name, segment_bytes);
	if (number >= oldest)
		return false;
	if (!join->facts.leader_history_known && !mr_join_leader_read_history(join))
		return false;
	for (; number < oldest; number++)
	{
		uint32_t timeline =
			timeline_at(&join->leader_history, (number + 1) * (MrLsn) segment_bytes);

		if (timeline == 0)
			return false;
		if (!mr_join_wal_find_segment(join, timeline, number, name))
			break;
		memcpy(last, name, sizeof(last));
	}
	/* complete up to what the leader has, unless the WAL ends within the last one */
	if (number == oldest && mr_join_wal_is_complete(join, last))
		return false;
	return !mr_join_wal_has_archive(join);
}
