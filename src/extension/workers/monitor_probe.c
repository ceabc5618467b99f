/*
 * Health of the members: asks each of them how it is, over its own connection.
 *
 * A check connects, sends the probe of pg_probe.c, judges the answer, and closes; on
 * the primary it fetches the member's events before it closes. A new connection for
 * each check is what a client would go through too, and leaves no idle session on
 * the members. Checks come every health_check_interval, every health_retry_interval
 * once one has failed, and early when the lease state has news: a member fell silent,
 * started anew, or changed what it reports of itself.
 *
 * The verdict goes to shared memory and, when it changes, into the event ring. It
 * excludes a node as candidate and read target; it must never start an election, and
 * nothing here waits: the loop of monitor_worker.c calls it again when a socket is
 * ready or mr_monitor_probe_wakeup() has come.
 */
#include "postgres.h"

#include <poll.h>

#include "access/xlog.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "adapters/mr_pg_probe.h"
#include "core/mr_bytes.h"
#include "core/mr_health.h"
#include "core/mr_route_node.h"
#include "extension/mr_alerts_shared.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_monitor.h"

/* Checks that news start are at least this far apart. */
#define MR_NEWS_PAUSE_NS MR_NS_PER_S

/* What of a member's report is worth asking it for its events. */
#define MR_NEWS_FLAGS \
	(MR_REPORT_IN_RECOVERY | MR_REPORT_STREAMING | MR_REPORT_DIVERGED | MR_REPORT_STOPPING)

/* What came out of a check. */
typedef struct CheckResult
{
	bool ok;
	int64 started_ns;            /* the next check is an interval after this */
	const char *error;           /* unless ok */
	const MrProbeAnswer *answer; /* if there was one */
	uint32 round_trip_us;
} CheckResult;

void
mr_monitor_close(MrMonitorPeer *peer)
{
	mr_pg_peer_close(&peer->connection);
	if (peer->has_descriptor)
		ReleaseExternalFD();
	peer->has_descriptor = false;
	peer->phase = MR_CHECK_IDLE;
}

void
mr_monitor_close_all(MrMonitor *monitor)
{
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		mr_monitor_close(&monitor->peers[slot]);
		memset(&monitor->peers[slot], 0, sizeof(MrMonitorPeer));
	}
}

/* ---------- verdicts ---------- */

/* Verdict over the data nodes of a region. Caller holds monitor_lock. */
static MrHealth
health_of_region(const MrConfig *config, const char *region)
{
	MrHealth nodes[MR_MAX_MEMBERS];
	int count = 0;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &config->members[slot];

		if (member->used && !member->witness && strcmp(member->region, region) == 0)
			nodes[count++] = mr_shared->monitor.nodes[slot].state.status;
	}
	return mr_health_of_region(nodes, count);
}

static void
publish_verdicts(void)
{
	uint32 mask = 0;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (mr_shared->monitor.nodes[slot].state.status == MR_HEALTH_DOWN)
			mask |= UINT32_C(1) << slot;
	}
	pg_atomic_write_u32(&mr_shared->down_mask, mask);
	mr_routing_publish_monitor();
}

static void
push_events(const MrMonitor *monitor, const MrMember *member, const MrHealthState *before,
			const MrHealthState *after, MrHealth region_before, MrHealth region_after,
			const char *error)
{
	uint64 term = monitor->lease->durable.term;

	if (before->status != MR_HEALTH_DOWN && after->status == MR_HEALTH_DOWN)
		mr_event_push(MR_EVENT_NODE_DOWN, term, member->name, 0, after->consecutive_failures,
					  error);
	if (before->status == MR_HEALTH_DOWN && after->status == MR_HEALTH_UP)
		mr_event_push(MR_EVENT_NODE_UP, term, member->name, 0, before->consecutive_failures, NULL);
	if (region_before != MR_HEALTH_DOWN && region_after == MR_HEALTH_DOWN)
		mr_event_push(MR_EVENT_REGION_DOWN, term, member->region, 0, 0, NULL);
	if (region_before == MR_HEALTH_DOWN && region_after != MR_HEALTH_DOWN)
		mr_event_push(MR_EVENT_REGION_UP, term, member->region, 0, 0, NULL);
}

/*
 * An error may quote another server in another encoding; what is kept of it must be
 * text in every one.
 */
static void
keep_error(MrNodeHealth *node, const char *error)
{
	strlcpy(node->error, error, sizeof(node->error));
	for (char *at = node->error; *at != '\0'; at++)
	{
		if (IS_HIGHBIT_SET(*at))
			*at = '?';
	}
}

