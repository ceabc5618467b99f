/*
 * Changes that only the primary can make, from the sidecar of any region.
 *
 * The members are tried in turn, the one that the local node takes for the primary first,
 * until one makes the change, refuses it for a reason of its own, or the time is over. A
 * member that says it is not the primary has done nothing, so another one may be asked; a
 * member that took the statement and was lost may have done it, so nobody else is.
 */
#ifndef MR_PRIMARY_H
#define MR_PRIMARY_H

#include "sidecar/mr_database_pool.h"
#include "sidecar/mr_settings.h"
#include "sidecar/mr_status.h"

#define MR_PRIMARY_WRITES 256 /* waiting or under way */

typedef enum MrWriteOutcome
{
	MR_WRITE_DONE,     /* committed and acknowledged */
	MR_WRITE_REFUSED,  /* the primary says no, and why: result is its error */
	MR_WRITE_NOT_DONE, /* nobody made the change, and nobody will */
	MR_WRITE_UNKNOWN   /* it may have been made, or may still be */
} MrWriteOutcome;

/* Lives until the callback returns. */
typedef struct MrWriteAnswer
{
	MrWriteOutcome outcome;
	const PGresult *result; /* DONE: rows; REFUSED: the error; else NULL */
	const char *token;      /* DONE: where the commit lies; NULL if that could not be learnt */
} MrWriteAnswer;

typedef void (*MrWriteCallback)(void *arg, const MrWriteAnswer *answer);

typedef struct MrPrimaryMember
{
	bool used;
	char name[MR_NAME_SIZE]; /* empty: the local node of no cluster */
	int64_t avoid_until_ns;  /* it did not answer, which took its time */
	char problem[200];       /* last one logged */
	MrTarget target;
	MrPool pool;
} MrPrimaryMember;

struct MrPrimary;

typedef struct MrWrite
{
	struct MrWrite *next;
	struct MrPrimary *primary;
	MrPoolQuery *query;
	int64_t deadline_ns;
	uint32_t tried; /* members, by bit, in this round */
	int member;     /* being tried */
	int64_t began_ns;
	bool pausing; /* between two rounds */
	bool due;     /* for the next one */
	MrWriteCallback callback;
	void *arg;
} MrWrite;

typedef struct MrPrimary
{
	const MrStatus *status;
	const MrTarget *local; /* the local node, resolved */
	const MrSettings *settings;
	MrPrimaryMember members[MR_MAX_MEMBERS];
	uint64_t member_reads; /* of the status, when the members were taken from it */
	bool fresh;            /* they are those of settings and status */
	bool stopping;
	int last_good; /* member that made the last change; -1 = none */
	MrWrite *writes;
	int count;
	struct event *timer;       /* runs while there are writes */
	char leader[MR_NAME_SIZE]; /* the primary as the status last had it */
} MrPrimary;

/* Status and local target must outlive it. False without memory. */
extern bool mr_primary_open(MrPrimary *primary, struct event_base *base, const MrStatus *status,
							const MrTarget *local);

/* Goes on with these settings, at the latest before the first write. */
extern void mr_primary_set(MrPrimary *primary, const MrSettings *settings);

/*
 * Makes one change: a single statement of the query, whose timeout is the whole time. False,
 * and no callback will come, when too many wait already or memory is out.
 */
extern bool mr_primary_write(MrPrimary *primary, const MrPoolQuery *query, MrWriteCallback callback,
							 void *arg);

/* Ends every write, answers it, and frees everything. */
extern void mr_primary_close(MrPrimary *primary);

#endif /* MR_PRIMARY_H */
