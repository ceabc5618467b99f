/*
 * The local WAL directory; see mr_join_wal.h.
 *
 * A segment's name proves nothing: a recycled one carries the name of WAL still to be
 * written. The header of its first page tells which WAL it holds. Must never remove
 * a segment.
 */
#include "join/mr_join_wal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "join/mr_join_control.h"
#include "join/mr_join_files.h"
#include "join/mr_join_peers.h"

#define HISTORY_BYTES (256 * 1024)

/* Start of a WAL page (XLogPageHeaderData), the same in all versions we know. */
typedef struct PageHeader
{
	uint16_t magic;
	uint16_t info;
	uint32_t timeline;
	uint64_t address;
} PageHeader;

/* What a directory entry is, by its name. */
typedef struct WalFile
{
	bool is_segment; /* else a history */
	uint32_t timeline;
	uint64_t number; /* of the segment */
} WalFile;

/* Calls visit for each segment and history file; stops at the first false. */
typedef bool (*Visit)(const char *directory, const char *name, const WalFile *file, void *context);

static bool
is_hex(const char *text, size_t length)
{
	return strspn(text, "0123456789ABCDEF") >= length;
}

static bool
classify(const char *name, uint32_t segment_bytes, WalFile *file)
{
	size_t length = strlen(name);
	unsigned int timeline;
	unsigned int high;
	unsigned int low;

	file->is_segment = length == 24 && is_hex(name, 24);
	if (!file->is_segment &&
		!(length == 16 && is_hex(name, 8) && strcmp(name + 8, ".history") == 0))
		return false;
	if (sscanf(name, "%8X", &timeline) != 1 || timeline == 0)
		return false;
	file->timeline = timeline;
	file->number = 0;
	if (!file->is_segment)
		return true;
	if (sscanf(name + 8, "%8X%8X", &high, &low) != 2)
		return false;
	file->number = (uint64_t) high * (UINT64_C(0x100000000) / segment_bytes) + low;
	return true;
}

static bool
walk(const char *directory, uint32_t segment_bytes, Visit visit, void *context)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	WalFile file;
	bool going = true;

	if (dir == NULL)
		return false;
	while (going && (entry = readdir(dir)) != NULL)
	{
		if (classify(entry->d_name, segment_bytes, &file))
			going = visit(directory, entry->d_name, &file, context);
	}
	closedir(dir);
	return going;
}

/* True if the segment holds the WAL of its name, from its first page on. */
static bool
holds_its_wal(const char *directory, const char *name, const WalFile *file, uint32_t segment_bytes)
{
	char path[PATH_MAX];
	PageHeader header;
	ssize_t got;
	int fd;

	if (!mr_join_path(path, sizeof(path), directory, name))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, &header, sizeof(header));
	close(fd);
	return got == (ssize_t) sizeof(header) && header.magic != 0 &&
		   header.timeline <= file->timeline && header.address == file->number * segment_bytes;
}

static bool
wal_directory(const MrJoin *join, char *out, size_t size)
{
	return mr_join_path(out, size, join->options.pgdata, "pg_wal");
}

/* Writes the name of a segment; true if it is here and holds its WAL. */
static bool
find_segment(const char *directory, uint32_t segment_bytes, uint32_t timeline, uint64_t number,
			 char name[MR_JOIN_SEGMENT_NAME])
{
	uint64_t per_high = UINT64_C(0x100000000) / segment_bytes;
	WalFile file = {.is_segment = true, .timeline = timeline, .number = number};

	snprintf(name, MR_JOIN_SEGMENT_NAME, "%08X%08X%08X", timeline,
			 (unsigned int) (number / per_high), (unsigned int) (number % per_high));
	return holds_its_wal(directory, name, &file, segment_bytes);
}

