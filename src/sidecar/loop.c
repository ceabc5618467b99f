/*
 * The event loop of multiregiond: libevent's, with its messages in our log.
 * Called by serve.c and by whoever needs a clock or a timer.
 */
#include "sidecar/mr_loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sidecar/mr_log.h"

static void
take_message(int severity, const char *message)
{
	MrLogLevel level = MR_LOG_DEBUG;

	if (severity == EVENT_LOG_ERR)
		level = MR_LOG_ERROR;
	else if (severity == EVENT_LOG_WARN)
		level = MR_LOG_WARNING;
	mr_log(level, "libevent: %s", message);
}

/* libevent gives up only when its data is damaged: end, and let the supervisor restart us. */
static void
give_up(int code)
{
	mr_log(MR_LOG_ERROR, "libevent gave up with code %d", code);
	abort();
}

struct event_base *
mr_loop_open(void)
{
	event_set_log_callback(take_message);
	event_set_fatal_callback(give_up);
	return event_base_new();
}

int64_t
mr_loop_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t) now.tv_sec * MR_NS_PER_S + now.tv_nsec;
}

int64_t
mr_loop_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / MR_NS_PER_MS;
}

void
mr_loop_format_time(int64_t wall_ms, char out[MR_TIMESTAMP_SIZE])
{
	time_t seconds = (time_t) (wall_ms / 1000);
	struct tm parts;
	size_t length;

	gmtime_r(&seconds, &parts);
	length = strftime(out, MR_TIMESTAMP_SIZE - 5, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(out + length, MR_TIMESTAMP_SIZE - length, ".%03dZ", (int) (wall_ms % 1000));
}

void
mr_loop_arm(struct event *timer, int64_t delay_ms)
{
	struct timeval delay;

	if (delay_ms < 0)
		delay_ms = 0;
	delay.tv_sec = delay_ms / 1000;
	delay.tv_usec = delay_ms % 1000 * 1000;
	(void) event_add(timer, &delay);
}
