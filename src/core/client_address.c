/*
 * The way of a request through proxies; see mr_client_address.h.
 *
 * Never believes anything to the left of an address that is not trusted or not understood.
 * Called by the SQL functions on headers (extension/routing/geo.c).
 */
#include "core/mr_client_address.h"

#include <string.h>

#define SOURCE_NOTE(symbol, note) note,

static const char *const notes[] = {MR_CLIENT_SOURCE_LIST(SOURCE_NOTE)};

const char *
mr_client_source_note(int source)
{
	return source >= 0 && source < MR_CLIENT_SOURCE_COUNT ? notes[source] : "?";
}

/* ---------- the headers ---------- */

static void
add_hop(MrHops *hops, MrSlice text)
{
	if (hops->count < MR_MAX_HOPS)
		(void) mr_address_parse_host(text, &hops->hops[hops->count++]);
}

void
mr_hops_add_forwarded_for(MrHops *hops, MrSlice field)
{
	MrSlice item;

	hops->present = true;
	while (hops->count < MR_MAX_HOPS && mr_slice_last(&field, ',', &item))
	{
		item = mr_slice_trim(item);
		if (item.length > 0) /* lists may have empty items */
			add_hop(hops, item);
	}
}

static bool
is_token(char c)
{
	return (unsigned char) c > 0x20 && c != 0x7f && strchr("\",;=", c) == NULL;
}

static char
peek(MrSlice text)
{
	return text.length > 0 ? text.text[0] : '\0';
}

static void
skip(MrSlice *text, size_t length)
{
	text->text += length;
	text->length -= length;
}

static MrSlice
take_token(MrSlice *text)
{
	MrSlice token = {text->text, 0};

	while (token.length < text->length && is_token(token.text[token.length]))
		token.length++;
	skip(text, token.length);
	return token;
}

/* A quoted string, with its escapes: no address has one, so what holds one is none. */
static bool
take_quoted(MrSlice *text, MrSlice *value)
{
	size_t i;

	for (i = 1; i < text->length && text->text[i] != '"'; i++)
		if (text->text[i] == '\\')
			i++;
	if (i >= text->length)
		return false;
	value->text = text->text + 1;
	value->length = i - 1;
	skip(text, i + 1);
	return true;
}

/* One name=value. *is_for and *node are set by for=, which may stand there once. */
static bool
take_pair(MrSlice *text, bool *is_for, MrSlice *node)
{
	MrSlice name = take_token(text);
	MrSlice value;

	if (name.length == 0 || peek(*text) != '=')
		return false;
	skip(text, 1);
	if (peek(*text) == '"')
	{
		if (!take_quoted(text, &value))
			return false;
	}
	else
		value = take_token(text);
	if (!mr_slice_is(name, "for"))
		return true;
	if (*is_for)
		return false;
	*is_for = true;
	*node = value;
	return true;
}

/* One element, up to its comma: its address goes into *hop. */
static bool
take_element(MrSlice *text, MrAddress *hop, bool *empty)
{
	bool is_for = false;
	MrSlice node = {NULL, 0};

	memset(hop, 0, sizeof(*hop));
	*text = mr_slice_trim(*text);
	*empty = text->length == 0 || peek(*text) == ',';
	while (text->length > 0 && peek(*text) != ',')
	{
		if (!take_pair(text, &is_for, &node))
			return false;
		*text = mr_slice_trim(*text);
		if (peek(*text) == ';')
		{
			skip(text, 1);
			*text = mr_slice_trim(*text);
		}
		else if (text->length > 0 && peek(*text) != ',')
			return false;
	}
	if (text->length > 0)
		skip(text, 1);
	if (node.length > 0)
		(void) mr_address_parse_host(node, hop);
	return true;
}

