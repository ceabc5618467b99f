/*
 * Settings about clients' whereabouts: what is taken, what is refused and with which words.
 */
#include "core/mr_geo_settings.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

static char problem[MR_PROBLEM_SIZE];

/* The item so many times, with a blank between. */
static const char *
repeat(const char *item, int count)
{
	static char text[16000];
	size_t length = 0;

	for (int i = 0; i < count; i++)
		length += (size_t) snprintf(text + length, sizeof(text) - length, "%s ", item);
	return text;
}

MR_TEST(providers)
{
	int8_t out[MR_GEO_PROVIDER_COUNT];

	MR_CHECK_INT(mr_geo_parse_providers("", out, problem), 0);
	MR_CHECK_INT(mr_geo_parse_providers(" ,\n", out, problem), 0);
	MR_CHECK_INT(mr_geo_parse_providers("fly, CloudFlare\tnginx", out, problem), 3);
	MR_CHECK_INT(out[0], MR_GEO_FLY);
	MR_CHECK_INT(out[1], MR_GEO_CLOUDFLARE);
	MR_CHECK_INT(mr_geo_parse_providers("fly fly", out, problem), -1);
	MR_CHECK_STRING(problem, "\"fly\": the provider is there twice.");
	MR_CHECK_INT(mr_geo_parse_providers("flyy", out, problem), -1);
	MR_CHECK_STRING(problem, "\"flyy\": there is no such provider.");
	MR_CHECK_STRING(mr_geo_provider_name(-1), "?");
	MR_CHECK_STRING(mr_geo_provider_name(MR_GEO_PROVIDER_COUNT), "?");
}

MR_TEST(headers)
{
	static const char *const wrong[] = {"x",
										"country=",
										"=x",
										"country=x:",
										"country=x:y",
										"a.country=x",
										".country=x",
										"fly.=x",
										"country=x y",
										"country=x/",
										"city=x:port",
										"edge=x:plain",
										"record=x:plain",
										"client_address=x:prefixed",
										"country=\xC3\xA4"};
	MrGeoChange out[MR_GEO_MAX_CHANGES];
	char name[MR_HEADER_SIZE + 20];

	MR_CHECK_INT(
		mr_geo_parse_headers(
			"country=X-C, fly.edge=r:ray record=g client_address=a:port subdivision=s:prefixed",
			out, problem),
		5);
	MR_CHECK_INT(out[0].provider, MR_GEO_CUSTOM);
	MR_CHECK_STRING(out[0].header, "x-c");
	MR_CHECK_INT(out[1].provider, MR_GEO_FLY);
	MR_CHECK_INT(out[1].format, MR_GEO_RAY);
	MR_CHECK_INT(out[2].format, MR_GEO_BASE64);
	MR_CHECK_INT(out[3].format, MR_GEO_PORT);
	MR_CHECK_INT(out[4].format, MR_GEO_PREFIXED);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		mr_unit_about("\"%s\"", wrong[i]);
		MR_CHECK_INT(mr_geo_parse_headers(wrong[i], out, problem), -1);
	}
	MR_CHECK_INT(mr_geo_parse_headers(repeat("country=x", MR_GEO_MAX_CHANGES), out, problem),
				 MR_GEO_MAX_CHANGES);
	MR_CHECK_INT(mr_geo_parse_headers(repeat("country=x", MR_GEO_MAX_CHANGES + 1), out, problem),
				 -1);
	snprintf(name, sizeof(name), "country=%0*d", MR_HEADER_SIZE - 1, 7);
	MR_CHECK_INT(mr_geo_parse_headers(name, out, problem), 1);
	snprintf(name, sizeof(name), "country=%0*d", MR_HEADER_SIZE, 7);
	MR_CHECK_INT(mr_geo_parse_headers(name, out, problem), -1);
}

/* Whatever is wrong, no secret is repeated. */
MR_TEST(proofs_tell_no_secret)
{
	static const char *const wrong[] = {"SECRET", "fly=SECRET", "nobody=x:SECRET", "fly=x y:SECRET",
										"fly=:SECRET"};
	MrGeoProof out[MR_GEO_MAX_PROOFS];
	char text[300];

	MR_CHECK_INT(mr_geo_parse_proofs("fly=X-Secret:a=b:c", out, problem), 1);
	MR_CHECK_STRING(out[0].header, "x-secret");
	MR_CHECK_STRING(out[0].value, "a=b:c");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		mr_unit_about("\"%s\": %s", wrong[i], problem);
		MR_CHECK_INT(mr_geo_parse_proofs(wrong[i], out, problem), -1);
		MR_CHECK(strstr(problem, "SECRET") == NULL);
	}
	MR_CHECK_INT(mr_geo_parse_proofs("fly=x:", out, problem), -1);
	snprintf(text, sizeof(text), "fly=x:%0*d", MR_PROOF_SIZE - 1, 7);
	MR_CHECK_INT(mr_geo_parse_proofs(text, out, problem), 1);
	snprintf(text, sizeof(text), "fly=x:%0*d", MR_PROOF_SIZE, 7);
	MR_CHECK_INT(mr_geo_parse_proofs(text, out, problem), -1);
}

MR_TEST(networks)
{
	static MrTrustedNet out[MR_MAX_TRUSTED_NETS];

	MR_CHECK_INT(mr_geo_parse_trusted("10.0.0.0/8, fly=2001:db8::/32\n192.0.2.1", out, problem), 3);
	MR_CHECK_INT(out[0].provider, MR_OWN_PROXY);
	MR_CHECK_INT(out[1].provider, MR_GEO_FLY);
	MR_CHECK_INT(out[2].cidr.bits, 32);
	MR_CHECK_INT(mr_geo_parse_trusted("nobody=10.0.0.0/8", out, problem), -1);
	MR_CHECK_INT(mr_geo_parse_trusted("fly=", out, problem), -1);
	MR_CHECK_INT(mr_geo_parse_trusted("localhost", out, problem), -1);
	MR_CHECK_STRING(problem,
					"\"localhost\": it is neither an address nor a network like 192.0.2.0/24.");
	MR_CHECK_INT(mr_geo_parse_trusted(repeat("10.0.0.0/8", MR_MAX_TRUSTED_NETS), out, problem),
				 MR_MAX_TRUSTED_NETS);
	MR_CHECK_INT(mr_geo_parse_trusted(repeat("10.0.0.0/8", MR_MAX_TRUSTED_NETS + 1), out, problem),
				 -1);
}
