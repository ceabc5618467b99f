/*
 * Writes passwords where libpq finds them and nobody else reads them; see
 * mr_passfile.h. It must never leave a password in a file of another mode than 0600.
 * Called by init_nodes.c.
 */
#include "sidecar/mr_passfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/mr_env_file.h"

/* Writes a field, ':' and '\' escaped, and returns the place behind it. */
static char *
put_field(char *out, const char *field)
{
	for (; *field != '\0'; field++)
	{
		if (*field == ':' || *field == '\\')
			*out++ = '\\';
		*out++ = *field;
	}
	return out;
}

/* "host:port:*:user:", by which two lines are about the same thing. */
static char *
put_key(char *out, const MrPassEntry *entry)
{
	out = put_field(out, entry->host);
	*out++ = ':';
	out = put_field(out, entry->port);
	memcpy(out, ":*:", 3);
	out = put_field(out + 3, entry->user);
	*out++ = ':';
	return out;
}

static size_t
entry_space(const MrPassEntry *entry)
{
	return 2 * (strlen(entry->host) + strlen(entry->port) + strlen(entry->user) +
				strlen(entry->password)) +
		   8;
}

/* Whether a line of the old text is replaced by one of the entries. */
static bool
is_replaced(const char *line, size_t length, const MrPassEntry *entries, size_t count,
			char *scratch)
{
	size_t i;

	for (i = 0; i < count; i++)
	{
		size_t key = (size_t) (put_key(scratch, &entries[i]) - scratch);

		if (length >= key && memcmp(line, scratch, key) == 0)
			return true;
	}
	return false;
}

char *
mr_passfile_merge(const char *text, const MrPassEntry *entries, size_t count)
{
	size_t space = strlen(text) + 2;
	char *result;
	char *scratch;
	char *out;
	size_t i;

	for (i = 0; i < count; i++)
		space += entry_space(&entries[i]);
	result = malloc(space);
	scratch = malloc(space);
	if (result == NULL || scratch == NULL)
	{
		free(result);
		free(scratch);
		return NULL;
	}
	out = result;
	for (i = 0; i < count; i++)
	{
		out = put_field(put_key(out, &entries[i]), entries[i].password);
		*out++ = '\n';
	}
	while (*text != '\0')
	{
		size_t length = strcspn(text, "\n");

		if (!is_replaced(text, length, entries, count, scratch))
		{
			memcpy(out, text, length);
			out += length;
			*out++ = '\n';
		}
		text += length + (text[length] == '\n' ? 1 : 0);
	}
	*out = '\0';
	free(scratch);
	return result;
}

static bool
write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0)
	{
		ssize_t count = write(fd, text, left);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return false;
		text += count;
		left -= (size_t) count;
	}
	return fsync(fd) == 0;
}

/* Creates the file under another name and renames it. */
static bool
replace_file(const char *path, const char *text)
{
	char other[4096];
	int problem;
	bool good;
	int fd;

	if ((size_t) snprintf(other, sizeof(other), "%s.new", path) >= sizeof(other))
	{
		errno = ENAMETOOLONG;
		return false;
	}
	(void) unlink(other);
	fd = open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return false;
	good = write_all(fd, text);
	problem = errno;
	close(fd);
	if (good && rename(other, path) == 0)
		return true;
	if (good)
		problem = errno;
	(void) unlink(other);
	errno = problem;
	return false;
}

MrPassfileResult
mr_passfile_update(const char *path, const MrPassEntry *entries, size_t count)
{
	size_t size = 0;
	unsigned int mode = S_IRUSR | S_IWUSR;
	char *raw = mr_env_file_read(path, &size, &mode);
	char *old;
	char *text;
	MrPassfileResult result = MR_PASSFILE_FAILED;

	if (raw == NULL && errno != ENOENT)
		return MR_PASSFILE_FAILED;
	old = raw != NULL ? strndup(raw, size) : strdup("");
	free(raw);
	text = old != NULL ? mr_passfile_merge(old, entries, count) : NULL;
	if (text == NULL)
		errno = ENOMEM;
	else if (strcmp(text, old) == 0 && mode == (S_IRUSR | S_IWUSR))
		result = MR_PASSFILE_UNCHANGED;
	else if (replace_file(path, text))
		result = MR_PASSFILE_WRITTEN;
	free(old);
	free(text);
	return result;
}
