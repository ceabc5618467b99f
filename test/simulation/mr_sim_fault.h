/*
 * What can strike a simulated world; part of mr_world.h.
 */
#ifndef MR_SIM_FAULT_H
#define MR_SIM_FAULT_H

#include <stdint.h>

typedef enum MrSimFaultKind
{
	MR_FAULT_NONE,
	MR_FAULT_KILL_SERVER, /* the postmaster: the worker has its last gasp */
	MR_FAULT_KILL_ALL,
	MR_FAULT_KILL_WORKER, /* the worker alone */
	MR_FAULT_FREEZE,
	MR_FAULT_FREEZE_WORKER,
	MR_FAULT_THAW,
	MR_FAULT_STOP,
	MR_FAULT_CUT, /* from node to other */
	MR_FAULT_CUT_BOTH,
	MR_FAULT_ISOLATE,
	MR_FAULT_HEAL_LINKS,
	MR_FAULT_WEATHER,
	MR_FAULT_POWER, /* every node at once */
	MR_FAULT_STALL, /* streaming */
	MR_FAULT_SICK,
	MR_FAULT_PAUSE,   /* somebody pauses failover, or ends a pause */
	MR_FAULT_RESUME,  /* ... ends it, when the leader has asked for long leases */
	MR_FAULT_MODE,    /* somebody wants the cluster in another mode */
	MR_FAULT_ORDER,   /* somebody wants `other` to lead */
	MR_FAULT_FORCE,   /* somebody takes a majority for lost, and forces a new quorum */
	MR_FAULT_MEMBERS, /* somebody drops a node that lives, or takes it in again, or its vote */
	MR_FAULT_BURST    /* several at once */
} MrSimFaultKind;

typedef struct MrSimFault
{
	MrSimFaultKind kind;
	int64_t at;
	int node;
	int other;
} MrSimFault;

#endif /* MR_SIM_FAULT_H */
