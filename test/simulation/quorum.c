/*
 * Forced quorums in the simulated world: an operator who takes nodes for lost, what
 * multiregion-join makes of those that come back, and the monitor of the primary, which
 * gives votes back one change at a time.
 *
 * The operator keeps to the manual: those left out see nobody of the old quorum until they
 * have seen the new one. They may live on all the while, a primary with its clients.
 */
#include "mr_world.h"

#include <string.h>

#include "core/mr_forced.h"

#define BIT(slot) (UINT32_C(1) << (slot))

static bool
knows_the_newest(const MrWorld *world, int n)
{
	return mr_generation(world->nodes[n].disk.config.term) == world->generation;
}

bool
mr_quorum_keeps_apart(const MrWorld *world, int a, int b)
{
	return world->generation > 0 && !knows_the_newest(world, a) && !knows_the_newest(world, b);
}

/* ---------- the operator ---------- */

/* All others; of five nodes one may stay. */
static uint32_t
choose_lost(MrWorld *world, int survivor)
{
	uint32_t lost = ((UINT32_C(1) << world->nnodes) - 1) & ~BIT(survivor);
	int keep = (int) mr_world_random(world, (uint64_t) world->nnodes);

	if (world->nnodes > 3 && keep != survivor)
		lost &= ~BIT(keep);
	return lost;
}

/* How long the survivor waits for a lease that somebody may still have. */
static int64_t
wait_for_lease(const MrWorld *world, int survivor)
{
	const MrDurable *disk = &world->nodes[survivor].disk;

	return disk->config.policy.lease_ms * MR_NS_PER_MS / 100 * (100 + 2 * MR_DRIFT_PERCENT);
}

/* It is a majority of its own quorum: the only voter, as after an earlier force. */
static bool
needs_nobody(const MrSimNode *node, int n)
{
	return mr_config_has_majority(&node->disk.config, BIT(n));
}

/* Its leases are long, or have been, or will be once the promises arrive. */
static bool
is_paused(const MrConfig *config)
{
	int64_t until_ms = config->paused_until_ms;
	int i;

	for (i = 0; i < MR_MAX_MEMBERS; i++)
		if (config->members[i].paused_until_ms > until_ms)
			until_ms = config->members[i].paused_until_ms;
	return until_ms != 0;
}

/*
 * Who has promises that reach further, for a pause, is made sure of; who could lead alone
 * comes back empty.
 */
static void
put_down(MrWorld *world, uint32_t lost)
{
	int i;

	for (i = 0; i < world->nnodes; i++)
	{
		MrSimNode *node = &world->nodes[i];
		bool outlives = is_paused(&node->lease.durable.config);

		bool emptied = needs_nobody(node, i);

		if ((lost & BIT(i)) == 0 || (!outlives && !emptied && mr_world_chance(world, 2)))
			continue;
		mr_node_kill(world, i, true);
		node->orphans = 0;
		if (emptied)
			memset(&node->disk, 0, sizeof(node->disk));
		node->start_at = world->now + MR_NS_PER_S + mr_world_ms(world, 4000);
	}
}

static void
note_lost(MrWorld *world, const MrConfig *config, uint32_t lost)
{
	int i;

	world->nlost = 0;
	for (i = 0; i < world->nnodes; i++)
		if ((lost & BIT(i)) != 0)
			world->lost[world->nlost++] = config->members[i];
}

/* One that is not left out answers, and says so. */
static bool
somebody_leads(const MrWorld *world, uint32_t lost)
{
	int i;

	for (i = 0; i < world->nnodes; i++)
		if ((lost & BIT(i)) == 0 && mr_node_is_open(world, i))
			return true;
	return false;
}

void
mr_quorum_force(MrWorld *world, int survivor)
{
	MrSimNode *node = &world->nodes[survivor];
	uint32_t lost = choose_lost(world, survivor);
	int64_t wait_ns = wait_for_lease(world, survivor);

	if (!knows_the_newest(world, survivor) || node->witness ||
		mr_forced_problem(&node->disk, lost) != NULL || somebody_leads(world, lost))
		return;
	mr_node_kill(world, survivor, true);
	node->orphans = 0;
	put_down(world, lost);
	note_lost(world, &node->disk.config, lost);
	mr_world_note(world, survivor, "a new quorum is forced without 0x%x", lost);
	mr_forced_apply(&node->disk, lost);
	world->generation = mr_generation(node->disk.term);
	world->forced_at = world->now + wait_ns;
	node->start_at = world->forced_at + MR_NS_PER_MS;
	node->standby_signal = node->standby_signal || !node->marker;
}

/* ---------- multiregion-join ---------- */

bool
mr_quorum_left_out(const MrWorld *world, int n, int leader)
{
	const MrConfig *config = &world->nodes[leader].lease.durable.config;

	return mr_config_slot_of(config, &world->nodes[n].disk.node) == MR_NO_SLOT;
}

