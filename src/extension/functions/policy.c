/*
 * SQL functions on the cluster policy, and the lists of settings. Which policies and
 * variables there are is core's.
 *
 * Changes the table only; the monitor of the primary proposes it to the cluster, and the
 * column in_force of multiregion.policies shows when it holds.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "core/mr_policy.h"
#include "core/mr_variables.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_catalog_policy.h"
#include "extension/mr_functions.h"

PG_FUNCTION_INFO_V1(multiregion_set_policy);
PG_FUNCTION_INFO_V1(multiregion_reset_policy);
PG_FUNCTION_INFO_V1(multiregion_rollback_policy);
PG_FUNCTION_INFO_V1(multiregion_policy_version);
PG_FUNCTION_INFO_V1(multiregion_list_policies);
PG_FUNCTION_INFO_V1(multiregion_list_variables);

static const MrPolicySetting *
require_setting(const char *name)
{
	char word[MR_NAME_SIZE];
	const MrPolicySetting *setting = NULL;

	if (mr_text_lower(name, word, sizeof(word)))
		setting = mr_policy_find(word);
	if (setting == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("policy \"%s\" does not exist", name),
				 errhint("See multiregion.policies for the policies there are.")));
	return setting;
}

static int64
require_value(const MrPolicySetting *setting, const char *text)
{
	char min[MR_POLICY_VALUE_SIZE];
	char max[MR_POLICY_VALUE_SIZE];
	int64 value = 0;

	switch (mr_policy_parse(setting, text, &value))
	{
		case MR_POLICY_OK:
			break;
		case MR_POLICY_MALFORMED:
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("invalid value for policy \"%s\": \"%s\"", setting->name, text),
							errhint("%s", mr_policy_syntax(setting))));
			break;
		case MR_POLICY_OUT_OF_RANGE:
			mr_policy_format(setting, setting->min, min);
			mr_policy_format(setting, setting->max, max);
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("value \"%s\" is out of range for policy \"%s\"", text, setting->name),
					 errdetail("It is from %s to %s %s.", min, max, setting->unit)));
			break;
	}
	if (setting->offset == offsetof(MrPolicy, durability) && value != MR_DURABILITY_ASYNC)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("durability \"%s\" is not available in this version", text),
						errhint("Use async, and max_failover_lag to bound what a failover can "
								"lose.")));
	return value;
}

static void
refuse_changed(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					errmsg("the policy was changed by somebody else"), errdetail("%s", detail),
					errhint("Read multiregion.policies again, and decide with what it says now.")));
}

/* Refuses a change that was decided on by another version of the policy than this one. */
static void
require_version(FunctionCallInfo fcinfo, int number)
{
	int64 version;

	/* Older definitions of set_policy() have no such argument. */
	if (PG_NARGS() <= number || PG_ARGISNULL(number))
		return;
	version = mr_catalog_policy_version();
	if (version != PG_GETARG_INT64(number))
		refuse_changed(psprintf("Its version is %lld, not %lld.", (long long) version,
								(long long) PG_GETARG_INT64(number)));
}

static int64
wanted_value(const MrPolicySetting *setting, const char *text)
{
	return text != NULL ? require_value(setting, text) : setting->initial;
}

/* Whoever waits for the lock of the policy must not wait for members that do not answer. */
static void
ask_before_lock(const MrPolicySetting *setting, const char *text)
{
	if (setting->offset == offsetof(MrPolicy, mode) &&
		wanted_value(setting, text) == MR_MODE_MANAGE)
		mr_require_manageable();
}

/* Sets one policy, or with text NULL returns it to its default; the value as stored. */
static Datum
change_policy(const MrPolicySetting *setting, const char *text, const char *reason)
{
	char stored[MR_POLICY_VALUE_SIZE];
	const char *problem;
	MrPolicy policy;

	mr_catalog_read_policy(&policy);
	mr_policy_put(&policy, setting, wanted_value(setting, text));
	problem = mr_policy_problem(&policy);
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("policy \"%s\" would not fit the others", setting->name),
						errdetail("%s", problem),
						errhint("Set the other one first; multiregion.policies shows both.")));
	mr_policy_format(setting, mr_policy_get(&policy, setting), stored);
	(void) mr_catalog_write_policy(setting->name, text != NULL ? stored : NULL, reason, 0);
	return CStringGetTextDatum(stored);
}

Datum
multiregion_set_policy(PG_FUNCTION_ARGS)
{
	char *name = mr_text_argument(fcinfo, 0, "policy");
	char *text = mr_optional_text(fcinfo, 1);
	char *reason = mr_reason_argument(fcinfo, 2);
	const MrPolicySetting *setting = require_setting(name);

	mr_require_writable("set_policy()");
	ask_before_lock(setting, text);
	mr_catalog_lock_policy();
	require_version(fcinfo, 3);
	PG_RETURN_DATUM(change_policy(setting, text, reason));
}

Datum
multiregion_reset_policy(PG_FUNCTION_ARGS)
{
	char *name = mr_text_argument(fcinfo, 0, "policy");
	char *reason = mr_reason_argument(fcinfo, 1);
	const MrPolicySetting *setting = require_setting(name);

	mr_require_writable("reset_policy()");
	ask_before_lock(setting, NULL);
	mr_catalog_lock_policy();
	require_version(fcinfo, 2);
	PG_RETURN_DATUM(change_policy(setting, NULL, reason));
}

