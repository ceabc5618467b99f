/*
 * SQL functions on the cluster policy. The list of policies is core/policy.c's.
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
#include "extension/mr_catalog_edit.h"
#include "extension/mr_functions.h"

PG_FUNCTION_INFO_V1(multiregion_set_policy);
PG_FUNCTION_INFO_V1(multiregion_list_policies);

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

Datum
multiregion_set_policy(PG_FUNCTION_ARGS)
{
	char *name = mr_text_argument(fcinfo, 0, "policy");
	char *text = mr_optional_text(fcinfo, 1);
	char *reason = mr_reason_argument(fcinfo, 2);
	const MrPolicySetting *setting = require_setting(name);
	char stored[MR_POLICY_VALUE_SIZE];
	const char *problem;
	MrPolicy policy;

	mr_require_writable("set_policy()");
	mr_catalog_lock_policy();
	mr_catalog_read_policy(&policy);
	mr_policy_put(&policy, setting, text != NULL ? require_value(setting, text) : setting->initial);
	if (setting->offset == offsetof(MrPolicy, mode) && policy.mode == MR_MODE_MANAGE)
		mr_require_manageable();
	problem = mr_policy_problem(&policy);
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("policy \"%s\" would not fit the others", setting->name),
						errdetail("%s", problem),
						errhint("Set the other one first; multiregion.policies shows both.")));
	mr_policy_format(setting, mr_policy_get(&policy, setting), stored);
	mr_catalog_write_policy(setting->name, text != NULL ? stored : NULL, reason);
	PG_RETURN_TEXT_P(cstring_to_text(stored));
}

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
