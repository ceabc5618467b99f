/*
 * Commands that take HAProxy long, on a connection of their own: with a map's new version it
 * throws a million entries of the old one away before it answers, and changes must not wait
 * for that. One at a time, within a fill; what comes next is done in a later turn. It must
 * never act in the middle of one. Called by haproxy_fill.c and haproxy_feed.c.
 */
#include "sidecar/mr_haproxy_feed.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MS 60000

static void
on_socket(void *arg, MrHaproxyNews news, const char *text)
{
	MrHaproxy *haproxy = arg;
	MrHaproxySlow *slow = &haproxy->slow;

	switch (news)
	{
		case MR_HAPROXY_CONNECTED:
			mr_haproxy_socket_send(&slow->socket, slow->command, strlen(slow->command), ANSWER_MS);
			break;
		case MR_HAPROXY_LINE:
			if (slow->refusal[0] == '\0')
				snprintf(slow->refusal, sizeof(slow->refusal), "%s", text);
			break;
		case MR_HAPROXY_DONE:
			mr_haproxy_socket_close(&slow->socket);
			slow->over = true;
			break;
		case MR_HAPROXY_LOST:
			mr_haproxy_drop(haproxy, text);
			break;
	}
}

bool
mr_haproxy_slow_open(MrHaproxy *haproxy)
{
	return mr_haproxy_socket_init(&haproxy->slow.socket, haproxy->base, on_socket, haproxy);
}

void
mr_haproxy_slow_run(MrHaproxy *haproxy, MrHaproxyStep then, const char *format, ...)
{
	MrHaproxySlow *slow = &haproxy->slow;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(slow->command, sizeof(slow->command), format, arguments);
	va_end(arguments);
	slow->then = then;
	slow->over = false;
	slow->refusal[0] = '\0';
	mr_haproxy_socket_connect(&slow->socket, haproxy->settings->haproxy, ANSWER_MS);
	mr_haproxy_end_turn(haproxy);
}

bool
mr_haproxy_slow_goes_on(MrHaproxy *haproxy)
{
	MrHaproxySlow *slow = &haproxy->slow;
	MrHaproxyStep then = slow->then;

	if (then == NULL)
		return false;
	if (!slow->over)
	{
		mr_haproxy_end_turn(haproxy);
		return true;
	}
	slow->then = NULL;
	haproxy->failed = slow->refusal[0] != '\0';
	snprintf(haproxy->answer, sizeof(haproxy->answer), "%s", slow->refusal);
	then(haproxy);
	return true;
}

void
mr_haproxy_slow_stop(MrHaproxy *haproxy)
{
	mr_haproxy_socket_close(&haproxy->slow.socket);
	haproxy->slow.then = NULL;
}

void
mr_haproxy_slow_close(MrHaproxy *haproxy)
{
	mr_haproxy_socket_free(&haproxy->slow.socket);
}
