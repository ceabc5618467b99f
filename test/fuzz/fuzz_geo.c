/*
 * libFuzzer: any bytes as the headers of a request, one "name: value" a line, asked by every
 * provider; what comes out is in its range. And as the settings. Run by test/fuzz/run.sh.
 */
#include "adapters/mr_geo_json.h"
#include "core/mr_countries.h"
#include "core/mr_decode.h"
#include "core/mr_geo.h"
#include "core/mr_geo_headers.h"
#include "core/mr_geo_settings.h"
#include "fuzz/mr_fuzz.h"

#include <math.h>
#include <string.h>

static int8_t providers[MR_GEO_PROVIDER_COUNT];
static MrGeoSettings settings;
static MrGeoPlan plan;

#define SEED(provider, field, format, name) name ": US\n"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char all[] = MR_GEO_HEADER_LIST(SEED);
	static const char akamai[] =
		"x-akamai-edgescape: "
		"country_code=US,region_code=MA,city=X,lat=42.3,long=-71.1,timezone=EST\n"
		"x-forwarded-for: 1.2.3.4\ncf-ipcity: S\\u00c3\\u00a3o\ncloudfront-viewer-city: "
		"Z%C3%BCrich\n"
		"x-nf-geo: {\"country\":{\"code\":\"US\"},\"latitude\":1.5,\"longitude\":2}\n"
		"cloudfront-viewer-address: [::1]:80\nx-client-city-lat-long: 1.5,2\ncf-ray: 1-SJC\n";
	static const char list[] =
		"country=x-c, google.city=x:percent cloudflare=x-s:secret 10.0.0.0/8 fly=::/0 nginx";

	(void) argc;
	(void) argv;
	for (int i = 0; i < MR_GEO_PROVIDER_COUNT; i++)
		providers[i] = (int8_t) i;
	settings.provider_count = MR_GEO_PROVIDER_COUNT;
	settings.providers = providers;
	mr_geo_plan_build(&plan, &settings);
	mr_fuzz_seed("geo-all", all, strlen(all));
	mr_fuzz_seed("geo-akamai", akamai, strlen(akamai));
	mr_fuzz_seed("geo-settings", list, strlen(list));
	return 0;
}

static void
check_place(const MrClientPlace *place)
{
	if (place->country[0] != '\0' && mr_country_find(mr_slice(place->country)) == NULL)
		abort();
	if (!isnan(place->place.latitude) &&
		!mr_geo_is_place(place->place.latitude, place->place.longitude))
		abort();
	if (isnan(place->place.latitude) != isnan(place->place.longitude))
		abort();
	if (!mr_text_is_clean(place->city, strlen(place->city)) || strlen(place->subdivision) > 3)
		abort();
}

static void
check_settings(const char *text)
{
	static MrTrustedNet nets[MR_MAX_TRUSTED_NETS];
	static MrGeoChange changes[MR_GEO_MAX_CHANGES];
	static MrGeoProof proofs[MR_GEO_MAX_PROOFS];
	static MrGeoPlan other;
	char problem[MR_PROBLEM_SIZE];
	int8_t list[MR_GEO_PROVIDER_COUNT];
	MrGeoSettings some = settings;

	(void) mr_geo_parse_providers(text, list, problem);
	(void) mr_geo_parse_trusted(text, nets, problem);
	some.change_count = mr_geo_parse_headers(text, changes, problem);
	some.changes = changes;
	some.proof_count = mr_geo_parse_proofs(text, proofs, problem);
	some.proofs = proofs;
	if (some.change_count > 0 || some.proof_count > 0)
	{
		some.change_count = some.change_count > 0 ? some.change_count : 0;
		some.proof_count = some.proof_count > 0 ? some.proof_count : 0;
		mr_geo_plan_build(&other, &some);
	}
}

static void
see(MrGeoSeen *seen, MrSlice line)
{
	MrSlice name;
	int header;

	(void) mr_slice_next(&line, ':', &name);
	header = mr_geo_plan_find(&plan, mr_slice_trim(name));
	if (header < 0 || line.text == NULL)
		return;
	seen->values[header] = mr_slice_trim(line);
	if (seen->counts[header] < 2)
		seen->counts[header]++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *out = malloc(size + 1);
	MrSlice slice = {text, size};
	MrSlice rest = slice;
	MrSlice line;
	MrGeoSeen seen = {0};

	memcpy(text, data, size);
	text[size] = '\0';
	if (memchr(text, '\0', size) == NULL)
		check_settings(text);
	(void) mr_decode_percent(slice, out, size);
	(void) mr_decode_base64(slice, out, size);
	(void) mr_decode_escapes(slice, out, size);
	while (mr_slice_next(&rest, '\n', &line))
		see(&seen, line);
	for (int provider = 0; provider < MR_GEO_PROVIDER_COUNT; provider++)
	{
		MrClientPlace place;
		MrAddress address;

		if (mr_geo_read_place(&plan, &seen, provider, mr_geo_json_read, &place))
			check_place(&place);
		if (mr_geo_read_edge(&plan, &seen, provider, &place))
			check_place(&place);
		(void) mr_geo_read_address(&plan, &seen, provider, &address);
		(void) mr_geo_duplicate(&plan, &seen, provider);
	}
	free(text);
	free(out);
	return 0;
}
