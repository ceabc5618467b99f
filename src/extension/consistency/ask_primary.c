/*
 * Asking the primary for its newest commit; see mr_ask_primary.h.
 *
 * Each session that reads with read_consistency global or bounded has a connection of its
 * own, as the peer role that the workers use as well; what it learns is shared, so that with
 * bounded reads one question serves all sessions until it is too old. A connection that
 * fails is made anew, to whoever is the primary by then. Called with no snapshot held where
 * that is possible: the network may take its time.
 */
#include "postgres.h"

#include <poll.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#include "adapters/mr_pg_peer.h"
#include "extension/consistency/mr_ask_primary.h"
#include "extension/consistency/mr_position.h"
#include "extension/mr_functions.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"

#define NEWEST_SQL "SELECT multiregion.newest_commit()"
#define SLICE_MS 100L
#define RETRY_MS 50L

typedef struct AskShared
{
	slock_t lock;
	MrStaleness memory;
} AskShared;

static AskShared *shared = NULL;

/* This session's connection, and to whom. */
static MrPgPeer leader_link;
static MrUuid link_to;
static char problem_text[200];

Size
mr_ask_size(void)
{
	return MAXALIGN(sizeof(AskShared));
}

void
mr_ask_initialize(void)
{
	bool found;

	shared = ShmemInitStruct("multiregion staleness", mr_ask_size(), &found);
	if (found)
		return;
	memset(shared, 0, sizeof(*shared));
	SpinLockInit(&shared->lock);
}

/* ---------- what is known ---------- */

static void
note(const MrToken *newest, int64 asked_ns)
{
	SpinLockAcquire(&shared->lock);
	mr_staleness_add(&shared->memory, newest, asked_ns);
	SpinLockRelease(&shared->lock);
}

int64
mr_ask_bound(void)
{
	MrPosition position;
	int64 now_ns = mr_boottime_ns();
	int64 bound;

	if (!RecoveryInProgress())
		return 0;
	mr_position_look(&position);
	SpinLockAcquire(&shared->lock);
	bound =
		mr_staleness_bound(&shared->memory, position.spans, position.count, position.lsn, now_ns);
	SpinLockRelease(&shared->lock);
	return bound;
}

int64
mr_ask_newest(void)
{
	int64 newest;

	SpinLockAcquire(&shared->lock);
	newest = mr_staleness_newest(&shared->memory);
	SpinLockRelease(&shared->lock);
	return newest;
}

/* ---------- asking ---------- */

static bool
fail(const char *problem)
{
	strlcpy(problem_text, problem, sizeof(problem_text));
	mr_pg_peer_close(&leader_link);
	return false;
}

/* Waits for the connection to move on; false when it has failed, or the time is over. */
static bool
await(MrPgPeerNews wanted, int64 deadline_ns)
{
	for (;;)
	{
		int events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;
		MrPgPeerNews news = mr_pg_peer_advance(&leader_link, mr_boottime_ns());
		int64 left_ms;

		if (news == wanted)
			return true;
		if (news == MR_PG_FAILED)
			return fail(leader_link.error);
		left_ms = (deadline_ns - mr_boottime_ns()) / MR_NS_PER_MS;
		if (left_ms <= 0)
			return fail("it has not answered in time");
		if (leader_link.events & POLLIN)
			events |= WL_SOCKET_READABLE;
		if (leader_link.events & POLLOUT)
			events |= WL_SOCKET_WRITEABLE;
		(void) WaitLatchOrSocket(MyLatch, events, mr_pg_peer_socket(&leader_link),
								 (long) Min(left_ms, SLICE_MS), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static int64
patience_ns(void)
{
	return (int64) mr_connect_timeout_ms * MR_NS_PER_MS;
}

/* A connection to whoever leads now, as far as this server knows. */
static bool
connect_to_leader(int64 deadline_ns)
{
	MrLease *lease = mr_copy_lease();
	int slot = lease != NULL ? mr_leader_slot(lease) : MR_NO_SLOT;
	const MrMember *leader;
	bool connecting;

	if (slot == MR_NO_SLOT)
	{
		if (lease != NULL)
			pfree(lease);
		return fail("no primary is known at the moment");
	}
	leader = &lease->durable.config.members[slot];
	if (leader_link.state == MR_PG_READY && mr_uuid_equal(&link_to, &leader->uuid))
	{
		pfree(lease);
		return true;
	}
	mr_pg_peer_close(&leader_link);
	link_to = leader->uuid;
	connecting = mr_pg_peer_connect(&leader_link, leader->conninfo, leader->hostaddr,
									mr_peer_options, MR_PEER_USER, mr_database, "multiregion reads",
									mr_boottime_ns(), patience_ns());
	pfree(lease);
	return connecting ? await(MR_PG_CONNECTED, deadline_ns) : fail(leader_link.error);
}

static bool
take_answer(MrToken *newest)
{
	const PGresult *result = leader_link.result;

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
		return fail(leader_link.error);
	if (PQgetisnull(result, 0, 0) || !mr_token_parse(PQgetvalue(result, 0, 0), newest))
		return fail("who was the primary is none any more");
	if (newest->system != GetSystemIdentifier())
		return fail("its answer is of another database system");
	return true;
}

static bool
ask_once(MrToken *newest, int64 deadline_ns)
{
	int64 asked_ns;

	if (!connect_to_leader(deadline_ns))
		return false;
	asked_ns = mr_boottime_ns();
	if (!mr_pg_peer_query(&leader_link, NEWEST_SQL, 0, NULL, NULL, NULL, 0, asked_ns,
						  patience_ns()))
		return fail(leader_link.error);
	if (!await(MR_PG_RESULT, deadline_ns) || !take_answer(newest))
		return false;
	note(newest, asked_ns);
	return true;
}

static void
pause_before_retry(int64 deadline_ns)
{
	int64 left_ms = (deadline_ns - mr_boottime_ns()) / MR_NS_PER_MS;

	if (left_ms > 0)
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (long) Min(left_ms, RETRY_MS), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

bool
mr_ask_primary(MrToken *newest, int64 deadline_ns, const char **problem)
{
	bool volatile answered = false;

	*problem = problem_text;
	if (!mr_is_managed())
		return fail("this server is no member of a cluster");
	PG_TRY();
	{
		for (;;)
		{
			/* A kept connection may have ended long ago: the next attempt tells. */
			bool was_kept = leader_link.state == MR_PG_READY;

			answered = ask_once(newest, deadline_ns);
			if (answered || mr_boottime_ns() >= deadline_ns)
				break;
			if (!was_kept)
				pause_before_retry(deadline_ns);
		}
	}
	PG_CATCH();
	{
		/* an answer may be under way that nobody waits for any more */
		mr_pg_peer_close(&leader_link);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return answered;
}
