/*
 * The asynchronous connection, against a server that says what a test tells it to: the
 * good way, each way to fail, deadlines, and that nothing blocks or prints. Time is the
 * test's own; nothing waits.
 */
#include "adapters/mr_pg_peer.h"
#include "unit/mr_peer_fixture.h"
#include "unit/mr_scratch.h"
#include "unit/mr_unit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
query(const char *sql)
{
	return mr_pg_peer_query(&peer, sql, 0, NULL, NULL, NULL, 1, START, TIMEOUT);
}

/* ... and one that waits for its answer. */
static bool
make_busy(void)
{
	return mr_peer_make_ready() && query("SELECT 1") && mr_peer_settle() == MR_PG_NOTHING &&
		   peer.state == MR_PG_BUSY;
}

static void
check_failed(MrPgPeerNews news, const char *part_of_error)
{
	MR_CHECK_INT(news, MR_PG_FAILED);
	MR_CHECK_INT(peer.state, MR_PG_CLOSED);
	MR_CHECK(peer.conn == NULL && peer.result == NULL && peer.events == 0);
	MR_CHECK_INT(mr_pg_peer_socket(&peer), -1);
	mr_unit_about("%s", peer.error);
	MR_CHECK(strstr(peer.error, part_of_error) != NULL);
	MR_CHECK(strpbrk(peer.error, "\n\r\t") == NULL);
	/* Nothing more happens with it. */
	MR_CHECK_INT(mr_pg_peer_advance(&peer, START), MR_PG_NOTHING);
}

MR_TEST(it_connects_asks_and_answers)
{
	static const char binary[] = "a\0b\xFF";
	const char *values[] = {"x\0y"};
	const int lengths[] = {3};
	const int formats[] = {1};

	mr_peer_begin();
	MR_REQUIRE(mr_peer_connect_with(""));
	MR_CHECK_INT(peer.state, MR_PG_CONNECTING);
	MR_CHECK_INT(peer.events, POLLOUT);
	MR_CHECK(mr_pg_peer_socket(&peer) >= 0);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_NOTHING);
	MR_CHECK_INT(peer.events, POLLIN);
	MR_CHECK(mr_fake_has(&server, "user\0u", 7));
	MR_CHECK(mr_fake_has(&server, "database\0postgres", 18));
	MR_CHECK(mr_fake_has(&server, "application_name\0app", 21));
	mr_fake_authentication(&server, 0);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_NOTHING);
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_CONNECTED);
	MR_CHECK_INT(peer.state, MR_PG_READY);
	MR_CHECK_INT(peer.events, POLLIN);
	MR_CHECK_STRING(peer.error, "");

	MR_REQUIRE(
		mr_pg_peer_query(&peer, "SELECT f($1)", 1, values, lengths, formats, 1, START, TIMEOUT));
	MR_CHECK_INT(peer.state, MR_PG_BUSY);
	MR_CHECK_INT(peer.events, POLLIN);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_NOTHING);
	MR_CHECK(mr_fake_has(&server, "SELECT f($1)", 12));
	MR_CHECK(mr_fake_has(&server, "\0\0\0\3x\0y", 7));
	mr_fake_row(&server, binary, 5);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_NOTHING);
	mr_fake_ready(&server);
	MR_REQUIRE(mr_peer_settle() == MR_PG_RESULT);
	MR_CHECK_INT(peer.state, MR_PG_READY);
	MR_REQUIRE(PQresultStatus(peer.result) == PGRES_TUPLES_OK);
	MR_CHECK_INT(PQgetlength(peer.result, 0, 0), 5);
	MR_CHECK(memcmp(PQgetvalue(peer.result, 0, 0), binary, 5) == 0);
	MR_CHECK_STRING(peer.error, "");

	/* The next query frees the result of the one before. */
	MR_REQUIRE(query("SELECT 2"));
	MR_CHECK(peer.result == NULL);
	mr_peer_end();
}

/* select() and poll() sometimes say "ready" for nothing, and deadlines wake a worker too. */
MR_TEST(calls_at_the_wrong_moment_do_no_harm)
{
	int i;

	mr_peer_begin();
	MR_REQUIRE(mr_peer_connect_with(""));
	for (i = 0; i < 20; i++)
		MR_CHECK_INT(mr_pg_peer_advance(&peer, START), MR_PG_NOTHING);
	MR_CHECK_INT(peer.state, MR_PG_CONNECTING);
	mr_fake_receive(&server);
	mr_fake_authentication(&server, 0);
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_CONNECTED);
	for (i = 0; i < 20; i++)
		MR_CHECK_INT(mr_pg_peer_advance(&peer, START + 10 * TIMEOUT), MR_PG_NOTHING);
	MR_CHECK_INT(peer.state, MR_PG_READY);
	mr_peer_end();
}

