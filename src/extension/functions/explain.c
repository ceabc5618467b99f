/*
 * SQL functions that say who would be the next primary, and why: explain_failover(),
 * multiregion.failover_forecast().
 *
 * They ask the very rules that decide (core/candidate.c, core/forecast.c), over what this
 * node knows. Read shared memory only.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "core/mr_forecast.h"
#include "core/mr_governor.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_commits.h"
#include "extension/mr_functions.h"
#include "extension/mr_order_call.h"
#include "extension/mr_row.h"
#include "extension/mr_shared_state.h"

PG_FUNCTION_INFO_V1(multiregion_explain_failover);
PG_FUNCTION_INFO_V1(multiregion_failover_forecast);

typedef struct Explanation
{
	MrLease *lease;
	uint32 dead; /* as assumed */
	uint32 down; /* as the monitor says */
	MrForecast forecast;
} Explanation;

static uint32
bit_of(int slot)
{
	return slot != MR_NO_SLOT ? UINT32_C(1) << slot : 0;
}

static uint32
members_named(const MrLease *lease, const char *word)
{
	bool is_region;
	uint32 found = mr_members_named(lease, word, &is_region);

	if (found == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("there is no member \"%s\", and no region with members", word)));
	return found;
}

static uint32
assumed_dead(const MrLease *lease, ArrayType *array)
{
	Datum *words;
	bool *nulls;
	int count;
	uint32 dead = 0;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			dead |= members_named(lease, TextDatumGetCString(words[i]));
	return dead;
}

/* ---------- explain_failover() ---------- */

static const char *
when(int64 unix_ms)
{
	return unix_ms > 0 ? psprintf("until Unix time %lld", (long long) (unix_ms / 1000)) : "none";
}

static const char *
input_of_policy(const MrLease *lease, const MrMember *member, MrRefusal rule)
{
	const MrConfig *config = &lease->durable.config;

	if (rule == MR_REFUSE_FAILOVER_OFF)
		return config->policy.auto_failover ? "auto_failover = on" : "auto_failover = off";
	if (rule == MR_REFUSE_PAUSED)
		return psprintf("pause of the cluster: %s, of the node: %s", when(config->paused_until_ms),
						when(member->paused_until_ms));
	return psprintf("%d unplanned failovers in the last hour, limit %lld",
					mr_governor_count(&lease->durable, lease->wall_ms),
					(long long) config->policy.max_failovers_per_hour);
}

static const char *
input_of_veto(const MrLease *lease, int slot)
{
	const char *reason;

	if (lease->peers[slot].report.refusal != MR_REFUSE_VETO)
		return "its veto function does not object";
	if (slot == lease->self)
		return mr_refusal_text(lease, slot, MR_REFUSE_VETO);
	reason = mr_veto_text(lease, slot);
	return reason != NULL ? psprintf("it reports veto: %s", reason) : "it reports veto";
}

/* What a rule looks at, in words. */
static const char *
input_of(const Explanation *explanation, int slot, MrRefusal rule)
{
	const MrLease *lease = explanation->lease;
	const MrMember *member = &lease->durable.config.members[slot];
	const MrReport *report = &lease->peers[slot].report;

	switch ((int) rule)
	{
		case MR_REFUSE_UNKNOWN_MEMBER:
			return "member of the configuration";
		case MR_REFUSE_WITNESS:
			return member->witness ? "witness = on" : "witness = off";
		case MR_REFUSE_NO_PROMOTE:
			return member->no_promote ? "no_promote = on" : "no_promote = off";
		case MR_REFUSE_MARKED_DOWN:
			return (explanation->down & bit_of(slot)) != 0 || (report->flags & MR_REPORT_DOWN)
					   ? "its health checks fail"
					   : "its health checks pass";
		case MR_REFUSE_FAILOVER_OFF:
		case MR_REFUSE_PAUSED:
		case MR_REFUSE_GOVERNOR:
			return input_of_policy(lease, member, rule);
		case MR_REFUSE_VETO:
			return input_of_veto(lease, slot);
		case MR_REFUSE_LAG:
			return psprintf(
				"it holds WAL to %X/%X, the primary was at %X/%X, limit %lld bytes",
				LSN_FORMAT_ARGS(report->wal_end),
				LSN_FORMAT_ARGS(Max(mr_candidate_leader_position(lease), report->wal_end)),
				(long long) lease->durable.config.policy.max_failover_lag_bytes);
		default:
			return psprintf("it reports %s", mr_refusal_name(report->refusal));
	}
}

