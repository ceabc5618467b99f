/*
 * Encoding of protocol messages, configurations and stamps. See mr_message.h.
 *
 * A message is "MR", the protocol version, and one section with everything else;
 * a configuration is its format version and one section; peers and members are
 * sections within them. A reader of this version takes a section of its own version
 * only if it was read to its end, and ignores the rest of a newer one's: fields are
 * only ever appended, with a new version number. Policy values are counted instead,
 * a missing one has its default.
 *
 * Input comes from the network: nothing is believed before it is checked, and
 * nothing is written outside the caller's structs. Called by the lease worker,
 * durable.c and the functions that hand out a configuration.
 */
#include "core/mr_message.h"

#include <string.h>

#include "core/mr_assert.h"
#include "core/mr_bytes.h"

#ifndef MR_TEST_NEXT_VERSION
#define CONFIG_VERSION 1
#else
#define CONFIG_VERSION 2
#endif

/* Read to its end, or written by a newer version that knows more? */
static bool
section_ended(const MrBytes *section, bool newer)
{
#ifdef MR_TEST_NEXT_VERSION
	newer = true; /* what bytes.c appends means nothing to its reader either */
#endif
	return !section->failed && (newer || section->at == section->size);
}

static void
put_bool(MrBytes *bytes, bool value)
{
	mr_put_u8(bytes, value ? 1 : 0);
}

static void
put_report(MrBytes *bytes, const MrReport *report)
{
	mr_put_u64(bytes, report->log_term);
	mr_put_u64(bytes, report->wal_end);
	mr_put_u64(bytes, report->replay_lsn);
	mr_put_u32(bytes, report->timeline);
	mr_put_u32(bytes, report->flags);
	mr_put_u8(bytes, report->refusal);
}

static void
get_report(MrBytes *bytes, MrReport *report)
{
	report->log_term = mr_get_u64(bytes);
	report->wal_end = mr_get_u64(bytes);
	report->replay_lsn = mr_get_u64(bytes);
	report->timeline = mr_get_u32(bytes);
	report->flags = mr_get_u32(bytes);
	report->refusal = mr_get_u8(bytes);
}

void
mr_stamp_write(MrBytes *bytes, const MrStamp *stamp)
{
	mr_put_u64(bytes, stamp->term);
	mr_put_uuid(bytes, &stamp->node);
	mr_put_u32(bytes, stamp->timeline);
	mr_put_u64(bytes, stamp->lsn);
}

void
mr_stamp_read(MrBytes *bytes, MrStamp *stamp)
{
	stamp->term = mr_get_u64(bytes);
	mr_get_uuid(bytes, &stamp->node);
	stamp->timeline = mr_get_u32(bytes);
	stamp->lsn = mr_get_u64(bytes);
}

void
mr_marks_write(MrBytes *bytes, const MrFailoverMark *marks, int count)
{
	int i;

	if (count > MR_FAILOVERS_KEPT)
	{
		bytes->failed = true;
		return;
	}
	mr_put_u8(bytes, (uint8_t) count);
	for (i = 0; i < count; i++)
	{
		mr_put_u64(bytes, marks[i].term);
		mr_put_u64(bytes, (uint64_t) marks[i].wall_ms);
	}
}

int
mr_marks_read(MrBytes *bytes, MrFailoverMark marks[MR_FAILOVERS_KEPT])
{
	int count = mr_get_u8(bytes);
	int i;

	if (count > MR_FAILOVERS_KEPT)
		bytes->failed = true;
	for (i = 0; i < count && !bytes->failed; i++)
	{
		marks[i].term = mr_get_u64(bytes);
		marks[i].wall_ms = (int64_t) mr_get_u64(bytes);
	}
	return count;
}

static void
put_released(MrBytes *bytes, const MrReleased *released)
{
	mr_put_u64(bytes, released->term);
	mr_put_uuid(bytes, &released->holder);
	mr_put_u64(bytes, released->nonce);
	mr_put_u8(bytes, released->cause);
	mr_put_u64(bytes, released->need_lsn);
}

