/*
 * SQL functions that show the lease, the members and the regions as this node sees them.
 *
 * Read shared memory only, so they work on standbys, on fenced nodes and while nothing
 * can be written. Never show a connection string.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "fmgr.h"
#include "funcapi.h"
#include "replication/walreceiver.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/mr_forced.h"
#include "core/mr_health.h"
#include "extension/mr_functions.h"
#include "extension/mr_managed.h"
#include "extension/mr_row.h"
#include "extension/mr_shared_state.h"

PG_FUNCTION_INFO_V1(multiregion_lease_status);
PG_FUNCTION_INFO_V1(multiregion_member_status);
PG_FUNCTION_INFO_V1(multiregion_region_status);

/* ---------- this node's own log ---------- */

static uint32
own_timeline(void)
{
	TimeLineID timeline = 0;

	if (!RecoveryInProgress())
		return GetWALInsertionTimeLine();
	(void) GetXLogReplayRecPtr(&timeline);
	return timeline;
}

static MrLsn
own_wal_end(void)
{
	XLogRecPtr received;
	XLogRecPtr replayed;

	if (!RecoveryInProgress())
		return GetFlushRecPtr(NULL);
	received = GetWalRcvFlushRecPtr(NULL, NULL);
	replayed = GetXLogReplayRecPtr(NULL);
	return Max(received, replayed);
}

static MrLsn
own_replay(void)
{
	return RecoveryInProgress() ? GetXLogReplayRecPtr(NULL) : GetFlushRecPtr(NULL);
}

/* ---------- lease_status() ---------- */

/*
 * The server is, or gives the lease up as one that stops does. An ordered change is no end:
 * writes go on until its fence, and after it this node is a standby.
 */
static bool
is_stopping(const MrLease *lease)
{
	return (lease->handover != MR_HANDOVER_NONE && !lease->ordered) ||
		   (lease->self != MR_NO_SLOT &&
			(lease->peers[lease->self].report.flags & MR_REPORT_STOPPING) != 0);
}

/* Why nothing can be written here; NULL when something can. */
static const char *
closed_reason(const MrLease *lease, int leader)
{
	if (mr_fence_is_open() && !RecoveryInProgress())
		return NULL;
	if (!mr_is_managed())
		return "the server is in recovery";
	if (mr_shared->state_problem[0] != '\0')
		return mr_shared->state_problem;
	if (lease == NULL)
		return "the lease worker has not started yet";
	if (mr_durable_is_discarded(&lease->durable))
		return mr_event_sentence(MR_EVENT_DISCARDED);
	if (lease->durable.amnesiac)
		return "the state file went back in time; after multiregion.replace_node() on the primary, "
			   "restart this server through multiregion-join";
	if (lease->diverged)
		return "this node's WAL passes the point where the primary's begins; it must be rewound";
	if (leader != MR_NO_SLOT && leader != lease->self)
		return psprintf("node \"%s\" holds the lease", lease->durable.config.members[leader].name);
	if (is_stopping(lease))
		return "the server is shutting down";
	if (leader == lease->self && leader != MR_NO_SLOT)
		return RecoveryInProgress() ? "this node holds the lease and is being promoted"
									: "no majority has renewed the lease of this node";
	if (lease->self_refusal != MR_REFUSE_NONE)
		return mr_refusal_text(lease, lease->self, lease->self_refusal);
	return "no node holds the lease";
}

static int64
remaining_ms(void)
{
	int64 left_ns = (int64) pg_atomic_read_u64(&mr_shared->deadline_ns) - mr_boottime_ns();

	return left_ns > 0 ? left_ns / MR_NS_PER_MS : 0;
}

static void
put_lease(MrRow *row, const MrLease *lease, int leader)
{
	const MrDurable *durable = &lease->durable;

	mr_row_put_text(row, durable->name);
	mr_row_put_text(row, durable->region);
	mr_row_put_text(row, mr_role_name(lease->role));
	mr_row_put_number(row, (int64) durable->term, false);
	mr_row_put_text(row, leader != MR_NO_SLOT ? durable->config.members[leader].name : NULL);
	mr_row_put_text(row, leader != MR_NO_SLOT ? durable->config.members[leader].region : NULL);
	mr_row_put_bool(row, lease->role == MR_ROLE_LEADER);
}

static void
put_log(MrRow *row, const MrLease *lease)
{
	const MrDurable *durable = &lease->durable;
	bool no_stamp = durable->stamp.term == 0;

	mr_row_put_number(row, (int64) durable->log_term, false);
	mr_row_put_number(row, (int64) durable->stamp.term, no_stamp);
	mr_row_put_number(row, durable->stamp.timeline, no_stamp);
	mr_row_put_lsn(row, durable->stamp.lsn);
	mr_row_put_number(row, (int64) durable->config.version, false);
}