static void
put_rule(FunctionCallInfo fcinfo, const Explanation *explanation, int slot, const char *rule,
		 const char *input, bool passes)
{
	const MrMember *member = &explanation->lease->durable.config.members[slot];
	int rank = explanation->forecast.ranks[slot];
	MrRow row = {0};

	mr_row_put_text(&row, member->name);
	mr_row_put_text(&row, member->region);
	mr_row_put_text(&row, rule);
	mr_row_put_text(&row, input);
	mr_row_put_bool(&row, passes);
	mr_row_put(&row, Int32GetDatum(rank), rank < 0);
	mr_row_put_bool(&row, explanation->forecast.successor == slot);
	mr_row_store(fcinfo, &row);
}

static void
explain_member(FunctionCallInfo fcinfo, const Explanation *explanation, int slot)
{
	const MrLease *lease = explanation->lease;
	const MrForecast *forecast = &explanation->forecast;
	bool alive = (forecast->alive & bit_of(slot)) != 0;
	MrRefusal rule;

	put_rule(fcinfo, explanation, slot, "alive",
			 (explanation->dead & bit_of(slot)) != 0
				 ? "assumed down"
				 : psprintf("heard %lld ms ago",
							(long long) ((mr_boottime_ns() - lease->peers[slot].reported_ns) /
										 MR_NS_PER_MS)),
			 alive);
	if (!alive)
		return;
	for (int i = 0; (rule = mr_candidate_rule(i)) != MR_REFUSE_NONE; i++)
		put_rule(fcinfo, explanation, slot, mr_refusal_name((int) rule),
				 input_of(explanation, slot, rule),
				 !mr_candidate_rule_stands(lease, slot, explanation->down, MR_FIT_ELECTION, rule));
	if (forecast->ranks[slot] >= 0)
		put_rule(fcinfo, explanation, slot, "election",
				 psprintf("log term %llu, WAL to %X/%X, %d candidates before it",
						  (unsigned long long) lease->peers[slot].report.log_term,
						  LSN_FORMAT_ARGS(lease->peers[slot].report.wal_end),
						  forecast->ranks[slot]),
				 forecast->refusals[slot] == MR_REFUSE_NONE);
}

static void
explain(Explanation *explanation)
{
	explanation->down = pg_atomic_read_u32(&mr_shared->down_mask);
	mr_forecast(explanation->lease, mr_boottime_ns(), explanation->dead, explanation->down,
				&explanation->forecast);
}

Datum
multiregion_explain_failover(PG_FUNCTION_ARGS)
{
	Explanation explanation = {0};

	explanation.lease = mr_require_lease();
	explanation.dead = PG_ARGISNULL(0) ? bit_of(mr_leader_slot(explanation.lease))
									   : assumed_dead(explanation.lease, PG_GETARG_ARRAYTYPE_P(0));
	InitMaterializedSRF(fcinfo, 0);
	explain(&explanation);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (explanation.lease->durable.config.members[slot].used)
			explain_member(fcinfo, &explanation, slot);
	return (Datum) 0;
}

/* ---------- failover_forecast() ---------- */

static void
put_forecast(MrRow *row, const Explanation *explanation)
{
	const MrLease *lease = explanation->lease;
	const MrForecast *forecast = &explanation->forecast;
	const MrMember *member;
	int64 commits = -1;

	if (forecast->successor == MR_NO_SLOT)
	{
		mr_row_put_nulls(row, 5);
		mr_row_put_text(row, mr_refusal_name((int) forecast->refusal));
		return;
	}
	member = &lease->durable.config.members[forecast->successor];
	mr_row_put_text(row, member->name);
	mr_row_put_text(row, member->region);
	mr_row_put_number(row, forecast->outage_ms, false);
	if (lease->role == MR_ROLE_LEADER) /* only the primary counts its commits */
		commits = mr_commits_past(lease->peers[forecast->successor].report.wal_end);
	mr_row_put_number(row, commits, commits < 0);
	mr_row_put_number(row, forecast->bytes_at_risk, false);
}

/* All null on a server that is not managed: the sidecar asks with every status. */
Datum
multiregion_failover_forecast(PG_FUNCTION_ARGS)
{
	Explanation explanation = {0};
	MrRow row = {0};

	explanation.lease = mr_copy_lease();
	if (explanation.lease != NULL)
	{
		explanation.dead = bit_of(mr_leader_slot(explanation.lease));
		explain(&explanation);
		put_forecast(&row, &explanation);
	}
	PG_RETURN_DATUM(mr_row_result(fcinfo, &row));
}
