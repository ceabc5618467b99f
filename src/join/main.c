/*
 * multiregion-join: makes a data directory a correct member, before postgres starts.
 *
 * Takes the lock, looks, and then asks the plan (plan.c) again and again: each answer
 * names a fact to fetch or the thing to do. Must never start a server that others
 * could reach, and never run beside one. Called by whatever supervises postgres.
 */
#include "join/mr_join.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapters/mr_state_file.h"
#include "core/mr_forced.h"
#include "join/mr_join_act.h"
#include "join/mr_join_configure.h"
#include "join/mr_join_control.h"
#include "join/mr_join_directory.h"
#include "join/mr_join_explain.h"
#include "join/mr_join_force.h"
#include "join/mr_join_identity.h"
#include "join/mr_join_peers.h"
#include "join/mr_join_process.h"
#include "join/mr_join_progress.h"
#include "join/mr_join_wal.h"

#define LINGER_MS 2000   /* for the outcome of an election or promotion under way */
#define ASK_SOON_MS 20   /* between rounds of a wait that should be short */
#define ASK_LATER_MS 200 /* ... and of one for a leader that may be long in coming */

/* ---------- facts ---------- */

/* Reads the state file and judges it against marker and --node. */
static void
look_at_state(MrJoin *join)
{
	MrJoinFacts *facts = &join->facts;
	const MrDurable *durable = &join->durable;
	const char *problem;
	MrUuid marked;

	switch (mr_state_file_read(join->options.state_directory, &join->durable, &problem))
	{
		case MR_STATE_OK:
			facts->state = MR_JOIN_STATE_OK;
			break;
		case MR_STATE_ABSENT:
			facts->state = MR_JOIN_STATE_ABSENT;
			break;
		case MR_STATE_DAMAGED:
			facts->state = MR_JOIN_STATE_DAMAGED;
			mr_join_say("the state file in \"%s\" is damaged: %s", join->options.state_directory,
						problem);
			break;
		case MR_STATE_IO_ERROR:
			facts->state = MR_JOIN_STATE_UNREADABLE;
			mr_join_say("the state file in \"%s\" cannot be read: %s",
						join->options.state_directory, strerror(errno));
			break;
	}
	if (facts->state != MR_JOIN_STATE_OK)
		return;
	/* While a rewind is unfinished the marker may be half written: it is copied, too. */
	if (facts->directory == MR_JOIN_DIR_MANAGED && facts->unfinished == MR_JOIN_UNFINISHED_NONE &&
		!(mr_join_directory_cluster(join->options.pgdata, &marked) &&
		  mr_uuid_equal(&marked, &durable->cluster)))
		facts->state = MR_JOIN_STATE_FOREIGN;
	else if (join->options.node[0] != '\0' && strcmp(join->options.node, durable->name) != 0)
		facts->state = MR_JOIN_STATE_OF_OTHER;
}

/* What the plan wants to know of a state file that is well. */
static void
take_state(MrJoin *join)
{
	MrJoinFacts *facts = &join->facts;
	const MrDurable *durable = &join->durable;

	int slot;

	facts->named = join->options.node[0] != '\0';
	facts->witness = join->options.witness;
	if (facts->state != MR_JOIN_STATE_OK)
		return;
	slot = mr_config_slot_of(&durable->config, &durable->node);
	if (slot != MR_NO_SLOT)
		facts->witness = durable->config.members[slot].witness;
	facts->amnesiac = durable->amnesiac;
	facts->discarded = mr_durable_is_discarded(durable);
	facts->generation = mr_generation(durable->config.term);
	facts->term = durable->term;
	facts->log_term = durable->log_term;
	facts->rebuilding_term = durable->rebuilding_term;
	facts->held_stamp_timeline =
		durable->stamp.term != 0 && durable->log_term >= durable->stamp.term
			? durable->stamp.timeline
			: 0;
}

static int
read_control(MrJoin *join)
{
	MrJoinFacts *facts = &join->facts;
	const MrJoinControl *control = &join->control;

	if (!mr_join_control_read(join) || !mr_join_wal_find_timeline(join))
		return MR_JOIN_EXIT_FAILED;
	facts->control_known = true;
	facts->was_standby = mr_join_control_was_standby(control);
	facts->can_rewind = control->can_rewind;
	facts->system_identifier = control->system_identifier;
	facts->history = &join->history;
	facts->known_end = 0;
	if (control->timeline == facts->timeline)
		facts->known_end = control->checkpoint + 1; /* its record begins there */
	if (control->recovery_timeline == facts->timeline && control->recovery_end > facts->known_end)
		facts->known_end = control->recovery_end;
	return 0;
}

