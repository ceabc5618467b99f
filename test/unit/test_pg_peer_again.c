/*
 * Statements that a connection is asked again, against a server that says what a test tells
 * it to: prepared once, executed from then on, and what goes wrong on the way.
 */
#include "adapters/mr_pg_peer.h"
#include "unit/mr_fake_server.h"
#include "unit/mr_scratch.h"
#include "unit/mr_unit.h"

#include <string.h>

#define TIMEOUT (2 * MR_NS_PER_S)
#define START (100 * MR_NS_PER_S)

static MrPgPeer peer;
static MrFakeServer server;

static void
begin(void)
{
	mr_scratch_begin();
	mr_fake_begin(&server);
	memset(&peer, 0, sizeof(peer));
}

static void
end(void)
{
	mr_pg_peer_close(&peer);
	mr_fake_end(&server);
	mr_scratch_end();
}

/* Steps the peer until it has news, or nothing moves any more. */
static MrPgPeerNews
settle(void)
{
	int idle = 0;

	while (idle < 5)
	{
		MrPgPeerNews news = mr_pg_peer_advance(&peer, START);

		if (news != MR_PG_NOTHING)
			return news;
		idle = mr_fake_receive(&server) ? 0 : idle + 1;
	}
	return MR_PG_NOTHING;
}

/* A connection on which a query can be sent. */
static bool
make_ready(void)
{
	if (!mr_pg_peer_connect(&peer, server.conninfo, "", NULL, "nobody", "postgres", "app", START,
							TIMEOUT) ||
		settle() != MR_PG_NOTHING)
		return false;
	mr_fake_authentication(&server, 0);
	mr_fake_ready(&server);
	return settle() == MR_PG_CONNECTED && peer.state == MR_PG_READY;
}

static bool
query_again(const char *value)
{
	const char *values[] = {value};

	server.nreceived = 0; /* from now on only this query is looked at */
	return mr_pg_peer_query_again(&peer, "SELECT g($1)", 1, values, START, TIMEOUT) &&
		   settle() == MR_PG_NOTHING;
}

static bool
answers(const char *value)
{
	mr_fake_row(&server, value, (uint32_t) strlen(value));
	mr_fake_ready(&server);
	return settle() == MR_PG_RESULT && PQresultStatus(peer.result) == PGRES_TUPLES_OK &&
		   strcmp(PQgetvalue(peer.result, 0, 0), value) == 0 && peer.state == MR_PG_READY;
}

MR_TEST(what_is_asked_again_is_prepared_once)
{
	begin();
	MR_REQUIRE(make_ready());
	MR_REQUIRE(query_again("one"));
	MR_CHECK(mr_fake_has(&server, "P\0\0\0\24\0SELECT g($1)", 18) &&
			 !mr_fake_has(&server, "mr_0", 4));
	MR_CHECK(answers("1"));

	MR_REQUIRE(query_again("two"));
	MR_CHECK(mr_fake_has(&server, "mr_0\0SELECT g($1)", 17) && mr_fake_has(&server, "two", 3));
	mr_fake_message(&server, '1', "", 0);
	MR_CHECK_INT(settle(), MR_PG_NOTHING);
	MR_CHECK(answers("2"));

	MR_REQUIRE(query_again("three"));
	MR_CHECK(mr_fake_has(&server, "three", 5) && !mr_fake_has(&server, "SELECT g", 8));
	mr_fake_error(&server, 'E', "ERROR", "not three");
	mr_fake_ready(&server);
	MR_CHECK_INT(settle(), MR_PG_RESULT);
	MR_CHECK_STRING(peer.error, "ERROR: not three");
	MR_REQUIRE(query_again("four"));
	MR_CHECK(!mr_fake_has(&server, "SELECT g", 8));
	MR_CHECK(answers("4"));
	end();
}

/* The error is that of the preparation or of the query; either way the connection goes on. */
MR_TEST(what_cannot_be_prepared_or_fails_at_once_is_asked_anew)
{
	begin();
	MR_REQUIRE(make_ready());
	MR_REQUIRE(query_again("one"));
	MR_CHECK(answers("1"));
	MR_REQUIRE(query_again("two"));
	mr_fake_error(&server, 'E', "ERROR", "no g");
	mr_fake_ready(&server);
	MR_CHECK_INT(settle(), MR_PG_RESULT);
	MR_CHECK_INT(PQresultStatus(peer.result), PGRES_FATAL_ERROR);
	MR_CHECK_STRING(peer.error, "ERROR: no g");
	MR_REQUIRE(query_again("three"));
	MR_CHECK(mr_fake_has(&server, "mr_0\0SELECT g($1)", 17));
	mr_fake_message(&server, '1', "", 0);
	mr_fake_error(&server, 'E', "ERROR", "not three");
	mr_fake_ready(&server);
	MR_CHECK_INT(settle(), MR_PG_RESULT);
	MR_CHECK_STRING(peer.error, "ERROR: not three");
	MR_REQUIRE(query_again("four"));
	MR_CHECK(!mr_fake_has(&server, "SELECT g", 8));
	MR_CHECK(answers("4"));
	MR_REQUIRE(mr_pg_peer_query(&peer, "SELECT 5", 0, NULL, NULL, NULL, 0, START, TIMEOUT));
	MR_CHECK(answers("5"));
	end();
}

MR_TEST(a_connection_lost_while_something_is_prepared_has_failed)
{
	begin();
	MR_REQUIRE(make_ready());
	MR_REQUIRE(query_again("one"));
	MR_CHECK(answers("1"));
	MR_REQUIRE(query_again("two"));
	mr_fake_message(&server, '1', "", 0);
	mr_fake_hang_up(&server);
	MR_CHECK_INT(settle(), MR_PG_FAILED);
	MR_CHECK_INT(peer.state, MR_PG_CLOSED);
	/* The next connection knows nothing of what the last one had prepared. */
	MR_REQUIRE(make_ready());
	MR_REQUIRE(query_again("three"));
	MR_CHECK(!mr_fake_has(&server, "mr_0", 4));
	MR_CHECK(answers("3"));
	end();
}
