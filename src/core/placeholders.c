/*
 * Placeholders of a shell command; see mr_placeholders.h. Never looks at a value.
 * Called by the hook worker.
 */
#include "core/mr_placeholders.h"

#include <string.h>

typedef struct Text
{
	char *out;
	size_t size;
	size_t at;
} Text;

static bool
append(Text *text, const char *piece, size_t length)
{
	if (length >= text->size - text->at)
		return false;
	memcpy(text->out + text->at, piece, length);
	text->at += length;
	text->out[text->at] = '\0';
	return true;
}

static const char *
variable_of(char letter, const MrPlaceholder *list, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (list[i].letter == letter)
			return list[i].variable;
	return NULL;
}

bool
mr_placeholders_expand(const char *command, const MrPlaceholder *list, int count, char *out,
					   size_t size)
{
	Text text = {out, size, 0};
	const char *c;

	if (size == 0)
		return false;
	out[0] = '\0';
	for (c = command; *c != '\0'; c++)
	{
		const char *variable = *c == '%' ? variable_of(c[1], list, count) : NULL;

		if (variable != NULL)
		{
			if (!append(&text, "${", 2) || !append(&text, variable, strlen(variable)) ||
				!append(&text, "}", 1))
				return false;
			c++;
			continue;
		}
		if (!append(&text, c, 1))
			return false;
		if (*c == '%' && c[1] == '%')
			c++;
	}
	return true;
}
