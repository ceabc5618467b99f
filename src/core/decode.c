/*
 * Decoders of headers; see mr_decode.h. Bounded, without state. Called by geo_headers.c.
 */
#include "core/mr_decode.h"

#include <string.h>

/* The value of `count` hexadecimal digits at `at`, or -1. */
static int
hex_number(MrSlice text, size_t at, size_t count)
{
	int value = 0;

	if (text.length < count || at > text.length - count)
		return -1;
	for (size_t i = 0; i < count; i++)
	{
		int digit = mr_hex_digit(text.text[at + i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

int
mr_decode_percent(MrSlice text, char *out, size_t size)
{
	size_t to = 0;

	for (size_t i = 0; i < text.length; i++)
	{
		int value = (unsigned char) text.text[i];

		if (value == '%')
		{
			value = hex_number(text, i + 1, 2);
			if (value < 0)
				return -1;
			i += 2;
		}
		if (to == size)
			return -1;
		out[to++] = (char) value;
	}
	return (int) to;
}

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

int
mr_decode_base64(MrSlice text, char *out, size_t size)
{
	uint32_t bits = 0;
	int pending = 0;
	size_t to = 0;

	for (int i = 0; i < 2 && text.length > 0 && text.text[text.length - 1] == '='; i++)
		text.length--;
	if (text.length % 4 == 1)
		return -1;
	for (size_t i = 0; i < text.length; i++)
	{
		int digit = base64_digit(text.text[i]);

		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t) digit;
		pending += 6;
		if (pending < 8)
			continue;
		pending -= 8;
		if (to == size)
			return -1;
		out[to++] = (char) (bits >> pending & 0xff);
	}
	return (int) to;
}

/* Appends a character as UTF-8; false for what is none, or does not fit. */
static bool
put_character(int code, char *out, size_t size, size_t *to)
{
	char bytes[3];
	size_t length = 0;

	if (code >= 0xD800 && code <= 0xDFFF)
		return false;
	if (code < 0x80)
		bytes[length++] = (char) code;
	else
	{
		if (code < 0x800)
			bytes[length++] = (char) (0xC0 | code >> 6);
		else
		{
			bytes[length++] = (char) (0xE0 | code >> 12);
			bytes[length++] = (char) (0x80 | (code >> 6 & 0x3F));
		}
		bytes[length++] = (char) (0x80 | (code & 0x3F));
	}
	if (size - *to < length)
		return false;
	memcpy(out + *to, bytes, length);
	*to += length;
	return true;
}

/* as_bytes: an escape is a byte, not a character. */
static int
unescape(MrSlice text, bool as_bytes, char *out, size_t size)
{
	size_t to = 0;

	for (size_t i = 0; i < text.length; i++)
	{
		int code = (unsigned char) text.text[i];
		bool escaped = code == '\\';

		if (escaped)
		{
			code = i + 1 < text.length && text.text[i + 1] == 'u' ? hex_number(text, i + 2, 4) : -1;
			if (code < 0 || (as_bytes && code > 0xFF))
				return -1;
			i += 5;
		}
		if (escaped && !as_bytes)
		{
			if (!put_character(code, out, size, &to))
				return -1;
			continue;
		}
		if (to == size)
			return -1;
		out[to++] = (char) code;
	}
	return (int) to;
}

int
mr_decode_escapes(MrSlice text, char *out, size_t size)
{
	int length = unescape(text, true, out, size);

	if (length >= 0 && mr_text_is_clean(out, (size_t) length))
		return length;
	return unescape(text, false, out, size);
}

/* Length of the sequence that these bytes begin with; 0 if it is none of UTF-8. */
static size_t
sequence_length(const unsigned char *bytes, size_t left)
{
	size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;

	if (bytes[0] >= 0x80 && (bytes[0] < 0xC2 || bytes[0] > 0xF4))
		return 0;
	if (length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((bytes[i] & 0xC0) != 0x80)
			return 0;
	/* too long a form, a surrogate, beyond the last character */
	if ((bytes[0] == 0xE0 && bytes[1] < 0xA0) || (bytes[0] == 0xED && bytes[1] > 0x9F) ||
		(bytes[0] == 0xF0 && bytes[1] < 0x90) || (bytes[0] == 0xF4 && bytes[1] > 0x8F))
		return 0;
	return length;
}

bool
mr_text_is_clean(const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *) text;

	while (length > 0)
	{
		size_t step = sequence_length(bytes, length);

		if (step == 0 || bytes[0] < 0x20 || bytes[0] == 0x7F ||
			(bytes[0] == 0xC2 && bytes[1] < 0xA0))
			return false;
		bytes += step;
		length -= step;
	}
	return true;
}
