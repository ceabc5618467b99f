/*
 * What each provider's headers say, in the form in which it really writes them; and what is
 * said wrongly, twice, or by somebody who cannot be believed.
 */
#include "adapters/mr_geo_json.h"
#include "core/mr_geo_headers.h"
#include "core/mr_geo_settings.h"
#include "unit/mr_unit.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_HEADERS 12

typedef struct Case
{
	int provider;
	const char *headers[MAX_HEADERS]; /* name, value, name, value ... */
	const char *place;   /* country/subdivision/continent/city/lat,long/zone; "-": not known */
	const char *address; /* "-": none */
} Case;

static const char netlify_json[] =
	"{\"city\":\"San Francisco\",\"country\":{\"code\":\"US\",\"name\":\"United States\"},"
	"\"subdivision\":{\"code\":\"CA\",\"name\":\"California\"},\"timezone\":\"America/"
	"Los_Angeles\","
	"\"latitude\":37.7749,\"longitude\":-122.4194}";

#define NETLIFY_BASE64 \
	"eyJjaXR5IjoiU2FuIEZyYW5jaXNjbyIsImNvdW50cnkiOnsiY29kZSI6IlVTIiwibmFtZSI6IlVuaXRlZCBTdGF0ZXMi" \
	"fSwi" \
	"c3ViZGl2aXNpb24iOnsiY29kZSI6IkNBIiwibmFtZSI6IkNhbGlmb3JuaWEifSwidGltZXpvbmUiOiJBbWVyaWNhL0xv" \
	"c19B" \
	"bmdlbGVzIiwibGF0aXR1ZGUiOjM3Ljc3NDksImxvbmdpdHVkZSI6LTEyMi40MTk0fQ=="

