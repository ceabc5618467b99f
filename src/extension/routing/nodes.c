/*
 * The members as routing sees them; see mr_routing_nodes.h.
 *
 * What is known of another node is as old as its last report, what is known of lag as old
 * as the monitor's last measure: both ages are in the candidates, and where the monitor is
 * stuck the lag grows by that age. What this node can ask itself (is it in recovery, is its
 * fence open, how far has it replayed) it does not take from a report.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogrecovery.h"

#include "adapters/mr_pg_peer.h"
#include "extension/mr_functions.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/routing/mr_routing.h"
#include "extension/routing/mr_routing_nodes.h"

/* Who does not lead asks every member for its status every two seconds. */
#define MR_SILENT_MS 3000
/* The monitor measures twice a second; this much later the lag counts as grown. */
#define MR_MEASURED_MS 1000

/* What the workers have published, as last read. */
static uint64 lease_version = 0;
static uint64 monitor_version = 0;
static MrRoutedLease lease;
static MrRoutedMonitor monitor;

/* Members of the configuration that was looked at last. */
static struct
{
	bool valid;
	MrUuid cluster;
	uint64 config_term;
	uint64 config_version;
	uint64 regions_version;
	MrRoutingMember list[MR_MAX_MEMBERS];
	MrRoutingAddress addresses[MR_MAX_MEMBERS]; /* without a port: not parsed yet */
} known;

MrReadWish
mr_routing_wish(void)
{
	MrReadWish wish = mr_route_wish();

	if (mr_max_read_lag_ms >= 0)
		wish.max_lag_ms = mr_max_read_lag_ms;
	return wish;
}

/* ---------- members ---------- */

static void
take_member(MrRoutingMember *out, const MrMember *member)
{
	memset(out, 0, sizeof(*out));
	out->used = member->used;
	if (!member->used)
		return;
	out->witness = member->witness;
	strlcpy(out->name, member->name, sizeof(out->name));
	strlcpy(out->region_key, member->region, sizeof(out->region_key));
	strlcpy(out->conninfo, member->conninfo, sizeof(out->conninfo));
}

/* Parsed when first wanted: most sessions ask for one address, or for none. */
const MrRoutingAddress *
mr_routing_address(int slot)
{
	const MrRoutingMember *member = &known.list[slot];
	MrRoutingAddress *address = &known.addresses[slot];

	if (address->port[0] != '\0')
		return address;
	(void) mr_pg_conninfo_value(member->conninfo, "host", address->host, sizeof(address->host));
	(void) mr_pg_conninfo_value(member->conninfo, "hostaddr", address->hostaddr,
								sizeof(address->hostaddr));
	if (!mr_pg_conninfo_value(member->conninfo, "port", address->port, sizeof(address->port)))
		strlcpy(address->port, DEF_PGPORT_STR, sizeof(address->port));
	if (address->host[0] == '\0')
		strlcpy(address->host, address->hostaddr, sizeof(address->host));
	return address;
}

static bool
is_known(const MrRouteRegions *regions)
{
	return known.valid && mr_uuid_equal(&known.cluster, &lease.cluster) &&
		   known.config_term == lease.config_term && known.config_version == lease.config_version &&
		   known.regions_version == regions->version;
}

/* False when the state went away in this very moment. */
static bool
look_at_members(const MrRouteRegions *regions)
{
	MrLease *state;

	if (is_known(regions))
		return true;
	known.valid = false;
	memset(known.addresses, 0, sizeof(known.addresses));
	state = mr_copy_lease();
	if (state == NULL)
		return false;
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		take_member(&known.list[slot], &state->durable.config.members[slot]);
		known.list[slot].region = (int8) mr_route_find_region(regions, known.list[slot].region_key);
	}
	known.cluster = state->durable.cluster;
	known.config_term = state->durable.config.term;
	known.config_version = state->durable.config.version;
	known.regions_version = regions->version;
	known.valid = true;
	pfree(state);
	return true;
}

/* ---------- one member now ---------- */

static uint32
trait_if(bool condition, uint32 trait)
{
	return condition ? trait : 0;
}

/*
 * Who may write, as far as is known. A node that is out of recovery and does not hold the
 * lease was a primary; so does one that says itself that its lease is not open.
 */
static uint32
traits_of_writer(int slot, bool self, bool in_recovery)
{
	const MrRoutedMember *member = &lease.members[slot];
	bool seen = self || member->reported_ns != 0;
	bool open = self ? mr_fence_is_open() : (member->flags & MR_REPORT_LEASE_OPEN) != 0;
	bool closed = lease.binds && seen && !open;

	if (slot == lease.leader)
		return MR_NODE_PRIMARY | trait_if(closed && (self || !in_recovery), MR_NODE_FENCED);
	if (in_recovery || !seen)
		return 0;
	if (lease.leader == MR_NO_SLOT && slot == lease.last && !self && !lease.last_released &&
		!closed)
		return MR_NODE_LAST_KNOWN;
	return trait_if(lease.binds || lease.leader != MR_NO_SLOT, MR_NODE_FENCED);
}

/* Its own word, or WAL of an older leadership past the point where the newest one began. */
static bool
is_diverged(int slot, const MrRouteNode *node)
{
	if ((lease.members[slot].flags & MR_REPORT_DIVERGED) != 0)
		return true;
	return slot != lease.leader && lease.stamp_lsn != 0 && node->log_term < lease.stamp_term &&
		   node->replay_lsn > lease.stamp_lsn;
}

