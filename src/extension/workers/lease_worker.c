/*
 * The lease worker: the one process that owns the protocol state.
 *
 * Runs from postmaster start, through crash recovery, on primaries and standbys,
 * and outlives a dead postmaster for its last gasp. Each turn: take mail, move
 * the connections on, step the core, perform its actions, publish, wait. No SQL,
 * no name resolution; a renewal writes no file. No lock that a backend may hold but one:
 * a switchover that is fenced already holds the WAL (commits.c).
 * A restarted worker is a new boot to the protocol: fenced, new nonce.
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "access/xlog.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "postmaster/postmaster.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "adapters/mr_state_file.h"
#include "extension/consistency/mr_waiters.h"
#include "extension/mr_commits.h"
#include "extension/mr_fence.h"
#include "extension/mr_followers.h"
#include "extension/mr_mailbox.h"
#include "extension/mr_managed.h"
#include "extension/mr_peer_sessions.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"
#include "extension/workers/mr_lease_worker.h"
#include "extension/workers/mr_workers.h"

#define MR_DEFER_NS (3 * MR_NS_PER_MS)
#define MR_END_SESSIONS_NS (200 * MR_NS_PER_MS)
#define MR_HELD_UP_NS (100 * MR_NS_PER_MS)
#define MR_IDLE_PEER_NS (2 * MR_NS_PER_S)
#define MR_TOLD_NS (100 * MR_NS_PER_MS)

static volatile sig_atomic_t got_sigterm = 0;

static void
handle_sigterm(SIGNAL_ARGS)
{
	int saved_errno = errno;

	got_sigterm = 1;
	SetLatch(MyLatch);
	errno = saved_errno;
}

static void
forget_procno(int code, Datum arg)
{
	pg_atomic_write_u32(&mr_shared->lease_procno, PG_UINT32_MAX);
	pg_atomic_write_u64(&mr_shared->deadline_ns, 0);
}

/*
 * Whose streams go on, and whether commits may begin: with a hand-over by order no new
 * ones first, then (fenced) nobody but the successor receives WAL.
 */
static void
publish_handover(const MrLeaseWorker *worker)
{
	const MrLease *lease = &worker->lease;
	bool leads = lease->role == MR_ROLE_LEADER && lease->stamped;
	bool last_bytes = leads && lease->ordered && lease->handover >= MR_HANDOVER_FENCED;

	if (leads)
		mr_commits_note();
	pg_atomic_write_u32(&mr_shared->draining, leads && lease->handover == MR_HANDOVER_DRAIN);
	if (last_bytes && lease->hold_wal && !mr_commits_wal_is_held())
		mr_fence_end_sessions();
	mr_commits_hold_wal(lease->hold_wal);
	mr_followers_lead(leads ? lease->durable.term : 0,
					  last_bytes ? &lease->durable.config.members[lease->successor].uuid : NULL,
					  &lease->durable.config);
}

void
mr_lease_handle(MrLeaseWorker *worker, MrLeaseEvent *event, int mail)
{
	static MrActions pool[3];
	static int depth = 0;
	MrActions *actions = &pool[depth % 3];
	bool again = true;
	int attempt;

	depth++;
	for (attempt = 0; again && attempt < 3; attempt++)
	{
		MrLocal local;

		mr_lease_observe(worker, &local);
		event->now_ns = mr_boottime_ns();
		mr_lease_step(&worker->lease, &local, event, actions);
		again = mr_lease_perform(worker, actions, mail);
		if (worker->lease.bound)
			publish_handover(worker);
	}
	worker->sever_failed = false;
	depth--;
}

static void
tick(MrLeaseWorker *worker)
{
	MrLeaseEvent event;

	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_TICK;
	mr_lease_handle(worker, &event, -1);
}

