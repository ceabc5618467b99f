/*
 * The decision of multiregion-join; see mr_join_plan.h.
 *
 * Must never: do I/O, look at a clock, or choose a step that changes the data
 * directory without a confirmed leader. Called by main.c and by its unit test.
 */
#include "join/mr_join_plan.h"

#include <string.h>

#include "core/mr_forced.h"

#define MR_JOIN_RULE_WORD(symbol, word, sentence) word,
#define MR_JOIN_RULE_SENTENCE(symbol, word, sentence) sentence,

static const char *const rule_words[] = {MR_JOIN_RULE_LIST(MR_JOIN_RULE_WORD)};
static const char *const rule_sentences[] = {MR_JOIN_RULE_LIST(MR_JOIN_RULE_SENTENCE)};

const char *
mr_join_rule_name(MrJoinRule rule)
{
	return (int) rule >= 0 && rule < MR_JOIN_RULE_COUNT ? rule_words[rule] : "?";
}

const char *
mr_join_rule_sentence(MrJoinRule rule)
{
	return (int) rule >= 0 && rule < MR_JOIN_RULE_COUNT ? rule_sentences[rule] : "?";
}

static void
decide(MrJoinVerdict *verdict, MrJoinStep step, MrJoinRule rule)
{
	verdict->step = step;
	verdict->rule = rule;
}

static bool
has_leader(const MrJoinFacts *facts)
{
	return facts->asked && facts->view.leader == MR_JOIN_LEADER_CONFIRMED;
}

/* True once a confirmed leader is known; else the verdict says how to go on without. */
static bool
require_leader(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	if (has_leader(facts))
		return true;
	if (!facts->peers)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_NEED_PEERS);
	else if (!facts->asked || facts->may_wait)
		decide(verdict, MR_JOIN_ASK, MR_JOIN_RULE_NONE);
	else
		decide(verdict, MR_JOIN_RETRY, MR_JOIN_RULE_NEED_LEADER);
	return false;
}

/* The directory is not empty: replacing it has to be allowed. */
static void
want_clone(const MrJoinFacts *facts, MrJoinRule rule, MrJoinVerdict *verdict)
{
	if (facts->reclone == MR_JOIN_RECLONE_AUTO)
		decide(verdict, MR_JOIN_CLONE, rule);
	else
	{
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_ASK_FIRST);
		verdict->because = rule;
	}
}

static void
want_rewind(const MrJoinFacts *facts, MrJoinRule rule, MrJoinVerdict *verdict)
{
	if (facts->rewind_failed)
		want_clone(facts, MR_JOIN_RULE_REWIND_FAILED, verdict);
	else if (!facts->can_rewind)
		want_clone(facts, MR_JOIN_RULE_NO_HINTS, verdict);
	else
		decide(verdict, MR_JOIN_REWIND, rule);
}

/* A standby, or what was one until somebody lost its signal file. */
static bool
is_standby(const MrJoinFacts *facts)
{
	return facts->standby_signal || facts->backup_label || facts->was_standby;
}

/* Its WAL is a prefix of the leader's: only standby.signal may be missing, or what follows. */
static void
start_as_standby(const MrJoinFacts *facts, MrJoinRule rule, MrJoinVerdict *verdict)
{
	if (!facts->wal_checked)
		decide(verdict, MR_JOIN_CHECK_WAL, MR_JOIN_RULE_NONE);
	else if (facts->wal_gone)
		want_clone(facts, MR_JOIN_RULE_WAL_GONE, verdict);
	else if (facts->standby_signal)
		decide(verdict, MR_JOIN_START, rule);
	else if (is_standby(facts))
		decide(verdict, MR_JOIN_AS_STANDBY, MR_JOIN_RULE_LOST_SIGNAL);
	else
		decide(verdict, MR_JOIN_AS_STANDBY, MR_JOIN_RULE_CLEAN_END);
}

