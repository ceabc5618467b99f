/*
 * Histograms, and what a scraper reads: escapes, both formats, families without samples, and
 * the record of statements and requests.
 */
#include "sidecar/mr_metrics_record.h"
#include "unit/mr_unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/histogram.c"
#include "sidecar/http_text.c"
#include "sidecar/metrics.c"
#include "sidecar/metrics_record.c"
#include "sidecar/metrics_text.c"
#include "sidecar/router.c"

#define MS INT64_C(1000000)

static const MrMetric gauge = {"g_seconds", MR_METRIC_GAUGE, MR_METRIC_ALWAYS,
							   "a,b",       "seconds",       "A \\ \"help\"\nof two lines."};
static const MrMetric counter = {"c_total", MR_METRIC_COUNTER, MR_METRIC_ALWAYS, "", "", "Count."};
static const MrMetric durations = {"d_seconds", MR_METRIC_HISTOGRAM, MR_METRIC_ALWAYS,
								   "a",         "seconds",           "Durations."};

static MrMetricsText text;
static char *written;

static void
begin(bool open)
{
	free(written);
	written = NULL;
	mr_metrics_text_begin(&text, open);
}

static const char *
end(void)
{
	written = mr_metrics_text_end(&text);
	return written;
}

static const char *
region_of(const char *node, const void *arg)
{
	(void) arg;
	return strcmp(node, "n2") == 0 ? "R2" : NULL;
}

static const char *
record(bool requests_too, const char *self)
{
	MrRecordOwner owner = {self, "R1", region_of, NULL};

	begin(false);
	mr_metrics_write_queries(&text, mr_metric(MR_METRIC_DB_QUERY), &owner);
	if (requests_too)
		mr_metrics_write_requests(&text, mr_metric(MR_METRIC_HTTP_REQUEST), &owner);
	return end();
}

MR_TEST(a_duration_falls_into_the_bucket_that_still_holds_it)
{
	MrHistogram histogram = {0};

	mr_histogram_add(&histogram, 0);
	mr_histogram_add(&histogram, 500000);
	mr_histogram_add(&histogram, 500001);
	mr_histogram_add(&histogram, 1 * MS);
	mr_histogram_add(&histogram, 30000 * MS);
	mr_histogram_add(&histogram, 30000 * MS + 1);
	mr_histogram_add(&histogram, -5 * MS);
	MR_CHECK_INT(mr_histogram_cumulative(&histogram, 0), 3);
	MR_CHECK_INT(mr_histogram_cumulative(&histogram, 1), 5);
	MR_CHECK_INT(mr_histogram_cumulative(&histogram, 2), 5);
	MR_CHECK_INT(mr_histogram_cumulative(&histogram, MR_HISTOGRAM_BUCKETS - 2), 6);
	MR_CHECK_INT(mr_histogram_cumulative(&histogram, MR_HISTOGRAM_BUCKETS - 1), 7);
	MR_CHECK_INT(histogram.sum_ns, 60002 * MS + 2);
	MR_CHECK_STRING(mr_histogram_bound(0), "0.0005");
	MR_CHECK_STRING(mr_histogram_bound(MR_HISTOGRAM_BUCKETS - 1), "+Inf");
}

MR_TEST(bounds_are_the_same_as_numbers_and_as_text)
{
	int i;

	for (i = 0; i < MR_HISTOGRAM_BUCKETS - 1; i++)
	{
		mr_unit_about("bucket %d", i);
		MR_CHECK_INT(llround(strtod(texts[i], NULL) * 1e9), bounds[i]);
		MR_CHECK(i == 0 || bounds[i] > bounds[i - 1]);
	}
}

MR_TEST(labels_and_help_are_escaped)
{
	const char *labels[] = {"q\"b\\n\n", "caf\xc3\xa9"};

	begin(false);
	mr_metrics_text_family(&text, &gauge);
	mr_metrics_text_sample(&text, labels, 1.5);
	MR_CHECK_STRING(end(), "# HELP g_seconds A \\\\ \"help\"\\nof two lines.\n"
						   "# TYPE g_seconds gauge\n"
						   "g_seconds{a=\"q\\\"b\\\\n\\n\",b=\"caf\xc3\xa9\"} 1.5\n");
}

