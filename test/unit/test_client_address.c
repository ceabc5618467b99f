/*
 * Whose request it is: proxies that can be believed, proxies that cannot, and clients that
 * write headers themselves.
 */
#include "core/mr_client_address.h"
#include "unit/mr_unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Our own proxies are 10.0.0.0/8 and fd00::/8; provider 3 is 198.51.100.0/24. */
static const char *const own_nets[] = {"10.0.0.0/8", "fd00::/8"};
#define PROVIDER 3

typedef struct Case
{
	const char *peer;
	const char *forwarded_for; /* NULL: is not there */
	const char *forwarded;
	int hops;
	const char *address; /* "-": none */
	MrClientSource source;
	bool vouched;
} Case;

static const Case cases[] = {
	/* nobody is believed who is not known */
	{"192.0.2.1", NULL, NULL, 0, "192.0.2.1", MR_CLIENT_PEER, false},
	{"192.0.2.1", "203.0.113.5", NULL, 0, "192.0.2.1", MR_CLIENT_PEER, false},
	{"192.0.2.1", NULL, "for=203.0.113.5", 0, "192.0.2.1", MR_CLIENT_PEER, false},
	{"11.0.0.1", "203.0.113.5", NULL, 0, "11.0.0.1", MR_CLIENT_PEER, false},
	{NULL, "203.0.113.5", NULL, 0, "-", MR_CLIENT_NONE, false},
	/* one proxy: what it appended counts, what the client wrote before does not */
	{"10.0.0.1", "203.0.113.5", NULL, 0, "203.0.113.5", MR_CLIENT_FORWARDED_FOR, false},
	{"10.0.0.1", "6.6.6.6, 203.0.113.5", NULL, 0, "203.0.113.5", MR_CLIENT_FORWARDED_FOR, false},
	{"10.0.0.1", "10.0.0.2, 6.6.6.6 , 203.0.113.5", NULL, 0, "203.0.113.5", MR_CLIENT_FORWARDED_FOR,
	 false},
	{"::ffff:10.0.0.1", "6.6.6.6,203.0.113.5", NULL, 0, "203.0.113.5", MR_CLIENT_FORWARDED_FOR,
	 false},
	{"fd00::1", "2001:db8::5", NULL, 0, "2001:db8::5", MR_CLIENT_FORWARDED_FOR, false},
	{"10.0.0.1", NULL, NULL, 0, "10.0.0.1", MR_CLIENT_SILENT_PROXY, false},
	/* two and more */
	{"10.0.0.1", "6.6.6.6, 203.0.113.5, 10.0.0.2", NULL, 0, "203.0.113.5", MR_CLIENT_FORWARDED_FOR,
	 false},
	{"10.0.0.1", "203.0.113.5, 10.0.0.3:55, [fd00::9]:80", NULL, 0, "203.0.113.5",
	 MR_CLIENT_FORWARDED_FOR, false},
	{"10.0.0.1", "10.0.0.3, 10.0.0.2", NULL, 0, "10.0.0.3", MR_CLIENT_FORWARDED_FOR, false},
	/* lists may have empty items */
	{"10.0.0.1", "6.6.6.6, 203.0.113.5,, ,", NULL, 0, "203.0.113.5", MR_CLIENT_FORWARDED_FOR,
	 false},
	{"10.0.0.1", "", NULL, 0, "10.0.0.1", MR_CLIENT_FORWARDED_FOR, false},
	/* what cannot be read ends the way; nothing to its left is believed */
	{"10.0.0.1", "203.0.113.5, unknown", NULL, 0, "10.0.0.1", MR_CLIENT_UNREADABLE, false},
	{"10.0.0.1", "203.0.113.5, 999.1.1.1, 10.0.0.2", NULL, 0, "10.0.0.1", MR_CLIENT_UNREADABLE,
	 false},
	{"10.0.0.1", "203.0.113.5, _x, 192.0.2.7", NULL, 0, "192.0.2.7", MR_CLIENT_FORWARDED_FOR,
	 false},
	/* a number of hops */
	{"192.0.2.1", "6.6.6.6, 203.0.113.5", NULL, 1, "203.0.113.5", MR_CLIENT_FORWARDED_FOR, false},
	{"192.0.2.1", "6.6.6.6, 203.0.113.5, 192.0.2.2", NULL, 2, "203.0.113.5",
	 MR_CLIENT_FORWARDED_FOR, false},
	{NULL, "6.6.6.6, 203.0.113.5", NULL, 1, "203.0.113.5", MR_CLIENT_FORWARDED_FOR, false},
	{NULL, NULL, NULL, 1, "-", MR_CLIENT_SILENT_PROXY, false},
	{"192.0.2.1", "203.0.113.5, unknown", NULL, 5, "192.0.2.1", MR_CLIENT_UNREADABLE, false},
	{"192.0.2.1", "203.0.113.5", NULL, 5, "203.0.113.5", MR_CLIENT_FORWARDED_FOR, false},
	/* Forwarded */
	{"10.0.0.1", NULL, "for=203.0.113.5", 0, "203.0.113.5", MR_CLIENT_FORWARDED, false},
	{"10.0.0.1", NULL, "For=\"203.0.113.5:4711\";proto=https;by=10.0.0.9", 0, "203.0.113.5",
	 MR_CLIENT_FORWARDED, false},
	{"10.0.0.1", NULL, "proto=https; for=\"[2001:db8::5]:4711\" ;host=x", 0, "2001:db8::5",
	 MR_CLIENT_FORWARDED, false},
	{"10.0.0.1", NULL, "for=6.6.6.6, for=203.0.113.5, for=10.0.0.2", 0, "203.0.113.5",
	 MR_CLIENT_FORWARDED, false},
	{"10.0.0.1", NULL, "for=203.0.113.5, for=unknown", 0, "10.0.0.1", MR_CLIENT_UNREADABLE, false},
	{"10.0.0.1", NULL, "for=203.0.113.5, for=_hidden, for=10.0.0.2", 0, "10.0.0.1",
	 MR_CLIENT_UNREADABLE, false},
	{"10.0.0.1", NULL, "for=203.0.113.5, proto=https", 0, "10.0.0.1", MR_CLIENT_UNREADABLE, false},
	{"10.0.0.1", NULL, "for=6.6.6.6;for=203.0.113.5", 0, "10.0.0.1", MR_CLIENT_UNREADABLE, false},
	{"10.0.0.1", NULL, "for=\"203.0.113.5", 0, "10.0.0.1", MR_CLIENT_UNREADABLE, false},
	{"10.0.0.1", NULL, "for=\"203.0.113.5\\", 0, "10.0.0.1", MR_CLIENT_UNREADABLE, false},
	{"10.0.0.1", NULL, "for=\"203.0.113\\.5\"", 0, "10.0.0.1", MR_CLIENT_UNREADABLE, false},
	{"10.0.0.1", NULL, "203.0.113.5", 0, "10.0.0.1", MR_CLIENT_UNREADABLE, false},
	{"10.0.0.1", NULL, "for=6.6.6.6 for=203.0.113.5", 0, "10.0.0.1", MR_CLIENT_UNREADABLE, false},
	/* a comma within quotes is none: the client cannot add an element that way */
	{"10.0.0.1", NULL, "for=6.6.6.6;x=\",for=10.0.0.2\", for=203.0.113.5", 0, "203.0.113.5",
	 MR_CLIENT_FORWARDED, false},
	{"10.0.0.1", NULL, "for=203.0.113.5,,", 0, "203.0.113.5", MR_CLIENT_FORWARDED, false},
	/* both */
	{"10.0.0.1", "6.6.6.6, 203.0.113.5", "for=203.0.113.5", 0, "203.0.113.5",
	 MR_CLIENT_FORWARDED_FOR, false},
	{"10.0.0.1", "203.0.113.5", "for=6.6.6.6", 0, "10.0.0.1", MR_CLIENT_DISAGREEMENT, false},
	{"10.0.0.1", "203.0.113.5", "for=unknown", 0, "10.0.0.1", MR_CLIENT_DISAGREEMENT, false},
	{"10.0.0.1", "203.0.113.5", "", 0, "10.0.0.1", MR_CLIENT_DISAGREEMENT, false},
	/* a provider's network */
	{"198.51.100.1", NULL, NULL, 0, "198.51.100.1", MR_CLIENT_SILENT_PROXY, true},
	{"198.51.100.1", "203.0.113.5", NULL, 0, "203.0.113.5", MR_CLIENT_FORWARDED_FOR, true},
	{"10.0.0.1", "203.0.113.5, 198.51.100.1", NULL, 0, "203.0.113.5", MR_CLIENT_FORWARDED_FOR,
	 true},
	{"10.0.0.1", "203.0.113.5, 198.51.100.1, 10.0.0.2", NULL, 0, "203.0.113.5",
	 MR_CLIENT_FORWARDED_FOR, true},
	{"10.0.0.1", "203.0.113.5, 198.51.100.1, 192.0.2.9", NULL, 0, "192.0.2.9",
	 MR_CLIENT_FORWARDED_FOR, false},
	{"192.0.2.9", "203.0.113.5, 198.51.100.1", NULL, 0, "192.0.2.9", MR_CLIENT_PEER, false},
	{"198.51.100.1", "203.0.113.5", "for=6.6.6.6", 0, "198.51.100.1", MR_CLIENT_DISAGREEMENT, true},
	{"10.0.0.1", "203.0.113.5, 198.51.100.1", "for=6.6.6.6", 0, "10.0.0.1", MR_CLIENT_DISAGREEMENT,
	 false},
};

