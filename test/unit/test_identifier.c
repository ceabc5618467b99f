/*
 * Names: what may enter the catalog, so that it can stand anywhere later.
 */
#include "core/mr_identifier.h"
#include "unit/mr_unit.h"

#include <string.h>

#define SIXTY_THREE "A23456789012345678901234567890123456789012345678901234567890123"

MR_TEST(region_keys)
{
	static const char *const bad[] = {"",        "us_east",  "1US",   "_US",          "US-EAST",
									  "US EAST", "US'EAST",  "US\"E", "US\\E",        "US\nEAST",
									  "ÜS",      "US;DROP_", "US.E",  SIXTY_THREE "4"};
	size_t i;

	MR_CHECK(mr_region_key_problem("US_EAST") == NULL);
	MR_CHECK(mr_region_key_problem("E") == NULL);
	MR_CHECK(mr_region_key_problem(SIXTY_THREE) == NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		mr_unit_about("'%s'", bad[i]);
		MR_CHECK(mr_region_key_problem(bad[i]) != NULL);
	}
}

MR_TEST(region_ids)
{
	static const char *const bad[] = {"", "US-EAST-1", "-us", "us_east", "us east", "us'1"};
	size_t i;

	MR_CHECK(mr_region_id_problem("us-east-1") == NULL);
	MR_CHECK(mr_region_id_problem("1") == NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		mr_unit_about("'%s'", bad[i]);
		MR_CHECK(mr_region_id_problem(bad[i]) != NULL);
	}
}

MR_TEST(node_names)
{
	static const char *const bad[] = {"",    "-a",  ".a", "_a",           "a b",
									  "a/b", "a'b", "é",  SIXTY_THREE "4"};
	size_t i;

	MR_CHECK(mr_node_name_problem("us-east-1-a") == NULL);
	MR_CHECK(mr_node_name_problem("Node_1.example") == NULL);
	MR_CHECK(mr_node_name_problem(SIXTY_THREE) == NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		mr_unit_about("'%s'", bad[i]);
		MR_CHECK(mr_node_name_problem(bad[i]) != NULL);
	}
}

MR_TEST(tenants_and_labels)
{
	char longest[MR_TENANT_SIZE + 1];

	memset(longest, 'x', sizeof(longest));
	longest[MR_TENANT_SIZE] = '\0';
	MR_CHECK(mr_tenant_problem(longest) != NULL);
	longest[MR_TENANT_SIZE - 1] = '\0';
	MR_CHECK(mr_tenant_problem(longest) == NULL);
	MR_CHECK(mr_tenant_problem("acme's \"best\" Ünïcode tenant") == NULL);
	MR_CHECK(mr_tenant_problem("") != NULL);
	MR_CHECK(mr_tenant_problem("a\tb") != NULL);
	MR_CHECK(mr_label_problem("US East (N. Virginia)") == NULL);
	MR_CHECK(mr_label_problem("") != NULL);
	MR_CHECK(mr_label_problem("a\x7f") != NULL);
	MR_CHECK(mr_label_problem(longest) != NULL);
}

MR_TEST(endpoints)
{
	static const char *const bad[] = {"",
									  "ftp://example.org",
									  "example.org",
									  "https://",
									  "https:///path",
									  "https://user:secret@example.org/",
									  "https://user@example.org",
									  "https://example.org/a b",
									  "https://example.org/\"",
									  "https://example.org/<script>",
									  "HTTPS://example.org"};
	size_t i;

	MR_CHECK(mr_endpoint_problem("https://us-east.example.org") == NULL);
	MR_CHECK(mr_endpoint_problem("http://localhost:3001") == NULL);
	MR_CHECK(mr_endpoint_problem("https://[2001:db8::1]:8443/api?x=a@b") == NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		mr_unit_about("'%s'", bad[i]);
		MR_CHECK(mr_endpoint_problem(bad[i]) != NULL);
	}
}

MR_TEST(case_is_changed_for_ascii_only_and_nothing_is_cut)
{
	char out[8];

	MR_CHECK(mr_text_upper("us-1é", out, sizeof(out)));
	MR_CHECK_STRING(out, "US-1é");
	MR_CHECK(mr_text_lower("US_eAST", out, sizeof(out)));
	MR_CHECK_STRING(out, "us_east");
	MR_CHECK(!mr_text_lower("US_EAST_", out, sizeof(out)));
	MR_CHECK_STRING(out, "");
	MR_CHECK(!mr_text_upper("us_east_", out, sizeof(out)));
	MR_CHECK_STRING(out, "");
}
