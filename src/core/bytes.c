/*
 * Cursor over a byte array, and CRC-32C: see mr_bytes.h.
 *
 * Numbers are little-endian whatever the machine is. A cursor that has failed
 * stays where it is: nothing more is written, everything read is 0, so callers
 * check once, at the end. Never touches a byte outside [0, size).
 *
 * Called by message.c and durable.c.
 */
#include "core/mr_bytes.h"

#include <string.h>

void
mr_bytes_for_write(MrBytes *bytes, uint8_t *out, size_t size)
{
	bytes->write = out;
	bytes->read = NULL;
	bytes->size = size;
	bytes->at = 0;
	bytes->failed = false;
}

void
mr_bytes_for_read(MrBytes *bytes, const uint8_t *in, size_t size)
{
	bytes->write = NULL;
	bytes->read = in;
	bytes->size = size;
	bytes->at = 0;
	bytes->failed = false;
}

/* Room for size more bytes? Fails the cursor if not, or if it goes the other way. */
static bool
advance(MrBytes *bytes, size_t size, bool writing)
{
	if (bytes->failed || size > bytes->size - bytes->at ||
		(writing ? bytes->write == NULL : bytes->read == NULL))
	{
		bytes->failed = true;
		return false;
	}
	bytes->at += size;
	return true;
}

static void
put_number(MrBytes *bytes, uint64_t value, size_t size)
{
	size_t i;

	if (!advance(bytes, size, true))
		return;
	for (i = 0; i < size; i++)
		bytes->write[bytes->at - size + i] = (uint8_t) (value >> (8 * i));
}

static uint64_t
get_number(MrBytes *bytes, size_t size)
{
	uint64_t value = 0;
	size_t i;

	if (!advance(bytes, size, false))
		return 0;
	for (i = 0; i < size; i++)
		value |= (uint64_t) bytes->read[bytes->at - size + i] << (8 * i);
	return value;
}

void
mr_put_u8(MrBytes *bytes, uint8_t value)
{
	put_number(bytes, value, 1);
}

void
mr_put_u32(MrBytes *bytes, uint32_t value)
{
	put_number(bytes, value, 4);
}

void
mr_put_u64(MrBytes *bytes, uint64_t value)
{
	put_number(bytes, value, 8);
}

void
mr_put_uuid(MrBytes *bytes, const MrUuid *uuid)
{
	if (advance(bytes, sizeof(uuid->bytes), true))
		memcpy(bytes->write + bytes->at - sizeof(uuid->bytes), uuid->bytes, sizeof(uuid->bytes));
}

void
mr_put_string(MrBytes *bytes, const char *text)
{
	size_t length = strlen(text);

	if (length > UINT16_MAX)
	{
		bytes->failed = true;
		return;
	}
	put_number(bytes, length, 2);
	if (advance(bytes, length, true) && length > 0)
		memcpy(bytes->write + bytes->at - length, text, length);
}

uint8_t
mr_get_u8(MrBytes *bytes)
{
	return (uint8_t) get_number(bytes, 1);
}

uint32_t
mr_get_u32(MrBytes *bytes)
{
	return (uint32_t) get_number(bytes, 4);
}

uint64_t
mr_get_u64(MrBytes *bytes)
{
	return get_number(bytes, 8);
}

bool
mr_get_bool(MrBytes *bytes)
{
	uint8_t value = mr_get_u8(bytes);

	if (value > 1)
		bytes->failed = true;
	return value == 1;
}

void
mr_get_uuid(MrBytes *bytes, MrUuid *uuid)
{
	memset(uuid, 0, sizeof(*uuid));
	if (advance(bytes, sizeof(uuid->bytes), false))
		memcpy(uuid->bytes, bytes->read + bytes->at - sizeof(uuid->bytes), sizeof(uuid->bytes));
}

void
mr_get_string(MrBytes *bytes, char *out, size_t size)
{
	size_t length = (size_t) get_number(bytes, 2);

	/* Equal texts must be equal bytes to whoever compares or hashes the struct. */
	memset(out, 0, size);
	if (length >= size)
	{
		bytes->failed = true;
		return;
	}
	if (!advance(bytes, length, false) || length == 0)
		return;
	if (memchr(bytes->read + bytes->at - length, 0, length) != NULL)
	{
		bytes->failed = true;
		return;
	}
	memcpy(out, bytes->read + bytes->at - length, length);
}

size_t
mr_put_begin(MrBytes *bytes)
{
	size_t begin = bytes->at;

	mr_put_u32(bytes, 0);
	return begin;
}

/*
 * A test builds the library a second time with this macro: as a later version that has
 * appended something to every section, whose nodes must get on with those of this one.
 */
static void
put_what_is_not_known(MrBytes *bytes)
{
#ifdef MR_TEST_NEXT_VERSION
	put_number(bytes, UINT64_C(0xA5A5A5), 3);
#else
	(void) bytes;
#endif
}

void
mr_put_end(MrBytes *bytes, size_t begin)
{
	size_t length;
	size_t i;

	put_what_is_not_known(bytes);
	if (bytes->failed)
		return;
	length = bytes->at - begin - 4;
	if (length > UINT32_MAX)
	{
		bytes->failed = true;
		return;
	}
	for (i = 0; i < 4; i++)
		bytes->write[begin + i] = (uint8_t) (length >> (8 * i));
}

void
mr_get_section(MrBytes *bytes, MrBytes *section)
{
	size_t length = mr_get_u32(bytes);

	mr_bytes_for_read(section, NULL, 0);
	if (advance(bytes, length, false))
		mr_bytes_for_read(section, bytes->read + bytes->at - length, length);
	else
		section->failed = true;
}

/*
 * One bit at a time: only the state file uses it, a few kilobytes a write that
 * waits for the disk anyway, and a table would be one more thing to trust.
 */
uint32_t
mr_crc32c(const uint8_t *data, size_t size)
{
	uint32_t crc = UINT32_MAX;
	size_t i;
	int bit;

	for (i = 0; i < size; i++)
	{
		crc ^= data[i];
		for (bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? UINT32_C(0x82F63B78) : 0);
	}
	return ~crc;
}
