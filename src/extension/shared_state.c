/*
 * Shared memory of the extension: layout, publication, events, clock.
 *
 * See mr_shared_state.h for who writes what. Nothing here decides; nothing here
 * waits for another process. Called by every part of the extension.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <time.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "extension/mr_managed.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"

MrShared *mr_shared = NULL;

Size
mr_shared_size(void)
{
	return MAXALIGN(sizeof(MrShared));
}

static uint64
draw_nonce(void)
{
	uint64 nonce = 0;

	while (nonce == 0)
		if (!pg_strong_random(&nonce, sizeof(nonce)))
			ereport(FATAL,
					(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	return nonce;
}

static void
initialize_atomics(MrShared *shared)
{
	pg_atomic_init_u64(&shared->deadline_ns, 0);
	pg_atomic_init_u64(&shared->lease_term, 0);
	pg_atomic_init_u32(&shared->managed, 0);
	pg_atomic_init_u32(&shared->mode, MR_MODE_MANAGE);
	pg_atomic_init_u32(&shared->ceiling, MR_MODE_MANAGE);
	pg_atomic_init_u32(&shared->promotion_told, 0);
	pg_atomic_init_u32(&shared->draining, 0);
	pg_atomic_init_u32(&shared->order_waiters, 0);
	pg_atomic_init_u64(&shared->last_commit_end, 0);
	pg_atomic_init_u64(&shared->first_write_term, 0);
	pg_atomic_init_u64(&shared->first_write_at, 0);
	pg_atomic_init_u64(&shared->refused_before, 0);
	pg_atomic_init_u64(&shared->refused_commit, 0);
	pg_atomic_init_u64(&shared->refused_acknowledgement, 0);
	pg_atomic_init_u32(&shared->lease_procno, PG_UINT32_MAX);
	pg_atomic_init_u32(&shared->monitor_procno, PG_UINT32_MAX);
	pg_atomic_init_u32(&shared->hooks.procno, PG_UINT32_MAX);
	mr_changes_initialize(&shared->changes);
	pg_atomic_init_u64(&shared->lease_version, 0);
	mr_routing_shared_initialize(&shared->routing);
	pg_atomic_init_u32(&shared->down_mask, 0);
	pg_atomic_init_u32(&shared->canary_failures, 0);
	pg_atomic_init_u64(&shared->canary_started_ns, 0);
	pg_atomic_init_u32(&shared->hooks.veto, MR_VETO_UNKNOWN);
	pg_atomic_init_u64(&shared->hooks.veto_ns, 0);
}

/*
 * Runs in the postmaster, at its start and again after a crash of a backend:
 * then the deadline is 0 again, and a new nonce says that a new boot asks.
 */
void
mr_shared_initialize(void)
{
	bool found;
	struct stat st;

	mr_shared = ShmemInitStruct("multiregion", mr_shared_size(), &found);
	if (found)
		return;
	memset(mr_shared, 0, sizeof(*mr_shared));
	initialize_atomics(mr_shared);
	SpinLockInit(&mr_shared->event_lock);
	mr_shared->monitor_lock = &(GetNamedLWLockTranche("multiregion"))->lock;
	mr_shared->standby_at_start = stat("standby.signal", &st) == 0;
	mr_shared->nonce = draw_nonce();
	mr_shared->started_at = GetCurrentTimestamp();
	pg_atomic_write_u32(&mr_shared->mode, (uint32) mr_mode);
	pg_atomic_write_u32(&mr_shared->ceiling, (uint32) mr_mode);
	if (mr_marker_present())
	{
		pg_atomic_write_u32(&mr_shared->managed, 1);
		mr_state_directory_claim();
	}
}

int64
mr_boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64) now.tv_sec * MR_NS_PER_S + now.tv_nsec;
}

/* This process may be put aside between the two clocks: no two calls say the same. */
int64
mr_boottime_offset(void)
{
	return GetCurrentTimestamp() - mr_boottime_ns() / 1000;
}

TimestampTz
mr_boottime_to_timestamp(int64 ns, int64 offset)
{
	return ns == 0 ? 0 : ns / 1000 + offset;
}

bool
mr_fence_is_open(void)
{
	uint64 deadline;

	if (mr_shared == NULL || pg_atomic_read_u32(&mr_shared->managed) == 0 ||
		pg_atomic_read_u32(&mr_shared->mode) != MR_MODE_MANAGE)
		return true;
	deadline = pg_atomic_read_u64(&mr_shared->deadline_ns);
	return deadline != 0 && mr_boottime_ns() < (int64) deadline;
}

/* ---------- publication of the protocol state ---------- */

void
mr_shared_publish_lease(const MrLease *lease)
{
	uint64 next = pg_atomic_read_u64(&mr_shared->lease_version) + 1;

	pg_memory_barrier(); /* who reads this copy sees first that it is not the newest */
	memcpy(&mr_shared->lease[next & 1], lease, sizeof(*lease));
	pg_memory_barrier();
	pg_atomic_write_u64(&mr_shared->lease_version, next);
	mr_routing_publish_lease(lease);
}

bool
mr_shared_read_lease(MrLease *out)
{
	uint64 version;

	if (mr_shared == NULL)
		return false;
	do
	{
		version = pg_atomic_read_u64(&mr_shared->lease_version);
		pg_memory_barrier();
		memcpy(out, &mr_shared->lease[version & 1], sizeof(*out));
		pg_memory_barrier();
	} while (pg_atomic_read_u64(&mr_shared->lease_version) != version);
	return true;
}

/* ---------- events ---------- */

static int
log_level_of(int kind)
{
	const char *severity = mr_event_severity(kind);

	return strcmp(severity, "info") == 0 ? LOG : WARNING;
}

void
mr_event_push(int kind, uint64 term, const char *subject, int refusal, int64 value,
			  const char *detail)
{
	MrEventRecord record;
	MrEventRecord *target;

	memset(&record, 0, sizeof(record));
	record.at = GetCurrentTimestamp();
	record.kind = kind;
	record.term = term;
	record.refusal = refusal;
	record.value = value;
	if (subject != NULL)
		strlcpy(record.subject, subject, sizeof(record.subject));
	if (detail != NULL)
		strlcpy(record.detail, detail, sizeof(record.detail));
	SpinLockAcquire(&mr_shared->event_lock);
	record.sequence = ++mr_shared->event_sequence;
	target = &mr_shared->events[record.sequence % MR_EVENT_RING];
	*target = record;
	SpinLockRelease(&mr_shared->event_lock);
	mr_changes_note();
	ereport(log_level_of(kind),
			(errmsg("multiregion: %s", mr_event_sentence(kind)),
			 errdetail_log("event %s, term %llu, subject \"%s\", value %lld%s%s",
						   mr_event_name(kind), (unsigned long long) term, record.subject,
						   (long long) value, record.detail[0] ? ": " : "", record.detail)));
}

int
mr_event_read(uint64 after, MrEventRecord *out, int max)
{
	int count = 0;

	if (mr_shared == NULL)
		return 0;
	SpinLockAcquire(&mr_shared->event_lock);
	if (after + MR_EVENT_RING < mr_shared->event_sequence)
		after = mr_shared->event_sequence - MR_EVENT_RING;
	while (after < mr_shared->event_sequence && count < max)
		out[count++] = mr_shared->events[++after % MR_EVENT_RING];
	SpinLockRelease(&mr_shared->event_lock);
	return count;
}