static const Case cases[] = {
	{MR_GEO_CLOUDFLARE,
	 {"CF-IPCountry", "BR", "cf-region-code", "SP", "cf-ipcontinent", "SA", "cf-ipcity",
	  "S\\u00c3\\u00a3o Paulo", "cf-iplatitude", "-23.5475", "cf-iplongitude", "-46.63611"},
	 "BR/SP/SA/S\xC3\xA3o Paulo/-23.55,-46.64/",
	 "-"},
	{MR_GEO_CLOUDFLARE,
	 {"cf-ipcountry", "DE", "cf-timezone", "Europe/Berlin", "CF-Connecting-IP", "2001:db8::5"},
	 "DE//EU//-/Europe/Berlin",
	 "2001:db8::5"},
	{MR_GEO_CLOUDFLARE, {"cf-ipcountry", "XX"}, "-", "-"},
	{MR_GEO_CLOUDFLARE,
	 {"cf-ipcountry", "T1", "cf-iplatitude", "52.5", "cf-iplongitude", "13.4"},
	 "-",
	 "-"},
	{MR_GEO_CLOUDFLARE, {"cf-ipcity", "Tbilisi"}, "-", "-"},
	{MR_GEO_CLOUDFLARE, {"cf-ipcountry", "JP", "cf-ipcity", "\\ud800"}, "JP//AS//-/", "-"},
	{MR_GEO_CLOUDFLARE,
	 {"cf-ipcountry", "DE", "cf-iplatitude", "91", "cf-iplongitude", "13.4"},
	 "DE//EU//-/",
	 "-"},
	{MR_GEO_CLOUDFLARE, {"cf-ipcountry", "DE", "cf-iplatitude", "52.5"}, "DE//EU//-/", "-"},
	{MR_GEO_CLOUDFLARE,
	 {"cf-ipcountry", "DE", "cf-iplatitude", "0.0", "cf-iplongitude", "0"},
	 "DE//EU//-/",
	 "-"},
	{MR_GEO_CLOUDFLARE,
	 {"cf-ipcountry", "DE", "cf-connecting-ip", "1.2.3.4, 5.6.7.8"},
	 "DE//EU//-/",
	 "-"},
	{MR_GEO_CLOUDFLARE, {"cf-ipcountry", "US, DE"}, "-", "-"},
	{MR_GEO_CLOUDFRONT,
	 {"CloudFront-Viewer-Country", "IN", "CloudFront-Viewer-Country-Region", "MH",
	  "CloudFront-Viewer-City", "Z%C3%BCrich", "CloudFront-Viewer-Latitude", "19.07480",
	  "CloudFront-Viewer-Longitude", "72.88560", "CloudFront-Viewer-Time-Zone", "Asia/Kolkata"},
	 "IN/MH/AS/Z\xC3\xBCrich/19.07,72.89/Asia/Kolkata",
	 "-"},
	{MR_GEO_CLOUDFRONT,
	 {"cloudfront-viewer-country", "US", "cloudfront-viewer-time-zone", "America%2FNew_York"},
	 "US//NA//-/America/New_York",
	 "-"},
	{MR_GEO_CLOUDFRONT,
	 {"cloudfront-viewer-city", "%", "cloudfront-viewer-country", "US"},
	 "US//NA//-/",
	 "-"},
	{MR_GEO_CLOUDFRONT, {"cloudfront-viewer-address", "198.51.100.10:46532"}, "-", "198.51.100.10"},
	{MR_GEO_CLOUDFRONT, {"cloudfront-viewer-address", "2001:db8::5:46532"}, "-", "2001:db8::5"},
	{MR_GEO_CLOUDFRONT, {"cloudfront-viewer-address", "[2001:db8::5]:46532"}, "-", "2001:db8::5"},
	{MR_GEO_CLOUDFRONT,
	 {"cloudfront-viewer-address", "%5B2001%3Adb8%3A%3A5%5D%3A46532"},
	 "-",
	 "2001:db8::5"},
	{MR_GEO_CLOUDFRONT, {"cloudfront-viewer-address", "198.51.100.10"}, "-", "-"},
	{MR_GEO_FASTLY,
	 {"Fastly-Geo-Country", "SE", "Fastly-Client-IP", "203.0.113.5"},
	 "SE//EU//-/",
	 "203.0.113.5"},
	{MR_GEO_FASTLY,
	 {"fastly-geoip-country-code", "se", "fastly-geo-city", "malmo", "fastly-geo-latitude", "999.9",
	  "fastly-geo-longitude", "999.9"},
	 "SE//EU/malmo/-/",
	 "-"},
	{MR_GEO_FASTLY, {"x-fastly-country-code", "?"}, "-", "-"},
	{MR_GEO_AKAMAI,
	 {"X-Akamai-Edgescape",
	  "georegion=263,country_code=US,region_code=MA,city=CAMBRIDGE,dma=506,pmsa=1120,msa=1122,"
	  "areacode=617,"
	  "county=MIDDLESEX,fips=25017,lat=42.3933,long=-71.1333,timezone=EST,zip=02138-02142+02238-"
	  "02239,"
	  "continent=NA,throughput=vhigh,bw=5000,asnum=21399,location_id=0",
	  "True-Client-IP", "203.0.113.5"},
	 "US/MA/NA/CAMBRIDGE/42.39,-71.13/",
	 "203.0.113.5"},
	{MR_GEO_AKAMAI,
	 {"x-akamai-edgescape", "georegion=,country_code=,region_code=,city=,lat=,long="},
	 "-",
	 "-"},
	{MR_GEO_AKAMAI,
	 {"x-akamai-edgescape", "country_code=AU,timezone=GMT+10,lat=-33.88,long=151.22"},
	 "AU//OC//-33.88,151.22/",
	 "-"},
	{MR_GEO_AKAMAI, {"x-akamai-edgescape", "country_code=US,country_code=DE"}, "-", "-"},
	{MR_GEO_AKAMAI, {"x-akamai-edgescape", ",,=,country_code,==US"}, "-", "-"},
	{MR_GEO_AKAMAI, {"x-akamai-edgescape", "country_code=eu"}, "-", "-"},
	{MR_GEO_VERCEL,
	 {"x-vercel-ip-country", "US", "x-vercel-ip-country-region", "CA", "x-vercel-ip-city",
	  "San%20Francisco", "x-vercel-ip-latitude", "37.7749", "x-vercel-ip-longitude", "-122.4194",
	  "x-vercel-ip-timezone", "America/Los_Angeles"},
	 "US/CA/NA/San Francisco/37.77,-122.42/America/Los_Angeles",
	 "-"},
	{MR_GEO_VERCEL, {"x-real-ip", "203.0.113.5"}, "-", "203.0.113.5"},
	{MR_GEO_VERCEL,
	 {"x-real-ip", "6.6.6.6", "x-vercel-forwarded-for", "203.0.113.5"},
	 "-",
	 "203.0.113.5"},
	{MR_GEO_NETLIFY,
	 {"x-nf-geo", NETLIFY_BASE64, "x-country", "US", "x-nf-client-connection-ip", "2001:db8::5"},
	 "US/CA/NA/San Francisco/37.77,-122.42/America/Los_Angeles",
	 "2001:db8::5"},
	{MR_GEO_NETLIFY,
	 {"x-nf-geo", netlify_json},
	 "US/CA/NA/San Francisco/37.77,-122.42/America/Los_Angeles",
	 "-"},
	{MR_GEO_NETLIFY, {"x-nf-geo", "e30=", "x-country", "FR"}, "FR//EU//-/", "-"},
	{MR_GEO_NETLIFY,
	 {"x-nf-geo", "{\"country\":{\"code\":\"US\"},\"country\":{\"code\":\"DE\"}}"},
	 "-",
	 "-"},
	{MR_GEO_NETLIFY, {"x-nf-geo", "{\"country\":\"US\",\"latitude\":\"x\"}"}, "-", "-"},
	{MR_GEO_NETLIFY,
	 {"x-nf-geo", "{\"country\":{\"code\":\"DE\"},\"city\":\"a\\u0000b\"}"},
	 "-",
	 "-"},
	{MR_GEO_NETLIFY,
	 {"x-nf-geo", "{\"country\":{\"code\":7},\"latitude\":1,\"longitude\":2}"},
	 "///"
	 "/1.00,2.00/",
	 "-"},
	{MR_GEO_NETLIFY, {"x-nf-geo", "bm90IGpzb24="}, "-", "-"},
	{MR_GEO_NETLIFY, {"x-nf-geo", "***"}, "-", "-"},
	{MR_GEO_NETLIFY, {"x-nf-geo", ""}, "-", "-"},
	{MR_GEO_FLY, {"Fly-Region", "fra", "Fly-Client-IP", "203.0.113.5"}, "-", "203.0.113.5"},
	{MR_GEO_GOOGLE,
	 {"x-client-region", "US", "x-client-region-subdivision", "USCA", "x-client-city",
	  "Mountain View", "x-client-city-lat-long", "37.386051,-122.083851"},
	 "US/CA/NA/Mountain View/37.39,-122.08/",
	 "-"},
	{MR_GEO_GOOGLE,
	 {"x-client-region", "AT", "x-client-region-subdivision", "at9"},
	 "AT/9/EU//-/",
	 "-"},
	{MR_GEO_GOOGLE,
	 {"x-client-region", "DE", "x-client-region-subdivision", "USCA"},
	 "DE//EU//-/",
	 "-"},
	{MR_GEO_GOOGLE, {"x-client-region", "ZZ"}, "-", "-"},
	{MR_GEO_APP_ENGINE,
	 {"X-Appengine-Country", "FR", "X-Appengine-Region", "idf", "X-Appengine-City", "paris",
	  "X-Appengine-CityLatLong", "48.856614,2.352222", "X-Appengine-User-IP", "203.0.113.5"},
	 "FR/IDF/EU/paris/48.86,2.35/",
	 "203.0.113.5"},
	{MR_GEO_APP_ENGINE,
	 {"x-appengine-country", "ZZ", "x-appengine-city", "?", "x-appengine-citylatlong",
	  "0.000000,0.000000"},
	 "-",
	 "-"},
	{MR_GEO_APP_ENGINE,
	 {"x-appengine-country", "FR", "x-appengine-city", "?", "x-appengine-citylatlong",
	  "0.000000,0.000000"},
	 "FR//EU//-/",
	 "-"},
	{MR_GEO_AZURE,
	 {"x-azure-geo-country", "NL", "X-Azure-SocketIP", "203.0.113.5", "X-Azure-ClientIP",
	  "6.6.6.6"},
	 "NL//EU//-/",
	 "203.0.113.5"},
	{MR_GEO_NGINX,
	 {"GeoIP-Country-Code", "GB", "GeoIP-Region", "ENG", "X-City", "London", "X-Latitude", "51.5",
	  "X-Longitude", "-0.12"},
	 "GB/ENG/EU/London/51.50,-0.12/",
	 "-"},
	{MR_GEO_NGINX, {"x-country-code", "UK"}, "GB//EU//-/", "-"},
	{MR_GEO_NGINX, {"x-country-code", "A1", "x-geo-country", "GB"}, "GB//EU//-/", "-"},
	{MR_GEO_NGINX,
	 {"x-geo-country", "GB", "x-client-lat-long", "51.5,-0.12", "x-real-ip", "203.0.113.5"},
	 "GB//EU//51.50,-0.12/",
	 "203.0.113.5"},
	{MR_GEO_CUSTOM, {"cf-ipcountry", "DE"}, "-", "-"},
};

