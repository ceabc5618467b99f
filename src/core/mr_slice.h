/*
 * A piece of somebody else's text, without a NUL at its end. It is never copied to be
 * looked at, and must not outlive what it points into.
 */
#ifndef MR_SLICE_H
#define MR_SLICE_H

#include "core/mr_limits.h"

typedef struct MrSlice
{
	const char *text;
	size_t length;
} MrSlice;

/* The whole of a text that ends with a NUL. */
extern MrSlice mr_slice(const char *text);

/* Without blanks (space, tab) at both ends. */
extern MrSlice mr_slice_trim(MrSlice slice);

/* Whether it is this text, ASCII letters in any case. */
extern bool mr_slice_is(MrSlice slice, const char *text);

/*
 * Takes what stands before the first (or, from the right, behind the last) separator off
 * *rest; false when nothing is left. "a,,b" has three items, "" has one.
 */
extern bool mr_slice_next(MrSlice *rest, char separator, MrSlice *item);
extern bool mr_slice_last(MrSlice *rest, char separator, MrSlice *item);

/* What a hexadecimal digit is worth, in either case; -1 for any other character. */
extern int mr_hex_digit(char c);

/*
 * A number in plain decimal notation, like -77.45, at most 32 characters. False for all
 * else: no exponent, hexadecimal, infinity.
 */
extern bool mr_slice_number(MrSlice slice, double *number);

#endif /* MR_SLICE_H */
