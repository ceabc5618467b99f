/*
 * Names to addresses (adapters/resolver.c). Goal: numbers are their own address, the
 * address in use is kept while it is right, and a failure is a reason, not an address.
 * Only names that no name server has to be asked for.
 */
#include "adapters/mr_resolver.h"
#include "unit/mr_unit.h"

#include <string.h>

MR_TEST(a_number_is_its_own_address)
{
	char address[MR_HOSTADDR_SIZE];

	mr_resolver_be_brief();
	MR_CHECK_STRING(mr_resolver_look_up("192.0.2.17", "", address), NULL);
	MR_CHECK_STRING(address, "192.0.2.17");
	MR_CHECK_STRING(mr_resolver_look_up("2001:db8::1", "192.0.2.17", address), NULL);
	MR_CHECK_STRING(address, "2001:db8::1");
}

MR_TEST(the_local_host_has_an_address_that_is_kept)
{
	char first[MR_HOSTADDR_SIZE];
	char second[MR_HOSTADDR_SIZE];

	MR_REQUIRE(mr_resolver_look_up("localhost", "", first) == NULL);
	MR_CHECK(strcmp(first, "127.0.0.1") == 0 || strcmp(first, "::1") == 0);
	MR_REQUIRE(mr_resolver_look_up("localhost", first, second) == NULL);
	MR_CHECK_STRING(second, first);

	/* One that the name never had is replaced. */
	MR_REQUIRE(mr_resolver_look_up("localhost", "192.0.2.17", second) == NULL);
	MR_CHECK_STRING(second, first);
}

MR_TEST(a_name_that_cannot_be_is_a_reason)
{
	char name[301];
	char address[MR_HOSTADDR_SIZE] = "untouched";
	const char *problem;

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	problem = mr_resolver_look_up(name, "", address);
	MR_REQUIRE(problem != NULL);
	MR_CHECK(problem[0] != '\0');
	MR_CHECK_STRING(address, "untouched");
}
