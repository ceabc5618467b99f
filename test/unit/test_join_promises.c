/*
 * What must hold whatever multiregion-join decides by: a walk over every combination of
 * facts.
 */
#include "core/mr_forced.h"
#include "unit/mr_join_facts.h"

#include "unit/mr_unit.h"

static bool
changes_the_directory(MrJoinStep step)
{
	return step == MR_JOIN_REGISTER || step == MR_JOIN_ADOPT || step == MR_JOIN_AS_STANDBY ||
		   step == MR_JOIN_REWIND || step == MR_JOIN_CLONE;
}

static bool
starts(MrJoinStep step)
{
	return step == MR_JOIN_START || step == MR_JOIN_AS_STANDBY;
}

static void
check_invariants(void)
{
	bool confirmed = facts.asked && facts.view.leader == MR_JOIN_LEADER_CONFIRMED;
	bool managed = facts.directory == MR_JOIN_DIR_MANAGED;
	MrJoinStep step = verdict.step;

	if (changes_the_directory(step))
		MR_CHECK(confirmed);
	if (step == MR_JOIN_CLONE && facts.directory != MR_JOIN_DIR_EMPTY)
		MR_CHECK(facts.reclone == MR_JOIN_RECLONE_AUTO ||
				 facts.unfinished == MR_JOIN_UNFINISHED_CLONE);
	if (facts.unfinished == MR_JOIN_UNFINISHED_REWIND && facts.directory != MR_JOIN_DIR_EMPTY)
		MR_CHECK(!starts(step));
	if (managed && facts.state != MR_JOIN_STATE_OK)
		MR_CHECK(!starts(step));
	if (managed && facts.discarded)
		MR_CHECK(!starts(step) || facts.state != MR_JOIN_STATE_OK);
	if (facts.must_clone && facts.unfinished == MR_JOIN_UNFINISHED_NONE)
		MR_CHECK(!managed || !confirmed || !starts(step));
	/* a former primary is not started as one beside a leader */
	if (managed && confirmed && !facts.standby_signal)
		MR_CHECK(step != MR_JOIN_START);
	/* what may be another history is not started at all */
	if (starts(step) && managed && confirmed)
		MR_CHECK(facts.system_identifier == facts.leader.system_identifier &&
				 (!facts.past_fork || facts.timeline == facts.leader.timeline ||
				  verdict.rule == MR_JOIN_RULE_IN_STEP));
	if (step == MR_JOIN_REFUSE && verdict.rule == MR_JOIN_RULE_ASK_FIRST)
		MR_CHECK(verdict.because != MR_JOIN_RULE_NONE);
	/* a step that asks for a fact must not ask for one that is known */
	MR_CHECK(step != MR_JOIN_READ_CONTROL || !facts.control_known);
	MR_CHECK(step != MR_JOIN_READ_HISTORY || !facts.leader_history_known);
	MR_CHECK(step != MR_JOIN_PROBE || !facts.probed);
	MR_CHECK(step != MR_JOIN_CHECK_WAL || !facts.wal_checked);
	MR_CHECK(!starts(step) || !managed || !confirmed || !facts.wal_gone);
	MR_CHECK(step != MR_JOIN_ASK || !facts.asked || facts.may_linger || facts.may_wait);
	if (!facts.named && facts.directory == MR_JOIN_DIR_PLAIN &&
		facts.unfinished == MR_JOIN_UNFINISHED_NONE)
		MR_CHECK_INT(step, MR_JOIN_START);
}

/* Takes facts from the bits of a number; returns what is left of it. */
static unsigned
take(unsigned *bits, unsigned choices)
{
	unsigned choice = *bits % choices;

	*bits /= choices;
	return choice;
}

static void
facts_of_leader(unsigned *bits)
{
	static const uint32_t timelines[] = {1, 2};

	facts.view.leader = (MrJoinLeader) take(bits, 4);
	facts.view.answers = facts.view.leader != MR_JOIN_LEADER_NONE || take(bits, 2) ? 1 : 0;
	facts.view.newest_term = 7 + take(bits, 2);
	facts.system_identifier = 42 + take(bits, 2);
	facts.timeline = timelines[take(bits, 2)];
	facts.history = &own;
	facts.leader_history = &leaders;
	history(&own, facts.timeline == 2 ? "1\t0/5000000\t\n" : NULL, facts.timeline);
	history(&leaders, take(bits, 2) ? "1\t0/5000000\t\n" : "1\t0/4000000\t\n", 2);
}

