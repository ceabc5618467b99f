/*
 * What a node must never forget: the content of its state file.
 *
 * Written by the lease worker (extension) and, while the server is down, by
 * multiregion-join; both under the lock of the state directory. The encoding
 * carries a magic, a version and a CRC; a file that fails any check is
 * "damaged", never "empty".
 */
#ifndef MR_DURABLE_H
#define MR_DURABLE_H

#include "core/mr_message.h"

typedef struct MrDurable
{
	MrUuid cluster;
	MrUuid node; /* this node's identity */
	char name[MR_NAME_SIZE];
	char region[MR_NAME_SIZE];
	uint64_t sequence; /* grows with every write of the file */
	uint64_t term;     /* newest term seen */
	MrUuid voted_for;  /* holder of that term's vote, or of its grant */
	uint64_t voted_nonce;
	uint64_t log_term;        /* newest leadership whose WAL this node holds */
	MrStamp stamp;            /* newest stamp known; not yet held while > log_term */
	uint64_t rebuilding_term; /* > log_term: rewound or cloned, not caught up yet */
	uint32_t reserved_timeline;
	uint32_t max_lease_ms;  /* longest lease ever granted: the wait after a restart */
	uint64_t last_led_term; /* newest term this node led */
	MrLsn leader_lsn;       /* where the last leader was; behind by some megabytes at most */
	MrFailoverMark failovers[MR_FAILOVERS_KEPT]; /* newest first; every node has the same */
	bool amnesiac;                          /* the file went back in time: no vote until replaced */
	uint64_t peer_sequence[MR_MAX_MEMBERS]; /* by slot: to notice others going back */
	MrConfig config;
	uint8_t ndiscarded; /* members that this node's forced quorum left out (mr_forced.h) */
	MrUuid discarded[MR_MAX_MEMBERS];
} MrDurable;

/* Encodes into out[size]; the length, or 0 if it does not fit. */
extern size_t mr_durable_encode(const MrDurable *durable, uint8_t *out, size_t size);

/* Decodes. NULL when well, else why the file cannot be used. */
extern const char *mr_durable_decode(const uint8_t *in, size_t size, MrDurable *durable);

#endif /* MR_DURABLE_H */
