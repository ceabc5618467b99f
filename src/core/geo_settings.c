/*
 * Settings about clients' whereabouts; see mr_geo_settings.h. Called by the check hooks of
 * the settings (extension/routing/geo_settings.c), never for a request.
 */
#include "core/mr_geo_settings.h"

#include <stdio.h>
#include <string.h>

#define WORD(symbol, word) word,

static const char *const provider_words[] = {MR_GEO_PROVIDER_LIST(WORD)};
static const char *const field_words[] = {MR_GEO_FIELD_LIST(WORD)};
static const char *const format_words[] = {MR_GEO_FORMAT_LIST(WORD)};

const char *
mr_geo_provider_name(int provider)
{
	return provider >= 0 && provider < MR_GEO_PROVIDER_COUNT ? provider_words[provider] : "?";
}

static int
index_of(const char *const *words, int count, MrSlice word)
{
	for (int i = 0; i < count; i++)
		if (mr_slice_is(word, words[i]))
			return i;
	return -1;
}

static int
complain(char problem[MR_PROBLEM_SIZE], MrSlice item, const char *what)
{
	snprintf(problem, MR_PROBLEM_SIZE, "\"%.*s\": %s", (int) (item.length < 80 ? item.length : 80),
			 item.text, what);
	return -1;
}

static bool
is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next item of a list; false at its end. */
static bool
next_item(const char **text, MrSlice *item)
{
	while (is_separator(**text))
		(*text)++;
	item->text = *text;
	while (**text != '\0' && !is_separator(**text))
		(*text)++;
	item->length = (size_t) (*text - item->text);
	return item->length > 0;
}

/* Splits at the first separator; false, with all in the left part, if there is none. */
static bool
split(MrSlice item, char separator, MrSlice *left, MrSlice *right)
{
	*right = item;
	(void) mr_slice_next(right, separator, left);
	return right->text != NULL;
}

/* A header's name in lower case. */
static bool
take_header(MrSlice name, char out[MR_HEADER_SIZE])
{
	if (name.length == 0 || name.length >= MR_HEADER_SIZE)
		return false;
	for (size_t i = 0; i < name.length; i++)
	{
		char c = name.text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char) (c + ('a' - 'A'));
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
		out[i] = c;
	}
	out[name.length] = '\0';
	return true;
}

int
mr_geo_parse_providers(const char *text, int8_t out[MR_GEO_PROVIDER_COUNT],
					   char problem[MR_PROBLEM_SIZE])
{
	MrSlice item;
	int count = 0;

	while (next_item(&text, &item))
	{
		int provider = index_of(provider_words, MR_GEO_PROVIDER_COUNT, item);

		if (provider < 0)
			return complain(problem, item, "there is no such provider.");
		for (int i = 0; i < count; i++)
			if (out[i] == provider)
				return complain(problem, item, "the provider is there twice.");
		out[count++] = (int8_t) provider;
	}
	return count;
}

static int
usual_format(int field)
{
	if (field == MR_GEO_EDGE)
		return MR_GEO_CODE;
	return field == MR_GEO_RECORD ? MR_GEO_BASE64 : MR_GEO_PLAIN;
}

/* Whether a thing can be written like this. */
static bool
can_be(int field, int format)
{
	switch ((MrGeoFormat) format)
	{
		case MR_GEO_PREFIXED:
			return field == MR_GEO_SUBDIVISION;
		case MR_GEO_PORT:
			return field == MR_GEO_ADDRESS;
		case MR_GEO_CODE:
		case MR_GEO_RAY:
			return field == MR_GEO_EDGE;
		case MR_GEO_BASE64:
		case MR_GEO_PAIRS:
			return field == MR_GEO_RECORD;
		case MR_GEO_ESCAPED:
			return field != MR_GEO_RECORD && field != MR_GEO_EDGE && field != MR_GEO_ADDRESS;
		case MR_GEO_PLAIN:
		case MR_GEO_PERCENT:
			return field != MR_GEO_RECORD && field != MR_GEO_EDGE;
		case MR_GEO_FORMAT_COUNT:
			break;
	}
	return false;
}

