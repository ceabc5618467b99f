/*
 * Archive module: archives WAL by multiregion.archive_command, but not while fenced.
 *
 * What a fenced primary wrote last may be acknowledged by nobody, and its successor
 * writes another history from there on; a file archived meanwhile would be taken for
 * the truth by a point-in-time recovery. With archive_library = 'multiregion' such a
 * file waits: it is archived when the lease is back, or dropped by a rewind. The
 * command itself is run by PostgreSQL's own shell archiving.
 *
 * Runs in the archiver process. A standby (archive_mode = always) is not held back:
 * what it received came from a leader. Called by the server through
 * _PG_archive_module_init().
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "utils/guc.h"

#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

static bool
archive_configured(MR_ARCHIVE_CONFIGURED_ARGS)
{
	return mr_archive_command != NULL && mr_archive_command[0] != '\0';
}

static bool
archive_file(MR_ARCHIVE_FILE_ARGS)
{
	static bool told = false;
	char *configured = XLogArchiveCommand;
	bool archived;

	if (!RecoveryInProgress() && !mr_fence_is_open())
	{
		if (!told)
			ereport(LOG, (errmsg("multiregion: archiving waits: this node does not hold the "
								 "write lease"),
						  errdetail("The next file is \"%s\".", file)));
		told = true;
		return false;
	}
	told = false;
	/* shell archiving takes its command from this variable, and only during the call */
	XLogArchiveCommand = mr_archive_command;
	archived = mr_compat_shell_archive(MR_ARCHIVE_FILE_PASS);
	XLogArchiveCommand = configured;
	return archived;
}

MR_ARCHIVE_MODULE(archive_configured, archive_file)
