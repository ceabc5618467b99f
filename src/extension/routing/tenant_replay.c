/*
 * Changes of tenants and regions that a standby replays; see mr_tenant_cache.h.
 *
 * A commit record names them (tenant_changes.c). They are in flux while the startup process
 * makes it visible. Called by redo.c in that process: no lock, no error, no memory.
 */
#include "postgres.h"

#include "access/rmgr.h"
#include "access/xact.h"
#include "access/xlogreader.h"
#include "storage/sinval.h"

#include "extension/mr_redo.h"
#include "extension/routing/mr_tenant_cache.h"

static bool in_flux = false; /* what the record under way changes */

static bool
is_commit(XLogReaderState *record)
{
	uint8 kind = XLogRecGetInfo(record) & XLOG_XACT_OPMASK;

	return XLogRecGetRmid(record) == RM_XACT_ID &&
		   (kind == XLOG_XACT_COMMIT || kind == XLOG_XACT_COMMIT_PREPARED);
}

/* Begins or ends what the record changes; returns whether that is anything. */
static bool
apply(XLogReaderState *record, bool ends)
{
	xl_xact_parsed_commit commit;
	bool any = false;

	ParseCommitRecord(XLogRecGetInfo(record), (xl_xact_commit *) XLogRecGetData(record), &commit);
	for (int i = 0; i < commit.nmsgs; i++)
	{
		const SharedInvalidationMessage *message = &commit.msgs[i];
		uint32 change = message->rc.relId - MR_CHANGE_FIRST_OID;

		if (message->id != SHAREDINVALRELCACHE_ID || message->rc.relId < MR_CHANGE_FIRST_OID ||
			change >= MR_CHANGES)
			continue;
		any = true;
		if (ends)
			mr_change_end(change, true);
		else
			mr_change_begin(change);
	}
	return any;
}

static void
before(XLogReaderState *record)
{
	in_flux = is_commit(record) && apply(record, false);
}

static void
after(XLogReaderState *record)
{
	if (in_flux)
		(void) apply(record, true);
	in_flux = false;
}

void
mr_tenant_replay_install(void)
{
	mr_redo_watch(before, after);
}
