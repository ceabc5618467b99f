/*
 * Replay of WAL, watched record by record in the startup process.
 */
#ifndef MR_REDO_H
#define MR_REDO_H

#include "postgres.h"

#include "access/xlogreader.h"

/*
 * Called with a record that is replayed. It runs in the startup process, for each record of
 * the WAL: it must not raise an error, allocate memory, or take a lock or wait for anybody.
 */
typedef void (*MrRedoWatcher)(XLogReaderState *record);

/*
 * While the library is preloaded: before is called just before a record takes effect, after
 * when it has; one of them may be NULL. Watchers are called in the order of their
 * registration. The end of a record is record->EndRecPtr; the server itself says that it has
 * been replayed only after the last watcher.
 */
extern void mr_redo_watch(MrRedoWatcher before, MrRedoWatcher after);

#endif /* MR_REDO_H */