/* "off" of the whole cluster looks like observing from here: nothing is fenced in both. */
static int
mode_in_effect(const MrLease *lease)
{
	int mode = (int) pg_atomic_read_u32(&mr_shared->mode);

	if (mode == MR_MODE_OBSERVE && lease != NULL)
		mode = Min(mode, (int) lease->durable.config.policy.mode);
	return mode;
}

Datum
multiregion_lease_status(PG_FUNCTION_ARGS)
{
	MrRow row = {0};
	MrLease *lease;
	bool writable;
	int leader;

	mr_require_preloaded();
	lease = mr_copy_lease();
	leader = lease != NULL ? mr_leader_slot(lease) : MR_NO_SLOT;
	writable = mr_fence_is_open() && !RecoveryInProgress();
	mr_row_put_bool(&row, mr_is_managed());
	mr_row_put_text(&row, mr_mode_name(mode_in_effect(lease)));
	if (lease != NULL)
		put_lease(&row, lease, leader);
	else
	{
		mr_row_put_nulls(&row, 6);
		mr_row_put_bool(&row, false);
	}
	mr_row_put_bool(&row, writable);
	mr_row_put_number(&row, remaining_ms(), !mr_is_managed());
	mr_row_put_number(&row, own_timeline(), false);
	if (lease != NULL)
		put_log(&row, lease);
	else
		mr_row_put_nulls(&row, 5);
	mr_row_put_text(&row, closed_reason(lease, leader));
	mr_row_put_bool(&row, !mr_fence_is_open());
	/* Also a server of no cluster says so: a smart shutdown waits for who would ask. */
	mr_row_put_bool(&row, mr_is_managed() && lease != NULL ? is_stopping(lease)
														   : mr_server_is_stopping());
	mr_row_put_number(&row, (int64) mr_changes_generation(), false);
	PG_RETURN_DATUM(mr_row_result(fcinfo, &row));
}

/* ---------- member_status() ---------- */

static void
copy_health(MrMonitorState *out)
{
	LWLockAcquire(mr_shared->monitor_lock, LW_SHARED);
	*out = mr_shared->monitor;
	LWLockRelease(mr_shared->monitor_lock);
}

/* A node that answers this query is up, whatever was last heard of it. */
static MrHealth
health_of(const MrLease *lease, const MrMonitorState *monitor, int slot)
{
	return slot == lease->self ? MR_HEALTH_UP : monitor->nodes[slot].state.status;
}

static const char *
role_of(const MrLease *lease, int slot)
{
	if (lease->durable.config.members[slot].witness)
		return "witness";
	if (slot == lease->self)
		return mr_role_name(lease->role);
	return mr_role_name(slot == mr_leader_slot(lease) ? MR_ROLE_LEADER : MR_ROLE_FOLLOWER);
}

/* Bytes behind the leader: as measured, else from the positions last reported; -1 unknown. */
static int64
lag_bytes(const MrLease *lease, const MrNodeHealth *health, int slot, MrLsn wal_end)
{
	if (slot == mr_leader_slot(lease))
		return 0;
	if (health->lag_bytes >= 0)
		return health->lag_bytes;
	if (lease->leader_lsn == 0 || wal_end == 0)
		return -1;
	return lease->leader_lsn > wal_end ? (int64) (lease->leader_lsn - wal_end) : 0;
}

static int
refusal_of(const MrLease *lease, int slot)
{
	if (slot == lease->self)
		return lease->self_refusal;
	if ((lease->peers[slot].report.flags & MR_REPORT_ELIGIBLE) != 0)
		return MR_REFUSE_NONE;
	/* what it says of itself; else what it answered when it was asked for its vote */
	if (lease->peers[slot].report.refusal != MR_REFUSE_NONE)
		return lease->peers[slot].report.refusal;
	return lease->peers[slot].refusal;
}

static bool
is_eligible(const MrLease *lease, int slot)
{
	if (slot == lease->self)
		return lease->role == MR_ROLE_LEADER || lease->self_refusal == MR_REFUSE_NONE;
	return slot == mr_leader_slot(lease) ||
		   (lease->peers[slot].report.flags & MR_REPORT_ELIGIBLE) != 0;
}

