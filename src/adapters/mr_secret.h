/*
 * Comparing secrets: neither how long it takes nor how they are kept tells what they are.
 */
#ifndef MR_SECRET_H
#define MR_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* What is kept of a secret: its SHA-256. */
typedef struct MrSecret
{
	unsigned char digest[32];
} MrSecret;

/* Makes what is kept of length bytes; false (without memory) and it is equal to nothing. */
extern bool mr_secret_make(MrSecret *secret, const char *text, size_t length);

/* Whether both were made of the same bytes, in a time that does not depend on them. */
extern bool mr_secret_equal(const MrSecret *a, const MrSecret *b);

#endif /* MR_SECRET_H */
