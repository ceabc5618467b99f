/*
 * The headers of a request, as jsonb: {"name": "value"}, an array of values for a header
 * that is there more than once.
 *
 * On the way of every request: the container is read where it lies, nothing is copied. What
 * headers say may be wrong or evil; nothing they hold raises an error. Called by geo.c.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "utils/builtins.h"
#include "utils/inet.h"

#include "adapters/mr_geo_json.h"
#include "core/mr_geo_settings.h"
#include "extension/routing/mr_geo.h"

typedef struct Request
{
	MrGeoSeen seen;
	MrHops forwarded_for;
	MrHops forwarded;
} Request;

static MrSlice
string_of(const JsonbContainer *container, uint32 number, const char *base)
{
	MrSlice text = {base + getJsonbOffset(container, (int) number),
					getJsonbLength(container, (int) number)};

	return text;
}

static void
add_hops(Request *request, int header, MrSlice field)
{
	if (header == MR_HEADER_FORWARDED_FOR)
		mr_hops_add_forwarded_for(&request->forwarded_for, field);
	else
		mr_hops_add_forwarded(&request->forwarded, field);
}

static void
add_value(Request *request, int header, MrSlice value)
{
	MrGeoSeen *seen = &request->seen;

	if (header < MR_HEADER_FIRST_GEO)
		add_hops(request, header, value);
	else if (seen->counts[header] == 0)
		seen->values[header] = value;
	if (seen->counts[header] < 2)
		seen->counts[header]++;
}

/* The values of a header that is there more than once; the last first, as hops want it. */
static void
add_array(Request *request, int header, const JsonbContainer *array)
{
	uint32 count = JsonContainerSize(array);
	const char *base = (const char *) &array->children[count];

	if (!JsonContainerIsArray(array))
		return;
	for (uint32 i = count; i-- > 0;)
		if (JBE_ISSTRING(array->children[i]))
			add_value(request, header, string_of(array, i, base));
}

/* Written twice in different case, nobody knows which comes first. */
static void
spoil(Request *request, int header)
{
	MrHops *hops =
		header == MR_HEADER_FORWARDED_FOR ? &request->forwarded_for : &request->forwarded;

	hops->broken = true;
	hops->count = 0;
}

static void
read_headers(const MrGeoPlan *plan, const JsonbContainer *object, Request *request)
{
	uint32 count = JsonContainerSize(object);
	const JEntry *children = object->children;
	const char *base = (const char *) &children[2 * count];
	uint32 offset = 0;
	bool twice[MR_HEADER_FIRST_GEO] = {false};

	for (uint32 i = 0; i < count; i++)
	{
		JEntry value = children[count + i];
		MrSlice name;
		int header;

		name.text = base + offset;
		name.length = JBE_HAS_OFF(children[i]) ? JBE_OFFLENFLD(children[i]) - offset
											   : JBE_OFFLENFLD(children[i]);
		offset += (uint32) name.length;
		header = mr_geo_plan_find(plan, name);
		if (header < 0)
			continue;
		if (header < MR_HEADER_FIRST_GEO)
		{
			if (request->seen.counts[header] > 0)
				twice[header] = true;
		}
		if (JBE_ISSTRING(value))
			add_value(request, header, string_of(object, count + i, base));
		else if (JBE_ISCONTAINER(value))
			add_array(request, header,
					  (const JsonbContainer *) (base + INTALIGN(getJsonbOffset(
														   object, (int) (count + i)))));
	}
	for (int header = 0; header < MR_HEADER_FIRST_GEO; header++)
		if (twice[header])
			spoil(request, header);
}

/* ---------- who says what ---------- */

/* Everything about a request that the providers are asked with. */
typedef struct Question
{
	const MrGeoPlan *plan;
	const MrGeoSettings *settings;
	const Request *request;
	uint32 believed; /* bit per provider */
	uint32 usable;   /* has no header twice */
} Question;

static void
ask_whom(Question *question, const MrClientWalk *walk, MrGeo *geo)
{
	question->believed = question->usable = 0;
	for (int i = 0; i < question->settings->provider_count; i++)
	{
		int provider = question->settings->providers[i];
		const char *duplicate =
			mr_geo_duplicate(question->plan, &question->request->seen, provider);

		if (duplicate == NULL)
			question->usable |= UINT32_C(1) << provider;
		else if (geo->note[0] == '\0')
		{
			geo->note = "duplicate header";
			geo->about = duplicate;
		}
		if (mr_geo_believes(question->plan, question->settings, &question->request->seen, walk,
							provider))
			question->believed |= UINT32_C(1) << provider;
	}
}

