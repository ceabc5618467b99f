/*
 * Errors of the API: {"code", "message", "details", "hint"}, as PostgreSQL has them.
 *
 * `code` is a word of the list below for errors of our own, or PostgreSQL's SQLSTATE
 * for one that came from the database. docs/errors.md follows this list (a test
 * compares them).
 */
#ifndef MR_HTTP_ERROR_H
#define MR_HTTP_ERROR_H

/* X(symbol, code, status, message, hint) */
#define MR_HTTP_ERROR_LIST(X) \
	X(MR_ERROR_BAD_REQUEST, "bad_request", 400, "the request cannot be read", \
	  "Send a well-formed HTTP/1.1 request with one Host header and at most one Content-Length.") \
	X(MR_ERROR_BAD_TENANT, "bad_tenant", 400, "the tenant id cannot be read", \
	  "A tenant id is 1 to 255 bytes of percent-encoded UTF-8 without NUL.") \
	X(MR_ERROR_BAD_PARAMETER, "bad_parameter", 400, "a query parameter cannot be read", \
	  "docs/http-api.md lists the parameters of each path.") \
	X(MR_ERROR_BAD_TOKEN, "bad_token", 400, "the token of the read cannot be used", \
	  "Forget it: no read has to wait for it.") \
	X(MR_ERROR_NOT_FOUND, "not_found", 404, "there is no such path", \
	  "GET /api lists the paths of this API.") \
	X(MR_ERROR_UNKNOWN_TENANT, "unknown_tenant", 404, "the tenant is not registered", \
	  "Without strict=true the answer is the tenant's default region.") \
	X(MR_ERROR_METHOD_NOT_ALLOWED, "method_not_allowed", 405, \
	  "the path does not take this method", "The Allow header lists the methods it takes.") \
	X(MR_ERROR_REQUEST_TIMEOUT, "request_timeout", 408, "the request took too long to arrive", \
	  "Send the whole request within MULTIREGION_HTTP_REQUEST_TIMEOUT.") \
	X(MR_ERROR_TOO_LARGE, "request_too_large", 413, "the request body is too large", \
	  "Send at most 64 kB.") \
	X(MR_ERROR_LONG_HEADERS, "headers_too_large", 431, "the request line or headers are too long", \
	  "Send at most 16 kB of them.") \
	X(MR_ERROR_EXPECTATION, "expectation_failed", 417, "the Expect header cannot be met", \
	  "Only \"100-continue\" is understood.") \
	X(MR_ERROR_TOO_MANY, "too_many_requests", 429, "this client asks for too many changes", \
	  "Try again after the time in Retry-After.") \
	X(MR_ERROR_INTERNAL, "internal_error", 500, "the request failed inside multiregiond", \
	  "Its log says more.") \
	X(MR_ERROR_UNKNOWN_METHOD, "method_unknown", 501, "the method is not known", \
	  "GET /api lists the paths of this API and their methods.") \
	X(MR_ERROR_NOT_OURS, "not_implemented", 501, "multiregiond does not do this", \
	  "The details say who does.") \
	X(MR_ERROR_NO_CONFIG, "no_config", 502, "the policies have not been read yet", \
	  "Ask again when the local database answers.") \
	X(MR_ERROR_FAILSAFE_OFF, "failsafe_off", 502, "there is no failsafe mode", \
	  "Without a majority nothing is written, and that is what makes it safe.") \
	X(MR_ERROR_DATABASE_UNAVAILABLE, "database_unavailable", 503, \
	  "the local database does not answer", "Try again, or ask another region.") \
	X(MR_ERROR_BUSY, "busy", 503, "too many requests wait for the database", \
	  "Try again after the time in Retry-After.") \
	X(MR_ERROR_NO_TOKEN, "no_token", 403, "changes over HTTP are switched off", \
	  "Set MULTIREGION_API_TOKEN or MULTIREGION_API_TOKEN_FILE of multiregiond, and send that " \
	  "token as \"Authorization: Bearer TOKEN\".") \
	X(MR_ERROR_UNAUTHORIZED, "unauthorized", 401, \
	  "the request brings no token that is known here", \
	  "Send one of multiregiond's tokens as \"Authorization: Bearer TOKEN\".") \
	X(MR_ERROR_MEDIA_TYPE, "unsupported_media_type", 415, "the body is not said to be JSON", \
	  "Send JSON, and \"Content-Type: application/json\".") \
	X(MR_ERROR_BAD_BODY, "bad_body", 400, "the body cannot be read", \
	  "docs/http-api.md shows the body of each path.") \
	X(MR_ERROR_UNKNOWN_REGION, "unknown_region", 422, "there is no such region", \
	  "GET /api/regions lists the regions.") \
	X(MR_ERROR_STALE_VERSION, "stale_version", 409, "the tenant was changed by somebody else", \
	  "Read the tenant again, and decide with what it says now.") \
	X(MR_ERROR_NOT_DONE, "not_done", 503, "no primary could make the change", \
	  "Nothing was changed. Try again after the time in Retry-After.") \
	X(MR_ERROR_OUTCOME_UNKNOWN, "outcome_unknown", 503, \
	  "the primary was lost before it said whether the change is made", \
	  "Read before trying again: the change may have been made, or may still be.") \
	X(MR_ERROR_UNKNOWN_TARGET, "unknown_target", 404, "there is no such region or node", \
	  "GET /api/regions lists the regions.") \
	X(MR_ERROR_ALREADY_PRIMARY, "already_primary", 409, "the primary is there already", \
	  "There is nothing to do.") \
	X(MR_ERROR_IN_PROGRESS, "in_progress", 409, "another change of the primary is under way", \
	  "Look at GET /api/regions/health/failover, and try again.") \
	X(MR_ERROR_REFUSED, "refused", 412, "the region cannot become the primary now", \
	  "The rule and the reason of each node say why.") \
	X(MR_ERROR_PENDING, "pending", 504, "the region is not the primary yet", \
	  "Ask again at GET /api/regions/failover/ with the failoverId.") \
	X(MR_ERROR_UNKNOWN_FAILOVER, "unknown_failover", 404, \
	  "nothing is known here of such a failover", \
	  "Ask with the failoverId that the order gave; GET /api/regions/health/failover has the " \
	  "last one.") \
	X(MR_ERROR_NO_LEADER, "no_leader", 404, "no leader is known here", \
	  "GET /api/health says what this node knows.")

