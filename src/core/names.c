/*
 * Words of the enums in mr_names.h, generated from the same lists.
 *
 * Decides nothing, keeps no state. Called by whoever prints or parses a word.
 */
#include "core/mr_names.h"
#include "core/mr_outcomes.h"

#include <string.h>

#define WORD_2(symbol, word) word,
#define WORD_3(symbol, word, sentence) word,
#define SENTENCE_3(symbol, word, sentence) sentence,
#define WORD_4(symbol, word, severity, sentence) word,
#define SEVERITY_4(symbol, word, severity, sentence) severity,
#define SENTENCE_4(symbol, word, severity, sentence) sentence,

static const char *const mode_words[] = {MR_MODE_LIST(WORD_2)};
static const char *const role_words[] = {MR_ROLE_LIST(WORD_2)};
static const char *const message_words[] = {MR_MESSAGE_LIST(WORD_2)};
static const char *const refusal_words[] = {MR_REFUSAL_LIST(WORD_3)};
static const char *const refusal_sentences[] = {MR_REFUSAL_LIST(SENTENCE_3)};
static const char *const event_words[] = {MR_EVENT_LIST(WORD_4)};
static const char *const event_severities[] = {MR_EVENT_LIST(SEVERITY_4)};
static const char *const event_sentences[] = {MR_EVENT_LIST(SENTENCE_4)};
static const char *const cause_words[] = {MR_CAUSE_LIST(WORD_3)};
static const char *const cause_sentences[] = {MR_CAUSE_LIST(SENTENCE_3)};
static const char *const health_words[] = {MR_HEALTH_LIST(WORD_2)};
static const char *const on_stop_words[] = {MR_ON_STOP_LIST(WORD_2)};
static const char *const route_reason_words[] = {MR_ROUTE_REASON_LIST(WORD_3)};
static const char *const route_reason_sentences[] = {MR_ROUTE_REASON_LIST(SENTENCE_3)};
static const char *const durability_words[] = {MR_DURABILITY_LIST(WORD_2)};
static const char *const outcome_words[] = {MR_OUTCOME_LIST(WORD_2)};

#define LENGTH(list) ((int) (sizeof(list) / sizeof((list)[0])))

static const char *
word_at(const char *const *list, int length, int index)
{
	return (index >= 0 && index < length) ? list[index] : "?";
}

static int
index_of(const char *const *list, int length, const char *word)
{
	int i;

	for (i = 0; i < length; i++)
		if (strcmp(list[i], word) == 0)
			return i;
	return -1;
}

#define DEFINE_NAME(function, list) \
	const char *function(int value) \
	{ \
		return word_at(list, LENGTH(list), value); \
	}

DEFINE_NAME(mr_mode_name, mode_words)
DEFINE_NAME(mr_role_name, role_words)
DEFINE_NAME(mr_message_name, message_words)
DEFINE_NAME(mr_refusal_name, refusal_words)
DEFINE_NAME(mr_refusal_sentence, refusal_sentences)
DEFINE_NAME(mr_event_name, event_words)
DEFINE_NAME(mr_event_severity, event_severities)
DEFINE_NAME(mr_event_sentence, event_sentences)
DEFINE_NAME(mr_cause_name, cause_words)
DEFINE_NAME(mr_cause_sentence, cause_sentences)
DEFINE_NAME(mr_health_name, health_words)
DEFINE_NAME(mr_on_stop_name, on_stop_words)
DEFINE_NAME(mr_durability_name, durability_words)
DEFINE_NAME(mr_outcome_name, outcome_words)
DEFINE_NAME(mr_route_reason_name, route_reason_words)
DEFINE_NAME(mr_route_reason_sentence, route_reason_sentences)

#define DEFINE_FROM_NAME(function, list) \
	int function(const char *word) \
	{ \
		return index_of(list, LENGTH(list), word); \
	}

DEFINE_FROM_NAME(mr_mode_from_name, mode_words)
DEFINE_FROM_NAME(mr_on_stop_from_name, on_stop_words)
DEFINE_FROM_NAME(mr_durability_from_name, durability_words)
DEFINE_FROM_NAME(mr_cause_from_name, cause_words)
DEFINE_FROM_NAME(mr_outcome_from_name, outcome_words)
