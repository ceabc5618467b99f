/*
 * The cluster policy as a list: see mr_policy.h.
 *
 * Pure; keeps no value, only what the settings are. Called by set_policy(), by the
 * views of settings, and by the sidecar for values of its environment.
 */
#include "core/mr_policy.h"

#include "core/mr_identifier.h"

#include <stdio.h>
#include <string.h>

static const MrPolicySetting settings[] = {
#define SETTING(name, field, def, min, max, unit, what) \
	{name, unit, what, (def), (min), (max), offsetof(MrPolicy, field)},
	MR_POLICY_LIST(SETTING)
#undef SETTING
};

#define SETTING_COUNT ((int) (sizeof(settings) / sizeof(settings[0])))

/* Which words an "enum" setting has. */
static const struct
{
	const char *name;
	const char *(*word)(int value);
	int (*value)(const char *word);
	const char *syntax;
} vocabularies[] = {
	{"on_stop", mr_on_stop_name, mr_on_stop_from_name, "Valid values: region, any, stay."},
	{"mode", mr_mode_name, mr_mode_from_name, "Valid values: off, observe, manage."},
	{"durability", mr_durability_name, mr_durability_from_name, "Valid values: async, quorum."},
};

#define VOCABULARY_COUNT ((int) (sizeof(vocabularies) / sizeof(vocabularies[0])))

static const struct
{
	const char *base; /* unit of the setting */
	const char *word;
	int64_t factor;
} units[] = {
	{"ms", "ms", 1},
	{"ms", "s", 1000},
	{"ms", "min", 60 * 1000},
	{"ms", "h", 60 * 60 * 1000},
	{"ms", "d", 24 * 60 * 60 * 1000},
	{"bytes", "B", 1},
	{"bytes", "kB", INT64_C(1) << 10},
	{"bytes", "MB", INT64_C(1) << 20},
	{"bytes", "GB", INT64_C(1) << 30},
	{"bytes", "TB", INT64_C(1) << 40},
};

static const struct
{
	const char *word;
	int64_t value;
} booleans[] = {
	{"on", 1}, {"true", 1}, {"yes", 1}, {"1", 1}, {"off", 0}, {"false", 0}, {"no", 0}, {"0", 0},
};

const MrPolicySetting *
mr_policy_at(int index)
{
	return index >= 0 && index < SETTING_COUNT ? &settings[index] : NULL;
}

const MrPolicySetting *
mr_policy_find(const char *name)
{
	int i;

	for (i = 0; i < SETTING_COUNT; i++)
	{
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	}
	return NULL;
}

int64_t
mr_policy_get(const MrPolicy *policy, const MrPolicySetting *setting)
{
	int64_t value;

	memcpy(&value, (const char *) policy + setting->offset, sizeof(value));
	return value;
}

void
mr_policy_put(MrPolicy *policy, const MrPolicySetting *setting, int64_t value)
{
	memcpy((char *) policy + setting->offset, &value, sizeof(value));
}

/* Index of the words of an enum setting, or -1. */
static int
vocabulary_of(const MrPolicySetting *setting)
{
	int i;

	for (i = 0; i < VOCABULARY_COUNT; i++)
	{
		if (strcmp(setting->unit, "enum") == 0 && strcmp(vocabularies[i].name, setting->name) == 0)
			return i;
	}
	return -1;
}

static bool
is_boolean(const MrPolicySetting *setting)
{
	return strcmp(setting->unit, "boolean") == 0;
}

static MrPolicyParse
parse_boolean(const char *text, int64_t *value)
{
	size_t i;

	for (i = 0; i < sizeof(booleans) / sizeof(booleans[0]); i++)
	{
		if (strcmp(booleans[i].word, text) == 0)
		{
			*value = booleans[i].value;
			return MR_POLICY_OK;
		}
	}
	return MR_POLICY_MALFORMED;
}

/* Factor of a unit's word (empty: 1); 0 when the setting has no such unit. */
static int64_t
factor_of(const MrPolicySetting *setting, const char *word)
{
	size_t i;

	if (word[0] == '\0')
		return 1;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		if (strcmp(units[i].base, setting->unit) == 0 && strcmp(units[i].word, word) == 0)
			return units[i].factor;
	}
	return 0;
}

/* A decimal number as taken apart by scan_number(). */
typedef struct Decimal
{
	bool negative;
	int64_t whole;
	int64_t fraction; /* numerator over scale */
	int64_t scale;
} Decimal;

