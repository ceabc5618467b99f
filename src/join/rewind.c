/*
 * pg_rewind, made safe to be interrupted; see mr_join_act.h.
 *
 * Order: crash recovery (keeping every segment), diverged WAL and own files aside,
 * divergence recorded, state file "holds nothing", unfinished work noted; only then
 * pg_rewind. It empties WAL it would need again, so a second try begins by putting the
 * kept segments back, and those before the fork from the leader; its control file is
 * written last, so until then the data directory is still a target.
 * Must never run without the leader's confirmation.
 */
#include "join/mr_join_act.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/mr_topology.h"
#include "join/mr_join_configure.h"
#include "join/mr_join_control.h"
#include "join/mr_join_files.h"
#include "join/mr_join_identity.h"
#include "join/mr_join_peers.h"
#include "join/mr_join_process.h"
#include "join/mr_join_wal.h"

#define NOTE_BYTES 1024

/* DIR/diverged/TERM-FORK of the state directory, made with its parent. */
static bool
kept_path(const MrJoin *join, char *out, size_t size)
{
	char parent[PATH_MAX];
	char name[64];

	snprintf(name, sizeof(name), "%llu-%X_%X", (unsigned long long) join->facts.leader.term,
			 (unsigned int) (join->verdict.fork_lsn >> 32), (unsigned int) join->verdict.fork_lsn);
	return mr_join_path(parent, sizeof(parent), join->options.state_directory, "diverged") &&
		   mr_join_make_directory(parent) && mr_join_path(out, size, parent, name);
}

/* What a person who finds the folder wants to know. */
static bool
write_note(const MrJoin *join, const char *directory, MrLsn end)
{
	char path[PATH_MAX];
	char text[NOTE_BYTES];
	int length = snprintf(
		text, sizeof(text),
		"node %s\nleader %s\nterm %llu\ntimeline %u\nfork_timeline %u\n"
		"fork_lsn %X/%X\nend_lsn %X/%X\n",
		join->durable.name, join->facts.leader.node, (unsigned long long) join->facts.leader.term,
		join->facts.timeline, join->verdict.fork_timeline,
		(unsigned int) (join->verdict.fork_lsn >> 32), (unsigned int) join->verdict.fork_lsn,
		(unsigned int) (end >> 32), (unsigned int) end);

	return mr_join_path(path, sizeof(path), directory, "divergence") &&
		   mr_join_write_file(path, text, (size_t) length, 0600);
}

/* The diverged WAL is kept if there is room; the rewind goes on without. */
static void
keep_diverged(const MrJoin *join, MrLsn end, char *kept, size_t size)
{
	if (!kept_path(join, kept, size))
	{
		mr_join_say("could not make a folder for the diverged WAL: %s", strerror(errno));
		kept[0] = '\0';
	}
	else if (!mr_join_wal_keep(join, kept, join->verdict.fork_timeline, join->verdict.fork_lsn,
							   end) ||
			 !write_note(join, kept, end))
	{
		mr_join_say("warning: going on without a copy of the diverged WAL");
		kept[0] = '\0';
	}
	else
		mr_join_say("kept the diverged WAL, %X/%X to %X/%X, in \"%s\"",
					(unsigned int) (join->verdict.fork_lsn >> 32),
					(unsigned int) join->verdict.fork_lsn, (unsigned int) (end >> 32),
					(unsigned int) end, kept);
}

/*
 * First try: everything up to the point of no return. 0, -1 or an exit code. The state
 * file goes first: crash recovery writes to this node's own history, and ends its life
 * as a standby. Interrupted there, it must not be taken for somebody who may lead.
 */
static int
prepare(MrJoin *join, MrJoinProgress *progress)
{
	MrLsn end;

	if (!mr_join_state_rebuild(join))
		return MR_JOIN_EXIT_FAILED;
	if ((!mr_join_control_is_clean(&join->control) ||
		 join->control.timeline != join->facts.timeline) &&
		!mr_join_control_recover(join))
		return -1;
	end = join->control.checkpoint;
	keep_diverged(join, end, progress->kept, sizeof(progress->kept));
	if (!mr_join_own_files_save(join))
		return MR_JOIN_EXIT_FAILED;
	mr_join_leader_record(join, end, progress->kept);
	progress->phase = MR_JOIN_PHASE_REWIND;
	progress->timeline = join->facts.leader.timeline;
	return mr_join_progress_write(join, progress) ? 0 : MR_JOIN_EXIT_FAILED;
}

