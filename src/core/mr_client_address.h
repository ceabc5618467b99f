/*
 * Whose request this is: the way it took, as proxies tell it, and how far they can be
 * believed.
 *
 * A client can write any header. What counts is what the nearest proxy, whom we know, has
 * put at the right end; one step further to the left is believed only if that proxy names
 * somebody whom we know, too.
 */
#ifndef MR_CLIENT_ADDRESS_H
#define MR_CLIENT_ADDRESS_H

#include "core/mr_cidr.h"

#define MR_MAX_HOPS 32
#define MR_MAX_TRUSTED_NETS 512
#define MR_OWN_PROXY (-1)

/* The addresses of one kind of header, the nearest first; family 0 for one not understood. */
typedef struct MrHops
{
	bool present;
	bool broken; /* cannot be read at all */
	int count;   /* more than MR_MAX_HOPS are cut off at the far end */
	MrAddress hops[MR_MAX_HOPS];
} MrHops;

/* Adds the field values of X-Forwarded-For, and of Forwarded (RFC 7239): the last one first. */
extern void mr_hops_add_forwarded_for(MrHops *hops, MrSlice field);
extern void mr_hops_add_forwarded(MrHops *hops, MrSlice field);

/* A network of proxies: our own ones, or those of a provider (its number). */
typedef struct MrTrustedNet
{
	MrCidr cidr;
	int8_t provider; /* MR_OWN_PROXY: vouches for every provider */
} MrTrustedNet;

typedef struct MrTrust
{
	int hops; /* so many addresses, the peer's included, are proxies whatever they are */
	int count;
	const MrTrustedNet *nets;
} MrTrust;

/* How an address was found: X(symbol, note), the note empty when all is well. */
#define MR_CLIENT_SOURCE_LIST(X) \
	X(MR_CLIENT_NONE, "") \
	X(MR_CLIENT_PEER, "") \
	X(MR_CLIENT_SILENT_PROXY, "") \
	X(MR_CLIENT_FORWARDED_FOR, "") \
	X(MR_CLIENT_FORWARDED, "") \
	X(MR_CLIENT_DISAGREEMENT, "X-Forwarded-For and Forwarded disagree") \
	X(MR_CLIENT_UNREADABLE, "a trusted proxy names no address")

#define MR_CLIENT_SOURCE_ENUM(symbol, note) symbol,
typedef enum MrClientSource
{
	MR_CLIENT_SOURCE_LIST(MR_CLIENT_SOURCE_ENUM) MR_CLIENT_SOURCE_COUNT
} MrClientSource;

/* The note of a source; "?" for a number outside the list. */
extern const char *mr_client_source_note(int source);

typedef struct MrClientWalk
{
	MrClientSource source;
	MrAddress address; /* the client's, or the peer's where the source says so */
	bool trusted;      /* the address is the client's */
	bool peer_trusted; /* the peer is one of our proxies (not a provider's) */
	uint32_t vouched;  /* bit per provider: the request came to us from its network */
} MrClientWalk;

/*
 * Walks from the peer (family 0: unknown) towards the client and stops at the first address
 * that is no trusted proxy. Where it cannot go on, it falls back to the peer, never to what
 * stands further to the left.
 */
extern void mr_client_walk(const MrAddress *peer, const MrHops *forwarded_for,
						   const MrHops *forwarded, const MrTrust *trust, MrClientWalk *walk);

#endif /* MR_CLIENT_ADDRESS_H */
