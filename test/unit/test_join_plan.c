/*
 * The decision of multiregion-join: one test for each rule.
 */
#include "unit/mr_join_facts.h"

#include <string.h>

#include "unit/mr_unit.h"

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

MR_TEST(an_amnesiac_asks_for_a_new_identity_once_there_is_a_leader)
{
	begin();
	facts.amnesiac = true;
	expect(MR_JOIN_REGISTER, MR_JOIN_RULE_AMNESIA);
	facts.amnesiac = false;
	expect(MR_JOIN_START, MR_JOIN_RULE_BEHIND_FORK);
	begin();
	facts.amnesiac = true;
	no_leader(MR_JOIN_LEADER_NONE, 0, 0);
	expect(MR_JOIN_START, MR_JOIN_RULE_NO_PEER);
}

MR_TEST(a_forced_quorum_makes_a_node_ask_whether_its_identity_holds)
{
	begin();
	facts.leader.term = (UINT64_C(1) << 32) + 1;
	facts.log_term = facts.leader.stamp_term;
	expect(MR_JOIN_IDENTIFY, MR_JOIN_RULE_NEWER_GENERATION);
	facts.generation = 1;
	expect(MR_JOIN_START, MR_JOIN_RULE_IN_STEP);
	facts.generation = 0;
	facts.directory = MR_JOIN_DIR_EMPTY;
	expect(MR_JOIN_IDENTIFY, MR_JOIN_RULE_NEWER_GENERATION);
}

MR_TEST(who_was_discarded_waits_for_a_leader_and_becomes_a_clone)
{
	begin();
	facts.discarded = true;
	facts.reclone = MR_JOIN_RECLONE_ASK;
	expect(MR_JOIN_REFUSE, MR_JOIN_RULE_ASK_FIRST); /* its identity stays the old one */
	MR_CHECK_STRING(mr_join_rule_name(verdict.because), "discarded");
	facts.directory = MR_JOIN_DIR_EMPTY;
	expect(MR_JOIN_REGISTER, MR_JOIN_RULE_DISCARDED);
	facts.directory = MR_JOIN_DIR_MANAGED;
	facts.reclone = MR_JOIN_RECLONE_AUTO;
	expect(MR_JOIN_REGISTER, MR_JOIN_RULE_DISCARDED);
	no_leader(MR_JOIN_LEADER_NONE, 0, 0);
	facts.may_wait = true;
	expect(MR_JOIN_ASK, MR_JOIN_RULE_NONE);
	facts.may_wait = false;
	expect(MR_JOIN_RETRY, MR_JOIN_RULE_NEED_LEADER);
	/* with its new identity, however well its WAL seems to fit */
	begin();
	facts.must_clone = true;
	facts.log_term = 7;
	expect_clone(MR_JOIN_RULE_DISCARDED);
	MR_CHECK_INT(verdict.fork_timeline, 1);
	MR_CHECK_INT(verdict.fork_lsn, FORK);
}

MR_TEST(what_an_older_generation_says_counts_for_nothing)
{
	MrJoinAnswer answers[2];
	MrJoinView view;

	begin();
	answers[0] = facts.leader;
	answers[0].outdated = true;
	mr_join_view(answers, 1, "", &view);
	MR_CHECK_INT(view.leader, MR_JOIN_LEADER_NONE);
	MR_CHECK_INT(view.answers, 0);
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
