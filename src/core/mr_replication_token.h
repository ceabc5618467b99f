/*
 * A token: the position of a commit as text that a client carries about, so that a later
 * read elsewhere can wait for that commit, or learn that a failover has lost it.
 *
 *     mr1.<system>.<term>.<timeline>.<lsn>.<check>
 *     mr1.66f3a1c2d4e5b607.7.2.5000148.1046322a
 *
 * Six parts with dots between: the format, the database system's identifier, the lease
 * term, the timeline and the end of the commit record, all hexadecimal in lower case;
 * <system> has 16 digits, the next three none in front that is 0. <check> is the CRC-32C
 * of everything before its dot, 8 digits: a token that was cut short or mistyped would
 * else name an earlier commit, and be believed. It is no signature: whoever makes up a
 * token can make his own reads wait. Every character may stand in a header, a cookie, a
 * URL. One position has one text.
 *
 * Positions are compared only within one system and by the history of its timelines; the
 * term is for people, and for the order of tokens from both sides of a failover.
 */
#ifndef MR_REPLICATION_TOKEN_H
#define MR_REPLICATION_TOKEN_H

#include "core/mr_limits.h"

#define MR_TOKEN_SIZE 80 /* longest token, with its NUL */

typedef struct MrToken
{
	uint64_t system;   /* of the database system; what all copies share */
	uint64_t term;     /* leadership that wrote the commit; 0 on a server of no cluster */
	uint32_t timeline; /* never 0 */
	MrLsn lsn;         /* end of the commit record; never 0 */
} MrToken;

/* Writes a token's text. */
extern void mr_token_format(const MrToken *token, char out[MR_TOKEN_SIZE]);

/* Reads a text; false, and *token undefined, for anything mr_token_format() does not write. */
extern bool mr_token_parse(const char *text, MrToken *token);

/*
 * < 0, 0, > 0 as a lies before b, at the same position, behind it: by term, then timeline,
 * then position. Only for tokens of one system.
 */
extern int mr_token_compare(const MrToken *a, const MrToken *b);

#endif /* MR_REPLICATION_TOKEN_H */