/* Takes the result of a check into shared memory and says what changed. */
static void
take_result(MrMonitor *monitor, int slot, const CheckResult *result)
{
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);
	const MrMember *member = &config->members[slot];
	MrNodeHealth *node = &mr_shared->monitor.nodes[slot];
	TimestampTz now = GetCurrentTimestamp();
	MrHealthState before;
	MrHealthState after;
	MrHealth region_before;
	MrHealth region_after;

	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	before = node->state;
	region_before = health_of_region(config, member->region);
	(void) mr_health_observe(
		&node->state, result->ok, result->started_ns, config->policy.health_check_interval_ms,
		config->policy.health_retry_interval_ms, config->policy.max_consecutive_failures);
	node->checks++;
	node->failed_checks += result->ok ? 0 : 1;
	after = node->state;
	region_after = health_of_region(config, member->region);
	node->checked_at = now;
	keep_error(node, result->ok ? "" : result->error);
	if (result->ok)
	{
		node->ok_at = now;
		node->round_trip_us = mr_route_smooth(node->round_trip_us, result->round_trip_us);
	}
	if (result->answer != NULL)
	{
		node->in_recovery = result->answer->in_recovery;
		node->timeline = result->answer->timeline;
		node->receive_lsn = result->answer->receive_lsn;
		node->replay_lsn = result->answer->replay_lsn;
	}
	publish_verdicts();
	LWLockRelease(mr_shared->monitor_lock);

	push_events(monitor, member, &before, &after, region_before, region_after, node->error);
	if (before.status != after.status || before.consecutive_failures != after.consecutive_failures)
		mr_changes_note();
}

/* A node that runs this code is up; its positions come from monitor_lag.c. */
static void
check_self(MrMonitor *monitor, int slot)
{
	CheckResult result = {.ok = true, .started_ns = monitor->now_ns};

	if (monitor->now_ns >= mr_shared->monitor.nodes[slot].state.next_check_ns)
		take_result(monitor, slot, &result);
}

/* ---------- one check ---------- */

static void
fail_check(MrMonitor *monitor, int slot, const char *error)
{
	char text[MR_PROBE_ERROR_SIZE];
	CheckResult result = {
		.ok = false, .error = text, .started_ns = monitor->peers[slot].started_ns};

	snprintf(text, sizeof(text), "unreachable: %.180s", error);
	mr_monitor_close(&monitor->peers[slot]);
	take_result(monitor, slot, &result);
}

/* A member that this node used to hear has said nothing for two leases. */
static bool
fell_silent(const MrMonitor *monitor, int slot)
{
	int64 heard_ns = monitor->lease->peers[slot].heard_ns;
	int64 limit_ns = 2 * MR_MONITOR_CONFIG(monitor)->policy.lease_ms * MR_NS_PER_MS;

	return heard_ns != 0 && heard_ns != monitor->peers[slot].silent_since &&
		   monitor->now_ns - heard_ns > limit_ns;
}

static void
start_check(MrMonitor *monitor, int slot)
{
	MrMonitorPeer *peer = &monitor->peers[slot];
	const MrMember *member = &MR_MONITOR_CONFIG(monitor)->members[slot];
	const MrPeer *seen = &monitor->lease->peers[slot];

	if (peer->nonce != seen->nonce)
		peer->events_after = 0; /* it may have started anew, with an empty ring */
	peer->nonce = seen->nonce;
	peer->flags = seen->report.flags & MR_NEWS_FLAGS;
	peer->log_term = seen->report.log_term;
	if (fell_silent(monitor, slot))
		peer->silent_since = seen->heard_ns;
	peer->check_soon = false;
	peer->started_ns = monitor->now_ns;

	mr_monitor_close(peer);
	peer->has_descriptor = AcquireExternalFD();
	if (!peer->has_descriptor)
		fail_check(monitor, slot, "this server has too many files open");
	else if (!mr_pg_peer_connect(&peer->connection, member->conninfo, member->hostaddr,
								 mr_peer_options, MR_PEER_USER, mr_database, "multiregion monitor",
								 mr_boottime_ns(), mr_connect_timeout_ms * MR_NS_PER_MS))
		fail_check(monitor, slot, peer->connection.error);
	else
		peer->phase = MR_CHECK_CONNECT;
}

static void
send_probe(MrMonitor *monitor, int slot)
{
	MrMonitorPeer *peer = &monitor->peers[slot];

	peer->asked_ns = mr_boottime_ns();
	if (mr_pg_peer_query(&peer->connection, mr_pg_probe_sql, 0, NULL, NULL, NULL, 0, peer->asked_ns,
						 mr_connect_timeout_ms * MR_NS_PER_MS))
		peer->phase = MR_CHECK_PROBE;
	else
		fail_check(monitor, slot, peer->connection.error);
}