/* ---------- a member and its leader: whose history is it? ---------- */

/* The last common timeline is the node's own: does its WAL go past the leader's fork? */
static void
compare_with_fork(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	bool past = facts->known_end > verdict->fork_lsn || (facts->probed && facts->past_fork);

	if (past)
		want_rewind(facts, MR_JOIN_RULE_PAST_FORK, verdict);
	else if (!facts->probed)
		decide(verdict, MR_JOIN_PROBE, MR_JOIN_RULE_NONE);
	else
		start_as_standby(facts, MR_JOIN_RULE_BEHIND_FORK, verdict);
}

static void
compare_histories(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	/*
	 * A timeline has one writer. WAL of a leadership of this timeline that was not
	 * the present leader's is another history, however alike the files look.
	 */
	if (facts->held_stamp_timeline != 0 && !facts->held_stamp_is_leaders &&
		facts->held_stamp_timeline == facts->leader.timeline)
	{
		want_clone(facts, MR_JOIN_RULE_COLLISION, verdict);
		return;
	}
	if (!mr_join_history_common(facts->history, facts->leader_history, &verdict->fork_timeline,
								&verdict->fork_lsn))
	{
		want_clone(facts, MR_JOIN_RULE_NO_ANCESTOR, verdict);
		return;
	}
	if (verdict->fork_timeline != facts->timeline)
	{
		/* pg_rewind compares ids only and would find nothing to do */
		if (facts->timeline == facts->leader.timeline)
			want_clone(facts, MR_JOIN_RULE_COLLISION, verdict);
		else
			want_rewind(facts, MR_JOIN_RULE_OTHER_BRANCH, verdict);
	}
	else if (facts->timeline != facts->leader.timeline)
		compare_with_fork(facts, verdict);
	else if (is_standby(facts))
		start_as_standby(facts, MR_JOIN_RULE_SAME_TIMELINE, verdict);
	else
		/* it wrote on this timeline itself, where nobody but the leader may */
		want_clone(facts, MR_JOIN_RULE_COLLISION, verdict);
}

static bool
is_in_step(const MrJoinFacts *facts)
{
	return facts->standby_signal && facts->log_term != 0 &&
		   facts->log_term == facts->leader.stamp_term && facts->rebuilding_term <= facts->log_term;
}

static void
plan_with_leader(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	/* the state file knows nothing of a data directory that was exchanged */
	if (!facts->control_known)
		decide(verdict, MR_JOIN_READ_CONTROL, MR_JOIN_RULE_NONE);
	else if (facts->system_identifier != facts->leader.system_identifier)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_OTHER_DATABASE);
	else if (is_in_step(facts) && !facts->must_clone)
		start_as_standby(facts, MR_JOIN_RULE_IN_STEP, verdict);
	else if (!facts->leader_history_known)
		decide(verdict, MR_JOIN_READ_HISTORY, MR_JOIN_RULE_NONE);
	else if (facts->must_clone)
	{
		/* only to say what is lost */
		(void) mr_join_history_common(facts->history, facts->leader_history,
									  &verdict->fork_timeline, &verdict->fork_lsn);
		want_clone(facts, MR_JOIN_RULE_DISCARDED, verdict);
	}
	else
		compare_histories(facts, verdict);
}

/* Nobody has proven to lead. A former primary waits a little where waiting may tell. */
static void
plan_without_leader(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	const MrJoinView *view = &facts->view;
	bool linger = facts->may_linger && !facts->standby_signal;

	if (view->answers == 0)
		decide(verdict, MR_JOIN_START, MR_JOIN_RULE_NO_PEER);
	else if (view->leader == MR_JOIN_LEADER_SELF)
		decide(verdict, MR_JOIN_START, MR_JOIN_RULE_SELF);
	else if (view->leader == MR_JOIN_LEADER_NAMED)
		decide(verdict, linger ? MR_JOIN_ASK : MR_JOIN_START, MR_JOIN_RULE_LEADER_SILENT);
	else if (view->newest_term > facts->term)
		decide(verdict, linger ? MR_JOIN_ASK : MR_JOIN_START, MR_JOIN_RULE_NO_LEADER);
	else
		decide(verdict, MR_JOIN_START, MR_JOIN_RULE_NO_LEADER);
}