MR_TEST(what_is_not_utf8_does_not_spoil_the_scrape)
{
	const char *labels[] = {"a\xff\xc3z", NULL};

	begin(false);
	mr_metrics_text_family(&text, &gauge);
	mr_metrics_text_sample(&text, labels, 0);
	MR_CHECK(strstr(end(), "g_seconds{a=\"a??z\"} 0\n") != NULL);
}

MR_TEST(empty_labels_are_left_out)
{
	const char *none[] = {NULL, ""};
	const char *second[] = {"", "x"};

	begin(false);
	mr_metrics_text_family(&text, &gauge);
	mr_metrics_text_sample(&text, none, 1);
	mr_metrics_text_sample(&text, second, 2);
	end();
	MR_CHECK(strstr(written, "\ng_seconds 1\n") != NULL);
	MR_CHECK(strstr(written, "\ng_seconds{b=\"x\"} 2\n") != NULL);
}

MR_TEST(numbers_are_as_a_scraper_reads_them)
{
	static const struct
	{
		double value;
		const char *text;
	} table[] = {{0, "0"},
				 {-0.25, "-0.25"},
				 {1e14, "100000000000000"},
				 {1795740446.98, "1795740446.98"},
				 {NAN, "NaN"},
				 {INFINITY, "+Inf"},
				 {-INFINITY, "-Inf"},
				 {1e20, "1e+20"}};
	char number[40];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		MR_CHECK_STRING(format_number(table[i].value, number, sizeof(number)), table[i].text);
}

MR_TEST(a_value_that_is_no_number_is_no_sample)
{
	begin(false);
	mr_metrics_text_family(&text, &counter);
	mr_metrics_text_sample_of(&text, NULL, "");
	mr_metrics_text_sample_of(&text, NULL, "7 eggs");
	MR_CHECK_STRING(end(), "");
	begin(false);
	mr_metrics_text_family(&text, &counter);
	mr_metrics_text_sample_of(&text, NULL, "1.5e+3");
	MR_CHECK(strstr(end(), "\nc_total 1500\n") != NULL);
}

MR_TEST(open_metrics_differs_where_it_must)
{
	const char *labels[] = {"x", NULL};

	begin(true);
	mr_metrics_text_family(&text, &gauge);
	mr_metrics_text_family(&text, &counter);
	mr_metrics_text_sample(&text, NULL, 3);
	mr_metrics_text_family(&text, &gauge);
	mr_metrics_text_sample(&text, labels, 2);
	MR_CHECK_STRING(end(), "# HELP c Count.\n# TYPE c counter\nc_total 3\n"
						   "# HELP g_seconds A \\\\ \\\"help\\\"\\nof two lines.\n"
						   "# TYPE g_seconds gauge\n# UNIT g_seconds seconds\n"
						   "g_seconds{a=\"x\"} 2\n# EOF\n");
}

MR_TEST(a_histogram_is_cumulative_and_complete)
{
	const char *labels[] = {"x"};
	MrHistogram histogram = {0};
	const char *at;
	int lines = 0;

	mr_histogram_add(&histogram, 3 * MS);
	mr_histogram_add(&histogram, 40000 * MS);
	begin(false);
	mr_metrics_text_family(&text, &durations);
	mr_metrics_text_histogram(&text, labels, &histogram);
	end();
	for (at = written; (at = strstr(at, "\nd_seconds_bucket{")) != NULL; at++)
		lines++;
	MR_CHECK_INT(lines, MR_HISTOGRAM_BUCKETS);
	MR_CHECK(strstr(written, "d_seconds_bucket{a=\"x\",le=\"0.0025\"} 0\n") != NULL);
	MR_CHECK(strstr(written, "d_seconds_bucket{a=\"x\",le=\"0.005\"} 1\n") != NULL);
	MR_CHECK(strstr(written, "d_seconds_bucket{a=\"x\",le=\"+Inf\"} 2\n") != NULL);
	MR_CHECK(strstr(written, "\nd_seconds_count{a=\"x\"} 2\n") != NULL);
	MR_CHECK(strstr(written, "\nd_seconds_sum{a=\"x\"} 40.003\n") != NULL);
}

