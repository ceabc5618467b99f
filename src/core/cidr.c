/*
 * Addresses and networks from text; see mr_cidr.h. The core has no sockets, so this reads
 * what inet_pton() reads, and a fuzzer holds the two against each other. Called by
 * client_address.c and by the settings of trusted proxies.
 */
#include "core/mr_cidr.h"

#include <string.h>

#define GROUPS 8

/* Dotted decimal, four numbers without leading zeros. */
static bool
parse_4(MrSlice text, uint8_t bytes[4])
{
	int count = 0;
	int digits = 0;
	int value = 0;

	for (size_t i = 0; i <= text.length; i++)
	{
		char c = i < text.length ? text.text[i] : '.';

		if (c == '.')
		{
			if (digits == 0 || count == 4)
				return false;
			bytes[count++] = (uint8_t) value;
			digits = value = 0;
		}
		else if (c >= '0' && c <= '9' && !(digits > 0 && value == 0))
		{
			value = value * 10 + (c - '0');
			digits++;
			if (value > 255)
				return false;
		}
		else
			return false;
	}
	return count == 4;
}

/* One group of up to four hexadecimal digits at *at. */
static bool
take_group(MrSlice text, size_t *at, uint8_t out[2])
{
	size_t begin = *at;
	int value = 0;

	while (*at < text.length && mr_hex_digit(text.text[*at]) >= 0)
	{
		if (*at - begin == 4)
			return false;
		value = value * 16 + mr_hex_digit(text.text[(*at)++]);
	}
	out[0] = (uint8_t) (value >> 8);
	out[1] = (uint8_t) value;
	return *at > begin;
}

/* Whether the rest is an IPv4 address, which may end one of IPv6. */
static bool
take_tail(MrSlice text, size_t at, uint8_t out[4])
{
	MrSlice rest = {text.text + at, text.length - at};

	return memchr(rest.text, '.', rest.length) != NULL &&
		   memchr(rest.text, ':', rest.length) == NULL && parse_4(rest, out);
}

static bool
parse_6(MrSlice text, uint8_t bytes[16])
{
	uint8_t read[16] = {0};
	size_t at = 0;
	int groups = 0;
	int gap = -1; /* before which group "::" stands */
	int missing;

	if (text.length >= 2 && text.text[0] == ':' && text.text[1] == ':')
	{
		gap = 0;
		at = 2;
	}
	while (at < text.length)
	{
		if (groups <= GROUPS - 2 && take_tail(text, at, read + 2 * groups))
		{
			groups += 2;
			break;
		}
		if (groups == GROUPS || !take_group(text, &at, read + 2 * groups))
			return false;
		groups++;
		if (at == text.length)
			break;
		if (text.text[at++] != ':' || at == text.length)
			return false;
		if (text.text[at] == ':')
		{
			if (gap >= 0)
				return false;
			gap = groups;
			at++;
		}
	}
	missing = GROUPS - groups;
	if (gap < 0 ? missing != 0 : missing < 1)
		return false;
	if (gap < 0)
		gap = groups;
	memset(bytes, 0, 16);
	memcpy(bytes, read, 2 * (size_t) gap);
	memcpy(bytes + 2 * (gap + missing), read + 2 * gap, 2 * (size_t) (groups - gap));
	return true;
}

MrAddress
mr_address_from_bytes(const uint8_t *bytes, int family)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	MrAddress address = {(uint8_t) family, {0}};

	if (family == 6 && memcmp(bytes, mapped, sizeof(mapped)) == 0)
	{
		address.family = 4;
		bytes += sizeof(mapped);
	}
	memcpy(address.bytes, bytes, address.family == 4 ? 4 : 16);
	return address;
}

bool
mr_address_parse(MrSlice text, MrAddress *address)
{
	uint8_t bytes[16];

	memset(address, 0, sizeof(*address));
	if (text.length == 0)
		return false;
	if (parse_4(text, bytes))
		*address = mr_address_from_bytes(bytes, 4);
	else if (parse_6(text, bytes))
		*address = mr_address_from_bytes(bytes, 6);
	return address->family != 0;
}

