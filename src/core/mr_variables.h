/*
 * Every environment variable of ours, by who reads it: the one source for the programs'
 * readers, `multiregiond settings`, the view multiregion.settings, .env.multiregion.example
 * and docs/configuration.md (test/lint/variables.pl compares them).
 *
 * <REGION> in a name stands for a region's key, <NAME> for a policy's name in upper case.
 * A variable of kind SECRET may hold a password: its value is shown nowhere, and unless it
 * is multiregion-join's, NAME_FILE may name a file that holds it.
 */
#ifndef MR_VARIABLES_H
#define MR_VARIABLES_H

#include "core/mr_limits.h"
#include "core/mr_variables_numbers.h"

/* X(name, owner, kind, default, words, what): all but numbers and policies */
#define MR_VARIABLE_LIST(X) \
	X("ENABLE_MULTI_REGION", SIDECAR, BOOLEAN, "false", "", "take part in a cluster of regions") \
	X("DEPLOYMENT_REGION", SIDECAR, TEXT, "", "", "key of this server's region") \
	X("DATABASE_URL_<REGION>_PRIMARY", INIT, SECRET, "", "", "the region's nodes, first ones") \
	X("DATABASE_URL_<REGION>_REPLICA", INIT, SECRET, "", "", "the region's other nodes") \
	X("DATABASE_URL_<REGION>_WITNESS", INIT, SECRET, "", "", "the region's witness") \
	X("REDIS_MODE", LATER, WORD, "standalone", "standalone|sentinel|cluster", "kind of Redis") \
	X("REDIS_CLUSTER_<REGION>", LATER, HOSTS, "", "", "the region's nodes of Redis") \
	X("CDN_ENABLED", LATER, BOOLEAN, "false", "", "tell a CDN what has changed") \
	X("CDN_PROVIDER", LATER, WORD, "", "cloudflare|cloudfront|fastly|varnish", "which CDN") \
	X("CDN_ENDPOINT_<REGION>", INIT, TEXT, "", "", "URL of the region's CDN endpoint") \
	X("ENABLE_CROSS_REGION_PROXY", SIDECAR, BOOLEAN, "true", "", \
	  "pass requests on to their region") \
	X("MULTIREGION_HAPROXY_SOCKET", SIDECAR, TEXT, "", "", \
	  "runtime socket of the HAProxy to feed") \
	X("MULTIREGION_HAPROXY_MAPS", SIDECAR, TEXT, "/etc/haproxy/multiregion", "", \
	  "folder of the maps, as HAProxy's configuration names it") \
	X("REGION_<REGION>_ID", INIT, TEXT, "", "", "the region's id") \
	X("REGION_<REGION>_NAME", INIT, TEXT, "", "", "the region's display name") \
	X("REGION_<REGION>_LATITUDE", INIT, TEXT, "", "", "degrees; with the longitude") \
	X("REGION_<REGION>_LONGITUDE", INIT, TEXT, "", "", "degrees; with the latitude") \
	X("REGION_<REGION>_PRIORITY", INIT, TEXT, "", "", "the smallest is preferred") \
	X("REGION_<REGION>_API_ENDPOINT", INIT, TEXT, "", "", "URL of the region's API") \
	X("MULTIREGION_NODES_<REGION>", INIT, TEXT, "", "", "names of the region's nodes") \
	X("MULTIREGION_NODE", SIDECAR, TEXT, "", "", "this node's name") \
	X("MULTIREGION_HTTP_LISTEN", SIDECAR, TEXT, "127.0.0.1:3000", "", "where to listen") \
	X("MULTIREGION_DATABASE_URL", SIDECAR, SECRET, "", "", "how to reach the local node") \
	X("MULTIREGION_ADMIN_DATABASE_URL", INIT, SECRET, "", "", "how init reaches it") \
	X("MULTIREGION_PASSFILE", INIT, TEXT, "", "", "where init puts the passwords of peers") \
	X("MULTIREGION_LOG_LEVEL", SIDECAR, WORD, "info", "error|warning|info|debug", \
	  "what is written to standard error") \
	X("MULTIREGION_HTTP_TLS_CERT", SIDECAR, TEXT, "", "", "certificate of https://") \
	X("MULTIREGION_HTTP_TLS_KEY", SIDECAR, TEXT, "", "", "its key") \
	X("MULTIREGION_HTTP_TLS_CLIENT_CA", SIDECAR, TEXT, "", "", "who vouches for clients") \
	X("MULTIREGION_HTTP_TLS_CLIENT_CRL", SIDECAR, TEXT, "", "", \
	  "certificates of theirs that are revoked") \
	X("MULTIREGION_HTTP_TLS_CLIENT_CERT", SIDECAR, WORD, "optional", "optional|required", \
	  "whether clients must have a certificate") \
	X("MULTIREGION_ACCESS_LOG", SIDECAR, WORD, "off", "off|errors|all", \
	  "which answers are written to standard output") \
	X("MULTIREGION_CORS_ORIGINS", SIDECAR, TEXT, "", "", "web pages that may read the answers") \
	X("MULTIREGION_POLICY_<NAME>", INIT, TEXT, "", "", "initial value of any policy") \
	X("PGDATA", JOIN, TEXT, "", "", "data directory") \
	X("MULTIREGION_STATE_DIRECTORY", JOIN, TEXT, "", "", "the node's identity and votes") \
	X("MULTIREGION_REGION", JOIN, TEXT, "", "", "this node's region, to be compared") \
	X("MULTIREGION_PEERS", JOIN, SECRET, "", "", "connection strings of other members") \
	X("MULTIREGION_DATABASE", JOIN, TEXT, "postgres", "", "multiregion.database of the members") \
	X("MULTIREGION_PEER_USER", JOIN, TEXT, "multiregion_peer", "", "role where none is named") \
	X("MULTIREGION_PEER_OPTIONS", JOIN, SECRET, "", "", "libpq options towards other nodes") \
	X("MULTIREGION_WITNESS", JOIN, WORD, "off", "on|off", "this server is a witness") \
	X("MULTIREGION_RECLONE", JOIN, WORD, "ask", "auto|ask|never", \
	  "replace a directory by a clone") \
	X("MULTIREGION_MODE", JOIN, WORD, "manage", "manage|observe|off", "what is done") \
	X("MULTIREGION_JOIN_TIMEOUT", JOIN, TEXT, "30", "", "seconds to wait") \
	X("MULTIREGION_BINDIR", JOIN, TEXT, "", "", "folder of PostgreSQL's programs") \
	X("MULTIREGION_CONFIG_FILE", JOIN, TEXT, "", "", "postgresql.conf elsewhere") \
	X("MULTIREGION_API_TOKEN", SIDECAR, SECRET, "", "", \
	  "who sends it may change things over HTTP") \
	X("MULTIREGION_BASIC_AUTH", SIDECAR, SECRET, "", "", "so may who sends such NAME:PASSWORD") \
	X("MULTIREGION_API_ROLE", SIDECAR, TEXT, "", "", "role of both; empty: multiregiond's own") \
	X("MULTIREGION_JWT_KEY", SIDECAR, SECRET, "", "lines", "what signed tokens are verified with") \
	X("MULTIREGION_JWT_AUDIENCE", SIDECAR, TEXT, "", "", "whom they must be for; empty: anybody") \
	X("MULTIREGION_JWT_ROLE_CLAIM", SIDECAR, TEXT, "role", "", "where they name a role") \
	X("MULTIREGION_ANONYMOUS", SIDECAR, WORD, "reads", "reads|checks", \
	  "what is answered without any token") \
	X("MULTIREGION_ANONYMOUS_ROLE", SIDECAR, TEXT, "", "", "role of who brings none") \
	X("MULTIREGION_CERTIFICATE_ROLE", SIDECAR, TEXT, "", "", \
	  "role of who brings a verified certificate")