static MrGeoPlan plan;
static MrGeoSeen seen;
static int8_t provider_list[MR_GEO_PROVIDER_COUNT];
static MrGeoChange changes[MR_GEO_MAX_CHANGES];
static MrGeoProof proofs[MR_GEO_MAX_PROOFS];
static MrTrustedNet nets[MR_MAX_TRUSTED_NETS];

static MrGeoSettings
prepare(const char *providers, const char *headers, const char *proof, const char *trusted)
{
	MrGeoSettings settings = {0};
	char problem[MR_PROBLEM_SIZE];

	settings.provider_count = mr_geo_parse_providers(providers, provider_list, problem);
	settings.providers = provider_list;
	settings.change_count = mr_geo_parse_headers(headers, changes, problem);
	settings.changes = changes;
	settings.proof_count = mr_geo_parse_proofs(proof, proofs, problem);
	settings.proofs = proofs;
	settings.trust.count = mr_geo_parse_trusted(trusted, nets, problem);
	settings.trust.nets = nets;
	MR_CHECK(settings.provider_count >= 0 && settings.change_count >= 0 &&
			 settings.proof_count >= 0 && settings.trust.count >= 0);
	mr_geo_plan_build(&plan, &settings);
	memset(&seen, 0, sizeof(seen));
	return settings;
}