MR_TEST(a_connection_that_is_not_made_in_time_fails)
{
	mr_peer_begin();
	MR_REQUIRE(mr_peer_connect_with(""));
	MR_CHECK_INT(mr_peer_settle(), MR_PG_NOTHING);
	MR_CHECK_INT(mr_pg_peer_advance(&peer, START + TIMEOUT - 1), MR_PG_NOTHING);
	check_failed(mr_pg_peer_advance(&peer, START + TIMEOUT), "no connection within 2000 ms");
	mr_peer_end();
}

MR_TEST(an_answer_that_does_not_come_in_time_fails)
{
	mr_peer_begin();
	MR_REQUIRE(make_busy());
	MR_CHECK_INT(mr_pg_peer_advance(&peer, START + TIMEOUT - 1), MR_PG_NOTHING);
	check_failed(mr_pg_peer_advance(&peer, START + TIMEOUT), "no answer within 2000 ms");
	mr_peer_end();
}

/* A process that was not scheduled for a while must not throw away what has arrived. */
MR_TEST(an_answer_that_is_there_counts_however_late_it_is_read)
{
	mr_peer_begin();
	MR_REQUIRE(make_busy());
	mr_fake_row(&server, "x", 1);
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_pg_peer_advance(&peer, START + 10 * TIMEOUT), MR_PG_RESULT);
	mr_peer_end();
}

MR_TEST(a_query_that_fails_leaves_the_connection)
{
	mr_peer_begin();
	MR_REQUIRE(make_busy());
	mr_fake_error(&server, 'E', "ERROR", "cannot\n\tdo this");
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_RESULT);
	MR_CHECK_INT(peer.state, MR_PG_READY);
	MR_CHECK_INT(PQresultStatus(peer.result), PGRES_FATAL_ERROR);
	MR_CHECK_STRING(peer.error, "ERROR: cannot do this");
	MR_REQUIRE(query("SELECT 2"));
	MR_CHECK_STRING(peer.error, "");
	mr_fake_row(&server, "x", 1);
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_RESULT);
	mr_peer_end();
}

MR_TEST(an_error_that_ends_the_connection_is_a_failure)
{
	mr_peer_begin();
	MR_REQUIRE(make_busy());
	mr_fake_error(&server, 'E', "FATAL", "terminating connection");
	mr_fake_hang_up(&server);
	check_failed(mr_peer_settle(), "terminating connection");
	mr_peer_end();
}

MR_TEST(a_server_that_hangs_up_is_a_failure)
{
	mr_peer_begin();
	MR_REQUIRE(mr_peer_connect_with(""));
	(void) mr_peer_settle();
	mr_fake_hang_up(&server);
	check_failed(mr_peer_settle(), "closed the connection");
	mr_peer_end();

	mr_peer_begin();
	MR_REQUIRE(mr_peer_make_ready());
	mr_fake_hang_up(&server);
	check_failed(mr_peer_settle(), "closed the connection");
	mr_peer_end();

	mr_peer_begin();
	MR_REQUIRE(make_busy());
	mr_fake_hang_up(&server);
	check_failed(mr_peer_settle(), "closed the connection");
	mr_peer_end();
}

/* The write meets a closed socket: an error, and not the signal that would end us. */
MR_TEST(a_query_to_a_server_that_has_gone_does_not_kill_us)
{
	mr_peer_begin();
	MR_REQUIRE(mr_peer_make_ready());
	mr_fake_hang_up(&server);
	if (query("SELECT 1"))
		check_failed(mr_peer_settle(), "closed the connection");
	else
		check_failed(MR_PG_FAILED, "");
	mr_peer_end();
}

MR_TEST(a_refused_login_is_a_failure_with_the_servers_reason)
{
	mr_peer_begin();
	MR_REQUIRE(mr_peer_connect_with(""));
	(void) mr_peer_settle();
	mr_fake_error(&server, 'E', "FATAL", "the database system is starting up");
	mr_fake_hang_up(&server);
	check_failed(mr_peer_settle(), "the database system is starting up");
	mr_peer_end();
}

