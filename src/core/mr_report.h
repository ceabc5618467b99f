/*
 * What nodes tell each other about themselves, their logs and the past: the parts that
 * messages (mr_message.h) are made of.
 */
#ifndef MR_REPORT_H
#define MR_REPORT_H

#include "core/mr_limits.h"

/* Bits of MrReport.flags. */
#define MR_REPORT_IN_RECOVERY 0x0001
#define MR_REPORT_STANDBY 0x0002 /* standby.signal existed at start */
#define MR_REPORT_WAL_END_KNOWN 0x0004
#define MR_REPORT_STOPPING 0x0008   /* shutting down: close your sessions */
#define MR_REPORT_STREAMING 0x0010  /* its walreceiver streams from its leader */
#define MR_REPORT_DOWN 0x0020       /* set by the leader: its monitor marked the node down */
#define MR_REPORT_ELIGIBLE 0x0040   /* nothing local stands against its promotion by order */
#define MR_REPORT_LEASE_OPEN 0x0080 /* holds the lease and acknowledges writes */
#define MR_REPORT_DIVERGED 0x0100   /* waits to be rewound */
#define MR_REPORT_REACHABLE \
	0x0200 /* set by the leader: it answers its heartbeats; reserved, read by nobody */
#define MR_REPORT_WOULD_LEAD 0x0400 /* only observes, else it would have been promoted */

/* What a node knows of its own log. */
typedef struct MrReport
{
	uint64_t log_term; /* newest leadership whose WAL it holds */
	MrLsn wal_end;     /* end of valid WAL on its disk */
	MrLsn replay_lsn;  /* replayed up to here; = wal_end on a primary */
	uint32_t timeline; /* of wal_end */
	uint32_t flags;
	uint8_t refusal; /* MrRefusal: why it could not be promoted now; 0 = it could */
} MrReport;

/* The mark every leadership leaves: WAL past (timeline, lsn) belongs to term. */
typedef struct MrStamp
{
	uint64_t term; /* 0 = no stamp */
	MrUuid node;
	uint32_t timeline;
	MrLsn lsn; /* where the leadership's own WAL begins */
} MrStamp;

/* A released leadership: proof that its lease is dead. */
typedef struct MrReleased
{
	uint64_t term; /* 0 = none */
	MrUuid holder;
	uint64_t nonce;
	uint8_t cause;  /* MrCause of the hand-over */
	MrLsn need_lsn; /* no commit it acknowledged ends past this byte; 0 = unknown */
} MrReleased;

/* An unplanned failover: the term it began, and when, by the wall clock of its leader. */
typedef struct MrFailoverMark
{
	uint64_t term; /* 0 = none */
	int64_t wall_ms;
} MrFailoverMark;

/* A member as the leader sees it, repeated in every grant. */
typedef struct MrPeerReport
{
	uint8_t slot;
	uint32_t age_ms; /* since the leader heard it */
	uint32_t round_trip_us;
	MrReport report;
} MrPeerReport;

#endif /* MR_REPORT_H */
