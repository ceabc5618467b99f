/*
 * From the application's tables into multiregion.tenant; see mr_preference.h.
 *
 * The trigger function of these tables. Whoever writes to them needs no right on ours: the
 * work is done as the owner of the schema, by the arguments of the trigger alone.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "extension/mr_catalog_edit.h"
#include "extension/mr_functions.h"
#include "extension/routing/mr_preference.h"
#include "extension/routing/mr_routing.h"

PG_FUNCTION_INFO_V1(multiregion_keep_region_preference);

/* What a row says; NULL for a row that is not there, and for null. */
typedef struct Said
{
	char *tenant;
	char *region;
} Said;

static Said
read_row(const TriggerData *trigger, HeapTuple row)
{
	TupleDesc columns = RelationGetDescr(trigger->tg_relation);
	char **names = trigger->tg_trigger->tgargs;
	int tenant = SPI_fnumber(columns, names[0]);
	int region = SPI_fnumber(columns, names[1]);
	Said said = {NULL, NULL};

	/* A column that the application has dropped says nothing any more. */
	if (tenant <= 0 || region <= 0)
		return said;
	said.tenant = SPI_getvalue(row, columns, tenant);
	said.region = SPI_getvalue(row, columns, region);
	/* What cannot be a tenant has nothing; what claims a region is told later. */
	if (said.tenant != NULL && said.region == NULL && mr_tenant_problem(said.tenant) != NULL)
		said.tenant = NULL;
	return said;
}

void
mr_preference_take_word(MrTenantBatch *batch, MrTenantEdit *edit, const MrPreferenceTable *table,
						const char *word)
{
	int region = mr_route_find_region(&batch->regions, word);

	if (region == MR_NO_REGION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid region \"%s\" of tenant \"%s\"", word, edit->tenant),
						errdetail("It stands in column %s of table %s.", table->region_column,
								  table->name),
						errhint("%s", mr_catalog_known_regions())));
	edit->rule.home = (int8) region;
}

static MrTenantEdit *
add_edit(MrTenantBatch *batch, const MrPreferenceTable *table, const char *tenant)
{
	MrTenantEdit *edit = mr_tenant_batch_add(batch, tenant);

	edit->reason = mr_tenant_batch_copy(
		batch, psprintf("column %s of table %s", table->region_column, table->name));
	return edit;
}

/* Whether the tenant is at home there already, as of now. */
static bool
is_set(const char *tenant, const char *word)
{
	MrTenantRule rule;
	const MrRouteRegions *regions = mr_routing_tenant(tenant, strlen(tenant), &rule);

	if (word == NULL || rule.home == MR_NO_REGION)
		return word == NULL && rule.home == MR_NO_REGION;
	return mr_route_find_region(regions, word) == rule.home;
}

/* ---------- what a row's change means ---------- */

static void
set(MrTenantBatch *batch, const MrPreferenceTable *table, const Said *now)
{
	MrTenantEdit *edit = add_edit(batch, table, now->tenant);

	edit->wish = MR_WISH_HOME;
	if (now->region != NULL)
		mr_preference_take_word(batch, edit, table, now->region);
	mr_tenant_batch_flush(batch);
}

/* A new row that says nothing takes over what is set for its tenant. */
static void
adopt(MrTenantBatch *batch, const MrPreferenceTable *table, const char *tenant)
{
	add_edit(batch, table, tenant)->tells = true;
	batch->origin = InvalidOid;
	mr_tenant_batch_flush(batch);
}

