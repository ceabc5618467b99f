/*
 * Addresses and networks of IP, from text. No look-up of names, no port numbers kept.
 */
#ifndef MR_CIDR_H
#define MR_CIDR_H

#include "core/mr_slice.h"

/* An address. One of IPv4 within IPv6 (::ffff:192.0.2.1) is one of IPv4. */
typedef struct MrAddress
{
	uint8_t family;    /* 4, 6; 0 is none */
	uint8_t bytes[16]; /* of IPv4 the first four; the rest is zero */
} MrAddress;

/* A network. */
typedef struct MrCidr
{
	MrAddress base;
	uint8_t bits; /* how many of the first bits count */
} MrCidr;

/* An address as inet_pton() takes it. False, with family 0, for all else. */
extern bool mr_address_parse(MrSlice text, MrAddress *address);

/*
 * An address as it stands in headers: also in brackets, with a port, with a zone
 * (192.0.2.1:80, [2001:db8::1]:4711, fe80::1%eth0). False for all else, names too.
 */
extern bool mr_address_parse_host(MrSlice text, MrAddress *address);

/* An address of 4 or 16 bytes; one of IPv4 within IPv6 becomes one of IPv4. */
extern MrAddress mr_address_from_bytes(const uint8_t *bytes, int family);

/* Whether two addresses are the same; two that are none are. */
extern bool mr_address_equal(const MrAddress *a, const MrAddress *b);

/* A network, 192.0.2.0/24, or a single address. NULL, or what is wrong with it. */
extern const char *mr_cidr_parse(MrSlice text, MrCidr *cidr);

/* Whether an address is in a network; never for none. */
extern bool mr_cidr_contains(const MrCidr *cidr, const MrAddress *address);

#endif /* MR_CIDR_H */
