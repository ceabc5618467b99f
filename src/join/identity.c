/*
 * Who this node is: registering with the leader, and the first state file.
 *
 * A new uuid is written down before it is bound to the name: a run that dies in
 * between is followed by one that finds its own binding, not a stranger's.
 * Must never write over a state file that can be read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/mr_state_file.h"
#include "core/mr_topology.h"
#include "join/mr_join_configure.h"
#include "join/mr_join_directory.h"
#include "join/mr_join_files.h"
#include "join/mr_join_identity.h"
#include "join/mr_join_peers.h"

/* The uuid drawn by an earlier run, else a new one, written down. */
static bool
draw_uuid(const char *path, MrUuid *uuid)
{
	char text[64];
	char hex[34];

	if (mr_join_read_file(path, text, sizeof(text)) >= 32)
	{
		text[32] = '\0';
		if (mr_uuid_parse(text, uuid))
			return true;
	}
	if (!mr_uuid_generate(uuid))
		return false;
	mr_uuid_format(uuid, hex);
	hex[32] = '\n';
	return mr_join_write_file(path, hex, 33, 0600);
}

/* A damaged state file is evidence: it is kept beside the new one. */
static bool
keep_damaged(const MrJoin *join)
{
	char from[PATH_MAX];
	char to[PATH_MAX];

	if (join->facts.state != MR_JOIN_STATE_DAMAGED && !join->facts.amnesiac &&
		!join->facts.discarded)
		return true;
	return mr_join_path(from, sizeof(from), join->options.state_directory, "state") &&
		   mr_join_path(to, sizeof(to), join->options.state_directory, "state.damaged") &&
		   mr_join_copy_file(from, to, SIZE_MAX);
}

static int
check_cluster(const MrJoin *join, const MrUuid *mine, const char *whose)
{
	char own[33];
	char theirs[33];

	if (mr_uuid_equal(mine, &join->config.cluster))
		return 0;
	mr_uuid_format(mine, own);
	mr_uuid_format(&join->config.cluster, theirs);
	mr_join_say("%s belongs to cluster %s, but the leader \"%s\" leads cluster %s", whose, own,
				join->facts.leader.node, theirs);
	return MR_JOIN_EXIT_REFUSED;
}

static void
compare_region(const MrJoin *join, const char *region)
{
	if (join->options.region[0] != '\0' && strcasecmp(join->options.region, region) != 0)
		mr_join_say("warning: node \"%s\" is registered in region %s, not %s", join->options.node,
					region, join->options.region);
}

int
mr_join_identify(MrJoin *join)
{
	char region[MR_NAME_SIZE];
	bool refused;

	if (join->config_known)
		return 0;
	if (!mr_join_leader_register(join, &join->durable.node, region, sizeof(region), &refused))
		return refused ? MR_JOIN_EXIT_REFUSED : MR_JOIN_EXIT_RETRY;
	compare_region(join, region);
	return check_cluster(join, &join->durable.cluster, "this node");
}

/* Who needs a new identity still knows its name. */
static const char *
name_of(const MrJoin *join)
{
	return join->facts.amnesiac || join->facts.discarded ? join->durable.name : join->options.node;
}

static void
fill_durable(MrJoin *join, const MrUuid *uuid, const char *region)
{
	MrDurable *durable = &join->durable;
	char name[MR_NAME_SIZE];

	snprintf(name, sizeof(name), "%s", name_of(join));
	memset(durable, 0, sizeof(*durable));
	durable->cluster = join->config.cluster;
	durable->node = *uuid;
	snprintf(durable->name, sizeof(durable->name), "%s", name);
	snprintf(durable->region, sizeof(durable->region), "%s", region);
	/* It has no vote left to give in a term that has a leader. */
	durable->term = join->facts.leader.term;
	durable->max_lease_ms = (uint32_t) join->config.policy.lease_ms;
	durable->config = join->config;
}

int
mr_join_register(MrJoin *join)
{
	char path[PATH_MAX];
	char region[MR_NAME_SIZE];
	MrUuid uuid;
	MrUuid marked;
	bool refused;
	int code;

	if (!mr_join_path(path, sizeof(path), join->options.state_directory, "uuid") ||
		!draw_uuid(path, &uuid) || !keep_damaged(join))
	{
		mr_join_say("could not write to state directory \"%s\": %s", join->options.state_directory,
					strerror(errno));
		return MR_JOIN_EXIT_FAILED;
	}
	if (!mr_join_leader_register(join, &uuid, region, sizeof(region), &refused))
	{
		if (!refused)
			return MR_JOIN_EXIT_RETRY;
		mr_join_hint(
			"add the node on the primary if it is new; if its state file is lost for good, "
			"SELECT multiregion.replace_node('%s') there; then call multiregion-join again",
			name_of(join));
		return MR_JOIN_EXIT_REFUSED;
	}
	if (mr_join_directory_cluster(join->options.pgdata, &marked))
	{
		code = check_cluster(join, &marked, "the data directory");
		if (code != 0)
			return code;
	}
	compare_region(join, region);
	fill_durable(join, &uuid, region);
	if (!mr_join_state_rebuild(join))
		return MR_JOIN_EXIT_FAILED;
	(void) mr_join_remove_file(path);
	mr_join_say("registered as node \"%s\" of region %s", join->durable.name, region);
	return 0;
}