static int
read_history(MrJoin *join)
{
	if (!mr_join_leader_read_history(join))
		return MR_JOIN_EXIT_RETRY;
	join->facts.leader_history = &join->leader_history;
	return 0;
}

static int
probe(MrJoin *join)
{
	/* If nobody can tell, assume the worse: a rewind that was not needed does no harm. */
	join->facts.past_fork =
		mr_join_wal_probe(join, join->verdict.fork_timeline, join->verdict.fork_lsn) != 0;
	join->facts.probed = true;
	return 0;
}

static int
check_wal(MrJoin *join)
{
	join->facts.wal_checked = true;
	join->facts.wal_gone = mr_join_wal_is_gone(join);
	return 0;
}

/* The first round is asked at once, and every later one after a pause. */
static int
ask(MrJoin *join, int64_t began_ns, bool *told)
{
	MrJoinFacts *facts = &join->facts;
	int64_t waited_ms;

	if (facts->asked)
	{
		if (!*told)
			mr_join_say("waiting for a leader");
		*told = true;
		mr_join_peers_wait(join, facts->may_linger ? ASK_SOON_MS : ASK_LATER_MS);
	}
	mr_join_peers_ask(join, MR_JOIN_ROUND_MS, false);
	waited_ms = (mr_join_now_ns() - began_ns) / MR_NS_PER_MS;
	facts->may_linger = waited_ms < LINGER_MS;
	facts->may_wait = waited_ms < join->options.timeout_ms;
	/* what was learned of an earlier leader is not true of the next */
	facts->leader_history_known = false;
	facts->probed = facts->wal_checked = false;
	return 0;
}

/* Refused, the next plan begins with a new identity. */
static int
identify(MrJoin *join)
{
	int code = mr_join_identify(join);

	if (code != 0)
		return join->facts.discarded ? 0 : code;
	if (!mr_join_state_adopt(join))
		return MR_JOIN_EXIT_FAILED;
	take_state(join);
	return 0;
}

/* ---------- doing ---------- */

static int
register_node(MrJoin *join)
{
	int code = mr_join_register(join);

	/* its name is still bound to the old one, with which it may follow, without a vote */
	if (code == MR_JOIN_EXIT_REFUSED && join->facts.amnesiac)
	{
		join->facts.amnesiac = false;
		return 0;
	}
	if (code != 0)
		return code;
	join->facts.must_clone = join->verdict.rule == MR_JOIN_RULE_DISCARDED;
	join->facts.state = MR_JOIN_STATE_OK;
	take_state(join);
	if (join->verdict.step == MR_JOIN_ADOPT &&
		!mr_join_directory_mark(join->options.pgdata, &join->durable.cluster))
	{
		mr_join_say("could not mark the data directory as managed: %s", strerror(errno));
		return MR_JOIN_EXIT_FAILED;
	}
	/* an earlier run may have left a copy that only waited for its identity */
	return mr_join_directory_look(join) ? mr_join_resume(join) : MR_JOIN_EXIT_FAILED;
}

static int
start(MrJoin *join)
{
	if (join->facts.directory != MR_JOIN_DIR_MANAGED)
		return MR_JOIN_EXIT_START;
	/* A history of a dead branch would make the standby wait for ever. */
	if ((join->facts.leader_history_known || join->facts.wal_checked) &&
		!mr_join_leader_install_histories(join))
		mr_join_say("warning: going on with the timeline histories as they are");
	if (!mr_join_configure(join))
		return MR_JOIN_EXIT_FAILED;
	if (join->verdict.step == MR_JOIN_AS_STANDBY && !mr_join_make_standby(join))
		return MR_JOIN_EXIT_FAILED;
	return MR_JOIN_EXIT_START;
}

/* Performs the verdict. -1: plan again; else the exit code. */
static int
perform(MrJoin *join, int64_t began_ns, bool *told)
{
	int code = 0;

	switch (join->verdict.step)
	{
		case MR_JOIN_ASK:
			code = ask(join, began_ns, told);
			break;
		case MR_JOIN_READ_CONTROL:
			code = read_control(join);
			break;
		case MR_JOIN_READ_HISTORY:
			code = read_history(join);
			break;
		case MR_JOIN_PROBE:
			code = probe(join);
			break;
		case MR_JOIN_CHECK_WAL:
			code = check_wal(join);
			break;
		case MR_JOIN_IDENTIFY:
			code = identify(join);
			break;
		case MR_JOIN_REGISTER:
		case MR_JOIN_ADOPT:
			code = register_node(join);
			break;
		case MR_JOIN_START:
		case MR_JOIN_AS_STANDBY:
			return start(join);
		case MR_JOIN_REWIND:
			return mr_join_rewind(join);
		case MR_JOIN_CLONE:
			return mr_join_clone(join);
		case MR_JOIN_REFUSE:
		case MR_JOIN_RETRY:
			return mr_join_explain_refusal(join);
	}
	return code == 0 ? -1 : code;
}