static void
see(const char *name, const char *value)
{
	int header = mr_geo_plan_find(&plan, mr_slice(name));

	if (header < 0)
		return;
	seen.values[header] = mr_slice(value);
	seen.counts[header]++;
}

static const char *
show(bool known, const MrClientPlace *place)
{
	static char text[512];
	char degrees[40] = "-";

	if (!known)
		return "-";
	if (!isnan(place->place.latitude))
		snprintf(degrees, sizeof(degrees), "%.2f,%.2f", place->place.latitude,
				 place->place.longitude);
	snprintf(text, sizeof(text), "%s/%s/%s/%s/%s/%s", place->country, place->subdivision,
			 place->continent, place->city, degrees, place->time_zone);
	return text;
}

static const char *
show_address(bool known, const MrAddress *address)
{
	static char text[INET6_ADDRSTRLEN];

	return known ? inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, text,
							 sizeof(text))
				 : "-";
}

MR_TEST(each_provider)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MrClientPlace place;
		MrAddress address;
		bool known;

		(void) prepare(mr_geo_provider_name(cases[i].provider), "", "", "");
		for (int h = 0; h + 1 < MAX_HEADERS && cases[i].headers[h] != NULL; h += 2)
			see(cases[i].headers[h], cases[i].headers[h + 1]);
		mr_unit_about("case %d, %s: %s", (int) i, mr_geo_provider_name(cases[i].provider),
					  cases[i].headers[1]);
		known = mr_geo_read_place(&plan, &seen, cases[i].provider, mr_geo_json_read, &place);
		MR_CHECK_STRING(show(known, &place), cases[i].place);
		known = mr_geo_read_address(&plan, &seen, cases[i].provider, &address);
		MR_CHECK_STRING(show_address(known, &address), cases[i].address);
	}
}