bool
mr_join_wal_find_segment(const MrJoin *join, uint32_t timeline, uint64_t number,
						 char name[MR_JOIN_SEGMENT_NAME])
{
	char directory[PATH_MAX];

	return wal_directory(join, directory, sizeof(directory)) &&
		   find_segment(directory, join->control.segment_bytes, timeline, number, name);
}

bool
mr_join_wal_segments(const MrJoin *join, uint32_t timeline, MrLsn lsn,
					 char first[MR_JOIN_SEGMENT_NAME], char last[MR_JOIN_SEGMENT_NAME])
{
	uint32_t segment_bytes = join->control.segment_bytes;
	uint64_t number = lsn / segment_bytes;
	char directory[PATH_MAX];
	char next[MR_JOIN_SEGMENT_NAME];

	if (!wal_directory(join, directory, sizeof(directory)) ||
		!find_segment(directory, segment_bytes, timeline, number, first))
		return false;
	memcpy(last, first, MR_JOIN_SEGMENT_NAME);
	while (find_segment(directory, segment_bytes, timeline, ++number, next))
		memcpy(last, next, MR_JOIN_SEGMENT_NAME);
	return true;
}

/* ---------- the newest local timeline ---------- */

typedef struct Newest
{
	uint32_t segment_bytes;
	uint32_t below;  /* look for an older one than this */
	uint32_t newest; /* 0 = none */
} Newest;

static bool
find_newest(const char *directory, const char *name, const WalFile *file, void *context)
{
	Newest *search = context;

	if (file->is_segment && file->timeline < search->below && file->timeline > search->newest &&
		holds_its_wal(directory, name, file, search->segment_bytes))
		search->newest = file->timeline;
	return true;
}

/* The history of a timeline from its local file; count 0 if that cannot be read. */
static void
read_history(const char *directory, uint32_t timeline, MrJoinHistory *out)
{
	char path[PATH_MAX];
	char *text;
	ssize_t length;

	out->count = 0;
	if (timeline == 1)
	{
		(void) mr_join_history_parse(NULL, 0, 1, out);
		return;
	}
	if (snprintf(path, sizeof(path), "%s/%08X.history", directory, timeline) >= (int) sizeof(path))
		return;
	text = malloc(HISTORY_BYTES);
	if (text == NULL)
		return;
	length = mr_join_read_file(path, text, HISTORY_BYTES);
	if (length > 0 && length < HISTORY_BYTES - 1)
		(void) mr_join_history_parse(text, (size_t) length, timeline, out);
	free(text);
}

/* Recovery would go on to this timeline: it descends from the control file's and has a record. */
static bool
is_followed(const MrJoin *join, uint32_t timeline, uint32_t parent)
{
	MrLsn begin;

	return mr_join_history_begin(&join->history, parent, &begin) &&
		   mr_join_history_begin(&join->history, timeline, &begin) &&
		   mr_join_wal_probe(join, timeline, begin) != 0;
}

bool
mr_join_wal_find_timeline(MrJoin *join)
{
	const MrJoinControl *control = &join->control;
	uint32_t known = control->recovery_timeline > control->timeline ? control->recovery_timeline
																	: control->timeline;
	Newest search = {.segment_bytes = control->segment_bytes, .below = UINT32_MAX};
	char directory[PATH_MAX];

	if (!wal_directory(join, directory, sizeof(directory)))
		return false;
	for (;;)
	{
		search.newest = 0;
		if (!walk(directory, control->segment_bytes, find_newest, &search))
		{
			mr_join_say("could not read \"%s\": %s", directory, strerror(errno));
			return false;
		}
		if (search.newest <= known)
			break;
		read_history(directory, search.newest, &join->history);
		if (is_followed(join, search.newest, known))
		{
			join->facts.timeline = search.newest;
			return true;
		}
		search.below = search.newest;
	}
	join->facts.timeline = known;
	read_history(directory, known, &join->history);
	return true;
}

/* ---------- keeping what is about to be lost ---------- */

