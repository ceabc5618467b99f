/*
 * What the SQL functions share; see mr_functions.h.
 *
 * Reads shared memory, writes nothing. Called by functions/ *.c only.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "extension/mr_catalog_hook.h"
#include "extension/mr_fence.h"
#include "extension/mr_functions.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"

#define REASON_MAX 1000

void
mr_require_preloaded(void)
{
	if (mr_shared != NULL)
		return;
	if (mr_standalone)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server runs on its own: multiregion.standalone is on"),
						errhint("Set multiregion.standalone = off and restart.")));
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("multiregion is not preloaded"),
					errhint("Add multiregion to shared_preload_libraries and restart.")));
}

void
mr_require_writable(const char *function)
{
	const char *primary;

	if (!RecoveryInProgress())
	{
		PreventCommandIfReadOnly(function);
		/* Now, and not after a look at the network or in the middle of a change. */
		if (mr_shared != NULL)
			mr_fence_require_open();
		return;
	}
	primary = mr_primary_region();
	ereport(ERROR,
			(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
			 errmsg("cannot execute %s during recovery", function),
			 primary[0] != '\0' ? errhint("Run it on the primary, which is in region %s.", primary)
								: errhint("Run it on the primary.")));
}

char *
mr_optional_text(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

void
mr_require_reason(const char *reason)
{
	if (reason != NULL && strlen(reason) > REASON_MAX)
		ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
						errmsg("a reason has at most %d bytes", REASON_MAX)));
}

char *
mr_reason_argument(FunctionCallInfo fcinfo, int number)
{
	char *reason = mr_optional_text(fcinfo, number);

	mr_require_reason(reason);
	return reason;
}

char *
mr_text_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

void
mr_refuse_name(const char *what, const char *text, const char *problem)
{
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME), errmsg("invalid %s \"%s\"", what, text),
						errdetail("%s", problem)));
}

bool
mr_is_managed(void)
{
	return mr_shared != NULL && pg_atomic_read_u32(&mr_shared->managed) != 0;
}

MrLease *
mr_copy_lease(void)
{
	MrLease *lease;

	if (!mr_is_managed())
		return NULL;
	lease = palloc(sizeof(MrLease));
	if (mr_shared_read_lease(lease) && lease->loaded)
		return lease;
	pfree(lease);
	return NULL;
}

const char *
mr_veto_text(const MrLease *lease, int slot)
{
	char reason[MR_EVENT_DETAIL];

	if (slot != lease->self)
		return mr_catalog_veto_reason(lease->durable.config.members[slot].name);
	LWLockAcquire(mr_shared->monitor_lock, LW_SHARED);
	strlcpy(reason, mr_shared->hooks.veto_reason, sizeof(reason));
	LWLockRelease(mr_shared->monitor_lock);
	return reason[0] != '\0' ? pstrdup(reason) : NULL;
}

const char *
mr_refusal_text(const MrLease *lease, int slot, int refusal)
{
	const char *veto = refusal == MR_REFUSE_VETO ? mr_veto_text(lease, slot) : NULL;

	if (veto == NULL)
		return mr_refusal_sentence(refusal);
	return psprintf("%s: %s", mr_refusal_sentence(refusal), veto);
}

MrLease *
mr_require_lease(void)
{
	MrLease *lease;

	mr_require_preloaded();
	lease = mr_copy_lease();
	if (lease == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("this server is not managed by multiregion"),
			 mr_shared->state_problem[0] != '\0' ? errdetail("%s", mr_shared->state_problem) : 0,
			 errhint("Make it the first node of a cluster with multiregion.init(), or a member "
					 "with multiregion-join.")));
	return lease;
}

int
mr_leader_slot(const MrLease *lease)
{
	int slot = lease->leader;

	if (slot < 0 || slot >= MR_MAX_MEMBERS || !lease->durable.config.members[slot].used)
		return MR_NO_SLOT;
	return slot;
}

/* What routing asks for each request, kept until the protocol state changes. */
static struct
{
	bool valid;
	uint64 version; /* of the state it was taken from */
	char primary[MR_NAME_SIZE];
	char gateway[MR_NAME_SIZE];
} routing;

static void
refresh_routing(uint64 version)
{
	MrLease *lease = mr_copy_lease();
	int slot;

	routing.valid = false;
	routing.primary[0] = routing.gateway[0] = '\0';
	if (lease != NULL)
	{
		slot = mr_leader_slot(lease);
		if (slot == MR_NO_SLOT)
			slot = mr_config_slot_of(&lease->durable.config, &lease->durable.stamp.node);
		if (slot != MR_NO_SLOT)
			strlcpy(routing.primary, lease->durable.config.members[slot].region, MR_NAME_SIZE);
		strlcpy(routing.gateway, lease->durable.region, MR_NAME_SIZE);
		pfree(lease);
	}
	routing.version = version;
	routing.valid = true;
}

static void
look_at_routing(void)
{
	uint64 version;

	if (!mr_is_managed())
	{
		routing.valid = false;
		routing.primary[0] = routing.gateway[0] = '\0';
		return;
	}
	version = pg_atomic_read_u64(&mr_shared->lease_version);
	if (!routing.valid || routing.version != version)
		refresh_routing(version);
}

const char *
mr_primary_region(void)
{
	look_at_routing();
	return routing.primary;
}

const char *
mr_gateway_region(void)
{
	look_at_routing();
	return routing.gateway;
}