static void
ask_for_events(MrMonitorPeer *peer)
{
	char after[24];
	const char *values[1] = {after};

	snprintf(after, sizeof(after), INT64_FORMAT, peer->events_after);
	if (mr_pg_peer_query(&peer->connection, mr_pg_probe_events_sql, 1, values, NULL, NULL, 0,
						 mr_boottime_ns(), mr_connect_timeout_ms * MR_NS_PER_MS))
		peer->phase = MR_CHECK_EVENTS;
	else
		mr_monitor_close(peer);
}

/*
 * A standby of this very cluster that runs the library and is no member yet: observers are
 * made members while they run. It looks into its own copy of the tables whether that is so.
 */
static bool
can_be_enlisted(const MrMonitor *monitor, const MrProbeAnswer *answer,
				const MrProbeExpectation *expected)
{
	return monitor->records && !mr_config_binds(MR_MONITOR_CONFIG(monitor)) &&
		   answer->system_identifier != 0 && !answer->managed && answer->in_recovery &&
		   answer->system_identifier == expected->system_identifier;
}

static void
enlist(MrMonitor *monitor, int slot)
{
	MrMonitorPeer *peer = &monitor->peers[slot];
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);
	uint8 *encoded = palloc(MR_STATE_SIZE);
	const char *values[2] = {config->members[slot].name, NULL};
	int lengths[2] = {0, 0};
	int formats[2] = {0, 1};
	MrBytes bytes;

	mr_bytes_for_write(&bytes, encoded, MR_STATE_SIZE);
	mr_config_write(&bytes, config);
	values[1] = (const char *) encoded;
	lengths[1] = (int) bytes.at;
	if (!bytes.failed &&
		mr_pg_peer_query(&peer->connection, mr_pg_probe_enlist_sql, 2, values, lengths, formats, 0,
						 mr_boottime_ns(), mr_connect_timeout_ms * MR_NS_PER_MS))
		peer->phase = MR_CHECK_ENLIST;
	else
		mr_monitor_close(peer);
}

/* The probe was answered: is it the right server, and what does it say? */
static void
take_answer(MrMonitor *monitor, int slot)
{
	MrMonitorPeer *peer = &monitor->peers[slot];
	const MrMember *member = &MR_MONITOR_CONFIG(monitor)->members[slot];
	int leader = monitor->lease->leader;
	bool same_data = !member->witness && !mr_monitor_is_witness(monitor);
	MrProbeExpectation expected = {.node = member->name,
								   .system_identifier = same_data ? GetSystemIdentifier() : 0,
								   .must_be_standby =
									   leader != MR_NO_SLOT && leader != slot && !member->witness};
	MrProbeAnswer answer;
	char error[MR_PROBE_ERROR_SIZE];
	MrProbeVerdict verdict;
	CheckResult result;

	verdict = mr_pg_probe_read(peer->connection.result, &expected, &answer, error);
	memset(&result, 0, sizeof(result));
	result.ok = verdict == MR_PROBE_OK;
	result.started_ns = peer->started_ns;
	result.error = error;
	result.round_trip_us = (uint32) ((mr_boottime_ns() - peer->asked_ns) / 1000);
	/* What another server says of itself is not this node's. */
	result.answer = verdict == MR_PROBE_OK || verdict == MR_PROBE_NOT_STANDBY ? &answer : NULL;
	take_result(monitor, slot, &result);
	if (result.answer != NULL)
		mr_alerts_note_clock(slot, &member->uuid, answer.clock_us, peer->asked_ns);
	if (result.answer != NULL && monitor->records)
		ask_for_events(peer);
	else if (can_be_enlisted(monitor, &answer, &expected))
		enlist(monitor, slot);
	else
		mr_monitor_close(peer);
}

static void
advance_check(MrMonitor *monitor, int slot)
{
	MrMonitorPeer *peer = &monitor->peers[slot];

	if (peer->phase == MR_CHECK_EVENTS_HERE)
	{
		if (!monitor->records)
			mr_monitor_close(peer);
		return;
	}
	switch (mr_pg_peer_advance(&peer->connection, mr_boottime_ns()))
	{
		case MR_PG_NOTHING:
			break;
		case MR_PG_CONNECTED:
			send_probe(monitor, slot);
			break;
		case MR_PG_RESULT:
			if (peer->phase == MR_CHECK_PROBE)
				take_answer(monitor, slot);
			else if (peer->phase == MR_CHECK_ENLIST)
			{
				/* whether it is a member now shows in the next check */
				peer->check_soon = PQresultStatus(peer->connection.result) == PGRES_TUPLES_OK;
				mr_monitor_close(peer);
			}
			else
				peer->phase = MR_CHECK_EVENTS_HERE;
			break;
		case MR_PG_FAILED:
			if (peer->phase == MR_CHECK_EVENTS || peer->phase == MR_CHECK_ENLIST)
				mr_monitor_close(peer);
			else
				fail_check(monitor, slot, peer->connection.error);
			break;
	}
}

