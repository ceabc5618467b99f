/*
 * The event loop and its clocks. One loop, one thread: everything here happens in
 * callbacks that return soon.
 */
#ifndef MR_LOOP_H
#define MR_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "core/mr_limits.h"

/* Makes the loop; libevent's own messages go to our log. NULL without memory. */
extern struct event_base *mr_loop_open(void);

/* CLOCK_BOOTTIME: what ages are measured with; goes on while the machine is suspended. */
extern int64_t mr_loop_now_ns(void);

/* Milliseconds of wall clock since 1970, for showing only. */
extern int64_t mr_loop_wall_ms(void);

#define MR_TIMESTAMP_SIZE 32

/* "2026-11-23T09:31:23.123Z" */
extern void mr_loop_format_time(int64_t wall_ms, char out[MR_TIMESTAMP_SIZE]);

/* Arms a timer event (made with evtimer_new) once, delay_ms from now; again moves it. */
extern void mr_loop_arm(struct event *timer, int64_t delay_ms);

#endif /* MR_LOOP_H */