static void
plan_unfinished(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	if (!require_leader(facts, verdict))
		return;
	if (facts->unfinished == MR_JOIN_UNFINISHED_CLONE)
		decide(verdict, MR_JOIN_CLONE, MR_JOIN_RULE_CLONE_BEGUN);
	else if (facts->rewind_failed)
		want_clone(facts, MR_JOIN_RULE_REWIND_FAILED, verdict);
	else
		decide(verdict, MR_JOIN_REWIND, MR_JOIN_RULE_REWIND_BEGUN);
}

/*
 * After a forced quorum the identity in the state file may not be valid any more. True
 * when there is something to do about that before all else.
 */
static bool
plan_identity(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	if (facts->discarded)
	{
		if (!require_leader(facts, verdict))
			return true;
		/* a new identity is for the clone: not before that is allowed */
		want_clone(facts, MR_JOIN_RULE_DISCARDED, verdict);
		if (verdict->step == MR_JOIN_CLONE || facts->directory == MR_JOIN_DIR_EMPTY)
			decide(verdict, MR_JOIN_REGISTER, MR_JOIN_RULE_DISCARDED);
		return true;
	}
	if (!has_leader(facts) || mr_generation(facts->leader.term) <= facts->generation)
		return false;
	decide(verdict, MR_JOIN_IDENTIFY, MR_JOIN_RULE_NEWER_GENERATION);
	return true;
}

static void
plan_member(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	if (plan_identity(facts, verdict))
		return;
	if (facts->unfinished != MR_JOIN_UNFINISHED_NONE)
		plan_unfinished(facts, verdict);
	else if (!facts->peers)
		decide(verdict, MR_JOIN_START, MR_JOIN_RULE_NO_PEER);
	else if (!facts->asked)
		decide(verdict, MR_JOIN_ASK, MR_JOIN_RULE_NONE);
	else if (!has_leader(facts))
		plan_without_leader(facts, verdict);
	else if (facts->amnesiac)
		decide(verdict, MR_JOIN_REGISTER, MR_JOIN_RULE_AMNESIA);
	else
		plan_with_leader(facts, verdict);
}

/* ---------- identity first ---------- */

static void
plan_empty(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	if (!require_leader(facts, verdict))
		return;
	if (facts->state != MR_JOIN_STATE_OK)
		decide(verdict, MR_JOIN_REGISTER, MR_JOIN_RULE_NEW_MEMBER);
	else if (plan_identity(facts, verdict))
		return;
	else if (facts->unfinished == MR_JOIN_UNFINISHED_CLONE)
		decide(verdict, MR_JOIN_CLONE, MR_JOIN_RULE_CLONE_BEGUN);
	else
		decide(verdict, MR_JOIN_CLONE, MR_JOIN_RULE_EMPTY);
}

/*
 * A database without our marker, and a node name: the first server before init(), or
 * one that somebody wants to bring in. Only a standby of the same database is adopted.
 */
static void
plan_plain(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	if (facts->state == MR_JOIN_STATE_OK)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_MARKER_LOST);
	else if (facts->peers && !facts->asked)
		decide(verdict, MR_JOIN_ASK, MR_JOIN_RULE_NONE);
	else if (!has_leader(facts))
	{
		/* a cluster is there but has no leader: this server must not be taken for one */
		if (facts->view.answers > 0)
			(void) require_leader(facts, verdict);
		else
			decide(verdict, MR_JOIN_START, MR_JOIN_RULE_UNMANAGED);
	}
	else if (!facts->control_known)
		decide(verdict, MR_JOIN_READ_CONTROL, MR_JOIN_RULE_NONE);
	else if (facts->system_identifier != facts->leader.system_identifier)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_OTHER_DATABASE);
	else if (!is_standby(facts))
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_PLAIN_PRIMARY);
	else
		decide(verdict, MR_JOIN_ADOPT, MR_JOIN_RULE_ADOPTED);
}