/* A new identity under the old name, without a vote, as register_node() gives it. */
bool
mr_quorum_register(MrWorld *world, int n, int leader)
{
	static MrConfig config;
	MrSimNode *node = &world->nodes[n];
	MrUuid uuid = {{0}};

	config = world->nodes[leader].lease.durable.config;
	memset(uuid.bytes, 100 + n, sizeof(uuid.bytes));
	uuid.bytes[0] = (uint8_t) ++world->identities;
	config.members[n] = world->config.members[n];
	config.members[n].uuid = uuid;
	mr_worker_propose(world, leader, &config);
	if (mr_config_slot_of(&world->nodes[leader].lease.durable.config, &uuid) != n)
		return false;
	mr_world_note(world, n, "joins anew");
	world->clones++;
	memset(&node->disk, 0, sizeof(node->disk));
	node->disk.cluster = config.cluster;
	node->disk.node = uuid;
	return true;
}

/* ---------- the monitor ---------- */

/* Followers that hold WAL of this leadership vote. */
static uint32_t
fit_voters(const MrWorld *world, int leader)
{
	const MrLease *lease = &world->nodes[leader].lease;
	uint32_t voters = BIT(leader);
	int i;

	for (i = 0; i < world->nnodes; i++)
	{
		const MrSimNode *node = &world->nodes[i];

		if (i != leader && lease->durable.config.members[i].used && node->running &&
			mr_uuid_equal(&lease->durable.config.members[i].uuid, &node->disk.node) &&
			(node->witness || node->disk.log_term == lease->durable.stamp.term))
			voters |= BIT(i);
	}
	return voters;
}

/* Its tables have those that were left out until it has retired them. */
static void
bring_back(const MrWorld *world, MrConfig *config)
{
	int i;

	for (i = 0; i < world->nlost; i++)
	{
		int slot = mr_config_slot_of_name(&world->config, world->lost[i].name);

		if (!config->members[slot].used)
			config->members[slot] = world->lost[i];
	}
}

/* Whose registration was lost with the primary that had it: somebody joins it once more. */
static void
restart_unknown(MrWorld *world, int leader)
{
	int i;

	for (i = 0; i < world->nnodes; i++)
		if (world->nodes[i].running && knows_the_newest(world, i) &&
			mr_quorum_left_out(world, i, leader) && mr_world_chance(world, 4))
			mr_node_kill(world, i, true);
}

void
mr_quorum_monitor(MrWorld *world, int n)
{
	static MrConfig config;
	MrSimNode *node = &world->nodes[n];

	if (world->generation == 0 || world->now < world->next_monitor || node->frozen ||
		!node->worker || !mr_node_is_open(world, n) || node->lease.role != MR_ROLE_LEADER)
		return;
	world->next_monitor = world->now + 300 * MR_NS_PER_MS;
	restart_unknown(world, n);
	config = node->lease.durable.config;
	config.policy = world->config.policy;
	config.voters |= fit_voters(world, n);
	if (node->lease.durable.ndiscarded > 0 &&
		mr_uuid_equal(&node->lease.durable.discarded[0], &world->lost[0].uuid) &&
		mr_world_chance(world, 4))
		bring_back(world, &config);
	mr_worker_propose(world, n, &config);
}

/* ---------- members and voters ---------- */

/* As add_node() and multiregion-join would have it: with the identity it has now. */
static MrMember
as_member(const MrWorld *world, int n)
{
	MrMember member = world->config.members[n];

	if (mr_uuid_is_set(&world->nodes[n].disk.node))
		member.uuid = world->nodes[n].disk.node;
	return member;
}

static uint32_t
used_slots(const MrConfig *config)
{
	uint32_t used = 0;
	int i;

	for (i = 0; i < MR_MAX_MEMBERS; i++)
		used |= config->members[i].used ? BIT(i) : 0;
	return used;
}

/* A node that lives is dropped, one that was is taken in again, or a vote comes and goes. */
void
mr_quorum_change(MrWorld *world, int n)
{
	static MrConfig config;
	const MrLease *lease = &world->nodes[n].lease;
	int other =
		(n + 1 + (int) mr_world_random(world, (uint64_t) world->nnodes - 1)) % world->nnodes;
	MrMember *member = &config.members[other];

	if (!world->nodes[n].worker || world->nodes[n].frozen || lease->role != MR_ROLE_LEADER)
		return;
	config = lease->durable.config;
	if (!member->used)
		*member = as_member(world, other);
	else if (mr_world_chance(world, 2)) /* with its vote, too: that is refused */
		memset(member, 0, sizeof(*member));
	if (mr_world_chance(world, 2))
		config.voters = (uint32_t) mr_world_random(world, UINT64_C(1) << world->nnodes);
	config.voters &= used_slots(&config);
	if (config.voters == 0)
		config.voters = BIT(n);
	mr_world_note(world, n, "is told of voters 0x%x; node %d is %s", config.voters, other + 1,
				  member->used ? "a member" : "none");
	world->changes++;
	mr_worker_propose(world, n, &config);
}

void
mr_quorum_restore(MrWorld *world)
{
	static MrConfig config;
	int i;
	int n;

	for (n = 0; n < world->nnodes; n++)
	{
		const MrSimNode *node = &world->nodes[n];

		if (!node->worker || node->lease.role != MR_ROLE_LEADER || !mr_node_is_open(world, n))
			continue;
		config = node->lease.durable.config;
		for (i = 0; i < world->nnodes; i++)
			config.members[i] = as_member(world, i);
		config.voters = world->config.voters;
		if (memcmp(&config, &node->lease.durable.config, sizeof(config)) != 0)
			mr_worker_propose(world, n, &config);
	}
}