MR_TEST(edges_of_providers)
{
	static const struct
	{
		int provider;
		const char *header;
		const char *value;
		const char *expected;
	} edges[] = {{MR_GEO_FLY, "fly-region", "fra", "50.00,8.60"},
				 {MR_GEO_FLY, "fly-region", "xxx", "-"},
				 {MR_GEO_CLOUDFLARE, "cf-ray", "230b030023ae2822-SJC", "37.40,-121.90"},
				 {MR_GEO_CLOUDFLARE, "cf-ray", "230b030023ae2822", "-"},
				 {MR_GEO_VERCEL, "x-vercel-id", "iad1::fra1::x-123", "38.90,-77.50"},
				 {MR_GEO_VERCEL, "x-vercel-id", "1::", "-"}};

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
	{
		MrClientPlace place;
		char text[40] = "-";

		(void) prepare(mr_geo_provider_name(edges[i].provider), "", "", "");
		see(edges[i].header, edges[i].value);
		mr_unit_about("%s: %s", edges[i].header, edges[i].value);
		if (mr_geo_read_edge(&plan, &seen, edges[i].provider, &place))
			snprintf(text, sizeof(text), "%.2f,%.2f", place.place.latitude, place.place.longitude);
		MR_CHECK_STRING(text, edges[i].expected);
		MR_CHECK(place.country[0] == '\0');
	}
}

/* Every name of the list is found, in any case, and leads to its own rule. */
MR_TEST(all_headers_are_found)
{
	MrGeoSettings settings = {0};
	char problem[MR_PROBLEM_SIZE];
	int rules = 0;

	settings.provider_count =
		mr_geo_parse_providers("cloudflare cloudfront fastly akamai vercel netlify fly google "
							   "app_engine azure nginx custom",
							   provider_list, problem);
	MR_CHECK_INT(settings.provider_count, MR_GEO_PROVIDER_COUNT);
	settings.providers = provider_list;
	mr_geo_plan_build(&plan, &settings);
#define CHECK(provider, field, format, name) \
	rules++; \
	mr_unit_about("%s", name); \
	MR_CHECK(mr_geo_plan_find(&plan, mr_slice(name)) >= MR_HEADER_FIRST_GEO);
	MR_GEO_HEADER_LIST(CHECK)
	MR_CHECK_INT(plan.rule_count, rules);
	MR_CHECK_INT(mr_geo_plan_find(&plan, mr_slice("X-FORWARDED-FOR")), MR_HEADER_FORWARDED_FOR);
	MR_CHECK_INT(mr_geo_plan_find(&plan, mr_slice("Forwarded")), MR_HEADER_FORWARDED);
	MR_CHECK_INT(mr_geo_plan_find(&plan, mr_slice("")), -1);
	MR_CHECK_INT(mr_geo_plan_find(&plan, mr_slice("host")), -1);
}

MR_TEST(names_of_ones_own_replace_the_usual_ones_of_that_field)
{
	MrClientPlace place;

	(void) prepare("google, custom",
				   "google.country=X-Land, country=x-c google.city=x-town:percent", "", "");
	see("x-client-region", "DE");
	see("x-land", "FR");
	see("x-town", "Orl%C3%A9ans");
	see("x-client-region-subdivision", "FR45");
	MR_CHECK_STRING(show(mr_geo_read_place(&plan, &seen, MR_GEO_GOOGLE, NULL, &place), &place),
					"FR/45/EU/Orl\xC3\xA9"
					"ans/-/");
	MR_CHECK(!mr_geo_read_place(&plan, &seen, MR_GEO_CUSTOM, NULL, &place));
	(void) prepare("google", "google.country=X-Land", "", "");
	see("x-client-region", "DE");
	MR_CHECK(!mr_geo_read_place(&plan, &seen, MR_GEO_GOOGLE, NULL, &place));
}

