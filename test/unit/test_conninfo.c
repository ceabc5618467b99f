/*
 * Connection strings of members: what is refused and that no refusal repeats any of it;
 * and the string a connection is really made with.
 */
#include "adapters/mr_pg_peer.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "s3cr3t"

static const struct
{
	const char *conninfo;
	const char *problem; /* part of the sentence; NULL = none */
} cases[] = {
	{"host=10.0.0.1", NULL},
	{"host=10.0.0.1 port=5501 user=u dbname=d sslmode=verify-full sslrootcert=/c/root.crt", NULL},
	{"hostaddr=10.0.0.1", NULL},
	{"host=/run/postgresql port=5501", NULL},
	{"host=us.example passfile=/etc/multiregion/pgpass", NULL},
	{"postgresql://u@us.example:5501/d?sslmode=require", NULL},
	{"postgres://us.example", NULL},
	{"host=a port=1", NULL},
	{"host=a port=65535", NULL},
	{"host='a b'", NULL},
	{"host=a application_name=mine target_session_attrs=read-write", NULL},

	{"", "names no host"},
	{" ", "names no host"},
	{"port=5501", "names no host"},
	{"host=''", "names no host"},
	{"postgresql:///d", "names no host"},

	{"garbage", "cannot be parsed"},
	{"host", "cannot be parsed"},
	{"host=a " SECRET, "cannot be parsed"},
	{"host=a colour=" SECRET, "cannot be parsed"},
	{"host='a", "cannot be parsed"},
	{"postgresql://u:" SECRET "@[::1", "cannot be parsed"},
	{"postgresql://a/d?" SECRET, "cannot be parsed"},
	{"postgresql://a/d?colour=" SECRET, "cannot be parsed"},
	{"postgresql://a/%zz" SECRET, "cannot be parsed"},
	{"https://u:" SECRET "@a/", "cannot be parsed"},

	{"host=a password=" SECRET, "password"},
	{"host=a password = '" SECRET "'", "password"},
	{"password=" SECRET, "password"},
	{"host=a sslpassword=" SECRET, "password"},
	{"postgresql://u:" SECRET "@a/d", "password"},
	{"postgresql://u@a/d?password=" SECRET, "password"},
	{"postgresql://u@a/d?%70assword=" SECRET, "password"},
	/* The last one counts for libpq; the first one would be stored and shown. */
	{"host=a password=" SECRET " password=''", "password"},
	{"postgresql://u:" SECRET "@a/d?password=", "password"},

	{"host=a,b", "more than one host"},
	{"host=a,b port=1,2", "more than one host"},
	{"host=a port=1,2", "more than one host"},
	{"hostaddr=10.0.0.1,10.0.0.2", "more than one host"},
	{"postgresql://a,b/d", "more than one host"},
	{"postgresql://a:1,b:2/d", "more than one host"},

	{"host=a port=0", "port"},
	{"host=a port=65536", "port"},
	{"host=a port=-1", "port"},
	{"host=a port=5432x", "port"},
	{"host=a port=99999999999999999999", "port"},
	{"host=a port=' 5432'", "port"},
	{"postgresql://a:b/d", "port"},

	{"service=s", "service"},
	{"host=a service=s", "service"},
	{"host=a replication=database", "replication"},

	{"host=a\nport=1", "control character"},
	{"host=a\tport=1", "control character"},
	{"host='a\x1b[2J'", "control character"},
	{"host=a\x7f", "control character"},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

MR_TEST(strings_are_accepted_or_refused_with_the_reason)
{
	size_t i;

	for (i = 0; i < CASES; i++)
	{
		const char *problem = mr_pg_conninfo_problem(cases[i].conninfo);

		mr_unit_about("%s: %s", cases[i].conninfo, problem != NULL ? problem : "accepted");
		MR_CHECK((problem == NULL) == (cases[i].problem == NULL));
		if (problem != NULL && cases[i].problem != NULL)
		{
			MR_CHECK(strstr(problem, cases[i].problem) != NULL);
			MR_CHECK(strstr(problem, SECRET) == NULL);
		}
	}
}

MR_TEST(what_is_refused_is_not_built)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];
	size_t i;

	for (i = 0; i < CASES; i++)
	{
		mr_unit_about("%s", cases[i].conninfo);
		memcpy(out, "before", 7);
		MR_CHECK(mr_pg_conninfo_build(cases[i].conninfo, "", "u", "d", "app", out, sizeof(out)) ==
				 (cases[i].problem == NULL));
		if (cases[i].problem != NULL)
			MR_CHECK_STRING(out, "");
	}
}

