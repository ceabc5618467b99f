/*
 * Performs what a step of the protocol decided, in its order.
 *
 * A state that cannot be persisted ends the process, fenced: nothing that rests
 * on it may leave. Called by lease_worker.c.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "storage/ipc.h"

#include "adapters/mr_state_file.h"
#include "extension/mr_commits.h"
#include "extension/mr_fence.h"
#include "extension/mr_followers.h"
#include "extension/mr_gate.h"
#include "extension/mr_mailbox.h"
#include "extension/mr_managed.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_lease_worker.h"

#define MR_SEVER_TIMEOUT_MS 200
#define MR_WALSENDER_PATIENCE_MS 1000
#define MR_STOP_AGAIN_NS (8 * MR_NS_PER_S)
#define MR_WAL_GONE_NS (3 * MR_NS_PER_S)
#define MR_ANSWER_NS (2 * MR_NS_PER_S)
#define MR_SEND_NS (200 * MR_NS_PER_MS)

void
mr_lease_publish_mode(const MrLeaseWorker *worker)
{
	uint32 ceiling = pg_atomic_read_u32(&mr_shared->ceiling);
	bool bound = worker->lease.loaded ? worker->lease.bound : mr_marker_present();
	uint32 mode = ceiling;

	if (pg_atomic_read_u32(&mr_shared->managed) != 0 && !bound)
		mode = Min(ceiling, MR_MODE_OBSERVE);
	if (pg_atomic_exchange_u32(&mr_shared->mode, mode) != mode)
		mr_changes_note();
}

/* Fenced first, then marked, then in the file: a crash in between leaves a node that is bound. */
static void
become_bound(MrLeaseWorker *worker)
{
	mr_lease_publish_mode(worker);
	if (worker->marked)
		return;
	if (!mr_marker_write(&worker->lease.durable.cluster))
	{
		pg_atomic_write_u64(&mr_shared->deadline_ns, 0);
		ereport(FATAL, (errcode_for_file_access(),
						errmsg("could not write file \"%s\": %m", MR_MARKER_FILE)));
	}
	worker->marked = true;
}

/* And the other way round. A marker that stays would fence the next start for a moment. */
static void
become_free(MrLeaseWorker *worker)
{
	if (worker->lease.bound)
		return;
	if (worker->marked && !mr_marker_remove())
		ereport(WARNING, (errcode_for_file_access(),
						  errmsg("could not remove file \"%s\": %m", MR_MARKER_FILE)));
	worker->marked = false;
	mr_lease_publish_mode(worker);
}

/* leave() has set the file aside, if this one took its place afterwards: else it comes after us. */
static void
leave_nothing(void)
{
	pg_memory_barrier();
	if (pg_atomic_read_u32(&mr_shared->managed) == 0 && !mr_state_file_retire(mr_state_directory()))
		ereport(WARNING,
				(errcode_for_file_access(),
				 errmsg("could not set the state file in \"%s\" aside: %m", mr_state_directory())));
}

static void
perform_persist(MrLeaseWorker *worker)
{
	if (worker->lease.bound)
		become_bound(worker);
	if (!mr_state_file_write(mr_state_directory(), &worker->lease.durable))
	{
		pg_atomic_write_u64(&mr_shared->deadline_ns, 0);
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not write the state file in \"%s\": %m", mr_state_directory()),
				 errdetail("This node is fenced until it can be written.")));
	}
	leave_nothing();
	become_free(worker);
}

static void
perform_deadline(MrLeaseWorker *worker, const MrAction *action)
{
	uint64 before = pg_atomic_read_u64(&mr_shared->deadline_ns);

	/* Who finds the fence open finds who leads, too. */
	if (before == 0 && action->time_ns != 0)
		mr_shared_publish_lease(&worker->lease);
	if (action->time_ns != 0)
		pg_atomic_write_u64(&mr_shared->lease_term, action->term);
	pg_atomic_write_u64(&mr_shared->deadline_ns, (uint64) action->time_ns);
	pg_memory_barrier();
	if ((before == 0) != (action->time_ns == 0))
		mr_changes_note();
}

