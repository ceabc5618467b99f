/*
 * SQL functions that change tenants: who is at home where, and who says so.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "core/mr_identifier.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_functions.h"

PG_FUNCTION_INFO_V1(multiregion_set_tenant_region);
PG_FUNCTION_INFO_V1(multiregion_clear_tenant_region);

/* Fills what both changes have in common; reason and version are at number and after. */
static void
take_change(FunctionCallInfo fcinfo, int number, MrTenantChange *change)
{
	memset(change, 0, sizeof(*change));
	change->tenant = mr_text_argument(fcinfo, 0, "tenant");
	mr_refuse_name("tenant id", change->tenant, mr_tenant_problem(change->tenant));
	change->reason = mr_reason_argument(fcinfo, number);
	change->has_expected = !PG_ARGISNULL(number + 1);
	if (change->has_expected)
		change->expected = PG_GETARG_INT64(number + 1);
}

Datum
multiregion_set_tenant_region(PG_FUNCTION_ARGS)
{
	MrTenantChange change;
	MrRegionRow region;
	TupleDesc columns;
	Datum values[4];
	bool nulls[4] = {false};
	bool had_region;

	take_change(fcinfo, 2, &change);
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("region must not be null"),
						errhint("clear_tenant_region() removes the preference of a tenant.")));
	mr_require_writable("set_tenant_region()");
	mr_catalog_hold_regions();
	mr_catalog_require_region(mr_text_argument(fcinfo, 1, "region"), &region);
	change.region = region.key;
	values[0] = CStringGetTextDatum(change.tenant);
	values[1] = CStringGetTextDatum(region.key);
	values[2] = CStringGetTextDatum(region.id);
	values[3] = Int64GetDatum(mr_catalog_change_tenant(&change, &had_region));
	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("set_tenant_region() returns a row")));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}

Datum
multiregion_clear_tenant_region(PG_FUNCTION_ARGS)
{
	MrTenantChange change;
	bool had_region;

	take_change(fcinfo, 1, &change);
	mr_require_writable("clear_tenant_region()");
	(void) mr_catalog_change_tenant(&change, &had_region);
	PG_RETURN_BOOL(had_region);
}
