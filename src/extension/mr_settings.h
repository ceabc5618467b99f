/*
 * Settings of the node (GUCs). Policy of the cluster is not here: it is in the
 * table multiregion.policy and reaches the workers through the configuration.
 */
#ifndef MR_SETTINGS_H
#define MR_SETTINGS_H

/* multiregion.mode: MrMode. */
extern int mr_mode;

/* multiregion.database: where the extension lives. */
extern char *mr_database;

/* multiregion.state_directory as configured; may be empty. See mr_state_directory(). */
extern char *mr_state_directory_setting;

/* multiregion.standalone: opens a restored copy for a human. */
extern bool mr_standalone;

/* multiregion.connect_timeout, ms. */
extern int mr_connect_timeout_ms;

/* multiregion.archive_command: what archive_library = 'multiregion' runs for each file. */
extern char *mr_archive_command;

/* multiregion.peer_options: see mr_pg_conninfo_add_options(). */
extern char *mr_peer_options;

/* multiregion.reclone: what multiregion-join would do; it writes the setting. */
typedef enum MrReclone
{
	MR_RECLONE_ASK,
	MR_RECLONE_AUTO,
	MR_RECLONE_NEVER
} MrReclone;

extern int mr_reclone;

/* Hooks: see workers/mr_hooks.h. Empty strings: there is none. */
extern char *mr_veto_function;
extern int mr_veto_timeout_ms;
extern bool mr_veto_on_error;
extern char *mr_promotion_function;
extern char *mr_promotion_command;
extern char *mr_fence_command;
extern int mr_hook_timeout_ms;

/* multiregion.tenant_cache_size; 0: no cache. */
extern int mr_tenant_cache_kb;
/* multiregion.max_read_lag, ms; -1 is no limit. */
extern int mr_max_read_lag_ms;

/* Role and suffix of application_name of our own connections. */
#define MR_PEER_USER "multiregion_peer"

/* Defines them all; _PG_init only. */
extern void mr_settings_define(bool preloading);

#endif /* MR_SETTINGS_H */
