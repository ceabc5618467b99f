/*
 * Break glass; see mr_join_force.h. What a forced quorum is, is in core/mr_forced.h.
 *
 * The operator's word is that the named nodes are lost for good. What can be checked is
 * checked: none of them answers, nobody leads, and those that stay could not elect a
 * leader themselves. Nothing but the state file is changed.
 */
#include "join/mr_join_force.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core/mr_forced.h"
#include "core/mr_lease.h"
#include "join/mr_join_configure.h"
#include "join/mr_join_control.h"
#include "join/mr_join_peers.h"
#include "join/mr_join_wal.h"

#define ASK_MS 10000 /* for an answer from the other end of the world, through TLS */
#define BIT(slot) (UINT32_C(1) << (slot))

static int
refuse(const char *why)
{
	mr_join_say("no new quorum can be forced here: %s", why);
	return MR_JOIN_EXIT_REFUSED;
}

/* The members that --discard names. False, having said why, for a name that is none. */
static bool
find_discarded(const MrJoin *join, uint32_t *discard)
{
	char names[sizeof(join->options.discard)];
	char *rest;
	char *name;

	*discard = 0;
	snprintf(names, sizeof(names), "%s", join->options.discard);
	for (name = strtok_r(names, ", \t", &rest); name != NULL; name = strtok_r(NULL, ", \t", &rest))
	{
		int slot = mr_config_slot_of_name(&join->durable.config, name);

		if (slot == MR_NO_SLOT)
		{
			mr_join_say("--discard names \"%s\", which is not a member of the cluster", name);
			return false;
		}
		*discard |= BIT(slot);
	}
	return true;
}

/* ---------- what it would mean ---------- */

static int
say_position(MrJoin *join)
{
	const MrDurable *durable = &join->durable;
	MrJoinFacts *facts = &join->facts;
	MrLsn from;
	MrLsn end;

	if (!mr_join_control_read(join) || !mr_join_wal_find_timeline(join))
		return MR_JOIN_EXIT_FAILED;
	from = join->control.timeline == facts->timeline ? join->control.checkpoint
													 : join->control.recovery_end;
	end = mr_join_wal_end(join, facts->timeline, from);
	if (join->control.recovery_end > end)
		end = join->control.recovery_end;
	mr_join_say("node \"%s\" of region %s: term %llu, WAL of term %llu up to %X/%X on timeline %u",
				durable->name, durable->region, (unsigned long long) durable->term,
				(unsigned long long) durable->log_term, (unsigned int) (end >> 32),
				(unsigned int) end, facts->timeline);
	if (durable->last_led_term == durable->term && durable->term != 0)
		mr_join_say("it was the last leader that it knows of");
	else if (durable->leader_lsn > end)
		mr_join_say("the last leader was at %X/%X or further: at least %llu bytes will be lost",
					(unsigned int) (durable->leader_lsn >> 32), (unsigned int) durable->leader_lsn,
					(unsigned long long) (durable->leader_lsn - end));
	else
		mr_join_say("the last leader is not known to have been further; what it wrote after its "
					"last contact with this node will be lost");
	if (durable->amnesiac)
		mr_join_say("warning: the state file went back in time; there may be newer terms and WAL "
					"than this node knows of");
	if (durable->rebuilding_term > durable->log_term)
		mr_join_say("warning: the node was being rebuilt and had not caught up");
	return 0;
}

/* Whether the member answers now. */
static bool
answers(const MrJoin *join, const char *name)
{
	int i;

	for (i = 0; i < join->peers->count; i++)
	{
		const MrJoinAnswer *answer = &join->peers->answers[i];

		if (answer->answered && answer->managed && strcmp(answer->node, name) == 0)
			return true;
	}
	return false;
}

static void
say_members(const MrJoin *join, uint32_t discard)
{
	const MrConfig *config = &join->durable.config;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &config->members[slot];
		const char *what = (discard & BIT(slot)) != 0
							   ? "discarded: it can only come back as a clone"
							   : "stays a member, without a vote at first";

		if (!member->used || mr_uuid_equal(&member->uuid, &join->durable.node))
			continue;
		mr_join_say("node \"%s\" of region %s (%s, %s): %s", member->name, member->region,
					mr_config_is_voter(config, slot) ? "voter" : "no vote",
					answers(join, member->name) ? "answers" : "does not answer", what);
	}
}

/* ---------- what speaks against it ---------- */

