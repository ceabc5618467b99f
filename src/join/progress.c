/*
 * The memory of an unfinished run; see mr_join_progress.h. Lines of "word value".
 *
 * Must never be read for another data directory than the one it was written for.
 */
#include "join/mr_join_progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "join/mr_join_files.h"

#define FILE_BYTES (4 * PATH_MAX + 256)

static const char *const phase_words[] = {"none", "rewind", "clone", "swap", "settle"};

static bool
file_path(const MrJoin *join, char *out, size_t size)
{
	return mr_join_path(out, size, join->options.state_directory, "join");
}

bool
mr_join_progress_exists(const MrJoin *join)
{
	char path[PATH_MAX];

	return file_path(join, path, sizeof(path)) && mr_join_exists(path);
}

static bool
take_line(MrJoinProgress *progress, char *pgdata, const char *word, const char *value)
{
	size_t i;

	if (strcmp(word, "pgdata") == 0)
		snprintf(pgdata, PATH_MAX, "%s", value);
	else if (strcmp(word, "temporary") == 0)
		snprintf(progress->temporary, PATH_MAX, "%s", value);
	else if (strcmp(word, "kept") == 0)
		snprintf(progress->kept, PATH_MAX, "%s", value);
	else if (strcmp(word, "aside") == 0)
		snprintf(progress->aside, PATH_MAX, "%s", value);
	else if (strcmp(word, "timeline") == 0)
		progress->timeline = (uint32_t) strtoul(value, NULL, 10);
	else if (strcmp(word, "phase") == 0)
	{
		for (i = 1; i < sizeof(phase_words) / sizeof(phase_words[0]); i++)
		{
			if (strcmp(value, phase_words[i]) == 0)
				progress->phase = (MrJoinPhase) i;
		}
	}
	else
		return false;
	return true;
}

bool
mr_join_progress_read(const MrJoin *join, MrJoinProgress *progress)
{
	char path[PATH_MAX];
	char text[FILE_BYTES];
	char pgdata[PATH_MAX] = "";
	char *line;
	char *rest = NULL;

	memset(progress, 0, sizeof(*progress));
	if (!file_path(join, path, sizeof(path)) || mr_join_read_file(path, text, sizeof(text)) < 0)
	{
		if (errno == ENOENT || errno == ENOTDIR)
			return true;
		mr_join_say("could not read \"%s\": %s", path, strerror(errno));
		return false;
	}
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
	{
		char *value = strchr(line, ' ');

		if (value == NULL)
			break;
		*value++ = '\0';
		if (!take_line(progress, pgdata, line, value))
			break;
	}
	if (line == NULL && progress->phase != MR_JOIN_PHASE_NONE &&
		strcmp(pgdata, join->options.pgdata) == 0)
		return true;
	mr_join_say("\"%s\" tells of unfinished work that is not understood, or in another data "
				"directory (%s)",
				path, pgdata[0] != '\0' ? pgdata : "none named");
	mr_join_hint(
		"call multiregion-join with that data directory, or remove the file if it is gone");
	return false;
}

bool
mr_join_progress_write(const MrJoin *join, const MrJoinProgress *progress)
{
	char path[PATH_MAX];
	char text[FILE_BYTES];
	int length;
	bool done;

	if (!file_path(join, path, sizeof(path)))
		return false;
	if (progress->phase == MR_JOIN_PHASE_NONE)
		done = mr_join_remove_file(path);
	else
	{
		length = snprintf(text, sizeof(text), "phase %s\npgdata %s\ntimeline %u\n",
						  phase_words[progress->phase], join->options.pgdata, progress->timeline);
		if (progress->temporary[0] != '\0')
			length += snprintf(text + length, sizeof(text) - (size_t) length, "temporary %s\n",
							   progress->temporary);
		if (progress->kept[0] != '\0')
			length += snprintf(text + length, sizeof(text) - (size_t) length, "kept %s\n",
							   progress->kept);
		if (progress->aside[0] != '\0')
			length += snprintf(text + length, sizeof(text) - (size_t) length, "aside %s\n",
							   progress->aside);
		done = mr_join_write_file(path, text, (size_t) length, 0600);
	}
	if (!done)
		mr_join_say("could not write \"%s\": %s", path, strerror(errno));
	return done;
}
