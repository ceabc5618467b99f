/*
 * What every fuzzer has: libFuzzer's two entry points, and examples to begin with.
 */
#ifndef MR_FUZZ_H
#define MR_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer: once before all, and for each input (returns 0). */
extern int LLVMFuzzerInitialize(int *argc, char ***argv);
extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Puts an example into the folder $MR_FUZZ_CORPUS, if that is set. */
static inline void
mr_fuzz_seed(const char *name, const void *bytes, size_t size)
{
	const char *folder = getenv("MR_FUZZ_CORPUS");
	char path[1024];
	FILE *file;

	if (folder == NULL)
		return;
	snprintf(path, sizeof(path), "%s/seed-%s", folder, name);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
		abort();
}

/* The same with texts, named a, b, ... */
static inline void
mr_fuzz_seed_texts(const char *const *texts, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
	{
		char name[2] = {(char) ('a' + i), '\0'};

		mr_fuzz_seed(name, texts[i], strlen(texts[i]));
	}
}

/* The entry point of a fuzzer whose examples are an array of texts. */
#define MR_FUZZ_BEGIN_WITH(texts) \
	int LLVMFuzzerInitialize(int *argc, char ***argv) \
	{ \
		(void) argc; \
		(void) argv; \
		mr_fuzz_seed_texts((texts), sizeof(texts) / sizeof((texts)[0])); \
		return 0; \
	}

#endif /* MR_FUZZ_H */