MR_TEST(who_names_open_metrics_first_gets_it)
{
	static const struct
	{
		const char *accept;
		bool open;
	} table[] = {
		{NULL, false},
		{"", false},
		{"*/*", false},
		{"text/plain;version=0.0.4", false},
		{"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", true},
		{"Application/OpenMetrics-Text", true},
		{"text/plain, application/openmetrics-text;q=0.1", false},
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
	{
		mr_unit_about("%s", table[i].accept != NULL ? table[i].accept : "none");
		MR_CHECK_INT(mr_metrics_accept_open(table[i].accept), table[i].open);
	}
}

MR_TEST(statements_are_counted_by_operation_and_node)
{
	const char *at;

	mr_metrics_record_reset();
	mr_metrics_observe_query(MR_OPERATION_STATUS, NULL, MS);
	mr_metrics_observe_query(MR_OPERATION_STATUS, NULL, MS);
	mr_metrics_observe_query(MR_OPERATION_TENANT_WRITE, "n2", MS);
	mr_metrics_observe_query(MR_OPERATION_TENANT_WRITE, "n3", MS);
	record(false, "n1");
	MR_CHECK(strstr(written, "_count{region=\"R1\",node=\"n1\",operation=\"status\"} 2\n") != NULL);
	MR_CHECK(strstr(written, "_count{region=\"R2\",node=\"n2\",operation=\"tenant_write\"} 1\n") !=
			 NULL);
	MR_CHECK(strstr(written, "_count{node=\"n3\",operation=\"tenant_write\"} 1\n") != NULL);
	/* One that becomes the local node must not give the same series twice. */
	mr_metrics_observe_query(MR_OPERATION_TENANT_WRITE, NULL, MS);
	at = strstr(record(false, "n2"),
				"_count{region=\"R1\",node=\"n2\",operation=\"tenant_write\"} 1\n");
	MR_REQUIRE(at != NULL);
	MR_CHECK(strstr(written, "_count{region=\"R2\",node=\"n2\"") == NULL);
	MR_CHECK(strstr(at + 1, "_count{region=\"R1\",node=\"n2\",operation=\"tenant_write\"}") ==
			 NULL);
	mr_metrics_record_reset();
	MR_CHECK_STRING(record(true, "n1"), "");
}

MR_TEST(requests_are_counted_by_template_method_and_code)
{
	static const char route[] = "/a/:id";

	mr_metrics_record_reset();
	mr_metrics_observe_request(route, MR_METHOD_GET, 200, MS);
	mr_metrics_observe_request(route, MR_METHOD_GET, 200, MS);
	mr_metrics_observe_request(route, MR_METHOD_GET, 404, MS);
	mr_metrics_observe_request(NULL, MR_METHOD_PUT, 404, MS);
	mr_metrics_observe_request(NULL, MR_METHOD_COUNT, 400, MS);
	record(true, NULL);
	MR_CHECK(
		strstr(written, "_count{region=\"R1\",route=\"/a/:id\",method=\"GET\",code=\"200\"} 2"));
	MR_CHECK(
		strstr(written, "_count{region=\"R1\",route=\"/a/:id\",method=\"GET\",code=\"404\"} 1"));
	MR_CHECK(
		strstr(written, "_count{region=\"R1\",route=\"unmatched\",method=\"PUT\",code=\"404\"} 1"));
	MR_CHECK(strstr(written,
					"_count{region=\"R1\",route=\"malformed\",method=\"other\",code=\"400\"} 1"));
	mr_metrics_record_reset();
	free(written);
	written = NULL;
}

MR_TEST(every_metric_has_the_labels_it_is_written_with)
{
	int id;

	for (id = 0; id < MR_METRIC_COUNT; id++)
	{
		const char *name = mr_metric((MrMetricId) id)->labels;
		int count = name[0] != '\0';

		mr_unit_about("%s", mr_metric((MrMetricId) id)->name);
		for (; (name = strchr(name, ',')) != NULL; name++)
			count++;
		MR_CHECK(count <= MR_METRIC_LABELS);
	}
}