/* A server that is neither cloned nor rewound: its identity is all there is to it. */
static void
plan_witness(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	bool lost = facts->state != MR_JOIN_STATE_OK;

	if (facts->directory == MR_JOIN_DIR_EMPTY || facts->directory == MR_JOIN_DIR_STRANGE)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_WITNESS_MISSING);
	else if (facts->directory == MR_JOIN_DIR_PLAIN && !lost)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_MARKER_LOST);
	else if (!lost && !facts->amnesiac && !facts->discarded)
		decide(verdict, MR_JOIN_START, MR_JOIN_RULE_WITNESS);
	else if (!require_leader(facts, verdict))
		return;
	else if (!facts->control_known)
		decide(verdict, MR_JOIN_READ_CONTROL, MR_JOIN_RULE_NONE);
	else if (facts->standby_signal || facts->system_identifier == facts->leader.system_identifier)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_WITNESS_COPY);
	else if (facts->directory == MR_JOIN_DIR_PLAIN)
		decide(verdict, MR_JOIN_ADOPT, MR_JOIN_RULE_WITNESS);
	else
		decide(verdict, MR_JOIN_REGISTER,
			   facts->discarded  ? MR_JOIN_RULE_DISCARDED
			   : facts->amnesiac ? MR_JOIN_RULE_AMNESIA
								 : MR_JOIN_RULE_STATE_LOST);
}

static void
plan_by_directory(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	MrJoinDirectory directory = facts->directory;

	/* half rewound: the marker is one of the files that are being copied */
	if (facts->unfinished == MR_JOIN_UNFINISHED_REWIND && directory != MR_JOIN_DIR_EMPTY)
		directory = MR_JOIN_DIR_MANAGED;
	switch (directory)
	{
		case MR_JOIN_DIR_EMPTY:
			plan_empty(facts, verdict);
			break;
		case MR_JOIN_DIR_STRANGE:
			decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_NOT_DATABASE);
			break;
		case MR_JOIN_DIR_PLAIN:
			plan_plain(facts, verdict);
			break;
		case MR_JOIN_DIR_MANAGED:
			if (facts->state == MR_JOIN_STATE_OK)
				plan_member(facts, verdict);
			else if (require_leader(facts, verdict))
				decide(verdict, MR_JOIN_REGISTER, MR_JOIN_RULE_STATE_LOST);
			break;
	}
}

void
mr_join_plan(const MrJoinFacts *facts, MrJoinVerdict *verdict)
{
	bool unmanaged =
		facts->directory == MR_JOIN_DIR_PLAIN || facts->directory == MR_JOIN_DIR_STRANGE;

	memset(verdict, 0, sizeof(*verdict));
	if (unmanaged && !facts->named && facts->unfinished == MR_JOIN_UNFINISHED_NONE)
		decide(verdict, MR_JOIN_START, MR_JOIN_RULE_UNMANAGED);
	else if (facts->state == MR_JOIN_STATE_UNREADABLE)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_STATE_UNREADABLE);
	else if (facts->state == MR_JOIN_STATE_FOREIGN)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_STATE_FOREIGN);
	else if (facts->state == MR_JOIN_STATE_OF_OTHER)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_STATE_OF_OTHER);
	else if (!facts->named && facts->state != MR_JOIN_STATE_OK)
		decide(verdict, MR_JOIN_REFUSE, MR_JOIN_RULE_UNNAMED);
	else if (facts->witness)
		plan_witness(facts, verdict);
	else
		plan_by_directory(facts, verdict);
}
