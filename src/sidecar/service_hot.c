/*
 * Hot answers of the endpoints; see mr_hot.h. It must never give an answer that the copy of
 * this moment, or its age, would make another one of. Called by service.c and endpoints.
 */
#include "sidecar/mr_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	send_answer(service, request, answer);
	free(passing.text);
}

bool
mr_service_answer_hot(MrService *service, MrRequest *request)
{
	const MrHotAnswer *answer = slot_of(service, request);
	MrHotBasis basis;

	if (answer == NULL || answer->until_ns == 0 || mr_loop_now_ns() >= answer->until_ns ||
		(request->method != MR_METHOD_GET && request->method != MR_METHOD_HEAD))
		return false;
	get_basis(service, &basis);
	if (memcmp(&basis, &answer->basis, sizeof(basis)) != 0)
		return false;
	send_answer(service, request, answer);
	return true;
}