static void
get_released(MrBytes *bytes, MrReleased *released)
{
	released->term = mr_get_u64(bytes);
	mr_get_uuid(bytes, &released->holder);
	released->nonce = mr_get_u64(bytes);
	released->cause = mr_get_u8(bytes);
	released->need_lsn = mr_get_u64(bytes);
}

static void
put_peers(MrBytes *bytes, const MrMessage *message)
{
	int i;

	if (message->npeers > MR_MAX_MEMBERS)
	{
		bytes->failed = true;
		return;
	}
	mr_put_u8(bytes, message->npeers);
	for (i = 0; i < message->npeers; i++)
	{
		const MrPeerReport *peer = &message->peers[i];
		size_t begin = mr_put_begin(bytes);

		mr_put_u8(bytes, peer->slot);
		mr_put_u32(bytes, peer->age_ms);
		mr_put_u32(bytes, peer->round_trip_us);
		put_report(bytes, &peer->report);
		mr_put_end(bytes, begin);
	}
}

static void
get_peers(MrBytes *bytes, bool newer, MrMessage *message)
{
	uint32_t seen = 0;
	int i;

	message->npeers = mr_get_u8(bytes);
	if (message->npeers > MR_MAX_MEMBERS)
		bytes->failed = true;
	for (i = 0; i < message->npeers && !bytes->failed; i++)
	{
		MrPeerReport *peer = &message->peers[i];
		MrBytes section;

		mr_get_section(bytes, &section);
		peer->slot = mr_get_u8(&section);
		peer->age_ms = mr_get_u32(&section);
		peer->round_trip_us = mr_get_u32(&section);
		get_report(&section, &peer->report);
		if (!section_ended(&section, newer) || peer->slot >= MR_MAX_MEMBERS ||
			(seen & (UINT32_C(1) << peer->slot)) != 0)
		{
			bytes->failed = true;
			return;
		}
		seen |= UINT32_C(1) << peer->slot;
	}
}

static void
put_policy(MrBytes *bytes, const MrPolicy *policy)
{
#define COUNT_VALUE(name, field, def, min, max, unit, what) +1
#define PUT_VALUE(name, field, def, min, max, unit, what) \
	mr_put_u64(bytes, (uint64_t) policy->field);

	mr_put_u8(bytes, 0 MR_POLICY_LIST(COUNT_VALUE));
	MR_POLICY_LIST(PUT_VALUE)
#undef COUNT_VALUE
#undef PUT_VALUE
}

/* The next of *left values, def if there is none left. */
static int64_t
get_value(MrBytes *bytes, uint8_t *left, int64_t def, int64_t min, int64_t max)
{
	int64_t value;

	if (*left == 0)
		return def;
	(*left)--;
	value = (int64_t) mr_get_u64(bytes);
	if (value < min || value > max)
		bytes->failed = true;
	return value;
}

static void
get_policy(MrBytes *bytes, MrPolicy *policy)
{
	uint8_t left = mr_get_u8(bytes);

#define GET_VALUE(name, field, def, min, max, unit, what) \
	policy->field = get_value(bytes, &left, (def), (min), (max));
	MR_POLICY_LIST(GET_VALUE)
#undef GET_VALUE
	for (; left > 0; left--)
		(void) mr_get_u64(bytes);
}

static void
put_member(MrBytes *bytes, int slot, const MrMember *member)
{
	size_t begin = mr_put_begin(bytes);

	mr_put_u8(bytes, (uint8_t) slot);
	put_bool(bytes, member->no_promote);
	put_bool(bytes, member->witness);
	mr_put_u32(bytes, (uint32_t) member->priority);
	mr_put_u64(bytes, (uint64_t) member->paused_until_ms);
	mr_put_uuid(bytes, &member->uuid);
	mr_put_string(bytes, member->name);
	mr_put_string(bytes, member->region);
	mr_put_string(bytes, member->conninfo);
	mr_put_string(bytes, member->hostaddr);
	mr_put_end(bytes, begin);
}

