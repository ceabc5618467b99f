/*
 * Example messages and configurations: see mr_examples.h. Linked into every unit test.
 */
#include "unit/mr_examples.h"

#include <stdlib.h>
#include <string.h>

MrUuid
mr_example_uuid(uint8_t number)
{
	MrUuid uuid;
	int i;

	for (i = 0; i < 16; i++)
		uuid.bytes[i] = (uint8_t) (number + i);
	return uuid;
}

static void
copy_text(char *out, const char *text)
{
	memcpy(out, text, strlen(text) + 1);
}

static MrReport
report_of(uint8_t number)
{
	MrReport report = {.log_term = UINT64_C(0xA100000000000000) + number,
					   .wal_end = UINT64_C(0xA200000000000000) + number,
					   .replay_lsn = UINT64_C(0xA300000000000000) + number,
					   .timeline = 0xA4000000u + number,
					   .flags = 0xA5000000u + number,
					   .refusal = (uint8_t) (0xA6 + number)};

	return report;
}

void
mr_example_message(MrMessage *message)
{
	memset(message, 0, sizeof(*message));
	message->kind = MR_MSG_GRANT;
	message->is_reply = true;
	message->id = UINT64_C(0x1101020304050607);
	message->cluster = mr_example_uuid(0x12);
	message->sender = mr_example_uuid(0x33);
	message->nonce = UINT64_C(0x4401020304050607);
	message->sequence = UINT64_C(0x4501020304050607);
	message->config_term = UINT64_C(0x4601020304050607);
	message->config_version = UINT64_C(0x4701020304050607);
	message->term = UINT64_C(0x4801020304050607);
	message->report = report_of(1);
	message->leader = mr_example_uuid(0x52);
	message->stamp.term = UINT64_C(0x6101020304050607);
	message->stamp.node = mr_example_uuid(0x72);
	message->stamp.timeline = 0x62010203;
	message->stamp.lsn = UINT64_C(0x6301020304050607);
	message->reserved_timeline = 0x64010203;
	message->ok = true;
	message->refusal = 0x65;
	message->retry_after_ms = 0x66010203;
	message->timeline = 0x67010203;
	message->released.term = UINT64_C(0x6801020304050607);
	message->released.holder = mr_example_uuid(0x92);
	message->released.nonce = UINT64_C(0x6901020304050607);
	message->released.cause = 0x6A;
	message->released.need_lsn = UINT64_C(0x6E01020304050607);
	message->lease_ms = 0x6B010203;
	message->successor = mr_example_uuid(0xB2);
	message->need_lsn = UINT64_C(0x6C01020304050607);
	message->cause = 0x6D;
	message->shorten = true;
	message->order_id = UINT64_C(0x6F01020304050607);
	message->allow_loss = true;
	message->wait_ms = 0x70010203;
	message->nmarks = 2;
	message->marks[0].term = UINT64_C(0x7301020304050607);
	message->marks[0].wall_ms = INT64_C(0x7401020304050607);
	message->marks[1].term = UINT64_C(0x7501020304050607);
	message->marks[1].wall_ms = INT64_C(0x7601020304050607);
}

void
mr_example_peers(MrMessage *message, int count)
{
	int i;

	message->npeers = (uint8_t) count;
	for (i = 0; i < count; i++)
	{
		/* the first one's is 15, where 0.1 ended */
		message->peers[i].slot = (uint8_t) ((MR_MAX_MEMBERS + 15 - i) % MR_MAX_MEMBERS);
		message->peers[i].age_ms = 0xC0000000u + (uint32_t) i;
		message->peers[i].round_trip_us = 0xC1000000u + (uint32_t) i;
		message->peers[i].report = report_of((uint8_t) (0x10 + i));
	}
}

