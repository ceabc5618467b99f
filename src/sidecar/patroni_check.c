/*
 * Health checks in Patroni's words; see mr_patroni_check.h. Pure. It must never say yes to
 * a writer from a copy whose lease may have run out, nor to a standby whose lag is asked
 * for and not known. Called by endpoint_patroni.c, unit tests and a fuzzer.
 */
#include "sidecar/mr_patroni_check.h"

#include <string.h>

#include "core/mr_policy.h"

static const struct
{
	const char *path;
	MrPatroniCheck check;
} checks[] = {
	{"/", MR_CHECK_WRITER},
	{"/health/primary", MR_CHECK_WRITER},
	{"/primary", MR_CHECK_WRITER},
	{"/master", MR_CHECK_WRITER},
	{"/read-write", MR_CHECK_WRITER},
	{"/leader", MR_CHECK_WRITER},
	{"/node/is-read-write", MR_CHECK_WRITER},
	{"/standby-leader", MR_CHECK_NEVER},
	{"/standby_leader", MR_CHECK_NEVER},
	{"/replica", MR_CHECK_REPLICA},
	{"/read-only", MR_CHECK_READ_ONLY},
	{"/node/is-read-only", MR_CHECK_REPLICA},
	{"/synchronous", MR_CHECK_SYNC},
	{"/sync", MR_CHECK_SYNC},
	{"/quorum", MR_CHECK_QUORUM},
	{"/asynchronous", MR_CHECK_ASYNC},
	{"/async", MR_CHECK_ASYNC},
	{"/read-only-sync", MR_CHECK_READ_ONLY_SYNC},
	{"/read-only-quorum", MR_CHECK_READ_ONLY_QUORUM},
	{"/health", MR_CHECK_RUNNING},
	{"/connection/is-ready", MR_CHECK_READ_ONLY},
	{"/liveness", MR_CHECK_LIVE},
	{"/health/live", MR_CHECK_LIVE},
	{"/readiness", MR_CHECK_READY},
	{"/patroni", MR_CHECK_ALWAYS},
};

MrPatroniCheck
mr_patroni_check_of(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (strcmp(checks[i].path, path) == 0)
			return checks[i].check;
	return MR_CHECK_NONE;
}

int
mr_patroni_tags(const MrStatus *status, MrPatroniTag *tags)
{
	const MrStatusRegion *region = mr_status_region(status, status->region);
	int count = 0;

	if (status->region != NULL)
		tags[count++] = (MrPatroniTag){"region", status->region};
	if (region != NULL && region->id != NULL)
		tags[count++] = (MrPatroniTag){"region_id", region->id};
	return count;
}

/*
 * The lease ran for so long when the server answered, which was after it was asked. Clocks
 * may go 1 % apart; the age is cut to whole milliseconds.
 */
static bool
lease_lasts(const MrServingInput *input, const MrStatus *status)
{
	int64_t age_ms = input->age_ms + 1;

	return status->lease_remaining_ms != MR_UNKNOWN && input->age_ms >= 0 &&
		   age_ms + age_ms / 100 < status->lease_remaining_ms;
}

const char *
mr_patroni_no_writer(const MrServingInput *input, const MrStatus *status)
{
	MrServing serving = mr_serving_judge(input, status);

	/* Of no cluster, and nobody said that it should be: the only server there is. */
	if (serving == MR_SERVING_UNMANAGED && input->alone && !status->in_recovery)
		return NULL;
	if (serving != MR_SERVING_PRIMARY)
		return mr_serving_reason(serving);
	if (!status->fenced_in)
		return "no_fence";
	return lease_lasts(input, status) ? NULL : "lease_too_old";
}

bool
mr_patroni_is_running(const MrServingInput *input, const MrStatus *status)
{
	switch (mr_serving_judge(input, status))
	{
		case MR_SERVING_PRIMARY:
		case MR_SERVING_STANDBY:
		case MR_SERVING_UNMANAGED:
		case MR_SERVING_PROMOTING:
		case MR_SERVING_FENCED:
		case MR_SERVING_NO_LEADER:
			return true;
		case MR_SERVING_DISABLED:
		case MR_SERVING_DRAINING:
		case MR_SERVING_NO_STATUS:
		case MR_SERVING_UNREACHABLE:
		case MR_SERVING_TOO_OLD:
		case MR_SERVING_STOPPING:
		case MR_SERVING_COUNT:
			break;
	}
	return false;
}

bool
mr_patroni_is_replica(const MrServingInput *input, const MrStatus *status)
{
	/* Who holds the lease and is still in recovery will be the primary in a moment. */
	return mr_patroni_is_running(input, status) && status->in_recovery && !status->is_primary;
}

