/*
 * What must hold in every simulated world, checked where something becomes visible:
 * on the disk, in a reply, at an election, at an acknowledgement, in the WAL.
 */
#include "mr_world.h"

#include "core/mr_forced.h"

/* Each generation counts its terms from anew. */
MrSimTerm *
mr_check_term(MrWorld *world, uint64_t term)
{
	uint64_t number = mr_generation(term) * (MR_SIM_TERMS / 3) + (term & UINT32_MAX);

	return &world->terms[number % MR_SIM_TERMS];
}

static void
note_vote(MrWorld *world, int n, uint64_t term, int candidate)
{
	uint8_t *voted = &mr_check_term(world, term)->voted[n];

	/* who voted for itself in vain may vote for the leader of the term afterwards */
	if (*voted != 0 && *voted != candidate + 1 &&
		mr_check_term(world, term)->leader != candidate + 1)
		mr_world_fail(world, n, "a node voted twice in a term");
	*voted = (uint8_t) (candidate + 1);
}

/* Nobody takes part in a generation that it does not know, or that has left it out. */
static void
check_generation(MrWorld *world, int n, const MrDurable *next)
{
	const MrDurable *disk = &world->nodes[n].disk;
	int i;

	if (mr_generation(next->term) > mr_generation(next->config.term))
		mr_world_fail(world, n, "it has a term of a generation whose members it does not know");
	if (mr_durable_is_discarded(disk) &&
		(next->term != disk->term || !mr_uuid_equal(&next->voted_for, &disk->voted_for)))
		mr_world_fail(world, n, "a node that was left out promised something");
	if (mr_generation(next->config.term) < world->generation)
		return;
	for (i = 0; i < world->nlost; i++)
		if (mr_config_slot_of(&next->config, &world->lost[i].uuid) != MR_NO_SLOT)
			mr_world_fail(world, n, "who was left out is a member again");
}

/* A state file never goes back, and never gives the same vote to two. */
void
mr_check_persist(MrWorld *world, int n, const MrDurable *next)
{
	const MrDurable *disk = &world->nodes[n].disk;

	if (next->term < disk->term)
		mr_world_fail(world, n, "a term went back on disk");
	if (next->log_term < disk->log_term)
		mr_world_fail(world, n, "a log term went back on disk");
	if (next->stamp.term < disk->stamp.term)
		mr_world_fail(world, n, "a stamp went back on disk");
	if (next->reserved_timeline < disk->reserved_timeline)
		mr_world_fail(world, n, "a reserved timeline went back on disk");
	if (next->max_lease_ms < disk->max_lease_ms &&
		next->max_lease_ms < next->config.policy.lease_ms)
		mr_world_fail(world, n, "the longest lease went back on disk");
	if (next->term > disk->term && mr_uuid_equal(&next->voted_for, &next->node))
		note_vote(world, n, next->term, n);
	if (next->stamp.term > disk->stamp.term && mr_uuid_equal(&next->stamp.node, &next->node))
		mr_sim_wal_stamp(&world->nodes[n].wal, (int) (next->stamp.lsn - MR_SIM_LSN(0)),
						 next->stamp.term);
	if (next->amnesiac && !disk->amnesiac)
		mr_world_fail(world, n, "a healthy node was taken for an amnesiac");
	if (world->generation > 0)
		check_generation(world, n, next);
}

/* The true order of the logs, whatever the nodes believe, as it was when the voter looked. */
static bool
is_ahead(const MrSimNode *voter, MrLsn wal_end, const MrSimNode *candidate)
{
	if (mr_sim_wal_term(&voter->wal) != mr_sim_wal_term(&candidate->wal))
		return mr_sim_wal_term(&voter->wal) > mr_sim_wal_term(&candidate->wal);
	return wal_end > MR_SIM_LSN(candidate->wal.length);
}

