/*
 * Pieces of text; see mr_slice.h. Called by every parser of headers and lists.
 */
#include "core/mr_slice.h"

#include <string.h>

#define LONGEST_NUMBER 32

MrSlice
mr_slice(const char *text)
{
	MrSlice slice = {text, strlen(text)};

	return slice;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

MrSlice
mr_slice_trim(MrSlice slice)
{
	while (slice.length > 0 && is_blank(slice.text[0]))
	{
		slice.text++;
		slice.length--;
	}
	while (slice.length > 0 && is_blank(slice.text[slice.length - 1]))
		slice.length--;
	return slice;
}

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

bool
mr_slice_is(MrSlice slice, const char *text)
{
	for (size_t i = 0; i < slice.length; i++)
		if (text[i] == '\0' || fold(slice.text[i]) != fold(text[i]))
			return false;
	return text[slice.length] == '\0';
}

bool
mr_slice_next(MrSlice *rest, char separator, MrSlice *item)
{
	const char *end;

	if (rest->text == NULL)
		return false;
	*item = *rest;
	end = rest->length > 0 ? memchr(rest->text, separator, rest->length) : NULL;
	if (end == NULL)
	{
		rest->text = NULL;
		rest->length = 0;
		return true;
	}
	item->length = (size_t) (end - item->text);
	rest->text = end + 1;
	rest->length -= item->length + 1;
	return true;
}

bool
mr_slice_last(MrSlice *rest, char separator, MrSlice *item)
{
	size_t begin = rest->length;

	if (rest->text == NULL)
		return false;
	while (begin > 0 && rest->text[begin - 1] != separator)
		begin--;
	item->text = rest->text + begin;
	item->length = rest->length - begin;
	if (begin == 0)
		rest->text = NULL;
	rest->length = begin > 0 ? begin - 1 : 0;
	return true;
}

int
mr_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
mr_slice_number(MrSlice slice, double *number)
{
	double value = 0.0;
	double scale = 1.0;
	bool negative = false;
	bool fraction = false;
	int digits = 0;
	size_t i = 0;

	if (slice.length == 0 || slice.length > LONGEST_NUMBER)
		return false;
	if (slice.text[0] == '-' || slice.text[0] == '+')
		negative = slice.text[i++] == '-';
	for (; i < slice.length; i++)
	{
		char c = slice.text[i];

		if (c == '.' && !fraction)
			fraction = true;
		else if (c >= '0' && c <= '9')
		{
			value = value * 10.0 + (c - '0');
			scale *= fraction ? 10.0 : 1.0;
			digits++;
		}
		else
			return false;
	}
	*number = (negative ? -value : value) / scale;
	return digits > 0;
}