void
mr_example_config(MrConfig *config)
{
	mr_config_init(config);
	config->cluster = mr_example_uuid(0xD0);
	config->term = UINT64_C(0xD101020304050607);
	config->version = UINT64_C(0xD201020304050607);
	config->voters = 0x8001;
	config->voters_old = 0x0003;
	config->policy.lease_ms = 4000;
	config->policy.max_failover_lag_bytes = -1;
	config->policy.durability = MR_DURABILITY_QUORUM;
	copy_text(config->preferred_region, "US_EAST");
	config->paused_until_ms = INT64_C(0x7101020304050607);
	config->members[0].paused_until_ms = INT64_C(0x7201020304050607);
	config->members[0].used = true;
	config->members[0].no_promote = true;
	config->members[0].priority = -7;
	config->members[0].uuid = mr_example_uuid(0x20);
	copy_text(config->members[0].name, "us-a");
	copy_text(config->members[0].region, "US_EAST");
	copy_text(config->members[0].conninfo, "host=us.example port=5501 options='-c a=b'");
	copy_text(config->members[0].hostaddr, "10.0.0.1");
	config->members[1].used = true;
	copy_text(config->members[1].name, "eu-a");
	config->members[15].used = true;
	config->members[15].witness = true;
	config->members[15].priority = INT32_MAX;
	config->members[15].uuid = mr_example_uuid(0x21);
	copy_text(config->members[15].name, "ap-w");
}

void
mr_example_largest_config(MrConfig *config)
{
	int slot;

	mr_config_init(config);
	memset(config->preferred_region, 'r', MR_NAME_SIZE - 1);
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		MrMember *member = &config->members[slot];

		member->used = true;
		memset(member->name, 'n', MR_NAME_SIZE - 1);
		memset(member->region, 'r', MR_NAME_SIZE - 1);
		memset(member->conninfo, 'c', MR_CONNINFO_SIZE - 1);
		memset(member->hostaddr, 'h', MR_HOSTADDR_SIZE - 1);
	}
}

void
mr_example_encode(const MrMessage *message, const MrConfig *config, MrEncoded *out)
{
	memset(out, 0, sizeof(*out));
	out->size = mr_message_encode(message, config, out->bytes, sizeof(out->bytes));
}

void
mr_example_encode_both(MrEncoded *out)
{
	MrMessage message;
	MrConfig config;

	mr_example_message(&message);
	mr_example_config(&config);
	message.has_config = true;
	mr_example_encode(&message, &config, out);
}

bool
mr_example_decode(const uint8_t *in, size_t size, MrMessage *message, MrConfig *config)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	bool good;

	memcpy(copy, in, size);
	good = mr_message_decode(copy, size, message, config);
	free(copy);
	return good;
}

bool
mr_example_is_accepted(const MrEncoded *encoded)
{
	MrMessage message;
	MrConfig config;

	return mr_example_decode(encoded->bytes, encoded->size, &message, &config);
}

uint32_t
mr_example_get_u32(const MrEncoded *encoded, size_t at)
{
	return (uint32_t) encoded->bytes[at] | (uint32_t) encoded->bytes[at + 1] << 8 |
		   (uint32_t) encoded->bytes[at + 2] << 16 | (uint32_t) encoded->bytes[at + 3] << 24;
}

void
mr_example_add_u32(MrEncoded *encoded, size_t at, uint32_t more)
{
	uint32_t value = mr_example_get_u32(encoded, at) + more;
	int i;

	for (i = 0; i < 4; i++)
		encoded->bytes[at + (size_t) i] = (uint8_t) (value >> (8 * i));
}

void
mr_example_grow(MrEncoded *encoded, size_t at, const size_t *lengths, int nlengths)
{
	int i;

	memmove(encoded->bytes + at + 3, encoded->bytes + at, encoded->size - at);
	memset(encoded->bytes + at, 0xEE, 3);
	encoded->size += 3;
	for (i = 0; i < nlengths; i++)
		mr_example_add_u32(encoded, lengths[i], 3);
}