typedef struct Keeper
{
	const char *to;
	uint32_t segment_bytes;
	uint32_t fork_timeline;
	uint64_t first; /* segment of the fork */
	MrLsn end;
	unsigned long long bytes; /* counted in the first round */
	bool count_only;
} Keeper;

static bool
is_wanted(const Keeper *keeper, const char *directory, const char *name, const WalFile *file)
{
	if (!file->is_segment)
		return true;
	if (file->timeline < keeper->fork_timeline)
		return false;
	if (file->timeline == keeper->fork_timeline && file->number < keeper->first)
		return false;
	return holds_its_wal(directory, name, file, keeper->segment_bytes);
}

/* How much of the segment holds WAL. */
static size_t
used_bytes(const Keeper *keeper, const WalFile *file)
{
	MrLsn begin = file->number * keeper->segment_bytes;

	if (!file->is_segment)
		return HISTORY_BYTES;
	/* whole pages, and one more for a record that is torn at the end */
	if (keeper->end >= begin && keeper->end - begin + 16384 < keeper->segment_bytes)
		return (size_t) (keeper->end - begin) + 16384;
	return keeper->segment_bytes;
}

static bool
keep_one(const char *directory, const char *name, const WalFile *file, void *context)
{
	Keeper *keeper = context;
	char from[PATH_MAX];
	char to[PATH_MAX];

	if (!is_wanted(keeper, directory, name, file))
		return true;
	if (keeper->count_only)
	{
		keeper->bytes += used_bytes(keeper, file);
		return true;
	}
	return mr_join_path(from, sizeof(from), directory, name) &&
		   mr_join_path(to, sizeof(to), keeper->to, name) &&
		   mr_join_copy_file(from, to, used_bytes(keeper, file));
}

bool
mr_join_wal_keep(const MrJoin *join, const char *directory, uint32_t fork_timeline, MrLsn fork_lsn,
				 MrLsn end)
{
	uint32_t segment_bytes = join->control.segment_bytes;
	unsigned long long available = mr_join_free_bytes(join->options.state_directory);
	Keeper keeper = {.to = directory,
					 .segment_bytes = segment_bytes,
					 .fork_timeline = fork_timeline,
					 .first = fork_lsn / segment_bytes,
					 .end = end,
					 .count_only = true};
	char from[PATH_MAX];
	bool kept;

	if (!wal_directory(join, from, sizeof(from)))
		return false;
	kept = walk(from, segment_bytes, keep_one, &keeper);
	if (kept && keeper.bytes > available)
	{
		mr_join_say("the diverged WAL (%llu bytes) does not fit beside the state file (%llu free)",
					keeper.bytes, available);
		return false;
	}
	keeper.count_only = false;
	kept = kept && mr_join_remove_tree(directory) && mr_join_make_directory(directory) &&
		   walk(from, segment_bytes, keep_one, &keeper);
	if (kept)
		return true;
	mr_join_say("could not keep the diverged WAL in \"%s\": %s", directory, strerror(errno));
	(void) mr_join_remove_tree(directory);
	return false;
}

static bool
restore_one(const char *directory, const char *name, const WalFile *file, void *context)
{
	char from[PATH_MAX];
	char to[PATH_MAX];

	(void) file;
	return mr_join_path(from, sizeof(from), directory, name) &&
		   mr_join_path(to, sizeof(to), context, name) && mr_join_copy_file(from, to, SIZE_MAX);
}

bool
mr_join_wal_restore(const MrJoin *join, const char *directory)
{
	char to[PATH_MAX];

	return wal_directory(join, to, sizeof(to)) &&
		   walk(directory, join->control.segment_bytes, restore_one, to);
}

/* ---------- what an interrupted rewind has cut ---------- */

static bool
is_whole(const char *directory, const char *name, const WalFile *file, uint32_t segment_bytes)
{
	char path[PATH_MAX];
	struct stat st;

	return mr_join_path(path, sizeof(path), directory, name) && stat(path, &st) == 0 &&
		   st.st_size == (off_t) segment_bytes &&
		   holds_its_wal(directory, name, file, segment_bytes);
}

