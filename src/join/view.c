/*
 * Who leads, by what the others say; see mr_join_view.h.
 *
 * A valid lease proves its holder: no other node can hold one at that moment. What a
 * peer merely believes is worth less, and the peer of the newest term is believed.
 */
#include "join/mr_join_view.h"

#include <string.h>

/* Between winning the lease and writing its stamp a leader cannot be rewound to. */
static bool
has_proven_itself(const MrJoinAnswer *answer)
{
	return answer->is_primary && answer->writable && answer->stamp_term == answer->term;
}

static void
consider_word(const MrJoinAnswer *answer, const char *self, uint64_t *believed, MrJoinView *view)
{
	if (answer->primary_node[0] == '\0' || answer->term < *believed)
		return;
	/* Of two of the same term, the one that names another node wins: it is the careful one. */
	if (answer->term == *believed && view->leader == MR_JOIN_LEADER_NAMED)
		return;
	*believed = answer->term;
	view->leader = self[0] != '\0' && strcmp(answer->primary_node, self) == 0
					   ? MR_JOIN_LEADER_SELF
					   : MR_JOIN_LEADER_NAMED;
}

void
mr_join_view(const MrJoinAnswer *answers, int count, const char *self, MrJoinView *view)
{
	uint64_t believed = 0;
	int i;

	memset(view, 0, sizeof(*view));
	view->leader = MR_JOIN_LEADER_NONE;
	view->index = -1;
	for (i = 0; i < count; i++)
	{
		const MrJoinAnswer *answer = &answers[i];

		if (!answer->answered || !answer->managed || answer->outdated)
			continue;
		view->answers++;
		if (answer->term > view->newest_term)
			view->newest_term = answer->term;
		consider_word(answer, self, &believed, view);
		if (has_proven_itself(answer) &&
			(view->index < 0 || answer->term > answers[view->index].term))
			view->index = i;
	}
	/* A newer term with a leader beats a lease that has run out since it was shown. */
	if (view->index >= 0 && answers[view->index].term >= believed)
		view->leader = MR_JOIN_LEADER_CONFIRMED;
	else
	{
		view->index = -1;
		/* The leader that is named may have been overtaken by an election since. */
		if (view->leader != MR_JOIN_LEADER_NONE && believed < view->newest_term)
			view->leader = MR_JOIN_LEADER_NONE;
	}
}

bool
mr_join_view_is_enough(const MrJoinView *view, uint64_t own_term)
{
	switch (view->leader)
	{
		case MR_JOIN_LEADER_CONFIRMED:
			return true;
		case MR_JOIN_LEADER_SELF:
			return view->newest_term <= own_term;
		case MR_JOIN_LEADER_NONE:
		case MR_JOIN_LEADER_NAMED:
			break;
	}
	return false;
}
