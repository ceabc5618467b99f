/*
 * Every metric of GET /metrics, once: name, type, unit, labels and what it says. The answer,
 * docs/metrics.md, the alert rules and the dashboard are compared with this list by tests.
 *
 * The labels region and node say whom a sample is about: the local node, or for those of
 * members each of them. Which sidecar said it, Prometheus adds (instance). There is no label
 * with a tenant's id, ever: a time series for each tenant would be the end of Prometheus.
 */
#ifndef MR_METRIC_LIST_H
#define MR_METRIC_LIST_H

#include "sidecar/mr_metric_cluster_list.h"

/* The longest list of labels. */
#define MR_METRIC_LABELS 4

/*
 * When there are samples of a metric: X(symbol, word)
 *   ALWAYS  the sidecar knows it by itself
 *   FRESH   only while the local database answers: what it was before may be wrong now
 *   KEPT    the last known value stays: it can only be behind, never wrong
 */
#define MR_METRIC_WHEN_LIST(X) \
	X(MR_METRIC_ALWAYS, "always") \
	X(MR_METRIC_FRESH, "fresh") \
	X(MR_METRIC_KEPT, "kept")

/* X(symbol, word) */
#define MR_METRIC_TYPE_LIST(X) \
	X(MR_METRIC_GAUGE, "gauge") \
	X(MR_METRIC_COUNTER, "counter") \
	X(MR_METRIC_HISTOGRAM, "histogram")

