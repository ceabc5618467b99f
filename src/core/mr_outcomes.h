/*
 * What became of an order to make another node the primary, for who gave it: a part of the
 * lists of names (mr_names.h). SQL, the sidecar and the hooks take the words from here.
 */
#ifndef MR_OUTCOMES_H
#define MR_OUTCOMES_H

/* X(symbol, word). */
#define MR_OUTCOME_LIST(X) \
	X(MR_OUTCOME_DONE, "done") \
	X(MR_OUTCOME_REFUSED, "refused") \
	X(MR_OUTCOME_DRY_RUN, "dry_run") \
	X(MR_OUTCOME_PENDING, "pending") \
	X(MR_OUTCOME_ALREADY_PRIMARY, "already_primary") \
	X(MR_OUTCOME_IN_PROGRESS, "in_progress") \
	X(MR_OUTCOME_UNKNOWN_REGION, "unknown_region") \
	X(MR_OUTCOME_UNKNOWN, "unknown")

typedef enum MrOutcome
{
#define MR_OUTCOME_ENUM(symbol, word) symbol,
	MR_OUTCOME_LIST(MR_OUTCOME_ENUM)
#undef MR_OUTCOME_ENUM
		MR_OUTCOME_COUNT
} MrOutcome;

/* The word of an outcome, and the outcome of a word, or -1. */
extern const char *mr_outcome_name(int outcome);
extern int mr_outcome_from_name(const char *word);

#endif /* MR_OUTCOMES_H */
