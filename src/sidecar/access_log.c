/*
 * The access log; see mr_access_log.h.
 *
 * Whoever reads standard output may be slow, and a write to a full pipe would stop the
 * loop: lines wait in a buffer, only as much is written as is taken, and what does not
 * fit is counted and dropped. It must never block, and never show a query (it may hold
 * what is nobody's business) or an Authorization header. Called by front.c and serve.c.
 */
#include "sidecar/mr_access_log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "adapters/mr_json.h"
#include "sidecar/mr_log.h"
#include "sidecar/mr_loop.h"

#define FLUSH_MS 50
#define WAITING_MAX (256 * 1024) /* bytes that may wait for the reader */
#define CHUNK 4096               /* a pipe that takes anything takes as much */
#define TURNS 64                 /* chunks at a time */

static struct
{
	MrAccessLevel level;
	struct evbuffer *waiting;
	struct event *timer;
	uint64_t dropped; /* since that was told last */
} log_state;

/* Writes at most a chunk without waiting; its bytes, 0 if nothing is taken now, -1 if never. */
static ssize_t
write_chunk(void)
{
	size_t length = evbuffer_get_length(log_state.waiting);
	struct pollfd reader = {.fd = STDOUT_FILENO, .events = POLLOUT};
	const unsigned char *bytes;
	ssize_t count;

	if (length > CHUNK)
		length = CHUNK;
	bytes = evbuffer_pullup(log_state.waiting, (ev_ssize_t) length);
	if (bytes == NULL)
		return -1;
	count = send(STDOUT_FILENO, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (count < 0 && errno == ENOTSOCK)
	{
		if (poll(&reader, 1, 0) != 1 || (reader.revents & POLLOUT) == 0)
			return (reader.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 ? -1 : 0;
		count = write(STDOUT_FILENO, bytes, length);
	}
	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return count;
}

static void
flush_lines(void)
{
	int i;

	for (i = 0; i < TURNS && evbuffer_get_length(log_state.waiting) > 0; i++)
	{
		ssize_t count = write_chunk();

		if (count == 0)
			break;
		/* Nobody reads any more: the lines are lost, and the program goes on. */
		(void) evbuffer_drain(log_state.waiting, count > 0 ? (size_t) count : SIZE_MAX);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	(void) arg;
	flush_lines();
	if (evbuffer_get_length(log_state.waiting) > 0)
		mr_loop_arm(log_state.timer, FLUSH_MS);
	else if (log_state.dropped > 0)
	{
		mr_log(MR_LOG_WARNING, "%" PRIu64 " lines of the access log were lost: its reader is slow",
			   log_state.dropped);
		log_state.dropped = 0;
	}
}

bool
mr_access_log_open(struct event_base *base)
{
	memset(&log_state, 0, sizeof(log_state));
	log_state.waiting = evbuffer_new();
	log_state.timer = evtimer_new(base, on_timer, NULL);
	return log_state.waiting != NULL && log_state.timer != NULL;
}

void
mr_access_log_set(MrAccessLevel level)
{
	log_state.level = level;
}

static const char *
text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The line of an answer without its end, to be freed; NULL without memory. */
static char *
make_line(const MrRequest *request, int status, size_t bytes)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);
	char time[MR_TIMESTAMP_SIZE];

	mr_loop_format_time(mr_loop_wall_ms(), time);
	mr_json_add_string(&json, root, "time", time);
	mr_json_add_string(&json, root, "id", request->id);
	mr_json_add_string(&json, root, "client", text_or_null(request->client));
	mr_json_add_string(&json, root, "identity", text_or_null(request->identity));
	mr_json_add_string(&json, root, "user", text_or_null(request->user));
	mr_json_add_string(&json, root, "method",
					   request->method < MR_METHOD_COUNT ? mr_method_name(request->method) : NULL);
	mr_json_add_string(&json, root, "path", request->path);
	mr_json_add_string(&json, root, "route", request->route != NULL ? request->route->path : NULL);
	mr_json_add_integer(&json, root, "status", status);
	mr_json_add_integer(&json, root, "bytes", (int64_t) bytes);
	mr_json_add_real(&json, root, "durationMs",
					 (double) ((mr_loop_now_ns() - request->began_ns) / 1000) / 1000.0);
	mr_json_add_string(&json, root, "userAgent", mr_request_find_header(request, "User-Agent"));
	return mr_json_end(&json);
}

void
mr_access_log_add(const MrRequest *request, int status, size_t bytes)
{
	char *line;

	if (log_state.level == MR_ACCESS_OFF || (log_state.level == MR_ACCESS_ERRORS && status < 400))
		return;
	if (evbuffer_get_length(log_state.waiting) >= WAITING_MAX)
	{
		log_state.dropped++;
		return;
	}
	line = make_line(request, status, bytes);
	if (line != NULL)
		(void) evbuffer_add_printf(log_state.waiting, "%s\n", line);
	free(line);
	if (!evtimer_pending(log_state.timer, NULL))
		mr_loop_arm(log_state.timer, FLUSH_MS);
}

void
mr_access_log_close(void)
{
	if (log_state.waiting != NULL)
	{
		flush_lines();
		evbuffer_free(log_state.waiting);
	}
	if (log_state.timer != NULL)
		event_free(log_state.timer);
	memset(&log_state, 0, sizeof(log_state));
}