static bool
mend_one(const char *directory, const char *name, const WalFile *file, void *context)
{
	MrJoin *join = context;
	char path[PATH_MAX];

	if (!file->is_segment || file->timeline > join->control.timeline ||
		is_whole(directory, name, file, join->control.segment_bytes))
		return true;
	return mr_join_path(path, sizeof(path), directory, name) &&
		   mr_join_leader_read_segment(join, name, path);
}

bool
mr_join_wal_mend(MrJoin *join)
{
	char directory[PATH_MAX];

	return wal_directory(join, directory, sizeof(directory)) &&
		   walk(directory, join->control.segment_bytes, mend_one, join);
}

/* ---------- history files ---------- */

typedef struct Installer
{
	const MrJoin *join;
	const MrJoinHistoryFile *files;
	int count;
	char aside[PATH_MAX]; /* where what goes is kept */
} Installer;

static const MrJoinHistoryFile *
find_file(const Installer *installer, uint32_t timeline)
{
	int i;

	for (i = 0; i < installer->count; i++)
	{
		if (installer->files[i].timeline == timeline)
			return &installer->files[i];
	}
	return NULL;
}

static bool
same_content(const char *path, const MrJoinHistoryFile *file)
{
	char *text = malloc(HISTORY_BYTES);
	ssize_t length = text != NULL ? mr_join_read_file(path, text, HISTORY_BYTES) : -1;
	bool same = length >= 0 && (size_t) length == file->size &&
				memcmp(text, file->content, file->size) == 0;

	free(text);
	return same;
}

/* Moves a history aside that the leader does not have, or has otherwise. */
static bool
put_aside(const char *directory, const char *name, const WalFile *file, void *context)
{
	Installer *installer = context;
	const MrJoinHistoryFile *right = find_file(installer, file->timeline);
	char from[PATH_MAX];
	char to[PATH_MAX];

	if (file->is_segment || file->timeline <= installer->join->facts.timeline)
		return true;
	if (!mr_join_path(from, sizeof(from), directory, name) ||
		!mr_join_path(to, sizeof(to), installer->aside, name))
		return false;
	if (right != NULL && file->timeline <= installer->join->facts.leader.timeline &&
		same_content(from, right))
		return true;
	mr_join_say("moving timeline history %s aside: it is not the leader's", name);
	return mr_join_make_directory(installer->aside) && mr_join_copy_file(from, to, SIZE_MAX) &&
		   mr_join_remove_file(from);
}

static bool
write_histories(const Installer *installer, const char *directory)
{
	uint32_t own = installer->join->facts.timeline;
	uint32_t newest = installer->join->facts.leader.timeline;
	char path[PATH_MAX];
	int i;

	for (i = 0; i < installer->count; i++)
	{
		const MrJoinHistoryFile *file = &installer->files[i];

		if (file->timeline <= own || file->timeline > newest)
			continue;
		if (snprintf(path, sizeof(path), "%s/%08X.history", directory, file->timeline) >=
			(int) sizeof(path))
			return false;
		if (!mr_join_exists(path) && !mr_join_write_file(path, file->content, file->size, 0600))
			return false;
	}
	return true;
}

bool
mr_join_wal_install_histories(const MrJoin *join, const MrJoinHistoryFile *files, int count)
{
	Installer installer = {.join = join, .files = files, .count = count};
	char directory[PATH_MAX];

	if (wal_directory(join, directory, sizeof(directory)) &&
		mr_join_path(installer.aside, sizeof(installer.aside), join->options.state_directory,
					 "diverged") &&
		walk(directory, join->control.segment_bytes, put_aside, &installer) &&
		write_histories(&installer, directory))
		return true;
	mr_join_say("could not bring the timeline histories in \"%s\" in line: %s", directory,
				strerror(errno));
	return false;
}
