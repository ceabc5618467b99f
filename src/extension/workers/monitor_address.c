/*
 * Addresses of members that are known by name: on the primary, the name in a
 * member's conninfo is looked up again every minute, and a new address goes into
 * multiregion.node, from where it becomes part of the configuration.
 *
 * The lease worker connects to numeric addresses only, because a resolver can block.
 * This step does block, for a few seconds at the worst (see resolver.c); it looks up
 * one name a turn, so the rest of the monitor runs in between, and neither heartbeats
 * nor clients ever wait for it. All nodes use the address the primary sees: names that
 * mean something else in each region cannot be used, a hostaddr in the conninfo can.
 * Called by monitor_worker.c.
 */
#include "postgres.h"

#include "adapters/mr_resolver.h"
#include "extension/mr_catalog.h"
#include "extension/workers/mr_monitor.h"

#define MR_ADDRESS_ROUND_NS (60 * MR_NS_PER_S)

/*
 * The name to look up for a member; false if there is none: an address is given
 * already, or the server is reached through a socket directory.
 */
static bool
name_of(const MrMember *member, char *host, size_t size)
{
	if (mr_pg_conninfo_value(member->conninfo, "hostaddr", host, size))
		return false;
	return mr_pg_conninfo_value(member->conninfo, "host", host, size) && host[0] != '\0' &&
		   host[0] != '/' && host[0] != '@';
}

static void
refresh(MrMonitor *monitor, int slot, const char *host)
{
	const MrMember *member = &MR_MONITOR_CONFIG(monitor)->members[slot];
	char address[MR_HOSTADDR_SIZE];
	const char *problem;

	problem = mr_resolver_look_up(host, member->hostaddr, address);
	if (problem != NULL)
	{
		ereport(LOG,
				(errmsg("multiregion: could not look up the address of node \"%s\": %s",
						member->name, problem),
				 errdetail_log("The last known address \"%s\" stays in use.", member->hostaddr)));
		return;
	}
	if (strcmp(address, member->hostaddr) == 0 || !mr_monitor_begin(monitor))
		return;
	mr_catalog_set_hostaddr(member->name, address);
	mr_monitor_end(monitor);
}

/* One look-up a turn; after the last member, a pause, unless the configuration changes. */
void
mr_monitor_address(MrMonitor *monitor)
{
	const MrConfig *config = MR_MONITOR_CONFIG(monitor);
	char host[MR_CONNINFO_SIZE];

	if (!monitor->records || (monitor->now_ns < monitor->next_address_ns &&
							  monitor->address_config_version == config->version))
		return;
	monitor->address_config_version = config->version;
	while (monitor->next_address < MR_MAX_MEMBERS)
	{
		int slot = monitor->next_address++;

		if (config->members[slot].used && name_of(&config->members[slot], host, sizeof(host)))
		{
			refresh(monitor, slot, host);
			return;
		}
	}
	monitor->next_address = 0;
	monitor->next_address_ns = monitor->now_ns + MR_ADDRESS_ROUND_NS;
}
