/*
 * SQL functions that say where a tenant is at home, and in which zone; see mr_tenants.h.
 *
 * Each is a batch of one. Unpacks and checks arguments, decides nothing.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "extension/mr_functions.h"
#include "extension/mr_row.h"
#include "extension/routing/mr_tenants.h"

PG_FUNCTION_INFO_V1(multiregion_set_tenant_region);
PG_FUNCTION_INFO_V1(multiregion_set_tenant_rule);
PG_FUNCTION_INFO_V1(multiregion_clear_tenant_region);
PG_FUNCTION_INFO_V1(multiregion_set_tenant_zone);

/* ---------- words ---------- */

static bool
is_pin(const char *mode)
{
	if (mode == NULL || pg_strcasecmp(mode, "prefer") == 0)
		return false;
	if (pg_strcasecmp(mode, "pin") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid mode \"%s\"", mode),
				 errhint("A tenant prefers a region (prefer), or is served there or nowhere "
						 "(pin).")));
	return true;
}

static void
take_fallbacks(const MrTenantBatch *batch, MrTenantEdit *edit, ArrayType *fallbacks)
{
	Datum *words;
	bool *nulls;
	int count;

	deconstruct_array(fallbacks, TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		int region;

		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("a fallback must not be null")));
		region = mr_tenant_batch_region(batch, TextDatumGetCString(words[i]));
		if (!mr_tenant_rule_add_fallback(&edit->rule, region))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("invalid fallbacks of tenant \"%s\"", edit->tenant),
							errdetail("%s", mr_rule_fault_sentence(MR_RULE_TOO_MANY))));
	}
}

void
mr_tenant_take_rule(const MrTenantBatch *batch, MrTenantEdit *edit, const char *region,
					const char *mode, ArrayType *fallbacks)
{
	edit->wish = MR_WISH_RULE;
	edit->rule.home = (int8) mr_tenant_batch_region(batch, region);
	edit->rule.pinned = is_pin(mode);
	if (fallbacks != NULL)
		take_fallbacks(batch, edit, fallbacks);
}

/* ---------- the functions ---------- */

/* Checks tenant and what stands at number and the next: reason and expected version. */
static MrTenantEdit *
begin_edit(FunctionCallInfo fcinfo, const char *function, int number, MrTenantBatch **batch)
{
	char *tenant = mr_text_argument(fcinfo, 0, "tenant");
	char *reason = mr_reason_argument(fcinfo, number);
	MrTenantEdit *edit;

	mr_refuse_name("tenant id", tenant, mr_tenant_problem(tenant));
	mr_require_writable(function);
	*batch = mr_tenant_batch_begin(CurrentMemoryContext);
	edit = mr_tenant_batch_add(*batch, tenant);
	edit->reason = reason;
	edit->has_expected = !PG_ARGISNULL(number + 1);
	if (edit->has_expected)
		edit->expected = PG_GETARG_INT64(number + 1);
	return edit;
}

static void
put_state(MrRow *row, const MrTenantBatch *batch, const MrTenantEdit *edit)
{
	const MrTenantRule *rule = &edit->after.rule;
	char *fallbacks = mr_tenant_batch_fallbacks(batch, rule);
	bool has_home = rule->home != MR_NO_REGION;

	mr_row_put_text(row, edit->tenant);
	mr_row_put_text(row, mr_tenant_batch_key(batch, rule->home));
	mr_row_put_text(row, has_home ? batch->regions.regions[rule->home].id : NULL);
	mr_row_put_number(row, edit->after.version, false);
	if (!batch->has_rules)
		return;
	mr_row_put_text(row, rule->pinned ? "pin" : "prefer");
	mr_row_put(row,
			   fallbacks == NULL ? (Datum) 0
								 : OidInputFunctionCall(F_ARRAY_IN, fallbacks, TEXTOID, -1),
			   fallbacks == NULL);
	mr_row_put_text(row,
					edit->after.zone == MR_NO_ZONE ? NULL : batch->zones[edit->after.zone].name);
}

static Datum
finish_edit(FunctionCallInfo fcinfo, MrTenantBatch *batch, const MrTenantEdit *edit)
{
	MrRow row = {0};

	mr_tenant_batch_flush(batch);
	put_state(&row, batch, edit);
	return mr_row_result(fcinfo, &row);
}

static Datum
set_region(FunctionCallInfo fcinfo, const char *mode, ArrayType *fallbacks)
{
	MrTenantBatch *batch;
	MrTenantEdit *edit;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("region must not be null"),
						errhint("clear_tenant_region() removes the preference of a tenant.")));
	edit = begin_edit(fcinfo, "set_tenant_region()", 2, &batch);
	mr_tenant_take_rule(batch, edit, mr_text_argument(fcinfo, 1, "region"), mode, fallbacks);
	return finish_edit(fcinfo, batch, edit);
}

/* That of 0.1, which knows neither mode nor fallbacks. */
Datum
multiregion_set_tenant_region(PG_FUNCTION_ARGS)
{
	return set_region(fcinfo, NULL, NULL);
}

Datum
multiregion_set_tenant_rule(PG_FUNCTION_ARGS)
{
	return set_region(fcinfo, mr_optional_text(fcinfo, 4),
					  PG_ARGISNULL(5) ? NULL : PG_GETARG_ARRAYTYPE_P(5));
}

Datum
multiregion_clear_tenant_region(PG_FUNCTION_ARGS)
{
	MrTenantBatch *batch;
	MrTenantEdit *edit = begin_edit(fcinfo, "clear_tenant_region()", 1, &batch);

	edit->wish = MR_WISH_RULE;
	mr_tenant_batch_flush(batch);
	PG_RETURN_BOOL(edit->before.rule.home != MR_NO_REGION);
}

Datum
multiregion_set_tenant_zone(PG_FUNCTION_ARGS)
{
	MrTenantBatch *batch;
	MrTenantEdit *edit = begin_edit(fcinfo, "set_tenant_zone()", 2, &batch);

	edit->sets_zone = true;
	if (!PG_ARGISNULL(1))
		edit->zone = mr_tenant_batch_zone(batch, mr_text_argument(fcinfo, 1, "zone"));
	return finish_edit(fcinfo, batch, edit);
}
