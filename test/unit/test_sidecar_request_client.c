/*
 * The address of a client as the database can read it. (Headers are tested over HTTP, by
 * test/sidecar/150_route.pl.)
 */
#include "sidecar/mr_request_client.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/request_client.c"

MR_TEST(an_address_has_no_zone)
{
	static const struct
	{
		const char *client;
		const char *address;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"}, {"2001:db8::1", "2001:db8::1"}, {"fe80::1%eth0", "fe80::1"},
		{"fe80::1%1", "fe80::1"},   {MR_CLIENT_LOCAL, ""},          {"", ""},
	};
	MrRequest request;
	char address[64];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		memset(&request, 0, sizeof(request));
		snprintf(request.client, sizeof(request.client), "%s", cases[i].client);
		mr_request_client_address(&request, address, sizeof(address));
		MR_CHECK_STRING(address, cases[i].address);
	}
}