/* Few of all: they come before most of the other facts. */
static void
facts_of_forced_quorum(unsigned number)
{
	unsigned mixed = (number * 2654435761U) >> 28;

	facts.discarded = mixed == 0;
	facts.must_clone = mixed == 1;
	if (mixed == 2)
		facts.leader.term = (UINT64_C(1) << 32) + 7;
}

static void
facts_of(unsigned bits)
{
	begin();
	facts_of_forced_quorum(bits);
	facts.directory = (MrJoinDirectory) take(&bits, 4);
	facts.state = (MrJoinState) take(&bits, 6);
	facts.unfinished = (MrJoinUnfinished) take(&bits, 3);
	facts.reclone = take(&bits, 2) ? MR_JOIN_RECLONE_AUTO : MR_JOIN_RECLONE_ASK;
	facts.named = take(&bits, 2);
	facts.peers = take(&bits, 2);
	facts.asked = facts.peers && take(&bits, 2);
	facts.standby_signal = take(&bits, 2);
	facts.was_standby = take(&bits, 2);
	facts.log_term = 6 + take(&bits, 2);
	facts.may_linger = facts.may_wait = take(&bits, 2);
	facts.can_rewind = take(&bits, 2);
	facts.past_fork = take(&bits, 2);
	facts.rewind_failed = take(&bits, 2);
	facts.control_known = facts.leader_history_known = facts.probed = take(&bits, 2);
	facts.wal_gone = take(&bits, 3) == 1;
	facts_of_leader(&bits);
}

MR_TEST(every_combination_of_facts_keeps_the_promises)
{
	const unsigned count = 4 * 6 * 3 * 2 * 2 * 2 * 2 * 2 * 2 * 2 * 2 * 2 * 2 * 2 * 2;
	const unsigned leader_count = 3 * 4 * 2 * 2 * 2 * 2 * 2;
	unsigned number;

	/* all would take long: a prime stride meets every choice with every other */
	for (number = 0; number < count * leader_count; number += 13)
	{
		facts_of(number);
		mr_join_plan(&facts, &verdict);
		mr_unit_about("combination %u: step %d, rule %s", number, (int) verdict.step,
					  mr_join_rule_name(verdict.rule));
		check_invariants();
	}
}

/* What the program does between two plans, in short. */
static bool
go_on(void)
{
	switch (verdict.step)
	{
		case MR_JOIN_ASK:
			if (facts.asked)
				facts.may_linger = facts.may_wait = false;
			facts.asked = true;
			return true;
		case MR_JOIN_READ_CONTROL:
			facts.control_known = true;
			return true;
		case MR_JOIN_READ_HISTORY:
			facts.leader_history_known = true;
			return true;
		case MR_JOIN_PROBE:
			facts.probed = true;
			return true;
		case MR_JOIN_CHECK_WAL:
			facts.wal_checked = true;
			return true;
		case MR_JOIN_ADOPT:
			facts.directory = MR_JOIN_DIR_MANAGED;
			facts.state = MR_JOIN_STATE_OK;
			return true;
		case MR_JOIN_REGISTER:
			facts.state = MR_JOIN_STATE_OK;
			facts.must_clone = facts.discarded;
			facts.discarded = false;
			return true;
		case MR_JOIN_IDENTIFY:
			facts.generation = mr_generation(facts.leader.term);
			return true;
		case MR_JOIN_START:
		case MR_JOIN_AS_STANDBY:
		case MR_JOIN_REWIND:
		case MR_JOIN_CLONE:
		case MR_JOIN_REFUSE:
		case MR_JOIN_RETRY:
			break;
	}
	return false;
}

MR_TEST(every_plan_comes_to_an_end)
{
	unsigned number;

	for (number = 0; number < 3000000; number += 7)
	{
		int steps = 0;

		facts_of(number);
		do
		{
			mr_join_plan(&facts, &verdict);
		} while (go_on() && ++steps < 20);
		mr_unit_about("combination %u: rule %s", number, mr_join_rule_name(verdict.rule));
		MR_CHECK(steps < 20);
	}
}