/* The tenant has got another id: all that was set for it goes along. */
static void
move(MrTenantBatch *batch, const MrPreferenceTable *table, const Said *before, const Said *now)
{
	MrTenantEdit *edit = add_edit(batch, table, before->tenant);
	MrTenantState old;

	edit->wish = MR_WISH_RULE;
	mr_tenant_batch_flush(batch);
	old = edit->before;
	if (now->region == NULL && old.rule.home == MR_NO_REGION)
	{
		adopt(batch, table, now->tenant);
		return;
	}
	edit = add_edit(batch, table, now->tenant);
	edit->wish = MR_WISH_RULE;
	edit->rule = old.rule;
	if (now->region != NULL)
		mr_preference_take_word(batch, edit, table, now->region);
	mr_tenant_rule_move(&edit->rule, now->region != NULL ? edit->rule.home : MR_NO_REGION);
	edit->sets_zone = edit->inherits_zone = old.zone != MR_NO_ZONE;
	edit->zone = old.zone;
	mr_tenant_batch_flush(batch);
}

static void
change(const TriggerData *trigger, const Said *before, const Said *now)
{
	MrPreferenceTable table;
	MrTenantBatch *batch;
	Said gone = {before->tenant, NULL};

	if (mr_preference_describe(trigger->tg_relation, trigger->tg_trigger->tgargs[0],
							   trigger->tg_trigger->tgargs[1], &table) != NULL)
		return;
	batch = mr_tenant_batch_begin(CurrentMemoryContext);
	batch->origin = table.relation;
	if (now->tenant == NULL)
		set(batch, &table, &gone);
	else if (before->tenant == NULL && now->region == NULL)
		adopt(batch, &table, now->tenant);
	else if (before->tenant == NULL || strcmp(before->tenant, now->tenant) == 0)
		set(batch, &table, now);
	else
		move(batch, &table, before, now);
	mr_tenant_batch_end(batch);
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
keep_row(const TriggerData *trigger)
{
	TriggerEvent event = trigger->tg_event;
	Said before = {NULL, NULL};
	Said now = {NULL, NULL};

	if (!TRIGGER_FIRED_BY_INSERT(event))
		before = read_row(trigger, trigger->tg_trigtuple);
	else
		now = read_row(trigger, trigger->tg_trigtuple);
	if (TRIGGER_FIRED_BY_UPDATE(event))
		now = read_row(trigger, trigger->tg_newtuple);
	if (is_same(before.tenant, now.tenant))
	{
		/* Nothing that concerns us, or what we have written ourselves. */
		if (now.tenant == NULL || is_same(before.region, now.region) ||
			is_set(now.tenant, now.region))
			return;
	}
	else if (before.tenant == NULL && now.region == NULL)
	{
		mr_preference_guard(now.tenant);
		if (is_set(now.tenant, NULL))
			return;
	}
	else if (before.tenant == NULL && is_set(now.tenant, now.region))
		return;
	change(trigger, &before, &now);
}

/* ---------- TRUNCATE ---------- */

static void
clear_row(MrTenantBatch *batch, const MrPreferenceTable *table, const char *tenant,
		  const char *region)
{
	if (mr_tenant_problem(tenant) == NULL)
		add_edit(batch, table, tenant)->wish = MR_WISH_RULE;
}

static void
clear_table(const TriggerData *trigger)
{
	const Trigger *row_trigger = mr_preference_trigger(trigger->tg_relation);
	MrPreferenceTable table;
	MrTenantBatch *batch;

	if (row_trigger == NULL || mr_preference_describe(trigger->tg_relation, row_trigger->tgargs[0],
													  row_trigger->tgargs[1], &table) != NULL)
		return;
	batch = mr_tenant_batch_begin(CurrentMemoryContext);
	batch->origin = table.relation;
	mr_preference_scan(&table, batch, clear_row);
	mr_tenant_batch_end(batch);
}

Datum
multiregion_keep_region_preference(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		(TRIGGER_FIRED_FOR_ROW(trigger->tg_event) &&
		 (!TRIGGER_FIRED_AFTER(trigger->tg_event) || trigger->tg_trigger->tgnargs != 2)))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("keep_region_preference() must be called as a trigger that "
							   "add_region_preference() has made")));
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		keep_row(trigger);
	else if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		clear_table(trigger);
	return PointerGetDatum(NULL);
}
