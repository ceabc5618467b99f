/*
 * Feeds the local HAProxy: its maps (tenant to region, country to region) and the states of
 * its servers, over the runtime socket.
 *
 * The big map (tenants.map) is only ever replaced as a whole, by HAProxy's transactions. What
 * changes meanwhile goes into the small one (recent.map), which HAProxy asks first. So
 * neither a change nor a restart of either side shows a half-filled map, no tenant is kept in
 * memory here but those that changed, and a change costs HAProxy little however many there are.
 */
#ifndef MR_HAPROXY_H
#define MR_HAPROXY_H

#include "sidecar/mr_settings.h"
#include "sidecar/mr_watcher.h"

typedef struct MrHaproxy MrHaproxy;

/* How HAProxy's maps are, for a metric. */
typedef enum MrHaproxyState
{
	MR_HAPROXY_OFF,     /* nothing is to be fed */
	MR_HAPROXY_WAITING, /* no database, or no HAProxy */
	MR_HAPROXY_FILLING, /* a whole map is on its way; HAProxy has the last one */
	MR_HAPROXY_CURRENT,
	MR_HAPROXY_FULL /* more tenants than there is room for; HAProxy has the last whole map */
} MrHaproxyState;

typedef struct MrHaproxyReport
{
	MrHaproxyState state;
	int64_t tenants; /* in the big map */
	int64_t recent;  /* in the small one */
	int64_t skipped; /* tenants whose ids no map can hold */
	int64_t fills;   /* how often a whole map was committed */
} MrHaproxyReport;

/* Begins to feed; NULL without memory. settings and watcher live longer than it. */
extern MrHaproxy *mr_haproxy_open(struct event_base *base, const MrSettings *settings,
								  const MrWatcher *watcher);

/* Goes on with other settings; connects anew. */
extern void mr_haproxy_set(MrHaproxy *haproxy, const MrSettings *settings);

/* How it is; NULL is off. */
extern void mr_haproxy_report(const MrHaproxy *haproxy, MrHaproxyReport *report);

/* Word of a state. */
extern const char *mr_haproxy_state_name(MrHaproxyState state);

/* Stops and frees; NULL is fine. */
extern void mr_haproxy_close(MrHaproxy *haproxy);

#endif /* MR_HAPROXY_H */
