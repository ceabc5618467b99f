/*
 * libFuzzer: any text as a member's connection string. What is accepted can be built,
 * holds no password, and means the same when it is read and built again. Run by
 * test/fuzz/run.sh.
 */
#include "adapters/mr_pg_peer.h"
#include "fuzz/mr_fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const seeds[] = {
	"host=10.0.0.1 port=5501 user=u dbname=d passfile='/a b' options='-c a=\\'b\\''",
	"postgresql://u%20v@[::1]:5501/d?sslmode=require&application_name=a",
	"host=a,b port=1,2 password=x sslpassword=y service=z replication=true",
	"sslmode=verify-full sslcert='/a b' sslkey=/k\\\\ passfile=/p",
	"host=a hostaddr=10.0.0.1 target_session_attrs=read-write gssencmode=prefer",
};

MR_FUZZ_BEGIN_WITH(seeds)

static bool
build(const char *conninfo, char *out)
{
	return mr_pg_conninfo_build(conninfo, "10.0.0.9", "user", "database", "application", out,
								MR_PG_PEER_SIZE_OF_CONNINFO);
}

/* Every parameter has the same value in both. */
static bool
means_the_same(const char *a, const char *b)
{
	PQconninfoOption *a_options = PQconninfoParse(a, NULL);
	PQconninfoOption *b_options = PQconninfoParse(b, NULL);
	bool same = a_options != NULL && b_options != NULL;
	int i;

	for (i = 0; same && a_options[i].keyword != NULL; i++)
	{
		const char *a_value = a_options[i].val != NULL ? a_options[i].val : "";
		const char *b_value = b_options[i].val != NULL ? b_options[i].val : "";

		same = strcmp(a_value, b_value) == 0;
	}
	PQconninfoFree(a_options);
	PQconninfoFree(b_options);
	return same;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char first[MR_PG_PEER_SIZE_OF_CONNINFO];
	char second[MR_PG_PEER_SIZE_OF_CONNINFO];
	char value[MR_PG_PEER_SIZE_OF_CONNINFO];

	memcpy(text, data, size);
	text[size] = '\0';
	(void) mr_pg_conninfo_value(text, "host", value, sizeof(value));
	if (mr_pg_conninfo_problem(text) == NULL)
	{
		if (!build(text, first) || mr_pg_conninfo_value(first, "password", value, sizeof(value)))
			abort();
		/* A completed string may be too long for a member's. */
		if (mr_pg_conninfo_problem(first) == NULL &&
			(!build(first, second) || !means_the_same(first, second)))
			abort();
	}
	else if (build(text, first))
		abort();
	/* Options that may be added leave a string that can be parsed, to the same server. */
	if (build("host=10.0.0.1 port=7", first) &&
		mr_pg_conninfo_add_options(first, sizeof(first), text) &&
		(!mr_pg_conninfo_value(first, "host", value, sizeof(value)) ||
		 strcmp(value, "10.0.0.1") != 0 ||
		 mr_pg_conninfo_value(first, "password", value, sizeof(value)) ||
		 !mr_pg_conninfo_value(first, "port", value, sizeof(value)) || strcmp(value, "7") != 0))
		abort();
	free(text);
	return 0;
}
