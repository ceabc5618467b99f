/*
 * Hot answers of the endpoints; see mr_hot.h. It must never give an answer that the copy of
 * this moment, or its age, would make another one of. Called by service.c and endpoints.
 */
#include "sidecar/mr_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sidecar/mr_loop.h"

static void
get_basis(const MrService *service, MrHotBasis *basis)
{
	memset(basis, 0, sizeof(*basis));
	basis->reads = service->watcher.status.reads;
	basis->reload = service->reloads;
	basis->up = service->watcher.up;
	basis->draining = service->draining;
}

/* Until when an answer made now holds: the copy grows stale at a certain moment. */
static int64_t
end_of_life(const MrService *service, int64_t now_ns)
{
	const MrStatus *status = &service->watcher.status;
	int64_t until_ns = now_ns + MR_HOT_KEEP_MS * MR_NS_PER_MS;
	int64_t stale_ns =
		status->refreshed_ns + (service->settings->stale_after_ms + 1) * MR_NS_PER_MS;

	return status->valid && stale_ns > now_ns && stale_ns < until_ns ? stale_ns : until_ns;
}

static void
send_answer(const MrService *service, MrRequest *request, const MrHotAnswer *answer)
{
	size_t length;
	char *text;

	if (answer->tag[0] != '\0')
	{
		char tag[MR_HOT_TAG_SIZE + 2];

		/* Weak: the age is another one each time. */
		snprintf(tag, sizeof(tag), "W/%s", answer->tag);
		mr_request_header(request, "ETag", tag);
		mr_request_header(request, "Cache-Control", "no-cache");
		if (mr_hot_matches(answer, mr_request_find_header(request, "If-None-Match")))
		{
			mr_request_reply(request, 304, NULL);
			return;
		}
	}
	text = mr_hot_write(answer, mr_watcher_age_ms(&service->watcher), mr_loop_wall_ms(), &length);
	mr_request_reply_as(request, answer->status, MR_TYPE_JSON, text);
}

/* Where the answers of a route are kept; NULL if they are not. */
static MrHotAnswer *
slot_of(MrService *service, const MrRequest *request)
{
	size_t index = request->route != NULL ? (size_t) (request->route - mr_routes) : MR_HOT_ROUTES;

	if (index >= MR_HOT_ROUTES || request->query != NULL || strchr(request->route->path, ':'))
		return NULL;
	return &service->hot.answers[index];
}

void
mr_service_reply_hot(MrService *service, MrRequest *request, int status, MrJson *json, bool tagged)
{
	char *text = mr_json_end(json);
	MrHotAnswer passing;
	MrHotAnswer *answer = slot_of(service, request);

	if (text == NULL)
	{
		mr_request_reply(request, 500, NULL);
		return;
	}
	memset(&passing, 0, sizeof(passing));
	if (answer == NULL)
		answer = &passing;
	free(answer->text);
	mr_hot_read(answer, text, tagged && status == 200);
	answer->status = status;
	get_basis(service, &answer->basis);
	answer->until_ns = end_of_life(service, mr_loop_now_ns());
	if (answer != &passing)
		mr_request_remember(request);
	send_answer(service, request, answer);
	free(passing.text);
}

/* Whether an answer still holds. */
static bool
holds(const MrService *service, const MrHotAnswer *answer)
{
	MrHotBasis basis;

	if (answer->until_ns == 0 || mr_loop_now_ns() >= answer->until_ns)
		return false;
	get_basis(service, &basis);
	return memcmp(&basis, &answer->basis, sizeof(basis)) == 0;
}

bool
mr_service_answer_hot(MrService *service, MrRequest *request)
{
	const MrHotAnswer *answer = slot_of(service, request);

	if (answer == NULL || !holds(service, answer) ||
		(request->method != MR_METHOD_GET && request->method != MR_METHOD_HEAD))
		return false;
	mr_request_remember(request);
	send_answer(service, request, answer);
	return true;
}

/* "Date: ...", made once a second. */
static const char *
date_header(int64_t wall_ms)
{
	static char text[64];
	static int64_t made_s;
	time_t seconds = (time_t) (wall_ms / 1000);
	struct tm parts;

	if (made_s != wall_ms / 1000)
	{
		gmtime_r(&seconds, &parts);
		(void) strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
		made_s = wall_ms / 1000;
	}
	return text;
}

/* The headers of an answer; false if they do not fit. */
static bool
write_head(const MrService *service, const MrHotAnswer *answer, const char *id, size_t body,
		   int64_t wall_ms, char *out, size_t size, size_t *length)
{
	const char *origins = service->settings->cors_origins;
	bool vary = origins[0] != '\0' && strcmp(origins, "*") != 0;
	bool tagged = answer->tag[0] != '\0';
	int written = snprintf(
		out, size,
		"HTTP/1.1 %d %s\r\n%s%s%s%s%sX-Content-Type-Options: nosniff\r\n"
		"X-Request-Id: %s\r\nContent-Type: " MR_TYPE_JSON "\r\nContent-Length: %zu\r\n%s\r\n",
		answer->status, mr_http_reason(answer->status), vary ? "Vary: Origin\r\n" : "",
		tagged ? "ETag: W/" : "", answer->tag, tagged ? "\r\n" : "",
		tagged ? "Cache-Control: no-cache\r\n" : "Cache-Control: no-store\r\n", id, body,
		date_header(wall_ms));

	if (written < 0 || (size_t) written >= size)
		return false;
	*length = (size_t) written;
	return true;
}

bool
mr_service_recall(const MrRoute *route, const char *id, char *out, size_t size,
				  MrRecalled *recalled, void *arg)
{
	MrService *service = arg;
	const MrHotAnswer *answer = &service->hot.answers[route - mr_routes];
	int64_t wall_ms = mr_loop_wall_ms();
	bool good;
	char *text;

	if (!holds(service, answer))
		return false;
	text = mr_hot_write(answer, mr_watcher_age_ms(&service->watcher), wall_ms, &recalled->body);
	good = text != NULL &&
		   write_head(service, answer, id, recalled->body, wall_ms, out, size, &recalled->length) &&
		   recalled->body <= size - recalled->length;
	if (good)
		memcpy(out + recalled->length, text, recalled->body);
	free(text);
	recalled->length += recalled->body;
	recalled->status = answer->status;
	return good;
}
