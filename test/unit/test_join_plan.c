/*
 * The decision of multiregion-join: one test for each rule, and a walk over every
 * combination of facts that checks what must hold whatever the rules say.
 *
 * The program's objects are in no library, so its pure sources are compiled in here.
 */
#include "../../src/join/history.c"
#include "../../src/join/plan.c"
#include "../../src/join/view.c"

#include "unit/mr_unit.h"

#include <stdio.h>

#define FORK UINT64_C(0x5000000)

static MrJoinHistory own;
static MrJoinHistory leaders;
static MrJoinFacts facts;
static MrJoinVerdict verdict;

static void
history(MrJoinHistory *out, const char *text, uint32_t timeline)
{
	(void) mr_join_history_parse(text, text != NULL ? strlen(text) : 0, timeline, out);
}

/* A managed standby on timeline 1 whose leader, in term 7, forked timeline 2 off at FORK. */
static void
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
static void
begin_former_primary(void)
{
	begin();
	facts.standby_signal = false;
}

static void
no_leader(MrJoinLeader leader, int answers, uint64_t newest_term)
{
	facts.view.leader = leader;
	facts.view.index = -1;
	facts.view.answers = answers;
	facts.view.newest_term = newest_term;
}

static void
expect(MrJoinStep step, MrJoinRule rule)
{
	mr_join_plan(&facts, &verdict);
	mr_unit_about("rule %s", mr_join_rule_name(verdict.rule));
	MR_CHECK_INT(verdict.step, step);
	MR_CHECK_STRING(mr_join_rule_name(verdict.rule), mr_join_rule_name(rule));
}

/* Not allowed to clone: the same rule as a reason to ask. */
static void
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

MR_TEST(every_rule_has_a_word_of_its_own_and_a_sentence)
{
	int a;
	int b;

	for (a = 0; a < MR_JOIN_RULE_COUNT; a++)
	{
		MR_CHECK(strlen(mr_join_rule_sentence((MrJoinRule) a)) > 10);
		for (b = 0; b < a; b++)
			MR_CHECK(strcmp(mr_join_rule_name((MrJoinRule) a), mr_join_rule_name((MrJoinRule) b)) !=
					 0);
	}
	MR_CHECK_STRING(mr_join_rule_name(MR_JOIN_RULE_COUNT), "?");
}

/* ---------- members and their leader ---------- */

MR_TEST(a_standby_that_holds_the_current_leadership_starts_without_looking_further)
{
	begin();
	facts.log_term = 7;
	facts.control_known = false;
	facts.leader_history_known = false;
	expect(MR_JOIN_READ_CONTROL, MR_JOIN_RULE_NONE);
	facts.control_known = true;
	expect(MR_JOIN_START, MR_JOIN_RULE_IN_STEP);
	facts.system_identifier = 43;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_OTHER_DATABASE);
}

MR_TEST(a_standby_whose_next_wal_the_leader_has_removed_wants_a_clone)
{
	begin();
	facts.log_term = 7;
	facts.wal_checked = false;
	expect(MR_JOIN_CHECK_WAL, MR_JOIN_RULE_NONE);
	facts.wal_checked = facts.wal_gone = true;
	expect_clone(MR_JOIN_RULE_WAL_GONE);
	facts.log_term = 6;
	expect_clone(MR_JOIN_RULE_WAL_GONE);
	begin_former_primary();
	facts.wal_gone = true;
	expect_clone(MR_JOIN_RULE_WAL_GONE);
	/* what is rewound gets its WAL with the rewind */
	facts.past_fork = true;
	expect(MR_JOIN_REWIND, MR_JOIN_RULE_PAST_FORK);
}

MR_TEST(a_node_that_is_being_rebuilt_is_not_taken_for_one_in_step)
{
	begin();
	facts.log_term = 7;
	facts.rebuilding_term = 8;
	facts.control_known = false;
	expect(MR_JOIN_READ_CONTROL, MR_JOIN_RULE_NONE);
}

MR_TEST(a_former_primary_is_never_in_step)
{
	begin_former_primary();
	facts.log_term = 7;
	facts.control_known = false;
	expect(MR_JOIN_READ_CONTROL, MR_JOIN_RULE_NONE);
}

