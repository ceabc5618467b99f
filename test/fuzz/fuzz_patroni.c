/*
 * libFuzzer: a health check's query string, and the body of a command of Patroni. Neither
 * may make a writer of a node that is none, or a standby that lags one that keeps up; what
 * is refused says why; what is ordered names a node. Run by test/fuzz/run.sh.
 */
#include "fuzz/mr_fuzz.h"
#include "sidecar/mr_patroni_check.h"
#include "sidecar/mr_patroni_order.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/http_text.c"
#include "sidecar/patroni_check.c"
#include "sidecar/patroni_order.c"
#include "sidecar/patroni_query.c"
#include "sidecar/serving.c"
#include "sidecar/status.c"

static const char *const seeds[] = {
	"Flag=10MB&lag_seconds=0.5&mode=write&replication_state=in+archive+recovery",
	"Btag_region=EU_WEST&tag_region_id=eu-west-1&region=eu-west-1&tenant=a%20b",
	"Clag=1.5%20GB&lag=%zz&&=&tag_&tag_x",
	"!{\"leader\":\"a\",\"candidate\":\"b\",\"scheduled_at\":\"2099-01-01T00:00:00+02\"}",
	"\"{\"member\":\"b\",\"allow_data_loss\":true}",
};

/* status.c logs; here nobody reads it. */
void
mr_log(MrLogLevel level, const char *format, ...)
{
	(void) level;
	(void) format;
}

MR_FUZZ_BEGIN_WITH(seeds)

/* A standby that is 1000 bytes and 200 ms behind. */
static void
make_status(MrStatus *status)
{
	memset(status, 0, sizeof(*status));
	status->valid = true;
	status->managed = true;
	status->fenced_in = true;
	status->in_recovery = true;
	status->node = "b";
	status->region = "EU_WEST";
	status->primary_node = "a";
	status->server.streaming = true;
	status->node_count = 2;
	status->nodes[0] = (MrStatusNode){.name = "a", .region = "US_EAST", .part = MR_PART_PRIMARY};
	status->nodes[1] = (MrStatusNode){.name = "b",
									  .region = "EU_WEST",
									  .part = MR_PART_STANDBY,
									  .lag_bytes = 1000,
									  .lag_ms = 200};
	status->region_count = 1;
	status->regions[0] = (MrStatusRegion){.key = "EU_WEST", .id = "eu-west-1"};
}

static void
try_query(MrPatroniCheck check, const char *text, const MrStatus *status)
{
	MrServingInput input = {
		.enabled = true, .connected = true, .age_ms = 10, .stale_after_ms = 3000};
	MrPatroniQuery query;
	int code;

	if (mr_patroni_query_read(check, text, status, &query) != NULL)
		return;
	code = mr_patroni_code(check, &input, status, &query);
	if (check == MR_CHECK_WRITER && code == 200)
		abort();
	if (check == MR_CHECK_REPLICA && code == 200 && query.lag_bytes != MR_UNKNOWN &&
		query.lag_bytes < 1000)
		abort();
	if (query.lag_bytes < MR_UNKNOWN || query.lag_ms < MR_UNKNOWN ||
		memchr(query.tenant, '\0', sizeof(query.tenant)) == NULL)
		abort();
}

static void
try_order(bool is_failover, const char *text, size_t size, const MrStatus *status)
{
	MrPatroniOrder order;
	MrPatroniRefusal refusal = mr_patroni_order_read(text, size, is_failover, status, &order);

	if (refusal.status != 0 ? refusal.text == NULL
							: order.candidate[0] == '\0' && order.at[0] == '\0')
		abort();
	if (order.allow_loss && !order.is_failover)
		abort();
	if (memchr(order.candidate, '\0', sizeof(order.candidate)) == NULL ||
		memchr(order.at, '\0', sizeof(order.at)) == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static MrStatus status;
	char *text;

	if (size == 0)
		return 0;
	make_status(&status);
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	/* '!' and '"' choose a command, all others a check */
	if (data[0] == '!' || data[0] == '"')
		try_order(data[0] == '"', text, size - 1, &status);
	else
		try_query((MrPatroniCheck) (data[0] % (MR_CHECK_ALWAYS + 1)), text, &status);
	(void) mr_patroni_check_of(text);
	free(text);
	return 0;
}
