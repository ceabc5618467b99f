/*
 * libFuzzer: any bytes as a token, as they are and with a check that is right (else
 * nothing behind it would ever be reached). What is accepted is what would be written.
 * Run by test/fuzz/run.sh.
 */
#include "core/mr_bytes.h"
#include "core/mr_replication_token.h"
#include "fuzz/mr_fuzz.h"

#include <inttypes.h>
#include <string.h>

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	MrToken token = {.system = UINT64_C(0x66f3a1c2d4e5b607), .term = 7, .timeline = 2, .lsn = 99};
	char text[MR_TOKEN_SIZE];

	(void) argc;
	(void) argv;
	mr_token_format(&token, text);
	mr_fuzz_seed("token", text, strlen(text));
	return 0;
}

static void
check(const char *text)
{
	char again[MR_TOKEN_SIZE];
	MrToken token;

	if (!mr_token_parse(text, &token))
		return;
	mr_token_format(&token, again);
	if (strcmp(text, again) != 0 || mr_token_compare(&token, &token) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 10);

	memcpy(text, data, size);
	text[size] = '\0';
	check(text);
	snprintf(text + size, 10, ".%08" PRIx32, mr_crc32c(data, size));
	if (memchr(data, '\0', size) == NULL)
		check(text);
	free(text);
	return 0;
}
