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

/* Writes an entry's line and returns the place behind it. */
static char *
put_entry(char *out, const MrPassEntry *entry)
{
	out = put_field(put_key(out, entry), entry->password);
	*out++ = '\n';
	return out;
}

/* Index of the entry that a line is about; count if it is about none. */
static size_t
entry_of(const char *line, size_t length, const MrPassEntry *entries, size_t count, char *scratch)
{
	size_t i;

	for (i = 0; i < count; i++)
	{
		size_t key = (size_t) (put_key(scratch, &entries[i]) - scratch);

		if (length >= key && memcmp(line, scratch, key) == 0)
			break;
	}
	return i;
}

/*
 * Whether the entry has its line already, before any line for all hosts: libpq takes the
 * first line that fits.
 */
static bool
has_place(const char *text, const MrPassEntry *entry, char *scratch)
{
	while (*text != '\0' && *text != '*')
	{
		size_t length = strcspn(text, "\n");

		if (entry_of(text, length, entry, 1, scratch) == 0)
			return true;
		text += length + (text[length] == '\n' ? 1 : 0);
	}
	return false;
}

/* The old lines, with those of the entries replaced; the place behind them. */
static char *
put_old(char *out, const char *text, const MrPassEntry *entries, size_t count, bool *waiting,
		char *scratch)
{
	while (*text != '\0')
	{
		size_t length = strcspn(text, "\n");
		size_t i = entry_of(text, length, entries, count, scratch);

		if (i == count)
		{
			memcpy(out, text, length);
			out += length;
			*out++ = '\n';
		}
		else if (waiting[i])
		{
			out = put_entry(out, &entries[i]);
			waiting[i] = false;
		}
		text += length + (text[length] == '\n' ? 1 : 0);
	}
	return out;
}

char *
mr_passfile_merge(const char *text, const MrPassEntry *entries, size_t count)
{
	size_t space = strlen(text) + 2;
	bool *waiting = calloc(count + 1, sizeof(*waiting)); /* for its place among the old lines */
	char *result;
	char *scratch;
	char *out;
	size_t i;

	for (i = 0; i < count; i++)
		space += entry_space(&entries[i]);
	result = malloc(space);
	scratch = malloc(space);
	if (result == NULL || scratch == NULL || waiting == NULL)
	{
		free(result);
		free(scratch);
		free(waiting);
		return NULL;
	}
	out = result;
	for (i = 0; i < count; i++)
	{
		waiting[i] = has_place(text, &entries[i], scratch);
		if (!waiting[i])
			out = put_entry(out, &entries[i]);
	}
	out = put_old(out, text, entries, count, waiting, scratch);
	*out = '\0';
	free(scratch);
	free(waiting);
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

/* What the file has to hold, to be freed; NULL with errno. *same: it does already. */
static char *
wanted_text(const char *path, const MrPassEntry *entries, size_t count, bool *same)
{
	size_t size = 0;
	unsigned int mode = S_IRUSR | S_IWUSR;
	char *raw = mr_env_file_read(path, &size, &mode);
	char *old;
	char *text;

	if (raw == NULL && errno != ENOENT)
		return NULL;
	old = raw != NULL ? strndup(raw, size) : strdup("");
	free(raw);
	text = old != NULL ? mr_passfile_merge(old, entries, count) : NULL;
	if (text == NULL)
		errno = ENOMEM;
	else
		*same = strcmp(text, old) == 0 && mode == (S_IRUSR | S_IWUSR);
	free(old);
	return text;
}

MrPassfileResult
mr_passfile_update(const char *path, const MrPassEntry *entries, size_t count)
{
	bool same = false;
	char *text = wanted_text(path, entries, count, &same);
	MrPassfileResult result = MR_PASSFILE_FAILED;

	if (text != NULL && same)
		result = MR_PASSFILE_UNCHANGED;
	else if (text != NULL && replace_file(path, text))
		result = MR_PASSFILE_WRITTEN;
	free(text);
	return result;
}

MrPassfileResult
mr_passfile_look(const char *path, const MrPassEntry *entries, size_t count)
{
	bool same = false;
	char *text = wanted_text(path, entries, count, &same);
	char *folder = strdup(path);
	char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
	MrPassfileResult result = MR_PASSFILE_FAILED;

	if (slash != NULL)
		slash[slash == folder ? 1 : 0] = '\0';
	if (text != NULL && same)
		result = MR_PASSFILE_UNCHANGED;
	else if (text != NULL && folder != NULL &&
			 access(slash != NULL ? folder : ".", W_OK | X_OK) == 0)
		result = MR_PASSFILE_WRITTEN;
	free(text);
	free(folder);
	return result;
}
