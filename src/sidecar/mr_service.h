/*
 * The running sidecar: everything the endpoints may use, in one struct.
 */
#ifndef MR_SERVICE_H
#define MR_SERVICE_H

#include "adapters/mr_json.h"
#include "sidecar/mr_haproxy.h"
#include "sidecar/mr_database_pool.h"
#include "sidecar/mr_hot.h"
#include "sidecar/mr_primary.h"
#include "sidecar/mr_rate_limit.h"
#include "sidecar/mr_router.h"
#include "sidecar/mr_server.h"
#include "sidecar/mr_server_fast.h"
#include "sidecar/mr_serving.h"
#include "sidecar/mr_settings.h"
#include "sidecar/mr_tenant_cache.h"
#include "sidecar/mr_watcher.h"

#define MR_SIDECAR_VERSION "0.2" /* the extension's default_version; a test compares them */

typedef struct MrService
{
	MrSettings *settings; /* replaced as a whole by a reload */
	struct event_base *base;
	MrServer *server;
	bool watched; /* a database is known: watcher and pool are started */
	MrWatcher watcher;
	MrPool pool;
	MrPool orders;     /* to the local node, for what takes as long as a failover */
	MrPrimary primary; /* started with them */
	MrTenantCache *tenants;
	MrHaproxy *haproxy; /* NULL: no database is watched */
	MrRateLimit *rate_limit;
	bool draining;
	uint64_t reloads; /* of the settings */
	MrHot hot;
	int64_t guess_logged_ns; /* when a wrong token was logged last */
	int64_t started_wall_ms;
} MrService;

/* Routes a request to its endpoint; the server's handler. */
extern void mr_service_handle(MrRequest *request, void *arg);

/* Whether the request changes nothing, although its method could. */
extern bool mr_service_asks_only(const MrRequest *request);

/* What is known beside the copy. */
extern void mr_service_input(const MrService *service, MrServingInput *input);

/* Adds asOf, ageMs and stale of the copy. */
extern void mr_service_add_age(const MrService *service, MrJson *json, MrJsonNode *node);

/* asOf, ageMs and stale of anything: wall_ms 0 and age_ms -1 give nulls. */
extern void mr_service_add_age_of(MrJson *json, MrJsonNode *node, int64_t wall_ms, int64_t age_ms,
								  bool stale);

/* Key of the region this sidecar stands in; NULL if neither copy nor settings say. */
extern const char *mr_service_region(const MrService *service);

/* Until the database has named a region: those that the settings describe. */
extern void mr_service_seed_regions(MrService *service);

/* A number, or null if it is MR_UNKNOWN. */
extern void mr_service_add_number(MrJson *json, MrJsonNode *node, const char *key, int64_t value);

/* Ends the document and answers with it. */
extern void mr_service_reply(MrRequest *request, int status, MrJson *json);

/*
 * The same for a GET whose answer depends on nothing but the copy, the settings and the
 * clock, nor on who asks: it is kept, and given to others from memory (mr_hot.h). tagged:
 * with an entity tag, if the status is 200.
 */
extern void mr_service_reply_hot(MrService *service, MrRequest *request, int status, MrJson *json,
								 bool tagged);

/* The server's recall function: answers from memory, as bytes. */
extern bool mr_service_recall(const MrRoute *route, const char *id, char *out, size_t size,
							  MrRecalled *recalled, void *arg);

/* Answers from memory; false if nothing that still holds is there for the request's route. */
extern bool mr_service_answer_hot(MrService *service, MrRequest *request);

/* Refuses for now: the client is told to come again in a second. */
extern void mr_service_refuse_later(MrRequest *request, MrHttpError error, const char *details);

/* Answers with an error of the database as it has it; code stands for the SQLSTATE, or is NULL. */
extern void mr_service_refuse_sql(MrRequest *request, int status, const char *code,
								  const PGresult *result);

/* The endpoints, in endpoint_*.c; the table in routes.c says what each is. */
extern void mr_endpoint_index(MrService *service, MrRequest *request, const MrRouteMatch *match);
extern void mr_endpoint_metrics(MrService *service, MrRequest *request, const MrRouteMatch *match);
extern void mr_endpoint_regions(MrService *service, MrRequest *request, const MrRouteMatch *match);
extern void mr_endpoint_status(MrService *service, MrRequest *request, const MrRouteMatch *match);
extern void mr_endpoint_tenant(MrService *service, MrRequest *request, const MrRouteMatch *match);
extern void mr_endpoint_tenant_set(MrService *service, MrRequest *request,
								   const MrRouteMatch *match);
extern void mr_endpoint_tenant_clear(MrService *service, MrRequest *request,
									 const MrRouteMatch *match);
extern void mr_endpoint_route(MrService *service, MrRequest *request, const MrRouteMatch *match);
extern void mr_endpoint_failover_order(MrService *service, MrRequest *request,
									   const MrRouteMatch *match);
extern void mr_endpoint_failover_result(MrService *service, MrRequest *request,
										const MrRouteMatch *match);
extern void mr_endpoint_health(MrService *service, MrRequest *request, const MrRouteMatch *match);
extern void mr_endpoint_health_database(MrService *service, MrRequest *request,
										const MrRouteMatch *match);
extern void mr_endpoint_health_failover(MrService *service, MrRequest *request,
										const MrRouteMatch *match);
extern void mr_endpoint_openapi(MrService *service, MrRequest *request, const MrRouteMatch *match);
extern void mr_endpoint_health_redis(MrService *service, MrRequest *request,
									 const MrRouteMatch *match);
extern void mr_endpoint_cdn_invalidate(MrService *service, MrRequest *request,
									   const MrRouteMatch *match);

/* Health checks and Patroni's contract, in endpoint_patroni*.c. */
extern void mr_endpoint_root(MrService *service, MrRequest *request, const MrRouteMatch *match);
extern void mr_endpoint_patroni_check(MrService *service, MrRequest *request,
									  const MrRouteMatch *match);
extern void mr_endpoint_patroni_agent(MrService *service, MrRequest *request,
									  const MrRouteMatch *match);
extern void mr_endpoint_patroni_cluster(MrService *service, MrRequest *request,
										const MrRouteMatch *match);
extern void mr_endpoint_patroni_history(MrService *service, MrRequest *request,
										const MrRouteMatch *match);
extern void mr_endpoint_patroni_config(MrService *service, MrRequest *request,
									   const MrRouteMatch *match);
extern void mr_endpoint_patroni_failsafe(MrService *service, MrRequest *request,
										 const MrRouteMatch *match);
extern void mr_endpoint_patroni_switchover(MrService *service, MrRequest *request,
										   const MrRouteMatch *match);
extern void mr_endpoint_patroni_unschedule(MrService *service, MrRequest *request,
										   const MrRouteMatch *match);
extern void mr_endpoint_patroni_failover(MrService *service, MrRequest *request,
										 const MrRouteMatch *match);
extern void mr_endpoint_patroni_elsewhere(MrService *service, MrRequest *request,
										  const MrRouteMatch *match);

/* Patroni's key in etcd, in endpoint_etcd.c. */
extern void mr_endpoint_etcd_leader(MrService *service, MrRequest *request,
									const MrRouteMatch *match);

#endif /* MR_SERVICE_H */
