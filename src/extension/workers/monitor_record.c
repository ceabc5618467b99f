/*
 * What happened, into the tables: on the primary, events and the current failover.
 *
 * Each node keeps its events in a ring in shared memory. The primary writes those of
 * its own ring and those that checks have fetched from the members (monitor_probe.c)
 * into multiregion.event, each once: node, boot and sequence identify an event, so
 * writing one again does nothing. A change of leadership is a row of
 * multiregion.failover, written as soon as tables can be written and completed when
 * promotion, opening and the first write have happened. That this node led before and
 * leads again (start, restart) is an event only.
 *
 * Memory counts as written only what was committed; a failed transaction is tried
 * again. Never touches a socket. Called by monitor_worker.c.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "adapters/mr_pg_probe.h"
#include "extension/mr_catalog.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_monitor.h"

#define MR_EVENTS_A_TURN 64
#define MR_EVENTS_KEPT 100000
#define MR_PRUNE_NS (3600 * MR_NS_PER_S)

/* ---------- failover ---------- */

static bool
was_first_write(const MrMonitor *monitor)
{
	return pg_atomic_read_u64(&mr_shared->first_write_term) == monitor->lease->transition.term;
}

/* Whether the lease state knows a failover to this node, or more of it than was written. */
static bool
has_failover(const MrMonitor *monitor)
{
	const MrTransition *now = &monitor->lease->transition;
	const MrTransition *written = &monitor->transition;

	if (now->term != monitor->lease->durable.term || now->to_slot != monitor->lease->self ||
		now->cause == MR_CAUSE_BOOTSTRAP || now->cause == MR_CAUSE_RESTART ||
		(now->from_slot == now->to_slot && now->cause != MR_CAUSE_FORCED))
		return false;
	return now->term != written->term || now->promoted_ns != written->promoted_ns ||
		   now->open_ns != written->open_ns ||
		   was_first_write(monitor) != monitor->first_write_recorded;
}

/* Why this node: the leader named it, the others elected it, or an operator forced it. */
static const char *
rule_of(int cause)
{
	bool named = cause == MR_CAUSE_PRIMARY_CRASH || cause == MR_CAUSE_ORDERLY_STOP ||
				 cause == MR_CAUSE_SWITCHOVER || cause == MR_CAUSE_FAILBACK;

	if (cause == MR_CAUSE_MANUAL)
		return "ordered";
	if (cause == MR_CAUSE_FORCED)
		return "forced";
	return named ? "named_by_primary" : "elected";
}

static void
record_failover(const MrMonitor *monitor, bool wrote)
{
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);
	const MrTransition *transition = &monitor->lease->transition;
	int64 offset = mr_boottime_offset();
	MrCatalogFailover row;

	memset(&row, 0, sizeof(row));
	row.epoch = (int64) transition->term;
	row.cause = mr_cause_name(transition->cause);
	row.rule = rule_of(transition->cause);
	row.order_id = (int64) transition->order_id;
	if (transition->from_slot >= 0 && transition->from_slot < MR_MAX_MEMBERS &&
		config->members[transition->from_slot].used)
	{
		row.from_node = config->members[transition->from_slot].name;
		row.from_region = config->members[transition->from_slot].region;
	}
	row.to_node = config->members[transition->to_slot].name;
	row.to_region = config->members[transition->to_slot].region;
	row.detected_at = mr_boottime_to_timestamp(transition->detected_ns, offset);
	row.elected_at = mr_boottime_to_timestamp(transition->elected_ns, offset);
	row.promoted_at = mr_boottime_to_timestamp(transition->promoted_ns, offset);
	row.open_at = mr_boottime_to_timestamp(transition->open_ns, offset);
	row.first_write_at = wrote ? (TimestampTz) pg_atomic_read_u64(&mr_shared->first_write_at) : 0;
	row.lag_bytes = transition->lag_bytes;
	row.timeline = transition->timeline;
	row.fork_lsn = transition->fork_lsn;
	mr_catalog_record_failover(&row);
}

