/*
 * Reading the texts of a request: percent escapes, query strings, host names.
 *
 * Pure functions over bytes that a stranger sent. None of them looks at more than it
 * is given, none of them guesses: what is not well-formed is refused.
 */
#ifndef MR_HTTP_TEXT_H
#define MR_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum MrTextResult
{
	MR_TEXT_OK,
	MR_TEXT_ABSENT,    /* no such parameter */
	MR_TEXT_MALFORMED, /* a bad escape, a NUL, or not UTF-8 */
	MR_TEXT_TOO_LONG
} MrTextResult;

/*
 * Undoes percent escapes of length bytes into out (terminated, at most size - 1). '+'
 * stays itself in a path; plus_is_space is for query strings.
 */
extern MrTextResult mr_http_unescape(const char *text, size_t length, bool plus_is_space, char *out,
									 size_t size);

/* The first value of a parameter in a query string (NULL or without the '?'), unescaped. */
extern MrTextResult mr_http_query_value(const char *query, const char *name, char *out,
										size_t size);

/* true, 1, yes, on (and an empty value) or false, 0, no, off; false when it is neither. */
extern bool mr_http_parse_boolean(const char *text, bool *value);

/* Whether a Host header can be one: a name or address with an optional port. */
extern bool mr_http_host_is_valid(const char *host);

#endif /* MR_HTTP_TEXT_H */
