/*
 * One connection string that names several hosts, as libpq allows, made into one for
 * each: a member has one host, and all are asked at once. Called by peers.c.
 */
#include <stdio.h>
#include <string.h>

#include "join/mr_join_hosts.h"

/* The n-th entry of a list separated by commas; a list of one stands for all. */
static bool
entry(const char *list, int n, bool one_for_all, char *out, size_t size)
{
	size_t length;

	if (list == NULL || list[0] == '\0')
	{
		out[0] = '\0';
		return n == 0 || one_for_all;
	}
	if (one_for_all && strchr(list, ',') == NULL)
		n = 0;
	for (; n > 0; n--)
	{
		list = strchr(list, ',');
		if (list == NULL)
			return false;
		list++;
	}
	length = strcspn(list, ",");
	if (length >= size)
		return false;
	memcpy(out, list, length);
	out[length] = '\0';
	return true;
}

static bool
append(char *out, size_t size, const char *keyword, const char *value)
{
	size_t length = strlen(out);
	int head;

	if (value == NULL || value[0] == '\0')
		return true;
	head = snprintf(out + length, size - length, "%s%s='", length > 0 ? " " : "", keyword);
	for (length += (size_t) head; *value != '\0' && length + 4 < size; value++)
	{
		if (*value == '\'' || *value == '\\')
			out[length++] = '\\';
		out[length++] = *value;
	}
	if (*value != '\0' || length + 2 > size)
		return false;
	out[length++] = '\'';
	out[length] = '\0';
	return true;
}

static const char *
value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
	{
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	}
	return NULL;
}

/* Everything but what differs from host to host. */
static bool
append_rest(char *out, size_t size, const PQconninfoOption *options)
{
	for (; options->keyword != NULL; options++)
	{
		if (strcmp(options->keyword, "host") == 0 || strcmp(options->keyword, "hostaddr") == 0 ||
			strcmp(options->keyword, "port") == 0)
			continue;
		if (!append(out, size, options->keyword, options->val))
			return false;
	}
	return true;
}

static bool
build(const PQconninfoOption *options, int n, char *out, size_t size)
{
	const char *hosts = value_of(options, "host");
	const char *addresses = value_of(options, "hostaddr");
	const char *first = hosts != NULL && hosts[0] != '\0' ? hosts : addresses;
	char host[MR_CONNINFO_SIZE];
	char address[MR_CONNINFO_SIZE];
	char port[16];

	out[0] = '\0';
	/* the list that counts the hosts; the other, if it is there, has as many */
	if (!entry(first, n, false, host, sizeof(host)))
		return false;
	if (!entry(hosts, n, hosts == NULL, host, sizeof(host)) ||
		!entry(addresses, n, addresses == NULL, address, sizeof(address)) ||
		!entry(value_of(options, "port"), n, true, port, sizeof(port)))
		return false;
	return append(out, size, "host", host) && append(out, size, "hostaddr", address) &&
		   append(out, size, "port", port) && append_rest(out, size, options);
}

int
mr_join_hosts_split(const char *conninfo, char (*out)[MR_CONNINFO_SIZE], int max)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	int count = 0;

	while (options != NULL && count < max && build(options, count, out[count], MR_CONNINFO_SIZE))
		count++;
	PQconninfoFree(options);
	return count;
}
