/*
 * How the sidecar reaches a member: the member's place and protection, our own login.
 */
#include "sidecar/mr_conninfo.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/conninfo.c"

static char text[MR_CONNINFO_SIZE];

static const char *
of_member(const char *member, const char *own)
{
	MrConninfo local;

	mr_unit_about("%s | %s", member, own);
	MR_CHECK(mr_conninfo_read(own, 0, &local) == NULL);
	MR_CHECK(mr_conninfo_of_member(member, &local, text, sizeof(text)));
	return text;
}

static bool
has(const char *part)
{
	return strstr(text, part) != NULL;
}

MR_TEST(place_is_the_members_login_is_ours)
{
	(void) of_member(
		"host=eu.example port=5433 user=peer dbname=x passfile=/peer application_name=y",
		"host=/run user=multiregion_api dbname=postgres password=geheim");
	MR_CHECK(has("host='eu.example'") && has("port='5433'"));
	MR_CHECK(has("user='multiregion_api'") && has("dbname='postgres'"));
	MR_CHECK(!has("peer") && !has("geheim") && !has("/run") && !has("application_name"));
	(void) of_member("host=b", "host=a user=u dbname=d passfile='/my file' client_encoding=UTF8");
	MR_CHECK(has("passfile='/my file'") && has("client_encoding='UTF8'") && has("host='b'"));
	MR_CHECK(!has("host='a'"));
}

MR_TEST(a_certificate_is_ours_and_what_is_checked_the_members)
{
	(void) of_member(
		"host=b sslmode=verify-full sslrootcert=/ca sslcert=/peer.crt sslkey=/peer.key",
		"host=a user=u dbname=d sslmode=prefer sslcert=/api.crt sslkey=/api.key");
	MR_CHECK(has("sslmode='verify-full'") && has("sslrootcert='/ca'"));
	MR_CHECK(has("sslcert='/api.crt'") && has("sslkey='/api.key'"));
	MR_CHECK(!has("peer") && !has("prefer"));
	(void) of_member("host=b", "host=a user=u dbname=d sslmode=verify-full sslrootcert=/ca");
	MR_CHECK(has("sslmode='verify-full'") && has("sslrootcert='/ca'"));
}

MR_TEST(what_cannot_be_used_is_not)
{
	char member[MR_CONNINFO_SIZE];
	MrConninfo local;

	MR_CHECK(mr_conninfo_read("host=a user=u dbname=d", 0, &local) == NULL);
	MR_CHECK(!mr_conninfo_of_member("no string", &local, text, sizeof(text)));
	snprintf(member, sizeof(member), "host=%0490d", 1);
	MR_CHECK(!mr_conninfo_of_member(member, &local, text, sizeof(text)));
}
