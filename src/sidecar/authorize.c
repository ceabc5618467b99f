/*
 * Who may; see mr_authorize.h. The one place that decides whether a path needs somebody:
 * changes always do, reads only with MULTIREGION_ANONYMOUS=checks, health checks never. What
 * somebody's role may do is decided by PostgreSQL. Called by service.c and the endpoints.
 */
#include "sidecar/mr_authorize.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_log.h"
#include "sidecar/mr_loop.h"

#define BEARER_CHALLENGE "Bearer realm=\"multiregiond\""
#define BASIC_CHALLENGE "Basic realm=\"multiregiond\", charset=\"UTF-8\""
#define GUESS_LOG_MS 10000 /* between two lines about wrong tokens */
#define NOW_S (mr_loop_wall_ms() / 1000)

/* Somebody guesses, or has an old token: worth a line, but not one each. */
static void
log_guess(MrService *service)
{
	int64_t now_ns = mr_loop_now_ns();

	if (service->guess_logged_ns != 0 &&
		now_ns - service->guess_logged_ns < GUESS_LOG_MS * MR_NS_PER_MS)
		return;
	service->guess_logged_ns = now_ns;
	mr_log(MR_LOG_WARNING, "refused a request with an unknown token");
}

static bool
refuse(const MrService *service, MrRequest *request, bool wrong, const char *why)
{
	char challenges[160];

	snprintf(challenges, sizeof(challenges), "%s%s%s", BEARER_CHALLENGE,
			 wrong ? ", error=\"invalid_token\"" : "",
			 service->settings->auth.user_count > 0 ? ", " BASIC_CHALLENGE : "");
	mr_request_header(request, "WWW-Authenticate", challenges);
	mr_request_refuse(request, MR_ERROR_UNAUTHORIZED, why);
	return false;
}

static void
set_identity(MrRequest *request, const char *role, const char *name, char *claims)
{
	snprintf(request->role, sizeof(request->role), "%s", role);
	snprintf(request->user, sizeof(request->user), "%.*s", MR_USER_SIZE - 1, name);
	request->claims = claims;
}

static bool
is_read(const MrRequest *request)
{
	return request->method == MR_METHOD_GET || request->method == MR_METHOD_HEAD ||
		   (request->route->flags & (MR_ROUTE_READS | MR_ROUTE_CHECK)) != 0;
}

/* A request that proves nothing. */
static bool
may_anybody(MrService *service, MrRequest *request, MrAuthResult result)
{
	const MrSettings *settings = service->settings;

	if (request->identity[0] != '\0' && settings->certificate_role[0] != '\0')
	{
		set_identity(request, settings->certificate_role, request->identity, NULL);
		return true;
	}
	if (is_read(request) && settings->anonymous_reads)
	{
		set_identity(request, settings->anonymous_role, "", NULL);
		return true;
	}
	if (result == MR_AUTH_ABSENT)
		return refuse(service, request, false, NULL);
	mr_request_refuse(request, MR_ERROR_NO_TOKEN, NULL);
	return false;
}

bool
mr_authorize(MrService *service, MrRequest *request, const MrRoute *route)
{
	return (route->flags & (MR_ROUTE_CHECK | MR_ROUTE_OPEN)) != 0 ||
		   mr_authorize_somebody(service, request);
}

bool
mr_authorize_somebody(MrService *service, MrRequest *request)
{
	MrIdentity identity;
	const char *why;
	MrAuthResult result;

	result =
		mr_auth_check(&service->settings->auth, mr_request_find_header(request, "Authorization"),
					  NOW_S, &identity, &why);
	switch (result)
	{
		case MR_AUTH_GOOD:
			set_identity(request, identity.role, identity.name, identity.claims);
			return true;
		case MR_AUTH_NONE_SET:
		case MR_AUTH_ABSENT:
			return may_anybody(service, request, result);
		case MR_AUTH_WRONG:
			break;
	}
	log_guess(service);
	return refuse(service, request, true, why);
}

void
mr_authorize_query(const MrRequest *request, MrPoolQuery *query)
{
	if (request->role[0] == '\0')
		return;
	query->become = MR_SQL_ACT_AS;
	query->role = request->role;
	query->claims = request->claims != NULL ? request->claims : "";
}
