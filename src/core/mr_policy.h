/*
 * The cluster policy as a list: name, unit, range, and the way from what a person
 * writes ('30s', '16MB', 'on') to a number and back. MR_POLICY_LIST is the source.
 */
#ifndef MR_POLICY_H
#define MR_POLICY_H

#include "core/mr_topology.h"

#define MR_POLICY_VALUE_SIZE 24 /* any value as text, with its NUL */

typedef struct MrPolicySetting
{
	const char *name;
	const char *unit; /* ms, bytes, checks, boolean, enum */
	const char *what; /* one line of description */
	int64_t initial;  /* what holds while nobody has set it */
	int64_t min;
	int64_t max;
	size_t offset; /* of its field in MrPolicy */
} MrPolicySetting;

typedef enum MrPolicyParse
{
	MR_POLICY_OK,
	MR_POLICY_MALFORMED, /* not a value of this setting; see mr_policy_syntax() */
	MR_POLICY_OUT_OF_RANGE
} MrPolicyParse;

/* The settings in the order of the list; NULL past the end (or for an unknown name). */
extern const MrPolicySetting *mr_policy_at(int index);
extern const MrPolicySetting *mr_policy_find(const char *name);

/* The value of one setting in a policy. */
extern int64_t mr_policy_get(const MrPolicy *policy, const MrPolicySetting *setting);
extern void mr_policy_put(MrPolicy *policy, const MrPolicySetting *setting, int64_t value);

/*
 * Reads a value. A number without unit is in the setting's own unit; a fraction
 * needs a unit that makes it whole ('1.5s').
 */
extern MrPolicyParse mr_policy_parse(const MrPolicySetting *setting, const char *text,
									 int64_t *value);

/* Writes a value the way it is stored: digits in the setting's unit, or its word. */
extern void mr_policy_format(const MrPolicySetting *setting, int64_t value,
							 char out[MR_POLICY_VALUE_SIZE]);

/* What a value may look like, as a sentence for a hint. */
extern const char *mr_policy_syntax(const MrPolicySetting *setting);

/* NULL when the values fit each other (mr_config_problem()), else a sentence. */
extern const char *mr_policy_problem(const MrPolicy *policy);

#endif /* MR_POLICY_H */
