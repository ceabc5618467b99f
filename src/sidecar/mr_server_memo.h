/*
 * Requests that came before, byte for byte.
 *
 * Health checks send the same bytes again and again. A request that evhttp has parsed, that
 * every check here has passed and whose answer comes from memory is remembered as it
 * came in; the next one with exactly these bytes, alone at the beginning of a request, is
 * not parsed again. Nothing is read out of the bytes here: they are compared.
 */
#ifndef MR_SERVER_MEMO_H
#define MR_SERVER_MEMO_H

#include <stdbool.h>
#include <stddef.h>

#define MR_MEMO_BYTES 1024 /* longest request that is remembered */

struct MrRoute;

typedef struct MrMemo MrMemo;

/* Makes an empty one; NULL without memory. */
extern MrMemo *mr_memo_open(void);

/* The route of a request with these bytes, or NULL. */
extern const struct MrRoute *mr_memo_find(const MrMemo *memo, const char *bytes, size_t length);

/* Remembers a request; another one may be forgotten for it. */
extern void mr_memo_add(MrMemo *memo, const char *bytes, size_t length,
						const struct MrRoute *route);

/* Forgets all. */
extern void mr_memo_clear(MrMemo *memo);

/* Frees it. */
extern void mr_memo_close(MrMemo *memo);

#endif /* MR_SERVER_MEMO_H */