/* Requests of peers. A malformed one is not answered; its sender times out. */
static bool
take_mail(MrLeaseWorker *worker)
{
	static MrMessage message;
	static MrConfig config;
	const uint8 *request;
	size_t length;
	int64 received_ns;
	int mail = -1;
	bool any = false;

	while ((mail = mr_mailbox_take(mail, &request, &length, &received_ns)) >= 0)
	{
		MrLeaseEvent event;

		any = true;
		if (!mr_message_decode(request, length, &message, &config) || message.is_reply)
		{
			mr_mailbox_answer(mail, request, 0);
			continue;
		}
		memset(&event, 0, sizeof(event));
		event.kind = MR_EV_REQUEST;
		event.received_ns = received_ns;
		event.message = &message;
		event.config = message.has_config ? &config : NULL;
		mr_lease_handle(worker, &event, mail);
	}
	if (mr_mailbox_take_proposal(&config))
	{
		MrLeaseEvent event;

		memset(&event, 0, sizeof(event));
		event.kind = MR_EV_PROPOSE;
		event.config = &config;
		mr_lease_handle(worker, &event, -1);
		tick(worker);
	}
	return any;
}

/* Loads the state file; without a good one the node stays fenced and says why. */
static void
load_state(MrLeaseWorker *worker)
{
	static MrDurable durable;
	const char *problem = NULL;
	MrStateFileResult result;

	worker->marked = mr_marker_present();
	memset(&worker->lease, 0, sizeof(worker->lease));
	if (!mr_state_directory_claim_late())
		problem = "the state directory is locked by another process";
	else
	{
		result = mr_state_file_read(mr_state_directory(), &durable, &problem);
		if (result == MR_STATE_IO_ERROR)
			problem = strerror(errno);
		else if (result == MR_STATE_OK && worker->marked && !mr_marker_matches(&durable.cluster))
			problem = "The state file belongs to another cluster than the data directory.";
	}
	mr_lease_start(&worker->lease, problem == NULL ? &durable : NULL,
				   mr_shared->nonce ^ ((uint64) MyProcPid << 32), mr_boottime_ns());
	worker->lease.bound = worker->marked;
	worker->changed = true;
	if (problem == NULL)
	{
		mr_shared->state_problem[0] = '\0';
		mr_event_push(MR_EVENT_STARTED, durable.term, durable.name, 0, 0, NULL);
		return;
	}
	strlcpy(mr_shared->state_problem, problem, sizeof(mr_shared->state_problem));
	ereport(WARNING, (errcode(ERRCODE_DATA_CORRUPTED),
					  errmsg("this node is fenced: its state file cannot be used"),
					  errdetail("Directory \"%s\": %s.", mr_state_directory(), problem),
					  errhint("Call multiregion.replace_node() on the primary, then restart "
							  "this server through multiregion-join.")));
}

/*
 * Sessions that have written end once the fence has been closed for a moment on
 * a live server: their transactions are refused already, now they reconnect.
 */
static void
end_sessions_when_fenced(MrLeaseWorker *worker)
{
	int64 now_ns = mr_boottime_ns();

	if (mr_fence_is_open() || RecoveryInProgress())
		worker->fenced_since_ns = 0;
	else if (worker->fenced_since_ns == 0)
		worker->fenced_since_ns = now_ns;
	else if (now_ns - worker->fenced_since_ns >= MR_END_SESSIONS_NS)
		mr_fence_end_sessions();
}

/*
 * The elected node replays what it has before it may write. A query that replay waits for
 * would keep the service down for max_standby_streaming_delay, or for ever: its session is
 * ended, as those of all that are in a transaction, for what holds replay up is theirs.
 */
