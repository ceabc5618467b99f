/*
 * Reads files of settings (.env.multiregion). Parsing is pure; one function touches
 * the file system. It must never put a value into a message: values are passwords.
 * Called by the sidecar's settings.
 */
#include "adapters/mr_env_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_name_character(char c, bool first)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_')
		return true;
	return !first && c >= '0' && c <= '9';
}

bool
mr_env_is_name(const char *name)
{
	size_t i;

	for (i = 0; name[i] != '\0'; i++)
		if (!is_name_character(name[i], i == 0))
			return false;
	return i > 0;
}

void
mr_env_open(MrEnvReader *reader, const char *text, size_t size)
{
	static const char mark[] = "\xEF\xBB\xBF";

	memset(reader, 0, sizeof(*reader));
	reader->text = text;
	reader->size = size;
	if (size >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0)
		reader->at = strlen(mark);
}

static MrEnvNews
refuse(MrEnvReader *reader, const char *problem)
{
	reader->problem = problem;
	return MR_ENV_PROBLEM;
}

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

/* What may follow a quoted value: blanks and a comment. */
static bool
nothing_follows(const char *at, const char *end)
{
	at = skip_blanks(at, end);
	return at == end || *at == '#';
}

/* Writes one character of the value; false when it is full. */
static bool
put(MrEnvReader *reader, size_t *length, char c)
{
	if (*length + 1 >= sizeof(reader->value))
		return false;
	reader->value[(*length)++] = c;
	reader->value[*length] = '\0';
	return true;
}

static MrEnvNews
take_quoted(MrEnvReader *reader, const char *at, const char *end)
{
	char quote = *at++;
	size_t length = 0;

	for (; at < end && *at != quote; at++)
	{
		char c = *at;

		if (quote == '"' && c == '\\')
		{
			if (++at == end)
				break;
			if (strchr("nt\"\\$", *at) == NULL)
				return refuse(reader,
							  "the escape in the value is not one of \\n \\t \\\" \\\\ \\$");
			c = *at == 'n' ? '\n' : *at == 't' ? '\t' : *at;
		}
		if (!put(reader, &length, c))
			return refuse(reader, "the value is too long");
	}
	if (at == end)
		return refuse(reader, "the quote is not closed on the same line");
	if (!nothing_follows(at + 1, end))
		return refuse(reader, "something follows the closing quote");
	return MR_ENV_PAIR;
}

static MrEnvNews
take_plain(MrEnvReader *reader, const char *at, const char *end)
{
	size_t length = 0;
	const char *stop = at;

	while (stop < end && !(*stop == '#' && (stop == at || is_blank(stop[-1]))))
		stop++;
	while (stop > at && is_blank(stop[-1]))
		stop--;
	for (; at < stop; at++)
		if (!put(reader, &length, *at))
			return refuse(reader, "the value is too long");
	return MR_ENV_PAIR;
}

/* One line without its end; it has something else than a comment. */
static MrEnvNews
take_line(MrEnvReader *reader, const char *at, const char *end)
{
	static const char export_word[] = "export";
	size_t word = strlen(export_word);
	const char *name;
	size_t length;

	if (memchr(at, '\0', (size_t) (end - at)) != NULL)
		return refuse(reader, "the line holds a NUL character");
	if ((size_t) (end - at) > word && memcmp(at, export_word, word) == 0 && is_blank(at[word]))
		at = skip_blanks(at + word, end);
	name = at;
	while (at < end && is_name_character(*at, at == name))
		at++;
	length = (size_t) (at - name);
	at = skip_blanks(at, end);
	if (length == 0 || at == end || *at != '=')
		return refuse(reader, "the line is not of the form NAME=value");
	if (length >= sizeof(reader->name))
		return refuse(reader, "the name is too long");
	memcpy(reader->name, name, length);
	reader->name[length] = '\0';
	reader->value[0] = '\0';
	at = skip_blanks(at + 1, end);
	if (at < end && (*at == '"' || *at == '\''))
		return take_quoted(reader, at, end);
	return take_plain(reader, at, end);
}

MrEnvNews
mr_env_next(MrEnvReader *reader)
{
	while (reader->at < reader->size)
	{
		const char *start = reader->text + reader->at;
		const char *end = memchr(start, '\n', reader->size - reader->at);

		if (end == NULL)
			end = reader->text + reader->size;
		reader->at = (size_t) (end - reader->text) + 1;
		reader->line++;
		if (end > start && end[-1] == '\r')
			end--;
		start = skip_blanks(start, end);
		if (start == end || *start == '#')
			continue;
		return take_line(reader, start, end);
	}
	return MR_ENV_END;
}

/* A pipe is waited for only so long: who reads may be a server, in a reload. */
static bool
wait_for_more(int fd)
{
	struct pollfd wanted = {.fd = fd, .events = POLLIN};
	int ready = poll(&wanted, 1, MR_ENV_FILE_WAIT_MS);

	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0 || (ready < 0 && errno == EINTR);
}

/* Reads up to limit bytes; the number, or -1 with errno. */
static ssize_t
read_all(int fd, char *out, size_t limit)
{
	size_t done = 0;

	while (done < limit)
	{
		ssize_t count = read(fd, out + done, limit - done);

		if (count < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_more(fd))))
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		done += (size_t) count;
	}
	return (ssize_t) done;
}

char *
mr_env_file_read(const char *path, size_t *size, unsigned int *mode)
{
	/* At the other end of a FIFO may be nobody. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text;
	struct stat status;
	ssize_t count = -1;
	int problem;

	if (fd < 0)
		return NULL;
	text = malloc(MR_ENV_FILE_BYTES + 1);
	if (text == NULL)
		errno = ENOMEM;
	else if (fstat(fd, &status) == 0)
		count = read_all(fd, text, MR_ENV_FILE_BYTES + 1);
	if (count > MR_ENV_FILE_BYTES)
	{
		count = -1;
		errno = EFBIG;
	}
	problem = errno;
	close(fd);
	if (count < 0)
	{
		free(text);
		errno = problem;
		return NULL;
	}
	*size = (size_t) count;
	*mode = (unsigned int) status.st_mode & 07777;
	return text;
}