/* It may be promoted, but not by itself. */
static bool
lags(const MrSimNode *node)
{
	int64_t limit = node->disk.config.policy.max_failover_lag_bytes;

	return limit >= 0 && node->in_recovery &&
		   (int64_t) node->lease.leader_lsn - (int64_t) MR_SIM_LSN(node->wal.length) > limit;
}

/*
 * Nobody who could lead elects somebody who holds less. A voter that has WAL of a
 * leadership whose stamp never reached it does not know better; that is counted.
 */
static void
check_order(MrWorld *world, int n, const MrReport *report, const MrMessage *asked, int candidate)
{
	const MrSimNode *voter = &world->nodes[n];

	if (asked->allow_loss || !voter->bound ||
		(asked->released.need_lsn != 0 && asked->report.wal_end >= asked->released.need_lsn))
		return; /* as it was ordered; or it has all that was acknowledged, says the last leader */

	if (!(report->flags & MR_REPORT_ELIGIBLE) || voter->lease.marked_down || lags(voter) ||
		voter->disk.config.members[n].paused_until_ms > voter->lease.wall_ms ||
		!is_ahead(voter, report->wal_end, &world->nodes[candidate]))
		return;
	if (voter->disk.log_term == mr_sim_wal_term(&voter->wal))
		mr_world_fail(world, n, "a node that could lead elected one with an older log");
	world->unknowing++;
}

/*
 * A witness does not elect who lacks more of what a leader reported to it than may be
 * lost, nor a former primary that knows nothing of a leadership since.
 */
static void
check_witness(MrWorld *world, int n, const MrMessage *asked, int candidate)
{
	const MrSimNode *voter = &world->nodes[n];
	const MrSimNode *other = &world->nodes[candidate];
	int64_t limit = voter->disk.config.policy.max_failover_lag_bytes;
	uint64_t term = mr_sim_wal_term(&other->wal);

	if (!voter->witness || asked->allow_loss ||
		(asked->released.need_lsn != 0 && asked->report.wal_end >= asked->released.need_lsn))
		return;
	if (mr_check_term(world, asked->term)->leader == candidate + 1)
		return; /* it was elected, perhaps promoted, without this vote, which came late */
	if (term < voter->disk.log_term && !other->in_recovery)
		mr_world_fail(world, n, "a witness elected one without the newest leadership's WAL");
	if (term <= voter->disk.log_term &&
		(int64_t) voter->lease.leader_lsn - (int64_t) MR_SIM_LSN(other->wal.length) > limit)
		mr_world_fail(world, n, "a witness elected one that lacks too much");
}

/* A promise leaves a node only when it is on its disk. */
void
mr_check_reply(MrWorld *world, int n, const MrSimMail *request, const MrMessage *reply)
{
	const MrSimNode *node = &world->nodes[n];

	if (!reply->ok || (reply->kind != MR_MSG_VOTE && reply->kind != MR_MSG_GRANT))
		return;
	if (mr_generation(request->message.config_term) != mr_generation(node->disk.config.term))
		mr_world_fail(world, n, "a promise was made to another generation");
	if (node->disk.term != request->message.term ||
		!mr_uuid_equal(&node->disk.voted_for, &request->message.sender) ||
		node->disk.voted_nonce != request->message.nonce)
		mr_world_fail(world, n, "a promise left before it was on disk");
	if (reply->kind != MR_MSG_VOTE)
		return;
	note_vote(world, n, request->message.term, request->from);
	if (node->disk.reserved_timeline < request->message.timeline)
		mr_world_fail(world, n, "a vote left before its timeline was reserved");
	if (node->bound && node->in_recovery && node->receiver != MR_NO_SLOT)
		mr_world_fail(world, n, "a node voted while its WAL was still growing");
	check_order(world, n, &reply->report, &request->message, request->from);
	check_witness(world, n, &request->message, request->from);
}

static bool
holds(const MrSimNode *node, const MrAcknowledged *acknowledged)
{
	return node->wal.length > acknowledged->position &&
		   node->wal.records[acknowledged->position] == acknowledged->record;
}

/*
 * When a lease ran out, what the new leader lacks is lost: asynchronous durability.
 * When it was handed over, the new leader has everything the old one had.
 */