static bool
is_port(MrSlice text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.text[i] < '0' || text.text[i] > '9')
			return false;
	return text.length > 0 && text.length <= 5;
}

/* Without a zone: it means something on the machine that wrote it only. */
static MrSlice
without_zone(MrSlice text)
{
	const char *zone = text.length > 0 ? memchr(text.text, '%', text.length) : NULL;

	if (zone != NULL && zone + 1 < text.text + text.length)
		text.length = (size_t) (zone - text.text);
	return text;
}

bool
mr_address_parse_host(MrSlice text, MrAddress *address)
{
	MrSlice port = {NULL, 0};
	const char *colon;
	const char *end;

	memset(address, 0, sizeof(*address));
	if (text.length == 0)
		return false;
	if (text.text[0] == '[')
	{
		end = memchr(text.text, ']', text.length);
		if (end == NULL)
			return false;
		port.text = end + 1;
		port.length = (size_t) (text.text + text.length - port.text);
		text.text++;
		text.length = (size_t) (end - text.text);
		if (port.length > 0)
		{
			if (*port.text++ != ':')
				return false;
			port.length--;
			if (!is_port(port))
				return false;
		}
		return memchr(text.text, ':', text.length) != NULL &&
			   mr_address_parse(without_zone(text), address);
	}
	colon = memchr(text.text, ':', text.length);
	if (colon != NULL && memchr(text.text, '.', (size_t) (colon - text.text)) != NULL)
	{
		port.text = colon + 1;
		port.length = (size_t) (text.text + text.length - port.text);
		if (!is_port(port))
			return false;
		text.length = (size_t) (colon - text.text);
	}
	return mr_address_parse(colon != NULL ? without_zone(text) : text, address);
}

bool
mr_address_equal(const MrAddress *a, const MrAddress *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Whether the first bits are those of base. */
static bool
begins_with(const uint8_t *bytes, const MrCidr *cidr)
{
	int whole = cidr->bits / 8;
	int rest = cidr->bits % 8;

	if (memcmp(bytes, cidr->base.bytes, (size_t) whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ cidr->base.bytes[whole]) >> (8 - rest)) == 0;
}

bool
mr_cidr_contains(const MrCidr *cidr, const MrAddress *address)
{
	return address->family != 0 && address->family == cidr->base.family &&
		   begins_with(address->bytes, cidr);
}

/* Whether the bits that do not count are zero. */
static bool
is_base(const MrCidr *cidr)
{
	int length = cidr->base.family == 4 ? 4 : 16;

	for (int bit = cidr->bits; bit < 8 * length; bit++)
		if ((cidr->base.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return false;
	return true;
}

const char *
mr_cidr_parse(MrSlice text, MrCidr *cidr)
{
	MrSlice rest = text;
	MrSlice address;
	int bits = 0;
	int width;

	(void) mr_slice_next(&rest, '/', &address);
	if (!mr_address_parse(address, &cidr->base))
		return "it is neither an address nor a network like 192.0.2.0/24.";
	width = cidr->base.family == 4 ? 32 : 128;
	cidr->bits = (uint8_t) width;
	if (rest.text == NULL)
		return NULL;
	if (rest.length > 3 || !is_port(rest))
		return "what follows the slash must be a number of bits.";
	for (size_t i = 0; i < rest.length; i++)
		bits = bits * 10 + (rest.text[i] - '0');
	/* written as ::ffff:192.0.2.0/120 */
	if (cidr->base.family == 4 && memchr(address.text, ':', address.length) != NULL)
		bits -= 96;
	if (bits < 0 || bits > width)
		return "an address has not that many bits.";
	cidr->bits = (uint8_t) bits;
	return is_base(cidr) ? NULL : "it has bits set that do not belong to the network.";
}
