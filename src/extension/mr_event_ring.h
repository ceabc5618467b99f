/*
 * Events of this server, until the monitor of a primary has written them into the table.
 * Part of mr_shared_state.h; the ring is in its struct.
 */
#ifndef MR_EVENT_RING_H
#define MR_EVENT_RING_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "core/mr_limits.h"

#define MR_EVENT_RING 256
#define MR_EVENT_DETAIL 200

/* One line for multiregion.event, until a primary's monitor has recorded it. */
typedef struct MrEventRecord
{
	uint64 sequence; /* 1.. in this boot; 0 = empty */
	TimestampTz at;
	int kind; /* MrEventKind */
	uint64 term;
	char subject[MR_NAME_SIZE];   /* node or region it is about; may be empty */
	int refusal;                  /* MrRefusal (or MrCause for lease_acquired) */
	int64 value;                  /* meaning by kind: bytes, ms, LSN */
	char detail[MR_EVENT_DETAIL]; /* never holds a connection string */
} MrEventRecord;

/*
 * Records an event in the ring and in the server log. Safe in any process with
 * shared memory, takes no heavyweight lock. subject and detail may be NULL.
 */
extern void mr_event_push(int kind, uint64 term, const char *subject, int refusal, int64 value,
						  const char *detail);

/* Copies up to max events with sequence > after, oldest first; returns the count. */
extern int mr_event_read(uint64 after, MrEventRecord *out, int max);

#endif /* MR_EVENT_RING_H */
