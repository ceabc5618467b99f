/*
 * Batches of changes of tenants; see mr_tenants.h.
 *
 * Runs as the owner of the schema. Called by tenant_set.c, tenant_import.c and the files of
 * region preferences (preference_*.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "extension/mr_catalog_edit.h"
#include "extension/mr_catalog_run.h"
#include "extension/mr_functions.h"
#include "extension/routing/mr_preference.h"
#include "extension/routing/mr_routing.h"
#include "extension/routing/mr_tenants.h"

#define CHANGE_ATTEMPTS 10

/* Many may hold a table at a time, and nobody while something in it is changed. */
static void
hold(const char *table)
{
	LockRelationOid(get_relname_relid(table, get_namespace_oid("multiregion", false)),
					RowExclusiveLock);
}

MrTenantBatch *
mr_tenant_batch_begin(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "tenants", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	MrTenantBatch *batch = palloc0(sizeof(MrTenantBatch));

	batch->context = context;
	batch->strings = AllocSetContextCreate(context, "edits", ALLOCSET_DEFAULT_SIZES);
	batch->has_rules = mr_catalog_has("tenant", "zone");
	hold("region");
	if (batch->has_rules)
		hold("zone");
	batch->regions = *mr_routing_regions();
	if (batch->has_rules)
		batch->zone_count = mr_zones_load(&batch->regions, &batch->zones);
	MemoryContextSwitchTo(caller);
	return batch;
}

void
mr_tenant_batch_end(MrTenantBatch *batch)
{
	MemoryContextDelete(batch->context);
}

/* ---------- words ---------- */

const char *
mr_tenant_batch_key(const MrTenantBatch *batch, int region)
{
	return region == MR_NO_REGION ? NULL : batch->regions.regions[region].key;
}

int
mr_tenant_batch_region(const MrTenantBatch *batch, const char *word)
{
	int region = mr_route_find_region(&batch->regions, word);

	if (region == MR_NO_REGION)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("region \"%s\" does not exist", word),
				 errhint("%s", mr_catalog_known_regions())));
	return region;
}

static const char *
known_zones(const MrTenantBatch *batch)
{
	StringInfoData text;

	if (batch->zone_count == 0)
		return "There is no zone yet; add one with add_zone().";
	initStringInfo(&text);
	appendStringInfoString(&text, "Known zones: ");
	for (int i = 0; i < batch->zone_count; i++)
		appendStringInfo(&text, "%s%s", i == 0 ? "" : ", ", batch->zones[i].name);
	appendStringInfoChar(&text, '.');
	return text.data;
}

int
mr_tenant_batch_zone(const MrTenantBatch *batch, const char *word)
{
	char name[MR_NAME_SIZE];

	(void) mr_text_upper(word, name, sizeof(name));
	for (int i = 0; i < batch->zone_count; i++)
		if (strcmp(batch->zones[i].name, name) == 0)
			return i;
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("zone \"%s\" does not exist", word),
					errhint("%s", known_zones(batch))));
}

char *
mr_tenant_batch_fallbacks(const MrTenantBatch *batch, const MrTenantRule *rule)
{
	StringInfoData text;

	if (rule->fallback_count == 0)
		return NULL;
	initStringInfo(&text);
	for (int i = 0; i < rule->fallback_count; i++)
		appendStringInfo(&text, "%c%s", i == 0 ? '{' : ',',
						 mr_tenant_batch_key(batch, rule->fallbacks[i]));
	appendStringInfoChar(&text, '}');
	return text.data;
}

/* ---------- the edits ---------- */

/* The slot of the tenant, or the free one where it belongs. */
static uint16 *
slot_of(MrTenantBatch *batch, const char *tenant)
{
	uint32 at = hash_bytes((const unsigned char *) tenant, (int) strlen(tenant));

	for (;; at++)
	{
		uint16 *slot = &batch->slots[at % lengthof(batch->slots)];

		if (*slot == 0 || strcmp(batch->edits[*slot - 1].tenant, tenant) == 0)
			return slot;
	}
}

MrTenantEdit *
mr_tenant_batch_find(MrTenantBatch *batch, const char *tenant)
{
	uint16 slot = *slot_of(batch, tenant);

	return slot == 0 ? NULL : &batch->edits[slot - 1];
}

static void
forget_edits(MrTenantBatch *batch)
{
	batch->count = 0;
	batch->flushed = false;
	memset(batch->slots, 0, sizeof(batch->slots));
	MemoryContextReset(batch->strings);
}

char *
mr_tenant_batch_copy(MrTenantBatch *batch, const char *text)
{
	return text != NULL ? MemoryContextStrdup(batch->strings, text) : NULL;
}

MrTenantEdit *
mr_tenant_batch_add(MrTenantBatch *batch, const char *tenant)
{
	MrTenantEdit *edit;

	mr_refuse_name("tenant id", tenant, mr_tenant_problem(tenant));
	if (!batch->flushed &&
		(batch->count == MR_TENANT_BATCH || mr_tenant_batch_find(batch, tenant) != NULL))
		mr_tenant_batch_flush(batch);
	if (batch->flushed)
		forget_edits(batch);
	edit = &batch->edits[batch->count];
	memset(edit, 0, sizeof(*edit));
	mr_tenant_rule_clear(&edit->rule);
	edit->zone = MR_NO_ZONE;
	edit->tenant = mr_tenant_batch_copy(batch, tenant);
	*slot_of(batch, tenant) = (uint16) ++batch->count;
	return edit;
}

