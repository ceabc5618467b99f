/*
 * Gate around the walreceiver; see mr_gate.h.
 *
 * `generation` is 0 while closed, else the number of this opening. A walreceiver
 * remembers the number under which it connected and ends as soon as it differs.
 * The wrapper never decides whom to follow: the lease worker does. Logical
 * workers use the same library functions and pass through untouched, but for the copying
 * of the leader's logical slots (17 and later), which goes to whom the gate is open for,
 * too: it does nothing to the WAL, but a promotion waits until it has ended.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xlogrecovery.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "replication/walreceiver.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/memutils.h"

#include "adapters/mr_pg_peer.h"
#include "extension/mr_gate.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

/* These are macros over WalReceiverFunctions; here they are the names of members. */
#undef walrcv_connect
#undef walrcv_disconnect
#undef walrcv_identify_system
#undef walrcv_receive
#undef walrcv_send

/* In the primary_conninfo that multiregion-join writes (join/configure.c). */
#define MR_PLACEHOLDER_HOST "multiregion.invalid"

#define MR_GATE_WAIT_MS 10 /* slices in which a walreceiver waits for an opening */
#define MR_NOBODY_OPENS_NS (5 * MR_NS_PER_S)
#define MR_REMOVED_TIMES 3 /* the first answers may come from a leader that is just promoted */

typedef struct GateState
{
	pg_atomic_uint64 generation; /* 0 = closed */
	pg_atomic_uint64 last_generation;
	pg_atomic_uint64 streaming;   /* generation under which WAL arrives; 0 = none */
	pg_atomic_uint32 waiting_pid; /* walreceiver that waits for an opening; 0 = none */
	pg_atomic_uint32 copying_pid; /* process that copies logical slots; 0 = none */
	pg_atomic_uint32 wal_removed; /* times in a row that the WAL asked for was gone */
	pg_atomic_uint32 misled;      /* times in a row that recovery was past the leader's timeline */
	slock_t lock;
	char conninfo[MR_PG_PEER_SIZE_OF_CONNINFO];
	char slots_conninfo[MR_PG_PEER_SIZE_OF_CONNINFO];
} GateState;

static GateState *gate = NULL;
static WalReceiverFunctionsType *original = NULL;
static WalReceiverFunctionsType wrapped;

/* In a walreceiver: the opening under which it connected. */
static uint64 my_generation = 0;

Size
mr_gate_size(void)
{
	return MAXALIGN(sizeof(GateState));
}

void
mr_gate_initialize(void)
{
	bool found;

	gate = ShmemInitStruct("multiregion gate", mr_gate_size(), &found);
	if (found)
		return;
	memset(gate, 0, sizeof(*gate));
	pg_atomic_init_u64(&gate->generation, 0);
	pg_atomic_init_u64(&gate->last_generation, 0);
	pg_atomic_init_u64(&gate->streaming, 0);
	pg_atomic_init_u32(&gate->waiting_pid, 0);
	pg_atomic_init_u32(&gate->copying_pid, 0);
	pg_atomic_init_u32(&gate->wal_removed, 0);
	pg_atomic_init_u32(&gate->misled, 0);
	SpinLockInit(&gate->lock);
}

/* Does the gate stand in the way of anybody? */
static bool
gate_applies(void)
{
	return mr_shared != NULL && pg_atomic_read_u32(&mr_shared->managed) != 0 &&
		   pg_atomic_read_u32(&mr_shared->mode) == MR_MODE_MANAGE;
}

static bool
gate_applies_to_receiver(void)
{
	return MR_AM_WALRECEIVER() && gate_applies();
}

/* One that connected before the gate applied has passed under no opening at all. */
static void
end_if_closed(void)
{
	if (my_generation != 0 && pg_atomic_read_u64(&gate->generation) == my_generation)
		return;
	ereport(FATAL, (errcode(ERRCODE_ADMIN_SHUTDOWN),
					errmsg("terminating walreceiver: this node follows another leader, or none")));
}

static void
forget_streaming(int code, Datum arg)
{
	uint64 expected = my_generation;

	(void) pg_atomic_compare_exchange_u64(&gate->streaming, &expected, 0);
}

