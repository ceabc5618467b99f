/*
 * Encoding of the state file. See mr_durable.h.
 *
 * "MRST", format version, the section with the fields and the configuration, and CRC-32C
 * over all of it. Fields are only ever appended, and the format version says what they
 * are to a version that does not know them, which drops them with its next write:
 *
 *   - as long as that does no harm the version stays, so that a node may go back to an
 *     older build. A reader takes what is there and has defaults for the rest.
 *   - for what must never be forgotten it is raised: older builds refuse the file.
 *
 * Knows no file. Called by adapters/state_file.c.
 */
#include "core/mr_durable.h"

#include <string.h>

#include "core/mr_bytes.h"

#define STATE_VERSION 2
#define CRC_SIZE 4
#define HEADER_SIZE 9
#define MEMBERS_OF_OLD 16 /* what builds before 0.2 have room for, and read */

static const uint8_t magic[4] = {'M', 'R', 'S', 'T'};

/* Version 2. A file without them stays readable for older versions. */
static void
put_discarded(MrBytes *bytes, const MrDurable *durable)
{
	size_t i;

	if (durable->ndiscarded == 0)
		return;
	if (durable->ndiscarded > MR_MAX_MEMBERS)
	{
		bytes->failed = true;
		return;
	}
	mr_put_u8(bytes, durable->ndiscarded);
	for (i = 0; i < durable->ndiscarded; i++)
		mr_put_uuid(bytes, &durable->discarded[i]);
}

/* As many as an older build reads, unless there are more. */
static void
put_peer_sequences(MrBytes *bytes, const MrDurable *durable)
{
	size_t count = MEMBERS_OF_OLD;
	size_t i;

	for (i = count; i < MR_MAX_MEMBERS; i++)
		if (durable->peer_sequence[i] != 0)
			count = i + 1;
	mr_put_u8(bytes, (uint8_t) count);
	for (i = 0; i < count; i++)
		mr_put_u64(bytes, durable->peer_sequence[i]);
}

size_t
mr_durable_encode(const MrDurable *durable, uint8_t *out, size_t size)
{
	MrBytes bytes;
	size_t begin;
	size_t i;

	mr_bytes_for_write(&bytes, out, size);
	for (i = 0; i < sizeof(magic); i++)
		mr_put_u8(&bytes, magic[i]);
	mr_put_u8(&bytes, durable->ndiscarded > 0 ? STATE_VERSION : 1);
	begin = mr_put_begin(&bytes);
	mr_put_uuid(&bytes, &durable->cluster);
	mr_put_uuid(&bytes, &durable->node);
	mr_put_string(&bytes, durable->name);
	mr_put_string(&bytes, durable->region);
	mr_put_u64(&bytes, durable->sequence);
	mr_put_u64(&bytes, durable->term);
	mr_put_uuid(&bytes, &durable->voted_for);
	mr_put_u64(&bytes, durable->voted_nonce);
	mr_put_u64(&bytes, durable->log_term);
	mr_stamp_write(&bytes, &durable->stamp);
	mr_put_u64(&bytes, durable->rebuilding_term);
	mr_put_u32(&bytes, durable->reserved_timeline);
	mr_put_u32(&bytes, durable->max_lease_ms);
	mr_put_u64(&bytes, durable->last_led_term);
	mr_put_u64(&bytes, durable->leader_lsn);
	mr_put_u8(&bytes, durable->amnesiac ? 1 : 0);
	mr_marks_write(&bytes, durable->failovers, MR_FAILOVERS_KEPT);
	put_peer_sequences(&bytes, durable);
	mr_config_write(&bytes, &durable->config);
	put_discarded(&bytes, durable);
	mr_put_end(&bytes, begin);
	if (bytes.failed)
		return 0;
	mr_put_u32(&bytes, mr_crc32c(out, bytes.at));
	return bytes.failed ? 0 : bytes.at;
}

static bool
get_discarded(MrBytes *bytes, MrDurable *durable)
{
	size_t i;

	durable->ndiscarded = mr_get_u8(bytes);
	if (durable->ndiscarded == 0 || durable->ndiscarded > MR_MAX_MEMBERS)
		return false;
	for (i = 0; i < durable->ndiscarded; i++)
		mr_get_uuid(bytes, &durable->discarded[i]);
	return !bytes->failed;
}

static bool
get_peer_sequences(MrBytes *bytes, MrDurable *durable)
{
	size_t count = mr_get_u8(bytes);
	size_t i;

	if (count < MEMBERS_OF_OLD || count > MR_MAX_MEMBERS)
		return false;
	for (i = 0; i < count; i++)
		durable->peer_sequence[i] = mr_get_u64(bytes);
	return true;
}

static bool
get_fields(MrBytes *bytes, uint8_t version, MrDurable *durable)
{
	mr_get_uuid(bytes, &durable->cluster);
	mr_get_uuid(bytes, &durable->node);
	mr_get_string(bytes, durable->name, sizeof(durable->name));
	mr_get_string(bytes, durable->region, sizeof(durable->region));
	durable->sequence = mr_get_u64(bytes);
	durable->term = mr_get_u64(bytes);
	mr_get_uuid(bytes, &durable->voted_for);
	durable->voted_nonce = mr_get_u64(bytes);
	durable->log_term = mr_get_u64(bytes);
	mr_stamp_read(bytes, &durable->stamp);
	durable->rebuilding_term = mr_get_u64(bytes);
	durable->reserved_timeline = mr_get_u32(bytes);
	durable->max_lease_ms = mr_get_u32(bytes);
	durable->last_led_term = mr_get_u64(bytes);
	durable->leader_lsn = mr_get_u64(bytes);
	durable->amnesiac = mr_get_bool(bytes);
	if (mr_marks_read(bytes, durable->failovers) != MR_FAILOVERS_KEPT ||
		!get_peer_sequences(bytes, durable))
		return false;
	/* More may follow, of a build that knows more. */
	return mr_config_read(bytes, &durable->config) &&
		   (version < 2 || get_discarded(bytes, durable));
}

const char *
mr_durable_decode(const uint8_t *in, size_t size, MrDurable *durable)
{
	MrBytes bytes;
	MrBytes section;
	MrBytes end;
	uint8_t version;

	memset(durable, 0, sizeof(*durable));
	if (size < sizeof(magic) || memcmp(in, magic, sizeof(magic)) != 0)
		return size == 0 ? "The state file is empty." : "The file is not a multiregion state file.";
	if (size < HEADER_SIZE + CRC_SIZE)
		return "The state file is cut off.";
	mr_bytes_for_read(&end, in + size - CRC_SIZE, CRC_SIZE);
	mr_bytes_for_read(&bytes, in + sizeof(magic), size - sizeof(magic) - CRC_SIZE);
	version = mr_get_u8(&bytes);
	mr_get_section(&bytes, &section);
	if (mr_get_u32(&end) != mr_crc32c(in, size - CRC_SIZE))
		return section.failed ? "The state file is cut off."
							  : "The checksum of the state file is wrong.";
	/* Only now are its numbers worth a sentence of their own. */
	if (version > STATE_VERSION)
		return "The state file was written by a newer version of multiregion.";
	if (version == 0 || section.failed || bytes.at != bytes.size ||
		!get_fields(&section, version, durable))
		return "The content of the state file is not consistent.";
	return NULL;
}