Datum
multiregion_policy_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(mr_catalog_policy_version());
}

/* ---------- rollback ---------- */

/* Whether these, undone, bring the cluster back into "manage". */
static bool
restores_manage(const MrPolicyDifference *differences, int count)
{
	for (int i = 0; i < count; i++)
	{
		const MrPolicySetting *setting = mr_policy_find(differences[i].name);

		if (setting != NULL && setting->offset == offsetof(MrPolicy, mode))
			return wanted_value(setting, differences[i].was_set ? differences[i].old_value
																: NULL) == MR_MODE_MANAGE;
	}
	return false;
}

/* As ask_before_lock(); false when there was nothing to ask. */
static bool
ask_before_rollback(int64 version)
{
	MrPolicyDifference *differences;
	int count = mr_catalog_policy_since(version, &differences);

	if (!restores_manage(differences, count))
		return false;
	mr_require_manageable();
	return true;
}

/*
 * Leaves out, with a warning, what this version of the library does not know. Error when
 * what remains could not be set today. Returns how many remain.
 */
static int
judge_differences(MrPolicyDifference *differences, int count)
{
	const char *problem;
	MrPolicy policy;
	int kept = 0;

	mr_catalog_read_policy(&policy);
	for (int i = 0; i < count; i++)
	{
		const MrPolicyDifference *difference = &differences[i];
		const MrPolicySetting *setting = mr_policy_find(difference->name);

		if (setting == NULL)
		{
			ereport(WARNING, (errmsg("policy \"%s\" stays as it is", difference->name),
							  errdetail("This version does not know it.")));
			continue;
		}
		mr_policy_put(&policy, setting,
					  wanted_value(setting, difference->was_set ? difference->old_value : NULL));
		differences[kept++] = *difference;
	}
	problem = mr_policy_problem(&policy);
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the policy of then would not hold today"), errdetail("%s", problem),
						errhint("Set the policies one by one with multiregion.set_policy().")));
	return kept;
}

static void
put_difference(ReturnSetInfo *result, const MrPolicyDifference *difference)
{
	Datum values[3] = {0};
	bool nulls[3] = {false, !difference->is_set, !difference->was_set};

	values[0] = CStringGetTextDatum(difference->name);
	if (difference->is_set)
		values[1] = CStringGetTextDatum(difference->value);
	if (difference->was_set)
		values[2] = CStringGetTextDatum(difference->old_value);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
multiregion_rollback_policy(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char *reason = mr_reason_argument(fcinfo, 1);
	bool dry_run = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	MrPolicyDifference *differences;
	int64 change = 0;
	int64 version;
	bool asked;
	int count;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("to_version must not be null")));
	version = PG_GETARG_INT64(0);
	if (!dry_run)
		mr_require_writable("rollback_policy()");
	asked = ask_before_rollback(version);
	if (!dry_run)
		mr_catalog_lock_policy();
	require_version(fcinfo, 2);
	count = mr_catalog_policy_since(version, &differences);
	if (!asked && restores_manage(differences, count))
		refuse_changed("Its mode was changed meanwhile.");
	count = judge_differences(differences, count);
	reason = psprintf("rollback to version %lld%s%s", (long long) version,
					  reason != NULL ? ": " : "", reason != NULL ? reason : "");
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < count; i++)
	{
		const MrPolicyDifference *difference = &differences[i];

		put_difference(result, difference);
		if (!dry_run)
			change = mr_catalog_write_policy(difference->name,
											 difference->was_set ? difference->old_value : NULL,
											 reason, change);
	}
	return (Datum) 0;
}

/* ---------- lists ---------- */

static Datum
formatted(const MrPolicySetting *setting, int64 value)
{
	char text[MR_POLICY_VALUE_SIZE];

	mr_policy_format(setting, value, text);
	return CStringGetTextDatum(text);
}

Datum
multiregion_list_policies(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MrLease *lease = mr_copy_lease();
	const MrPolicySetting *setting;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; (setting = mr_policy_at(i)) != NULL; i++)
	{
		Datum values[7];
		bool nulls[7] = {false};

		values[0] = CStringGetTextDatum(setting->name);
		values[1] = formatted(setting, setting->initial);
		nulls[2] = lease == NULL;
		values[2] = lease != NULL
						? formatted(setting, mr_policy_get(&lease->durable.config.policy, setting))
						: (Datum) 0;
		values[3] = CStringGetTextDatum(setting->unit);
		values[4] = formatted(setting, setting->min);
		values[5] = formatted(setting, setting->max);
		values[6] = CStringGetTextDatum(setting->what);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
multiregion_list_variables(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const MrKnownVariable *variable;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; (variable = mr_variable_at(i)) != NULL; i++)
	{
		Datum values[4] = {0};
		bool nulls[4] = {false, false, variable->initial[0] == '\0', false};

		values[0] = CStringGetTextDatum(variable->name);
		values[1] = CStringGetTextDatum(mr_variable_owner_name(variable->owner));
		if (!nulls[2])
			values[2] = CStringGetTextDatum(variable->initial);
		values[3] = CStringGetTextDatum(variable->what);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