static bool
is_being_rebuilt(int refusal)
{
	return refusal == MR_REFUSE_REBUILDING || refusal == MR_REFUSE_INCONSISTENT ||
		   refusal == MR_REFUSE_CRASH_RECOVERY;
}

/* After that a member is missed: it would have been heard of three times from the leader. */
static int64
silent_ms(void)
{
	return Max(3 * lease.heartbeat_ms, MR_SILENT_MS);
}

static void
put_traits(MrRouteNode *node, int slot, int64 now_ns)
{
	const MrRoutedMember *member = &lease.members[slot];
	bool self = slot == lease.self;
	bool in_recovery = self ? RecoveryInProgress() : (member->flags & MR_REPORT_IN_RECOVERY) != 0;

	node->traits = MR_NODE_MEMBER | trait_if(self, MR_NODE_SELF) |
				   trait_if(known.list[slot].witness, MR_NODE_WITNESS) |
				   traits_of_writer(slot, self, in_recovery) |
				   trait_if((member->flags & MR_REPORT_STOPPING) != 0, MR_NODE_STOPPING) |
				   trait_if(is_diverged(slot, node), MR_NODE_DIVERGED) |
				   trait_if(member->refusal == MR_REFUSE_REPLAY_PAUSED, MR_NODE_PAUSED) |
				   trait_if(is_being_rebuilt(member->refusal), MR_NODE_REBUILDING);
	if (!self)
		node->traits |=
			trait_if(member->reported_ns == 0, MR_NODE_NEVER_SEEN) |
			trait_if(now_ns - member->reported_ns > silent_ms() * MR_NS_PER_MS, MR_NODE_SILENT);
}

static int64
elapsed_ms(int64 since_ns, int64 now_ns)
{
	if (since_ns == 0)
		return -1;
	return now_ns > since_ns ? (now_ns - since_ns) / MR_NS_PER_MS : 0;
}

/* The bound counts from when the leader's report arrived, and it had been under way. */
static int64
staleness_ms(int slot, int64 now_ns)
{
	int64 since_ms = elapsed_ms(monitor.members[slot].covered_ns, now_ns);
	uint32 way_us = lease.leader != MR_NO_SLOT ? lease.members[lease.leader].round_trip_us : 0;

	return since_ms < 0 ? -1 : since_ms + way_us / 1000 + 1;
}

static void
put_lag(MrRouteNode *node, int slot, int64 now_ns)
{
	const MrRoutedHealth *health = &monitor.members[slot];
	int64 age_ms = elapsed_ms(monitor.measured_ns, now_ns);

	node->lag_bytes = node->lag_ms = node->staleness_ms = -1;
	if (slot == lease.leader)
		node->lag_bytes = node->lag_ms = node->staleness_ms = 0;
	else if (age_ms >= 0)
	{
		node->lag_bytes = health->lag_bytes;
		node->lag_ms = health->lag_ms;
		node->lag_at_least = health->lag_at_least;
		if (node->lag_ms >= 0 && age_ms > MR_MEASURED_MS)
			node->lag_ms += age_ms - MR_MEASURED_MS;
		node->staleness_ms = staleness_ms(slot, now_ns);
	}
	node->age_ms =
		slot == lease.self ? age_ms : elapsed_ms(lease.members[slot].reported_ns, now_ns);
}

/* The lease worker measures those it asks often, the monitor everybody now and then. */
static uint32
round_trip_us(int slot)
{
	uint32 a = lease.members[slot].round_trip_us;
	uint32 b = monitor.members[slot].round_trip_us;

	if (a == 0 || b == 0)
		return Max(a, b);
	return Min(a, b);
}

static void
look_at_node(MrRouteNode *node, int slot, int64 now_ns)
{
	bool self = slot == lease.self;

	memset(node, 0, sizeof(*node));
	node->region = known.list[slot].region;
	if (!known.list[slot].used)
		return;
	node->health = self ? MR_HEALTH_UP : monitor.members[slot].status;
	node->round_trip_us = self ? 0 : round_trip_us(slot);
	node->log_term = lease.members[slot].log_term;
	node->replay_lsn = lease.members[slot].replay_lsn;
	if (self && RecoveryInProgress())
		node->replay_lsn = GetXLogReplayRecPtr(NULL);
	put_lag(node, slot, now_ns);
	put_traits(node, slot, now_ns);
}

/* ---------- all of them ---------- */

void
mr_routing_look(const MrRouteRegions *regions, MrRouting *routing)
{
	int64 now_ns;
	int primary;

	routing->managed = false;
	routing->regions = regions;
	routing->primary_region = MR_NO_REGION;
	routing->members = known.list;
	routing->nodes.count = 0;
	routing->nodes.self = MR_NO_NODE;
	routing->nodes.list = routing->list;
	if (!mr_is_managed())
		return;
	(void) mr_routing_read_lease(&lease_version, &lease);
	(void) mr_routing_read_monitor(&monitor_version, &monitor);
	if (!lease.loaded || !look_at_members(regions))
		return;
	now_ns = mr_boottime_ns();
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
		look_at_node(&routing->list[slot], slot, now_ns);
	routing->managed = true;
	routing->nodes.count = MR_MAX_MEMBERS;
	routing->nodes.self = lease.self;
	primary = lease.leader != MR_NO_SLOT ? lease.leader : lease.last;
	if (primary != MR_NO_SLOT)
		routing->primary_region = known.list[primary].region;
}