static void
get_member(MrBytes *bytes, bool newer, MrConfig *config)
{
	MrBytes section;
	MrMember *member;
	uint8_t slot;

	mr_get_section(bytes, &section);
	slot = mr_get_u8(&section);
	if (section.failed || slot >= MR_MAX_MEMBERS || config->members[slot].used)
	{
		bytes->failed = true;
		return;
	}
	member = &config->members[slot];
	member->used = true;
	member->no_promote = mr_get_bool(&section);
	member->witness = mr_get_bool(&section);
	member->priority = (int32_t) mr_get_u32(&section);
	member->paused_until_ms = (int64_t) mr_get_u64(&section);
	mr_get_uuid(&section, &member->uuid);
	mr_get_string(&section, member->name, sizeof(member->name));
	mr_get_string(&section, member->region, sizeof(member->region));
	mr_get_string(&section, member->conninfo, sizeof(member->conninfo));
	mr_get_string(&section, member->hostaddr, sizeof(member->hostaddr));
	if (!section_ended(&section, newer))
		bytes->failed = true;
}

void
mr_config_write(MrBytes *bytes, const MrConfig *config)
{
	uint8_t count = 0;
	size_t begin;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		count += config->members[slot].used ? 1 : 0;

	mr_put_u8(bytes, CONFIG_VERSION);
	begin = mr_put_begin(bytes);
	mr_put_uuid(bytes, &config->cluster);
	mr_put_u64(bytes, config->term);
	mr_put_u64(bytes, config->version);
	mr_put_u32(bytes, config->voters);
	mr_put_u32(bytes, config->voters_old);
	put_policy(bytes, &config->policy);
	mr_put_string(bytes, config->preferred_region);
	mr_put_u64(bytes, (uint64_t) config->paused_until_ms);
	put_bool(bytes, config->leaving);
	mr_put_u8(bytes, count);
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (config->members[slot].used)
			put_member(bytes, slot, &config->members[slot]);
	}
	mr_put_end(bytes, begin);
}

/* A majority must never be counted over a slot that nobody holds. */
static bool
voters_exist(const MrConfig *config)
{
	uint32_t used = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		used |= config->members[slot].used ? UINT32_C(1) << slot : 0;
	return ((config->voters | config->voters_old) & ~used) == 0;
}

bool
mr_config_read(MrBytes *bytes, MrConfig *config)
{
	uint8_t version = mr_get_u8(bytes);
	bool newer = version > CONFIG_VERSION;
	MrBytes section;
	uint8_t count;

	memset(config, 0, sizeof(*config));
	mr_get_section(bytes, &section);
	mr_get_uuid(&section, &config->cluster);
	config->term = mr_get_u64(&section);
	config->version = mr_get_u64(&section);
	config->voters = mr_get_u32(&section);
	config->voters_old = mr_get_u32(&section);
	get_policy(&section, &config->policy);
	mr_get_string(&section, config->preferred_region, sizeof(config->preferred_region));
	config->paused_until_ms = (int64_t) mr_get_u64(&section);
	config->leaving = mr_get_bool(&section);
	for (count = mr_get_u8(&section); count > 0 && !section.failed; count--)
		get_member(&section, newer, config);

	if (version == 0 || !section_ended(&section, newer) || !voters_exist(config))
		bytes->failed = true;
	return !bytes->failed;
}

static void
put_body(MrBytes *bytes, const MrMessage *message)
{
	mr_put_u8(bytes, message->kind);
	put_bool(bytes, message->is_reply);
	mr_put_u64(bytes, message->id);
	mr_put_uuid(bytes, &message->cluster);
	mr_put_uuid(bytes, &message->sender);
	mr_put_u64(bytes, message->nonce);
	mr_put_u64(bytes, message->sequence);
	mr_put_u64(bytes, message->config_term);
	mr_put_u64(bytes, message->config_version);
	mr_put_u64(bytes, message->term);
	put_report(bytes, &message->report);
	mr_put_uuid(bytes, &message->leader);
	mr_stamp_write(bytes, &message->stamp);
	mr_put_u32(bytes, message->reserved_timeline);
	put_bool(bytes, message->ok);
	mr_put_u8(bytes, message->refusal);
	mr_put_u32(bytes, message->retry_after_ms);
	mr_put_u32(bytes, message->timeline);
	put_released(bytes, &message->released);
	mr_put_u32(bytes, message->lease_ms);
	put_bool(bytes, message->shorten);
	mr_put_uuid(bytes, &message->successor);
	mr_put_u64(bytes, message->need_lsn);
	mr_put_u8(bytes, message->cause);
	mr_put_u64(bytes, message->order_id);
	put_bool(bytes, message->allow_loss);
	mr_put_u32(bytes, message->wait_ms);
	mr_marks_write(bytes, message->marks, message->nmarks);
	put_peers(bytes, message);
	put_bool(bytes, message->has_config);
}

