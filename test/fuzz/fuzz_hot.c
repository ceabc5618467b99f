/*
 * libFuzzer: any text as an answer that is kept. Whatever it is, no byte beside it is read;
 * if it is JSON, what is sent later is the same but for the age and the time at its root, and
 * has the same tag. Run by test/fuzz/run.sh.
 */
#include "fuzz/mr_fuzz.h"
#include "sidecar/mr_hot.h"
#include "sidecar/mr_loop.h"

#include <jansson.h>
#include <string.h>

#include "sidecar/hot.c"
#include "sidecar/log.c"
#include "sidecar/loop.c"

static const char *const seeds[] = {
	"{\"status\":\"ok\",\"ageMs\":12,\"checkedAt\":\"2026-01-01T00:00:00.000Z\",\"asOf\":null}",
	"{\"ageMs\":null,\"asOf\":\"2026-01-01T00:00:00.000Z\",\"regions\":[{\"ageMs\":3,\"name\":"
	"\"a\\\"}\\\\\"}],\"checkedAt\":\"\"}",
	"{\"\\\"ageMs\\\":\":\"ageMs\",\"a\":[\"checkedAt\",\"asOf\"],\"ageMs\":-1}",
	"{\"ageMs\":1,\"checkedAt\":\"unfinished",
};

MR_FUZZ_BEGIN_WITH(seeds)

/* Whether the clock could have written it, as the endpoints do: a number, a time or null. */
static bool
is_of_the_clock(const json_t *root, const char *key, bool number)
{
	const json_t *value = json_object_get(root, key);

	return value == NULL || json_is_null(value) ||
		   (number ? json_is_integer(value) : json_is_string(value));
}

/* Takes away what may differ. */
static void
without_clock(json_t *root)
{
	(void) json_object_del(root, "ageMs");
	(void) json_object_del(root, "checkedAt");
}

/* Only JSON as our own writer makes it: without blanks, each member once. */
static void
compare(const MrHotAnswer *answer, const char *sent)
{
	json_t *old = json_loads(answer->text, JSON_REJECT_DUPLICATES, NULL);
	json_t *new;
	MrHotAnswer again;

	if (json_is_object(old) && strpbrk(answer->text, " \t\r\n") == NULL &&
		is_of_the_clock(old, "ageMs", true) && is_of_the_clock(old, "checkedAt", false) &&
		is_of_the_clock(old, "asOf", false))
	{
		new = json_loads(sent, JSON_REJECT_DUPLICATES, NULL);
		if (new == NULL || !is_of_the_clock(new, "ageMs", true) ||
			!is_of_the_clock(new, "checkedAt", false))
			abort();
		without_clock(old);
		without_clock(new);
		if (!json_equal(old, new))
			abort();
		json_decref(new);
		memset(&again, 0, sizeof(again));
		again.text = strdup(sent);
		again.text[strlen(sent) - 1] = '\0';
		mr_hot_read(&again, again.text, true);
		if (strcmp(answer->tag, again.tag) != 0)
			abort();
		free(again.text);
	}
	json_decref(old);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MrHotAnswer answer;
	char *text = malloc(size + 1);
	char *sent;
	size_t length;
	int i;

	memcpy(text, data, size);
	text[size] = '\0';
	memset(&answer, 0, sizeof(answer));
	mr_hot_read(&answer, text, true);
	for (i = 0; i < answer.hole_count; i++)
		if (answer.holes[i].start > answer.holes[i].end || answer.holes[i].end > answer.length)
			abort();
	sent = mr_hot_write(&answer, 123456, 1700000000000, &length);
	if (sent == NULL || strlen(sent) != length || sent[length - 1] != '\n')
		abort();
	compare(&answer, sent);
	if (!mr_hot_matches(&answer, answer.tag))
		abort();
	free(text);
	free(sent);
	return 0;
}
