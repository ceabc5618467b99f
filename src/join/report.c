/*
 * What multiregion-join says, and its clock. Every message is one line of its own, so
 * that a log of many nodes can be searched. Must never print a connection string.
 */
#include "join/mr_join.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void print_line(const char *label, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* One write: lines of a supervisor's other programs do not get between. */
static void
print_line(const char *label, const char *format, va_list args)
{
	char line[2048];
	int length = snprintf(line, sizeof(line), "multiregion-join: %s", label);
	int more = vsnprintf(line + length, sizeof(line) - (size_t) length - 1, format, args);
	ssize_t written;

	if (more < 0)
		return;
	length += more;
	if (length > (int) sizeof(line) - 2)
		length = (int) sizeof(line) - 2;
	line[length++] = '\n';
	written = write(STDERR_FILENO, line, (size_t) length);
	(void) written;
}

void
mr_join_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("", format, args);
	va_end(args);
}

void
mr_join_hint(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("hint: ", format, args);
	va_end(args);
}

int64_t
mr_join_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * MR_NS_PER_S + now.tv_nsec;
}
