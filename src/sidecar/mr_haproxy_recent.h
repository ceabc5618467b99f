/*
 * Tenants that changed since the big map was made: what HAProxy's small map holds, which
 * goes before the big one. Bounded.
 */
#ifndef MR_HAPROXY_RECENT_H
#define MR_HAPROXY_RECENT_H

#include <stddef.h>
#include <stdint.h>

#define MR_HAPROXY_RECENT_MAX 20000

/*
 * With as many, the big map is made anew: while that is being done, as many again find room.
 * Also how many changes are taken at once (MR_SQL_ROUTE_CHANGES has one more).
 */
#define MR_HAPROXY_RECENT_MANY 10000

typedef struct MrHaproxyEntry
{
	struct MrHaproxyEntry *chain; /* next in the bucket */
	uint64_t round;               /* making of the big map during which it came */
	char *value;
	char key[];
} MrHaproxyEntry;

typedef struct MrHaproxyRecent
{
	size_t count;
	uint64_t seed;
	MrHaproxyEntry *buckets[4096];
} MrHaproxyRecent;

typedef enum MrHaproxyPut
{
	MR_HAPROXY_PUT_SAME,    /* HAProxy has it already */
	MR_HAPROXY_PUT_NEW,     /* to be added */
	MR_HAPROXY_PUT_CHANGED, /* to be set */
	MR_HAPROXY_PUT_FULL     /* no room, or no memory */
} MrHaproxyPut;

/* Makes it ready. */
extern void mr_haproxy_recent_init(MrHaproxyRecent *recent);

/* Puts a tenant's value in, or over the one it has. */
extern MrHaproxyPut mr_haproxy_recent_put(MrHaproxyRecent *recent, const char *key,
										  const char *value, uint64_t round);

/* Forgets those that came before a round; 0 and UINT64_MAX: none and all of them. */
extern void mr_haproxy_recent_forget(MrHaproxyRecent *recent, uint64_t round);

/* Calls back for each entry. */
extern void mr_haproxy_recent_each(const MrHaproxyRecent *recent,
								   void (*act)(const MrHaproxyEntry *entry, void *arg), void *arg);

#endif /* MR_HAPROXY_RECENT_H */