/*
 * After a crash of one of its processes a postmaster starts no background worker before
 * redo begins. A standby that needs WAL of the leader for that would wait for ever: only
 * the lease worker opens the gate. Then the server ends, and its supervisor starts it anew.
 */
static void
stop_if_nobody_opens(int64 *since_ns)
{
	int64 now_ns = mr_boottime_ns();

	if (pg_atomic_read_u32(&mr_shared->lease_procno) != PG_UINT32_MAX ||
		GetXLogReplayRecPtr(NULL) != InvalidXLogRecPtr || *since_ns == 0)
		*since_ns = now_ns;
	if (now_ns - *since_ns < MR_NOBODY_OPENS_NS)
		return;
	*since_ns = now_ns;
	ereport(LOG, (errmsg("stopping this server: recovery needs WAL of the leader to begin, and the "
						 "lease worker runs only after that"),
				  errhint("Its supervisor starts it again.")));
	/* in this state a fast shutdown waits for the checkpointer, which waits for nothing */
	kill(PostmasterPid, SIGQUIT);
}

/* Waits for an opening; ends with the walreceiver (promotion, vote, shutdown). */
static uint64
wait_until_open(char *conninfo, size_t size)
{
	uint64 generation;
	int64 alone_since_ns = 0;

	pg_atomic_write_u32(&gate->waiting_pid, (uint32) MyProcPid);
	for (;;)
	{
		generation = pg_atomic_read_u64(&gate->generation);
		if (generation != 0)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, MR_GATE_WAIT_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		MR_WALRCV_INTERRUPTS();
		if (!gate_applies())
			ereport(FATAL, (errcode(ERRCODE_ADMIN_SHUTDOWN),
							errmsg("terminating walreceiver: this node is not bound to a leader "
								   "any more")));
		stop_if_nobody_opens(&alone_since_ns);
	}
	SpinLockAcquire(&gate->lock);
	strlcpy(conninfo, gate->conninfo, size);
	SpinLockRelease(&gate->lock);
	return generation;
}

/* An observer that multiregion-join has built has no address of its own to follow. */
static const char *
replace_placeholder(const char *conninfo, bool copies_slots, char *address, size_t size)
{
	if (mr_shared == NULL || !(MR_AM_WALRECEIVER() || copies_slots) ||
		pg_atomic_read_u32(&mr_shared->managed) == 0 ||
		strstr(conninfo, MR_PLACEHOLDER_HOST) == NULL)
		return conninfo;
	SpinLockAcquire(&gate->lock);
	strlcpy(address, copies_slots ? gate->slots_conninfo : gate->conninfo, size);
	SpinLockRelease(&gate->lock);
	return address[0] != '\0' ? address : conninfo;
}

static void
forget_copying(int code, Datum arg)
{
	uint32 expected = (uint32) MyProcPid;

	(void) pg_atomic_compare_exchange_u32(&gate->copying_pid, &expected, 0);
}

/*
 * There is one at a time: the server's own worker, or a session that calls
 * pg_sync_replication_slots(). It does not wait for an opening; the worker comes again.
 */
static WalReceiverConn *
connect_to_copy_slots(MR_WALRCV_CONNECT_ARGS)
{
	static bool exit_registered = false;
	char leader[MR_PG_PEER_SIZE_OF_CONNINFO];
	uint64 generation = pg_atomic_read_u64(&gate->generation);
	WalReceiverConn *conn = NULL;

	SpinLockAcquire(&gate->lock);
	strlcpy(leader, gate->slots_conninfo, sizeof(leader));
	SpinLockRelease(&gate->lock);
	if (!exit_registered)
		on_shmem_exit(forget_copying, (Datum) 0);
	exit_registered = true;
	/* announce, then look again */
	pg_atomic_write_u32(&gate->copying_pid, (uint32) MyProcPid);
	pg_memory_barrier();
	*err = pstrdup("this node follows no leader at the moment");
	if (generation != 0 && pg_atomic_read_u64(&gate->generation) == generation)
		conn = original->walrcv_connect(leader, MR_WALRCV_CONNECT_PASS);
	if (conn == NULL)
		forget_copying(0, (Datum) 0);
	return conn;
}

