/*
 * HAProxy's side of the conversation; see mr_haproxy_text.h. It must believe nothing of
 * what it reads. Called by haproxy_feed.c and its parts.
 */
#include "sidecar/mr_haproxy_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
mr_haproxy_is_key(const char *tenant)
{
	const unsigned char *byte = (const unsigned char *) tenant;

	if (*byte == '\0' || strlen(tenant) > 255)
		return false;
	for (; *byte != '\0'; byte++)
		if (*byte <= ' ' || *byte == 0x7f)
			return false;
	return true;
}

bool
mr_haproxy_escape(const char *word, char *out, size_t size)
{
	size_t length = 0;

	for (; *word != '\0'; word++)
	{
		if (length + 3 > size)
			return false;
		if (strchr("\\;<\"' ", *word) != NULL)
			out[length++] = '\\';
		out[length++] = *word;
	}
	out[length] = '\0';
	return true;
}

int64_t
mr_haproxy_number(const char *line, const char *word)
{
	size_t length = strlen(word);
	char *end;
	long long number;

	if (strncmp(line, word, length) != 0)
		return -1;
	errno = 0;
	number = strtoll(line + length, &end, 10);
	return end != line + length && errno == 0 && number >= 0 ? number : -1;
}

/* The number after the last place of a word, or -1. */
static int64_t
last_number(const char *line, const char *word)
{
	const char *found = NULL;
	const char *next = line;

	while ((next = strstr(next, word)) != NULL)
		found = next++;
	return found != NULL ? mr_haproxy_number(found, word) : -1;
}

bool
mr_haproxy_map_line(const char *line, const char *file, MrHaproxyMapState *state)
{
	const char *open = strchr(line, '(');
	size_t length = strlen(file);

	if (open == NULL || !isdigit((unsigned char) line[0]) || strncmp(open + 1, file, length) != 0 ||
		open[1 + length] != ')')
		return false;
	state->version = last_number(line, "curr_ver=");
	state->entries = last_number(line, "entry_cnt=");
	return true;
}

/* FNV-1a over "key value", stirred: sums of it are compared. */
static uint64_t
hash_of(const char *text, size_t length, uint64_t hash)
{
	size_t i;

	for (i = 0; i < length; i++)
		hash = (hash ^ (unsigned char) text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t
stir(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

bool
mr_haproxy_digest_line(const char *line, uint64_t *digest)
{
	const char *entry = strchr(line, ' ');

	if (strncmp(line, "0x", 2) != 0 || entry == NULL)
		return false;
	entry++;
	*digest += stir(hash_of(entry, strlen(entry), UINT64_C(0xcbf29ce484222325)));
	return true;
}

void
mr_haproxy_digest(const char *key, const char *value, uint64_t *digest)
{
	uint64_t hash = hash_of(key, strlen(key), UINT64_C(0xcbf29ce484222325));

	hash = hash_of(" ", 1, hash);
	*digest += stir(hash_of(value, strlen(value), hash));
}

bool
mr_haproxy_server_line(const char *line, MrHaproxyServer *server)
{
	char admin[16];
	char *end;

	/* be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state ... */
	if (!isdigit((unsigned char) line[0]) ||
		sscanf(line, "%*s %127s %*s %127s %*s %*s %15s", server->backend, server->name, admin) != 3)
		return false;
	server->admin_state = (unsigned) strtoul(admin, &end, 10);
	return *end == '\0' && end != admin;
}