static const char *
show(const MrAddress *address)
{
	static char text[INET6_ADDRSTRLEN];

	if (address->family == 0)
		return "-";
	return inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, text, sizeof(text));
}

static void
walk(const Case *one, MrClientWalk *result)
{
	MrTrustedNet nets[3];
	MrTrust trust = {one->hops, 3, nets};
	MrHops forwarded_for = {0};
	MrHops forwarded = {0};
	MrAddress peer = {0, {0}};

	for (int i = 0; i < 2; i++)
	{
		MR_CHECK(mr_cidr_parse(mr_slice(own_nets[i]), &nets[i].cidr) == NULL);
		nets[i].provider = MR_OWN_PROXY;
	}
	MR_CHECK(mr_cidr_parse(mr_slice("198.51.100.0/24"), &nets[2].cidr) == NULL);
	nets[2].provider = PROVIDER;
	if (one->peer != NULL)
		MR_CHECK(mr_address_parse(mr_slice(one->peer), &peer));
	if (one->forwarded_for != NULL)
		mr_hops_add_forwarded_for(&forwarded_for, mr_slice(one->forwarded_for));
	if (one->forwarded != NULL)
		mr_hops_add_forwarded(&forwarded, mr_slice(one->forwarded));
	mr_client_walk(&peer, &forwarded_for, &forwarded, &trust, result);
}

