/*
 * Hot answers: those that depend on nothing but the copy of the status, the settings and
 * the clock. Their JSON is made once for each copy and given again from memory.
 *
 * The clock shows in the members "ageMs" and "checkedAt" of the document's root: their
 * places in the text are found once, and written anew in each answer. With "asOf" they
 * are left out of the entity tag, so that a client that asks again with If-None-Match is
 * told 304 as long as nothing but the age has changed.
 */
#ifndef MR_HOT_H
#define MR_HOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_HOT_ROUTES 128
#define MR_HOT_HOLES 4
#define MR_HOT_KEEP_MS 200 /* longest life of a text, whatever it is made from */
#define MR_HOT_TAG_SIZE 24

typedef struct MrHotHole
{
	size_t start;
	size_t end;
	bool is_age; /* else it is the time of the answer */
} MrHotHole;

/* What an answer was made from; another one, and it is made again. */
typedef struct MrHotBasis
{
	uint64_t reads;  /* of the copy */
	uint64_t reload; /* of the settings */
	bool up;
	bool draining;
} MrHotBasis;

typedef struct MrHotAnswer
{
	MrHotBasis basis;
	int64_t until_ns; /* the age alone changes what it says from then on; 0 = empty */
	int status;
	char *text;
	size_t length;
	MrHotHole holes[MR_HOT_HOLES];
	int hole_count;
	char tag[MR_HOT_TAG_SIZE]; /* entity tag with its quotes; empty for none */
} MrHotAnswer;

typedef struct MrHot
{
	MrHotAnswer answers[MR_HOT_ROUTES]; /* by route */
} MrHot;

/* Finds the holes of a text and makes its tag; the text is the answer's afterwards. */
extern void mr_hot_read(MrHotAnswer *answer, char *text, bool tagged);

/* The text as it is to be sent at an age and a time, to be freed; NULL without memory. */
extern char *mr_hot_write(const MrHotAnswer *answer, int64_t age_ms, int64_t wall_ms,
						  size_t *length);

/* Whether the value of an If-None-Match header (NULL: none) names the answer. */
extern bool mr_hot_matches(const MrHotAnswer *answer, const char *if_none_match);

/* Frees the texts. */
extern void mr_hot_free(MrHot *hot);

#endif /* MR_HOT_H */
