/*
 * What multiregiond is told by its environment and .env.multiregion.
 *
 * Three kinds: the sidecar's own, regions and nodes (DATABASE_URL_<REGION>_PRIMARY and
 * what describes a region), and initial values of the cluster's policy, which only
 * `multiregiond init` uses. Which there are, and their defaults, is core/mr_variables.h's.
 */
#ifndef MR_SETTINGS_H
#define MR_SETTINGS_H

#include "core/mr_identifier.h"
#include "core/mr_policy.h"
#include "core/mr_variables.h"
#include "sidecar/mr_access_log.h"
#include "sidecar/mr_auth.h"
#include "sidecar/mr_conninfo.h"
#include "sidecar/mr_environment.h"
#include "sidecar/mr_log.h"
#include "sidecar/mr_server_tls.h"

#define MR_SETTINGS_REGIONS 32

#define MR_HAPROXY_PATH_MAX 107 /* of a unix socket */
#define MR_HAPROXY_FOLDER_MAX 200

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
	bool witness;         /* of DATABASE_URL_<REGION>_WITNESS */
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
	bool proxies;              /* ENABLE_CROSS_REGION_PROXY */
	const char *haproxy;       /* MULTIREGION_HAPROXY_SOCKET, or NULL */
	const char *haproxy_maps;  /* MULTIREGION_HAPROXY_MAPS */
	const char *listen;        /* addresses, comma separated */
	MrLogLevel log_level;
	bool has_database;
	MrConninfo database;                     /* how the sidecar reaches the local node */
	const char *admin_url;                   /* how init does; NULL if there is none */
	const char *passfile;                    /* MULTIREGION_PASSFILE, or NULL */
	const char *peer_options;                /* MULTIREGION_PEER_OPTIONS, or NULL */
	MrAuth auth;                             /* tokens, users and keys; see settings_auth.c */
	bool anonymous_reads;                    /* MULTIREGION_ANONYMOUS */
	char anonymous_role[MR_JWT_ROLE_SIZE];   /* empty: the sidecar's own */
	char certificate_role[MR_JWT_ROLE_SIZE]; /* empty: a certificate says nothing */
	const char *cors_origins;                /* MULTIREGION_CORS_ORIGINS; empty: none */
	MrAccessLevel access_log;
	MrTlsFiles tls; /* MULTIREGION_HTTP_TLS_... */
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

/* In settings_regions.c: regions and nodes. */
extern void mr_settings_read_regions(MrSettings *settings, MrProblems *problems);

/* In settings_http.c: the HTTP server's, but for addresses and numbers. */
extern void mr_settings_read_http(MrSettings *settings, MrProblems *problems);

/* In settings_auth.c: who may what. */
extern void mr_settings_read_auth(MrSettings *settings, MrProblems *problems);

/* In settings_names.c: values of later versions, and names that nobody reads. */
extern void mr_settings_check_names(const MrSettings *settings, MrProblems *problems);

/* Index of the region with this key (exactly), or -1. */
extern int mr_settings_region(const MrSettings *settings, const char *key);

#endif /* MR_SETTINGS_H */
