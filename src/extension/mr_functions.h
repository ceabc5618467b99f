/*
 * What the SQL functions (functions/ *.c) share: arguments, preconditions, the picture of
 * the cluster in shared memory. Runs in backends only.
 */
#ifndef MR_FUNCTIONS_H
#define MR_FUNCTIONS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"

#include "core/mr_lease.h"
#include "extension/mr_catalog_edit.h"

/* ---------- functions/common.c ---------- */

/* Error 55000 with a hint when the library was not preloaded. */
extern void mr_require_preloaded(void);

/*
 * Error 25006 when nothing can be written here; on a standby its hint names the primary
 * region. function is what the user called, like "add_region()".
 */
extern void mr_require_writable(const char *function);

/* Argument number (from 0) as a string; error 22004 naming it when it is null. */
extern char *mr_text_argument(FunctionCallInfo fcinfo, int number, const char *name);

/* The same, NULL for null. */
extern char *mr_optional_text(FunctionCallInfo fcinfo, int number);

/* Why somebody changes something, NULL for null; error 22001 when it is too long to keep. */
extern char *mr_reason_argument(FunctionCallInfo fcinfo, int number);
extern void mr_require_reason(const char *reason); /* may be NULL */

/* The word in the given case; error 22004 for null, 42602 for what the check refuses. */
extern void mr_refuse_name(const char *what, const char *text, const char *problem);

/* True when this server is managed (false also without preload). */
extern bool mr_is_managed(void);

/* A palloc'd copy of the protocol state; NULL when unmanaged, or its state is not loaded. */
extern MrLease *mr_copy_lease(void);

/*
 * What the veto function of a member said: of this node from shared memory, of others as
 * recorded on the primary; or NULL. And why a member is refused, in words, with that.
 */
extern const char *mr_veto_text(const MrLease *lease, int slot);
extern const char *mr_refusal_text(const MrLease *lease, int slot, int refusal);

/* The same, or error 55000; the detail says what is wrong with the state, if anything is. */
extern MrLease *mr_require_lease(void);

/* Slot of the leader now, or MR_NO_SLOT. */
extern int mr_leader_slot(const MrLease *lease);

/*
 * Region of the newest primary this node knows of: the leader, or between two of them the
 * one before. Empty when there is none. Remembered until the protocol state changes.
 */
extern const char *mr_primary_region(void);

/* Region of this node; empty when unmanaged. */
extern const char *mr_gateway_region(void);

/* ---------- functions/member_probe.c ---------- */

/* Who answers at a connection string. */
typedef struct MrMemberProbe
{
	bool answered;
	char error[160];      /* why not, without secrets */
	bool is_same_cluster; /* a server of this one's system identifier */
	bool is_this_server;  /* this very postmaster */
	bool may_call;        /* the extension is there, and the login may call rpc() */
	bool may_replicate;
	char node[MR_NAME_SIZE]; /* as which it is a member; may be empty */
} MrMemberProbe;

/* Connects and asks, for a few seconds at most (multiregion.connect_timeout). */
extern void mr_probe_member(const char *conninfo, const char *hostaddr, MrMemberProbe *probe);

/*
 * Checks a connection string (error 22023) and looks up its host. False, with hostaddr
 * empty, when the name has no address; why is in *problem.
 */
extern bool mr_resolve_conninfo(const char *conninfo, char hostaddr[MR_HOSTADDR_SIZE],
								const char **problem);

/* ---------- functions/region.c ---------- */

/* Error 22003 for what is no place on earth. */
extern void mr_require_place(double latitude, double longitude);

/* ---------- functions/mode.c ---------- */

/* A mode by its word; error 22004 for null, 22023 for another word. */
extern int mr_mode_argument(FunctionCallInfo fcinfo, int number);

/* Error 55000 when an observing cluster cannot be managed now; nothing in any other. */
extern void mr_require_manageable(void);

/* ---------- functions/check.c ---------- */

/*
 * Error 55000 when this server has findings of severity error, those named in `ignored`
 * (count of them) apart.
 */
extern void mr_check_or_refuse(char **ignored, int count);

#endif /* MR_FUNCTIONS_H */
