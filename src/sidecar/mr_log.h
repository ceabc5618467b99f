/*
 * Lines on standard error: "2026-11-23 09:31:23.123Z multiregiond[42]: warning: text".
 *
 * One line an event; control characters in the text are replaced, so that nothing a
 * client sends can forge a line. Never holds a connection string or a password.
 */
#ifndef MR_LOG_H
#define MR_LOG_H

#include <stdbool.h>

/* X(symbol, word), the most urgent first */
#define MR_LOG_LIST(X) \
	X(MR_LOG_ERROR, "error") \
	X(MR_LOG_WARNING, "warning") \
	X(MR_LOG_INFO, "info") \
	X(MR_LOG_DEBUG, "debug")

#define MR_LOG_ENUM(symbol, word) symbol,
typedef enum MrLogLevel
{
	MR_LOG_LIST(MR_LOG_ENUM) MR_LOG_COUNT
} MrLogLevel;
#undef MR_LOG_ENUM

/* Writes a line, if the level is shown. printf format. */
extern void mr_log(MrLogLevel level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Shows this level and all more urgent ones (at first: info). */
extern void mr_log_set_level(MrLogLevel level);

/* The level of a word; false for an unknown one. */
extern bool mr_log_level_from_name(const char *word, MrLogLevel *level);

#endif /* MR_LOG_H */
