/*
 * Errors of reads that would not see what they should; docs/errors.md explains them.
 */
#include "postgres.h"

#include "extension/consistency/mr_consistency.h"
#include "extension/consistency/mr_position.h"
#include "extension/mr_functions.h"

static void
raise_timeout(const MrToken *token, int64 waited_ms)
{
	const char *primary = mr_primary_region();
	MrPosition position;

	mr_position_look(&position);
	ereport(ERROR,
			(errcode(MR_ERRCODE_STALE),
			 errmsg("this standby has not replayed what the session must see"),
			 errdetail("It is at %X/%X, wanted is %X/%X; it was waited for %lld ms.",
					   LSN_FORMAT_ARGS(position.lsn), LSN_FORMAT_ARGS(token->lsn),
					   (long long) waited_ms),
			 primary[0] != '\0' ? errhint("Read from the primary, which is in region %s, or with "
										  "multiregion.on_timeout = stale.",
										  primary)
								: errhint("Read from the primary, or with "
										  "multiregion.on_timeout = stale.")));
}

void
mr_raise_unless_reached(MrWaitResult result, const MrToken *token, int64 waited_ms)
{
	switch (result)
	{
		case MR_WAIT_REACHED:
			return;
		case MR_WAIT_TIMEOUT:
			raise_timeout(token, waited_ms);
			break;
		case MR_WAIT_DIVERGED:
			ereport(ERROR,
					(errcode(MR_ERRCODE_DIVERGED),
					 errmsg("the commit that the session must see is not in this history"),
					 errdetail("It ended at %X/%X on timeline %u, which was left before that: a "
							   "failover has lost it.",
							   LSN_FORMAT_ARGS(token->lsn), token->timeline),
					 errhint("Look whether the change is there, and repeat it if not; then forget "
							 "the token (RESET multiregion.wait_for).")));
			break;
		case MR_WAIT_CONFLICT:
			ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
							errmsg("gave the wait for replay up: replay waits for this session"),
							errdetail("It holds a snapshot or a lock that a record to be replayed "
									  "conflicts with."),
							errhint("Run the transaction again, and wait before anything is read "
									"in it.")));
			break;
	}
}
