/*
 * Health verdicts: every state with every observation, and the verdict over every
 * region of up to five nodes.
 */
#include "core/mr_health.h"
#include "unit/mr_unit.h"

#include <string.h>

#define U MR_HEALTH_UNKNOWN
#define P MR_HEALTH_UP
#define S MR_HEALTH_SUSPECT
#define D MR_HEALTH_DOWN

#define INTERVAL_MS 30000
#define RETRY_MS 1000
#define NOW INT64_C(5000000000)

/* What one check makes of a node with max_failures 3. */
static const struct
{
	MrHealth before;
	uint32_t failures;
	bool ok;
	MrHealth after;
	uint32_t failures_after;
	MrHealthChange change;
} decisions[] = {
	{U, 0, true, P, 0, MR_HEALTH_WENT_UP}, {U, 0, false, S, 1, MR_HEALTH_SAME},
	{U, 1, true, P, 0, MR_HEALTH_WENT_UP}, {U, 1, false, S, 2, MR_HEALTH_SAME},
	{U, 2, true, P, 0, MR_HEALTH_WENT_UP}, {U, 2, false, D, 3, MR_HEALTH_WENT_DOWN},
	{U, 9, true, P, 0, MR_HEALTH_WENT_UP}, {U, 9, false, D, 10, MR_HEALTH_WENT_DOWN},
	{P, 0, true, P, 0, MR_HEALTH_SAME},    {P, 0, false, S, 1, MR_HEALTH_SAME},
	{P, 1, true, P, 0, MR_HEALTH_SAME},    {P, 1, false, S, 2, MR_HEALTH_SAME},
	{P, 2, true, P, 0, MR_HEALTH_SAME},    {P, 2, false, D, 3, MR_HEALTH_WENT_DOWN},
	{P, 9, true, P, 0, MR_HEALTH_SAME},    {P, 9, false, D, 10, MR_HEALTH_WENT_DOWN},
	{S, 0, true, P, 0, MR_HEALTH_SAME},    {S, 0, false, S, 1, MR_HEALTH_SAME},
	{S, 1, true, P, 0, MR_HEALTH_SAME},    {S, 1, false, S, 2, MR_HEALTH_SAME},
	{S, 2, true, P, 0, MR_HEALTH_SAME},    {S, 2, false, D, 3, MR_HEALTH_WENT_DOWN},
	{S, 9, true, P, 0, MR_HEALTH_SAME},    {S, 9, false, D, 10, MR_HEALTH_WENT_DOWN},
	{D, 0, true, P, 0, MR_HEALTH_WENT_UP}, {D, 0, false, D, 1, MR_HEALTH_SAME},
	{D, 1, true, P, 0, MR_HEALTH_WENT_UP}, {D, 1, false, D, 2, MR_HEALTH_SAME},
	{D, 2, true, P, 0, MR_HEALTH_WENT_UP}, {D, 2, false, D, 3, MR_HEALTH_SAME},
	{D, 3, true, P, 0, MR_HEALTH_WENT_UP}, {D, 3, false, D, 4, MR_HEALTH_SAME},
	{D, 9, true, P, 0, MR_HEALTH_WENT_UP}, {D, 9, false, D, 10, MR_HEALTH_SAME},
};

static MrHealthChange
observe(MrHealthState *state, bool ok, int64_t max_failures)
{
	return mr_health_observe(state, ok, NOW, INTERVAL_MS, RETRY_MS, max_failures);
}

MR_TEST(every_state_and_every_observation_decides)
{
	size_t i;

	for (i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++)
	{
		MrHealthState state = {decisions[i].before, decisions[i].failures, 0};

		mr_unit_about("%s, %u failures, %s", mr_health_name((int) decisions[i].before),
					  decisions[i].failures, decisions[i].ok ? "ok" : "failed");
		MR_CHECK_INT(observe(&state, decisions[i].ok, 3), decisions[i].change);
		MR_CHECK_STRING(mr_health_name((int) state.status),
						mr_health_name((int) decisions[i].after));
		MR_CHECK_INT(state.consecutive_failures, decisions[i].failures_after);
		MR_CHECK_INT(state.next_check_ns,
					 NOW + (decisions[i].ok ? INTERVAL_MS : RETRY_MS) * MR_NS_PER_MS);
	}
}

MR_TEST(a_node_is_down_at_exactly_max_failures_in_a_row)
{
	int max;
	int failure;

	for (max = 1; max <= 10; max++)
	{
		MrHealthState state;

		memset(&state, 0, sizeof(state));
		(void) observe(&state, true, max);
		for (failure = 1; failure <= max + 2; failure++)
		{
			mr_unit_about("failure %d of %d", failure, max);
			MR_CHECK_INT(observe(&state, false, max),
						 failure == max ? MR_HEALTH_WENT_DOWN : MR_HEALTH_SAME);
			MR_CHECK_INT(state.status, failure < max ? S : D);
		}
		MR_CHECK_INT(observe(&state, true, max), MR_HEALTH_WENT_UP);
	}
}

MR_TEST(one_good_check_starts_the_count_again)
{
	MrHealthState state;
	int round;

	memset(&state, 0, sizeof(state));
	(void) observe(&state, true, 3);
	for (round = 0; round < 20; round++)
	{
		(void) observe(&state, false, 3);
		(void) observe(&state, false, 3);
		MR_CHECK_INT(state.status, S);
		MR_CHECK_INT(observe(&state, true, 3), MR_HEALTH_SAME);
		MR_CHECK_INT(state.status, P);
	}
}

MR_TEST(a_maximum_below_one_is_one)
{
	int64_t max;

	for (max = -1; max <= 1; max++)
	{
		MrHealthState state = {P, 0, 0};

		MR_CHECK_INT(observe(&state, false, max), MR_HEALTH_WENT_DOWN);
	}
}

MR_TEST(a_failed_check_never_betters_a_verdict)
{
	MrHealthState state = {D, 3, 0};

	/* The maximum was raised while the node was down. */
	MR_CHECK_INT(observe(&state, false, 100), MR_HEALTH_SAME);
	MR_CHECK_INT(state.status, D);
}

MR_TEST(a_lowered_maximum_counts_at_the_next_failure)
{
	MrHealthState state = {S, 5, 0};

	MR_CHECK_INT(observe(&state, false, 3), MR_HEALTH_WENT_DOWN);
}

MR_TEST(the_count_does_not_wrap)
{
	MrHealthState state = {D, UINT32_MAX, 0};

	MR_CHECK_INT(observe(&state, false, 3), MR_HEALTH_SAME);
	MR_CHECK_INT(state.consecutive_failures, UINT32_MAX);
	MR_CHECK_INT(state.status, D);
}

MR_TEST(regions_of_all_nodes)
{
	MrHealth nodes[5];
	int count;
	int code;

	for (count = 1; count <= 5; count++)
		for (code = 0; code < 1 << (2 * count); code++)
		{
			int have[MR_HEALTH_COUNT] = {0};
			MrHealth expected;
			int i;

			for (i = 0; i < count; i++)
			{
				nodes[i] = (MrHealth) ((code >> (2 * i)) & 3);
				have[nodes[i]]++;
			}
			expected = have[P] > 0 ? P : have[S] > 0 ? S : have[U] > 0 ? U : D;
			mr_unit_about("%d nodes, code %x", count, (unsigned) code);
			MR_CHECK_INT(mr_health_of_region(nodes, count), expected);
			if (have[D] == count)
				MR_CHECK_INT(expected, D);
		}
}

MR_TEST(a_region_without_nodes_is_unknown)
{
	MR_CHECK_INT(mr_health_of_region(NULL, 0), U);
}
