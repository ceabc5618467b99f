/*
 * Takes connection strings apart with libpq's own parser; see mr_conninfo.h.
 * It must never connect, resolve a name, or log. Called by settings, init and
 * primary.c.
 */
#include "sidecar/mr_conninfo.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

static bool
copy(char *out, size_t size, const char *value)
{
	if (strlen(value) >= size)
		return false;
	memcpy(out, value, strlen(value) + 1);
	return true;
}

bool
mr_conninfo_append(char *text, size_t size, const char *keyword, const char *value)
{
	size_t length = strlen(text);
	size_t start = length;
	const char *c;

	/* blank, keyword, =, two quotes, NUL; every character of the value may double */
	if (length + strlen(keyword) + 2 * strlen(value) + 5 > size)
		return false;
	if (length > 0)
		text[length++] = ' ';
	memcpy(text + length, keyword, strlen(keyword));
	length += strlen(keyword);
	text[length++] = '=';
	text[length++] = '\'';
	for (c = value; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7F)
		{
			text[start] = '\0';
			return false;
		}
		if (*c == '\'' || *c == '\\')
			text[length++] = '\\';
		text[length++] = *c;
	}
	text[length++] = '\'';
	text[length] = '\0';
	return true;
}

bool
mr_conninfo_is_numeric(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return host[0] == '/' || host[0] == '@' || inet_pton(AF_INET, host, address) == 1 ||
		   inet_pton(AF_INET6, host, address) == 1;
}

/* Keeps one option that was given; NULL when well. */
static const char *
take_option(const char *keyword, const char *value, unsigned int without, MrConninfo *out)
{
	static const char too_long[] = "A part of the connection string is too long.";
	struct
	{
		const char *keyword;
		char *copy;
		size_t size;
		bool kept;
	} known[] = {
		{"host", out->host, sizeof(out->host), true},
		{"hostaddr", out->hostaddr, sizeof(out->hostaddr), true},
		{"port", out->port, sizeof(out->port), true},
		{"user", out->user, sizeof(out->user), (without & MR_CONNINFO_WITHOUT_USER) == 0},
		{"dbname", out->dbname, sizeof(out->dbname), (without & MR_CONNINFO_WITHOUT_DATABASE) == 0},
		{"password", out->password, sizeof(out->password), false},
	};
	bool kept = true;
	size_t i;

	if (strcmp(keyword, "password") == 0 && value[strcspn(value, "\r\n")] != '\0')
		return "The password in the connection string holds a line break.";
	if (strcmp(keyword, "sslpassword") == 0)
		return "The connection string holds the password of a key file; use a key without one.";
	if (strcmp(keyword, "service") == 0)
		return "The connection string names a service; write out host and port.";
	if ((strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
		 strcmp(keyword, "port") == 0) &&
		strchr(value, ',') != NULL)
		return "The connection string names several hosts; it must name one.";
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].keyword, keyword) == 0)
		{
			kept = known[i].kept;
			if (!copy(known[i].copy, known[i].size, value))
				return too_long;
		}
	if (kept && !mr_conninfo_append(out->text, sizeof(out->text), keyword, value))
		return "The connection string is too long, or holds a control character.";
	return NULL;
}

static bool
is_port(const char *text)
{
	long port = strtol(text, NULL, 10);

	return text[strspn(text, "0123456789")] == '\0' && port >= 1 && port <= 65535;
}

const char *
mr_conninfo_read(const char *url, unsigned int without, MrConninfo *out)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(url, &message);
	const PQconninfoOption *option;
	const char *problem = NULL;

	memset(out, 0, sizeof(*out));
	PQfreemem(message); /* it quotes the string */
	if (options == NULL)
		return "It is not a connection URL or string that libpq understands.";
	for (option = options; option->keyword != NULL && problem == NULL; option++)
		if (option->val != NULL && option->val[0] != '\0')
			problem = take_option(option->keyword, option->val, without, out);
	PQconninfoFree(options);
	if (problem != NULL)
		return problem;
	/* Of a password with an @ the rest would be a host's name, which is no secret. */
	if (out->host[0] != '\0' && strchr(out->host + 1, '@') != NULL)
		return "The host in the connection string holds an \"@\"; in a password, write it as %40.";
	if (out->host[0] == '\0' && out->hostaddr[0] == '\0' &&
		(without & MR_CONNINFO_WITHOUT_HOST) == 0)
		return "The connection string names no host.";
	if (out->port[0] == '\0')
		copy(out->port, sizeof(out->port), "5432");
	if (!is_port(out->port))
		return "The port in the connection string is not a number from 1 to 65535.";
	return NULL;
}

static bool
is_one_of(const char *keyword, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(keyword, *list) == 0)
			return true;
	return false;
}

static const char *
option_value(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	return NULL;
}

/* Which keywords of a member's string are a peer's own business, and ours in its place. */
static const char *const own_keywords[] = {
	"user",    "dbname",          "password", "passfile",         "sslcert", "sslkey",
	"options", "client_encoding", "service",  "application_name", NULL,
};

static bool
append_all(char *out, size_t size, const PQconninfoOption *member, const PQconninfoOption *own)
{
	const PQconninfoOption *option;
	bool good = true;

	for (option = member; option->keyword != NULL; option++)
		if (option->val != NULL && option->val[0] != '\0' &&
			!is_one_of(option->keyword, own_keywords))
			good &= mr_conninfo_append(out, size, option->keyword, option->val);
	for (option = own; option->keyword != NULL; option++)
	{
		bool protects = strncmp(option->keyword, "ssl", 3) == 0 ||
						strcmp(option->keyword, "channel_binding") == 0 ||
						strcmp(option->keyword, "require_auth") == 0;

		if (option->val != NULL && option->val[0] != '\0' &&
			(is_one_of(option->keyword, own_keywords) ||
			 (protects && option_value(member, option->keyword) == NULL)))
			good &= mr_conninfo_append(out, size, option->keyword, option->val);
	}
	return good;
}

bool
mr_conninfo_of_member(const char *member, const MrConninfo *own, char *out, size_t size)
{
	PQconninfoOption *theirs = PQconninfoParse(member, NULL);
	PQconninfoOption *ours = PQconninfoParse(own->text, NULL);
	bool good;

	out[0] = '\0';
	good = theirs != NULL && ours != NULL && append_all(out, size, theirs, ours);
	PQconninfoFree(theirs);
	PQconninfoFree(ours);
	return good;
}