/* Parses one item; NULL, or what is wrong with it. */
static const char *
parse_change(MrSlice item, MrGeoChange *change)
{
	MrSlice thing;
	MrSlice provider;
	MrSlice field;
	MrSlice header;
	MrSlice format;
	int number;

	if (!split(item, '=', &thing, &header))
		return "a header is written as field=header or provider.field=header.";
	number = MR_GEO_CUSTOM;
	if (split(thing, '.', &provider, &field))
		number = index_of(provider_words, MR_GEO_PROVIDER_COUNT, provider);
	else
		field = thing;
	if (number < 0)
		return "there is no such provider.";
	change->provider = (int8_t) number;
	number = index_of(field_words, MR_GEO_FIELD_COUNT, field);
	if (number < 0)
		return "there is no such field.";
	change->field = (int8_t) number;
	number = usual_format(change->field);
	if (split(header, ':', &thing, &format))
		number = index_of(format_words, MR_GEO_FORMAT_COUNT, format);
	if (number < 0)
		return "there is no such format.";
	if (!can_be(change->field, number))
		return "the field does not come in this format.";
	change->format = (int8_t) number;
	if (!take_header(thing, change->header))
		return "a header has 1 to 63 letters, digits, hyphens and underscores.";
	return NULL;
}

int
mr_geo_parse_headers(const char *text, MrGeoChange out[MR_GEO_MAX_CHANGES],
					 char problem[MR_PROBLEM_SIZE])
{
	MrSlice item;
	int count = 0;

	while (next_item(&text, &item))
	{
		const char *wrong;

		if (count == MR_GEO_MAX_CHANGES)
			return complain(problem, item, "there are too many headers.");
		wrong = parse_change(item, &out[count]);
		if (wrong != NULL)
			return complain(problem, item, wrong);
		count++;
	}
	return count;
}

int
mr_geo_parse_proofs(const char *text, MrGeoProof out[MR_GEO_MAX_PROOFS],
					char problem[MR_PROBLEM_SIZE])
{
	MrSlice item;
	int count = 0;

	while (next_item(&text, &item))
	{
		MrSlice provider;
		MrSlice proof;
		MrSlice header;
		MrSlice value;
		int number;

		if (!split(item, '=', &provider, &proof) || !split(proof, ':', &header, &value))
		{
			snprintf(problem, MR_PROBLEM_SIZE, "A proof is written as provider=header:value.");
			return -1;
		}
		number = index_of(provider_words, MR_GEO_PROVIDER_COUNT, provider);
		if (number < 0)
			return complain(problem, provider, "there is no such provider.");
		if (count == MR_GEO_MAX_PROOFS)
			return complain(problem, provider, "there are too many proofs.");
		if (!take_header(header, out[count].header))
			return complain(problem, provider, "the proof does not begin with a header's name.");
		if (value.length == 0 || value.length >= MR_PROOF_SIZE)
			return complain(problem, provider, "the value of a proof has 1 to 127 characters.");
		out[count].provider = (int8_t) number;
		memcpy(out[count].value, value.text, value.length);
		out[count++].value[value.length] = '\0';
	}
	return count;
}

int
mr_geo_parse_trusted(const char *text, MrTrustedNet out[MR_MAX_TRUSTED_NETS],
					 char problem[MR_PROBLEM_SIZE])
{
	MrSlice item;
	int count = 0;

	while (next_item(&text, &item))
	{
		MrSlice net = item;
		MrSlice provider;
		const char *wrong;
		int number = MR_OWN_PROXY;

		if (count == MR_MAX_TRUSTED_NETS)
			return complain(problem, item, "there are too many networks.");
		if (memchr(item.text, '=', item.length) != NULL)
		{
			(void) split(item, '=', &provider, &net);
			number = index_of(provider_words, MR_GEO_PROVIDER_COUNT, provider);
			if (number < 0)
				return complain(problem, item, "there is no such provider.");
		}
		wrong = mr_cidr_parse(net, &out[count].cidr);
		if (wrong != NULL)
			return complain(problem, item, wrong);
		out[count++].provider = (int8_t) number;
	}
	return count;
}
