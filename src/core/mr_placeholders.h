/*
 * Placeholders of a shell command: %e and the like stand for environment variables.
 *
 * What they become is a reference, ${NAME}, and never the value: the shell does not read
 * the value of a variable as code, whatever quotes somebody has put around it.
 */
#ifndef MR_PLACEHOLDERS_H
#define MR_PLACEHOLDERS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct MrPlaceholder
{
	char letter;
	const char *variable; /* name of the environment variable */
} MrPlaceholder;

/*
 * Writes command with the letters of the list (count of them) replaced; %% is a per cent
 * sign, and what is not in the list stays as it is. False when out is too small.
 */
extern bool mr_placeholders_expand(const char *command, const MrPlaceholder *list, int count,
								   char *out, size_t size);

#endif /* MR_PLACEHOLDERS_H */