MR_TEST(facts_are_asked_for_one_after_the_other)
{
	begin_former_primary();
	facts.asked = false;
	facts.control_known = facts.leader_history_known = facts.probed = facts.wal_checked = false;
	expect(MR_JOIN_ASK, MR_JOIN_RULE_NONE);
	facts.asked = true;
	expect(MR_JOIN_READ_CONTROL, MR_JOIN_RULE_NONE);
	facts.control_known = true;
	expect(MR_JOIN_READ_HISTORY, MR_JOIN_RULE_NONE);
	facts.leader_history_known = true;
	expect(MR_JOIN_PROBE, MR_JOIN_RULE_NONE);
	MR_CHECK_INT(verdict.fork_timeline, 1);
	MR_CHECK_INT(verdict.fork_lsn, FORK);
	facts.probed = true;
	expect(MR_JOIN_CHECK_WAL, MR_JOIN_RULE_NONE);
	facts.wal_checked = true;
	expect(MR_JOIN_AS_STANDBY, MR_JOIN_RULE_CLEAN_END);
}

MR_TEST(a_standby_behind_the_fork_starts_unchanged)
{
	begin();
	expect(MR_JOIN_START, MR_JOIN_RULE_BEHIND_FORK);
}

MR_TEST(whatever_passes_the_fork_is_rewound)
{
	begin();
	facts.past_fork = true;
	expect(MR_JOIN_REWIND, MR_JOIN_RULE_PAST_FORK);
	begin_former_primary();
	facts.past_fork = true;
	expect(MR_JOIN_REWIND, MR_JOIN_RULE_PAST_FORK);
}

MR_TEST(the_control_file_alone_can_prove_that_the_fork_is_passed)
{
	begin();
	facts.probed = false;
	facts.known_end = FORK + 1;
	expect(MR_JOIN_REWIND, MR_JOIN_RULE_PAST_FORK);
	facts.known_end = FORK;
	expect(MR_JOIN_PROBE, MR_JOIN_RULE_NONE);
}

MR_TEST(a_former_primary_that_ended_before_the_fork_only_needs_a_signal_file)
{
	begin_former_primary();
	expect(MR_JOIN_AS_STANDBY, MR_JOIN_RULE_CLEAN_END);
}

MR_TEST(a_standby_on_the_leaders_timeline_starts_unchanged)
{
	begin();
	facts.timeline = 2;
	history(&own, "1\t0/5000000\tno recovery target specified\n", 2);
	expect(MR_JOIN_START, MR_JOIN_RULE_SAME_TIMELINE);
}

MR_TEST(a_copy_or_standby_without_its_signal_file_becomes_a_standby_again)
{
	begin_former_primary();
	facts.was_standby = true;
	expect(MR_JOIN_AS_STANDBY, MR_JOIN_RULE_LOST_SIGNAL);
	begin_former_primary();
	facts.backup_label = true;
	facts.timeline = 2;
	history(&own, "1\t0/5000000\t\n", 2);
	expect(MR_JOIN_AS_STANDBY, MR_JOIN_RULE_LOST_SIGNAL);
}

MR_TEST(wal_of_a_timeline_the_leader_does_not_know_is_rewound)
{
	begin();
	facts.timeline = 3;
	history(&own, "1\t0/4000000\t\n", 3);
	expect(MR_JOIN_REWIND, MR_JOIN_RULE_OTHER_BRANCH);
	MR_CHECK_INT(verdict.fork_timeline, 1);
	MR_CHECK_INT(verdict.fork_lsn, 0x4000000);
	/* ... also when the leader is on an ancestor of it */
	facts.leader.timeline = 1;
	facts.held_stamp_timeline = 3;
	history(&leaders, NULL, 1);
	expect(MR_JOIN_REWIND, MR_JOIN_RULE_OTHER_BRANCH);
}

MR_TEST(two_promotions_to_the_same_timeline_are_a_collision)
{
	begin_former_primary();
	facts.timeline = 2;
	history(&own, "1\t0/4000000\t\n", 2);
	expect_clone(MR_JOIN_RULE_COLLISION);
	facts.standby_signal = true;
	expect_clone(MR_JOIN_RULE_COLLISION);
}

MR_TEST(equal_histories_do_not_hide_a_collision_from_the_stamp)
{
	begin();
	facts.timeline = 2;
	history(&own, "1\t0/5000000\tno recovery target specified\n", 2);
	facts.held_stamp_timeline = 2;
	facts.held_stamp_is_leaders = false;
	expect_clone(MR_JOIN_RULE_COLLISION);
	facts.held_stamp_is_leaders = true;
	expect(MR_JOIN_START, MR_JOIN_RULE_SAME_TIMELINE);
}

