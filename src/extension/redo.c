/*
 * Replay of WAL, watched record by record; see mr_redo.h.
 *
 * The server has no hook for it, but its table of resource managers can be written. The
 * startup process replaces their redo functions in its own copy, when all libraries have
 * registered theirs: other processes never see it, and one that starts after a crash
 * begins with the originals again.
 */
#include "postgres.h"

#include "access/rmgr.h"
#include "access/xlog_internal.h"
#include "access/xlogreader.h"

#include "extension/mr_redo.h"

#define MAX_WATCHERS 4

static struct
{
	MrRedoWatcher before;
	MrRedoWatcher after;
} watchers[MAX_WATCHERS];

static int watcher_count = 0;
static void (*previous_startup)(void) = NULL;
static void (*original_redo[RM_MAX_ID + 1])(XLogReaderState *record);

static void
watched_redo(XLogReaderState *record)
{
	for (int i = 0; i < watcher_count; i++)
		if (watchers[i].before != NULL)
			watchers[i].before(record);
	original_redo[XLogRecGetRmid(record)](record);
	for (int i = 0; i < watcher_count; i++)
		if (watchers[i].after != NULL)
			watchers[i].after(record);
}

/* The server calls it once, before it replays the first record. */
static void
startup(void)
{
	if (previous_startup != NULL)
		previous_startup();
	for (int id = 0; id <= RM_MAX_ID; id++)
		if (RmgrIdExists(id) && RmgrTable[id].rm_redo != watched_redo)
		{
			original_redo[id] = RmgrTable[id].rm_redo;
			RmgrTable[id].rm_redo = watched_redo;
		}
}

void
mr_redo_watch(MrRedoWatcher before, MrRedoWatcher after)
{
	Assert(watcher_count < MAX_WATCHERS);
	if (watcher_count == 0)
	{
		previous_startup = RmgrTable[RM_XACT_ID].rm_startup;
		RmgrTable[RM_XACT_ID].rm_startup = startup;
	}
	watchers[watcher_count].before = before;
	watchers[watcher_count].after = after;
	watcher_count++;
}
