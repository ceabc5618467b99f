/*
 * Replication slots: on every node, one for each other member, so that whoever leads
 * next still has the WAL that the others need.
 *
 * A slot is made when a member appears and dropped when it has left, with whoever still
 * streams from it. On the primary
 * walsenders move the slots. On a standby nobody streams from them, so this step moves
 * them: to what the member has reported, and never past the start of the standby's own
 * last restartpoint. That costs no disk (a standby keeps WAL from there on anyway), and
 * a member that has to be rewound after a takeover finds the WAL from the last
 * checkpoint before the fork.
 *
 * max_slot_wal_keep_size bounds what a silent member can hold back; a slot that was
 * lost that way is made anew, since it would turn the member away for good.
 *
 * Must never stop the rest of the monitor: it only uses SQL, and its errors leave it
 * alone for a while. Called by monitor_worker.c.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"

#include "extension/mr_catalog_slot.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_monitor.h"

#define MR_SLOTS_NS (10 * MR_NS_PER_S)

/* Also finds some of former members. */
#define MR_SLOTS_READ (2 * MR_MAX_MEMBERS)

/* How far a standby may move the slot of a member. */
static MrLsn
advance_to(const MrMonitor *monitor, int slot)
{
	XLogRecPtr restartpoint;
	TimeLineID timeline;
	MrLsn replayed = GetXLogReplayRecPtr(NULL);
	MrLsn reported = monitor->lease->peers[slot].report.wal_end;

	GetOldestRestartPoint(&restartpoint, &timeline);
	return Min(reported, Min(replayed, restartpoint));
}

/* Looks after one slot that exists; its member's bit goes into *present if it may stay. */
static void
keep(const MrMonitor *monitor, const MrCatalogSlot *slot, uint32 *present)
{
	int member = mr_config_slot_of(MR_MONITOR_CONFIG(monitor), &slot->member);
	bool wanted = member != MR_NO_SLOT && mr_monitor_is_peer(monitor, member);
	MrLsn target;

	if (slot->active && wanted)
	{
		*present |= UINT32_C(1) << member;
		return;
	}
	/* a former member knows nothing of it: nobody asks it any more */
	if (slot->active)
		mr_catalog_end_slot(&slot->member);
	if (!wanted || slot->lost)
	{
		mr_catalog_drop_slot(&slot->member);
		return;
	}
	*present |= UINT32_C(1) << member;
	if (!RecoveryInProgress() || slot->restart_lsn == 0)
		return;
	target = advance_to(monitor, member);
	if (target > slot->restart_lsn)
		mr_catalog_advance_slot(&slot->member, target);
}

static void
keep_all(const MrMonitor *monitor)
{
	MrCatalogSlot *slots = palloc(MR_SLOTS_READ * sizeof(MrCatalogSlot));
	int count = mr_catalog_read_slots(slots, MR_SLOTS_READ);
	uint32 present = 0;

	/* What frees something goes first: slots may be short. */
	for (int i = 0; i < count; i++)
		keep(monitor, &slots[i], &present);
	if (!monitor->acts)
		return; /* an observer makes none, but those of a managed time go on */
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &MR_MONITOR_CONFIG(monitor)->members[slot];

		if (mr_monitor_is_peer(monitor, slot) && !member->witness &&
			(present & (UINT32_C(1) << slot)) == 0)
			mr_catalog_create_slot(&member->uuid);
	}
}

void
mr_monitor_slots(MrMonitor *monitor)
{
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);
	bool changed = config->term != monitor->slots_config_term ||
				   config->version != monitor->slots_config_version;

	if (!monitor->watches || mr_monitor_is_witness(monitor) ||
		(!changed && monitor->now_ns < monitor->next_slots_ns) || !mr_monitor_begin(monitor))
		return;
	keep_all(monitor);
	mr_monitor_end(monitor);
	monitor->next_slots_ns = monitor->now_ns + MR_SLOTS_NS;
	monitor->slots_config_term = config->term;
	monitor->slots_config_version = config->version;
}