static void
gate_disconnect(WalReceiverConn *conn)
{
	original->walrcv_disconnect(conn);
	forget_copying(0, (Datum) 0);
}

static WalReceiverConn *
gate_connect(const char *conninfo, MR_WALRCV_CONNECT_ARGS)
{
	char leader[MR_PG_PEER_SIZE_OF_CONNINFO];

	if (MR_WALRCV_COPIES_SLOTS && gate_applies())
		return connect_to_copy_slots(MR_WALRCV_CONNECT_PASS);
	if (!gate_applies_to_receiver())
		return original->walrcv_connect(
			replace_placeholder(conninfo, MR_WALRCV_COPIES_SLOTS, leader, sizeof(leader)),
			MR_WALRCV_CONNECT_PASS);
	my_generation = wait_until_open(leader, sizeof(leader));
	/* here, not by whoever opened the gate: what a reload changed holds for the next connection */
	if (!mr_pg_conninfo_add_options(leader, sizeof(leader), mr_peer_options))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("multiregion.peer_options cannot be added to the connection string "
							   "of the leader")));
	mr_pg_peer_never_ask();
	/* announce, then look again: whoever closes the gate looks for announcements after */
	pg_atomic_write_u32(&gate->waiting_pid, 0);
	pg_memory_barrier();
	end_if_closed();
	on_shmem_exit(forget_streaming, (Datum) 0);
	return original->walrcv_connect(leader, MR_WALRCV_CONNECT_PASS);
}

/*
 * A history that was fetched from a leader which did not last makes recovery wait for its
 * timeline, which the next leader does not have; the walreceiver ends after this question.
 */
static char *
gate_identify(WalReceiverConn *conn, TimeLineID *timeline)
{
	char *system = original->walrcv_identify_system(conn, timeline);

	if (gate_applies_to_receiver())
	{
		TimeLineID wanted;

		SpinLockAcquire(&WalRcv->mutex);
		wanted = WalRcv->receiveStartTLI;
		SpinLockRelease(&WalRcv->mutex);
		if (*timeline < wanted)
			pg_atomic_fetch_add_u32(&gate->misled, 1);
		else
			pg_atomic_write_u32(&gate->misled, 0);
	}
	return system;
}

/*
 * The walsender's own words, which libpqwalreceiver repeats: there is no SQLSTATE of its
 * own for it. A server whose messages are in another language is not understood.
 */
static void
note_removed_wal(void)
{
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	ErrorData *error = CopyErrorData();

	if (error->message != NULL && strstr(error->message, "has already been removed") != NULL)
		pg_atomic_fetch_add_u32(&gate->wal_removed, 1);
	FreeErrorData(error);
	MemoryContextSwitchTo(before);
}

static int
gate_receive(WalReceiverConn *conn, char **buffer, pgsocket *wait_fd)
{
	int length;

	if (!gate_applies_to_receiver())
		return original->walrcv_receive(conn, buffer, wait_fd);
	end_if_closed();
	PG_TRY();
	{
		length = original->walrcv_receive(conn, buffer, wait_fd);
	}
	PG_CATCH();
	{
		note_removed_wal();
		PG_RE_THROW();
	}
	PG_END_TRY();
	end_if_closed();
	if (length > 0)
	{
		pg_atomic_write_u64(&gate->streaming, my_generation);
		/* a keepalive may come before the error, WAL may not */
		if ((*buffer)[0] == 'w')
			pg_atomic_write_u32(&gate->wal_removed, 0);
	}
	return length;
}

static void
gate_send(WalReceiverConn *conn, const char *buffer, int nbytes)
{
	if (gate_applies_to_receiver())
		end_if_closed();
	else if (!MR_AM_WALRECEIVER())
		CHECK_FOR_INTERRUPTS(); /* a commit refused by the fence must not be confirmed */
	original->walrcv_send(conn, buffer, nbytes);
}