static int
check_others(const MrJoin *join, uint32_t discard)
{
	const MrConfig *config = &join->durable.config;
	int slot;

	if (join->facts.view.leader == MR_JOIN_LEADER_CONFIRMED)
	{
		mr_join_say("node \"%s\" leads; there is no need for a new quorum",
					join->facts.leader.node);
		return MR_JOIN_EXIT_REFUSED;
	}
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (!config->members[slot].used || (discard & BIT(slot)) == 0 ||
			!answers(join, config->members[slot].name))
			continue;
		mr_join_say("node \"%s\" is not lost: it answers", config->members[slot].name);
		mr_join_hint("if it must not come back, stop it first and make sure that it stays down");
		return MR_JOIN_EXIT_REFUSED;
	}
	return 0;
}

static int
check_this_node(const MrJoin *join)
{
	if (join->facts.state != MR_JOIN_STATE_OK)
		return refuse("it has no state file that can be used");
	if (join->facts.directory != MR_JOIN_DIR_MANAGED)
		return refuse("the data directory is not a member's");
	if (join->facts.unfinished != MR_JOIN_UNFINISHED_NONE)
		return refuse("a rewind or clone of the data directory was interrupted");
	if (mr_durable_is_forced(&join->durable))
	{
		mr_join_say("a new quorum has been forced here already: start the server");
		return MR_JOIN_EXIT_REFUSED;
	}
	return 0;
}

/* ---------- doing it ---------- */

/*
 * A primary that lives where nobody sees it acknowledges writes until its lease ends. One of
 * the usual length is waited for; what a pause of failover made longer can only be told.
 */
static void
say_lease(const MrJoin *join)
{
	int64_t longest_ms = mr_forced_longest_lease_ms(&join->durable);

	if (longest_ms <= join->durable.config.policy.lease_ms)
		return;
	mr_join_say("warning: failover was paused: the old primary, if it lives, may acknowledge "
				"writes for up to %lld s more",
				(long long) longest_ms / 1000);
	mr_join_hint("make sure that it is down: what it acknowledges from now on is lost");
}

static void
wait_for_lease_end(const MrJoin *join, int64_t asked_ns)
{
	int64_t left_ms = join->durable.config.policy.lease_ms * (100 + MR_DRIFT_PERCENT) / 100;

	if (mr_forced_longest_lease_ms(&join->durable) == 0)
		return;
	left_ms -= (mr_join_now_ns() - asked_ns) / MR_NS_PER_MS;
	if (left_ms <= 0)
		return;
	mr_join_say("waiting %lld ms for the end of the last lease", (long long) left_ms);
	(void) poll(NULL, 0, (int) left_ms);
}

static int
act(MrJoin *join, uint32_t discard, int64_t asked_ns)
{
	wait_for_lease_end(join, asked_ns);
	mr_forced_apply(&join->durable, discard);
	if (!mr_join_state_write(join))
		return MR_JOIN_EXIT_FAILED;
	mr_join_say("forced a new quorum: this node is the only voter, from term %llu on",
				(unsigned long long) join->durable.term);
	mr_join_hint("start the server now: it leads. Keep the discarded nodes down until their data "
				 "directories are emptied, or let them find this node before they find each other");
	return MR_JOIN_EXIT_START;
}

int
mr_join_force(MrJoin *join)
{
	uint32_t discard;
	const char *problem;
	int64_t asked_ns = mr_join_now_ns();
	int code = check_this_node(join);

	if (code != 0)
		return code;
	join->facts.generation = mr_generation(join->durable.config.term);
	if (!find_discarded(join, &discard) || !mr_join_peers_collect(join))
		return MR_JOIN_EXIT_USAGE;
	mr_join_peers_ask(join, ASK_MS, true);
	code = say_position(join);
	if (code != 0)
		return code;
	say_members(join, discard);
	say_lease(join);
	/* a certificate that nobody accepts looks like a world in which nobody lives */
	mr_join_peers_explain(join);
	if (discard == 0 && join->options.discard[0] == '\0')
	{
		mr_join_hint("name the nodes that are lost for good with --discard");
		return join->options.dry_run ? MR_JOIN_EXIT_START : MR_JOIN_EXIT_USAGE;
	}
	problem = mr_forced_problem(&join->durable, discard);
	if (problem != NULL)
		return refuse(problem);
	code = check_others(join, discard);
	if (code != 0 || !join->options.dry_run)
		return code != 0 ? code : act(join, discard, asked_ns);
	mr_join_say("would force a new quorum; nothing was changed (--dry-run)");
	return MR_JOIN_EXIT_START;
}
