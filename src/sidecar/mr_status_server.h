/*
 * Of the last copy: the local server itself, and what people have planned, and
 * what a failover would cost; see mr_status.h.
 */
#ifndef MR_STATUS_SERVER_H
#define MR_STATUS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

/* The local server itself; numbers are MR_UNKNOWN, texts NULL where they mean nothing. */
typedef struct MrStatusServer
{
	const char *started_at; /* of the postmaster */
	const char *identifier; /* of the database system */
	int64_t version;
	int64_t timeline;
	int64_t location; /* of a primary: end of its WAL */
	int64_t received; /* of a standby */
	int64_t replayed;
	const char *replayed_at; /* commit that was replayed last */
	bool replay_paused;
	bool streaming; /* its walreceiver has a connection */
} MrStatusServer;

/* A pause of the whole cluster, and the next switchover that waits for its time. */
typedef struct MrStatusPlans
{
	bool paused;
	const char *switchover_at; /* ISO 8601; NULL: none */
	const char *switchover_to; /* region or node; NULL: any */
} MrStatusPlans;

/* What would happen if the primary died now; multiregion.failover_forecast(). */
typedef struct MrStatusForecast
{
	const char *successor; /* node; NULL: nobody, reason says why */
	const char *region;
	int64_t outage_ms; /* MR_UNKNOWN */
	int64_t commits_at_risk;
	int64_t bytes_at_risk;
	const char *reason;
} MrStatusForecast;

#endif /* MR_STATUS_SERVER_H */
