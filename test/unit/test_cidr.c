/*
 * Addresses and networks from text: what inet_pton() reads, what stands in headers, and
 * nothing else.
 */
#include "core/mr_cidr.h"
#include "unit/mr_unit.h"

#include <arpa/inet.h>
#include <string.h>

/* The address as text; "-" for none. */
static const char *
show(const MrAddress *address)
{
	static char text[INET6_ADDRSTRLEN];

	if (address->family == 0)
		return "-";
	return inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, text, sizeof(text));
}

MR_TEST(plain_addresses_are_those_of_inet_pton)
{
	static const char *const texts[] = {
		"192.0.2.1",
		"0.0.0.0",
		"255.255.255.255",
		"256.0.0.1",
		"1.2.3",
		"1.2.3.4.5",
		"01.2.3.4",
		"1.2.3.04",
		"1.2.3.4 ",
		"1..3.4",
		".1.2.3",
		"1.2.3.",
		"0x1.2.3.4",
		"1.2.3.-4",
		"::",
		"::1",
		"1::",
		":1",
		"1:",
		":::",
		"1:::2",
		"1::2::3",
		"2001:db8::1",
		"2001:DB8::a",
		"1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7::",
		"::2:3:4:5:6:7:8",
		"1:2:3:4::5:6:7:8",
		"12345::",
		"::g",
		"::192.0.2.1",
		"64:ff9b::1.2.3.4",
		"1:2:3:4:5:6:1.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3",
		"::1.2.3.4.5",
		"1.2.3.4::",
		"::1.2.3.4:5",
		"2001:db8::1%eth0",
		"",
		"localhost",
		"1",
		"::ffff:0:1.2.3.4",
		"fe80::1:2:3:4",
		"::0.0.0.0",
		"1:2:3:4:5:6:7:",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		MrAddress address;
		uint8_t bytes[16];
		bool four = inet_pton(AF_INET, texts[i], bytes) == 1;
		bool six = !four && inet_pton(AF_INET6, texts[i], bytes) == 1;
		bool parsed = mr_address_parse(mr_slice(texts[i]), &address);

		mr_unit_about("\"%s\"", texts[i]);
		MR_CHECK_INT(parsed, four || six);
		if (four || six)
		{
			MR_CHECK_INT(address.family, four ? 4 : 6);
			MR_CHECK(memcmp(address.bytes, bytes, four ? 4 : 16) == 0);
		}
	}
}

MR_TEST(an_address_of_ipv4_within_ipv6_is_one_of_ipv4)
{
	MrAddress address;

	MR_CHECK(mr_address_parse(mr_slice("::ffff:192.0.2.1"), &address));
	MR_CHECK_STRING(show(&address), "192.0.2.1");
	MR_CHECK(mr_address_parse(mr_slice("::ffff:c000:201"), &address));
	MR_CHECK_STRING(show(&address), "192.0.2.1");
}

MR_TEST(addresses_as_headers_write_them)
{
	static const struct
	{
		const char *text;
		const char *expected;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1:80", "192.0.2.1"},
		{"192.0.2.1:65535", "192.0.2.1"},
		{"192.0.2.1:", "-"},
		{"192.0.2.1:x", "-"},
		{"192.0.2.1:123456", "-"},
		{"192.0.2.1:80:80", "-"},
		{"[192.0.2.1]", "-"},
		{"[2001:db8::1]", "2001:db8::1"},
		{"[2001:db8::1]:4711", "2001:db8::1"},
		{"[2001:db8::1]4711", "-"},
		{"[2001:db8::1]:", "-"},
		{"[2001:db8::1", "-"},
		{"2001:db8::1]", "-"},
		{"[]", "-"},
		{"[", "-"},
		{"", "-"},
		{"2001:db8::1", "2001:db8::1"},
		{"fe80::1%eth0", "fe80::1"},
		{"[fe80::1%25eth0]:80", "fe80::1"},
		{"fe80::1%", "-"},
		{"192.0.2.1%eth0", "-"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"[::ffff:192.0.2.1]:80", "192.0.2.1"},
		{"unknown", "-"},
		{"_hidden", "-"},
		{"example.com", "-"},
		{"example.com:80", "-"},
		{"192.0.2.1, 192.0.2.2", "-"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MrAddress address;

		mr_unit_about("\"%s\"", cases[i].text);
		(void) mr_address_parse_host(mr_slice(cases[i].text), &address);
		MR_CHECK_STRING(show(&address), cases[i].expected);
	}
}

static bool
contains(const char *net, const char *text)
{
	MrAddress address;
	MrCidr cidr;

	return mr_cidr_parse(mr_slice(net), &cidr) == NULL &&
		   mr_address_parse(mr_slice(text), &address) && mr_cidr_contains(&cidr, &address);
}

MR_TEST(networks)
{
	MrAddress none = {0, {0}};
	MrCidr all;

	MR_CHECK(contains("10.0.0.0/8", "10.255.0.1"));
	MR_CHECK(!contains("10.0.0.0/8", "11.0.0.1"));
	MR_CHECK(contains("192.0.2.128/25", "192.0.2.255"));
	MR_CHECK(!contains("192.0.2.128/25", "192.0.2.127"));
	MR_CHECK(contains("192.0.2.1", "192.0.2.1"));
	MR_CHECK(!contains("192.0.2.1", "192.0.2.2"));
	MR_CHECK(contains("0.0.0.0/0", "1.2.3.4"));
	MR_CHECK(!contains("0.0.0.0/0", "::1"));
	MR_CHECK(!contains("::/0", "1.2.3.4"));
	MR_CHECK(contains("2001:db8::/33", "2001:db8:7fff::1"));
	MR_CHECK(!contains("2001:db8::/33", "2001:db8:8000::1"));
	MR_CHECK(contains("::1/128", "::1"));
	/* by another name */
	MR_CHECK(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
	MR_CHECK(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
	MR_CHECK(mr_cidr_parse(mr_slice("0.0.0.0/0"), &all) == NULL);
	MR_CHECK(!mr_cidr_contains(&all, &none));
}

MR_TEST(what_is_no_network)
{
	static const char *const texts[] = {
		"",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/8x",
		"10.0.0.1/8",
		"2001::/129",
		"2001:db8::1/64",
		"10.0.0.0/8/8",
		"10/8",
		"::ffff:10.0.0.0/8",
		"10.0.0.0/00000008",
	};
	MrCidr cidr;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		mr_unit_about("\"%s\"", texts[i]);
		MR_CHECK(mr_cidr_parse(mr_slice(texts[i]), &cidr) != NULL);
	}
}
