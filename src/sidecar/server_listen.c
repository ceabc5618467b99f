/*
 * Where the HTTP server listens: addresses of TCP and paths of unix sockets. It must never
 * look up a name, nor take a path away from another program that listens there. Called by
 * serve.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/http.h>

#include "sidecar/mr_log.h"
#include "sidecar/mr_server_internal.h"

#define LISTEN_QUEUE 1024
#define SOCKET_MODE 0660

static bool
is_digits(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/*
 * Accepted sockets inherit it. A long answer leaves in pieces, and its last one, which is not
 * full, would wait for the client's delayed acknowledgement: 40 ms.
 */
static void
send_at_once(struct evconnlistener *listener)
{
	int on = 1;

	(void) setsockopt(evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Turns one ADDRESS:PORT into a socket address; its length, or 0. */
static socklen_t
parse_address(const char *text, struct sockaddr_storage *out)
{
	char numeric[128];
	int length = (int) sizeof(*out);
	const char *colon = strrchr(text, ':');

	if (colon == NULL || !is_digits(colon + 1))
		return 0;
	if (strncmp(text, "localhost:", 10) == 0)
		snprintf(numeric, sizeof(numeric), "127.0.0.1%s", colon);
	else if (strncmp(text, "*:", 2) == 0)
		snprintf(numeric, sizeof(numeric), "0.0.0.0%s", colon);
	else
		snprintf(numeric, sizeof(numeric), "%s", text);
	memset(out, 0, sizeof(*out));
	if (evutil_parse_sockaddr_port(numeric, (struct sockaddr *) out, &length) != 0)
		return 0;
	return (socklen_t) length;
}

/* Turns a path into a socket address; its length, or 0. */
static socklen_t
parse_path(const char *path, struct sockaddr_storage *out)
{
	struct sockaddr_un *address = (struct sockaddr_un *) out;

	memset(out, 0, sizeof(*out));
	if (path[0] != '/' || strlen(path) >= sizeof(address->sun_path))
		return 0;
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, strlen(path) + 1);
	return (socklen_t) sizeof(*address);
}

/* Removes a socket that a program left behind which is gone; nothing else. */
static void
remove_left_behind(const struct sockaddr_un *address)
{
	struct stat status;
	int fd;
	bool dead;

	if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	dead = connect(fd, (const struct sockaddr *) address, sizeof(*address)) != 0 &&
		   errno == ECONNREFUSED;
	close(fd);
	if (dead)
		(void) unlink(address->sun_path);
}

static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void) listener;
	(void) arg;
	mr_log(MR_LOG_WARNING, "could not accept a connection: %s", strerror(errno));
	mr_guard_exhausted();
}

/* Listens on a socket address, for connections of a kind. */
static bool
listen_on(MrServer *server, MrDoorKind kind, const struct sockaddr_storage *address,
		  socklen_t length)
{
	struct evhttp *http = server->doors[kind].http;
	unsigned int flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
	MrListener *entry = &server->listeners[server->listener_count];

	if (address->ss_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	if (address->ss_family == AF_UNIX)
		remove_left_behind((const struct sockaddr_un *) address);
	else
		flags |= LEV_OPT_REUSEABLE;
	entry->listener = evconnlistener_new_bind(server->base, NULL, NULL, flags, LISTEN_QUEUE,
											  (const struct sockaddr *) address, (int) length);
	if (entry->listener == NULL)
		return false;
	entry->http = http;
	entry->bound = evhttp_bind_listener(http, entry->listener);
	if (entry->bound == NULL)
	{
		evconnlistener_free(entry->listener);
		errno = ENOMEM;
		return false;
	}
	evconnlistener_set_error_cb(entry->listener, on_accept_error);
	send_at_once(entry->listener);
	if (address->ss_family == AF_UNIX)
	{
		snprintf(entry->path, sizeof(entry->path), "%s",
				 ((const struct sockaddr_un *) address)->sun_path);
		(void) chmod(entry->path, SOCKET_MODE);
	}
	server->listener_count++;
	return true;
}

/* The kind of what one word of the list says; *rest is what follows the prefix. */
static MrDoorKind
kind_of(const char *text, const char **rest)
{
	static const struct
	{
		const char *prefix;
		MrDoorKind kind;
	} prefixes[] = {{"unix:", MR_DOOR_UNIX}, {"https://", MR_DOOR_TLS}, {"http://", MR_DOOR_TCP}};
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
	{
		size_t length = strlen(prefixes[i].prefix);

		*rest = text + length;
		if (strncmp(text, prefixes[i].prefix, length) == 0)
			return prefixes[i].kind;
	}
	*rest = text;
	return MR_DOOR_TCP;
}

/* Listens where one word of the list says. */
static bool
listen_at(MrServer *server, const char *text, char *problem, size_t size)
{
	const char *rest;
	MrDoorKind kind = kind_of(text, &rest);
	struct sockaddr_storage address;
	socklen_t length =
		kind == MR_DOOR_UNIX ? parse_path(rest, &address) : parse_address(rest, &address);

	if (length == 0 || server->listener_count == MR_LISTENERS)
	{
		snprintf(problem, size,
				 "\"%s\" is not a numeric ADDRESS:PORT, https://ADDRESS:PORT or unix:/PATH, or the "
				 "list is too long",
				 text);
		return false;
	}
	if (kind == MR_DOOR_TLS && server->tls == NULL)
	{
		snprintf(problem, size, "%s needs MULTIREGION_HTTP_TLS_CERT and MULTIREGION_HTTP_TLS_KEY",
				 text);
		return false;
	}
	if (!listen_on(server, kind, &address, length))
	{
		snprintf(problem, size, "could not listen on %s: %s", text, strerror(errno));
		return false;
	}
	mr_log(MR_LOG_INFO, "listening on %s%s", rest == text ? "http://" : "", text);
	return true;
}

bool
mr_server_listen(MrServer *server, const char *addresses, char *problem, size_t size)
{
	char *copy = strdup(addresses);
	char *rest = NULL;
	char *text;
	bool good = copy != NULL;

	for (text = good ? strtok_r(copy, ", ", &rest) : NULL; text != NULL && good;
		 text = strtok_r(NULL, ", ", &rest))
		good = listen_at(server, text, problem, size);
	free(copy);
	if (good && server->listener_count == 0)
		snprintf(problem, size, "no address is given");
	return good && server->listener_count > 0;
}

void
mr_server_stop_listening(MrServer *server)
{
	int i;

	for (i = 0; i < server->listener_count; i++)
	{
		MrListener *entry = &server->listeners[i];

		evhttp_del_accept_socket(entry->http, entry->bound);
		if (entry->path[0] != '\0')
			(void) unlink(entry->path);
	}
	server->listener_count = 0;
}
