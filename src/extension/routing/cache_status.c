/*
 * What is in the cache of tenants, for the view multiregion.tenant_cache.
 */
#include "postgres.h"

#include "fmgr.h"

#include "extension/mr_row.h"
#include "extension/routing/mr_tenant_cache.h"

PG_FUNCTION_INFO_V1(multiregion_cache_status);

static int64
count_of(pg_atomic_uint64 *counter)
{
	return (int64) pg_atomic_read_u64(counter);
}

Datum
multiregion_cache_status(PG_FUNCTION_ARGS)
{
	MrRow row = {0};

	mr_row_put_bool(&row, mr_tenant_cache != NULL && mr_routing_tables()->tenants_watched);
	mr_row_put_number(&row, mr_tenant_cache == NULL ? 0 : (int64) mr_tenant_cache_size(), false);
	mr_row_put_number(&row, mr_tenant_cache_slots(), false);
	mr_row_put_number(&row, mr_tenant_cache_count(), false);
	if (mr_tenant_cache != NULL)
	{
		MrTenantCounters *counters = &mr_tenant_cache->counters;

		mr_row_put_number(&row, count_of(&counters->hits), false);
		mr_row_put_number(&row, count_of(&counters->misses), false);
		mr_row_put_number(&row, count_of(&counters->evictions), false);
		mr_row_put_number(&row, count_of(&counters->changes), false);
	}
	return mr_row_result(fcinfo, &row);
}
