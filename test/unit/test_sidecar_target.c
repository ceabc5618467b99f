/*
 * The address of the local database: what a reload does to a name that is just being looked
 * up. Method: a loop of libevent's, and a name server of ours that never answers, or does.
 */
static const char *resolver_file;
#define RESOLVER_FILE resolver_file

#include "sidecar/conninfo.c"
#include "sidecar/target.c"
#include "unit/mr_scratch.h"
#include "unit/mr_unit.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct event_base *base;
static MrTarget target;
static int server; /* socket of the name server */
static int answers;
static char problem_seen[64];

static void
on_resolved(void *arg, const char *problem)
{
	(void) arg;
	answers++;
	snprintf(problem_seen, sizeof(problem_seen), "%s", problem != NULL ? problem : "");
}

/* A name server, and a file that names it. */
static void
begin(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	FILE *file;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = socket(AF_INET, SOCK_DGRAM, 0);
	(void) bind(server, (struct sockaddr *) &address, sizeof(address));
	(void) getsockname(server, (struct sockaddr *) &address, &length);
	(void) mr_scratch_begin();
	resolver_file = mr_scratch_path("resolv.conf");
	file = fopen(resolver_file, "w");
	fprintf(file, "nameserver 127.0.0.1:%d\noptions timeout:1 attempts:1\n",
			ntohs(address.sin_port));
	fclose(file);
	base = event_base_new();
	memset(&target, 0, sizeof(target));
	answers = 0;
}

static void
end(void)
{
	mr_target_free(&target);
	event_base_free(base);
	mr_scratch_end();
	close(server);
}

static void
set_host(const char *host)
{
	MrConninfo database;

	memset(&database, 0, sizeof(database));
	snprintf(database.host, sizeof(database.host), "%s", host);
	mr_target_set(&target, base, &database);
}

MR_TEST(a_reload_in_the_middle_of_a_question_forgets_it)
{
	int i;

	begin();
	for (i = 0; i < 3; i++)
	{
		set_host("database.example");
		MR_CHECK(!mr_target_resolve(&target, on_resolved, NULL));
		if (i > 0)
			(void) event_base_loop(base, EVLOOP_NONBLOCK);
	}
	(void) event_base_loop(base, EVLOOP_NONBLOCK);
	MR_CHECK(target.question != NULL); /* the last one is still under way */
	MR_CHECK_INT(answers, 0);
	end();
}

MR_TEST(a_question_that_is_asked_anew_can_be_cancelled)
{
	begin();
	set_host("database.example");
	MR_CHECK(!mr_target_resolve(&target, on_resolved, NULL));
	MR_CHECK(!mr_target_resolve(&target, on_resolved, NULL));
	(void) event_base_loop(base, EVLOOP_NONBLOCK);
	MR_CHECK(target.question != NULL);
	mr_target_cancel(&target);
	(void) event_base_loop(base, EVLOOP_NONBLOCK);
	MR_CHECK_INT(answers, 0);
	end();
}

MR_TEST(the_end_in_the_middle_of_a_question)
{
	begin();
	set_host("database.example");
	MR_CHECK(!mr_target_resolve(&target, on_resolved, NULL));
	end();
	MR_CHECK_INT(answers, 0);
}

MR_TEST(a_name_of_the_hosts_file_is_known_at_once)
{
	begin();
	set_host("localhost");
	MR_CHECK(!mr_target_resolve(&target, on_resolved, NULL));
	MR_CHECK_INT(answers, 1);
	MR_CHECK_STRING(problem_seen, "");
	MR_CHECK(target.hostaddr[0] != '\0');
	/* and after a reload as well, once */
	set_host("localhost");
	MR_CHECK_STRING(target.hostaddr, "");
	MR_CHECK(!mr_target_resolve(&target, on_resolved, NULL));
	MR_CHECK_INT(answers, 2);
	MR_CHECK(target.hostaddr[0] != '\0');
	end();
}
