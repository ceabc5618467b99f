/*
 * The inside of the feed, shared by the haproxy_*.c that are its parts.
 */
#ifndef MR_HAPROXY_FEED_H
#define MR_HAPROXY_FEED_H

#include "sidecar/mr_haproxy.h"
#include "sidecar/mr_haproxy_parts.h"
#include "sidecar/mr_haproxy_recent.h"
#include "sidecar/mr_haproxy_socket.h"
#include "sidecar/mr_haproxy_text.h"
#include "sidecar/mr_link.h"

struct MrHaproxy
{
	struct event_base *base;
	const MrSettings *settings;
	const MrWatcher *watcher;
	MrLink link;
	MrHaproxySocket socket;
	struct event *timer; /* of the turns */
	bool ready;          /* the socket takes commands */

	MrHaproxyCommand *first; /* to be sent, one after the other */
	MrHaproxyCommand **last;
	char *batch; /* entries of a payload being gathered */
	size_t batch_length;
	char batch_head[MR_HAPROXY_FOLDER_MAX + 80];
	MrHaproxyStep then; /* when all are done, or the query is */
	bool failed;        /* one of the commands was refused; answer says how */
	char answer[200];
	void (*on_line)(struct MrHaproxy *haproxy, const char *line); /* NULL: a line is a refusal */

	char horizon[24]; /* changes from this transaction on may be unknown; empty: none is known */
	MrHaproxyRecent recent;
	uint64_t round;   /* number of the fill that began last */
	uint64_t changes; /* counts what is done to the maps */
	bool fill_wanted;
	bool recent_wanted; /* the small map is to be made anew */
	MrHaproxyFill fill;
	MrHaproxyContent content[MR_HAPROXY_MAPS];
	bool missing[MR_HAPROXY_MAPS]; /* HAProxy listed its maps, and not this one */
	bool maps_good;
	bool full;
	int64_t skipped;
	int64_t fills;
	int64_t pid; /* HAProxy's; -1 = not known */
	int64_t filled_ns;
	int64_t looked_ns;
	int64_t countries_ns;
	uint64_t zones;   /* digest of the strict ones that the big map is made by */
	uint64_t drained; /* regions, as bits, that are not to be used */
	MrHaproxyCheck check;
	MrHaproxySlow slow;
	char problem[256];
};

/* In haproxy_feed.c */

/* Adds a command, its newline included; printf format. */
extern void mr_haproxy_command(MrHaproxy *haproxy, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds an entry to what a command (head, without its newline) gives as payload. */
extern void mr_haproxy_add(MrHaproxy *haproxy, const char *head, const char *key,
						   const char *value);

/* Ends the payload. */
extern void mr_haproxy_add_end(MrHaproxy *haproxy);

/* Sends the commands; then is called when all are answered. */
extern void mr_haproxy_run(MrHaproxy *haproxy, MrHaproxyStep then);

/* Forgets the commands that were not sent. */
extern void mr_haproxy_forget(MrHaproxy *haproxy);

/*
 * Asks the database; then is called with rows in link.peer.result. value is $1, and $2 the
 * sidecar's region; NULL: the statement has neither.
 */
extern void mr_haproxy_ask(MrHaproxy *haproxy, const char *sql, const char *value,
						   MrHaproxyStep then);

/* Path of a map, as HAProxy calls it. */
extern const char *mr_haproxy_file(const MrHaproxy *haproxy, MrHaproxyMap map);

/* Keeps a problem, and logs it if it is a new one. NULL: there is none any more. */
extern void mr_haproxy_trouble(MrHaproxy *haproxy, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Closes the connection to HAProxy and comes back after a pause. */
extern void mr_haproxy_drop(MrHaproxy *haproxy, const char *why);

/* The next step of a turn, one per part; each calls the one after it when it is done. */
extern void mr_haproxy_changes(MrHaproxy *haproxy);   /* haproxy_change.c */
extern void mr_haproxy_look(MrHaproxy *haproxy);      /* haproxy_look.c */
extern void mr_haproxy_countries(MrHaproxy *haproxy); /* haproxy_fill.c */
extern void mr_haproxy_fill(MrHaproxy *haproxy);      /* haproxy_fill.c */
extern void mr_haproxy_end_turn(MrHaproxy *haproxy);  /* haproxy_feed.c */

/* In haproxy_check.c: the comparison. */
extern bool mr_haproxy_check_open(MrHaproxy *haproxy);
extern void mr_haproxy_check_stop(MrHaproxy *haproxy);
extern void mr_haproxy_check_close(MrHaproxy *haproxy);

/* In haproxy_slow.c: what takes long. */
extern bool mr_haproxy_slow_open(MrHaproxy *haproxy);

/* Sends a command, its newline included (printf format), and ends the turn. */
extern void mr_haproxy_slow_run(MrHaproxy *haproxy, MrHaproxyStep then, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* In a turn: true if there is one; then the turn was ended, or, if it is over, then called. */
extern bool mr_haproxy_slow_goes_on(MrHaproxy *haproxy);
extern void mr_haproxy_slow_stop(MrHaproxy *haproxy);
extern void mr_haproxy_slow_close(MrHaproxy *haproxy);

#endif /* MR_HAPROXY_FEED_H */