MR_TEST(a_password_is_never_in_the_error)
{
	static const char line[] = "*:*:*:*:s3cr3t\n";
	char passfile[128];
	int fd;

	mr_peer_begin();
	fd = open(mr_scratch_path("pass"), O_WRONLY | O_CREAT, 0600);
	MR_REQUIRE(fd >= 0 && write(fd, line, strlen(line)) == (ssize_t) strlen(line));
	close(fd);
	snprintf(passfile, sizeof(passfile), "passfile=%s", mr_scratch_path("pass"));
	MR_REQUIRE(mr_peer_connect_with(passfile));
	(void) mr_peer_settle();
	mr_fake_authentication(&server, 3);
	(void) mr_peer_settle();
	MR_CHECK(mr_fake_has(&server, "s3cr3t", 7));
	mr_fake_error(&server, 'E', "FATAL", "s3cr3ts3cr3t? is not the password of u");
	check_failed(mr_peer_settle(), "******? is not the password");
	MR_CHECK(strstr(peer.error, "s3cr3t") == NULL);
	mr_peer_end();
}

MR_TEST(a_long_error_is_cut_between_characters)
{
	char text[401];
	size_t i;

	for (i = 0; i < 400; i += 2)
		memcpy(text + i, "\xC3\xA9", 2);
	text[400] = '\0';
	/* Both parities of where the cut would fall. */
	for (i = 0; i < 2; i++)
	{
		size_t length;

		mr_peer_begin();
		MR_REQUIRE(make_busy());
		mr_fake_error(&server, 'E', i == 0 ? "FATAL" : "PANIC!", text);
		mr_fake_ready(&server);
		MR_CHECK_INT(mr_peer_settle(), MR_PG_RESULT);
		length = strlen(peer.error);
		MR_CHECK(length == sizeof(peer.error) - 1 || length == sizeof(peer.error) - 2);
		MR_CHECK(memcmp(peer.error + length - 2, "\xC3\xA9", 2) == 0);
		mr_peer_end();
	}
}

MR_TEST(what_is_no_postgresql_is_a_failure)
{
	static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	static const uint8_t huge[] = {'R', 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};

	mr_peer_begin();
	MR_REQUIRE(mr_peer_connect_with(""));
	(void) mr_peer_settle();
	mr_fake_send(&server, http, sizeof(http));
	check_failed(mr_peer_settle(), "");
	mr_peer_end();

	mr_peer_begin();
	MR_REQUIRE(mr_peer_connect_with(""));
	(void) mr_peer_settle();
	mr_fake_send(&server, huge, sizeof(huge));
	check_failed(mr_peer_settle(), "");
	mr_peer_end();
}

MR_TEST(a_copy_is_refused)
{
	static const uint8_t no_columns[] = {0, 0, 0};
	static const char types[] = {'G', 'H', 'W'};
	size_t i;

	for (i = 0; i < sizeof(types); i++)
	{
		mr_peer_begin();
		MR_REQUIRE(make_busy());
		mr_fake_message(&server, '1', NULL, 0);
		mr_fake_message(&server, '2', NULL, 0);
		mr_fake_message(&server, types[i], no_columns, sizeof(no_columns));
		check_failed(mr_peer_settle(), "COPY");
		mr_peer_end();
	}
}

/* A request larger than the socket takes: the rest goes out when there is room. */
MR_TEST(a_large_query_is_sent_piece_by_piece)
{
	size_t size = 8 * 1024 * 1024;
	char *value = malloc(size + 1);
	const char *values[1];
	int rounds = 0;

	memset(value, 'v', size);
	value[size] = '\0';
	values[0] = value;
	mr_peer_begin();
	MR_REQUIRE(mr_peer_make_ready());
	server.total = 0;
	MR_REQUIRE(mr_pg_peer_query(&peer, "SELECT f($1)", 1, values, NULL, NULL, 0, START, TIMEOUT));
	MR_CHECK_INT(peer.events, POLLIN | POLLOUT);
	/* The server does not read yet. */
	MR_CHECK_INT(mr_pg_peer_advance(&peer, START), MR_PG_NOTHING);
	MR_CHECK_INT(peer.events, POLLIN | POLLOUT);
	while (peer.events != POLLIN && rounds++ < 10000)
	{
		mr_fake_receive(&server);
		MR_REQUIRE(mr_pg_peer_advance(&peer, START) == MR_PG_NOTHING);
	}
	MR_CHECK(rounds > 1);
	mr_fake_receive(&server);
	MR_CHECK(server.total > size);
	mr_fake_row(&server, "x", 1);
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_RESULT);
	mr_peer_end();
	free(value);
}

