/*
 * A cursor over a byte array: little-endian numbers and bounded strings, with a
 * sticky failure flag, and CRC-32C. The only reader and writer of our binary
 * formats (messages, state file).
 */
#ifndef MR_BYTES_H
#define MR_BYTES_H

#include "core/mr_limits.h"

typedef struct MrBytes
{
	uint8_t *write; /* NULL when reading */
	const uint8_t *read;
	size_t size;
	size_t at;
	bool failed; /* ran over the end, or read something invalid */
} MrBytes;

/* A cursor at the beginning of size bytes, to fill them or to take them apart. */
extern void mr_bytes_for_write(MrBytes *bytes, uint8_t *out, size_t size);
extern void mr_bytes_for_read(MrBytes *bytes, const uint8_t *in, size_t size);

/* Append; past the end they only set failed. A string is stored with its length (<= 65535). */
extern void mr_put_u8(MrBytes *bytes, uint8_t value);
extern void mr_put_u32(MrBytes *bytes, uint32_t value);
extern void mr_put_u64(MrBytes *bytes, uint64_t value);
extern void mr_put_uuid(MrBytes *bytes, const MrUuid *uuid);
extern void mr_put_string(MrBytes *bytes, const char *text);

/* Take; past the end they return 0 and set failed. */
extern uint8_t mr_get_u8(MrBytes *bytes);
extern uint32_t mr_get_u32(MrBytes *bytes);
extern uint64_t mr_get_u64(MrBytes *bytes);
extern bool mr_get_bool(MrBytes *bytes); /* anything but 0 or 1 fails */
extern void mr_get_uuid(MrBytes *bytes, MrUuid *uuid);
/* Fails if it is longer than size - 1 or holds a NUL; out is always terminated. */
extern void mr_get_string(MrBytes *bytes, char *out, size_t size);

/*
 * A section is a part with its own length, so that a reader can skip what a newer
 * writer put at its end. mr_put_begin() returns what mr_put_end() wants to know;
 * mr_get_section() moves past the section and makes a reader of its inside, which
 * has failed from the start if the section does not lie within bytes.
 */
extern size_t mr_put_begin(MrBytes *bytes);
extern void mr_put_end(MrBytes *bytes, size_t begin);
extern void mr_get_section(MrBytes *bytes, MrBytes *section);

/* CRC-32C (Castagnoli) of size bytes. */
extern uint32_t mr_crc32c(const uint8_t *data, size_t size);

#endif /* MR_BYTES_H */
