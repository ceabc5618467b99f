/*
 * When a failback is due that waits for proven health, as it is shown: by the node that will
 * get the lease, from when it or this leadership began, whichever was later.
 */
#include "core/mr_candidate.h"
#include "core/mr_lease.h"
#include "unit/mr_unit.h"

#include <string.h>

#define HOME "US_EAST"
#define AT(seconds) ((seconds) *MR_NS_PER_S)

static MrLease lease;

static void
add_member(int slot, const char *region, int64_t well_s)
{
	MrMember *member = &lease.durable.config.members[slot];

	member->used = true;
	member->uuid.bytes[0] = (uint8_t) (slot + 1);
	member->name[0] = (char) ('a' + slot);
	memcpy(member->region, region, strlen(region) + 1);
	lease.peers[slot].well_since_ns = AT(well_s);
}

/* A leader elsewhere since second 50, and two nodes at home, well since 100 and 20. */
static void
begin(void)
{
	memset(&lease, 0, sizeof(lease));
	mr_config_init(&lease.durable.config);
	memcpy(lease.durable.config.preferred_region, HOME, sizeof(HOME));
	lease.durable.config.policy.failback_delay_ms = 300000;
	lease.role = MR_ROLE_LEADER;
	lease.failback_refusal = MR_REFUSE_NOT_PROVEN;
	lease.transition.open_ns = AT(50);
	add_member(0, "EU_WEST", 0);
	add_member(1, HOME, 100);
	add_member(2, HOME, 20);
	lease.durable.config.members[2].no_promote = true;
}

MR_TEST(the_node_that_will_lead_counts)
{
	begin();
	MR_CHECK_INT(mr_failback_due_ns(&lease), AT(400));
	lease.durable.config.members[1].no_promote = true;
	lease.durable.config.members[2].no_promote = false;
	/* it was well before this leadership began */
	MR_CHECK_INT(mr_failback_due_ns(&lease), AT(350));
}

MR_TEST(nothing_is_due_that_waits_for_something_else)
{
	begin();
	lease.failback_refusal = MR_REFUSE_LAG;
	MR_CHECK_INT(mr_failback_due_ns(&lease), 0);
	begin();
	lease.role = MR_ROLE_FOLLOWER;
	MR_CHECK_INT(mr_failback_due_ns(&lease), 0);
	begin();
	lease.peers[1].well_since_ns = 0;
	MR_CHECK_INT(mr_failback_due_ns(&lease), 0);
	begin();
	lease.durable.config.preferred_region[0] = '\0';
	MR_CHECK_INT(mr_failback_due_ns(&lease), 0);
}