MR_TEST(a_primary_of_the_leaders_own_timeline_is_a_collision)
{
	begin_former_primary();
	facts.timeline = 2;
	history(&own, "1\t0/5000000\tno recovery target specified\n", 2);
	expect_clone(MR_JOIN_RULE_COLLISION);
}

MR_TEST(a_collision_in_the_past_is_rewound_as_pg_rewind_compares_where_timelines_began)
{
	begin();
	facts.timeline = 3;
	history(&own, "1\t0/4000000\t\n2\t0/6000000\t\n", 3);
	facts.leader.timeline = 4;
	history(&leaders, "1\t0/5000000\t\n2\t0/7000000\t\n", 4);
	expect(MR_JOIN_REWIND, MR_JOIN_RULE_OTHER_BRANCH);
	MR_CHECK_INT(verdict.fork_lsn, 0x4000000);
}

MR_TEST(unreadable_histories_cannot_be_rewound)
{
	begin();
	own.count = 0;
	expect_clone(MR_JOIN_RULE_NO_ANCESTOR);
	begin();
	leaders.count = 0;
	expect_clone(MR_JOIN_RULE_NO_ANCESTOR);
}

MR_TEST(without_hint_bits_in_wal_or_after_a_failure_only_a_clone_is_left)
{
	begin();
	facts.past_fork = true;
	facts.can_rewind = false;
	expect_clone(MR_JOIN_RULE_NO_HINTS);
	facts.can_rewind = true;
	facts.rewind_failed = true;
	expect_clone(MR_JOIN_RULE_REWIND_FAILED);
}

MR_TEST(another_database_is_refused)
{
	begin();
	facts.system_identifier = 43;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_OTHER_DATABASE);
}

/* ---------- members without a leader ---------- */

MR_TEST(a_member_that_reaches_nobody_starts_unchanged)
{
	begin_former_primary();
	facts.peers = facts.asked = false;
	expect(MR_JOIN_START, MR_JOIN_RULE_NO_PEER);
	facts.peers = facts.asked = true;
	no_leader(MR_JOIN_LEADER_NONE, 0, 0);
	facts.may_linger = facts.may_wait = true;
	expect(MR_JOIN_START, MR_JOIN_RULE_NO_PEER);
}

MR_TEST(the_leader_itself_starts_at_once)
{
	begin_former_primary();
	no_leader(MR_JOIN_LEADER_SELF, 1, 7);
	facts.may_linger = true;
	expect(MR_JOIN_START, MR_JOIN_RULE_SELF);
}

MR_TEST(a_former_primary_lingers_while_an_election_is_under_way)
{
	begin_former_primary();
	no_leader(MR_JOIN_LEADER_NONE, 2, 8);
	facts.may_linger = true;
	expect(MR_JOIN_ASK, MR_JOIN_RULE_NO_LEADER);
	facts.may_linger = false;
	expect(MR_JOIN_START, MR_JOIN_RULE_NO_LEADER);
	/* nobody has gone on to a newer term: it may be elected itself */
	facts.may_linger = true;
	facts.view.newest_term = 7;
	expect(MR_JOIN_START, MR_JOIN_RULE_NO_LEADER);
	no_leader(MR_JOIN_LEADER_NAMED, 2, 8);
	expect(MR_JOIN_ASK, MR_JOIN_RULE_LEADER_SILENT);
	facts.may_linger = false;
	expect(MR_JOIN_START, MR_JOIN_RULE_LEADER_SILENT);
}

MR_TEST(a_standby_does_not_linger_it_is_needed_as_a_voter)
{
	begin();
	facts.may_linger = true;
	no_leader(MR_JOIN_LEADER_NONE, 2, 8);
	expect(MR_JOIN_START, MR_JOIN_RULE_NO_LEADER);
	no_leader(MR_JOIN_LEADER_NAMED, 2, 8);
	expect(MR_JOIN_START, MR_JOIN_RULE_LEADER_SILENT);
}

/* ---------- unfinished work ---------- */

