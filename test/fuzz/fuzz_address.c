/*
 * libFuzzer: any bytes as an address, which must be read as inet_pton() reads it, and as
 * X-Forwarded-For and Forwarded: whatever they hold, a client is never found beyond the
 * first address that is not trusted. Run by test/fuzz/run.sh.
 */
#include "core/mr_client_address.h"
#include "fuzz/mr_fuzz.h"

#include <arpa/inet.h>
#include <string.h>

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const seeds[] = {
		"[2001:db8::1]:4711", "::ffff:192.0.2.1", "6.6.6.6, 203.0.113.5, 10.0.0.2",
		"for=6.6.6.6;proto=https, for=\"[2001:db8::5]:47\";by=10.0.0.1, for=_x",
		"cloudflare=10.0.0.0/8 2001:db8::/32"};

	(void) argc;
	(void) argv;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
	{
		char name[20];

		snprintf(name, sizeof(name), "address-%d", (int) i);
		mr_fuzz_seed(name, seeds[i], strlen(seeds[i]));
	}
	return 0;
}

static void
check_address(const char *text)
{
	uint8_t bytes[16];
	MrAddress address;
	MrAddress again;
	bool four = inet_pton(AF_INET, text, bytes) == 1;
	bool six = !four && inet_pton(AF_INET6, text, bytes) == 1;

	if (mr_address_parse(mr_slice(text), &address) != (four || six))
		abort();
	if (!four && !six)
		return;
	again = mr_address_from_bytes(bytes, four ? 4 : 6);
	if (!mr_address_equal(&address, &again))
		abort();
	if (!mr_address_parse_host(mr_slice(text), &again) || !mr_address_equal(&address, &again))
		abort();
}

static void
check_walk(const MrHops *forwarded_for, const MrHops *forwarded)
{
	MrTrustedNet nets[2] = {{{{4, {10}}, 8}, MR_OWN_PROXY}, {{{4, {127}}, 8}, 2}};
	MrTrust trust = {0, 2, nets};
	MrAddress peer = {4, {192, 0, 2, 1}};
	MrClientWalk walk;

	/* A stranger is whom we see. */
	mr_client_walk(&peer, forwarded_for, forwarded, &trust, &walk);
	if (!mr_address_equal(&walk.address, &peer) || walk.source != MR_CLIENT_PEER ||
		walk.vouched != 0)
		abort();
	/* A proxy's client is the first that is none. */
	peer.bytes[0] = 10;
	mr_client_walk(&peer, forwarded_for, forwarded, &trust, &walk);
	if (walk.source != MR_CLIENT_FORWARDED_FOR || forwarded->present)
		return;
	for (int i = 0; i < forwarded_for->count; i++)
	{
		const MrAddress *hop = &forwarded_for->hops[i];

		if (hop->family == 4 && (hop->bytes[0] == 10 || hop->bytes[0] == 127))
			continue;
		if (!mr_address_equal(&walk.address, hop))
			abort();
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	MrHops forwarded_for = {0};
	MrHops forwarded = {0};
	MrHops none = {0};
	MrSlice slice = {text, size};
	MrAddress address;
	MrCidr cidr;

	memcpy(text, data, size);
	text[size] = '\0';
	if (memchr(text, '\0', size) == NULL)
		check_address(text);
	(void) mr_address_parse_host(slice, &address);
	(void) mr_cidr_parse(slice, &cidr);
	mr_hops_add_forwarded_for(&forwarded_for, slice);
	mr_hops_add_forwarded(&forwarded, slice);
	check_walk(&forwarded_for, &none);
	check_walk(&none, &forwarded);
	check_walk(&forwarded_for, &forwarded);
	free(text);
	return 0;
}
