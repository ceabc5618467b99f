/*
 * The gate: whom this standby's walreceiver may follow.
 *
 * libpqwalreceiver's functions are wrapped. While the gate is closed no
 * connection is made and no reply leaves; a vote closes it and waits until no
 * walreceiver is alive, so that the position it reports is final. The wrapper
 * also supplies the connection string, so primary_conninfo is a constant
 * placeholder and following another leader needs neither restart nor reload.
 */
#ifndef MR_GATE_H
#define MR_GATE_H

#include "postgres.h"

/* Shared memory: size, and creation at postmaster start. */
extern Size mr_gate_size(void);
extern void mr_gate_initialize(void);

/* _PG_init: loads libpqwalreceiver and wraps it. */
extern void mr_gate_install(void);

/* Lease worker: nobody may be followed any more. Returns at once. */
extern void mr_gate_close(void);

/*
 * Lease worker: follow conninfo (complete, see mr_pg_conninfo_build) from now on, and copy
 * logical slots through slots_conninfo, which names a database.
 */
extern void mr_gate_open(const char *conninfo, const char *slots_conninfo, uint64 term);

/*
 * Lease worker of an observer: where the primary is, as for mr_gate_open(). The gate stands
 * in nobody's way; the address is only for a standby whose primary_conninfo is the
 * placeholder of multiregion-join and would lead nowhere.
 */
extern void mr_gate_suggest(const char *conninfo, const char *slots_conninfo);

/* Lease worker: closed, and waited (at most timeout_ms) until no walreceiver is alive. */
extern bool mr_gate_sever(int timeout_ms);

/* The gate is closed and no walreceiver is alive. */
extern bool mr_gate_is_severed(void);

/* A walreceiver streams through the gate as it is open now. */
extern bool mr_gate_is_streaming(void);

/*
 * The leader has told the walreceiver, again and again, that the WAL it asks for is gone,
 * and nothing else has come since.
 */
extern bool mr_gate_wal_is_gone(void);

/* Lease worker: whether recovery waits for a timeline that the leader does not have. */
extern bool mr_gate_is_misled(void);

#endif /* MR_GATE_H */
