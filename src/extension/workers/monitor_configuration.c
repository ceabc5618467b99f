/*
 * From tables to a proposal: on the primary, what region, node and policy ask for is
 * compared with the configuration in force and, where it differs, handed to the lease
 * worker. It takes effect when a majority has it on disk, or never; this file only
 * sees the outcome as a new version in the lease state.
 *
 * Who votes is core/voters.c's decision. A look into the tables costs a transaction, so
 * they are read in full only when they, the configuration in force, or the members'
 * health has changed. One proposal is under way at a time. Called by monitor_worker.c.
 */
#include "postgres.h"

#include "core/mr_bytes.h"
#include "core/mr_candidate.h"
#include "core/mr_message.h"
#include "core/mr_voters.h"
#include "extension/mr_catalog.h"
#include "extension/mr_mailbox.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_monitor.h"

#define MR_LOOK_NS MR_NS_PER_S

/* Several nodes and too few votes for so long is no passing state. */
#define MR_FEW_VOTES_NS (10 * MR_NS_PER_S)

/* A proposal not in force after this time was lost (its leadership ended); look again. */
#define MR_PROPOSAL_PATIENCE_NS (5 * MR_NS_PER_S)

/*
 * Who could vote: members that have answered the leader within three heartbeats, are
 * not marked as down, and stream from it (a witness has nothing to stream).
 */
static uint32
healthy_members(const MrMonitor *monitor)
{
	const MrLease *lease = monitor->lease;
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);
	int64 fresh_ns = 3 * config->policy.heartbeat_ms * MR_NS_PER_MS;
	uint32 down = pg_atomic_read_u32(&mr_shared->down_mask);
	uint32 mask = 0;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrPeer *peer = &lease->peers[slot];
		bool streams = (peer->report.flags & MR_REPORT_STREAMING) != 0 &&
					   (peer->report.flags & MR_REPORT_DIVERGED) == 0;

		if (!mr_monitor_is_peer(monitor, slot) || (down & (UINT32_C(1) << slot)) != 0 ||
			peer->heard_ns == 0 || monitor->now_ns - peer->heard_ns > fresh_ns)
			continue;
		if (streams || config->members[slot].witness)
			mask |= UINT32_C(1) << slot;
	}
	return mask;
}

/* Compares what a proposal may change; the encoding leaves out what no field says. */
static bool
same_content(const MrConfig *a, const MrConfig *b)
{
	uint8 *encoded_a = palloc(MR_STATE_SIZE);
	uint8 *encoded_b = palloc(MR_STATE_SIZE);
	MrBytes bytes_a;
	MrBytes bytes_b;

	mr_bytes_for_write(&bytes_a, encoded_a, MR_STATE_SIZE);
	mr_bytes_for_write(&bytes_b, encoded_b, MR_STATE_SIZE);
	mr_config_write(&bytes_a, a);
	mr_config_write(&bytes_b, b);
	return !bytes_a.failed && !bytes_b.failed && bytes_a.at == bytes_b.at &&
		   memcmp(encoded_a, encoded_b, bytes_a.at) == 0;
}


/*
 * Members that a forced quorum of this node has left out: their names are free for new
 * clones, their identities are not. Before the tables are read, and in a transaction of
 * its own, or they would be back: a read sees what was there when its transaction began.
 */
static void
retire_discarded(const MrMonitor *monitor)
{
	const MrDurable *durable = &monitor->lease->durable;

	if (durable->ndiscarded == 0 || !mr_monitor_begin(monitor))
		return;
	for (int i = 0; i < durable->ndiscarded; i++)
		mr_catalog_retire_identity(&durable->discarded[i], "forced");
	mr_monitor_end(monitor);
}

/* What should be in force. False when the tables are of no use. */
static bool
read_tables(const MrMonitor *monitor, MrConfig *proposal)
{
	const MrLease *lease = monitor->lease;
	uint32 leaving = 0;

	if (!mr_catalog_read_config(MR_MONITOR_CONFIG(monitor), &lease->durable.node, proposal,
								&leaving))
		return false;
	proposal->voters = mr_voters_choose(proposal, lease->self, healthy_members(monitor), leaving);
	return true;
}

/* Whether anything the last decision was made from has changed since. */
static bool
is_outdated(const MrMonitor *monitor, int64 version)
{
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);

	return version != monitor->tables_version || config->term != monitor->config_term ||
		   config->version != monitor->config_version ||
		   healthy_members(monitor) != monitor->healthy;
}

