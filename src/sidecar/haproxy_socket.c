/*
 * HAProxy's runtime socket in its interactive mode: after each answer it shows "> ", which
 * is how an answer's end is known. It must never block, nor keep more of an answer than a
 * line. Called by haproxy_feed.c.
 */
#include "sidecar/mr_haproxy_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/buffer.h>

#include "sidecar/mr_loop.h"

#define LINE_MAX_BYTES 65536 /* longer than any line HAProxy writes */

static void
lose(MrHaproxySocket *socket, const char *why)
{
	mr_haproxy_socket_close(socket);
	socket->callback(socket->arg, MR_HAPROXY_LOST, why);
}

/* Whether all that is left is the prompt, which stands at the beginning of a line. */
static bool
take_prompt(struct evbuffer *input)
{
	char text[3];

	if (evbuffer_get_length(input) != 2 || evbuffer_copyout(input, text, 2) != 2 ||
		memcmp(text, "> ", 2) != 0)
		return false;
	(void) evbuffer_drain(input, 2);
	return true;
}

/* A payload is asked for by "+ " a line; that is no part of the answer. */
static const char *
without_plus(const char *line)
{
	while (strncmp(line, "+ ", 2) == 0)
		line += 2;
	return line;
}

static void
on_read(struct bufferevent *buffer, void *arg)
{
	MrHaproxySocket *socket = arg;
	struct evbuffer *input = bufferevent_get_input(buffer);
	char *line;

	while ((line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF)) != NULL)
	{
		const char *text = without_plus(line);

		if (text[0] != '\0' && socket->greeted)
			socket->callback(socket->arg, MR_HAPROXY_LINE, text);
		free(line);
		if (socket->buffer != buffer)
			return;
	}
	if (take_prompt(input))
	{
		MrHaproxyNews news = socket->greeted ? MR_HAPROXY_DONE : MR_HAPROXY_CONNECTED;

		event_del(socket->timer);
		socket->greeted = true;
		socket->callback(socket->arg, news, NULL);
	}
	else if (evbuffer_get_length(input) > LINE_MAX_BYTES)
		lose(socket, "an answer has a line without an end");
}

static void
on_event(struct bufferevent *buffer, short what, void *arg)
{
	(void) buffer;
	if (what & BEV_EVENT_ERROR)
		lose(arg, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	else if (what & BEV_EVENT_EOF)
		lose(arg, "the connection was closed");
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	MrHaproxySocket *socket = arg;

	(void) fd;
	(void) what;
	lose(socket,
		 socket->buffer == NULL ? "its runtime socket cannot be reached" : "no answer in time");
}

bool
mr_haproxy_socket_init(MrHaproxySocket *socket, struct event_base *base, MrHaproxyCallback callback,
					   void *arg)
{
	memset(socket, 0, sizeof(*socket));
	socket->base = base;
	socket->callback = callback;
	socket->arg = arg;
	socket->timer = evtimer_new(base, on_timer, socket);
	return socket->timer != NULL;
}

void
mr_haproxy_socket_connect(MrHaproxySocket *socket, const char *path, int64_t timeout_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	mr_haproxy_socket_close(socket);
	/* What fails at once is told from the loop. */
	mr_loop_arm(socket->timer, 0);
	if (strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path) + 1);
	socket->buffer =
		bufferevent_socket_new(socket->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (socket->buffer == NULL)
		return;
	bufferevent_setcb(socket->buffer, on_read, NULL, on_event, socket);
	if (bufferevent_socket_connect(socket->buffer, (struct sockaddr *) &address, sizeof(address)) <
			0 ||
		bufferevent_enable(socket->buffer, EV_READ | EV_WRITE) < 0 ||
		bufferevent_write(socket->buffer, "prompt\n", 7) < 0)
	{
		bufferevent_free(socket->buffer);
		socket->buffer = NULL;
		return;
	}
	mr_loop_arm(socket->timer, timeout_ms);
}

void
mr_haproxy_socket_send(MrHaproxySocket *socket, const char *command, size_t length,
					   int64_t timeout_ms)
{
	/* Without memory nothing is sent, and the deadline ends it. */
	(void) bufferevent_write(socket->buffer, command, length);
	mr_loop_arm(socket->timer, timeout_ms);
}

void
mr_haproxy_socket_close(MrHaproxySocket *socket)
{
	if (socket->timer != NULL)
		event_del(socket->timer);
	if (socket->buffer != NULL)
		bufferevent_free(socket->buffer);
	socket->buffer = NULL;
	socket->greeted = false;
}

void
mr_haproxy_socket_free(MrHaproxySocket *socket)
{
	mr_haproxy_socket_close(socket);
	if (socket->timer != NULL)
		event_free(socket->timer);
	socket->timer = NULL;
}
