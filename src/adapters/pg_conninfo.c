/*
 * Connection strings of members: what may be one, and how it is completed before use.
 *
 * libpq parses; nothing here does, except that values are quoted again. A string
 * holds no secret to begin with (mr_pg_conninfo_problem refuses it), and no text of
 * a refused one is ever repeated in a message: what does not parse may be a password.
 *
 * Never connects and never resolves a name. Called by pg_peer.c, the gate of the
 * walreceiver, the functions that add a node, and multiregion-join.
 */
#include "adapters/mr_pg_peer.h"

#include <stdlib.h>
#include <string.h>

typedef struct Text
{
	char *out;
	size_t size;
	size_t length;
	bool failed;
} Text;

static const char *
value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
	{
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	}
	return NULL;
}

/* PostgreSQL's own port: $PGPORT of a server must not decide where its peers listen. */
static const char *
default_port(const PQconninfoOption *options)
{
	for (; options->keyword != NULL; options++)
	{
		if (strcmp(options->keyword, "port") == 0 && options->compiled != NULL)
			return options->compiled;
	}
	return "";
}

static bool
is_given(const PQconninfoOption *options, const char *keyword)
{
	const char *value = value_of(options, keyword);

	return value != NULL && value[0] != '\0';
}

static bool
knows(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
	{
		if (strcmp(options->keyword, keyword) == 0)
			return true;
	}
	return false;
}

/*
 * Even an empty value counts: of "password=x password=" libpq reports the last one
 * only, and the first would still travel in every copy of the string.
 */
static bool
holds_secret(const PQconninfoOption *options)
{
	for (; options->keyword != NULL; options++)
	{
		if (options->val != NULL && (strchr(options->dispchar, '*') != NULL ||
									 strstr(options->keyword, "password") != NULL ||
									 strstr(options->keyword, "secret") != NULL))
			return true;
	}
	return false;
}

static bool
names_several(const PQconninfoOption *options)
{
	static const char *const keywords[] = {"host", "hostaddr", "port"};
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
	{
		const char *value = value_of(options, keywords[i]);

		if (value != NULL && strchr(value, ',') != NULL)
			return true;
	}
	return false;
}

static bool
is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long port = digits > 0 && digits <= 5 ? strtol(text, NULL, 10) : 0;

	return text[digits] == '\0' && port >= 1 && port <= 65535;
}

static const char *
options_problem(const PQconninfoOption *options)
{
	if (holds_secret(options))
		return "The connection string holds a password; use a passfile or certificates.";
	if (value_of(options, "service") != NULL)
		return "The connection string names a service; write out host and port.";
	if (value_of(options, "replication") != NULL)
		return "The connection string sets replication, which is chosen by the connecting node.";
	if (names_several(options))
		return "The connection string names more than one host; it must name the node's own.";
	if (!is_given(options, "host") && !is_given(options, "hostaddr"))
		return "The connection string names no host.";
	if (is_given(options, "port") && !is_port(value_of(options, "port")))
		return "The port in the connection string is not a number from 1 to 65535.";
	return NULL;
}

static void
append(Text *text, const char *part, size_t length)
{
	if (text->failed || length >= text->size - text->length)
	{
		text->failed = true;
		return;
	}
	memcpy(text->out + text->length, part, length);
	text->length += length;
	text->out[text->length] = '\0';
}

