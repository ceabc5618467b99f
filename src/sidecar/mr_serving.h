/*
 * Whether this region can serve, decided from the last copy and its age. Pure.
 */
#ifndef MR_SERVING_H
#define MR_SERVING_H

#include "sidecar/mr_status.h"

/* X(symbol, reason, serves): the reason of /api/health */
#define MR_SERVING_LIST(X) \
	X(MR_SERVING_PRIMARY, "writable_primary", true) \
	X(MR_SERVING_STANDBY, "standby_of_leader", true) \
	X(MR_SERVING_UNMANAGED, "unmanaged", true) \
	X(MR_SERVING_DISABLED, "disabled", false) \
	X(MR_SERVING_DRAINING, "draining", false) \
	X(MR_SERVING_NO_STATUS, "no_status_yet", false) \
	X(MR_SERVING_UNREACHABLE, "database_unreachable", false) \
	X(MR_SERVING_TOO_OLD, "status_too_old", false) \
	X(MR_SERVING_STOPPING, "server_stopping", false) \
	X(MR_SERVING_PROMOTING, "promoting", false) \
	X(MR_SERVING_FENCED, "fenced", false) \
	X(MR_SERVING_NO_LEADER, "no_leader", false)

#define MR_SERVING_ENUM(symbol, reason, serves) symbol,
typedef enum MrServing
{
	MR_SERVING_LIST(MR_SERVING_ENUM) MR_SERVING_COUNT
} MrServing;
#undef MR_SERVING_ENUM

/* What the sidecar knows beside the copy. */
typedef struct MrServingInput
{
	bool enabled;   /* ENABLE_MULTI_REGION, or a database to be watched without it */
	bool alone;     /* ENABLE_MULTI_REGION is not true: a server of no cluster is all there is */
	bool draining;  /* this program is about to stop */
	bool connected; /* the watcher reads the local database */
	int64_t age_ms; /* of the copy */
	int64_t stale_after_ms;
} MrServingInput;

/* The verdict on this region, for /api/health. */
extern MrServing mr_serving_judge(const MrServingInput *input, const MrStatus *status);

/* Word of a verdict, and whether the region can serve with it. */
extern const char *mr_serving_reason(MrServing serving);
extern bool mr_serving_is_good(MrServing serving);

/* What the local node is, as the copy has it. */
extern MrPart mr_serving_part(const MrStatus *status);

/* Verdict on the database as a whole. */
typedef enum MrVerdict
{
	MR_VERDICT_HEALTHY,
	MR_VERDICT_DEGRADED, /* works, but something is not as it should be */
	MR_VERDICT_DOWN      /* no writes anywhere, or nothing is known here */
} MrVerdict;

/* Word of a verdict: healthy, degraded, down. */
extern const char *mr_verdict_name(MrVerdict verdict);

/*
 * /api/regions/health/database: down while the local database cannot be read or no
 * primary is known to accept writes; degraded while a node is not healthy.
 */
extern MrVerdict mr_serving_database(const MrServingInput *input, const MrStatus *status);

/*
 * /api/regions/health/failover: down without a primary; degraded when nobody could take
 * over, or automatic failover is switched off.
 */
extern MrVerdict mr_serving_failover(const MrServingInput *input, const MrStatus *status);

#endif /* MR_SERVING_H */