MR_TEST(notices_and_notifications_are_dropped_in_silence)
{
	static const uint8_t notification[] = {0, 0, 0, 9, 'c', 0, 'p', 0};
	int saved = dup(2);
	int fd;

	mr_peer_begin();
	fd = open(mr_scratch_path("stderr"), O_RDWR | O_CREAT, 0600);
	MR_REQUIRE(saved >= 0 && fd >= 0 && dup2(fd, 2) == 2);
	MR_CHECK(mr_peer_connect_with(""));
	(void) mr_peer_settle();
	mr_fake_authentication(&server, 0);
	mr_fake_error(&server, 'N', "WARNING", "a collation has changed");
	mr_fake_ready(&server);
	MR_CHECK_INT(mr_peer_settle(), MR_PG_CONNECTED);
	mr_fake_message(&server, 'A', notification, sizeof(notification));
	mr_fake_error(&server, 'N', "WARNING", "still so");
	MR_CHECK_INT(mr_peer_settle(), MR_PG_NOTHING);
	MR_CHECK_INT(peer.state, MR_PG_READY);
	(void) dup2(saved, 2);
	MR_CHECK_INT(lseek(fd, 0, SEEK_END), 0);
	close(fd);
	close(saved);
	mr_peer_end();
}

MR_TEST(bad_strings_and_names_without_an_address_fail_at_once)
{
	static const struct
	{
		const char *conninfo;
		const char *hostaddr;
		const char *options;
		const char *error;
	} cases[] = {
		{"host=a password=s3cr3t", "", NULL, "password"},
		{"garbage", "", NULL, "cannot be parsed"},
		{"host=nowhere.invalid", "", NULL, "only its name"},
		{"host=localhost", "", NULL, "only its name"},
		{"host=nowhere.invalid", "not.an.address", NULL, "not.an.address"},
		{"host=127.0.0.1", "", "sslmode=verify-full password=s3cr3t", "password"},
		{"host=127.0.0.1", "", "host=10.0.0.1", "something else"},
		{"host=127.0.0.1", "", "sslmode=none-such", "sslmode"},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		memset(&peer, 0, sizeof(peer));
		MR_CHECK(!mr_pg_peer_connect(&peer, cases[i].conninfo, cases[i].hostaddr, cases[i].options,
									 "u", "d", "a", START, TIMEOUT));
		check_failed(MR_PG_FAILED, cases[i].error);
		MR_CHECK(strstr(peer.error, "s3cr3t") == NULL);
	}
}

MR_TEST(a_port_where_nobody_listens_is_a_failure)
{
	static const char *const hosts[][2] = {{"host=127.0.0.1 port=1", ""},
										   {"host=nowhere.invalid port=1", "127.0.0.1"}};
	size_t i;

	for (i = 0; i < 2; i++)
	{
		MrPgPeerNews news = MR_PG_FAILED;
		struct pollfd wanted;

		memset(&peer, 0, sizeof(peer));
		if (mr_pg_peer_connect(&peer, hosts[i][0], hosts[i][1], NULL, "u", "d", "a", START,
							   TIMEOUT))
		{
			wanted.fd = mr_pg_peer_socket(&peer);
			wanted.events = peer.events;
			MR_CHECK(poll(&wanted, 1, 10000) == 1);
			news = mr_pg_peer_advance(&peer, START);
		}
		check_failed(news, "refused");
		MR_CHECK(strstr(peer.error, "connection to server") == NULL);
	}
}

MR_TEST(it_can_be_closed_at_any_time_and_used_again)
{
	mr_peer_begin();
	mr_pg_peer_close(&peer);
	mr_pg_peer_close(&peer);
	MR_REQUIRE(mr_peer_connect_with(""));
	mr_pg_peer_close(&peer);
	MR_CHECK_INT(peer.state, MR_PG_CLOSED);
	(void) mr_fake_receive(&server);
	mr_fake_hang_up(&server);
	MR_REQUIRE(make_busy());
	mr_pg_peer_close(&peer);
	mr_fake_receive(&server);
	mr_fake_hang_up(&server);
	MR_REQUIRE(mr_peer_make_ready());
	/* Connecting again closes what was open. */
	MR_REQUIRE(mr_peer_connect_with(""));
	MR_CHECK_INT(peer.state, MR_PG_CONNECTING);
	mr_peer_end();
}