/* keyword='value', quoted only where libpq's parser would need it. */
static void
append_option(Text *text, const char *keyword, const char *value)
{
	static const char safe[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@%+,!";
	bool quote;

	if (value == NULL || value[0] == '\0')
		return;
	if (text->length > 0)
		append(text, " ", 1);
	append(text, keyword, strlen(keyword));
	quote = value[strspn(value, safe)] != '\0';
	append(text, quote ? "='" : "=", quote ? 2 : 1);
	for (; *value != '\0'; value++)
	{
		if (*value == '\'' || *value == '\\')
			append(text, "\\", 1);
		append(text, value, 1);
	}
	if (quote)
		append(text, "'", 1);
}

/* What a connection needs to end when the network is gone, and to stay with one server. */
static void
append_options(Text *text, const PQconninfoOption *options, const char *hostaddr, const char *user,
			   const char *dbname, const char *application)
{
	const char *host = value_of(options, "host");
	bool socket_directory = host != NULL && (host[0] == '/' || host[0] == '@');
	const struct
	{
		const char *keyword;
		const char *value;
		bool always;
	} ours[] = {
		/* what a certificate is compared with, where no name is given */
		{"host", value_of(options, "hostaddr"), false},
		{"hostaddr", socket_directory ? "" : hostaddr, false},
		{"port", default_port(options), false},
		{"user", user, false},
		{"dbname", dbname, false},
		{"application_name", application, true},
		{"gssencmode", "disable", true},
		/* Of libpq 16 and later: GSSAPI and SSPI may wait for a ticket server. */
		{"require_auth", knows(options, "require_auth") ? "!gss,!sspi" : "", false},
		{"target_session_attrs", "any", true},
		{"keepalives", "1", false},
		{"keepalives_idle", "5", false},
		{"keepalives_interval", "2", false},
		{"keepalives_count", "3", false},
		{"tcp_user_timeout", "10000", false},
	};
	const PQconninfoOption *option;
	size_t i;

	for (option = options; option->keyword != NULL; option++)
	{
		bool replaced = false;

		for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
			replaced |= ours[i].always && strcmp(ours[i].keyword, option->keyword) == 0;
		if (!replaced && option->val != NULL)
			append_option(text, option->keyword, option->val);
	}
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
	{
		if (ours[i].always || !is_given(options, ours[i].keyword))
			append_option(text, ours[i].keyword, ours[i].value);
	}
}

/* Quoting can lengthen a string: better refused when it is set than when it is used. */
static bool
fits_completed(const PQconninfoOption *options)
{
	static const char longest[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	char out[MR_PG_PEER_SIZE_OF_COMPLETED];
	Text text = {.out = out, .size = sizeof(out)};

	append_options(&text, options, longest, longest, longest, longest);
	append_option(&text, "options", value_of(options, "options"));
	append_option(&text, "options", longest); /* see mr_pg_conninfo_add_option() */
	return !text.failed;
}

/* libpq's own error text is dropped: it quotes the string. */
static PQconninfoOption *
parse(const char *conninfo)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &message);

	PQfreemem(message);
	return options;
}

const char *
mr_pg_conninfo_problem(const char *conninfo)
{
	PQconninfoOption *options;
	const char *problem;
	const char *c;

	if (strlen(conninfo) >= MR_CONNINFO_SIZE)
		return "The connection string is too long.";
	for (c = conninfo; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7F)
			return "The connection string contains a line break or another control character.";
	}
	options = parse(conninfo);
	if (options == NULL)
		return "The connection string cannot be parsed.";
	problem = options_problem(options);
	if (problem == NULL && !fits_completed(options))
		problem = "The connection string is too long.";
	PQconninfoFree(options);
	return problem;
}

bool
mr_pg_conninfo_value(const char *conninfo, const char *keyword, char *out, size_t size)
{
	PQconninfoOption *options = parse(conninfo);
	Text text = {.out = out, .size = size};
	bool given;

	if (size > 0)
		out[0] = '\0';
	if (options == NULL)
		return false;
	given = is_given(options, keyword);
	if (given)
	{
		const char *value = value_of(options, keyword);

		append(&text, value, strlen(value));
	}
	PQconninfoFree(options);
	return given && !text.failed;
}

bool
mr_pg_conninfo_build(const char *conninfo, const char *hostaddr, const char *user,
					 const char *dbname, const char *application, char *out, size_t size)
{
	PQconninfoOption *options;
	Text text = {.out = out, .size = size};

	if (size > 0)
		out[0] = '\0';
	if (mr_pg_conninfo_problem(conninfo) != NULL)
		return false;
	options = parse(conninfo);
	if (options == NULL)
		return false;
	append_options(&text, options, hostaddr, user, dbname, application);
	PQconninfoFree(options);
	if (text.failed && size > 0)
		out[0] = '\0';
	return !text.failed;
}

