/*
 * Decisions in words; see mr_join_explain.h. Called by main.c.
 */
#include "join/mr_join_explain.h"

#include <stdio.h>

#include "join/mr_join_peers.h"

static const char *
step_words(MrJoinStep step)
{
	switch (step)
	{
		case MR_JOIN_ASK:
		case MR_JOIN_READ_CONTROL:
		case MR_JOIN_READ_HISTORY:
		case MR_JOIN_PROBE:
		case MR_JOIN_CHECK_WAL:
			return "looking further";
		case MR_JOIN_IDENTIFY:
			return "asking the leader whether it knows this node";
		case MR_JOIN_REGISTER:
			return "registering with the leader";
		case MR_JOIN_ADOPT:
			return "joining the cluster with this data directory";
		case MR_JOIN_START:
			return "starting unchanged";
		case MR_JOIN_AS_STANDBY:
			return "starting as a standby";
		case MR_JOIN_REWIND:
			return "rewinding";
		case MR_JOIN_CLONE:
			return "cloning";
		case MR_JOIN_REFUSE:
			return "not starting";
		case MR_JOIN_RETRY:
			return "not starting now";
	}
	return "?";
}

void
mr_join_explain_verdict(const MrJoin *join, bool only_say)
{
	const MrJoinFacts *facts = &join->facts;
	const MrJoinVerdict *verdict = &join->verdict;
	char fork[64] = "";
	char leader[160] = "";

	if (verdict->fork_timeline != 0 && verdict->fork_lsn != MR_JOIN_NO_END)
		snprintf(fork, sizeof(fork), ", fork at %X/%X of timeline %u",
				 (unsigned int) (verdict->fork_lsn >> 32), (unsigned int) verdict->fork_lsn,
				 verdict->fork_timeline);
	if (facts->view.leader == MR_JOIN_LEADER_CONFIRMED)
		snprintf(leader, sizeof(leader), " (leader \"%s\", term %llu, timeline %u%s)",
				 facts->leader.node, (unsigned long long) facts->leader.term,
				 facts->leader.timeline, fork);
	mr_join_say("%s%s; rule %s: %s%s", only_say ? "would be " : "", step_words(verdict->step),
				mr_join_rule_name(verdict->rule), mr_join_rule_sentence(verdict->rule), leader);
	/* a certificate that nobody accepts looks like a world in which nobody lives */
	if (verdict->rule == MR_JOIN_RULE_NO_PEER)
		mr_join_peers_explain(join);
}

static void
hint_reclone(const MrJoin *join)
{
	mr_join_say("a clone is wanted by rule %s: %s", mr_join_rule_name(join->verdict.because),
				mr_join_rule_sentence(join->verdict.because));
	mr_join_hint("call multiregion-join once with --reclone=auto; the old data directory is moved "
				 "aside, not deleted. Or empty \"%s\" yourself",
				 join->options.pgdata);
}

static void
hint_state(const MrJoin *join, const char *what)
{
	mr_join_hint("%s; this node's state directory is \"%s\" (--state-directory)", what,
				 join->options.state_directory);
}

static void
hint_state_of_other(const MrJoin *join)
{
	hint_state(join, "two nodes must never share a state directory");
	mr_join_say("it is the state file of node \"%s\"", join->durable.name);
}

static void
hint_marker_lost(const MrJoin *join)
{
	hint_state(join,
			   "empty the data directory to have it cloned; or, to open it as a plain server, "
			   "move the state directory away and leave out --node");
}

static void
hint_plain_primary(const MrJoin *join)
{
	mr_join_hint("empty \"%s\" to have it cloned; or, if it is an untouched copy, create "
				 "standby.signal in it",
				 join->options.pgdata);
}

static void
hint_other_database(const MrJoin *join)
{
	mr_join_hint(
		"move \"%s\" away to have the cluster's database cloned to its place; or leave out "
		"--node to start it as a plain server",
		join->options.pgdata);
}