static void
remember(MrMonitor *monitor, int64 version)
{
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);

	monitor->tables_version = version;
	monitor->config_term = config->term;
	monitor->config_version = config->version;
	monitor->healthy = healthy_members(monitor);
}

static void
propose(MrMonitor *monitor, const MrConfig *proposal)
{
	if (!mr_mailbox_propose(proposal))
		return;
	ereport(LOG, (errmsg("multiregion: proposed a new configuration"),
				  errdetail("Version %llu had voters 0x%x, the proposal has 0x%x.",
							(unsigned long long) proposal->version,
							(unsigned) MR_MONITOR_CONFIG(monitor)->voters,
							(unsigned) proposal->voters)));
	monitor->undecided = true;
	monitor->proposed_ns = monitor->now_ns;
}

/* Into "manage" all go together, or nobody: it waits for the last one to be ready. */
static bool
may_be_bound(MrMonitor *monitor, const MrConfig *proposal)
{
	const MrLease *lease = monitor->lease;
	const char *problem;
	int slot;

	if (!mr_config_binds(proposal) || mr_config_binds(&lease->durable.config))
		return true;
	problem = mr_lease_unready(lease, monitor->now_ns, &slot);
	if (problem == NULL)
		return true;
	monitor->config_version = 0; /* look again */
	if (monitor->unready == problem)
		return false;
	monitor->unready = problem;
	ereport(LOG, (errmsg("multiregion: not all members can be managed yet"),
				  errdetail("Node \"%s\": %s",
							slot != MR_NO_SLOT ? lease->durable.config.members[slot].name : "",
							problem)));
	return false;
}

/* True while a change is under way that has to end before the next may be proposed. */
static bool
must_wait(MrMonitor *monitor)
{
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);

	if (config->voters_old != 0)
		return true;
	if (!monitor->undecided)
		return false;
	if (config->version == monitor->config_version && config->term == monitor->config_term &&
		monitor->now_ns - monitor->proposed_ns < MR_PROPOSAL_PATIENCE_NS)
		return true;
	monitor->undecided = false;
	monitor->config_version = 0; /* decide anew, whatever became of it */
	return false;
}

/*
 * Several nodes with one vote between them have no automatic failover. While a cluster
 * grows that is so for a moment; if it lasts, it is said. That there is one again is said when
 * those who have a vote now know of it: before, they could elect nobody without the leader.
 */
static void
tell_of_votes(const MrMonitor *monitor)
{
	static int64 few_votes_ns = 0; /* since when there are too few; 0 = there are enough */
	static bool few_votes_told = false;
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);
	bool few = mr_config_count_voters(config) < 3 && mr_config_count_members(config) > 1;
	bool lasts;
	bool complete = !few && mr_lease_configuration_is_settled(monitor->lease);

	if (!few)
		few_votes_ns = 0;
	else if (few_votes_ns == 0)
		few_votes_ns = monitor->now_ns;
	lasts = few && monitor->now_ns - few_votes_ns >= MR_FEW_VOTES_NS;
	if (lasts && !few_votes_told)
		mr_event_push(MR_EVENT_VOTES_MISSING, monitor->lease->durable.term, NULL, 0,
					  mr_config_count_voters(config), NULL);
	else if (complete && few_votes_told)
		mr_event_push(MR_EVENT_VOTES_COMPLETE, monitor->lease->durable.term, NULL, 0,
					  mr_config_count_voters(config), NULL);
	few_votes_told = lasts || (few_votes_told && !complete);
}

void
mr_monitor_configuration(MrMonitor *monitor)
{
	MrConfig *proposal;
	int64 version;
	bool readable = false;

	if (monitor->records)
		tell_of_votes(monitor);
	if (!monitor->records || monitor->now_ns < monitor->next_look_ns || must_wait(monitor))
		return;
	monitor->next_look_ns = monitor->now_ns + MR_LOOK_NS;
	if (monitor->config_version == 0)
		retire_discarded(monitor);
	proposal = palloc(sizeof(MrConfig));
	if (!mr_monitor_begin(monitor))
		return;
	version = mr_catalog_version();
	if (is_outdated(monitor, version))
	{
		readable = read_tables(monitor, proposal);
		remember(monitor, version);
	}
	mr_monitor_end(monitor);
	if (readable && !same_content(proposal, MR_MONITOR_CONFIG(monitor)) &&
		may_be_bound(monitor, proposal))
		propose(monitor, proposal);
}
