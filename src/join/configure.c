/*
 * Settings, signal files and the state file of a member; see mr_join_configure.h.
 *
 * Must never write when nothing differs (it runs before every start), nor touch a
 * setting that is not one of ours.
 */
#include "join/mr_join_configure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adapters/mr_state_file.h"
#include "core/mr_topology.h"
#include "join/mr_join_directory.h"
#include "join/mr_join_files.h"
#include "join/mr_join_progress.h"

#define AUTO_CONF_BYTES (1024 * 1024)
#define MAX_SETTINGS 6

typedef struct Setting
{
	const char *name;
	char value[PATH_MAX];
} Setting;

/* The running server should know what the next start may do. */
static const char *
reclone_word(MrJoinReclone reclone)
{
	switch (reclone)
	{
		case MR_JOIN_RECLONE_AUTO:
			return "auto";
		case MR_JOIN_RECLONE_NEVER:
			return "never";
		case MR_JOIN_RECLONE_ASK:
			break;
	}
	return "ask";
}

/*
 * Whom a standby follows is the gate's decision; the string only has to be there. It
 * names a database for the copying of logical slots (PostgreSQL 17 and later).
 */
static void
format_placeholder(const char *database, char *out, size_t size)
{
	size_t length = (size_t) snprintf(out, size, "host=multiregion.invalid dbname='");

	for (; *database != '\0' && length + 4 < size; database++)
	{
		if (*database == '\'' || *database == '\\')
			out[length++] = '\\';
		out[length++] = *database;
	}
	snprintf(out + length, size - length, "'");
}

static int
wanted_settings(const MrJoin *join, Setting *settings)
{
	char hex[33];
	int count = 0;

	mr_uuid_format(&join->durable.node, hex);
	if (!join->facts.witness)
	{
		settings[count].name = "primary_conninfo";
		format_placeholder(join->options.database, settings[count++].value, PATH_MAX);
		settings[count].name = "primary_slot_name";
		snprintf(settings[count++].value, PATH_MAX, "mr_%s", hex);
		settings[count].name = "recovery_target_timeline";
		snprintf(settings[count++].value, PATH_MAX, "latest");
		settings[count].name = "multiregion.reclone";
		snprintf(settings[count++].value, PATH_MAX, "%s", reclone_word(join->options.reclone));
	}
	if (join->options.state_directory_given)
	{
		settings[count].name = "multiregion.state_directory";
		snprintf(settings[count++].value, PATH_MAX, "%s", join->options.state_directory);
	}
	if (join->options.peer_options_given)
	{
		settings[count].name = "multiregion.peer_options";
		snprintf(settings[count++].value, PATH_MAX, "%s", join->options.peer_options);
	}
	return count;
}

/* name = 'value' as PostgreSQL's own ALTER SYSTEM writes it. */
static void
format_setting(const Setting *setting, char *out, size_t size)
{
	const char *c;
	size_t length = (size_t) snprintf(out, size, "%s = '", setting->name);

	for (c = setting->value; *c != '\0' && length + 4 < size; c++)
	{
		if (*c == '\'' || *c == '\\')
			out[length++] = *c;
		out[length++] = *c;
	}
	snprintf(out + length, size - length, "'");
}

/* Does the line set this name (in any case, with or without "=")? */
static bool
sets(const char *line, size_t length, const char *name)
{
	size_t wanted = strlen(name);

	while (length > 0 && (*line == ' ' || *line == '\t'))
	{
		line++;
		length--;
	}
	return length > wanted && strncasecmp(line, name, wanted) == 0 &&
		   strchr(" \t=", line[wanted]) != NULL;
}

/* Copies all lines that set none of ours; counts those of ours that are right already. */
static size_t
copy_other_lines(const char *text, char *out, const Setting *settings, int count, int *right,
				 int *ours)
{
	char expected[2 * PATH_MAX + 64];
	size_t length = 0;

	while (*text != '\0')
	{
		size_t size = strcspn(text, "\n");
		int i;

		for (i = 0; i < count && !sets(text, size, settings[i].name); i++)
			;
		if (i < count)
		{
			format_setting(&settings[i], expected, sizeof(expected));
			(*ours)++;
			*right += size == strlen(expected) && memcmp(text, expected, size) == 0;
		}
		else
		{
			memcpy(out + length, text, size);
			length += size;
			out[length++] = '\n';
		}
		text += size + (text[size] == '\n');
	}
	return length;
}

static bool
update_file(const char *path, const char *text, char *out, const Setting *settings, int count)
{
	int right = 0;
	int ours = 0;
	size_t length = copy_other_lines(text, out, settings, count, &right, &ours);
	int i;

	if (right == count && ours == count)
		return true;
	for (i = 0; i < count; i++)
	{
		format_setting(&settings[i], out + length, 2 * PATH_MAX + 64);
		length += strlen(out + length);
		out[length++] = '\n';
	}
	return mr_join_write_file(path, out, length, 0600);
}