static void
hint_witness(const MrJoin *join)
{
	mr_join_hint("make one in \"%s\" with initdb, start it, CREATE EXTENSION multiregion, give "
				 "multiregion_peer LOGIN, stop it; then call multiregion-join again",
				 join->options.pgdata);
}

/* Something is missing in the call itself. */
static void
hint_call(const MrJoin *join)
{
	if (join->verdict.rule == MR_JOIN_RULE_NEED_PEERS)
		mr_join_hint("name other members with --peers; the first server of a cluster is made with "
					 "initdb and multiregion.init()");
	else if (join->verdict.rule == MR_JOIN_RULE_UNNAMED)
		mr_join_hint("give this node's name with --node");
	else
		mr_join_hint("use an empty folder, for example one below \"%s\"", join->options.pgdata);
}

/* No default: a new rule has to say what can be done about it. */
static void
hint_for(const MrJoin *join)
{
	switch (join->verdict.rule)
	{
		case MR_JOIN_RULE_ASK_FIRST:
			hint_reclone(join);
			break;
		case MR_JOIN_RULE_NEED_LEADER:
			mr_join_peers_explain(join);
			break;
		case MR_JOIN_RULE_NEED_PEERS:
		case MR_JOIN_RULE_UNNAMED:
		case MR_JOIN_RULE_NOT_DATABASE:
			hint_call(join);
			break;
		case MR_JOIN_RULE_STATE_UNREADABLE:
			hint_state(join, "make the state file readable for this user");
			break;
		case MR_JOIN_RULE_STATE_FOREIGN:
			hint_state(join, "one of the two directories is the wrong one");
			break;
		case MR_JOIN_RULE_STATE_OF_OTHER:
			hint_state_of_other(join);
			break;
		case MR_JOIN_RULE_MARKER_LOST:
			hint_marker_lost(join);
			break;
		case MR_JOIN_RULE_OTHER_DATABASE:
			hint_other_database(join);
			break;
		case MR_JOIN_RULE_PLAIN_PRIMARY:
			hint_plain_primary(join);
			break;
		case MR_JOIN_RULE_WITNESS_MISSING:
		case MR_JOIN_RULE_WITNESS_COPY:
			hint_witness(join);
			break;
		case MR_JOIN_RULE_NONE:
		case MR_JOIN_RULE_WITNESS:
		case MR_JOIN_RULE_UNMANAGED:
		case MR_JOIN_RULE_NO_PEER:
		case MR_JOIN_RULE_NO_LEADER:
		case MR_JOIN_RULE_SELF:
		case MR_JOIN_RULE_LEADER_SILENT:
		case MR_JOIN_RULE_IN_STEP:
		case MR_JOIN_RULE_SAME_TIMELINE:
		case MR_JOIN_RULE_BEHIND_FORK:
		case MR_JOIN_RULE_CLEAN_END:
		case MR_JOIN_RULE_LOST_SIGNAL:
		case MR_JOIN_RULE_PAST_FORK:
		case MR_JOIN_RULE_OTHER_BRANCH:
		case MR_JOIN_RULE_COLLISION:
		case MR_JOIN_RULE_NO_ANCESTOR:
		case MR_JOIN_RULE_WAL_GONE:
		case MR_JOIN_RULE_NO_HINTS:
		case MR_JOIN_RULE_REWIND_FAILED:
		case MR_JOIN_RULE_REWIND_BEGUN:
		case MR_JOIN_RULE_CLONE_BEGUN:
		case MR_JOIN_RULE_EMPTY:
		case MR_JOIN_RULE_STATE_LOST:
		case MR_JOIN_RULE_AMNESIA:
		case MR_JOIN_RULE_ADOPTED:
		case MR_JOIN_RULE_DISCARDED:
		case MR_JOIN_RULE_NEWER_GENERATION:
		case MR_JOIN_RULE_NEW_MEMBER:
		case MR_JOIN_RULE_COUNT:
			break;
	}
}

int
mr_join_explain_refusal(const MrJoin *join)
{
	hint_for(join);
	return join->verdict.step == MR_JOIN_RETRY ? MR_JOIN_EXIT_RETRY : MR_JOIN_EXIT_REFUSED;
}
