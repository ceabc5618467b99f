/*
 * Example messages and configurations for the tests of the encodings, and ways to
 * damage them. Every field of an example has a value of its own, so that two that are
 * mixed up show.
 */
#ifndef MR_EXAMPLES_H
#define MR_EXAMPLES_H

#include "core/mr_message.h"

/* Where things lie in an encoded message; body offsets count from its section. */
#define VERSION_AT 2
#define BODY_LENGTH_AT 3
#define BODY_AT 7
#define KIND_AT (BODY_AT + 0)
#define IS_REPLY_AT (BODY_AT + 1)
#define OK_AT (BODY_AT + 171)
#define REFUSAL_AT (BODY_AT + 172)
#define CAUSE_AT (BODY_AT + 251)
#define NPEERS_AT (BODY_AT + 298) /* behind two marks */
#define PEER_SIZE 46

/* In a message without peers. */
#define HAS_CONFIG_AT (NPEERS_AT + 1)
#define CONFIG_AT (HAS_CONFIG_AT + 1)

/* From the version byte of a configuration. */
#define CONFIG_LENGTH 1
#define CONFIG_POLICY (5 + 40)

#define COUNT_LINE(name, field, def, min, max, unit, what) +1
#define POLICY_COUNT (0 MR_POLICY_LIST(COUNT_LINE))

typedef struct MrEncoded
{
	uint8_t bytes[MR_MESSAGE_SIZE];
	size_t size;
} MrEncoded;

/* A uuid whose bytes count up from number. */
extern MrUuid mr_example_uuid(uint8_t number);

/* A grant without peers and without configuration; count peers for it; a configuration. */
extern void mr_example_message(MrMessage *message);
extern void mr_example_peers(MrMessage *message, int count);
extern void mr_example_config(MrConfig *config);

/* The largest configuration there can be. */
extern void mr_example_largest_config(MrConfig *config);

/* Encodes; out->size is 0 when it did not work. The second: example message and configuration. */
extern void mr_example_encode(const MrMessage *message, const MrConfig *config, MrEncoded *out);
extern void mr_example_encode_both(MrEncoded *out);

/* Decodes from a block that ends where the input ends: the sanitizer sees a read past it. */
extern bool mr_example_decode(const uint8_t *in, size_t size, MrMessage *message, MrConfig *config);
extern bool mr_example_is_accepted(const MrEncoded *encoded);

/* Reads, or adds to, a number somewhere inside. */
extern uint32_t mr_example_get_u32(const MrEncoded *encoded, size_t at);
extern void mr_example_add_u32(MrEncoded *encoded, size_t at, uint32_t more);

/* Puts three bytes in at `at`, inside the sections whose lengths lie at lengths[]. */
extern void mr_example_grow(MrEncoded *encoded, size_t at, const size_t *lengths, int nlengths);

#endif /* MR_EXAMPLES_H */