MR_TEST(a_string_of_the_greatest_length_can_be_used)
{
	static const char xs[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	char text[MR_CONNINFO_SIZE + 1];
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];

	memset(text, 'x', sizeof(text));
	memcpy(text, "host=", 5);
	text[MR_CONNINFO_SIZE] = '\0';
	MR_CHECK_STRING(mr_pg_conninfo_problem(text), "The connection string is too long.");
	text[MR_CONNINFO_SIZE - 1] = '\0';
	MR_CHECK_STRING(mr_pg_conninfo_problem(text), NULL);
	MR_CHECK(mr_pg_conninfo_build(text, xs, xs, xs, xs, out, sizeof(out)));
}

/* Each quote needs a backslash when it is written again. */
MR_TEST(a_string_that_quoting_makes_too_long_is_refused_before_use)
{
	char text[MR_CONNINFO_SIZE];

	memset(text, '\'', sizeof(text));
	memcpy(text, "host=x", 6);
	text[sizeof(text) - 1] = '\0';
	MR_CHECK_STRING(mr_pg_conninfo_problem(text), "The connection string is too long.");
}

/* The value libpq sees under a keyword of a string we built. */
static void
check_built(const char *built, const char *keyword, const char *expected)
{
	char value[MR_PG_PEER_SIZE_OF_CONNINFO];
	bool given = mr_pg_conninfo_value(built, keyword, value, sizeof(value));

	mr_unit_about("%s of %s", keyword, built);
	MR_CHECK_STRING(given ? value : NULL, expected);
}

MR_TEST(what_the_string_does_not_say_is_added)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];

	MR_REQUIRE(mr_pg_conninfo_build("host=us.example port=5501", "10.0.0.1", "peer", "postgres",
									"multiregion lease", out, sizeof(out)));
	MR_CHECK_STRING(mr_pg_conninfo_problem(out), NULL);
	check_built(out, "host", "us.example");
	check_built(out, "hostaddr", "10.0.0.1");
	check_built(out, "port", "5501");
	check_built(out, "user", "peer");
	check_built(out, "dbname", "postgres");
	check_built(out, "application_name", "multiregion lease");
	check_built(out, "gssencmode", "disable");
	check_built(out, "target_session_attrs", "any");
	check_built(out, "keepalives", "1");
	check_built(out, "tcp_user_timeout", "10000");
	check_built(out, "password", NULL);
}

MR_TEST(what_the_string_says_is_kept)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];

	MR_REQUIRE(mr_pg_conninfo_build("host=us.example hostaddr=10.0.0.2 user=u dbname=d "
									"keepalives_idle=60 tcp_user_timeout=0 sslmode=verify-full "
									"passfile='/etc/my pass' options='-c a=\\'b\\' \\\\'",
									"10.0.0.1", "peer", "postgres", "app", out, sizeof(out)));
	check_built(out, "hostaddr", "10.0.0.2");
	check_built(out, "user", "u");
	check_built(out, "dbname", "d");
	check_built(out, "keepalives_idle", "60");
	check_built(out, "tcp_user_timeout", "0");
	check_built(out, "sslmode", "verify-full");
	check_built(out, "passfile", "/etc/my pass");
	check_built(out, "options", "-c a='b' \\");
}

MR_TEST(an_option_joins_those_that_are_there)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO] = "host=a options='-c a=\\'b\\''";
	char none[MR_PG_PEER_SIZE_OF_CONNINFO] = "host=a";
	char small[16] = "host=a";

	MR_CHECK(mr_pg_conninfo_add_option(out, sizeof(out), "-c c=7"));
	check_built(out, "options", "-c a='b' -c c=7");
	check_built(out, "host", "a");
	MR_CHECK(mr_pg_conninfo_add_option(none, sizeof(none), "-c c=7"));
	check_built(none, "options", "-c c=7");
	MR_CHECK(!mr_pg_conninfo_add_option(small, sizeof(small), "-c c=7"));
	MR_CHECK_STRING(small, "host=a");
}

/* libpq verifies no server of which it knows no name. */
MR_TEST(an_address_alone_is_the_name_to_be_verified)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];

	MR_REQUIRE(
		mr_pg_conninfo_build("hostaddr=10.0.0.2", "10.0.0.1", "u", "d", "a", out, sizeof(out)));
	check_built(out, "host", "10.0.0.2");
	check_built(out, "hostaddr", "10.0.0.2");
}

/* Each of these, left to the string, would break the protocol or its slots. */
MR_TEST(some_things_are_ours_whatever_the_string_says)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];

	MR_REQUIRE(mr_pg_conninfo_build("host=a application_name=other gssencmode=require "
									"target_session_attrs=read-write",
									"", "u", "d", "it's ours", out, sizeof(out)));
	check_built(out, "application_name", "it's ours");
	check_built(out, "gssencmode", "disable");
	check_built(out, "target_session_attrs", "any");
	MR_CHECK(strstr(out, "other") == NULL);
	check_built(out, "hostaddr", NULL);
}