static void
perform_reply(MrLeaseWorker *worker, const MrMessage *message, int mail)
{
	static uint8 buffer[MR_MESSAGE_SIZE];
	size_t length;

	if (mail < 0)
		return;
	length = mr_message_encode(message, &worker->lease.durable.config, buffer, sizeof(buffer));
	mr_mailbox_answer(mail, buffer, length);
}

static void
perform_open_gate(MrLeaseWorker *worker, const MrAction *action)
{
	const MrMember *leader = &worker->lease.durable.config.members[action->slot];
	char application[64];
	char option[64];
	char conninfo[MR_PG_PEER_SIZE_OF_CONNINFO];
	char slots[MR_PG_PEER_SIZE_OF_CONNINFO];

	memcpy(application, MR_FOLLOW_APPLICATION, sizeof(MR_FOLLOW_APPLICATION));
	mr_uuid_format(&worker->lease.durable.node, application + strlen(MR_FOLLOW_APPLICATION));
	snprintf(option, sizeof(option), "-c " MR_FOLLOW_TERM "=%llu",
			 (unsigned long long) action->term);
	if (!mr_pg_conninfo_build(leader->conninfo, leader->hostaddr, MR_PEER_USER, NULL, application,
							  conninfo, sizeof(conninfo)) ||
		!mr_pg_conninfo_build(leader->conninfo, leader->hostaddr, MR_PEER_USER, mr_database,
							  application, slots, sizeof(slots)))
		return;
	if (!worker->lease.bound)
		mr_gate_suggest(conninfo, slots);
	else if (mr_pg_conninfo_add_option(conninfo, sizeof(conninfo), option))
		mr_gate_open(conninfo, slots, action->term);
}

/*
 * A promotion takes the timeline the votes reserved. PostgreSQL takes the newest
 * one it finds plus one, so timelines that are reserved but unknown here get an
 * empty history file: it is nobody's child, and only keeps the number taken.
 */
static void
reserve_timelines(uint32 current, uint32 wanted)
{
	uint32 timeline;

	for (timeline = current + 1; timeline < wanted; timeline++)
	{
		static const char text[] = "# reserved by multiregion: another node's promotion\n";
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "pg_wal/%08X.history", timeline);
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
		if (fd < 0)
			continue;
		if (write(fd, text, sizeof(text) - 1) < 0)
			ereport(LOG,
					(errcode_for_file_access(), errmsg("could not write file \"%s\": %m", path)));
		close(fd);
	}
}

static void
perform_promote(MrLeaseWorker *worker, const MrAction *action)
{
	MrLocal local;
	int fd;

	mr_lease_observe(worker, &local);
	if (!local.standby)
		return;
	pg_atomic_write_u32(&mr_shared->promotion_told, 1);
	reserve_timelines(local.timeline, action->timeline);
	fd = open(PROMOTE_SIGNAL_FILE, O_CREAT | O_WRONLY, 0600);
	if (fd < 0)
	{
		ereport(LOG, (errcode_for_file_access(),
					  errmsg("could not create file \"%s\": %m", PROMOTE_SIGNAL_FILE)));
		return;
	}
	close(fd);
	kill(PostmasterPid, SIGUSR1);
}

/*
 * Fast shutdown first; immediate if that takes too long. The supervisor rejoins us. Who
 * gave the order that made another node the primary has a moment to read how it went, and
 * another one to send it.
 */
