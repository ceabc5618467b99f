/*
 * The exposition formats; see mr_metrics_text.h. It must never write a line that a scraper
 * cannot read, whatever a label's value is: one bad line, and Prometheus throws all of them
 * away. Called by endpoint_metrics.c and the files that write samples.
 */
#include "sidecar/mr_metrics_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adapters/mr_json.h"

#define FIRST_SIZE 16384
#define OPEN_TYPE "application/openmetrics-text"
#define NS_PER_SECOND 1000000000

bool
mr_metrics_accept_open(const char *accept)
{
	/* Prometheus names it first, if it reads it at all; nobody else names it. */
	const char *found = accept != NULL ? strcasestr(accept, OPEN_TYPE) : NULL;
	const char *plain = accept != NULL ? strcasestr(accept, "text/plain") : NULL;

	return found != NULL && (plain == NULL || found < plain);
}

const char *
mr_metrics_content_type(bool open)
{
	return open ? OPEN_TYPE "; version=1.0.0; charset=utf-8"
				: "text/plain; version=0.0.4; charset=utf-8";
}

void
mr_metrics_text_begin(MrMetricsText *text, bool open)
{
	memset(text, 0, sizeof(*text));
	text->open = open;
}

/* ---------- bytes ---------- */

static void
put_bytes(MrMetricsText *text, const char *bytes, size_t length)
{
	if (text->length + length + 1 > text->size && !text->failed)
	{
		size_t size = text->size > 0 ? 2 * text->size : FIRST_SIZE;
		char *larger;

		while (size < text->length + length + 1)
			size *= 2;
		larger = realloc(text->text, size);
		text->failed = larger == NULL;
		if (larger != NULL)
		{
			text->text = larger;
			text->size = size;
		}
	}
	if (text->failed)
		return;
	memcpy(text->text + text->length, bytes, length);
	text->length += length;
}

static void
put(MrMetricsText *text, const char *bytes)
{
	put_bytes(text, bytes, strlen(bytes));
}

/* Escapes what would end the text, or the line; what is not UTF-8 becomes question marks. */
static void
put_escaped(MrMetricsText *text, const char *value, bool quotes)
{
	bool good = mr_json_is_text(value, strlen(value));

	for (; *value != '\0'; value++)
	{
		if (*value == '\\')
			put(text, "\\\\");
		else if (*value == '\n')
			put(text, "\\n");
		else if (*value == '"' && quotes)
			put(text, "\\\"");
		else if (!good && ((unsigned char) *value & 0x80) != 0)
			put(text, "?");
		else
			put_bytes(text, value, 1);
	}
}

/* ---------- families ---------- */

void
mr_metrics_text_family(MrMetricsText *text, const MrMetric *metric)
{
	text->family = metric;
	text->headed = false;
}

/* The family's name: OpenMetrics leaves the _total of a counter to its samples. */
static void
put_family(MrMetricsText *text)
{
	const char *name = text->family->name;
	size_t length = strlen(name);

	if (text->open && text->family->type == MR_METRIC_COUNTER && length > 6 &&
		strcmp(name + length - 6, "_total") == 0)
		length -= 6;
	put_bytes(text, name, length);
}

static void
put_head(MrMetricsText *text)
{
	if (text->headed)
		return;
	text->headed = true;
	put(text, "# HELP ");
	put_family(text);
	put(text, " ");
	put_escaped(text, text->family->help, text->open);
	put(text, "\n# TYPE ");
	put_family(text);
	put(text, " ");
	put(text, mr_metric_type_name(text->family->type));
	if (text->open && text->family->unit[0] != '\0')
	{
		put(text, "\n# UNIT ");
		put_family(text);
		put(text, " ");
		put(text, text->family->unit);
	}
	put(text, "\n");
}

/* ---------- samples ---------- */

static void
put_label(MrMetricsText *text, const char *name, size_t length, const char *value, int *count)
{
	if (value == NULL || value[0] == '\0')
		return;
	put(text, (*count)++ == 0 ? "{" : ",");
	put_bytes(text, name, length);
	put(text, "=\"");
	put_escaped(text, value, true);
	put(text, "\"");
}

static void
put_sample(MrMetricsText *text, const char *const *labels, const char *suffix, const char *le,
		   const char *value)
{
	const char *name = text->family->labels;
	int count = 0;

	put_head(text);
	put(text, text->family->name);
	put(text, suffix);
	for (; *name != '\0'; labels++)
	{
		size_t length = strcspn(name, ",");

		put_label(text, name, length, *labels, &count);
		name += length;
		if (*name == ',')
			name++;
	}
	put_label(text, "le", 2, le, &count);
	put(text, count > 0 ? "} " : " ");
	put(text, value);
	put(text, "\n");
}

static const char *
format_number(double value, char *out, size_t size)
{
	if (isnan(value))
		return "NaN";
	if (isinf(value))
		return value > 0 ? "+Inf" : "-Inf";
	if (value == floor(value) && fabs(value) < 1e15)
		snprintf(out, size, "%.0f", value);
	else
		snprintf(out, size, "%.12g", value);
	return out;
}

void
mr_metrics_text_sample(MrMetricsText *text, const char *const *labels, double value)
{
	char number[40];

	put_sample(text, labels, "", NULL, format_number(value, number, sizeof(number)));
}

void
mr_metrics_text_sample_of(MrMetricsText *text, const char *const *labels, const char *value)
{
	char *end;
	double number = strtod(value, &end);

	if (end != value && *end == '\0')
		mr_metrics_text_sample(text, labels, number);
}

void
mr_metrics_text_histogram(MrMetricsText *text, const char *const *labels,
						  const MrHistogram *histogram)
{
	uint64_t count = 0;
	char number[40];
	int i;

	for (i = 0; i < MR_HISTOGRAM_BUCKETS; i++)
	{
		count = mr_histogram_cumulative(histogram, i);
		snprintf(number, sizeof(number), "%" PRIu64, count);
		put_sample(text, labels, "_bucket", mr_histogram_bound(i), number);
	}
	put_sample(text, labels, "_count", NULL, number);
	format_number((double) histogram->sum_ns / NS_PER_SECOND, number, sizeof(number));
	put_sample(text, labels, "_sum", NULL, number);
}

void
mr_metrics_text_part(MrMetricsText *text, const char *const *labels, const char *kind,
					 const char *le, const char *value)
{
	put_sample(text, labels, kind, le, value);
}

char *
mr_metrics_text_end(MrMetricsText *text)
{
	if (text->open)
		put(text, "# EOF\n");
	put_bytes(text, "", 1);
	if (!text->failed)
		return text->text;
	free(text->text);
	return NULL;
}
