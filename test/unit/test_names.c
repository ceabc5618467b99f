/*
 * Words of the enums: every value has one, ways there and back agree, and numbers
 * and words from a newer version are answered, not trusted.
 */
#include "core/mr_names.h"
#include "core/mr_outcomes.h"
#include "unit/mr_unit.h"

#include <string.h>

typedef const char *(*NameFunction)(int value);

static const struct
{
	const char *list;
	NameFunction name;
	int count;
} lists[] = {
	{"mode", mr_mode_name, MR_MODE_COUNT},
	{"role", mr_role_name, MR_ROLE_COUNT},
	{"message", mr_message_name, MR_MESSAGE_COUNT},
	{"refusal", mr_refusal_name, MR_REFUSAL_COUNT},
	{"refusal sentence", mr_refusal_sentence, MR_REFUSAL_COUNT},
	{"event", mr_event_name, MR_EVENT_COUNT},
	{"event sentence", mr_event_sentence, MR_EVENT_COUNT},
	{"cause", mr_cause_name, MR_CAUSE_COUNT},
	{"cause sentence", mr_cause_sentence, MR_CAUSE_COUNT},
	{"health", mr_health_name, MR_HEALTH_COUNT},
	{"on_stop", mr_on_stop_name, MR_ON_STOP_COUNT},
	{"durability", mr_durability_name, MR_DURABILITY_COUNT},
	{"outcome", mr_outcome_name, MR_OUTCOME_COUNT},
};

#define LIST_COUNT (sizeof(lists) / sizeof(lists[0]))

MR_TEST(every_value_has_a_word_of_its_own)
{
	size_t i;
	int a;
	int b;

	for (i = 0; i < LIST_COUNT; i++)
		for (a = 0; a < lists[i].count; a++)
		{
			mr_unit_about("%s %d", lists[i].list, a);
			MR_REQUIRE(lists[i].name(a) != NULL);
			MR_CHECK(strcmp(lists[i].name(a), "?") != 0 && lists[i].name(a)[0] != '\0');
			for (b = 0; b < a; b++)
				MR_CHECK(strcmp(lists[i].name(a), lists[i].name(b)) != 0);
		}
}

MR_TEST(numbers_outside_the_list_are_question_marks)
{
	size_t i;

	for (i = 0; i < LIST_COUNT; i++)
	{
		mr_unit_about("%s", lists[i].list);
		MR_CHECK_STRING(lists[i].name(lists[i].count), "?");
		MR_CHECK_STRING(lists[i].name(-1), "?");
		MR_CHECK_STRING(lists[i].name(INT32_MAX), "?");
		MR_CHECK_STRING(lists[i].name(INT32_MIN), "?");
	}
}

MR_TEST(words_lead_back_to_their_values)
{
	int value;

	for (value = 0; value < MR_ON_STOP_COUNT; value++)
		MR_CHECK_INT(mr_on_stop_from_name(mr_on_stop_name(value)), value);
	for (value = 0; value < MR_DURABILITY_COUNT; value++)
		MR_CHECK_INT(mr_durability_from_name(mr_durability_name(value)), value);
}

MR_TEST(unknown_words_are_refused)
{
	MR_CHECK_INT(mr_on_stop_from_name("Region"), -1);
	MR_CHECK_INT(mr_on_stop_from_name(""), -1);
	MR_CHECK_INT(mr_on_stop_from_name("?"), -1);
	MR_CHECK_INT(mr_durability_from_name("asyn"), -1);
	MR_CHECK_INT(mr_durability_from_name("async "), -1);
}
