/*
 * Resolves the host of the local database; see mr_target.h. Most set-ups name an
 * address or a socket directory, and then nothing here is used. Called by watcher.c.
 */
#include "sidecar/mr_target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/util.h>

#ifndef RESOLVER_FILE /* a unit test has its own */
#define RESOLVER_FILE "/etc/resolv.conf"
#endif

/*
 * What the resolver was asked. libevent reports the end of each question from the loop, also
 * of one that was cancelled: so it may outlive what its target wanted to know.
 */
typedef struct MrQuestion
{
	MrTarget *target; /* NULL: nobody wants to know any more */
	struct evdns_getaddrinfo_request *request;
} MrQuestion;

/* A password of ours does not outlive its setting; one that the environment gave stays. */
static void
set_password(const char *password)
{
	static bool is_ours;

	/* Without memory the server refuses the login, and that is logged. */
	if (password[0] != '\0')
		is_ours = setenv("PGPASSWORD", password, 1) == 0 || is_ours;
	else if (is_ours)
		is_ours = unsetenv("PGPASSWORD") != 0;
}

void
mr_target_set(MrTarget *target, struct event_base *base, const MrConninfo *database)
{
	mr_target_cancel(target);
	target->base = base;
	/* Other name servers, perhaps. The resolver stays: it may yet report what was cancelled. */
	target->has_servers = false;
	snprintf(target->conninfo, sizeof(target->conninfo), "%s", database->text);
	snprintf(target->host, sizeof(target->host), "%s", database->host);
	snprintf(target->password, sizeof(target->password), "%s", database->password);
	target->hostaddr[0] = '\0';
	target->needs_resolving =
		database->hostaddr[0] == '\0' && !mr_conninfo_is_numeric(database->host);
	set_password(database->password);
}

bool
mr_target_is(const MrTarget *target, const MrConninfo *database)
{
	return strcmp(target->conninfo, database->text) == 0 &&
		   strcmp(target->password, database->password) == 0;
}

/* A question is over: takes the first address, or says why there is none. */
static void
take_answer(int result, struct evutil_addrinfo *found, void *arg)
{
	MrQuestion *question = arg;
	MrTarget *target = question->target;
	const char *problem = NULL;

	free(question);
	if (target == NULL)
	{
		if (found != NULL)
			evutil_freeaddrinfo(found);
		return;
	}
	target->question = NULL;
	target->hostaddr[0] = '\0';
	if (result != 0)
		problem = evutil_gai_strerror(result);
	else if (found->ai_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *) found->ai_addr)->sin_addr, target->hostaddr,
				  sizeof(target->hostaddr));
	else
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *) found->ai_addr)->sin6_addr, target->hostaddr,
				  sizeof(target->hostaddr));
	if (found != NULL)
		evutil_freeaddrinfo(found);
	target->callback(target->arg, problem);
}

/* A machine without name servers still has its hosts file. */
static bool
open_resolver(MrTarget *target)
{
	if (target->dns == NULL)
		target->dns = evdns_base_new(target->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (target->dns == NULL || target->has_servers)
		return target->dns != NULL;
	evdns_base_clear_host_addresses(target->dns);
	(void) evdns_base_clear_nameservers_and_suspend(target->dns);
	(void) evdns_base_resolv_conf_parse(target->dns, DNS_OPTIONS_ALL, RESOLVER_FILE);
	(void) evdns_base_resume(target->dns);
	target->has_servers = true;
	return true;
}

bool
mr_target_resolve(MrTarget *target, MrTargetCallback callback, void *arg)
{
	struct evutil_addrinfo hints;
	struct evdns_getaddrinfo_request *request;
	MrQuestion *question;

	if (!target->needs_resolving)
		return true;
	mr_target_cancel(target);
	target->callback = callback;
	target->arg = arg;
	question = calloc(1, sizeof(*question));
	if (question == NULL || !open_resolver(target))
	{
		free(question);
		callback(arg, "out of memory");
		return false;
	}
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
	question->target = target;
	target->question = question;
	/* It may answer at once, from the hosts file, before it returns NULL. */
	request = evdns_getaddrinfo(target->dns, target->host, NULL, &hints, take_answer, question);
	if (request != NULL)
		question->request = request;
	return false;
}

void
mr_target_cancel(MrTarget *target)
{
	MrQuestion *question = target->question;

	if (question == NULL)
		return;
	question->target = NULL;
	target->question = NULL;
	evdns_getaddrinfo_cancel(question->request);
}

void
mr_target_free(MrTarget *target)
{
	mr_target_cancel(target);
	if (target->dns != NULL)
	{
		/* What was cancelled is reported by the loop, and looks at the resolver. */
		(void) event_base_loop(target->base, EVLOOP_NONBLOCK);
		evdns_base_free(target->dns, 0);
	}
	memset(target, 0, sizeof(*target));
}