/* X(name, policy, default): the seed's names of policies; initial values, for init */
#define MR_POLICY_VARIABLES(X) \
	X("AUTO_FAILOVER_ENABLED", "auto_failover", "true") \
	X("HEALTH_CHECK_INTERVAL", "health_check_interval", "30000") \
	X("MAX_CONSECUTIVE_FAILURES", "max_consecutive_failures", "3") \
	X("FAILBACK_ENABLED", "failback", "true") \
	X("FAILBACK_DELAY", "failback_delay", "300000")

/* Who reads a variable: X(symbol, word) */
#define MR_VARIABLE_OWNER_LIST(X) \
	X(MR_VARIABLE_SIDECAR, "sidecar") /* multiregiond */ \
	X(MR_VARIABLE_INIT, "cluster")    /* init only: what it means is kept in tables */ \
	X(MR_VARIABLE_JOIN, "join")       /* multiregion-join */ \
	X(MR_VARIABLE_LATER, "later")     /* nobody yet: a later version */

#define MR_VARIABLE_OWNER_ENUM(symbol, word) symbol,
typedef enum MrVariableOwner
{
	MR_VARIABLE_OWNER_LIST(MR_VARIABLE_OWNER_ENUM) MR_VARIABLE_OWNER_COUNT
} MrVariableOwner;
#undef MR_VARIABLE_OWNER_ENUM

typedef enum MrVariableKind
{
	MR_VARIABLE_TEXT, /* whatever its reader says */
	MR_VARIABLE_BOOLEAN,
	MR_VARIABLE_NUMBER,
	MR_VARIABLE_WORD,   /* one of the words */
	MR_VARIABLE_HOSTS,  /* host:port, separated by commas */
	MR_VARIABLE_POLICY, /* value of a policy */
	MR_VARIABLE_SECRET
} MrVariableKind;

typedef struct MrKnownVariable
{
	const char *name;
	MrVariableOwner owner;
	MrVariableKind kind;
	const char *initial; /* as one would write it; empty: none, or it depends */
	const char
		*words; /* WORD: separated by |; POLICY: its name; SECRET: lines, if it may have more */
	const char *what;
} MrKnownVariable;

/* The variables one by one; NULL past the end. */
extern const MrKnownVariable *mr_variable_at(int index);

/* What a name means, or NULL. key gets what stands for <REGION> or <NAME>, or is empty. */
extern const MrKnownVariable *mr_variable_find(const char *name, char key[MR_NAME_SIZE]);

/* The secret that a NAME_FILE is for, or NULL; base gets its name. */
extern const MrKnownVariable *mr_variable_of_file(const char *name, char *base, size_t size);

/* A variable that differs from the name in at most `edits` letters, or NULL. */
extern const MrKnownVariable *mr_variable_near(const char *name, int edits);

/* NULL when the text is well-formed, as far as its kind says; else a sentence without it. */
extern const char *mr_variable_problem(const MrKnownVariable *variable, const char *text);

/* Word of an owner. */
extern const char *mr_variable_owner_name(MrVariableOwner owner);

#endif /* MR_VARIABLES_H */
