/*
 * What multiregiond is told by its environment and .env.multiregion.
 *
 * Three kinds: the sidecar's own (lists below), regions and nodes
 * (DATABASE_URL_<REGION>_PRIMARY and what describes a region), and initial values of the
 * cluster's policy, which only `multiregiond init` uses. docs/configuration.md documents
 * each; a test compares the names.
 */
#ifndef MR_SETTINGS_H
#define MR_SETTINGS_H

#include "core/mr_identifier.h"
#include "core/mr_policy.h"
#include "sidecar/mr_conninfo.h"
#include "sidecar/mr_environment.h"
#include "sidecar/mr_log.h"

/* Numbers: X(field, name, default, min, max, what) */
#define MR_SETTING_NUMBERS(X) \
	X(max_connections, "MULTIREGION_HTTP_MAX_CONNECTIONS", 1000, 1, 100000, \
	  "HTTP connections at a time; more wait in the listen queue") \
	X(request_timeout_ms, "MULTIREGION_HTTP_REQUEST_TIMEOUT", 10000, 100, 3600000, \
	  "ms from the first byte of a request to its last") \
	X(idle_timeout_ms, "MULTIREGION_HTTP_IDLE_TIMEOUT", 60000, 100, 3600000, \
	  "ms a connection may be silent between requests") \
	X(database_timeout_ms, "MULTIREGION_DATABASE_TIMEOUT", 2000, 100, 3600000, \
	  "ms to connect to the local database, and for a status query") \
	X(tenant_timeout_ms, "MULTIREGION_TENANT_TIMEOUT", 1000, 10, 3600000, \
	  "ms a tenant request waits for the database") \
	X(tenant_cache, "MULTIREGION_TENANT_CACHE", 4096, 0, 1000000, \
	  "tenants whose last answer is kept for when the database is down") \
	X(stale_after_ms, "MULTIREGION_STALE_AFTER", 3000, 1500, 3600000, \
	  "ms without news from the database after which answers are marked stale") \
	X(drain_timeout_ms, "MULTIREGION_DRAIN_TIMEOUT", 1000, 0, 3600000, \
	  "ms of answering 503 on /api/health before stopping on SIGTERM")

#define MR_SETTINGS_REGIONS 32

typedef struct MrSettingsRegion
{
	char key[MR_NAME_SIZE];
	char id[MR_NAME_SIZE];
	char name[MR_LABEL_SIZE];
	bool has_place;
	double latitude;
	double longitude;
	bool has_priority;
	int priority;
	const char *api_endpoint; /* NULL if not given */
	const char *cdn_endpoint;
} MrSettingsRegion;

typedef struct MrSettingsNode
{
	char name[MR_NAME_SIZE];
	int region;           /* index into regions */
	const char *variable; /* where its URL came from */
	char *url;            /* may hold a password; owned */
} MrSettingsNode;

typedef struct MrSettingsPolicy
{
	const MrPolicySetting *setting;
	const char *variable; /* the environment's name for it */
	char value[MR_POLICY_VALUE_SIZE];
} MrSettingsPolicy;

typedef struct MrSettings
{
	MrEnvironment environment; /* what the texts below point into */
	bool enabled;              /* ENABLE_MULTI_REGION */
	char region[MR_NAME_SIZE]; /* DEPLOYMENT_REGION, as a key; empty if not given */
	char node[MR_NAME_SIZE];   /* this node's name; empty if it has none */
	int self;                  /* its index in nodes, or -1 */
	const char *listen;        /* addresses, comma separated */
	MrLogLevel log_level;
	bool has_database;
	MrConninfo database;   /* how the sidecar reaches the local node */
	const char *admin_url; /* how init does; NULL if there is none */
	const char *passfile;  /* MULTIREGION_PASSFILE, or NULL */
#define MR_SETTING_FIELD(field, name, def, min, max, what) int64_t field;
	MR_SETTING_NUMBERS(MR_SETTING_FIELD)
#undef MR_SETTING_FIELD
	int region_count;
	MrSettingsRegion regions[MR_SETTINGS_REGIONS];
	int node_count;
	MrSettingsNode nodes[MR_MAX_MEMBERS];
	int policy_count;
	MrSettingsPolicy policies[sizeof(MrPolicy) / sizeof(int64_t)];
} MrSettings;

/*
 * Reads environment and file (path as for mr_environment_load). True if nothing is
 * wrong; either way *problems says what there is to say, and *settings is to be freed.
 */
extern bool mr_settings_load(MrSettings *settings, const char *path, char *const *environ,
							 MrProblems *problems);

/* The second half, for tests: settings->environment is filled, the rest is zero. */
extern void mr_settings_read(MrSettings *settings, MrProblems *problems);

/* Frees what loading made. The texts of the settings are gone with it. */
extern void mr_settings_free(MrSettings *settings);

/* In settings_regions.c: regions and nodes. True for a name that it understands. */
extern void mr_settings_read_regions(MrSettings *settings, MrProblems *problems);
extern bool mr_settings_knows_region_name(const char *name);

/* Index of the region with this key (exactly), or -1. */
extern int mr_settings_region(const MrSettings *settings, const char *key);

#endif /* MR_SETTINGS_H */