MR_TEST(an_interrupted_rewind_is_never_started)
{
	begin();
	facts.unfinished = MR_JOIN_UNFINISHED_REWIND;
	facts.log_term = 7;
	expect(MR_JOIN_REWIND, MR_JOIN_RULE_REWIND_BEGUN);
	no_leader(MR_JOIN_LEADER_NONE, 0, 0);
	facts.may_wait = true;
	expect(MR_JOIN_ASK, MR_JOIN_RULE_NONE);
	facts.may_wait = false;
	expect(MR_JOIN_RETRY, MR_JOIN_RULE_NEED_LEADER);
	begin();
	facts.unfinished = MR_JOIN_UNFINISHED_REWIND;
	facts.rewind_failed = true;
	expect_clone(MR_JOIN_RULE_REWIND_FAILED);
}

MR_TEST(an_interrupted_clone_was_allowed_and_goes_on)
{
	begin();
	facts.unfinished = MR_JOIN_UNFINISHED_CLONE;
	facts.reclone = MR_JOIN_RECLONE_ASK;
	expect(MR_JOIN_CLONE, MR_JOIN_RULE_CLONE_BEGUN);
	facts.directory = MR_JOIN_DIR_EMPTY;
	expect(MR_JOIN_CLONE, MR_JOIN_RULE_CLONE_BEGUN);
}

/* ---------- identity ---------- */

MR_TEST(an_unmanaged_directory_is_none_of_our_business)
{
	begin();
	facts.directory = MR_JOIN_DIR_PLAIN;
	facts.state = MR_JOIN_STATE_ABSENT;
	facts.asked = false;
	expect(MR_JOIN_START, MR_JOIN_RULE_UNMANAGED);
	facts.directory = MR_JOIN_DIR_STRANGE;
	facts.state = MR_JOIN_STATE_DAMAGED;
	expect(MR_JOIN_START, MR_JOIN_RULE_UNMANAGED);
	facts.named = true;
	facts.state = MR_JOIN_STATE_ABSENT;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_NOT_DATABASE);
}

MR_TEST(an_empty_directory_is_cloned_by_a_named_node)
{
	begin();
	facts.directory = MR_JOIN_DIR_EMPTY;
	facts.state = MR_JOIN_STATE_ABSENT;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_UNNAMED);
	facts.named = true;
	expect(MR_JOIN_REGISTER, MR_JOIN_RULE_NEW_MEMBER);
	facts.state = MR_JOIN_STATE_OK;
	facts.named = false;
	facts.reclone = MR_JOIN_RECLONE_NEVER;
	expect(MR_JOIN_CLONE, MR_JOIN_RULE_EMPTY);
	no_leader(MR_JOIN_LEADER_NAMED, 1, 7);
	facts.may_wait = true;
	expect(MR_JOIN_ASK, MR_JOIN_RULE_NONE);
	facts.may_wait = false;
	expect(MR_JOIN_RETRY, MR_JOIN_RULE_NEED_LEADER);
	facts.peers = false;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_NEED_PEERS);
}

MR_TEST(a_lost_or_damaged_state_file_needs_a_new_identity)
{
	begin();
	facts.state = MR_JOIN_STATE_ABSENT;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_UNNAMED);
	facts.named = true;
	expect(MR_JOIN_REGISTER, MR_JOIN_RULE_STATE_LOST);
	facts.state = MR_JOIN_STATE_DAMAGED;
	expect(MR_JOIN_REGISTER, MR_JOIN_RULE_STATE_LOST);
	no_leader(MR_JOIN_LEADER_NONE, 0, 0);
	expect(MR_JOIN_RETRY, MR_JOIN_RULE_NEED_LEADER);
}

MR_TEST(a_state_file_that_is_not_ours_is_never_used)
{
	begin();
	facts.named = true;
	facts.state = MR_JOIN_STATE_FOREIGN;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_STATE_FOREIGN);
	facts.state = MR_JOIN_STATE_OF_OTHER;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_STATE_OF_OTHER);
	facts.state = MR_JOIN_STATE_UNREADABLE;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_STATE_UNREADABLE);
}

MR_TEST(the_first_server_starts_before_it_is_a_member)
{
	begin();
	facts.directory = MR_JOIN_DIR_PLAIN;
	facts.state = MR_JOIN_STATE_ABSENT;
	facts.named = true;
	facts.standby_signal = false;
	facts.peers = facts.asked = false;
	no_leader(MR_JOIN_LEADER_NONE, 0, 0);
	expect(MR_JOIN_START, MR_JOIN_RULE_UNMANAGED);
	facts.peers = true;
	expect(MR_JOIN_ASK, MR_JOIN_RULE_NONE);
	facts.asked = true;
	expect(MR_JOIN_START, MR_JOIN_RULE_UNMANAGED);
	/* there is a cluster, but nobody leads it */
	no_leader(MR_JOIN_LEADER_NONE, 2, 9);
	expect(MR_JOIN_RETRY, MR_JOIN_RULE_NEED_LEADER);
}