static void
get_body(MrBytes *bytes, bool newer, MrMessage *message)
{
	message->kind = mr_get_u8(bytes);
	message->is_reply = mr_get_bool(bytes);
	message->id = mr_get_u64(bytes);
	mr_get_uuid(bytes, &message->cluster);
	mr_get_uuid(bytes, &message->sender);
	message->nonce = mr_get_u64(bytes);
	message->sequence = mr_get_u64(bytes);
	message->config_term = mr_get_u64(bytes);
	message->config_version = mr_get_u64(bytes);
	message->term = mr_get_u64(bytes);
	get_report(bytes, &message->report);
	mr_get_uuid(bytes, &message->leader);
	mr_stamp_read(bytes, &message->stamp);
	message->reserved_timeline = mr_get_u32(bytes);
	message->ok = mr_get_bool(bytes);
	message->refusal = mr_get_u8(bytes);
	message->retry_after_ms = mr_get_u32(bytes);
	message->timeline = mr_get_u32(bytes);
	get_released(bytes, &message->released);
	message->lease_ms = mr_get_u32(bytes);
	message->shorten = mr_get_bool(bytes);
	mr_get_uuid(bytes, &message->successor);
	message->need_lsn = mr_get_u64(bytes);
	message->cause = mr_get_u8(bytes);
	message->order_id = mr_get_u64(bytes);
	message->allow_loss = mr_get_bool(bytes);
	message->wait_ms = mr_get_u32(bytes);
	message->nmarks = (uint8_t) mr_marks_read(bytes, message->marks);
	get_peers(bytes, newer, message);
	message->has_config = mr_get_bool(bytes);
}

size_t
mr_message_encode(const MrMessage *message, const MrConfig *config, uint8_t *out, size_t size)
{
	MrBytes bytes;
	size_t begin;

	MR_ASSERT(message->kind > MR_MSG_NONE && message->kind < MR_MESSAGE_COUNT);
	mr_bytes_for_write(&bytes, out, size);
	mr_put_u8(&bytes, 'M');
	mr_put_u8(&bytes, 'R');
	mr_put_u8(&bytes, MR_PROTOCOL_VERSION);
	begin = mr_put_begin(&bytes);
	put_body(&bytes, message);
	if (message->has_config)
		mr_config_write(&bytes, config);
	mr_put_end(&bytes, begin);
	return bytes.failed ? 0 : bytes.at;
}

bool
mr_message_decode(const uint8_t *in, size_t size, MrMessage *message, MrConfig *config)
{
	MrBytes bytes;
	MrBytes section;
	MrConfig read_config;
	uint8_t version;
	bool magic;

	memset(message, 0, sizeof(*message));
	mr_bytes_for_read(&bytes, in, size);
	magic = mr_get_u8(&bytes) == 'M';
	magic = mr_get_u8(&bytes) == 'R' && magic;
	version = mr_get_u8(&bytes);
	if (!magic || version == 0)
		return false;
	mr_get_section(&bytes, &section);
	if (bytes.failed || bytes.at != bytes.size)
		return false;

	get_body(&section, version > MR_PROTOCOL_VERSION, message);
	if (section.failed || message->kind == MR_MSG_NONE || message->kind >= MR_MESSAGE_COUNT)
		return false;
	if (message->has_config && !mr_config_read(&section, &read_config))
		return false;
	if (!section_ended(&section, version > MR_PROTOCOL_VERSION))
		return false;
	if (message->has_config && config != NULL)
		*config = read_config;
	return true;
}