static void
put_position(MrRow *row, const MrLease *lease, const MrNodeHealth *health, int slot)
{
	const MrReport *report = &lease->peers[slot].report;
	bool self = slot == lease->self;
	MrLsn wal_end = self ? own_wal_end() : report->wal_end;
	int64 lag = lag_bytes(lease, health, slot, wal_end);
	bool leads = slot == mr_leader_slot(lease);
	uint32 timeline = self ? own_timeline() : report->timeline;
	uint64 log_term = self ? lease->durable.log_term : report->log_term;

	if (lease->durable.config.members[slot].witness)
	{
		mr_row_put_nulls(row, 5); /* it has no WAL of the service */
		mr_row_put_number(row, (int64) log_term, log_term == 0);
		return;
	}
	mr_row_put_number(row, lag, lag < 0);
	mr_row_put_number(row, leads ? 0 : health->lag_ms, !leads && health->lag_ms < 0);
	mr_row_put_lsn(row, wal_end);
	mr_row_put_lsn(row, self ? own_replay() : report->replay_lsn);
	mr_row_put_number(row, timeline, timeline == 0);
	mr_row_put_number(row, (int64) log_term, !self && report->wal_end == 0);
}

static void
put_contact(MrRow *row, const MrLease *lease, const MrNodeHealth *health, int slot, int64 now_ns)
{
	const MrPeer *peer = &lease->peers[slot];
	bool self = slot == lease->self;
	uint32 round_trip_us = peer->round_trip_us != 0 ? peer->round_trip_us : health->round_trip_us;
	int refusal = refusal_of(lease, slot);
	bool eligible = is_eligible(lease, slot);

	mr_row_put(row, Float8GetDatum(round_trip_us / 1000.0), self || round_trip_us == 0);
	mr_row_put_bool(row, eligible);
	if (!eligible && refusal != MR_REFUSE_NONE)
		mr_row_put_text(row, mr_refusal_text(lease, slot, refusal));
	else
		mr_row_put_text(row, self ? NULL : health->error);
	mr_row_put_number(row, self ? 0 : (now_ns - peer->heard_ns) / MR_NS_PER_MS,
					  !self && peer->heard_ns == 0);
	mr_row_put(row, TimestampTzGetDatum(health->checked_at), health->checked_at == 0);
}

Datum
multiregion_member_status(PG_FUNCTION_ARGS)
{
	MrMonitorState *monitor = palloc(sizeof(MrMonitorState));
	int64 now_ns = mr_boottime_ns();
	MrLease *lease;

	mr_require_preloaded();
	InitMaterializedSRF(fcinfo, 0);
	lease = mr_copy_lease();
	if (lease == NULL)
		return (Datum) 0;
	copy_health(monitor);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &lease->durable.config.members[slot];
		const MrNodeHealth *health = &monitor->nodes[slot];
		MrRow row = {0};

		if (!member->used)
			continue;
		mr_row_put_text(&row, member->name);
		mr_row_put_text(&row, member->region);
		mr_row_put_text(&row, role_of(lease, slot));
		mr_row_put_bool(&row, mr_config_is_voter(&lease->durable.config, slot));
		mr_row_put_text(&row, mr_health_name(health_of(lease, monitor, slot)));
		mr_row_put(&row, Int32GetDatum((int32) health->state.consecutive_failures), false);
		put_position(&row, lease, health, slot);
		put_contact(&row, lease, health, slot, now_ns);
		mr_row_store(fcinfo, &row);
	}
	return (Datum) 0;
}

/* ---------- region_status() ---------- */

/* Verdict over the members of a region that hold data. */
static MrHealth
health_of_region(const MrLease *lease, const MrMonitorState *monitor, const char *region)
{
	MrHealth nodes[MR_MAX_MEMBERS];
	int count = 0;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &lease->durable.config.members[slot];

		if (member->used && !member->witness && strcmp(member->region, region) == 0)
			nodes[count++] = health_of(lease, monitor, slot);
	}
	return mr_health_of_region(nodes, count);
}

/* Whether slot is the first member of its region, so that each region comes once. */
static bool
is_first_of_region(const MrConfig *config, int slot)
{
	for (int other = 0; other < slot; other++)
	{
		if (config->members[other].used &&
			strcmp(config->members[other].region, config->members[slot].region) == 0)
			return false;
	}
	return config->members[slot].used;
}

Datum
multiregion_region_status(PG_FUNCTION_ARGS)
{
	MrMonitorState *monitor = palloc(sizeof(MrMonitorState));
	MrLease *lease = mr_copy_lease();
	const char *primary = mr_primary_region();

	InitMaterializedSRF(fcinfo, 0);
	if (lease == NULL)
		return (Datum) 0;
	copy_health(monitor);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const char *region = lease->durable.config.members[slot].region;
		MrRow row = {0};

		if (!is_first_of_region(&lease->durable.config, slot))
			continue;
		mr_row_put_text(&row, region);
		mr_row_put_bool(&row, strcmp(region, primary) == 0);
		mr_row_put_text(&row, mr_health_name(health_of_region(lease, monitor, region)));
		mr_row_store(fcinfo, &row);
	}
	return (Datum) 0;
}