MR_TEST(a_plain_standby_of_the_same_database_is_adopted_and_nothing_else)
{
	begin();
	facts.directory = MR_JOIN_DIR_PLAIN;
	facts.state = MR_JOIN_STATE_ABSENT;
	facts.named = true;
	facts.control_known = false;
	expect(MR_JOIN_READ_CONTROL, MR_JOIN_RULE_NONE);
	facts.control_known = true;
	expect(MR_JOIN_ADOPT, MR_JOIN_RULE_ADOPTED);
	facts.system_identifier = 43;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_OTHER_DATABASE);
	facts.system_identifier = 42;
	facts.standby_signal = false;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_PLAIN_PRIMARY);
}

MR_TEST(a_member_whose_directory_lost_its_marker_is_not_started_open)
{
	begin();
	facts.directory = MR_JOIN_DIR_PLAIN;
	facts.named = true;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_MARKER_LOST);
}

/* ---------- what must hold whatever the rules say ---------- */

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

static void
facts_of(unsigned bits)
{
	begin();
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

/* ---------- the view ---------- */

static MrJoinAnswer answers[3];
static MrJoinView view;

static void
answer(int i, const char *node, uint64_t term, const char *primary)
{
	memset(&answers[i], 0, sizeof(answers[i]));
	answers[i].answered = true;
	answers[i].managed = true;
	answers[i].term = term;
	snprintf(answers[i].node, sizeof(answers[i].node), "%s", node);
	snprintf(answers[i].primary_node, sizeof(answers[i].primary_node), "%s", primary);
	answers[i].is_primary = strcmp(node, primary) == 0;
}

static void
lease(int i, uint64_t stamp_term)
{
	answers[i].writable = true;
	answers[i].stamp_term = stamp_term;
}

static void
expect_view(int count, MrJoinLeader leader, int index)
{
	mr_join_view(answers, count, "n1", &view);
	MR_CHECK_INT(view.leader, leader);
	MR_CHECK_INT(view.index, index);
}

MR_TEST(a_leader_is_confirmed_by_its_own_lease_and_stamp)
{
	answer(0, "n2", 7, "n2");
	answer(1, "n3", 7, "n2");
	expect_view(2, MR_JOIN_LEADER_NAMED, -1);
	MR_CHECK(!mr_join_view_is_enough(&view, 7));
	lease(0, 6); /* elected, but still on its way out of recovery */
	expect_view(2, MR_JOIN_LEADER_NAMED, -1);
	lease(0, 7);
	expect_view(2, MR_JOIN_LEADER_CONFIRMED, 0);
	MR_CHECK(mr_join_view_is_enough(&view, 7));
	MR_CHECK_INT(view.answers, 2);
}

MR_TEST(the_newest_term_is_believed)
{
	answer(0, "n2", 7, "n2");
	lease(0, 7);
	answer(1, "n3", 8, "n3");
	expect_view(2, MR_JOIN_LEADER_NAMED, -1);
	lease(1, 8);
	expect_view(2, MR_JOIN_LEADER_CONFIRMED, 1);
	/* a candidate that has won nothing yet does not void a lease that is valid */
	answer(1, "n3", 8, "");
	expect_view(2, MR_JOIN_LEADER_CONFIRMED, 0);
	MR_CHECK_INT(view.newest_term, 8);
	/* ... but without one the leader that was is not one any more */
	answers[0].writable = false;
	expect_view(2, MR_JOIN_LEADER_NONE, -1);
}

MR_TEST(one_word_is_enough_for_the_leader_itself)
{
	answer(0, "n2", 7, "n1");
	expect_view(1, MR_JOIN_LEADER_SELF, -1);
	MR_CHECK(mr_join_view_is_enough(&view, 7));
	MR_CHECK(!mr_join_view_is_enough(&view, 6)); /* a term this node has not heard of */
	answer(1, "n3", 7, "n2");
	expect_view(2, MR_JOIN_LEADER_NAMED, -1);
	answer(0, "n2", 7, "n3");
	answer(1, "n3", 7, "n1");
	expect_view(2, MR_JOIN_LEADER_NAMED, -1);
}

MR_TEST(who_does_not_answer_or_is_not_managed_does_not_count)
{
	answer(0, "n2", 7, "n2");
	lease(0, 7);
	answers[0].managed = false;
	answer(1, "n3", 9, "n3");
	answers[1].answered = false;
	expect_view(2, MR_JOIN_LEADER_NONE, -1);
	MR_CHECK_INT(view.answers, 0);
	MR_CHECK_INT(view.newest_term, 0);
	/* without a name nobody is this node */
	answer(0, "n2", 7, "");
	mr_join_view(answers, 1, "", &view);
	MR_CHECK_INT(view.leader, MR_JOIN_LEADER_NONE);
}

/* ---------- histories ---------- */

static bool
parses(const char *text, uint32_t timeline)
{
	return mr_join_history_parse(text, strlen(text), timeline, &own);
}

MR_TEST(histories_are_read_as_postgresql_writes_them)
{
	MR_REQUIRE(parses("1\t0/5000000\tno recovery target specified\n\n"
					  "# a comment\n  2\t1/A0\tbefore 2000-01-01\n",
					  5));
	MR_CHECK_INT(own.count, 3);
	MR_CHECK_INT(own.list[1].timeline, 2);
	MR_CHECK_INT(own.list[1].begin, 0x5000000);
	MR_CHECK_INT(own.list[2].timeline, 5);
	MR_CHECK_INT(own.list[2].begin, INT64_C(0x1000000A0));
	MR_CHECK(parses("1\t0/5000000\tno newline at the end", 2));
}

MR_TEST(a_history_that_makes_no_sense_is_unknown)
{
	static const char *const wrong[] = {"x\t0/5\t\n",
										"1\n",
										"1\t0\t\n",
										"1\t0/\t\n",
										"1\tG/0\t\n",
										"0\t0/5\t\n",
										"2\t0/5\t\n1\t0/6\t\n",
										"4294967296\t0/5\t\n",
										"1\t1234567890/5\t\n",
										"3\t0/5\t\n"};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		mr_unit_about("%s", wrong[i]);
		MR_CHECK(!parses(wrong[i], 3));
		MR_CHECK_INT(own.count, 0);
	}
	MR_CHECK(!mr_join_history_parse(NULL, 0, 2, &own));
	MR_CHECK(!mr_join_history_parse(NULL, 0, 0, &own));
}

