/*
 * Copies of queries; see mr_database_pool.h. One piece of memory holds a query and its texts.
 * Called by database_pool.c and primary.c, which keep a query longer than who asks it.
 */
#include "sidecar/mr_database_pool.h"

#include <stdlib.h>
#include <string.h>

#include "core/mr_assert.h"

static size_t
size_of(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

/* Puts a text at *end, behind those that are there; NULL stays NULL. */
static const char *
put_text(char **end, const char *text)
{
	char *copy = *end;
	size_t size;

	if (text == NULL)
		return NULL;
	size = strlen(text) + 1;
	memcpy(copy, text, size);
	*end += size;
	return copy;
}

MrPoolQuery *
mr_pool_query_copy(const MrPoolQuery *query)
{
	size_t size = sizeof(*query) + strlen(query->sql) + 1;
	MrPoolQuery *copy;
	char *end;
	int i;

	MR_ASSERT(query->count <= MR_POOL_VALUES);
	for (i = 0; i < query->count; i++)
		size += size_of(query->values[i]);
	size += size_of(query->then) + size_of(query->become) + size_of(query->role) +
			size_of(query->claims);
	copy = malloc(size);
	if (copy == NULL)
		return NULL;
	*copy = *query;
	end = (char *) (copy + 1);
	copy->sql = put_text(&end, query->sql);
	for (i = 0; i < query->count; i++)
		copy->values[i] = put_text(&end, query->values[i]);
	copy->then = put_text(&end, query->then);
	copy->become = put_text(&end, query->become);
	copy->role = put_text(&end, query->role);
	copy->claims = put_text(&end, query->claims);
	return copy;
}
