/*
 * Reads Patroni's commands; see mr_patroni_order.h. Pure. It must never repeat what it was
 * sent, nor choose a candidate for a failover. Called by endpoint_patroni_order.c, unit
 * tests and a fuzzer.
 */
#include "sidecar/mr_patroni_order.h"

#include <ctype.h>
#include <string.h>

#include "adapters/mr_json.h"

typedef struct Wish
{
	char leader[MR_PATRONI_NAME_SIZE];
	char candidate[MR_PATRONI_NAME_SIZE];
	char at[MR_PATRONI_TIME_SIZE];
	bool allow_loss;
} Wish;

bool
mr_patroni_has_zone(const char *text)
{
	const char *time = strchr(text, ':');
	size_t length = strlen(text);
	const char *sign;

	if (time == NULL)
		return false;
	if (text[length - 1] == 'Z' || text[length - 1] == 'z')
		return true;
	sign = strpbrk(time, "+-");
	return sign != NULL && isdigit((unsigned char) sign[1]);
}

/* A string or nothing: false when it is something else. */
static bool
take(const MrJsonNode *root, const char *key, char *out, size_t size)
{
	switch (mr_json_get_string(root, key, out, size))
	{
		case MR_JSON_FOUND:
		case MR_JSON_ABSENT:
			return true;
		case MR_JSON_OTHER:
		case MR_JSON_TOO_LONG:
			break;
	}
	return false;
}

static bool
read_wish(const char *body, size_t length, Wish *wish)
{
	MrJson json;
	MrJsonNode *root = mr_json_read(&json, body, length);
	bool good = root != NULL;

	memset(wish, 0, sizeof(*wish));
	good = good && take(root, "leader", wish->leader, sizeof(wish->leader)) &&
		   take(root, "member", wish->candidate, sizeof(wish->candidate)) &&
		   take(root, "candidate", wish->candidate, sizeof(wish->candidate)) &&
		   take(root, "scheduled_at", wish->at, sizeof(wish->at)) &&
		   mr_json_get_boolean(root, "allow_data_loss", &wish->allow_loss) <= MR_JSON_ABSENT;
	mr_json_abandon(&json);
	return good;
}

static bool
is_member(const MrStatus *status, const char *name)
{
	int i;

	for (i = 0; i < status->node_count; i++)
		if (strcmp(status->nodes[i].name, name) == 0)
			return true;
	return false;
}

static MrPatroniRefusal
refuse(int status, const char *text)
{
	return (MrPatroniRefusal){status, text};
}

/* The times that are refused before the database reads them. */
static MrPatroniRefusal
check_time(const char *at)
{
	if (at[0] == '\0')
		return refuse(0, NULL);
	if (!isdigit((unsigned char) at[0]) || strchr(at, ':') == NULL)
		return refuse(422, "Unable to parse scheduled timestamp");
	if (!mr_patroni_has_zone(at))
		return refuse(400, "Timezone information is mandatory for the scheduled switchover");
	return refuse(0, NULL);
}

static MrPatroniRefusal
check_switchover(const Wish *wish, const MrStatus *status)
{
	MrPatroniRefusal refusal;

	if (wish->leader[0] == '\0')
		return refuse(400, "Switchover could be performed only from a specific leader");
	if (strcmp(wish->leader, wish->candidate) == 0)
		return refuse(400, "Switchover target and source are the same");
	if (status->primary_node == NULL || strcmp(status->primary_node, wish->leader) != 0)
		return refuse(412, "leader name does not match");
	if (wish->candidate[0] != '\0' && !is_member(status, wish->candidate))
		return refuse(412, "candidate does not exists");
	refusal = check_time(wish->at);
	if (refusal.status != 0 || wish->candidate[0] != '\0')
		return refusal;
	if (status->plans.paused)
		return refuse(400, "Switchover is possible only to a specific candidate in a paused state");
	if (wish->at[0] == '\0' && status->forecast.successor == NULL)
		return refuse(412, "switchover is not possible: no good candidates have been found");
	return refusal;
}

static MrPatroniRefusal
check_failover(const Wish *wish, const MrStatus *status)
{
	if (wish->candidate[0] == '\0')
		return refuse(400, "Failover could be performed only to a specific candidate");
	if (wish->at[0] != '\0')
		return refuse(400, "Failover can't be scheduled");
	if (!is_member(status, wish->candidate))
		return refuse(412, "candidate does not exists");
	return refuse(0, NULL);
}

MrPatroniRefusal
mr_patroni_order_read(const char *body, size_t length, bool is_failover, const MrStatus *status,
					  MrPatroniOrder *out)
{
	MrPatroniRefusal refusal;
	const char *successor = status->forecast.successor;
	Wish wish;

	memset(out, 0, sizeof(*out));
	if (!read_wish(body, length, &wish))
		return refuse(400, "the body is not one JSON object with texts");
	/* Who names the leader, too, means a switchover. */
	out->is_failover = is_failover && wish.leader[0] == '\0';
	if (is_failover && wish.candidate[0] == '\0')
		return refuse(400, "Failover could be performed only to a specific candidate");
	refusal = out->is_failover ? check_failover(&wish, status) : check_switchover(&wish, status);
	if (refusal.status != 0)
		return refusal;
	out->allow_loss = out->is_failover && wish.allow_loss;
	memcpy(out->at, wish.at, sizeof(out->at));
	if (wish.candidate[0] != '\0')
		memcpy(out->candidate, wish.candidate, sizeof(out->candidate));
	else if (wish.at[0] == '\0')
		strncpy(out->candidate, successor, sizeof(out->candidate) - 1);
	return refusal;
}