static void
end_readers_of_promotion(MrLeaseWorker *worker)
{
	int64 now_ns = mr_boottime_ns();
	int count = 0;

	if (worker->lease.role != MR_ROLE_LEADER || !worker->lease.bound || !RecoveryInProgress() ||
		!mr_replay_waits_for_sessions())
	{
		worker->held_up_ns = 0;
		return;
	}
	if (worker->held_up_ns == 0)
		worker->held_up_ns = now_ns;
	if (now_ns - worker->held_up_ns < MR_HELD_UP_NS)
		return;
	worker->held_up_ns = now_ns;
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		const PGPROC *proc = &ProcGlobal->allProcs[i];
		int pid = proc->pid;

		if (pid == 0 || proc == MyProc || !MR_PROC_IS_CLIENT(proc) ||
			!OidIsValid(proc->databaseId) || MR_PROC_LXID(proc) == InvalidLocalTransactionId)
			continue;
		kill(pid, SIGTERM);
		count++;
	}
	if (count > 0)
		ereport(LOG, (errmsg("multiregion: ended the transactions of %d sessions", count),
					  errdetail("Replay waited for one of them, and the promotion of this node "
								"for replay.")));
}

/* A smart shutdown waits for sessions; a peer that is talking hears of it and goes itself. */
static void
end_idle_peers(const MrLeaseWorker *worker)
{
	int64 heartbeat_ns = worker->lease.durable.config.policy.heartbeat_ms * MR_NS_PER_MS;

	if (worker->server_stopping)
		mr_peer_sessions_end_idle(Max(3 * heartbeat_ns, MR_IDLE_PEER_NS));
}

/* Told to end, while nothing is known to have befallen the server. */
static bool
is_told_alone(const MrLeaseWorker *worker)
{
	return worker->told_to_end && !worker->server_stopping && !worker->server_dead;
}

static void
wait_for_something(MrLeaseWorker *worker, bool mail_open)
{
	WaitEventSet *set = MR_CREATE_WAIT_EVENT_SET(MR_MAX_MEMBERS + 2);
	WaitEvent events[MR_MAX_MEMBERS + 2];
	int64 now_ns = mr_boottime_ns();
	int64 until_ns = mr_lease_wakeup(&worker->lease, now_ns);
	int count;
	int i;

	if ((mail_open || is_told_alone(worker) ||
		 (worker->stop_wanted_ns != 0 && !worker->stop_requested)) &&
		until_ns > now_ns + MR_DEFER_NS)
		until_ns = now_ns + MR_DEFER_NS;
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	if (!worker->server_dead)
		AddWaitEventToSet(set, WL_POSTMASTER_DEATH, PGINVALID_SOCKET, NULL, NULL);
	(void) mr_links_add_to_set(worker, set);
	count = WaitEventSetWait(set, (long) ((until_ns - now_ns + MR_NS_PER_MS - 1) / MR_NS_PER_MS),
							 events, lengthof(events), PG_WAIT_EXTENSION);
	for (i = 0; i < count; i++)
		if (events[i].events & WL_POSTMASTER_DEATH)
			worker->server_dead = true;
	FreeWaitEventSet(set);
	ResetLatch(MyLatch);
	if (got_sigterm)
	{
		if (!worker->told_to_end)
			worker->told_ns = mr_boottime_ns();
		worker->told_to_end = true;
		/* What tidies up after a killed postmaster must not be quicker than the news of it. */
		worker->server_dead = worker->server_dead || !PostmasterIsAlive();
	}
}

/*
 * Leaving "manage" opens the fence. While others hold elections that makes two primaries,
 * so a node that is bound keeps its ceiling until it is started anew; the way out for the
 * whole cluster is multiregion.set_mode().
 */
static void
take_ceiling(const MrLeaseWorker *worker)
{
	uint32 before = pg_atomic_read_u32(&mr_shared->ceiling);

	if (before == MR_MODE_MANAGE && mr_mode != MR_MODE_MANAGE &&
		pg_atomic_read_u32(&mr_shared->managed) != 0 && worker->lease.bound &&
		mr_config_count_members(&worker->lease.durable.config) != 1)
	{
		ereport(WARNING, (errmsg("multiregion.mode stays \"%s\" until this server is restarted",
								 mr_mode_name((int) before)),
						  errdetail("It is a member of a cluster whose other nodes rely on its "
									"fence."),
						  errhint("multiregion.set_mode() changes the mode of the whole cluster "
								  "without a restart.")));
		return;
	}
	pg_atomic_write_u32(&mr_shared->ceiling, (uint32) mr_mode);
	mr_lease_publish_mode(worker);
}

