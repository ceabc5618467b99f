/*
 * libFuzzer: lines as HAProxy's runtime socket answers, and tenants as strangers name them.
 * No line makes more of itself than it says; what is given to HAProxy as a key or a word is
 * one word to it, and is found again in what it answers. Run by test/fuzz/run.sh.
 */
#include "fuzz/mr_fuzz.h"
#include "sidecar/mr_haproxy_text.h"

#include <string.h>

#include "sidecar/haproxy_text.c"

#define FILE_OF_MAP "/etc/haproxy/multiregion/tenants.map"

static const char *const seeds[] = {
	"Pid: 4711",
	"New version created: 12",
	"1 (" FILE_OF_MAP ") pattern loaded from file '" FILE_OF_MAP
	"' used by map at file 'haproxy.cfg' line 94. curr_ver=3 next_ver=4 entry_cnt=10000",
	"0x55d0c0ffee00 acme EU_WEST,AP_SOUTHEAST",
	"4 region_EU_WEST 1 EU_WEST 127.0.0.1 2 8 1 1 6 6 3 7 6 0 0 0 - 8080 - 0 0 - - 0",
	"odd;\\\"x'< EU_WEST",
	"pin EU_WEST,!",
};

MR_FUZZ_BEGIN_WITH(seeds)

/* What a line of HAProxy is taken for. */
static void
try_line(const char *line)
{
	MrHaproxyMapState state;
	MrHaproxyServer server;
	uint64_t digest = 7;

	if (mr_haproxy_number(line, "Pid: ") < -1 || mr_haproxy_number(line, line) < -1)
		abort();
	if (mr_haproxy_map_line(line, FILE_OF_MAP, &state) &&
		(state.version < -1 || state.entries < -1 || strstr(line, "(" FILE_OF_MAP ")") == NULL))
		abort();
	if (mr_haproxy_server_line(line, &server) &&
		(server.backend[0] == '\0' || server.name[0] == '\0' ||
		 strstr(line, server.backend) == NULL || strstr(line, server.name) == NULL))
		abort();
	if (!mr_haproxy_digest_line(line, &digest) && digest != 7)
		abort();
}

/* An entry that was added is what "show map" shows, and only that. */
static void
try_entry(const char *key, const char *value)
{
	size_t size = strlen(key) + strlen(value) + 32;
	char *line = malloc(size);
	uint64_t given = 0;
	uint64_t seen = 0;

	snprintf(line, size, "0x55d0c0ffee00 %s %s", key, value);
	mr_haproxy_digest(key, value, &given);
	if (!mr_haproxy_digest_line(line, &seen) || seen != given)
		abort();
	free(line);
}

/* HAProxy reads a command to a blank or ';' and takes what follows a backslash as it is. */
static void
try_word(const char *tenant)
{
	char word[2 * 256];
	const char *at = word;

	if (!mr_haproxy_escape(tenant, word, sizeof(word)))
		abort();
	for (; *tenant != '\0'; tenant++, at++)
	{
		if (*at == '\\')
			at++;
		else if (strchr(" ;<\"'", *at) != NULL)
			abort();
		if (*at != *tenant)
			abort();
	}
	if (*at != '\0')
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *rest;

	memcpy(text, data, size);
	text[size] = '\0';
	try_line(text);
	/* "key value" */
	rest = strchr(text, ' ');
	if (rest != NULL)
		*rest++ = '\0';
	if (mr_haproxy_is_key(text))
	{
		try_word(text);
		if (rest != NULL)
			try_entry(text, rest);
	}
	if (text[0] != '\0')
		try_value(text, rest);
	free(text);
	return 0;
}