/* X(symbol, name, type, when, labels, unit, help): of the local node and multiregiond */
#define MR_METRIC_LOCAL_LIST(X) \
	X(UP, "multiregion_up", GAUGE, ALWAYS, "region,node", "", \
	  "1 while the local database answers and its status is no older than " \
	  "MULTIREGION_STALE_AFTER.") \
	X(BUILD_INFO, "multiregion_build_info", GAUGE, ALWAYS, "region,node,version", "", \
	  "1; the version of multiregiond.") \
	X(POSTGRES_INFO, "multiregion_postgres_info", GAUGE, KEPT, "region,node,version", "", \
	  "1; the version of the local PostgreSQL.") \
	X(STATUS_AGE, "multiregion_status_age_seconds", GAUGE, ALWAYS, "region,node,part", "seconds", \
	  "Since the local database was read: part status (every second), part details (every five).") \
	X(SERVING, "multiregion_serving", GAUGE, ALWAYS, "region,node", "", \
	  "1 while GET /api/health says 200.") \
	X(NODE_STATE, "multiregion_node_state", GAUGE, ALWAYS, "region,node,state", "", \
	  "1 for the reason that GET /api/health gives, 0 for the others.") \
	X(NODE_ROLE, "multiregion_node_role", GAUGE, ALWAYS, "region,node,role", "", \
	  "1 for the role of the local node (primary, standby, unknown), 0 for the others.") \
	X(MANAGED, "multiregion_managed", GAUGE, FRESH, "region,node", "", \
	  "1 if the local server belongs to a cluster.") \
	X(MODE, "multiregion_mode", GAUGE, FRESH, "region,node,mode", "", \
	  "1 for the mode in effect on the local node (off, observe, manage).") \
	X(WRITABLE, "multiregion_writable", GAUGE, FRESH, "region,node", "", \
	  "1 while a write would be acknowledged here.") \
	X(FENCED, "multiregion_fenced", GAUGE, FRESH, "region,node", "", \
	  "1 while the fence of the local node is closed; every standby of a cluster is fenced.") \
	X(STOPPING, "multiregion_stopping", GAUGE, FRESH, "region,node", "", \
	  "1 while the local server shuts down.") \
	X(EPOCH, "multiregion_epoch", GAUGE, KEPT, "region,node", "", \
	  "Newest lease term that the local node knows.") \
	X(LEASE_REMAINING, "multiregion_lease_remaining_seconds", GAUGE, FRESH, "region,node", \
	  "seconds", "How long the lease of the local node holds at least; 0 on a standby.") \
	X(REPLAY_PAUSED, "multiregion_replay_paused", GAUGE, FRESH, "region,node", "", \
	  "1 while replay is paused on the local node.") \
	X(REFUSED_STATEMENTS, "multiregion_fence_refused_statements_total", COUNTER, KEPT, \
	  "region,node", "", \
	  "Writes that the fence refused before they began, since the local server started.") \
	X(REFUSED_COMMITS, "multiregion_fence_refused_commits_total", COUNTER, KEPT, "region,node", \
	  "", "Commits that the fence refused, since the local server started.") \
	X(UNACKED_COMMITS, "multiregion_unacked_commits_total", COUNTER, KEPT, "region,node", "", \
	  "Durable commits whose client was cut off because the lease was over, since the local " \
	  "server started.") \
	X(WRITE_CHECK_FAILURES, "multiregion_write_check_failures", GAUGE, FRESH, "region,node", "", \
	  "Write checks of the local disk that failed in a row.") \
	X(POSTMASTER_START, "multiregion_postmaster_start_timestamp_seconds", GAUGE, KEPT, \
	  "region,node", "seconds", "When the local server started, in Unix time.") \
	X(CACHE_BYTES, "multiregion_tenant_cache_size_bytes", GAUGE, KEPT, "region,node", "bytes", \
	  "Shared memory of the local server's cache of tenants.") \
	X(CACHE_TENANTS, "multiregion_tenant_cache_tenants", GAUGE, FRESH, "region,node", "", \
	  "Tenants in the cache.") \
	X(CACHE_HITS, "multiregion_tenant_cache_hits_total", COUNTER, KEPT, "region,node", "", \
	  "Look-ups that the cache of tenants answered.") \
	X(CACHE_MISSES, "multiregion_tenant_cache_misses_total", COUNTER, KEPT, "region,node", "", \
	  "Look-ups that read the table of tenants.") \
	X(CACHE_EVICTIONS, "multiregion_tenant_cache_evictions_total", COUNTER, KEPT, "region,node", \
	  "", "Tenants that went out of the cache to make room.") \
	X(CACHE_CHANGES, "multiregion_tenant_cache_changes_total", COUNTER, KEPT, "region,node", "", \
	  "Changes of tenants that the cache has seen.") \
	X(DB_QUERY, "multiregion_db_query_duration_seconds", HISTOGRAM, ALWAYS, \
	  "region,node,operation", "seconds", \
	  "Statements of multiregiond itself, by the node that was asked, failed ones included.") \
	X(HTTP_REQUEST, "multiregion_http_request_duration_seconds", HISTOGRAM, ALWAYS, \
	  "region,route,method,code", "seconds", \
	  "Requests from their last byte to the answer, by template of the path.") \
	X(HTTP_PENDING, "multiregion_http_requests_pending", GAUGE, ALWAYS, "region", "", \
	  "Requests that are not answered yet, the scrape included.") \
	X(HAPROXY_STATE, "multiregion_haproxy_state", GAUGE, ALWAYS, "region,node,state", "", \
	  "1 for how the maps of the local HAProxy are (disabled, waiting, filling, current, full), " \
	  "0 for the others.") \
	X(HAPROXY_TENANTS, "multiregion_haproxy_tenants", GAUGE, ALWAYS, "region,node,map", "", \
	  "Tenants in the maps of the local HAProxy: tenants (all of them), recent (changed since).") \
	X(HAPROXY_SKIPPED, "multiregion_haproxy_skipped_tenants", GAUGE, ALWAYS, "region,node", "", \
	  "Tenants whose ids no map can hold.") \
	X(HAPROXY_FILLS, "multiregion_haproxy_fills_total", COUNTER, ALWAYS, "region,node", "", \
	  "Whole maps that HAProxy has taken over.") \
	X(PROCESS_START, "process_start_time_seconds", GAUGE, ALWAYS, "", "seconds", \
	  "When multiregiond started, in Unix time.") \
	X(PROCESS_CPU, "process_cpu_seconds_total", COUNTER, ALWAYS, "", "seconds", \
	  "CPU time of multiregiond, user and system.") \
	X(PROCESS_MEMORY, "process_resident_memory_bytes", GAUGE, ALWAYS, "", "bytes", \
	  "Resident memory of multiregiond.")

/* All: those of the cluster are in a file of their own. */
#define MR_METRIC_LIST(X) MR_METRIC_LOCAL_LIST(X) MR_METRIC_CLUSTER_LIST(X)

#endif /* MR_METRIC_LIST_H */