MR_TEST(a_socket_directory_gets_no_address)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];

	MR_REQUIRE(
		mr_pg_conninfo_build("host=/run/pg port=1", "10.0.0.1", "u", "d", "a", out, sizeof(out)));
	check_built(out, "hostaddr", NULL);
	MR_REQUIRE(
		mr_pg_conninfo_build("host=@pg port=1", "10.0.0.1", "u", "d", "a", out, sizeof(out)));
	check_built(out, "hostaddr", NULL);
}

MR_TEST(a_url_becomes_the_same_parameters)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];

	MR_REQUIRE(mr_pg_conninfo_build("postgresql://us%20er@[::1]:5501/d%27b?sslmode=require", "",
									"u", "d", "a", out, sizeof(out)));
	check_built(out, "user", "us er");
	check_built(out, "host", "::1");
	check_built(out, "port", "5501");
	check_built(out, "dbname", "d'b");
	check_built(out, "sslmode", "require");
}

/* The environment of a server must not decide whom its workers talk to. */
MR_TEST(the_environment_is_not_written_into_the_string)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];

	setenv("PGPASSWORD", SECRET, 1);
	setenv("PGUSER", "somebody", 1);
	setenv("PGHOST", "elsewhere", 1);
	setenv("PGPORT", "1234", 1);
	MR_CHECK(mr_pg_conninfo_problem("port=5501") != NULL);
	MR_REQUIRE(mr_pg_conninfo_build("host=a", "", "u", "d", "a", out, sizeof(out)));
	MR_CHECK(strstr(out, SECRET) == NULL);
	check_built(out, "user", "u");
	check_built(out, "host", "a");
	check_built(out, "port", "5432");
	unsetenv("PGPASSWORD");
	unsetenv("PGUSER");
	unsetenv("PGHOST");
	unsetenv("PGPORT");
}

MR_TEST(a_buffer_too_small_gives_an_empty_string)
{
	char whole[MR_PG_PEER_SIZE_OF_CONNINFO];
	size_t size;
	size_t needed;

	MR_REQUIRE(mr_pg_conninfo_build("host=a", "10.0.0.1", "u", "d", "a", whole, sizeof(whole)));
	needed = strlen(whole) + 1;
	for (size = 1; size <= needed; size++)
	{
		char *out = malloc(size);

		mr_unit_about("%zu of %zu bytes", size, needed);
		MR_CHECK(mr_pg_conninfo_build("host=a", "10.0.0.1", "u", "d", "a", out, size) ==
				 (size == needed));
		MR_CHECK_STRING(out, size == needed ? whole : "");
		free(out);
	}
	MR_CHECK(!mr_pg_conninfo_build("host=a", "10.0.0.1", "u", "d", "a", NULL, 0));
}

MR_TEST(single_values_can_be_asked_for)
{
	char out[16];
	char small[4];

	MR_CHECK(mr_pg_conninfo_value("host=abc port=12", "host", out, sizeof(out)));
	MR_CHECK_STRING(out, "abc");
	MR_CHECK(mr_pg_conninfo_value("host=abc port=12", "host", small, sizeof(small)));
	MR_CHECK(!mr_pg_conninfo_value("host=abcd port=12", "host", small, sizeof(small)));
	MR_CHECK_STRING(small, "");
	MR_CHECK(!mr_pg_conninfo_value("host=abc", "port", out, sizeof(out)));
	MR_CHECK_STRING(out, "");
	MR_CHECK(!mr_pg_conninfo_value("host=''", "host", out, sizeof(out)));
	MR_CHECK(!mr_pg_conninfo_value("host=abc", "colour", out, sizeof(out)));
	MR_CHECK(!mr_pg_conninfo_value("garbage", "host", out, sizeof(out)));
	MR_CHECK(mr_pg_conninfo_value("postgres://h:7/d", "port", out, sizeof(out)));
	MR_CHECK_STRING(out, "7");
}

/* ---------- the connecting node's own options ---------- */

