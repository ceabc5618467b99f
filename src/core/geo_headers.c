/*
 * Headers that tell where a client is; see mr_geo_headers.h. Called by the SQL functions
 * on headers (extension/routing/geo.c) and by the fuzzer.
 */
#include "core/mr_geo_headers.h"

#include <math.h>
#include <string.h>

#include "core/mr_decode.h"

#define DECODED_SIZE 2048 /* longest value that is decoded */

#define ROW(provider, field, format, header) \
	{MR_GEO_##provider, MR_GEO_##field, MR_GEO_##format, header},

static const MrGeoChange usual[] = {MR_GEO_HEADER_LIST(ROW)};

#define USUAL_COUNT ((int) (sizeof(usual) / sizeof(usual[0])))

/* ---------- the plan ---------- */

static unsigned char
fold(char c)
{
	return (unsigned char) (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Names of one provider begin alike: length, end and a letter in the middle tell them apart. */
static uint8_t
bucket_of(const char *name, size_t length)
{
	unsigned hash = (unsigned) length * 37u;

	hash += fold(name[length - 1]) * 7u;
	hash += fold(name[length / 2]) * 13u;
	hash += fold(name[0]) * 3u;
	return (uint8_t) (hash ^ hash >> 8);
}

int
mr_geo_plan_find(const MrGeoPlan *plan, MrSlice name)
{
	int number;

	if (name.length == 0 || name.length >= MR_HEADER_SIZE)
		return -1;
	for (number = plan->buckets[bucket_of(name.text, name.length)]; number != 0;
		 number = plan->next[number - 1])
		if (plan->lengths[number - 1] == name.length && mr_slice_is(name, plan->names[number - 1]))
			return number - 1;
	return -1;
}

/* Number of a header, new or not; -1 when there are too many. */
static int
add_header(MrGeoPlan *plan, const char *name)
{
	MrSlice slice = mr_slice(name);
	int number = mr_geo_plan_find(plan, slice);
	uint8_t bucket;

	if (number >= 0)
		return number;
	if (plan->header_count == MR_GEO_MAX_HEADERS || slice.length == 0 ||
		slice.length >= MR_HEADER_SIZE)
		return -1;
	number = plan->header_count++;
	memcpy(plan->names[number], name, slice.length + 1);
	plan->lengths[number] = (uint8_t) slice.length;
	bucket = bucket_of(name, slice.length);
	plan->next[number] = plan->buckets[bucket];
	plan->buckets[bucket] = (uint8_t) (number + 1);
	return number;
}

static void
add_rule(MrGeoPlan *plan, const MrGeoChange *rule)
{
	int header = plan->rule_count < MR_GEO_MAX_RULES ? add_header(plan, rule->header) : -1;

	if (header < 0)
		return;
	plan->rules[plan->rule_count].provider = rule->provider;
	plan->rules[plan->rule_count].field = rule->field;
	plan->rules[plan->rule_count].format = rule->format;
	plan->rules[plan->rule_count++].header = (uint8_t) header;
}

static bool
is_changed(const MrGeoSettings *settings, const MrGeoChange *rule)
{
	for (int i = 0; i < settings->change_count; i++)
		if (settings->changes[i].provider == rule->provider &&
			settings->changes[i].field == rule->field)
			return true;
	return false;
}

static void
add_provider(MrGeoPlan *plan, const MrGeoSettings *settings, int provider)
{
	for (int i = 0; i < settings->change_count; i++)
		if (settings->changes[i].provider == provider)
			add_rule(plan, &settings->changes[i]);
	for (int i = 0; i < USUAL_COUNT; i++)
		if (usual[i].provider == provider && !is_changed(settings, &usual[i]))
			add_rule(plan, &usual[i]);
}

void
mr_geo_plan_build(MrGeoPlan *plan, const MrGeoSettings *settings)
{
	memset(plan, 0, sizeof(*plan));
	(void) add_header(plan, "x-forwarded-for");
	(void) add_header(plan, "forwarded");
	for (int i = 0; i < settings->proof_count; i++)
		plan->proofs[i] = (uint8_t) add_header(plan, settings->proofs[i].header);
	for (int i = 0; i < settings->trust.count; i++)
		if (settings->trust.nets[i].provider != MR_OWN_PROXY)
			plan->with_net |= UINT32_C(1) << settings->trust.nets[i].provider;
	for (int i = 0; i < settings->provider_count; i++)
		add_provider(plan, settings, settings->providers[i]);
}

/* ---------- whom to believe ---------- */

/* In a time that does not tell where they differ. */
static bool
is_secret(MrSlice text, const char *secret)
{
	MrSlice expected = mr_slice(secret);
	unsigned differences = text.length != expected.length ? 1u : 0u;

	for (size_t i = 0; i < text.length; i++)
		differences |= (unsigned char) (text.text[i] ^ expected.text[i % expected.length]);
	return differences == 0;
}

bool
mr_geo_believes(const MrGeoPlan *plan, const MrGeoSettings *settings, const MrGeoSeen *seen,
				const MrClientWalk *walk, int provider)
{
	bool needs_net = (plan->with_net >> provider & 1) != 0;
	bool needs_proof = false;
	bool proven = false;

	for (int i = 0; i < settings->proof_count; i++)
		if (settings->proofs[i].provider == provider)
		{
			uint8_t header = plan->proofs[i];

			needs_proof = true;
			/* more than one proof: the new and the old one while they change */
			if (seen->counts[header] == 1 &&
				is_secret(seen->values[header], settings->proofs[i].value))
				proven = true;
		}
	if (needs_net && (walk->vouched >> provider & 1) == 0)
		return false;
	if (needs_proof)
		return proven;
	return needs_net || walk->peer_trusted;
}

const char *
mr_geo_duplicate(const MrGeoPlan *plan, const MrGeoSeen *seen, int provider)
{
	for (int i = 0; i < plan->rule_count; i++)
		if (plan->rules[i].provider == provider && seen->counts[plan->rules[i].header] > 1)
			return plan->names[plan->rules[i].header];
	return NULL;
}

/* ---------- what they say ---------- */

/* country_code=US,region_code=MA,... A name that is there twice spoils the whole. */
static void
read_pairs(MrSlice text, MrClientPlace *place)
{
	static const struct
	{
		const char *name;
		MrGeoField field;
	} names[] = {{"country_code", MR_GEO_COUNTRY},
				 {"region_code", MR_GEO_SUBDIVISION},
				 {"city", MR_GEO_CITY},
				 {"lat", MR_GEO_LATITUDE},
				 {"long", MR_GEO_LONGITUDE},
				 {"timezone", MR_GEO_TIME_ZONE},
				 {"continent", MR_GEO_CONTINENT}};
	unsigned known = 0;
	MrSlice pair;

	while (mr_slice_next(&text, ',', &pair))
	{
		MrSlice value = pair;
		MrSlice name;

		(void) mr_slice_next(&value, '=', &name);
		name = mr_slice_trim(name);
		if (value.text == NULL)
			continue;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		{
			if (!mr_slice_is(name, names[i].name))
				continue;
			if ((known >> i & 1) != 0)
			{
				mr_client_place_init(place);
				place->nowhere = true;
				return;
			}
			known |= 1u << i;
			if (value.length > 0)
				mr_client_place_set(place, names[i].field, value);
		}
	}
}

/* Base64, or what is under it: some of Netlify's runtimes have decoded it already. */
static void
read_base64(MrSlice text, MrGeoReadJson read_json, MrClientPlace *place)
{
	char decoded[DECODED_SIZE];
	int length;

	text = mr_slice_trim(text);
	if (read_json == NULL || text.length == 0)
		return;
	if (text.text[0] == '{')
	{
		if (text.length <= DECODED_SIZE)
			(void) read_json(text.text, text.length, place);
		return;
	}
	length = mr_decode_base64(text, decoded, sizeof(decoded));
	if (length > 0)
		(void) read_json(decoded, (size_t) length, place);
}

/* fra; fra1::iad1::x-1 begins with one; 230b030023ae2822-SJC ends with one. */
static MrSlice
edge_code(MrSlice text, int format)
{
	MrSlice rest = mr_slice_trim(text);
	MrSlice code;

	if (format == MR_GEO_RAY)
	{
		(void) mr_slice_last(&rest, '-', &code);
		return code;
	}
	(void) mr_slice_next(&rest, ':', &code);
	while (code.length > 0 && code.text[code.length - 1] >= '0' &&
		   code.text[code.length - 1] <= '9')
		code.length--;
	return code;
}

static void
read_value(const MrGeoRule *rule, MrSlice value, MrClientPlace *place)
{
	char decoded[DECODED_SIZE];
	int length;

	if (rule->format == MR_GEO_PERCENT || rule->format == MR_GEO_ESCAPED)
	{
		char mark = rule->format == MR_GEO_PERCENT ? '%' : '\\';

		if (value.length > 0 && memchr(value.text, mark, value.length) != NULL)
		{
			length = rule->format == MR_GEO_PERCENT
						 ? mr_decode_percent(value, decoded, sizeof(decoded))
						 : mr_decode_escapes(value, decoded, sizeof(decoded));
			if (length < 0)
				return;
			value.text = decoded;
			value.length = (size_t) length;
		}
	}
	else if (rule->field == MR_GEO_EDGE)
		value = edge_code(value, rule->format);
	if (rule->format == MR_GEO_PREFIXED && rule->field == MR_GEO_SUBDIVISION)
		place->prefixed = true;
	mr_client_place_set(place, (MrGeoField) rule->field, value);
}

bool
mr_geo_read_place(const MrGeoPlan *plan, const MrGeoSeen *seen, int provider,
				  MrGeoReadJson read_json, MrClientPlace *place)
{
	mr_client_place_init(place);
	for (int i = 0; i < plan->rule_count; i++)
	{
		const MrGeoRule *rule = &plan->rules[i];

		if (rule->provider != provider || seen->counts[rule->header] != 1 ||
			rule->field == MR_GEO_ADDRESS || rule->field == MR_GEO_EDGE)
			continue;
		if (rule->field != MR_GEO_RECORD)
			read_value(rule, seen->values[rule->header], place);
		else if (rule->format == MR_GEO_PAIRS)
			read_pairs(seen->values[rule->header], place);
		else
			read_base64(seen->values[rule->header], read_json, place);
	}
	return mr_client_place_finish(place);
}

bool
mr_geo_read_edge(const MrGeoPlan *plan, const MrGeoSeen *seen, int provider, MrClientPlace *place)
{
	mr_client_place_init(place);
	for (int i = 0; i < plan->rule_count; i++)
	{
		const MrGeoRule *rule = &plan->rules[i];

		if (rule->provider == provider && rule->field == MR_GEO_EDGE &&
			seen->counts[rule->header] == 1)
			read_value(rule, seen->values[rule->header], place);
	}
	return mr_client_place_finish(place);
}

/* 192.0.2.1:4711, [2001:db8::1]:4711, but also 2001:db8::1:4711, which has a port, too. */
static bool
read_with_port(MrSlice text, MrAddress *address)
{
	MrSlice rest = text;
	MrSlice port;

	if (text.length > 0 && text.text[0] == '[')
		return mr_address_parse_host(text, address);
	(void) mr_slice_last(&rest, ':', &port);
	return rest.text != NULL && mr_address_parse(rest, address);
}

bool
mr_geo_read_address(const MrGeoPlan *plan, const MrGeoSeen *seen, int provider, MrAddress *address)
{
	char decoded[DECODED_SIZE];

	memset(address, 0, sizeof(*address));
	for (int i = 0; i < plan->rule_count; i++)
	{
		const MrGeoRule *rule = &plan->rules[i];
		MrSlice value;

		if (rule->provider != provider || rule->field != MR_GEO_ADDRESS ||
			seen->counts[rule->header] != 1)
			continue;
		value = mr_slice_trim(seen->values[rule->header]);
		if (rule->format == MR_GEO_PERCENT || rule->format == MR_GEO_PORT)
		{
			int length = mr_decode_percent(value, decoded, sizeof(decoded));

			if (length < 0)
				continue;
			value.text = decoded;
			value.length = (size_t) length;
		}
		if (rule->format == MR_GEO_PORT ? read_with_port(value, address)
										: mr_address_parse_host(value, address))
			return true;
	}
	return false;
}
