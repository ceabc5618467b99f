/*
 * conninfo_for(): all nodes in one connection string of libpq, nearest first.
 *
 * Only host, hostaddr and port of a node's own connection string are taken over: no user,
 * no file, no secret. libpq asks each server what it is when it connects, so the string
 * stays right after a failover, whatever its order.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "extension/mr_functions.h"
#include "extension/mr_settings.h"
#include "extension/routing/mr_routing.h"
#include "extension/routing/mr_routing_wishes.h"

PG_FUNCTION_INFO_V1(multiregion_conninfo_for);

/* What a client may want to find: its word, what libpq calls that, and who comes first. */
static const struct
{
	const char *word;
	const char *attribute;
	bool for_write;
} roles[] = {
	{"any", "any", false},         {"read", "prefer-standby", false}, {"standby", "standby", false},
	{"write", "read-write", true}, {"primary", "read-write", true},
};

static int
role_argument(FunctionCallInfo fcinfo, int number)
{
	char *word = mr_text_argument(fcinfo, number, "role");

	for (int i = 0; i < lengthof(roles); i++)
		if (pg_strcasecmp(word, roles[i].word) == 0)
			return i;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown role \"%s\"", word),
					errhint("Roles are any, read, standby, write and primary.")));
	return 0;
}

/* A value of a connection string; quoted if libpq's parser needs it. */
static void
append_value(StringInfo text, const char *keyword, const char *value)
{
	bool quote = value[0] == '\0' || strpbrk(value, " '\\") != NULL;

	appendStringInfo(text, "%s%s=%s", text->len > 0 ? " " : "", keyword, quote ? "'" : "");
	for (; *value != '\0'; value++)
	{
		if (*value == '\'' || *value == '\\')
			appendStringInfoChar(text, '\\');
		appendStringInfoChar(text, *value);
	}
	appendStringInfoString(text, quote ? "'" : "");
}

static void
append_item(StringInfo list, int number, const char *item)
{
	appendStringInfo(list, "%s%s", number > 0 ? "," : "", item);
}

/* libpq does not wait for less than two seconds. */
static int
connect_timeout_s(void)
{
	return Max(2, (mr_connect_timeout_ms + 999) / 1000);
}

Datum
multiregion_conninfo_for(PG_FUNCTION_ARGS)
{
	int role = role_argument(fcinfo, 0);
	int8 order[MR_ROUTE_NODES];
	StringInfoData hosts;
	StringInfoData addresses;
	StringInfoData ports;
	StringInfoData text;
	MrRouteCall call;
	bool any_address = false;
	int count;

	mr_route_call_begin(&call, NULL);
	mr_route_call_from(&call, fcinfo, 1);
	count = mr_route_order(call.routing.regions, &call.routing.nodes, &call.wish,
						   roles[role].for_write, order);
	if (count == 0)
		PG_RETURN_NULL();
	initStringInfo(&hosts);
	initStringInfo(&addresses);
	initStringInfo(&ports);
	initStringInfo(&text);
	for (int i = 0; i < count; i++)
	{
		const MrRoutingAddress *address = mr_routing_address(order[i]);

		append_item(&hosts, i, address->host);
		append_item(&addresses, i, address->hostaddr);
		append_item(&ports, i, address->port);
		any_address |= address->hostaddr[0] != '\0';
	}
	append_value(&text, "host", hosts.data);
	if (any_address)
		append_value(&text, "hostaddr", addresses.data);
	append_value(&text, "port", ports.data);
	append_value(&text, "target_session_attrs", roles[role].attribute);
	appendStringInfo(&text, " connect_timeout=%d", connect_timeout_s());
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}
