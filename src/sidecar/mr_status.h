/*
 * The last copy of what the local PostgreSQL knows: lease, members, regions, policy,
 * last failover. Filled by the watcher from SQL results, read by the endpoints.
 *
 * Texts point into the kept results, so a copy is as long-lived as the results in it. What
 * it says is never corrected, only dated: whoever answers from it adds its age.
 */
#ifndef MR_STATUS_H
#define MR_STATUS_H

#include <libpq-fe.h>

#include "core/mr_identifier.h"
#include "core/mr_names.h"
#include "sidecar/mr_status_server.h"

#define MR_STATUS_REGIONS 256 /* more are cut off, with a line in the log */
#define MR_UNKNOWN (-1)       /* of a number that SQL gave as null */

/* What a node or region does, in the words of the API. */
typedef enum MrPart
{
	MR_PART_UNKNOWN,
	MR_PART_PRIMARY,
	MR_PART_STANDBY
} MrPart;

typedef struct MrStatusNode
{
	const char *name;
	const char *region;
	MrPart part;
	MrHealth health;
	bool voter;
	bool eligible;      /* may be promoted */
	const char *reason; /* why not; may be NULL */
	int64_t lag_bytes;  /* MR_UNKNOWN */
	int64_t lag_ms;
	int64_t consecutive_failures;
	double round_trip_ms; /* negative = unknown */
	const char *wal_end;  /* NULL = unknown */
	const char *replay_lsn;
	int64_t timeline;
	const char *checked_at; /* ISO 8601; NULL = never */
} MrStatusNode;

typedef struct MrStatusRegion
{
	const char *key;
	const char *id;
	const char *name;
	bool has_place;
	double latitude;
	double longitude;
	int64_t priority;
	const char *api_endpoint; /* NULL if it has none */
	const char *cdn_endpoint;
} MrStatusRegion;

/* The results the texts belong to; one of each kind. */
typedef enum MrStatusPart
{
	MR_STATUS_LEASE, /* lease and members, one row a member */
	MR_STATUS_REGION,
	MR_STATUS_POLICY,
	MR_STATUS_FAILOVER,
	MR_STATUS_PLANS,   /* what people have ordered: a pause, a switchover to come */
	MR_STATUS_MEMBER,  /* how to reach them, one row each */
	MR_STATUS_SAMPLES, /* for metrics alone, one row a sample; mr_sample_sql.h */
	MR_STATUS_HISTORY, /* the same, of all failovers */
	MR_STATUS_PARTS
} MrStatusPart;

typedef struct MrStatus
{
	PGresult *results[MR_STATUS_PARTS];
	bool valid;           /* lease and members were read at least once */
	int64_t refreshed_ns; /* when they were read last, CLOCK_BOOTTIME */
	int64_t refreshed_wall_ms;

	bool managed;
	const char *node;   /* NULL if unmanaged */
	const char *region; /* NULL if unmanaged */
	bool in_recovery;
	int64_t epoch;            /* 0 if unmanaged */
	const char *primary_node; /* NULL if no leader is known */
	const char *primary_region;
	bool is_primary;
	bool writable;
	bool fenced;
	bool fenced_in; /* lease and fence are in force here: its mode is manage */
	bool stopping;
	int64_t lease_remaining_ms; /* MR_UNKNOWN */
	const char *reason;         /* may be NULL */
	int64_t generation;
	MrStatusForecast forecast;
	MrStatusServer server;
	MrStatusPlans plans;
	uint64_t reads;        /* how often anything was taken */
	uint64_t member_reads; /* how often MR_STATUS_MEMBER was taken */

	int node_count;
	MrStatusNode nodes[MR_MAX_MEMBERS];
	int region_count;
	MrStatusRegion regions[MR_STATUS_REGIONS];
} MrStatus;

/*
 * Takes over the result of a status query (statements in mr_catalog_sql.h) and reads it
 * into the copy. False, and the old copy stays, when it does not have the columns
 * expected; the result is freed.
 */
extern bool mr_status_take(MrStatus *status, MrStatusPart part, PGresult *result, int64_t now_ns,
						   int64_t wall_ms);

/* Value of a policy as text, or NULL; the unit is the policy's own. */
extern const char *mr_status_policy(const MrStatus *status, const char *name);

/* The region with this key, or NULL. */
extern const MrStatusRegion *mr_status_region(const MrStatus *status, const char *key);

/* Frees the results; the copy is empty and not valid afterwards. */
extern void mr_status_free(MrStatus *status);

/* A region as a whole. */
typedef struct MrRegionSummary
{
	MrPart part;
	MrHealth health;
	const MrStatusNode *best; /* the node that speaks for the region; NULL if it has none */
} MrRegionSummary;

/*
 * The best node of a region speaks for it: the primary, else the healthiest, else the
 * one least behind. Its health is up if one node is.
 */
extern void mr_status_summarize(const MrStatus *status, const char *region_key,
								MrRegionSummary *summary);

/* Words of the API: primary, standby, unknown; healthy, degraded, down, unknown. */
extern const char *mr_part_name(MrPart part);
extern const char *mr_health_word(MrHealth health);

#endif /* MR_STATUS_H */
