/*
 * libFuzzer: any bytes as a state file, as they are and with a checksum that is right
 * (else nothing behind it would ever be reached). What is accepted must come back the
 * same from encoding and decoding. Run by test/fuzz/run.sh.
 */
#include "core/mr_bytes.h"
#include "core/mr_durable.h"
#include "fuzz/mr_fuzz.h"
#include "unit/mr_examples.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static uint8_t out[MR_STATE_SIZE];
	MrDurable durable;

	(void) argc;
	(void) argv;
	memset(&durable, 0, sizeof(durable));
	durable.term = 7;
	durable.node = mr_example_uuid(1);
	memcpy(durable.name, "us-a", 5);
	mr_config_init(&durable.config);
	mr_fuzz_seed("fresh", out, mr_durable_encode(&durable, out, sizeof(out)));
	mr_example_config(&durable.config);
	mr_fuzz_seed("joined", out, mr_durable_encode(&durable, out, sizeof(out)));
	return 0;
}

static void
check(const uint8_t *data, size_t size)
{
	static uint8_t again[MR_STATE_SIZE];
	MrDurable first;
	MrDurable second;
	size_t length;

	if (mr_durable_decode(data, size, &first) != NULL)
		return;
	length = mr_durable_encode(&first, again, sizeof(again));
	if (length == 0 || mr_durable_decode(again, length, &second) != NULL ||
		memcmp(&first, &second, sizeof(first)) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *sealed;
	MrBytes end;

	check(data, size);
	if (size < 4)
		return 0;
	sealed = malloc(size);
	memcpy(sealed, data, size);
	mr_bytes_for_write(&end, sealed + size - 4, 4);
	mr_put_u32(&end, mr_crc32c(sealed, size - 4));
	check(sealed, size);
	free(sealed);
	return 0;
}