bool
mr_pg_conninfo_add_option(char *conninfo, size_t size, const char *option)
{
	Text text = {.out = conninfo, .size = size, .length = strlen(conninfo)};
	size_t before = text.length;
	char all[MR_PG_PEER_SIZE_OF_CONNINFO];
	Text joined = {.out = all, .size = sizeof(all)};

	if (mr_pg_conninfo_value(conninfo, "options", all, sizeof(all)))
	{
		joined.length = strlen(all);
		append(&joined, " ", 1);
	}
	append(&joined, option, strlen(option));
	/* of a keyword that comes twice libpq takes the last one */
	append_option(&text, "options", all);
	if (!text.failed && !joined.failed)
		return true;
	conninfo[before] = '\0';
	return false;
}

/* ---------- the connecting node's own options ---------- */

/* Those whose value is a file or folder of this machine, and the others. */
static const char *const path_keywords[] = {"sslcert", "sslkey",    "sslrootcert",
											"sslcrl",  "sslcrldir", "passfile"};
static const char *const word_keywords[] = {"sslmode",
											"sslsni",
											"ssl_min_protocol_version",
											"ssl_max_protocol_version",
											"channel_binding",
											"sslcertmode",
											"sslnegotiation"};

static bool
is_among(const char *keyword, const char *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
	{
		if (strcmp(list[i], keyword) == 0)
			return true;
	}
	return false;
}

/* The server, multiregion-join and the programs it runs work in different folders. */
static bool
is_absolute(const char *keyword, const char *value)
{
	return value[0] == '/' || value[0] == '\0' ||
		   (strcmp(keyword, "sslrootcert") == 0 && strcmp(value, "system") == 0);
}

static const char *
own_options_problem(const PQconninfoOption *options)
{
	if (holds_secret(options))
		return "They hold a password; use a passfile, or a key file without a passphrase.";
	for (; options->keyword != NULL; options++)
	{
		bool path = is_among(options->keyword, path_keywords,
							 sizeof(path_keywords) / sizeof(path_keywords[0]));

		if (options->val == NULL)
			continue;
		if (!path && !is_among(options->keyword, word_keywords,
							   sizeof(word_keywords) / sizeof(word_keywords[0])))
			return "They hold something else than options for TLS (ssl..., channel_binding) and "
				   "passfile; all else belongs into the connection strings of the nodes.";
		if (path && !is_absolute(options->keyword, options->val))
			return "A path in them is not absolute.";
	}
	return NULL;
}

const char *
mr_pg_options_problem(const char *options)
{
	PQconninfoOption *parsed;
	const char *problem;
	const char *c;

	if (strlen(options) >= MR_PEER_OPTIONS_SIZE)
		return "They are too long.";
	for (c = options; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7F)
			return "They contain a line break or another control character.";
	}
	if (strncmp(options, "postgres", 8) == 0)
		return "They are a URL, not pairs of keyword and value.";
	parsed = parse(options);
	if (parsed == NULL)
		return "They cannot be parsed as pairs of keyword and value.";
	problem = own_options_problem(parsed);
	PQconninfoFree(parsed);
	return problem;
}

bool
mr_pg_conninfo_add_options(char *conninfo, size_t size, const char *options)
{
	Text text = {.out = conninfo, .size = size, .length = strlen(conninfo)};
	size_t before = text.length;

	if (options == NULL || options[0] == '\0')
		return true;
	if (mr_pg_options_problem(options) == NULL)
	{
		/* of a keyword that comes twice libpq takes the last one */
		append(&text, " ", 1);
		append(&text, options, strlen(options));
		if (!text.failed)
			return true;
	}
	conninfo[before] = '\0';
	return false;
}
