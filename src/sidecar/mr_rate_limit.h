/*
 * How often a client may ask for changes: a bucket for each client that fills with time.
 *
 * A client is an address; of IPv6 the first 64 bits, since whoever has one has all of
 * these. The table has a fixed size: where it is full, whoever asked longest ago is
 * forgotten, who has a full bucket by then or soon. Pure but for the table.
 */
#ifndef MR_RATE_LIMIT_H
#define MR_RATE_LIMIT_H

#include <stdint.h>

#define MR_RATE_BURST_S 10 /* a client that was silent may ask for so many seconds' worth at once */

typedef struct MrRateLimit MrRateLimit;

/* Makes an empty table; NULL without memory. */
extern MrRateLimit *mr_rate_limit_open(void);

/*
 * Takes one of the client's requests, of which it has per_minute (0: no limit). Returns 0
 * if it may, else the milliseconds until it may again.
 */
extern int64_t mr_rate_limit_take(MrRateLimit *limit, const char *client, int64_t per_minute,
								  int64_t now_ns);

/* Frees the table. */
extern void mr_rate_limit_close(MrRateLimit *limit);

#endif /* MR_RATE_LIMIT_H */