static void
check_history(MrWorld *world, int n, bool handed_over)
{
	MrSimNode *node = &world->nodes[n];
	int i;

	for (i = world->nacknowledged - 1; i >= 0; i--)
	{
		MrAcknowledged *acknowledged = &world->acknowledged[i];

		if (acknowledged->lost || holds(node, acknowledged))
			continue;
		acknowledged->lost = true;
		if (handed_over)
			mr_world_fail(world, n, "a hand-over lost an acknowledged write");
	}
}

/* Somebody ordered this node to lead, at whatever price. */
static bool
is_lossy_order(const MrLease *lease)
{
	return lease->order.allow_loss && lease->order.target == lease->self &&
		   lease->transition.order_id == lease->order.id;
}

void
mr_check_elected(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	uint64_t term = node->lease.durable.term;
	MrSimTerm *previous = mr_check_term(world, world->newest_term);
	bool handed_over = world->newest_term != 0 && previous->released &&
					   node->lease.released.term == world->newest_term &&
					   !is_lossy_order(&node->lease);
	int i;

	world->leaderships++;
	world->lossless += handed_over;
	if (mr_generation(term) < world->generation && world->now >= world->forced_at)
		mr_world_fail(world, n, "it was elected by an older generation");
	if (mr_check_term(world, term)->leader != 0)
		mr_world_fail(world, n, "two leaders were elected in one term");
	mr_check_term(world, term)->leader = n + 1;
	if (term < world->newest_term)
		return; /* the election was won long ago, and lost to a later one since */
	for (i = 0; i < world->nnodes; i++)
		if (i != n && mr_node_is_open(world, i))
			mr_world_fail(world, n, "it was elected while another may acknowledge");
	check_history(world, n, handed_over);
	world->newest_term = term;
}

/* The decision to acknowledge is taken inside the newest leadership, and by one node alone. */
void
mr_check_acknowledge(MrWorld *world, int n, int position)
{
	MrSimNode *node = &world->nodes[n];
	MrAcknowledged *acknowledged = &world->acknowledged[world->nacknowledged];
	int i;

	for (i = 0; i < world->nnodes; i++)
		if (i != n && mr_node_is_open(world, i))
			mr_world_fail(world, n, "two nodes may acknowledge at the same instant");
	if (node->bound && node->deadline_term < world->newest_term)
		mr_world_fail(world, n, "an acknowledgement after a newer election");
	if (node->bound && mr_generation(node->deadline_term) < world->generation &&
		world->now >= world->forced_at)
		mr_world_fail(world, n, "an acknowledgement by an older generation");
	if (node->bound && node->disk.stamp.term != node->deadline_term)
		mr_world_fail(world, n, "an acknowledgement without a stamp on disk");
	if (world->nacknowledged == MR_SIM_WAL - 1)
		return;
	world->nacknowledged++;
	acknowledged->record = node->wal.records[position];
	acknowledged->position = position;
	acknowledged->lost = false;
}

void
mr_check_timeline(MrWorld *world, int n, uint32_t timeline)
{
	if (timeline >= sizeof(world->taken) || world->taken[timeline])
		mr_world_fail(world, n, "a timeline was taken twice");
	else
		world->taken[timeline] = true;
}

/* The stamp of a leadership is on disk before its first byte of WAL. */
void
mr_check_streamed(MrWorld *world, int n)
{
	const MrSimNode *node = &world->nodes[n];

	if (node->bound && mr_sim_wal_term(&node->wal) > node->disk.stamp.term)
		mr_world_fail(world, n, "it has WAL of a leadership whose stamp it does not have");
}

/* What can be seen at any instant. */
void
mr_check_node(MrWorld *world, int n)
{
	const MrSimNode *node = &world->nodes[n];

	if (!node->witness && node->disk.log_term > mr_sim_wal_term(&node->wal))
		mr_world_fail(world, n, "the log term is that of WAL the node does not hold");
}