bool
mr_join_configure(const MrJoin *join)
{
	Setting settings[MAX_SETTINGS];
	char path[PATH_MAX];
	int count = wanted_settings(join, settings);
	char *text = malloc(AUTO_CONF_BYTES);
	char *out = malloc(AUTO_CONF_BYTES + MAX_SETTINGS * (2 * PATH_MAX + 64));
	ssize_t length = -1;
	bool done = false;

	if (text != NULL && out != NULL &&
		mr_join_path(path, sizeof(path), join->options.pgdata, "postgresql.auto.conf"))
	{
		length = mr_join_read_file(path, text, AUTO_CONF_BYTES);
		if (length < 0 && errno == ENOENT)
		{
			text[0] = '\0';
			length = 0;
		}
		if (length == AUTO_CONF_BYTES - 1)
			errno = EFBIG;
		else if (length >= 0)
			done = update_file(path, text, out, settings, count);
	}
	if (!done)
		mr_join_say("could not write the settings of a member to postgresql.auto.conf: %s",
					strerror(errno));
	free(text);
	free(out);
	return done;
}

bool
mr_join_make_standby(const MrJoin *join)
{
	static const char *const unwanted[] = {"promote", "fallback_promote", "recovery.signal"};
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
	{
		if (!mr_join_path(path, sizeof(path), join->options.pgdata, unwanted[i]) ||
			!mr_join_remove_file(path))
		{
			mr_join_say("could not remove %s: %s", unwanted[i], strerror(errno));
			return false;
		}
	}
	if (mr_join_path(path, sizeof(path), join->options.pgdata, "standby.signal") &&
		(mr_join_exists(path) || mr_join_write_file(path, "", 0, 0600)))
		return true;
	mr_join_say("could not create standby.signal: %s", strerror(errno));
	return false;
}

bool
mr_join_settle(MrJoin *join)
{
	MrJoinProgress none = {.phase = MR_JOIN_PHASE_NONE};

	if (!mr_join_own_files_restore(join) || !mr_join_configure(join))
		return false;
	if (!mr_join_directory_mark(join->options.pgdata, &join->durable.cluster))
	{
		mr_join_say("could not mark the data directory as managed: %s", strerror(errno));
		return false;
	}
	if (!mr_join_make_standby(join) || !mr_join_progress_write(join, &none))
		return false;
	(void) mr_join_own_files_forget(join);
	return true;
}

bool
mr_join_state_write(MrJoin *join)
{
	if (mr_state_file_write(join->options.state_directory, &join->durable))
		return true;
	mr_join_say("could not write the state file in \"%s\": %s", join->options.state_directory,
				strerror(errno));
	return false;
}

/* What was known of a slot's owner says nothing about the next one. */
static void
adopt_config(MrDurable *durable, const MrConfig *config)
{
	int slot;

	if (mr_config_compare(durable->config.term, durable->config.version, config->term,
						  config->version) > 0)
		return;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (!mr_uuid_equal(&durable->config.members[slot].uuid, &config->members[slot].uuid))
			durable->peer_sequence[slot] = 0;
	}
	durable->config = *config;
}

bool
mr_join_state_adopt(MrJoin *join)
{
	MrDurable *durable = &join->durable;

	adopt_config(durable, &join->config);
	if (durable->term < join->facts.leader.term)
	{
		/* It has no vote left to give in a term that has a leader. */
		durable->term = join->facts.leader.term;
		memset(&durable->voted_for, 0, sizeof(durable->voted_for));
		durable->voted_nonce = 0;
	}
	return mr_join_state_write(join);
}

bool
mr_join_state_rebuild(MrJoin *join)
{
	const MrJoinAnswer *leader = &join->facts.leader;
	MrDurable *durable = &join->durable;
	int slot = mr_config_slot_of_name(&join->config, leader->node);

	if (slot == MR_NO_SLOT)
	{
		mr_join_say("the leader \"%s\" is not in its own configuration", leader->node);
		return false;
	}
	durable->log_term = 0;
	durable->rebuilding_term = join->facts.witness ? 0 : leader->term;
	durable->stamp.term = leader->stamp_term;
	durable->stamp.node = join->config.members[slot].uuid;
	durable->stamp.timeline = leader->stamp_timeline;
	durable->stamp.lsn = leader->stamp_lsn;
	if (durable->reserved_timeline < leader->timeline)
		durable->reserved_timeline = leader->timeline;
	adopt_config(durable, &join->config);
	return mr_join_state_write(join);
}
