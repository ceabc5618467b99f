/*
 * Events, failovers and divergences in the catalog; the trigger that counts changes.
 *
 * Everything may be written more than once: a node's events are collected again after
 * each change of primary, and the record of a failover is completed bit by bit. Called by
 * the monitor and by record_divergence().
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "extension/mr_catalog.h"
#include "extension/mr_catalog_run.h"
#include "extension/routing/mr_routing.h"

static const char *const event_sql =
	"INSERT INTO multiregion.event (node, boot, sequence, at, kind, severity, term, subject,"
	" reason, value, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" ON CONFLICT (node, boot, sequence) DO NOTHING";

static const char *const newest_event_sql =
	"SELECT pg_catalog.max(e.sequence) FROM multiregion.event AS e"
	" WHERE e.node OPERATOR(pg_catalog.=) $1 AND e.boot OPERATOR(pg_catalog.=) $2";

static const char *const prune_sql =
	"DELETE FROM multiregion.event WHERE event_id OPERATOR(pg_catalog.<=)"
	" (SELECT e.event_id FROM multiregion.event AS e ORDER BY e.event_id DESC OFFSET $1 LIMIT 1)";

#define FAILOVER_SQL(more_columns, more_values) \
	"INSERT INTO multiregion.failover AS f (epoch, cause, rule, from_node, from_region, to_node," \
	" to_region, detected_at, elected_at, promoted_at, open_at, first_write_at, lag_bytes," \
	" timeline, fork_lsn" more_columns ")" \
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12," \
	" CASE WHEN $13 OPERATOR(pg_catalog.>=) 0 THEN $13 END," \
	" CASE WHEN $14 OPERATOR(pg_catalog.>) 0 THEN $14 END, $15" more_values ")" \
	" ON CONFLICT (epoch) DO UPDATE SET rule = coalesce(f.rule, excluded.rule)," \
	" from_node = coalesce(f.from_node, excluded.from_node)," \
	" from_region = coalesce(f.from_region, excluded.from_region)," \
	" detected_at = coalesce(f.detected_at, excluded.detected_at)," \
	" elected_at = coalesce(f.elected_at, excluded.elected_at)," \
	" promoted_at = coalesce(f.promoted_at, excluded.promoted_at)," \
	" open_at = coalesce(f.open_at, excluded.open_at)," \
	" first_write_at = coalesce(f.first_write_at, excluded.first_write_at)," \
	" lag_bytes = coalesce(f.lag_bytes, excluded.lag_bytes)," \
	" timeline = coalesce(f.timeline, excluded.timeline)," \
	" fork_lsn = coalesce(f.fork_lsn, excluded.fork_lsn)"

static const char *const failover_sql =
	FAILOVER_SQL(", order_id", ", CASE WHEN $16 OPERATOR(pg_catalog.>) 0 THEN $16 END");

/* 0.1 had no orders. */
static const char *const old_failover_sql = FAILOVER_SQL("", "");

static const char *const find_failover_sql =
	"SELECT f.epoch, f.cause, f.from_node, f.to_node, coalesce(f.lag_bytes, -1)"
	" FROM multiregion.failover AS f WHERE f.order_id OPERATOR(pg_catalog.=) $1";

static const char *const divergence_sql =
	"INSERT INTO multiregion.divergence (node, term, timeline, fork_lsn, end_lsn, kept_path)"
	" VALUES ($1, $2, $3, $4, $5, $6)"
	" ON CONFLICT (node, timeline, fork_lsn, end_lsn) DO NOTHING";

static const char *const count_change_sql =
	"INSERT INTO multiregion.configuration_version AS c (version) VALUES (1)"
	" ON CONFLICT (is_only) DO UPDATE SET version = c.version OPERATOR(pg_catalog.+) 1";

PG_FUNCTION_INFO_V1(multiregion_note_change);

/* ---------- events ---------- */

bool
mr_catalog_record_event(const MrCatalogEvent *event)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	bool is_new;

	mr_catalog_open(&session);
	mr_add_text(&arguments, event->node);
	mr_add_int64(&arguments, event->boot);
	mr_add_int64(&arguments, event->sequence);
	mr_add_time(&arguments, event->at);
	mr_add_text(&arguments, event->kind);
	mr_add_text(&arguments, event->severity);
	mr_add_int64(&arguments, event->term);
	mr_add_text(&arguments, event->subject);
	mr_add_text(&arguments, event->reason);
	mr_add_int64(&arguments, event->value);
	mr_add_text(&arguments, event->detail);
	is_new = mr_write(event_sql, &arguments) > 0;
	mr_catalog_close(&session);
	return is_new;
}

int64
mr_catalog_newest_event(const char *node, int64 boot)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	int64 newest;

	mr_catalog_open(&session);
	mr_add_text(&arguments, node);
	mr_add_int64(&arguments, boot);
	(void) mr_read(newest_event_sql, &arguments);
	newest = mr_column_int64(0, 1);
	mr_catalog_close(&session);
	return newest;
}