/* ---------- events ---------- */

static int64
record_own_events(MrMonitor *monitor)
{
	const char *name = monitor->lease->durable.name;
	MrEventRecord *records = palloc(MR_EVENTS_A_TURN * sizeof(MrEventRecord));
	int64 newest = monitor->own_events_after;
	int count;

	if (!monitor->own_events_known)
		newest = mr_catalog_newest_event(name, (int64) mr_shared->nonce);
	count = mr_event_read((uint64) newest, records, MR_EVENTS_A_TURN);
	for (int i = 0; i < count; i++)
	{
		MrCatalogEvent event;

		mr_catalog_event_of_record(&records[i], name, &event);
		(void) mr_catalog_record_event(&event);
		newest = (int64) records[i].sequence;
	}
	return newest;
}

/* The events a check has fetched from a member. Returns the newest one's number. */
static int64
record_peer_events(const MrMonitor *monitor, int slot)
{
	const MrMonitorPeer *peer = &monitor->peers[slot];
	const PGresult *result = peer->connection.result;
	int64 newest = peer->events_after;
	int count = mr_pg_probe_event_count(result);

	for (int row = 0; row < count; row++)
	{
		MrProbeEvent answer;
		MrCatalogEvent event;

		if (!mr_pg_probe_event(result, row, &answer))
			continue;
		memset(&event, 0, sizeof(event));
		event.node = MR_MONITOR_CONFIG(monitor)->members[slot].name;
		event.boot = answer.boot;
		event.sequence = answer.sequence;
		event.at = answer.at_us - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
		event.kind = answer.kind;
		event.severity = answer.severity;
		event.term = answer.term;
		event.subject = answer.subject;
		event.reason = answer.reason;
		event.value = answer.value;
		event.detail = answer.detail;
		(void) mr_catalog_record_event(&event);
		newest = Max(newest, answer.sequence);
	}
	return newest;
}

/* ---------- the step ---------- */

static bool
has_own_events(const MrMonitor *monitor)
{
	MrEventRecord record;

	return !monitor->own_events_known ||
		   mr_event_read((uint64) monitor->own_events_after, &record, 1) > 0;
}

static void
write_own(MrMonitor *monitor)
{
	bool failover = has_failover(monitor);
	bool prune = monitor->now_ns >= monitor->next_prune_ns;
	bool wrote = was_first_write(monitor);
	int64 newest;

	if ((!failover && !prune && !has_own_events(monitor)) || !mr_monitor_begin(monitor))
		return;
	if (failover)
		record_failover(monitor, wrote);
	newest = record_own_events(monitor);
	if (prune)
		(void) mr_catalog_prune_events(MR_EVENTS_KEPT);
	mr_monitor_end(monitor);

	/* Only now is it true. */
	if (failover)
	{
		monitor->transition = monitor->lease->transition;
		monitor->first_write_recorded = wrote;
	}
	if (prune)
		monitor->next_prune_ns = monitor->now_ns + MR_PRUNE_NS;
	monitor->own_events_after = newest;
	monitor->own_events_known = true;
}

/*
 * The check is over before its events are written: should they fail, they are fetched
 * again with the next check, and nothing else has to wait for them.
 */
static void
write_peer(MrMonitor *monitor, int slot)
{
	MrMonitorPeer *peer = &monitor->peers[slot];
	int64 newest;

	if (peer->phase != MR_CHECK_EVENTS_HERE)
		return;
	peer->phase = MR_CHECK_IDLE;
	if (mr_pg_probe_event_count(peer->connection.result) > 0 && mr_monitor_begin(monitor))
	{
		newest = record_peer_events(monitor, slot);
		mr_monitor_end(monitor);
		peer->events_after = newest;
	}
	mr_monitor_close(peer);
}

void
mr_monitor_record(MrMonitor *monitor)
{
	if (!monitor->records)
		return;
	write_own(monitor);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
		write_peer(monitor, slot);
}
