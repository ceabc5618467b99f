/*
 * What makes a data directory this node's: its own files, the settings every member
 * needs, standby.signal, the marker, the state file.
 */
#ifndef MR_JOIN_CONFIGURE_H
#define MR_JOIN_CONFIGURE_H

#include "join/mr_join.h"

/*
 * Copies this node's own files (configuration, certificates, conf.d) out of its data
 * directory into the state directory; pg_rewind and pg_basebackup bring the leader's.
 */
extern bool mr_join_own_files_save(const MrJoin *join);

/* Copies them back, if any were saved. */
extern bool mr_join_own_files_restore(const MrJoin *join);

/* Forgets the saved copies. */
extern bool mr_join_own_files_forget(const MrJoin *join);

/*
 * Sees to it that postgresql.auto.conf has what a member needs; writes only if
 * something differs, and leaves every other line alone.
 */
extern bool mr_join_configure(const MrJoin *join);

/* Creates standby.signal; removes what would end recovery (promote, recovery.signal). */
extern bool mr_join_make_standby(const MrJoin *join);

/*
 * The last act of a rewind or clone, and repeatable: own files, settings,
 * standby.signal, marker. Then the unfinished work is forgotten.
 */
extern bool mr_join_settle(MrJoin *join);

/*
 * Takes the configuration and term of a leader that confirmed this node's identity after
 * a forced quorum into the state file. False, having said why.
 */
extern bool mr_join_state_adopt(MrJoin *join);

/*
 * Writes the state file of a node whose WAL is about to be replaced by the leader's:
 * it holds no leadership's WAL, will not stand before it has caught up, and knows the
 * leader's stamp and configuration. Votes and terms are kept.
 */
extern bool mr_join_state_rebuild(MrJoin *join);

/* Writes join->durable. All of these say why when they return false. */
extern bool mr_join_state_write(MrJoin *join);

#endif /* MR_JOIN_CONFIGURE_H */
