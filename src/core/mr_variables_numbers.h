/*
 * The numbers among the environment variables: a part of the list in mr_variables.h.
 */
#ifndef MR_VARIABLES_NUMBERS_H
#define MR_VARIABLES_NUMBERS_H

/* X(field, name, default, min, max, what): whole numbers of multiregiond */
#define MR_SETTING_NUMBERS(X) \
	X(max_connections, "MULTIREGION_HTTP_MAX_CONNECTIONS", 1000, 1, 100000, \
	  "HTTP connections at a time; more wait in the listen queue") \
	X(request_timeout_ms, "MULTIREGION_HTTP_REQUEST_TIMEOUT", 10000, 100, 3600000, \
	  "ms from the first byte of a request to its last") \
	X(idle_timeout_ms, "MULTIREGION_HTTP_IDLE_TIMEOUT", 60000, 100, 3600000, \
	  "ms a connection may be silent between requests") \
	X(changes_per_minute, "MULTIREGION_HTTP_CHANGES_PER_MINUTE", 6000, 0, 1000000, \
	  "requests for changes that a client may make in a minute; 0: any number") \
	X(database_timeout_ms, "MULTIREGION_DATABASE_TIMEOUT", 2000, 100, 3600000, \
	  "ms to connect to the local database, and for a status query") \
	X(tenant_timeout_ms, "MULTIREGION_TENANT_TIMEOUT", 1000, 10, 3600000, \
	  "ms a tenant request waits for the database") \
	X(tenant_cache, "MULTIREGION_TENANT_CACHE", 4096, 0, 1000000, \
	  "tenants whose last answer is kept for when the database is down") \
	X(stale_after_ms, "MULTIREGION_STALE_AFTER", 3000, 1500, 3600000, \
	  "ms without news from the database after which answers are marked stale") \
	X(drain_timeout_ms, "MULTIREGION_DRAIN_TIMEOUT", 1000, 0, 3600000, \
	  "ms of answering 503 on /api/health before stopping on SIGTERM") \
	X(haproxy_max_tenants, "MULTIREGION_HAPROXY_MAX_TENANTS", 1000000, 1, 100000000, \
	  "tenants that HAProxy's map may hold; with more it keeps the last whole one") \
	X(haproxy_check_ms, "MULTIREGION_HAPROXY_CHECK_INTERVAL", 60000, 100, 86400000, \
	  "ms between two comparisons of HAProxy's maps with the tables") \
	X(write_timeout_ms, "MULTIREGION_WRITE_TIMEOUT", 5000, 100, 3600000, \
	  "ms to find the primary and have it make a change") \
	X(failover_timeout_ms, "MULTIREGION_FAILOVER_TIMEOUT", 30000, 100, 3600000, \
	  "ms a request waits for the failover it asked for")

#endif /* MR_VARIABLES_NUMBERS_H */
