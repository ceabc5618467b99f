/*
 * Statements that a connection is asked again, against a server that says what a test tells
 * it to: prepared once, executed from then on, and what goes wrong on the way.
 */
#include "adapters/mr_pg_peer.h"
#include "unit/mr_peer_fixture.h"
#include "unit/mr_unit.h"

#include <string.h>

static bool
query_again(const char *value)
{
	const char *values[] = {value};

	server.nreceived = 0; /* from now on only this query is looked at */
	return mr_pg_peer_query_again(&peer, "SELECT g($1)", 1, values, START, TIMEOUT) &&
		   mr_peer_settle() == MR_PG_NOTHING;
}

static bool
answers(const char *value)
{
	mr_fake_row(&server, value, (uint32_t) strlen(value));
	mr_fake_ready(&server);
	return mr_peer_settle() == MR_PG_RESULT && PQresultStatus(peer.result) == PGRES_TUPLES_OK &&
		   strcmp(PQgetvalue(peer.result, 0, 0), value) == 0 && peer.state == MR_PG_READY;
}

MR_TEST(what_is_asked_again_is_prepared_once)
{
	mr_peer_begin();
	MR_REQUIRE(mr_peer_make_ready());
	MR_REQUIRE(query_again("one"));
	MR_CHECK(mr_fake_has(&server, "P\0\0\0\24\0SELECT g($1)", 18) &&
			 !mr_fake_has(&server, "mr_0", 4));
	MR_CHECK(answers("1"));

	MR_REQUIRE(query_again("two"));
	MR_CHECK(mr_fake_has(&server, "mr_0\0SELECT g($1)", 17) && mr_fake_has(&server, "two", 3));
	mr_fake_message(&server, '1', "", 0);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_NOTHING);
	MR_CHECK(answers("2"));

	MR_REQUIRE(query_again("three"));
	MR_CHECK(mr_fake_has(&server, "three", 5) && !mr_fake_has(&server, "SELECT g", 8));
	mr_fake_error(&server, 'E', "ERROR", "not three");
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_RESULT);
	MR_CHECK_STRING(peer.error, "ERROR: not three");
	MR_REQUIRE(query_again("four"));
	MR_CHECK(!mr_fake_has(&server, "SELECT g", 8));
	MR_CHECK(answers("4"));
	mr_peer_end();
}

/* The error is that of the preparation or of the query; either way the connection goes on. */
MR_TEST(what_cannot_be_prepared_or_fails_at_once_is_asked_anew)
{
	mr_peer_begin();
	MR_REQUIRE(mr_peer_make_ready());
	MR_REQUIRE(query_again("one"));
	MR_CHECK(answers("1"));
	MR_REQUIRE(query_again("two"));
	mr_fake_error(&server, 'E', "ERROR", "no g");
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_RESULT);
	MR_CHECK_INT(PQresultStatus(peer.result), PGRES_FATAL_ERROR);
	MR_CHECK_STRING(peer.error, "ERROR: no g");
	MR_REQUIRE(query_again("three"));
	MR_CHECK(mr_fake_has(&server, "mr_0\0SELECT g($1)", 17));
	mr_fake_message(&server, '1', "", 0);
	mr_fake_error(&server, 'E', "ERROR", "not three");
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_RESULT);
	MR_CHECK_STRING(peer.error, "ERROR: not three");
	MR_REQUIRE(query_again("four"));
	MR_CHECK(!mr_fake_has(&server, "SELECT g", 8));
	MR_CHECK(answers("4"));
	MR_REQUIRE(mr_pg_peer_query(&peer, "SELECT 5", 0, NULL, NULL, NULL, 0, START, TIMEOUT));
	MR_CHECK(answers("5"));
	mr_peer_end();
}

MR_TEST(a_connection_lost_while_something_is_prepared_has_failed)
{
	mr_peer_begin();
	MR_REQUIRE(mr_peer_make_ready());
	MR_REQUIRE(query_again("one"));
	MR_CHECK(answers("1"));
	MR_REQUIRE(query_again("two"));
	mr_fake_message(&server, '1', "", 0);
	mr_fake_hang_up(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_FAILED);
	MR_CHECK_INT(peer.state, MR_PG_CLOSED);
	/* The next connection knows nothing of what the last one had prepared. */
	MR_REQUIRE(mr_peer_make_ready());
	MR_REQUIRE(query_again("three"));
	MR_CHECK(!mr_fake_has(&server, "mr_0", 4));
	MR_CHECK(answers("3"));
	mr_peer_end();
}