/* An identity that turns out to be replaced makes another plan. */
static int
perform_or_renew(MrJoin *join, int64_t began_ns, bool *told)
{
	bool discarded = join->facts.discarded;
	int code = perform(join, began_ns, told);

	return code == MR_JOIN_EXIT_REFUSED && join->facts.discarded && !discarded ? -1 : code;
}

static bool
changes_something(MrJoinStep step)
{
	return step == MR_JOIN_IDENTIFY || step == MR_JOIN_REGISTER || step == MR_JOIN_ADOPT ||
		   step >= MR_JOIN_START;
}

static int
decide_and_do(MrJoin *join)
{
	bool only_say = join->options.dry_run || join->options.mode == MR_MODE_OBSERVE;
	int64_t began_ns = mr_join_now_ns();
	bool told = false;

	for (;;)
	{
		int code;

		mr_join_plan(&join->facts, &join->verdict);
		if (changes_something(join->verdict.step))
		{
			mr_join_explain_verdict(join, only_say);
			if (only_say)
				return join->verdict.step == MR_JOIN_REFUSE || join->verdict.step == MR_JOIN_RETRY
						   ? mr_join_explain_refusal(join)
						   : MR_JOIN_EXIT_START;
		}
		code = perform_or_renew(join, began_ns, &told);
		if (code >= 0)
			return code;
	}
}

/*
 * A member of an observing cluster has no marker: its directory is others' business. With
 * a marker it was bound when it last ran, and what it missed since is ours.
 */
static bool
only_observes(const MrJoin *join)
{
	if (join->facts.state != MR_JOIN_STATE_OK || join->facts.directory != MR_JOIN_DIR_PLAIN ||
		mr_config_binds(&join->durable.config))
		return false;
	mr_join_say("node \"%s\" only observes: its data directory is left alone", join->durable.name);
	return true;
}

/* Where the call gives none, the server's own: both connect to the same nodes. */
static bool
take_peer_options(MrJoinOptions *options, const MrJoin *join)
{
	char *text = options->peer_options;
	const char *problem;

	if (options->peer_options_given || (join->facts.directory != MR_JOIN_DIR_MANAGED &&
										join->facts.directory != MR_JOIN_DIR_PLAIN))
		return true;
	if (!mr_join_server_setting(join, "multiregion.peer_options", text,
								sizeof(options->peer_options)))
		text[0] = '\0';
	problem = mr_pg_options_problem(text);
	if (problem != NULL)
		mr_join_say("the setting multiregion.peer_options cannot be used: %s", problem);
	return problem == NULL;
}

static int
run(MrJoin *join)
{
	int code;

	if (join->options.mode == MR_MODE_OFF)
		return MR_JOIN_EXIT_START;
	if (!mr_join_directory_look(join))
		return MR_JOIN_EXIT_FAILED;
	if (!join->options.force &&
		(join->facts.directory == MR_JOIN_DIR_PLAIN ||
		 join->facts.directory == MR_JOIN_DIR_STRANGE) &&
		join->options.node[0] == '\0' && !mr_join_progress_exists(join))
		return MR_JOIN_EXIT_START; /* none of our business: not even the lock is taken */
	if (!mr_join_find_programs(&join->options))
		return MR_JOIN_EXIT_FAILED;
	code = mr_join_directory_claim(join);
	if (code != 0)
		return code;
	/* look again: now nobody else changes it */
	if (!mr_join_directory_look(join))
		return MR_JOIN_EXIT_FAILED;
	join->facts.reclone = join->options.reclone;
	code = mr_join_note_unfinished(join);
	if (code != 0)
		return code;
	look_at_state(join);
	if (join->options.force)
		return take_peer_options(&join->options, join) ? mr_join_force(join) : MR_JOIN_EXIT_FAILED;
	if (!join->options.dry_run && join->options.mode == MR_MODE_MANAGE)
		code = mr_join_resume(join);
	if (code != 0)
		return code;
	take_state(join);
	if (only_observes(join))
		return MR_JOIN_EXIT_START;
	if (!take_peer_options(&join->options, join))
		return MR_JOIN_EXIT_FAILED;
	return mr_join_peers_collect(join) ? decide_and_do(join) : MR_JOIN_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	static MrJoin join;
	static MrJoinPeers peers;
	int code;

	join.lock = -1;
	join.peers = &peers;
	code = mr_join_options_read(&join.options, argc, argv);
	if (code >= 0)
		return code;
	code = run(&join);
	mr_join_peers_close(&join);
	if (join.lock >= 0)
		close(join.lock);
	return code;
}