/* Position after the number, or NULL when there is none or it is absurdly long. */
static const char *
scan_number(const char *text, Decimal *number)
{
	const char *at = text;

	memset(number, 0, sizeof(*number));
	number->scale = 1;
	number->negative = *at == '-';
	if (number->negative)
		at++;
	if (*at < '0' || *at > '9')
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++)
	{
		if (number->whole > (INT64_MAX - (*at - '0')) / 10)
			return NULL;
		number->whole = number->whole * 10 + (*at - '0');
	}
	if (*at != '.')
		return at;
	for (at++; *at >= '0' && *at <= '9'; at++)
	{
		if (number->scale >= 1000000)
			return NULL;
		number->fraction = number->fraction * 10 + (*at - '0');
		number->scale *= 10;
	}
	return at[-1] == '.' ? NULL : at;
}

static MrPolicyParse
parse_number(const MrPolicySetting *setting, const char *text, int64_t *value)
{
	Decimal number;
	const char *rest = scan_number(text, &number);
	int64_t factor;
	int64_t part;

	if (rest == NULL)
		return MR_POLICY_MALFORMED;
	while (*rest == ' ')
		rest++;
	factor = factor_of(setting, rest);
	if (factor == 0)
		return MR_POLICY_MALFORMED;
	/* A fraction is below 10^6 and a factor at most 2^40: their product fits. */
	if (number.fraction * factor % number.scale != 0)
		return MR_POLICY_MALFORMED;
	part = number.fraction * factor / number.scale;
	if (number.whole > (INT64_MAX - part) / factor)
		return MR_POLICY_OUT_OF_RANGE;
	*value = number.whole * factor + part;
	if (number.negative)
		*value = -*value;
	return MR_POLICY_OK;
}

MrPolicyParse
mr_policy_parse(const MrPolicySetting *setting, const char *text, int64_t *value)
{
	int vocabulary = vocabulary_of(setting);
	char word[MR_POLICY_VALUE_SIZE];
	MrPolicyParse result;

	if (vocabulary >= 0 || is_boolean(setting))
	{
		if (!mr_text_lower(text, word, sizeof(word)))
			return MR_POLICY_MALFORMED;
		if (vocabulary < 0)
			return parse_boolean(word, value);
		*value = vocabularies[vocabulary].value(word);
		return *value < 0 ? MR_POLICY_MALFORMED : MR_POLICY_OK;
	}
	result = parse_number(setting, text, value);
	if (result == MR_POLICY_OK && (*value < setting->min || *value > setting->max))
		result = MR_POLICY_OUT_OF_RANGE;
	return result;
}

void
mr_policy_format(const MrPolicySetting *setting, int64_t value, char out[MR_POLICY_VALUE_SIZE])
{
	int vocabulary = vocabulary_of(setting);

	if (vocabulary >= 0)
		(void) snprintf(out, MR_POLICY_VALUE_SIZE, "%s",
						vocabularies[vocabulary].word((int) value));
	else if (is_boolean(setting))
		(void) snprintf(out, MR_POLICY_VALUE_SIZE, "%s", value != 0 ? "on" : "off");
	else
		(void) snprintf(out, MR_POLICY_VALUE_SIZE, "%lld", (long long) value);
}

const char *
mr_policy_syntax(const MrPolicySetting *setting)
{
	int vocabulary = vocabulary_of(setting);

	if (vocabulary >= 0)
		return vocabularies[vocabulary].syntax;
	if (is_boolean(setting))
		return "Valid values: on, off.";
	if (strcmp(setting->unit, "ms") == 0)
		return "Valid units are \"ms\", \"s\", \"min\", \"h\" and \"d\"; without one it is ms.";
	if (strcmp(setting->unit, "bytes") == 0)
		return "Valid units are \"B\", \"kB\", \"MB\", \"GB\" and \"TB\"; without one it is bytes.";
	return "It is a whole number.";
}

/* The rule itself is mr_config_problem()'s; it wants a whole configuration around the policy. */
const char *
mr_policy_problem(const MrPolicy *policy)
{
	MrConfig config;

	mr_config_init(&config);
	config.policy = *policy;
	config.voters = 1;
	config.members[0].used = true;
	config.members[0].name[0] = 'x';
	config.members[0].uuid.bytes[0] = 1;
	return mr_config_problem(&config);
}