static const char *
or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

void
mr_catalog_event_of_record(const MrEventRecord *record, const char *node, MrCatalogEvent *event)
{
	memset(event, 0, sizeof(*event));
	event->node = node;
	event->boot = (int64) mr_shared->nonce;
	event->sequence = (int64) record->sequence;
	event->at = record->at;
	event->kind = mr_event_name(record->kind);
	event->severity = mr_event_severity(record->kind);
	event->term = (int64) record->term;
	event->subject = or_null(record->subject);
	if (record->kind == MR_EVENT_LEASE_ACQUIRED || record->kind == MR_EVENT_ORDER_ACCEPTED)
		event->reason = mr_cause_name(record->refusal);
	else if (record->refusal != MR_REFUSE_NONE)
		event->reason = mr_refusal_name(record->refusal);
	event->value = record->value;
	event->detail = or_null(record->detail);
}

int64
mr_catalog_prune_events(int64 keep)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	int64 removed;

	mr_catalog_open(&session);
	mr_add_int64(&arguments, Max(keep, 0));
	removed = (int64) mr_write(prune_sql, &arguments);
	mr_catalog_close(&session);
	return removed;
}

/* ---------- failovers and divergences ---------- */

void
mr_catalog_record_failover(const MrCatalogFailover *failover)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_int64(&arguments, failover->epoch);
	mr_add_text(&arguments, failover->cause);
	mr_add_text(&arguments, failover->rule);
	mr_add_text(&arguments, failover->from_node);
	mr_add_text(&arguments, failover->from_region);
	mr_add_text(&arguments, failover->to_node);
	mr_add_text(&arguments, failover->to_region);
	mr_add_time(&arguments, failover->detected_at);
	mr_add_time(&arguments, failover->elected_at);
	mr_add_time(&arguments, failover->promoted_at);
	mr_add_time(&arguments, failover->open_at);
	mr_add_time(&arguments, failover->first_write_at);
	mr_add_int64(&arguments, failover->lag_bytes);
	mr_add_int64(&arguments, failover->timeline);
	mr_add_lsn(&arguments, failover->fork_lsn);
	mr_add_int64(&arguments, failover->order_id);
	(void) mr_write(mr_catalog_has("failover", "order_id") ? failover_sql : old_failover_sql,
					&arguments);
	mr_catalog_close(&session);
}

bool
mr_catalog_find_failover(int64 order_id, MrCatalogFailover *failover)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	char cause[MR_NAME_SIZE];
	char from[MR_NAME_SIZE];
	char to[MR_NAME_SIZE];
	MemoryContext context = CurrentMemoryContext;
	bool found;

	memset(failover, 0, sizeof(*failover));
	PushActiveSnapshot(GetLatestSnapshot());
	mr_catalog_open(&session);
	mr_add_int64(&arguments, order_id);
	found = mr_catalog_has("failover", "order_id") && mr_read(find_failover_sql, &arguments) > 0;
	if (found)
	{
		failover->order_id = order_id;
		failover->epoch = mr_column_int64(0, 1);
		mr_column_text(0, 2, cause, sizeof(cause));
		mr_column_text(0, 3, from, sizeof(from));
		mr_column_text(0, 4, to, sizeof(to));
		failover->lag_bytes = mr_column_int64(0, 5);
		failover->cause = MemoryContextStrdup(context, cause);
		failover->from_node = from[0] != '\0' ? MemoryContextStrdup(context, from) : NULL;
		failover->to_node = MemoryContextStrdup(context, to);
	}
	mr_catalog_close(&session);
	PopActiveSnapshot();
	return found;
}

bool
mr_catalog_record_divergence(const MrCatalogDivergence *divergence)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	bool is_new;

	mr_catalog_open(&session);
	mr_add_text(&arguments, divergence->node);
	mr_add_int64(&arguments, divergence->term);
	mr_add_int64(&arguments, divergence->timeline);
	mr_add_lsn(&arguments, divergence->fork_lsn);
	mr_add_lsn(&arguments, divergence->end_lsn);
	mr_add_text(&arguments, divergence->kept_path);
	is_new = mr_write(divergence_sql, &arguments) > 0;
	mr_catalog_close(&session);
	return is_new;
}

/* ---------- the counter ---------- */

Datum
multiregion_note_change(PG_FUNCTION_ARGS)
{
	MrCatalogSession session;
	Relation relation;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("note_change() must be called as a trigger")));
	mr_catalog_open(&session);
	(void) mr_write(count_change_sql, NULL);
	mr_catalog_close(&session);
	/* Copies of the table in other processes (routing/regions.c), on standbys too. */
	relation = ((TriggerData *) fcinfo->context)->tg_relation;
	CacheInvalidateRelcache(relation);
	if (strcmp(RelationGetRelationName(relation), "region") == 0 ||
		strcmp(RelationGetRelationName(relation), "zone") == 0)
		mr_regions_note_change();
	return PointerGetDatum(NULL);
}
