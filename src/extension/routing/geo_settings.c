/*
 * Settings about clients' whereabouts: parsed once when they are set, not for each request.
 *
 * What the check hooks accept is kept in the `extra` of a setting, which PostgreSQL
 * restores by itself when a transaction is rolled back. Called by settings.c and by the
 * other files of this folder.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "core/mr_geo_settings.h"
#include "extension/pg_compat.h"
#include "extension/routing/mr_geo.h"

char *mr_mmdb_path = NULL;

static char *trusted_proxies_text = NULL;
static char *providers_text = NULL;
static char *headers_text = NULL;
static char *proofs_text = NULL;
static int trusted_hops = 0;

/* The lists behind the texts. */
typedef struct Providers
{
	int count;
	int8_t items[MR_GEO_PROVIDER_COUNT];
} Providers;

typedef struct Changes
{
	int count;
	MrGeoChange items[MR_GEO_MAX_CHANGES];
} Changes;

typedef struct Proofs
{
	int count;
	MrGeoProof items[MR_GEO_MAX_PROOFS];
} Proofs;

typedef struct Nets
{
	int count;
	MrTrustedNet items[MR_MAX_TRUSTED_NETS];
} Nets;

static MrGeoSettings settings;
static bool plan_is_current = false;

/* Refuses a value; true for a list of at least no items. */
static bool
accept(int count, const char *problem)
{
	if (count < 0)
		GUC_check_errdetail("%s", problem);
	return count >= 0;
}

/*
 * A check hook that parses a text into a list, and the assign hook that makes it the one in
 * force. Lists are freed by the server, with free() of its kind.
 */
#define DEFINE_HOOKS(name, List, parse, count_member, items_member) \
	static bool check_##name(char **value, void **extra, GucSource source) \
	{ \
		char problem[MR_PROBLEM_SIZE]; \
		List *list = MR_GUC_MALLOC(sizeof(List)); \
\
		if (list == NULL) \
			return false; \
		list->count = parse(*value, list->items, problem); \
		*extra = list; \
		return accept(list->count, problem); \
	} \
	static void assign_##name(const char *value, void *extra) \
	{ \
		const List *list = extra; \
\
		settings.count_member = list->count; \
		settings.items_member = list->items; \
		plan_is_current = false; \
	}

DEFINE_HOOKS(trusted_proxies, Nets, mr_geo_parse_trusted, trust.count, trust.nets)
DEFINE_HOOKS(providers, Providers, mr_geo_parse_providers, provider_count, providers)
DEFINE_HOOKS(headers, Changes, mr_geo_parse_headers, change_count, changes)
DEFINE_HOOKS(proofs, Proofs, mr_geo_parse_proofs, proof_count, proofs)

/* The same, without a word of what may be a secret. */
static bool
check_secret_proofs(char **value, void **extra, GucSource source)
{
	bool good = check_proofs(value, extra, source);

	if (!good)
		GUC_check_errmsg("invalid value for parameter \"multiregion.geo_proofs\"");
	return good;
}

static void
assign_trusted_hops(int value, void *extra)
{
	settings.trust.hops = value;
}

static void
assign_mmdb_path(const char *value, void *extra)
{
	mr_geo_mmdb_forget();
}

const MrGeoSettings *
mr_geo_settings(void)
{
	return &settings;
}

const MrGeoPlan *
mr_geo_plan(void)
{
	static MrGeoPlan plan;

	if (!plan_is_current)
		mr_geo_plan_build(&plan, &settings);
	plan_is_current = true;
	return &plan;
}

void
mr_geo_settings_define(void)
{
	DefineCustomStringVariable(
		"multiregion.trusted_proxies", "Networks of proxies whose headers are believed.",
		"Like 10.0.0.0/8, or cloudflare=173.245.48.0/20 for those that are believed in the "
		"headers of one provider only. Empty: nobody is.",
		&trusted_proxies_text, "", PGC_SUSET, GUC_LIST_INPUT, check_trusted_proxies,
		assign_trusted_proxies, NULL);
	DefineCustomIntVariable("multiregion.trusted_hops",
							"Number of proxies before this service, whatever their addresses are.",
							NULL, &trusted_hops, 0, 0, MR_MAX_HOPS - 1, PGC_SUSET, 0, NULL,
							assign_trusted_hops, NULL);
	DefineCustomStringVariable(
		"multiregion.geo_providers", "Providers whose headers tell where a client is.",
		"In the order in which they are asked, like cloudflare, nginx.", &providers_text, "",
		PGC_SUSET, GUC_LIST_INPUT, check_providers, assign_providers, NULL);
	DefineCustomStringVariable(
		"multiregion.geo_headers", "Headers other than the usual ones of a provider.",
		"Like country=x-country or google.city=x-city:percent.", &headers_text, "", PGC_SUSET,
		GUC_LIST_INPUT, check_headers, assign_headers, NULL);
	DefineCustomStringVariable(
		"multiregion.geo_proofs", "Secret headers by which a provider proves who it is.",
		"Like cloudflare=x-edge-secret:VALUE.", &proofs_text, "", PGC_SUSET,
		GUC_LIST_INPUT | GUC_SUPERUSER_ONLY, check_secret_proofs, assign_proofs, NULL);
	DefineCustomStringVariable("multiregion.mmdb_path",
							   "Database of addresses and places, in MaxMind's format.",
							   "Empty: there is none. Read again when the file changes.",
							   &mr_mmdb_path, "", PGC_SUSET, 0, NULL, assign_mmdb_path, NULL);
}