static void
find_address(const Question *question, const MrClientWalk *walk, MrGeo *geo)
{
	for (int i = 0; i < question->settings->provider_count; i++)
	{
		int provider = question->settings->providers[i];

		if ((question->believed & question->usable & UINT32_C(1) << provider) != 0 &&
			mr_geo_read_address(question->plan, &question->request->seen, provider, &geo->address))
		{
			geo->address_is_his = true;
			return;
		}
	}
	geo->address = walk->address;
	geo->address_is_his = walk->trusted;
	if (geo->note[0] == '\0')
		geo->note = mr_client_source_note(walk->source);
}

/* Asks these providers: where the client is, or which of their edges took the request. */
static bool
ask(const Question *question, uint32 providers, bool edges, MrGeo *geo)
{
	const MrGeoSeen *seen = &question->request->seen;

	for (int i = 0; i < question->settings->provider_count; i++)
	{
		int provider = question->settings->providers[i];

		if ((providers & question->usable & UINT32_C(1) << provider) == 0)
			continue;
		if (edges
				? !mr_geo_read_edge(question->plan, seen, provider, &geo->place)
				: !mr_geo_read_place(question->plan, seen, provider, mr_geo_json_read, &geo->place))
			continue;
		geo->source = mr_geo_provider_name(provider);
		return true;
	}
	return false;
}

static void
find_place(const Question *question, MrGeo *geo)
{
	geo->is_known = geo->trusted = true;
	if (ask(question, question->believed, false, geo))
		return;
	geo->source = "mmdb";
	if (geo->address_is_his && mr_geo_mmdb_find(&geo->address, &geo->place))
		return;
	if (ask(question, question->believed, true, geo))
		return;
	geo->trusted = false;
	if (ask(question, ~question->believed, false, geo) ||
		ask(question, ~question->believed, true, geo))
		return;
	geo->source = "none";
	geo->is_known = false;
	mr_client_place_init(&geo->place);
}

void
mr_geo_resolve(const Jsonb *headers, const MrAddress *peer, bool want_place, MrGeo *geo)
{
	Request request;
	MrClientWalk walk;
	Question question = {mr_geo_plan(), mr_geo_settings(), &request, 0, 0};

	memset(request.seen.counts, 0, sizeof(request.seen.counts));
	request.forwarded_for.present = request.forwarded_for.broken = false;
	request.forwarded.present = request.forwarded.broken = false;
	request.forwarded_for.count = request.forwarded.count = 0;
	geo->note = geo->about = "";
	if (headers != NULL)
	{
		if (!JB_ROOT_IS_OBJECT(headers))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("headers must be a JSON object"),
							errhint("Write them as {\"name\": \"value\"}.")));
		read_headers(question.plan, &headers->root, &request);
	}
	mr_client_walk(peer, &request.forwarded_for, &request.forwarded, &question.settings->trust,
				   &walk);
	ask_whom(&question, &walk, geo);
	find_address(&question, &walk, geo);
	if (want_place)
		find_place(&question, geo);
}

/* ---------- addresses of SQL ---------- */

MrAddress
mr_geo_address_argument(FunctionCallInfo fcinfo, int number)
{
	MrAddress none = {0, {0}};
	const inet *address;

	if (PG_ARGISNULL(number))
		return none;
	address = PG_GETARG_INET_PP(number);
	return mr_address_from_bytes(ip_addr(address), ip_family(address) == PGSQL_AF_INET ? 4 : 6);
}

Datum
mr_geo_address_datum(const MrAddress *address)
{
	inet *result = palloc0(sizeof(inet));

	ip_family(result) = address->family == 4 ? PGSQL_AF_INET : PGSQL_AF_INET6;
	ip_bits(result) = ip_maxbits(result);
	memcpy(ip_addr(result), address->bytes, ip_addrsize(result));
	SET_INET_VARSIZE(result);
	return InetPGetDatum(result);
}
