/*
 * Going on where an earlier run was interrupted; see mr_join_act.h.
 *
 * What was complete is finished here, without a leader. What was not is cleaned up
 * as far as it is ours and left to the plan.
 */
#include <errno.h>
#include <string.h>

#include "join/mr_join_act.h"
#include "join/mr_join_configure.h"
#include "join/mr_join_control.h"
#include "join/mr_join_directory.h"
#include "join/mr_join_files.h"
#include "join/mr_join_process.h"

int
mr_join_note_unfinished(MrJoin *join)
{
	MrJoinProgress progress;

	if (!mr_join_progress_read(join, &progress))
		return MR_JOIN_EXIT_REFUSED;
	switch (progress.phase)
	{
		case MR_JOIN_PHASE_NONE:
			break;
		case MR_JOIN_PHASE_REWIND:
		case MR_JOIN_PHASE_SETTLE:
			join->facts.unfinished = MR_JOIN_UNFINISHED_REWIND;
			break;
		case MR_JOIN_PHASE_CLONE:
		case MR_JOIN_PHASE_SWAP:
			join->facts.unfinished = MR_JOIN_UNFINISHED_CLONE;
			break;
	}
	return 0;
}

/* pg_rewind's last act is the control file: with it, and the label, nothing is missing. */
static bool
rewind_was_complete(MrJoin *join, const MrJoinProgress *progress)
{
	return join->facts.backup_label && mr_join_control_read(join) &&
		   strcmp(join->control.state, "in archive recovery") == 0 &&
		   join->control.recovery_timeline == progress->timeline;
}

/* It may have been interrupted before it had synced what it wrote. */
static bool
sync_data(MrJoin *join)
{
	MrJoinRun run = {.program = "initdb", .arguments = {"--sync-only", "-D", join->options.pgdata}};

	if (mr_join_run(join, &run))
		return true;
	mr_join_say("could not make the rewound data directory durable");
	mr_join_show_output(&run, 3);
	return false;
}

static int
settle(MrJoin *join)
{
	if (!mr_join_settle(join))
		return MR_JOIN_EXIT_FAILED;
	mr_join_say("finished what an earlier run had left");
	join->facts.unfinished = MR_JOIN_UNFINISHED_NONE;
	return mr_join_directory_look(join) ? 0 : MR_JOIN_EXIT_FAILED;
}

static int
resume_rewind(MrJoin *join, MrJoinProgress *progress)
{
	join->facts.unfinished = MR_JOIN_UNFINISHED_REWIND;
	join->facts.directory = MR_JOIN_DIR_MANAGED;
	if (join->facts.state != MR_JOIN_STATE_OK || !rewind_was_complete(join, progress))
		return 0;
	progress->phase = MR_JOIN_PHASE_SETTLE;
	if (!sync_data(join) || !mr_join_progress_write(join, progress))
		return MR_JOIN_EXIT_FAILED;
	return settle(join);
}

/* The place of the clone is ours, whatever is in it. */
static int
resume_clone(MrJoin *join, const MrJoinProgress *progress)
{
	const char *place = progress->temporary[0] != '\0' ? progress->temporary : join->options.pgdata;
	bool cleaned = progress->temporary[0] != '\0' ? mr_join_remove_tree(place)
												  : mr_join_remove_contents(place);

	join->facts.unfinished = MR_JOIN_UNFINISHED_CLONE;
	if (!cleaned)
	{
		mr_join_say("could not remove the unfinished clone in \"%s\": %s", place, strerror(errno));
		return MR_JOIN_EXIT_FAILED;
	}
	mr_join_say("removed an unfinished clone");
	return mr_join_directory_look(join) ? 0 : MR_JOIN_EXIT_FAILED;
}

int
mr_join_resume(MrJoin *join)
{
	MrJoinProgress progress;

	if (!mr_join_progress_read(join, &progress))
		return MR_JOIN_EXIT_REFUSED;
	switch (progress.phase)
	{
		case MR_JOIN_PHASE_NONE:
			return 0;
		case MR_JOIN_PHASE_REWIND:
			return resume_rewind(join, &progress);
		case MR_JOIN_PHASE_CLONE:
			return resume_clone(join, &progress);
		case MR_JOIN_PHASE_SWAP:
			if (!mr_join_clone_swap(join, &progress))
				return MR_JOIN_EXIT_FAILED;
			break;
		case MR_JOIN_PHASE_SETTLE:
			break;
	}
	/* The copy is complete, but without an identity it is nobody's yet. */
	join->facts.unfinished = MR_JOIN_UNFINISHED_NONE;
	if (!mr_join_directory_look(join))
		return MR_JOIN_EXIT_FAILED;
	return join->facts.state == MR_JOIN_STATE_OK ? settle(join) : 0;
}
