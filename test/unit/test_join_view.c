/*
 * Who leads, as multiregion-join makes it out from the answers of the members.
 */
#include "join/mr_join_view.h"

#include <stdio.h>
#include <string.h>

#include "unit/mr_unit.h"

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
