/*
 * The log of multiregiond; see mr_log.h. One write(2) a line, so that lines of several
 * processes do not mix. It must never block or fail the caller: a line that cannot be
 * written now is lost, as when nobody reads the pipe that standard error is. Called by
 * everything in this folder.
 */
#include "sidecar/mr_log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 2048
#define LEVEL_WORD(symbol, word) [symbol] = word,

static const char *const words[MR_LOG_COUNT] = {MR_LOG_LIST(LEVEL_WORD)};
static MrLogLevel shown = MR_LOG_INFO;

void
mr_log_set_level(MrLogLevel level)
{
	shown = level;
}

bool
mr_log_level_from_name(const char *word, MrLogLevel *level)
{
	int i;

	for (i = 0; i < MR_LOG_COUNT; i++)
		if (strcmp(words[i], word) == 0)
		{
			*level = (MrLogLevel) i;
			return true;
		}
	return false;
}

/* Writes time, program and level; the length. */
static size_t
write_prefix(char *line, size_t size, MrLogLevel level)
{
	struct timespec now;
	struct tm parts;
	char date[32];
	int length;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &parts);
	length = snprintf(line, size, "%s.%03ldZ multiregiond[%ld]: %s: ", date, now.tv_nsec / 1000000,
					  (long) getpid(), words[level]);
	return (size_t) length;
}

/* Whether a write would not wait: a pipe that takes anything takes more than a line. */
static bool
is_taken(void)
{
	struct pollfd reader = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&reader, 1, 0) == 1 && (reader.revents & POLLOUT) != 0;
}

void
mr_log(MrLogLevel level, const char *format, ...)
{
	char line[LINE_SIZE];
	size_t start;
	size_t length;
	size_t i;
	va_list arguments;

	if (level > shown)
		return;
	start = write_prefix(line, sizeof(line), level);
	va_start(arguments, format);
	vsnprintf(line + start, sizeof(line) - start - 1, format, arguments);
	va_end(arguments);
	length = strlen(line);
	for (i = start; i < length; i++)
		if ((unsigned char) line[i] < ' ' || line[i] == 0x7F)
			line[i] = ' ';
	line[length++] = '\n';
	/* Nothing can be done, and nobody told, if the log is gone. */
	if (!is_taken() || write(STDERR_FILENO, line, length) < 0)
		return;
}
