/*
 * Errors of the API: their list as a table, SQLSTATE to HTTP status, their JSON.
 * It must never add a text of its own to what it is given. Called by server, service
 * and endpoints.
 */
#include "sidecar/mr_http_error.h"

#include <stddef.h>
#include <string.h>

#include "adapters/mr_json.h"

typedef struct ErrorEntry
{
	const char *code;
	int status;
	const char *message;
	const char *hint;
} ErrorEntry;

#define ERROR_ENTRY(symbol, code, status, message, hint) [symbol] = {code, status, message, hint},

static const ErrorEntry entries[MR_HTTP_ERROR_COUNT] = {MR_HTTP_ERROR_LIST(ERROR_ENTRY)};

/* The first entry whose prefix fits decides. */
static const struct
{
	const char *sqlstate;
	int status;
} statuses[] = {
	{"08", 503},    /* connection */
	{"22", 400},    /* data exception: something the client sent */
	{"23503", 409}, /* a referenced row is missing or still used */
	{"23505", 409}, /* exists already */
	{"23", 400},    /* other constraints */
	{"25006", 503}, /* read-only or fenced: another node takes it */
	{"28", 503},    /* our own login was refused: not the client's fault */
	{"3D", 503},    /* our database does not exist */
	{"3F", 503},    /* the extension is not installed there */
	{"2BP01", 409}, /* others depend on it */
	{"40", 409},    /* serialization, deadlock: try again */
	{"42501", 403}, /* no privilege */
	{"42602", 400}, /* not a valid name */
	{"42704", 404}, /* undefined object: a region or node that is not there */
	{"42710", 409}, /* duplicate object */
	{"42883", 503}, /* the extension is not installed, or another version */
	{"42P01", 503}, /* the same, of a table */
	{"53", 503},    /* out of resources */
	{"54", 413},    /* program limit */
	{"55", 409},    /* object not in the prerequisite state */
	{"57014", 504}, /* cancelled: took too long */
	{"57P", 503},   /* shutting down, starting up, crashed */
	{"P0002", 404}, /* no data found */
};

const char *
mr_http_error_code(MrHttpError error)
{
	return entries[error].code;
}

int
mr_http_error_status(MrHttpError error)
{
	return entries[error].status;
}

const char *
mr_http_error_message(MrHttpError error)
{
	return entries[error].message;
}

const char *
mr_http_error_hint(MrHttpError error)
{
	return entries[error].hint;
}

MrHttpError
mr_http_error_of_status(int status)
{
	int i;

	for (i = 0; i < MR_HTTP_ERROR_COUNT; i++)
		if (entries[i].status == status)
			return (MrHttpError) i;
	return status < 500 ? MR_ERROR_BAD_REQUEST : MR_ERROR_INTERNAL;
}

int
mr_http_status_of_sqlstate(const char *sqlstate)
{
	size_t i;

	if (sqlstate == NULL)
		return 500;
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (strncmp(sqlstate, statuses[i].sqlstate, strlen(statuses[i].sqlstate)) == 0)
			return statuses[i].status;
	return 500;
}

char *
mr_http_error_body_of(const char *code, const char *message, const char *details, const char *hint)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_json_add_string(&json, root, "code", code);
	mr_json_add_string(&json, root, "message", message);
	mr_json_add_string(&json, root, "details", details);
	mr_json_add_string(&json, root, "hint", hint);
	return mr_json_end(&json);
}

char *
mr_http_error_body(MrHttpError error, const char *details)
{
	const ErrorEntry *entry = &entries[error];

	return mr_http_error_body_of(entry->code, entry->message, details, entry->hint);
}

const char *
mr_http_reason(int status)
{
	static const struct
	{
		int status;
		const char *reason;
	} reasons[] = {
		{200, "OK"},
		{202, "Accepted"},
		{204, "No Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{417, "Expectation Failed"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}