void
mr_lease_stop_server(MrLeaseWorker *worker)
{
	int64 now_ns = mr_boottime_ns();

	if (pg_atomic_read_u32(&mr_shared->order_waiters) > 0)
		worker->waiter_seen_ns = now_ns;
	if (worker->stop_wanted_ns == 0 || (now_ns < worker->waiter_seen_ns + MR_SEND_NS &&
										now_ns < worker->stop_wanted_ns + MR_ANSWER_NS))
		return;
	if (worker->stop_requested && now_ns < worker->stop_requested_ns + MR_STOP_AGAIN_NS)
		return;
	if (!worker->stop_requested)
		mr_event_push(MR_EVENT_SERVER_STOPPED, worker->lease.durable.term,
					  worker->lease.durable.name, 0, 0, NULL);
	/* with the WAL held nothing can be shut down properly, and nothing has to */
	kill(PostmasterPid, worker->stop_requested || mr_commits_wal_is_held() ? SIGQUIT : SIGINT);
	worker->stop_requested = true;
	worker->stop_requested_ns = now_ns;
}

/* What an observer would have done, in words; and what came instead. */
static const char *
describe_would(const MrLeaseWorker *worker, const MrAction *action)
{
	static char text[MR_EVENT_DETAIL];
	const MrWould *would = &worker->lease.would;
	const MrMember *members = worker->lease.durable.config.members;
	long long after_ms =
		would->heard_ns != 0 ? (long long) ((would->at_ns - would->heard_ns) / MR_NS_PER_MS) : -1;

	if (action->event == MR_EVENT_WOULD_FAIL_OVER)
		snprintf(text, sizeof(text),
				 "%s: \"%s\" would have taken over %lld ms after \"%s\" was last heard, without "
				 "%lld bytes of its WAL",
				 mr_cause_name(would->cause), worker->lease.durable.name, after_ms,
				 would->from_slot != MR_NO_SLOT ? members[would->from_slot].name : "",
				 (long long) would->lost_bytes);
	else
		snprintf(text, sizeof(text),
				 "\"%s\" is primary after %lld ms; multiregion would have had \"%s\" after %lld "
				 "ms, without %lld bytes",
				 action->slot != MR_NO_SLOT ? members[action->slot].name : "",
				 (long long) action->value, worker->lease.durable.name, after_ms,
				 (long long) would->lost_bytes);
	return text;
}

/*
 * A standby that asks for WAL the leader has removed asks for ever. It is said once; and
 * where multiregion-join may clone, and no archive can help, the server stops for that, a
 * moment later: the primary fetches the event before.
 */
void
mr_lease_heed_removed_wal(MrLeaseWorker *worker)
{
	int64 now_ns = mr_boottime_ns();
	bool misled = RecoveryInProgress() && mr_gate_is_misled();
	bool archive = recoveryRestoreCommand != NULL && recoveryRestoreCommand[0] != '\0';
	bool stops = mr_reclone == MR_RECLONE_AUTO && !archive;

	if (misled && worker->stop_wanted_ns == 0)
	{
		mr_event_push(MR_EVENT_DEAD_TIMELINE, worker->lease.durable.term,
					  worker->lease.durable.name, 0, (int64) GetXLogReplayRecPtr(NULL), NULL);
		worker->stop_wanted_ns = now_ns;
	}
	if (!RecoveryInProgress() || !mr_gate_wal_is_gone())
	{
		worker->wal_gone_ns = 0;
		return;
	}
	if (worker->wal_gone_ns == 0)
	{
		worker->wal_gone_ns = now_ns;
		mr_event_push(MR_EVENT_WAL_GONE, worker->lease.durable.term, worker->lease.durable.name, 0,
					  (int64) GetXLogReplayRecPtr(NULL),
					  stops     ? "the server stops and is cloned anew"
					  : archive ? "only the archive may still have it"
								: "it has to be cloned anew: multiregion-join --reclone=auto");
	}
	if (stops && worker->stop_wanted_ns == 0 && now_ns >= worker->wal_gone_ns + MR_WAL_GONE_NS)
		worker->stop_wanted_ns = now_ns;
}