/* Another try: the target must be as pg_rewind wants it. */
static int
prepare_again(MrJoin *join, MrJoinProgress *progress)
{
	if (!mr_join_control_read(join))
		return -1;
	if (!mr_join_control_is_clean(&join->control))
	{
		mr_join_say("the interrupted rewind left a control file \"%s\"", join->control.state);
		return -1;
	}
	if (progress->kept[0] == '\0')
	{
		mr_join_say("the diverged WAL that another try needs was not kept");
		return -1;
	}
	if (!mr_join_wal_mend(join) || !mr_join_wal_restore(join, progress->kept))
	{
		mr_join_say("could not put the diverged WAL back: %s", strerror(errno));
		return -1;
	}
	progress->timeline = join->facts.leader.timeline;
	if (!mr_join_state_rebuild(join) || !mr_join_progress_write(join, progress))
		return MR_JOIN_EXIT_FAILED;
	return 0;
}

/* Did it lack WAL that an archive may have? */
static bool
wants_archive(const MrJoin *join, const MrJoinRun *run)
{
	return (strstr(run->output, "could not find previous WAL record") != NULL ||
			strstr(run->output, "could not open file") != NULL) &&
		   mr_join_wal_has_archive(join);
}

static bool
run_pg_rewind(MrJoin *join, MrJoinRun *run)
{
	char source[MR_PG_PEER_SIZE_OF_CONNINFO];
	char option[MR_PG_PEER_SIZE_OF_CONNINFO + 32];
	int last = 4;

	if (!mr_join_leader_conninfo(join, source, sizeof(source)))
		return false;
	snprintf(option, sizeof(option), "--source-server=%s", source);
	memset(run, 0, sizeof(*run));
	run->program = "pg_rewind";
	run->arguments[0] = "-D";
	run->arguments[1] = join->options.pgdata;
	run->arguments[2] = option;
	run->arguments[3] = "--no-ensure-shutdown"; /* we saw to it, and kept the WAL */
	if (join->options.config_file[0] != '\0')
	{
		run->arguments[last++] = "--config-file";
		run->arguments[last++] = join->options.config_file;
	}
	if (mr_join_run(join, run))
		return true;
	if (!wants_archive(join, run))
		return false;
	mr_join_say("pg_rewind lacks WAL; trying again with restore_command");
	run->arguments[last] = "--restore-target-wal";
	return mr_join_run(join, run);
}

/* Recovery begins at the last common checkpoint: the leader may not reach back so far. */
static bool
can_recover(MrJoin *join)
{
	if (!mr_join_wal_is_gone(join))
		return true;
	mr_join_say("the leader has removed WAL that the rewound data directory needs to recover");
	return false;
}

/* pg_rewind exits with 0 when it did nothing: only the control file shows what happened. */
static bool
has_rewound(MrJoin *join, const MrJoinRun *run)
{
	if (!mr_join_control_read(join))
		return false;
	if (strcmp(join->control.state, "in archive recovery") == 0 &&
		join->control.recovery_timeline == join->facts.leader.timeline)
		return can_recover(join);
	/* It looked at both histories and proved that nothing passes the fork. */
	if (strstr(run->output, "no rewind required") != NULL &&
		strstr(run->output, "same timeline") == NULL)
	{
		mr_join_say("pg_rewind found nothing past the fork");
		return true;
	}
	mr_join_say("pg_rewind did nothing although the histories differ");
	return false;
}

static int
not_possible(MrJoin *join, const MrJoinRun *run)
{
	if (run->program != NULL)
		mr_join_show_output(run, 5);
	join->facts.rewind_failed = true;
	return -1;
}

int
mr_join_rewind(MrJoin *join)
{
	MrJoinProgress progress;
	MrJoinRun run = {.program = NULL};
	int64_t began_ns = mr_join_now_ns();
	int code = mr_join_identify(join);

	if (code == 0 && !mr_join_progress_read(join, &progress))
		code = MR_JOIN_EXIT_FAILED;
	if (code == 0)
		code = progress.phase == MR_JOIN_PHASE_REWIND ? prepare_again(join, &progress)
													  : prepare(join, &progress);
	if (code == -1)
		return not_possible(join, &run);
	if (code != 0)
		return code;
	if (!mr_join_leader_checkpoint(join))
		return MR_JOIN_EXIT_RETRY;
	if (!run_pg_rewind(join, &run) || !has_rewound(join, &run))
		return not_possible(join, &run);
	progress.phase = MR_JOIN_PHASE_SETTLE;
	if (!mr_join_progress_write(join, &progress) || !mr_join_settle(join))
		return MR_JOIN_EXIT_FAILED;
	mr_join_say("rewound to timeline %u of \"%s\" in %lld ms", join->facts.leader.timeline,
				join->facts.leader.node,
				(long long) ((mr_join_now_ns() - began_ns) / MR_NS_PER_MS));
	return 0;
}