static void
reload_settings(const MrLeaseWorker *worker)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	take_ceiling(worker);
}

/* Puts down the state of a life that is over, so that init() can begin another. */
static void
forget_life(MrLeaseWorker *worker)
{
	memset(&worker->lease, 0, sizeof(worker->lease));
	mr_state_directory_release_late();
	mr_shared_publish_lease(&worker->lease);
}

/* Who was woken in this turn has looked at the copy before, and is woken again. */
static void
publish(MrLeaseWorker *worker)
{
	if (worker->changed)
	{
		mr_shared_publish_lease(&worker->lease);
		if (mr_changes_generation() != worker->told)
			mr_changes_note();
	}
	worker->changed = false;
	worker->told = mr_changes_generation();
}

/* One managed life: until the server becomes unmanaged, or the process ends. */
static void
run(MrLeaseWorker *worker)
{
	load_state(worker);
	while (mr_worker_is_member())
	{
		bool mail_open;

		reload_settings(worker);
		mail_open = take_mail(worker);
		mr_links_pump(worker);
		tick(worker);
		mr_links_pump(worker);
		if (worker->lease.handover >= MR_HANDOVER_FENCED &&
			(worker->told_to_end || worker->lease.ordered) && !worker->server_dead &&
			!RecoveryInProgress())
			mr_fence_flush_commits();
		mr_lease_heed_removed_wal(worker);
		mr_lease_stop_server(worker);
		end_sessions_when_fenced(worker);
		end_readers_of_promotion(worker);
		end_idle_peers(worker);
		publish(worker);

		/*
		 * pg_terminate_backend? A signal to all processes of a service may reach this one
		 * before the postmaster has heeded it, or has died of it. Else come back as a new boot.
		 */
		if (is_told_alone(worker) && mr_boottime_ns() >= worker->told_ns + MR_TOLD_NS)
			proc_exit(1);
		if (!worker->lease.loaded && (worker->told_to_end || worker->server_dead))
			proc_exit(0);
		wait_for_something(worker, mail_open);
	}
	mr_links_close_all(worker);
	forget_life(worker);
}

/*
 * A member that only observes has no marker: its state file alone says what it is. One that
 * is bound needs both, and without its marker is a copy of something, or not yet made.
 */
static void
find_observer(MrLeaseWorker *worker)
{
	static MrDurable durable;
	const char *problem;

	if (pg_atomic_read_u32(&mr_shared->managed) != 0 || !IsPostmasterEnvironment ||
		IsBinaryUpgrade || access(mr_state_directory(), F_OK) != 0)
		return;
	if (!mr_state_directory_claim_late())
	{
		ereport(LOG, (errmsg("multiregion: the state directory \"%s\" is in use: this server "
							 "takes no part",
							 mr_state_directory())));
		return;
	}
	if (mr_state_file_read(mr_state_directory(), &durable, &problem) == MR_STATE_OK &&
		!mr_config_binds(&durable.config))
		mr_managed_activate(false);
	else
		mr_state_directory_release_late();
}

void
mr_lease_main(Datum argument)
{
	MrLeaseWorker *worker = MemoryContextAllocZero(TopMemoryContext, sizeof(MrLeaseWorker));

	pqsignal(SIGTERM, handle_sigterm);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	before_shmem_exit(forget_procno, (Datum) 0);
	pg_atomic_write_u64(&mr_shared->deadline_ns, 0);
	pg_atomic_write_u32(&mr_shared->lease_procno, (uint32) MR_MY_PROCNO);
	/* The worker before may have ended while leave() was under way. */
	if (pg_atomic_read_u32(&mr_shared->managed) == 0)
		forget_life(worker);
	find_observer(worker);
	while (!got_sigterm)
	{
		if (mr_worker_is_member())
			run(worker);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 60000L,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		reload_settings(worker);
	}
	proc_exit(1); /* to be started again, should only this process be told to end */
}