void
mr_hops_add_forwarded(MrHops *hops, MrSlice field)
{
	MrAddress ring[MR_MAX_HOPS]; /* quoted strings can be read from the left only */
	unsigned total = 0;
	unsigned kept;

	hops->present = true;
	while (field.length > 0)
	{
		MrAddress hop;
		bool empty;

		if (!take_element(&field, &hop, &empty))
		{
			hops->broken = true;
			return;
		}
		if (!empty)
			ring[total++ % MR_MAX_HOPS] = hop;
	}
	kept = total < MR_MAX_HOPS ? total : MR_MAX_HOPS;
	for (unsigned i = 0; i < kept && hops->count < MR_MAX_HOPS; i++)
		hops->hops[hops->count++] = ring[(total - 1 - i) % MR_MAX_HOPS];
}

/* ---------- the walk ---------- */

/* Who an address is: bit per provider; *own is set for our own proxies. */
static uint32_t
look_up(const MrTrust *trust, const MrAddress *address, bool *own)
{
	uint32_t providers = 0;

	*own = false;
	for (int i = 0; i < trust->count; i++)
	{
		if (!mr_cidr_contains(&trust->nets[i].cidr, address))
			continue;
		if (trust->nets[i].provider == MR_OWN_PROXY)
			*own = true;
		else
			providers |= UINT32_C(1) << trust->nets[i].provider;
	}
	return providers;
}

/* Where one kind of header leads. */
typedef struct Way
{
	MrAddress end;
	uint32_t vouched;
	bool readable;
} Way;

static Way
follow(const MrAddress *peer, const MrHops *hops, const MrTrust *trust)
{
	Way way = {*peer, 0, true};
	bool outside = false; /* beyond our own proxies */

	for (int i = 0; i <= hops->count; i++)
	{
		const MrAddress *here = i == 0 ? peer : &hops->hops[i - 1];
		bool own;
		uint32_t providers = look_up(trust, here, &own);

		if (i < trust->hops && (i == 0 || here->family != 0))
			own = true;
		if (!own && !outside)
		{
			outside = true;
			way.vouched = providers;
		}
		way.end = *here;
		if (!own && providers == 0)
			break;
		/* The client of a proxy that is trusted stands in what the header says next. */
		if (i == hops->count && (hops->broken || hops->count == MR_MAX_HOPS))
			way.readable = false;
	}
	if (way.end.family == 0)
		way.readable = false;
	return way;
}

static void
take_way(const Way *way, MrClientSource source, MrClientWalk *walk)
{
	walk->vouched = way->vouched;
	if (!way->readable)
	{
		walk->source = MR_CLIENT_UNREADABLE;
		return;
	}
	walk->source = source;
	walk->address = way->end;
	walk->trusted = true;
}

void
mr_client_walk(const MrAddress *peer, const MrHops *forwarded_for, const MrHops *forwarded,
			   const MrTrust *trust, MrClientWalk *walk)
{
	uint32_t providers;
	bool own;
	Way one;
	Way two;

	memset(walk, 0, sizeof(*walk));
	providers = look_up(trust, peer, &own);
	walk->peer_trusted = own || trust->hops > 0;
	walk->address = *peer;
	walk->source = peer->family != 0 ? MR_CLIENT_PEER : MR_CLIENT_NONE;
	walk->trusted = peer->family != 0;
	walk->vouched = walk->peer_trusted ? 0 : providers;
	if (!walk->peer_trusted && providers == 0)
		return;
	walk->trusted = false;
	walk->source = MR_CLIENT_SILENT_PROXY;
	if (!forwarded_for->present && !forwarded->present)
		return;
	one = follow(peer, forwarded_for, trust);
	two = follow(peer, forwarded, trust);
	if (!forwarded->present)
		take_way(&one, MR_CLIENT_FORWARDED_FOR, walk);
	else if (!forwarded_for->present)
		take_way(&two, MR_CLIENT_FORWARDED, walk);
	else if (one.readable && two.readable && mr_address_equal(&one.end, &two.end))
	{
		take_way(&one, MR_CLIENT_FORWARDED_FOR, walk);
		walk->vouched &= two.vouched;
	}
	else
		walk->source = MR_CLIENT_DISAGREEMENT;
}
