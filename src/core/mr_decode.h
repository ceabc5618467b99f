/*
 * How headers write text that is not ASCII.
 *
 * Each decoder writes at most size bytes, no NUL, and returns how many; -1 when the text is
 * malformed or does not fit.
 */
#ifndef MR_DECODE_H
#define MR_DECODE_H

#include "core/mr_slice.h"

/* S%C3%A3o (RFC 3986; a plus sign is one). */
extern int mr_decode_percent(MrSlice text, char *out, size_t size);

/* Base64 in either alphabet (+/ or -_), padded or not. */
extern int mr_decode_base64(MrSlice text, char *out, size_t size);

/*
 * S\u00c3\u00a3o: the bytes of UTF-8 one by one, as Cloudflare writes them; or, where they
 * are not that, characters.
 */
extern int mr_decode_escapes(MrSlice text, char *out, size_t size);

/* Whether these bytes are UTF-8 without control characters. */
extern bool mr_text_is_clean(const char *text, size_t length);

#endif /* MR_DECODE_H */
