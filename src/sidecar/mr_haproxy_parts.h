/*
 * What the feed of HAProxy (mr_haproxy_feed.h) consists of: a map's content, a map being
 * made, commands, its two other connections.
 */
#ifndef MR_HAPROXY_PARTS_H
#define MR_HAPROXY_PARTS_H

#include "sidecar/mr_haproxy_socket.h"
#include "sidecar/mr_settings.h"

typedef enum MrHaproxyMap
{
	MR_HAPROXY_TENANTS,
	MR_HAPROXY_RECENT,
	MR_HAPROXY_COUNTRIES,
	MR_HAPROXY_MAPS
} MrHaproxyMap;

/* What a map was made to hold. */
typedef struct MrHaproxyContent
{
	int64_t entries;
	uint64_t digest;
	int64_t version; /* HAProxy's number of it; -1 = not known yet */
} MrHaproxyContent;

struct MrHaproxy;

typedef void (*MrHaproxyStep)(struct MrHaproxy *haproxy);

typedef struct MrHaproxyCommand
{
	struct MrHaproxyCommand *next;
	size_t length;
	char text[];
} MrHaproxyCommand;

/* A map being made. */
typedef struct MrHaproxyFill
{
	bool active;
	int64_t version; /* HAProxy's; -1 until it has said */
	MrHaproxyContent content;
	int64_t skipped;
	char cursor[256]; /* last tenant that was read */
} MrHaproxyFill;

/* A command that takes long, on a connection of its own. */
typedef struct MrHaproxySlow
{
	MrHaproxySocket socket;
	MrHaproxyStep then; /* when it is over, in a later turn; NULL: there is none */
	bool over;
	char command[MR_HAPROXY_FOLDER_MAX + 80];
	char refusal[200]; /* empty: it was done */
} MrHaproxySlow;

/* Compares what HAProxy holds with what it was given, on a connection of its own. */
typedef struct MrHaproxyCheck
{
	MrHaproxySocket socket;
	struct event *timer;
	MrHaproxyMap map; /* being read */
	MrHaproxyContent seen;
	uint64_t changes; /* of the feed, when the reading began */
} MrHaproxyCheck;

#endif /* MR_HAPROXY_PARTS_H */
