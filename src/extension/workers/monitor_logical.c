/*
 * Logical replication slots that survive a failover (PostgreSQL 17 and later).
 *
 * PostgreSQL copies the slots of the primary to the standbys (sync_replication_slots), and
 * holds a subscriber back until the standbys of synchronized_standby_slots have what it
 * is to get. That list is kept here, on every node: with a standby in it that is gone, no
 * subscriber would get anything; with one missing that could be elected, a subscriber
 * could be ahead of the next primary. An election goes to the most advanced member of a
 * majority of the voters: so whoever streams is listed, and always enough voters for one
 * of them to be in every majority.
 *
 * A standby lists all other members, for the moment in which it becomes the primary, and
 * drops what it kept from a time as primary. Does nothing unless sync_replication_slots
 * is on. Called by monitor_worker.c.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "port/pg_bitutils.h"
#include "utils/guc.h"

#include "extension/mr_catalog_slot.h"
#include "extension/workers/mr_monitor.h"

#define MR_LOGICAL_NS MR_NS_PER_S
#define MR_LEFTOVERS_NS (10 * MR_NS_PER_S)

/* Silent so long, a member is gone; it may be heard and stream again after a pause. */
#define MR_SILENT_NS (2 * MR_NS_PER_S)
#define MR_PAUSE_NS (10 * MR_NS_PER_S)

/* This process' own: nobody else is told. */
static int64 next_logical_ns = 0;
static int64 next_leftovers_ns = 0;
static int64 streamed_ns[MR_MAX_MEMBERS]; /* when a member was last seen to stream from here */

static const char list_setting[] = "synchronized_standby_slots";

static bool
is_on(const char *setting)
{
	const char *value = GetConfigOption(setting, true, false);

	return value != NULL && strcmp(value, "on") == 0;
}

/* Bits of the members that have a slot here, and in *streaming those that use it. */
static uint32
read_slots(const MrMonitor *monitor, uint32 *streaming)
{
	MrCatalogSlot *slots = palloc(2 * MR_MAX_MEMBERS * sizeof(MrCatalogSlot));
	int count = mr_catalog_read_slots(slots, 2 * MR_MAX_MEMBERS);
	uint32 present = 0;

	*streaming = 0;
	for (int i = 0; i < count; i++)
	{
		int member = mr_config_slot_of(MR_MONITOR_CONFIG(monitor), &slots[i].member);

		if (member == MR_NO_SLOT || !mr_monitor_is_peer(monitor, member) || slots[i].lost)
			continue;
		present |= UINT32_C(1) << member;
		if (slots[i].active)
			*streaming |= UINT32_C(1) << member;
	}
	return present;
}

/* On the primary: those that stream, or did a moment ago and are still heard. */
static uint32
members_with_us(const MrMonitor *monitor, uint32 streaming)
{
	uint32 with_us = streaming;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if ((streaming & (UINT32_C(1) << slot)) != 0)
			streamed_ns[slot] = monitor->now_ns;
		else if (monitor->now_ns - monitor->lease->peers[slot].heard_ns < MR_SILENT_NS &&
				 monitor->now_ns - streamed_ns[slot] < MR_PAUSE_NS)
			with_us |= UINT32_C(1) << slot;
	}
	return with_us;
}

/* True if every majority of the voters has this node or one of those listed. */
static bool
covers_majorities(const MrMonitor *monitor, uint32 listed)
{
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);
	uint32 others = config->voters & ~(listed | UINT32_C(1) << monitor->lease->self);

	return config->voters_old == 0 && pg_popcount32(others) <= pg_popcount32(config->voters) / 2;
}

static char *
list_of(const MrMonitor *monitor, uint32 listed)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		char name[MR_SLOT_NAME_SIZE];

		if ((listed & (UINT32_C(1) << slot)) == 0)
			continue;
		mr_catalog_slot_name(&MR_MONITOR_CONFIG(monitor)->members[slot].uuid, name);
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", name);
	}
	return text.data;
}

/* ALTER SYSTEM, which is no statement for a transaction. */
static void
set_list(char *value)
{
	AlterSystemStmt *statement = makeNode(AlterSystemStmt);
	A_Const *constant = makeNode(A_Const);

	constant->val.sval.type = T_String;
	constant->val.sval.sval = value;
	constant->location = -1;
	statement->setstmt = makeNode(VariableSetStmt);
	statement->setstmt->kind = VAR_SET_VALUE;
	statement->setstmt->name = pstrdup(list_setting);
	statement->setstmt->args = list_make1(constant);
	AlterSystemSetConfigFile(statement);
	kill(PostmasterPid, SIGHUP);
	ereport(LOG, (errmsg("multiregion: set %s to \"%s\"", list_setting, value)));
}

/* Whom a subscriber waits for; all while too few are there, and it waits for them. */
static uint32
members_to_list(const MrMonitor *monitor)
{
	uint32 streaming;
	uint32 present = read_slots(monitor, &streaming);
	uint32 with_us;

	if (RecoveryInProgress())
		return present;
	with_us = members_with_us(monitor, streaming) & present;
	return covers_majorities(monitor, with_us) ? with_us : present;
}

static void
keep_list(const MrMonitor *monitor)
{
	char *value = list_of(monitor, members_to_list(monitor));

	if (strcmp(GetConfigOption(list_setting, false, false), value) != 0)
		set_list(value);
}

void
mr_monitor_logical(MrMonitor *monitor)
{
	if (!monitor->acts || monitor->now_ns < next_logical_ns || !is_on("sync_replication_slots") ||
		!is_on("allow_alter_system") || !mr_monitor_begin(monitor))
		return;
	if (RecoveryInProgress() && monitor->now_ns >= next_leftovers_ns)
	{
		mr_catalog_drop_leftover_slots();
		next_leftovers_ns = monitor->now_ns + MR_LEFTOVERS_NS;
	}
	keep_list(monitor);
	mr_monitor_end(monitor);
	next_logical_ns = monitor->now_ns + MR_LOGICAL_NS;
}