MR_TEST(what_is_there_twice)
{
	(void) prepare("cloudflare akamai", "", "", "");
	see("cf-ipcountry", "DE");
	MR_CHECK(mr_geo_duplicate(&plan, &seen, MR_GEO_CLOUDFLARE) == NULL);
	see("CF-IPCountry", "DE");
	MR_CHECK_STRING(mr_geo_duplicate(&plan, &seen, MR_GEO_CLOUDFLARE), "cf-ipcountry");
	MR_CHECK(mr_geo_duplicate(&plan, &seen, MR_GEO_AKAMAI) == NULL);
}

/* Nothing, own proxy, network, proof, and each of them wrong. */
MR_TEST(whom_to_believe)
{
	static const struct
	{
		const char *trusted;
		const char *proof;
		bool peer_trusted;
		bool vouched;
		const char *secret;
		bool believed;
	} beliefs[] = {
		{"", "", false, false, NULL, false},
		{"10.0.0.0/8", "", true, false, NULL, true},
		{"10.0.0.0/8", "", false, false, NULL, false},
		/* another provider's network says nothing of this one */
		{"10.0.0.0/8, fastly=192.0.2.0/24", "", true, false, NULL, true},
		{"10.0.0.0/8, cloudflare=192.0.2.0/24", "", true, false, NULL, false},
		{"10.0.0.0/8, cloudflare=192.0.2.0/24", "", true, true, NULL, true},
		{"cloudflare=192.0.2.0/24", "", false, true, NULL, true},
		{"", "cloudflare=x-s:abc", false, false, "abc", true},
		{"", "cloudflare=x-s:abc", false, false, "abd", false},
		{"", "cloudflare=x-s:abc", false, false, "ab", false},
		{"", "cloudflare=x-s:abc", false, false, "abcabc", false},
		{"", "cloudflare=x-s:abc", false, false, "", false},
		{"10.0.0.0/8", "cloudflare=x-s:abc", true, false, NULL, false},
		{"10.0.0.0/8", "fastly=x-s:abc", true, false, NULL, true},
		{"", "cloudflare=x-s:abc cloudflare=x-s:new", false, false, "new", true},
		{"cloudflare=192.0.2.0/24", "cloudflare=x-s:abc", false, true, "abc", true},
		{"cloudflare=192.0.2.0/24", "cloudflare=x-s:abc", false, false, "abc", false},
		{"cloudflare=192.0.2.0/24", "cloudflare=x-s:abc", false, true, "x", false},
	};

	for (size_t i = 0; i < sizeof(beliefs) / sizeof(beliefs[0]); i++)
	{
		MrGeoSettings settings = prepare("cloudflare", "", beliefs[i].proof, beliefs[i].trusted);
		MrClientWalk walk = {0};

		walk.peer_trusted = beliefs[i].peer_trusted;
		walk.vouched = beliefs[i].vouched ? 1u << MR_GEO_CLOUDFLARE : 0;
		if (beliefs[i].secret != NULL)
			see("x-s", beliefs[i].secret);
		mr_unit_about("case %d", (int) i);
		MR_CHECK_INT(mr_geo_believes(&plan, &settings, &seen, &walk, MR_GEO_CLOUDFLARE),
					 beliefs[i].believed);
	}
	/* a proof that is there twice is none */
	{
		MrGeoSettings settings = prepare("cloudflare", "", "cloudflare=x-s:abc", "");
		MrClientWalk walk = {0};

		see("x-s", "guess");
		see("X-S", "abc");
		MR_CHECK(!mr_geo_believes(&plan, &settings, &seen, &walk, MR_GEO_CLOUDFLARE));
	}
}
