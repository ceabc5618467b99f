/*
 * Files of settings like .env.multiregion: NAME=VALUE, one a line.
 *
 *     # a comment
 *     NAME=value up to a comment   # like this
 *     export NAME='taken literally'
 *     NAME="with \n \t \" \\ \$ escapes"
 *
 * Nothing is expanded: a `$` stands for itself. Values do not span lines.
 */
#ifndef MR_ENV_FILE_H
#define MR_ENV_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_ENV_NAME_SIZE 128
#define MR_ENV_VALUE_SIZE 4096
#define MR_ENV_FILE_BYTES (1024 * 1024) /* largest file read */
#define MR_ENV_FILE_WAIT_MS 1000        /* longest pause of who writes into a pipe */

typedef enum MrEnvNews
{
	MR_ENV_END,    /* no more lines */
	MR_ENV_PAIR,   /* name and value are set */
	MR_ENV_PROBLEM /* the line cannot be read: problem says why; go on with the next */
} MrEnvNews;

typedef struct MrEnvReader
{
	const char *text;
	size_t size;
	size_t at;
	int line;            /* of the last news, from 1 */
	const char *problem; /* static sentence without the line's content */
	char name[MR_ENV_NAME_SIZE];
	char value[MR_ENV_VALUE_SIZE];
} MrEnvReader;

/* Begins at the start of text, which must stay until the end. */
extern void mr_env_open(MrEnvReader *reader, const char *text, size_t size);

/* The next line that says something. */
extern MrEnvNews mr_env_next(MrEnvReader *reader);

/* Whether this is a name: letters, digits and underscores, no digit first. */
extern bool mr_env_is_name(const char *name);

/*
 * Reads a whole file; the text is to be freed with free(). NULL with errno when it
 * cannot be read (EFBIG beyond MR_ENV_FILE_BYTES). *mode gets its permission bits. A FIFO
 * without a writer is empty; who writes may pause for MR_ENV_FILE_WAIT_MS, else ETIMEDOUT.
 */
extern char *mr_env_file_read(const char *path, size_t *size, unsigned int *mode);

#endif /* MR_ENV_FILE_H */