void
mr_gate_install(void)
{
	load_file("libpqwalreceiver", false);
	if (WalReceiverFunctions == NULL || WalReceiverFunctions == &wrapped)
		return;
	original = WalReceiverFunctions;
	wrapped = *original;
	wrapped.walrcv_connect = gate_connect;
	wrapped.walrcv_disconnect = gate_disconnect;
	wrapped.walrcv_identify_system = gate_identify;
	wrapped.walrcv_receive = gate_receive;
	wrapped.walrcv_send = gate_send;
	WalReceiverFunctions = &wrapped;
}

/* ---------- lease worker's side ---------- */

/*
 * A walreceiver that may have passed the gate and is not yet gone (its last act is a
 * flush, which moves the end of our WAL); 0 if none. Only one that is known to wait at
 * the closed gate does not count.
 */
static pid_t
connected_walreceiver(void)
{
	pid_t pid;

	SpinLockAcquire(&WalRcv->mutex);
	pid = WalRcv->walRcvState == WALRCV_STOPPED ? 0 : WalRcv->pid;
	SpinLockRelease(&WalRcv->mutex);
	return pid == (pid_t) pg_atomic_read_u32(&gate->waiting_pid) ? 0 : pid;
}

void
mr_gate_close(void)
{
	pid_t pid;

	pg_atomic_write_u64(&gate->generation, 0);
	pg_memory_barrier();
	pid = connected_walreceiver();
	if (pid != 0)
		kill(pid, SIGTERM);
	pid = (pid_t) pg_atomic_read_u32(&gate->copying_pid);
	if (pid != 0)
		kill(pid, SIGTERM);
}

void
mr_gate_open(const char *conninfo, const char *slots_conninfo, uint64 term)
{
	uint64 generation = pg_atomic_add_fetch_u64(&gate->last_generation, 1);

	pg_atomic_write_u32(&gate->wal_removed, 0); /* another leader may have it */
	pg_atomic_write_u32(&gate->misled, 0);
	mr_gate_close();
	SpinLockAcquire(&gate->lock);
	strlcpy(gate->conninfo, conninfo, sizeof(gate->conninfo));
	strlcpy(gate->slots_conninfo, slots_conninfo, sizeof(gate->slots_conninfo));
	SpinLockRelease(&gate->lock);
	pg_write_barrier();
	pg_atomic_write_u64(&gate->generation, generation);
	elog(DEBUG1, "multiregion: gate open for the leader of term %llu", (unsigned long long) term);
	WakeupRecovery();
}

void
mr_gate_suggest(const char *conninfo, const char *slots_conninfo)
{
	SpinLockAcquire(&gate->lock);
	strlcpy(gate->conninfo, conninfo, sizeof(gate->conninfo));
	strlcpy(gate->slots_conninfo, slots_conninfo, sizeof(gate->slots_conninfo));
	SpinLockRelease(&gate->lock);
}

bool
mr_gate_is_severed(void)
{
	return pg_atomic_read_u64(&gate->generation) == 0 && connected_walreceiver() == 0;
}

bool
mr_gate_wal_is_gone(void)
{
	return pg_atomic_read_u64(&gate->generation) != 0 &&
		   pg_atomic_read_u32(&gate->wal_removed) >= MR_REMOVED_TIMES;
}

bool
mr_gate_is_misled(void)
{
	return pg_atomic_read_u64(&gate->generation) != 0 &&
		   pg_atomic_read_u32(&gate->misled) >= MR_REMOVED_TIMES;
}

bool
mr_gate_is_streaming(void)
{
	uint64 generation = pg_atomic_read_u64(&gate->generation);

	return generation != 0 && pg_atomic_read_u64(&gate->streaming) == generation;
}

bool
mr_gate_sever(int timeout_ms)
{
	int64 until_ns = mr_boottime_ns() + timeout_ms * MR_NS_PER_MS;

	mr_gate_close();
	while (connected_walreceiver() != 0)
	{
		if (mr_boottime_ns() >= until_ns)
			return false;
		pg_usleep(500L);
	}
	return true;
}