MR_TEST(more_timelines_than_fit_are_unknown_not_cut)
{
	static char text[32 * (MR_JOIN_MAX_HISTORY + 2)];
	size_t length = 0;
	int i;

	for (i = 1; i < MR_JOIN_MAX_HISTORY; i++)
		length += (size_t) snprintf(text + length, sizeof(text) - length, "%d\t0/%X\t\n", i, i);
	MR_CHECK(mr_join_history_parse(text, length, MR_JOIN_MAX_HISTORY, &own));
	MR_CHECK_INT(own.count, MR_JOIN_MAX_HISTORY);
	length += (size_t) snprintf(text + length, sizeof(text) - length, "%d\t0/%X\t\n", i, i);
	MR_CHECK(!mr_join_history_parse(text, length, MR_JOIN_MAX_HISTORY + 1, &own));
	MR_CHECK_INT(own.count, 0);
}

MR_TEST(the_common_ancestor_is_where_the_earlier_of_both_left)
{
	uint32_t timeline = 0;
	MrLsn end = 0;

	history(&own, "1\t0/5000000\t\n", 2);
	history(&leaders, "1\t0/4000000\t\n", 3);
	MR_CHECK(mr_join_history_common(&own, &leaders, &timeline, &end));
	MR_CHECK_INT(timeline, 1);
	MR_CHECK_INT(end, 0x4000000);
	history(&leaders, "1\t0/5000000\t\n2\t0/6000000\t\n", 3);
	MR_CHECK(mr_join_history_common(&own, &leaders, &timeline, &end));
	MR_CHECK_INT(timeline, 2);
	MR_CHECK_INT(end, 0x6000000);
	MR_CHECK(mr_join_history_common(&own, &own, &timeline, &end));
	MR_CHECK_INT(timeline, 2);
	MR_CHECK(end == MR_JOIN_NO_END);
	own.count = 0;
	MR_CHECK(!mr_join_history_common(&own, &leaders, &timeline, &end));
}