static void
perform_event(MrLeaseWorker *worker, const MrAction *action)
{
	const char *subject = NULL;
	const char *detail = NULL;

	if (action->slot != MR_NO_SLOT)
		subject = worker->lease.durable.config.members[action->slot].name;
	if (action->event == MR_EVENT_LEASE_ACQUIRED || action->event == MR_EVENT_ORDER_ACCEPTED)
		detail = mr_cause_sentence(action->refusal);
	else if (action->event == MR_EVENT_WOULD_FAIL_OVER ||
			 action->event == MR_EVENT_OBSERVED_FAILOVER)
		detail = describe_would(worker, action);
	else if (action->event == MR_EVENT_MODE_CHANGED)
		detail = mr_mode_name((int) action->value);
	else if (action->refusal != 0)
		detail = mr_refusal_sentence(action->refusal);
	mr_event_push(action->event, action->term, subject, action->refusal, action->value, detail);
	if (action->event == MR_EVENT_AMNESIA && action->slot == worker->lease.self)
		ereport(WARNING, (errcode(ERRCODE_DATA_CORRUPTED),
						  errmsg("this node has no vote: its state file went back in time"),
						  errdetail("It may have forgotten votes and promises it gave since."),
						  errhint("Call multiregion.replace_node() on the primary, then restart "
								  "this server through multiregion-join.")));
	if (action->event == MR_EVENT_CONFIGURATION || action->event == MR_EVENT_LEADER_CHANGED ||
		action->event == MR_EVENT_LEASE_OPEN)
		mr_mailbox_wake_workers();
}

/*
 * The end of the process. Whoever still streams from us must not hang the shutdown;
 * and once a successor has the lease, nobody may receive more than it holds: the
 * shutdown's checkpoint would put them ahead of it.
 */
static void
perform_exit(MrLeaseWorker *worker, const MrAction *action)
{
	pg_atomic_write_u64(&mr_shared->deadline_ns, 0);
	mr_commits_hold_wal(false); /* the shutdown writes */
	mr_shared_publish_lease(&worker->lease);
	if (!worker->lease.bound)
	{
		/* nobody waits for an observer: what it has to say leaves with this, or not */
		mr_links_pump(worker);
		mr_links_close_all(worker);
		proc_exit(worker->server_dead ? 1 : 0);
	}
	mr_links_close_all(worker);
	if (!worker->server_dead && action->slot != MR_NO_SLOT)
		mr_fence_end_walsenders();
	else if (!worker->server_dead)
		mr_fence_end_silent_walsenders(MR_WALSENDER_PATIENCE_MS);
	proc_exit(worker->server_dead ? 1 : 0);
}

bool
mr_lease_perform(MrLeaseWorker *worker, const MrActions *actions, int mail)
{
	bool again = false;
	int i;

	for (i = 0; i < actions->count; i++)
	{
		const MrAction *action = &actions->list[i];

		switch (action->kind)
		{
			case MR_ACT_PERSIST:
				perform_persist(worker);
				break;
			case MR_ACT_DEADLINE:
				perform_deadline(worker, action);
				break;
			case MR_ACT_SEND:
				mr_links_queue(worker, action->slot, &actions->messages[action->message]);
				break;
			case MR_ACT_REPLY:
				perform_reply(worker, &actions->messages[action->message], mail);
				break;
			case MR_ACT_DEFER:
				break; /* stays in the mailbox, taken again on the next turn */
			case MR_ACT_SEVER:
				worker->sever_failed = !mr_gate_sever(MR_SEVER_TIMEOUT_MS);
				again = true;
				break;
			case MR_ACT_OPEN_GATE:
				perform_open_gate(worker, action);
				break;
			case MR_ACT_CLOSE_GATE:
				mr_gate_close();
				break;
			case MR_ACT_PROMOTE:
				perform_promote(worker, action);
				break;
			case MR_ACT_STOP_SERVER:
				if (worker->stop_wanted_ns == 0)
					worker->stop_wanted_ns = mr_boottime_ns();
				mr_lease_stop_server(worker);
				break;
			case MR_ACT_EXIT:
				perform_exit(worker, action);
				break;
			case MR_ACT_EVENT:
				perform_event(worker, action);
				break;
		}
	}
	worker->changed = true;
	return again;
}
