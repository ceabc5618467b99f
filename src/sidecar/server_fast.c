/*
 * The short way of a request that came before (mr_server_memo.h): from the bytes of a
 * connection to the bytes of its answer, past evhttp, which sees that nothing came in.
 *
 * It is taken only where evhttp waits for the first byte of a request: nothing has come
 * in since the last one was complete (server_guard.c knows), and no answer waits to be
 * sent. It must never be taken under TLS, nor while the server drains, nor for a part of
 * what a client sends. Called by server.c and service_hot.c.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "sidecar/mr_loop.h"
#include "sidecar/mr_request_id.h"
#include "sidecar/mr_server_internal.h"

/* What has just come in and may be a whole request: until the next bytes of anybody. */
static struct
{
	uint64_t number; /* of all there were */
	int fd;
	size_t length;
	char bytes[MR_MEMO_BYTES];
} candidate;

void
mr_server_set_recall(MrServer *server, MrServerRecall recall, void *arg)
{
	server->recall = recall;
	server->recall_arg = arg;
}

void
mr_server_forget(MrServer *server, bool fast)
{
	mr_memo_clear(server->memo);
	server->fast = fast;
}

/* Tells the observer of an answer that has no request of evhttp's. */
static void
tell(MrServer *server, const MrRoute *route, int64_t began_ns, const char *id, int status,
	 size_t bytes)
{
	MrRequest request;

	if (server->observer == NULL)
		return;
	memset(&request, 0, sizeof(request));
	request.server = server;
	request.method = MR_METHOD_GET;
	request.path = route->path;
	request.route = route;
	request.began_ns = began_ns;
	memcpy(request.id, id, strlen(id) + 1);
	server->observer(&request, status, bytes, server->observer_arg);
}

bool
mr_server_fast(MrServer *server, struct bufferevent *connection, struct evbuffer *input)
{
	size_t length = evbuffer_get_length(input);
	int fd = bufferevent_getfd(connection);
	int64_t began_ns = mr_loop_now_ns();
	char id[MR_REQUEST_ID_SIZE];
	char answer[MR_FAST_BYTES];
	MrRecalled recalled;
	const MrRoute *route;
	const char *bytes;
	ssize_t sent;

	candidate.length = 0;
	if (!server->fast || server->draining || length > MR_MEMO_BYTES || !mr_guard_is_idle(fd) ||
		evbuffer_get_length(bufferevent_get_output(connection)) > 0)
		return false;
	bytes = (const char *) evbuffer_pullup(input, (ev_ssize_t) length);
	if (bytes == NULL)
		return false;
	route = mr_memo_find(server->memo, bytes, length);
	if (route != NULL)
	{
		mr_request_id_make(id, sizeof(id));
		if (server->recall(route, id, answer, sizeof(answer), &recalled, server->recall_arg))
		{
			sent = send(fd, answer, recalled.length, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (sent < 0 && (errno == EAGAIN || errno == EINTR))
				return false;
			(void) evbuffer_drain(input, length);
			/* Who lets answers pile up until nothing fits has no claim to more of them. */
			if (sent < (ssize_t) recalled.length)
				(void) shutdown(fd, SHUT_RDWR);
			tell(server, route, began_ns, id, recalled.status, recalled.body);
			return true;
		}
	}
	candidate.number++;
	candidate.fd = fd;
	candidate.length = length;
	memcpy(candidate.bytes, bytes, length);
	return false;
}

void
mr_server_note(MrRequest *request, int fd, size_t length)
{
	if (candidate.length > 0 && candidate.fd == fd && candidate.length == length)
		request->came_alone = candidate.number;
}

/* Headers that change nothing in an answer of ours; all others may. */
static bool
is_harmless(const struct evkeyval *header)
{
	static const char *const names[] = {"Host", "User-Agent", "Accept", "Accept-Encoding",
										"Accept-Language"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(header->key, names[i]) == 0)
			return true;
	return strcasecmp(header->key, "Connection") == 0 &&
		   strcasecmp(header->value, "keep-alive") == 0;
}

void
mr_request_remember(const MrRequest *request)
{
	const struct evkeyval *header;

	if (request->came_alone != candidate.number || candidate.length == 0 ||
		!request->server->fast || request->method != MR_METHOD_GET || request->encrypted ||
		request->query != NULL || request->http->minor != 1)
		return;
	TAILQ_FOREACH(header, evhttp_request_get_input_headers(request->http), next)
	if (!is_harmless(header))
		return;
	mr_memo_add(request->server->memo, candidate.bytes, candidate.length, request->route);
}