MR_TEST(ways)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MrClientWalk result;

		mr_unit_about("case %d: peer %s, X-Forwarded-For: %s, Forwarded: %s", (int) i,
					  cases[i].peer ? cases[i].peer : "-",
					  cases[i].forwarded_for ? cases[i].forwarded_for : "-",
					  cases[i].forwarded ? cases[i].forwarded : "-");
		walk(&cases[i], &result);
		MR_CHECK_STRING(show(&result.address), cases[i].address);
		MR_CHECK_INT(result.source, cases[i].source);
		MR_CHECK_INT(result.vouched, cases[i].vouched ? 1 << PROVIDER : 0);
		MR_CHECK_INT(result.trusted, cases[i].source == MR_CLIENT_PEER ||
										 cases[i].source == MR_CLIENT_FORWARDED_FOR ||
										 cases[i].source == MR_CLIENT_FORWARDED);
	}
}

/* More than can be kept are cut off at the far end, where the client could have written them. */
MR_TEST(very_many_hops)
{
	char text[4000];
	Case one = {"10.0.0.1", text, NULL, 0, "", MR_CLIENT_NONE, false};
	MrClientWalk result;
	int length = 0;

	for (int i = 0; i < 100; i++)
		length += snprintf(text + length, sizeof(text) - (size_t) length, "7.7.7.7, ");
	snprintf(text + length, sizeof(text) - (size_t) length, "203.0.113.5, 10.0.0.2");
	walk(&one, &result);
	MR_CHECK_STRING(show(&result.address), "203.0.113.5");
	/* all of them proxies: then nobody knows */
	length = 0;
	for (int i = 0; i < 100; i++)
		length += snprintf(text + length, sizeof(text) - (size_t) length, "10.0.0.2, ");
	walk(&one, &result);
	MR_CHECK_INT(result.source, MR_CLIENT_UNREADABLE);
}

MR_TEST(fields_of_their_own_are_one_list)
{
	MrHops hops = {0};

	/* the last one first */
	mr_hops_add_forwarded_for(&hops, mr_slice("203.0.113.5, 10.0.0.2"));
	mr_hops_add_forwarded_for(&hops, mr_slice("6.6.6.6"));
	MR_REQUIRE(hops.count == 3);
	MR_CHECK_STRING(show(&hops.hops[0]), "10.0.0.2");
	MR_CHECK_STRING(show(&hops.hops[2]), "6.6.6.6");
	memset(&hops, 0, sizeof(hops));
	mr_hops_add_forwarded(&hops, mr_slice("for=203.0.113.5, for=10.0.0.2"));
	mr_hops_add_forwarded(&hops, mr_slice("for=6.6.6.6"));
	MR_REQUIRE(hops.count == 3);
	MR_CHECK_STRING(show(&hops.hops[0]), "10.0.0.2");
	MR_CHECK_STRING(show(&hops.hops[2]), "6.6.6.6");
}

MR_TEST(notes)
{
	MR_CHECK_STRING(mr_client_source_note(MR_CLIENT_DISAGREEMENT),
					"X-Forwarded-For and Forwarded disagree");
	MR_CHECK_STRING(mr_client_source_note(-1), "?");
	MR_CHECK_STRING(mr_client_source_note(MR_CLIENT_SOURCE_COUNT), "?");
}