#define MR_ERROR_ENUM(symbol, code, status, message, hint) symbol,
typedef enum MrHttpError
{
	MR_HTTP_ERROR_LIST(MR_ERROR_ENUM) MR_HTTP_ERROR_COUNT
} MrHttpError;
#undef MR_ERROR_ENUM

/* Parts of an entry of the list. */
extern const char *mr_http_error_code(MrHttpError error);
extern int mr_http_error_status(MrHttpError error);
extern const char *mr_http_error_message(MrHttpError error);
extern const char *mr_http_error_hint(MrHttpError error);

/* The entry with this HTTP status; MR_ERROR_BAD_REQUEST or _INTERNAL if there is none. */
extern MrHttpError mr_http_error_of_status(int status);

/* The HTTP status for a SQLSTATE (NULL or five characters). */
extern int mr_http_status_of_sqlstate(const char *sqlstate);

/*
 * The body of an error, to be freed with free(); NULL without memory. details may be
 * NULL. It must hold neither a connection string nor anything a stranger may not know.
 */
extern char *mr_http_error_body(MrHttpError error, const char *details);
extern char *mr_http_error_body_of(const char *code, const char *message, const char *details,
								   const char *hint);

/* The reason phrase of a status; never NULL. */
extern const char *mr_http_reason(int status);

#endif /* MR_HTTP_ERROR_H */
