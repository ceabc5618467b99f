/*
 * libFuzzer: any bytes as a protocol message. What is accepted must mean one message:
 * encoded and decoded again it is the same. Run by test/fuzz/run.sh.
 */
#include "core/mr_message.h"
#include "fuzz/mr_fuzz.h"
#include "unit/mr_examples.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	MrEncoded encoded;
	MrMessage message;
	MrConfig config;

	(void) argc;
	(void) argv;
	mr_example_encode_both(&encoded);
	mr_fuzz_seed("both", encoded.bytes, encoded.size);
	mr_example_message(&message);
	mr_example_peers(&message, 3);
	mr_example_encode(&message, NULL, &encoded);
	mr_fuzz_seed("grant", encoded.bytes, encoded.size);
	mr_example_largest_config(&config);
	message.has_config = true;
	mr_example_encode(&message, &config, &encoded);
	mr_fuzz_seed("largest", encoded.bytes, encoded.size);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[MR_MESSAGE_SIZE];
	MrMessage first;
	MrMessage second;
	MrConfig first_config;
	MrConfig second_config;
	size_t length;

	memset(&first_config, 0, sizeof(first_config));
	memset(&second_config, 0, sizeof(second_config));
	if (!mr_message_decode(data, size, &first, &first_config))
		return 0;
	if (first.has_config)
		(void) mr_config_problem(&first_config);
	length = mr_message_encode(&first, &first_config, again, sizeof(again));
	if (length == 0 || !mr_message_decode(again, length, &second, &second_config) ||
		memcmp(&first, &second, sizeof(first)) != 0 ||
		memcmp(&first_config, &second_config, sizeof(first_config)) != 0)
		abort();
	return 0;
}