static const struct
{
	const char *options;
	const char *problem; /* part of the sentence; NULL = none */
} options_cases[] = {
	{"", NULL},
	{"sslmode=verify-full", NULL},
	{"sslmode=verify-full sslrootcert=/t/ca.crt sslcert='/t/a b.crt' sslkey=/t/k sslcrl=/t/l",
	 NULL},
	{"passfile=/etc/multiregion/pgpass channel_binding=require", NULL},
	{"sslcert=''", NULL},
	{"sslrootcert=ca.crt", "not absolute"},
	{"sslkey=system", "not absolute"},
	{"sslcert= sslkey=/t/k", "not absolute"},
	{"passfile=~/.pgpass", "not absolute"},
	{"password=" SECRET, "password"},
	{"password=", "password"},
	{"sslpassword=" SECRET, "password"},
	{"host=10.0.0.9", "something else"},
	{"hostaddr=10.0.0.9", "something else"},
	{"user=postgres", "something else"},
	{"options=-cfsync=off", "something else"},
	{"gssencmode=prefer", "something else"},
	{"application_name=x", "something else"},
	{"target_session_attrs=primary", "something else"},
	{"service=x", "something else"},
	{"postgresql:///?sslmode=require", "URL"},
	{"sslmode", "cannot be parsed"},
	{"sslmode=require\nsslkey=/k", "control character"},
	{"colour=" SECRET, "cannot be parsed"},
};

MR_TEST(own_options_are_about_tls_and_passfile_only)
{
	size_t i;

	for (i = 0; i < sizeof(options_cases) / sizeof(options_cases[0]); i++)
	{
		const char *problem = mr_pg_options_problem(options_cases[i].options);

		mr_unit_about("%s", options_cases[i].options);
		if (options_cases[i].problem == NULL)
			MR_CHECK_STRING(problem, NULL);
		else
			MR_CHECK(problem != NULL && strstr(problem, options_cases[i].problem) != NULL);
		MR_CHECK(problem == NULL || strstr(problem, SECRET) == NULL);
	}
}

MR_TEST(own_options_may_be_as_long_as_they_say)
{
	char options[MR_PEER_OPTIONS_SIZE + 1] = "sslcert=/";

	memset(options + 9, 'x', MR_PEER_OPTIONS_SIZE - 9);
	MR_CHECK(mr_pg_options_problem(options) != NULL);
	options[MR_PEER_OPTIONS_SIZE - 1] = '\0';
	MR_CHECK_STRING(mr_pg_options_problem(options), NULL);
}

/* A row of a table must not be able to weaken what the node itself demands. */
MR_TEST(own_options_come_before_what_the_string_says)
{
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];
	char before[MR_PG_PEER_SIZE_OF_CONNINFO];

	MR_REQUIRE(mr_pg_conninfo_build("host=us.example sslmode=disable sslcert=/theirs", "10.0.0.1",
									"u", "d", "a", out, sizeof(out)));
	memcpy(before, out, sizeof(before));
	MR_CHECK(mr_pg_conninfo_add_options(out, sizeof(out), NULL));
	MR_CHECK(mr_pg_conninfo_add_options(out, sizeof(out), ""));
	MR_CHECK_STRING(out, before);
	MR_CHECK(!mr_pg_conninfo_add_options(out, sizeof(out), "host=elsewhere"));
	MR_CHECK(!mr_pg_conninfo_add_options(out, strlen(out) + 8, "sslmode=verify-full"));
	MR_CHECK_STRING(out, before);
	MR_CHECK(mr_pg_conninfo_add_options(out, sizeof(out),
										"sslmode=verify-full sslcert='/my own' passfile=/p"));
	check_built(out, "sslmode", "verify-full");
	check_built(out, "sslcert", "/my own");
	check_built(out, "passfile", "/p");
	check_built(out, "host", "us.example");
	check_built(out, "hostaddr", "10.0.0.1");
	check_built(out, "gssencmode", "disable");
}

/* Whatever a node's string may be, its completed form has room for them. */
MR_TEST(the_longest_options_fit_behind_the_longest_string)
{
	char conninfo[MR_CONNINFO_SIZE] = "host=";
	char options[MR_PEER_OPTIONS_SIZE] = "sslcert=/";
	char out[MR_PG_PEER_SIZE_OF_CONNINFO];
	size_t length;

	memset(options + 9, 'x', sizeof(options) - 10);
	for (length = sizeof(conninfo) - 1; length > 6; length--)
	{
		memset(conninfo + 5, 'h', length - 5);
		conninfo[length] = '\0';
		if (mr_pg_conninfo_problem(conninfo) == NULL)
			break;
	}
	MR_CHECK(length > 300);
	MR_REQUIRE(mr_pg_conninfo_build(conninfo, "10.0.0.1", "multiregion_peer", "postgres",
									"mr_0123456789abcdef0123456789abcdef", out, sizeof(out)));
	MR_CHECK(mr_pg_conninfo_add_option(out, sizeof(out), "-c multiregion.follow_term=12345678"));
	MR_CHECK(mr_pg_conninfo_add_options(out, sizeof(out), options));
}