/* ---------- when ---------- */

/* On the primary: the member reports something that its events will explain. */
static bool
has_news(const MrMonitor *monitor, int slot)
{
	const MrMonitorPeer *peer = &monitor->peers[slot];
	const MrPeer *seen = &monitor->lease->peers[slot];

	return monitor->records &&
		   (peer->nonce != seen->nonce || peer->log_term != seen->report.log_term ||
			peer->flags != (seen->report.flags & MR_NEWS_FLAGS));
}

static bool
is_due(const MrMonitor *monitor, int slot)
{
	const MrMonitorPeer *peer = &monitor->peers[slot];

	if (peer->check_soon || monitor->now_ns >= mr_shared->monitor.nodes[slot].state.next_check_ns)
		return true;
	return monitor->now_ns - peer->started_ns >= MR_NEWS_PAUSE_NS &&
		   (fell_silent(monitor, slot) || has_news(monitor, slot));
}

/* The slot belongs to somebody else than what is known about it. */
static void
begin_member(MrMonitor *monitor, int slot, const MrMember *member)
{
	MrMonitorPeer *peer = &monitor->peers[slot];
	bool fresh = !mr_uuid_is_set(&peer->uuid);

	mr_monitor_close(peer);
	memset(peer, 0, sizeof(*peer));
	if (member->used)
		peer->uuid = member->uuid;

	/* A restarted monitor goes on with the history of the one before. */
	if (fresh && member->used)
		return;
	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	memset(&mr_shared->monitor.nodes[slot], 0, sizeof(MrNodeHealth));
	mr_shared->monitor.nodes[slot].lag_bytes = -1;
	mr_shared->monitor.nodes[slot].lag_ms = -1;
	publish_verdicts();
	LWLockRelease(mr_shared->monitor_lock);
}

void
mr_monitor_probe(MrMonitor *monitor)
{
	static const MrUuid nobody;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &MR_MONITOR_CONFIG(monitor)->members[slot];
		MrMonitorPeer *peer = &monitor->peers[slot];

		if (!mr_uuid_equal(&peer->uuid, member->used ? &member->uuid : &nobody))
			begin_member(monitor, slot, member);
		if (slot == monitor->lease->self)
			check_self(monitor, slot);
		if (!mr_monitor_is_peer(monitor, slot))
			continue;
		if (monitor->records && !monitor->recorded_before)
			peer->check_soon = true;
		if (peer->phase == MR_CHECK_IDLE && monitor->watches && is_due(monitor, slot))
			start_check(monitor, slot);
		else if (peer->phase != MR_CHECK_IDLE)
			advance_check(monitor, slot);
	}
}

int64
mr_monitor_probe_wakeup(const MrMonitor *monitor)
{
	int64 wakeup_ns = INT64_MAX;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMonitorPeer *peer = &monitor->peers[slot];
		int64 at_ns;

		if (!mr_monitor_is_peer(monitor, slot))
			continue;
		if (peer->phase == MR_CHECK_IDLE)
			at_ns = mr_shared->monitor.nodes[slot].state.next_check_ns;
		else if (peer->phase == MR_CHECK_EVENTS_HERE)
			continue; /* mr_monitor_record() takes them in the same turn */
		else
			at_ns = peer->connection.since_ns + peer->connection.timeout_ns;
		wakeup_ns = Min(wakeup_ns, at_ns);
	}
	return wakeup_ns;
}

void
mr_monitor_add_sockets(MrMonitor *monitor, WaitEventSet *set)
{
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMonitorPeer *peer = &monitor->peers[slot];
		int socket = mr_pg_peer_socket(&peer->connection);
		uint32 events = 0;

		if (socket < 0 || peer->phase == MR_CHECK_IDLE || peer->phase == MR_CHECK_EVENTS_HERE)
			continue;
		if ((peer->connection.events & POLLIN) != 0)
			events |= WL_SOCKET_READABLE;
		if ((peer->connection.events & POLLOUT) != 0)
			events |= WL_SOCKET_WRITEABLE;
		if (events != 0)
			AddWaitEventToSet(set, (int) events, socket, NULL, NULL);
	}
}