static const MrStatusNode *
own_node(const MrStatus *status)
{
	int i;

	for (i = 0; status->node != NULL && i < status->node_count; i++)
		if (strcmp(status->nodes[i].name, status->node) == 0)
			return &status->nodes[i];
	return NULL;
}

bool
mr_patroni_is_quorum(const MrStatus *status)
{
	const char *durability = mr_status_policy(status, "durability");
	const MrStatusNode *own = own_node(status);

	return durability != NULL && strcmp(durability, "quorum") == 0 && own != NULL && own->voter;
}

/* Bytes behind: as measured, or only as far as it has been received. */
static int64_t
lag_of(const MrStatus *status, const MrStatusNode *own, bool by_write)
{
	if (by_write && own->lag_bytes > 0 && status->server.received >= 0 &&
		status->server.replayed >= 0 && status->server.received > status->server.replayed)
	{
		int64_t waiting = status->server.received - status->server.replayed;

		return own->lag_bytes > waiting ? own->lag_bytes - waiting : 0;
	}
	return own->lag_bytes;
}

/* What is not known is too much. A lag in time has grown by the age of the copy. */
static bool
keeps_up(const MrServingInput *input, const MrStatus *status, const MrPatroniQuery *query)
{
	const MrStatusNode *own = own_node(status);
	int64_t lag;

	if (query->lag_bytes == MR_UNKNOWN && query->lag_ms == MR_UNKNOWN)
		return true;
	if (own == NULL)
		return false;
	lag = lag_of(status, own, query->by_write);
	if (query->lag_bytes != MR_UNKNOWN && (lag == MR_UNKNOWN || lag > query->lag_bytes))
		return false;
	return query->lag_ms == MR_UNKNOWN ||
		   (own->lag_ms != MR_UNKNOWN && own->lag_ms + input->age_ms <= query->lag_ms);
}

static bool
replica_serves(const MrServingInput *input, const MrStatus *status, const MrPatroniQuery *query)
{
	return mr_patroni_is_replica(input, status) && !query->state_differs &&
		   keeps_up(input, status, query);
}

/* Kubernetes: without a lag in the query, as much as a successor may have. */
static bool
is_ready(const MrServingInput *input, const MrStatus *status, const MrPatroniQuery *query)
{
	const MrPolicySetting *setting = mr_policy_find("max_failover_lag");
	const char *text = mr_status_policy(status, "max_failover_lag");
	MrPatroniQuery limited = *query;

	if (limited.lag_bytes == MR_UNKNOWN && limited.lag_ms == MR_UNKNOWN && setting != NULL &&
		(text == NULL || mr_policy_parse(setting, text, &limited.lag_bytes) != MR_POLICY_OK ||
		 limited.lag_bytes < 0))
		limited.lag_bytes = MR_UNKNOWN;
	return status->server.streaming && replica_serves(input, status, &limited);
}

static bool
check_holds(MrPatroniCheck check, const MrServingInput *input, const MrStatus *status,
			const MrPatroniQuery *query)
{
	bool writer = mr_patroni_no_writer(input, status) == NULL;
	bool replica = replica_serves(input, status, query);
	bool quorum = mr_patroni_is_quorum(status);

	switch (check)
	{
		case MR_CHECK_WRITER:
			return writer;
		case MR_CHECK_REPLICA:
			return replica;
		case MR_CHECK_READ_ONLY:
			return writer || replica;
		case MR_CHECK_QUORUM:
			return replica && quorum;
		case MR_CHECK_ASYNC:
			return replica && !quorum;
		case MR_CHECK_READ_ONLY_SYNC:
			return writer;
		case MR_CHECK_READ_ONLY_QUORUM:
			return writer || (replica && quorum);
		case MR_CHECK_RUNNING:
			return mr_patroni_is_running(input, status);
		case MR_CHECK_READY:
			return writer || is_ready(input, status, query);
		case MR_CHECK_LIVE:
		case MR_CHECK_ALWAYS:
			return true;
		case MR_CHECK_NONE:
		case MR_CHECK_NEVER:
		case MR_CHECK_SYNC:
			break;
	}
	return false;
}

int
mr_patroni_code(MrPatroniCheck check, const MrServingInput *input, const MrStatus *status,
				const MrPatroniQuery *query)
{
	if (check != MR_CHECK_LIVE && check != MR_CHECK_ALWAYS &&
		(query->region_differs || query->tags_differ))
		return 503;
	return check_holds(check, input, status, query) ? 200 : 503;
}
