/*
 * Import of tenants: COPY multiregion.tenant_import FROM STDIN, or INSERT into that view.
 *
 * A row is checked when it comes, so that the error is in its line, and gathered in a batch
 * (mr_tenants.h); what is gathered is written when the batch is full and when the statement
 * ends. Imports may nest (an application's trigger may import, too), and belong to the
 * subtransaction in which they began: the memory of one never outlives it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "extension/mr_functions.h"
#include "extension/routing/mr_tenants.h"

PG_FUNCTION_INFO_V1(multiregion_import_tenant);

/* Columns of the view. */
enum
{
	COLUMN_TENANT,
	COLUMN_REGION,
	COLUMN_MODE,
	COLUMN_FALLBACKS,
	COLUMN_ZONE,
	COLUMN_REASON,
	COLUMNS
};

typedef struct Import
{
	struct Import *outer;
	SubTransactionId owner;
	MrTenantBatch *batch;
	uint64 row;
} Import;

static Import *newest = NULL;

/* ---------- what is under way ---------- */

static void
forget_imports(XactEvent event, void *argument)
{
	newest = NULL;
}

static void
forget_imports_of(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
				  void *argument)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (newest != NULL && newest->owner == mine)
	{
		Import *aborted = newest;

		newest = aborted->outer;
		MemoryContextDelete(aborted->batch->context);
	}
}

static void
begin_import(void)
{
	static bool watching = false;
	MrTenantBatch *batch;
	Import *import;

	mr_require_writable("INSERT into multiregion.tenant_import");
	if (!watching)
	{
		RegisterXactCallback(forget_imports, NULL);
		RegisterSubXactCallback(forget_imports_of, NULL);
		watching = true;
	}
	batch = mr_tenant_batch_begin(TopTransactionContext);
	import = MemoryContextAllocZero(batch->context, sizeof(Import));
	import->outer = newest;
	import->owner = GetCurrentSubTransactionId();
	import->batch = batch;
	newest = import;
}

static void
end_import(void)
{
	Import *import = newest;

	mr_tenant_batch_flush(import->batch);
	newest = import->outer;
	mr_tenant_batch_end(import->batch);
}

/* ---------- a row ---------- */

static void
tell_tenant(void *argument)
{
	const MrTenantEdit *edit = argument;

	errcontext("row %llu of multiregion.tenant_import, tenant \"%s\"",
			   (unsigned long long) edit->row, edit->tenant);
}

static char *
text_of(const Datum *values, const bool *nulls, int column)
{
	return nulls[column] ? NULL : TextDatumGetCString(values[column]);
}

/* A row without region takes the preference away. */
static void
take_no_rule(MrTenantEdit *edit, const bool *nulls)
{
	if (!nulls[COLUMN_MODE] || !nulls[COLUMN_FALLBACKS])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tenant \"%s\" has a mode or fallbacks, but no region", edit->tenant)));
	edit->wish = MR_WISH_RULE;
}

static void
take_columns(MrTenantBatch *batch, MrTenantEdit *edit, const Datum *values, const bool *nulls)
{
	char *reason = text_of(values, nulls, COLUMN_REASON);
	MrRuleFault fault;
	int region;

	mr_require_reason(reason);
	edit->reason = mr_tenant_batch_copy(batch, reason);
	if (!nulls[COLUMN_ZONE])
	{
		edit->sets_zone = true;
		edit->zone = mr_tenant_batch_zone(batch, text_of(values, nulls, COLUMN_ZONE));
	}
	if (nulls[COLUMN_REGION])
		take_no_rule(edit, nulls);
	else
		mr_tenant_take_rule(
			batch, edit, text_of(values, nulls, COLUMN_REGION), text_of(values, nulls, COLUMN_MODE),
			nulls[COLUMN_FALLBACKS] ? NULL : DatumGetArrayTypeP(values[COLUMN_FALLBACKS]));
	/* Without a zone in the row that of the tenant counts, which is looked at later. */
	edit->after.rule = edit->rule;
	edit->after.zone = edit->zone;
	fault = mr_tenant_rule_check(
		&edit->rule, edit->zone == MR_NO_ZONE ? NULL : &batch->zones[edit->zone], &region);
	if (fault != MR_RULE_FINE)
		mr_tenant_batch_refuse(batch, edit, fault, region);
}

static void
add_row(Import *import, TriggerData *trigger)
{
	Datum values[COLUMNS];
	bool nulls[COLUMNS];
	MrTenantEdit *edit;
	ErrorContextCallback context = {.callback = tell_tenant, .previous = error_context_stack};

	import->row++;
	heap_deform_tuple(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation), values, nulls);
	if (nulls[COLUMN_TENANT])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("tenant_id must not be null"),
				 errcontext("row %llu of multiregion.tenant_import",
							(unsigned long long) import->row)));
	edit = mr_tenant_batch_add(import->batch, text_of(values, nulls, COLUMN_TENANT));
	edit->row = import->row;
	context.arg = edit;
	error_context_stack = &context;
	take_columns(import->batch, edit, values, nulls);
	error_context_stack = context.previous;
}

/* Trigger of the view: before and after a statement, and instead of each of its rows. */
Datum
multiregion_import_tenant(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		RelationGetDescr(trigger->tg_relation)->natts != COLUMNS)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("import_tenant() must be called as a trigger of "
							   "multiregion.tenant_import")));
	if (TRIGGER_FIRED_BEFORE(trigger->tg_event))
		begin_import();
	else if (newest == NULL)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("a trigger of multiregion.tenant_import is missing")));
	else if (TRIGGER_FIRED_INSTEAD(trigger->tg_event))
	{
		add_row(newest, trigger);
		/* A copy: of a row that a trigger gives back itself COPY would keep the memory. */
		return PointerGetDatum(heap_copytuple(trigger->tg_trigtuple));
	}
	else
		end_import();
	return PointerGetDatum(NULL);
}
