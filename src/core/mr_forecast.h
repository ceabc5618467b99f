/*
 * What would happen if the primary, and others, died now: by the rules that decide, over
 * what this node knows. For explain_failover() and the status over HTTP.
 */
#ifndef MR_FORECAST_H
#define MR_FORECAST_H

#include "core/mr_candidate.h"

typedef struct MrForecast
{
	int successor;                /* slot, or MR_NO_SLOT: nobody */
	MrRefusal refusal;            /* why nobody; NONE with a successor */
	int64_t outage_ms;            /* from the death to the first write; -1 without a successor */
	int64_t bytes_at_risk;        /* the last leader's newest known byte that it lacks */
	uint32_t alive;               /* slots that are counted on */
	int refusals[MR_MAX_MEMBERS]; /* MrRefusal of each as a candidate; BEHIND: another holds more */
	int ranks[MR_MAX_MEMBERS];    /* how many candidates come before; -1: it is none */
} MrForecast;

/*
 * dead: slots assumed dead, the leader's included; further_down: those that a monitor has
 * marked. A member that was not heard for two leases counts as dead as well. The lease is
 * a copy of one's own: on the leader it becomes what its death would leave, with its own
 * position as the last one.
 */
extern void mr_forecast(MrLease *lease, int64_t now_ns, uint32_t dead, uint32_t further_down,
						MrForecast *forecast);

#endif /* MR_FORECAST_H */
