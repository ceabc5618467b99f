/*
 * Facts to plan with; see mr_join_facts.h.
 *
 * The program's objects are in no library, so its pure sources are compiled in here.
 */
#include "../../src/join/history.c"
#include "../../src/join/plan.c"
#include "../../src/join/view.c"

#include "unit/mr_join_facts.h"
#include "unit/mr_unit.h"

MrJoinHistory own;
MrJoinHistory leaders;
MrJoinFacts facts;
MrJoinVerdict verdict;

void
history(MrJoinHistory *out, const char *text, uint32_t timeline)
{
	(void) mr_join_history_parse(text, text != NULL ? strlen(text) : 0, timeline, out);
}

/* A managed standby on timeline 1 whose leader, in term 7, forked timeline 2 off at FORK. */
void
begin(void)
{
	memset(&facts, 0, sizeof(facts));
	facts.peers = true;
	facts.directory = MR_JOIN_DIR_MANAGED;
	facts.state = MR_JOIN_STATE_OK;
	facts.standby_signal = true;
	facts.term = 7;
	facts.log_term = 6;
	facts.asked = true;
	facts.view.leader = MR_JOIN_LEADER_CONFIRMED;
	facts.view.answers = 2;
	facts.view.newest_term = 7;
	facts.leader.answered = true;
	facts.leader.managed = true;
	facts.leader.is_primary = true;
	facts.leader.writable = true;
	facts.leader.term = 7;
	facts.leader.stamp_term = 7;
	facts.leader.timeline = 2;
	facts.leader.stamp_timeline = 2;
	facts.leader.system_identifier = 42;
	facts.held_stamp_timeline = 1;
	facts.control_known = true;
	facts.can_rewind = true;
	facts.system_identifier = 42;
	facts.timeline = 1;
	facts.known_end = FORK - 100;
	facts.history = &own;
	facts.leader_history_known = true;
	facts.leader_history = &leaders;
	facts.probed = true;
	facts.wal_checked = true;
	history(&own, NULL, 1);
	history(&leaders, "1\t0/5000000\tno recovery target specified\n", 2);
}

/* The same, but it was the primary until now. */
void
begin_former_primary(void)
{
	begin();
	facts.standby_signal = false;
}

void
no_leader(MrJoinLeader leader, int answers, uint64_t newest_term)
{
	facts.view.leader = leader;
	facts.view.index = -1;
	facts.view.answers = answers;
	facts.view.newest_term = newest_term;
}

void
expect(MrJoinStep step, MrJoinRule rule)
{
	mr_join_plan(&facts, &verdict);
	mr_unit_about("rule %s", mr_join_rule_name(verdict.rule));
	MR_CHECK_INT(verdict.step, step);
	MR_CHECK_STRING(mr_join_rule_name(verdict.rule), mr_join_rule_name(rule));
}

/* Not allowed to clone: the same rule as a reason to ask. */
void
expect_clone(MrJoinRule rule)
{
	facts.reclone = MR_JOIN_RECLONE_ASK;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_ASK_FIRST);
	MR_CHECK_STRING(mr_join_rule_name(verdict.because), mr_join_rule_name(rule));
	facts.reclone = MR_JOIN_RECLONE_NEVER;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_ASK_FIRST);
	facts.reclone = MR_JOIN_RECLONE_AUTO;
	expect(MR_JOIN_CLONE, rule);
}