/* ---------- decisions ---------- */

static void
require_version(const MrTenantEdit *edit)
{
	if (!edit->has_expected || edit->expected == edit->before.version)
		return;
	ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					errmsg("tenant \"%s\" was changed by somebody else", edit->tenant),
					errdetail("Its version is %lld, not %lld.", (long long) edit->before.version,
							  (long long) edit->expected),
					errhint("Read the tenant again, and decide with what it says now.")));
}

void
mr_tenant_batch_refuse(const MrTenantBatch *batch, const MrTenantEdit *edit, MrRuleFault fault,
					   int region)
{
	if (fault == MR_RULE_TOO_MANY || fault == MR_RULE_TWICE || fault == MR_RULE_HOME_TWICE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid fallbacks of tenant \"%s\"", edit->tenant),
						errdetail("%s", mr_rule_fault_sentence(fault))));
	ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION),
					errmsg("region %s is outside zone %s of tenant \"%s\"",
						   mr_tenant_batch_key(batch, region), batch->zones[edit->after.zone].name,
						   edit->tenant),
					errdetail("%s", mr_rule_fault_sentence(fault)),
					errhint("multiregion.zone says which regions a zone has; set_tenant_zone() and "
							"alter_zone() change what is allowed.")));
}

static void
require_allowed(const MrTenantBatch *batch, const MrTenantEdit *edit)
{
	const MrZone *zone = edit->after.zone == MR_NO_ZONE ? NULL : &batch->zones[edit->after.zone];
	int region;
	MrRuleFault fault = mr_tenant_rule_check(&edit->after.rule, zone, &region);

	if (fault != MR_RULE_FINE)
		mr_tenant_batch_refuse(batch, edit, fault, region);
}

/* What the tenant is to become, from what it is; an error if it may not be. */
static void
decide(const MrTenantBatch *batch, MrTenantEdit *edit)
{
	require_version(edit);
	edit->after = edit->before;
	if (edit->wish == MR_WISH_RULE)
		edit->after.rule = edit->rule;
	else if (edit->wish == MR_WISH_HOME ||
			 (edit->wish == MR_WISH_DEFAULT && edit->before.rule.home == MR_NO_REGION))
		mr_tenant_rule_move(&edit->after.rule, edit->rule.home);
	if (edit->sets_zone && !(edit->inherits_zone && edit->before.zone != MR_NO_ZONE))
		edit->after.zone = edit->zone;
	edit->changed = !mr_tenant_rule_equal(&edit->before.rule, &edit->after.rule) ||
					edit->before.zone != edit->after.zone;
	if (edit->changed)
	{
		require_allowed(batch, edit);
		edit->after.version++;
	}
	else
		edit->done = true;
}

/* Says of an edit of an import which one it was: the reader of its lines is further on. */
static void
tell_row(void *argument)
{
	const MrTenantEdit *edit = *(MrTenantEdit **) argument;

	errcontext("row %llu of multiregion.tenant_import, tenant \"%s\"",
			   (unsigned long long) edit->row, edit->tenant);
}

static int
decide_all(MrTenantBatch *batch)
{
	ErrorContextCallback *outer = error_context_stack;
	MrTenantEdit *edit;
	ErrorContextCallback context = {.callback = tell_row, .arg = &edit};
	int open = 0;

	for (int i = 0; i < batch->count; i++)
	{
		edit = &batch->edits[i];
		if (edit->done)
			continue;
		if (edit->row != 0)
			error_context_stack = &context;
		decide(batch, edit);
		error_context_stack = outer;
		open += !edit->done;
	}
	return open;
}

static void
give_up(const MrTenantBatch *batch)
{
	for (int i = 0; i < batch->count; i++)
		if (!batch->edits[i].done)
			ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
							errmsg("could not change tenant \"%s\" due to concurrent changes",
								   batch->edits[i].tenant),
							errhint("Try again.")));
}

static void
write_all(MrTenantBatch *batch)
{
	MrCatalogSession session;

	mr_catalog_open(&session);
	for (int i = 0;; i++)
	{
		mr_tenant_rows_lock(batch);
		if (decide_all(batch) == 0)
			break;
		/* Under REPEATABLE READ the other's row stays invisible for ever. */
		if (i == CHANGE_ATTEMPTS || (i > 0 && IsolationUsesXactSnapshot()))
			give_up(batch);
		mr_tenant_rows_write(batch, true, session.caller);
		mr_tenant_rows_write(batch, false, session.caller);
	}
	mr_catalog_close(&session);
}

void
mr_tenant_batch_flush(MrTenantBatch *batch)
{
	MrPreferences *preferences;

	if (batch->flushed || batch->count == 0)
		return;
	preferences = mr_preferences_open(batch);
	write_all(batch);
	mr_preferences_push(preferences, batch);
	batch->flushed = true;
}
