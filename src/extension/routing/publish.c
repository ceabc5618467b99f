/*
 * The lease worker's and the monitor's knowledge for routing, in shared memory; see
 * mr_routing_shared.h. Nothing here decides, and nothing here waits.
 */
#include "postgres.h"

#include "core/mr_route_node.h"
#include "extension/mr_shared_state.h"
#include "extension/routing/mr_routing_shared.h"

void
mr_routing_shared_initialize(MrRoutingShared *shared)
{
	pg_atomic_init_u64(&shared->lease_version, 0);
	pg_atomic_init_u64(&shared->monitor_version, 0);
}

/*
 * The newer of a writer's two copies, unless *version is it already. Who is overtaken by the
 * writer reads again.
 */
static bool
read_copy(pg_atomic_uint64 *newest, const void *copies, size_t size, uint64 *version, void *out)
{
	if (pg_atomic_read_u64(newest) == *version)
		return false;
	do
	{
		*version = pg_atomic_read_u64(newest);
		pg_memory_barrier();
		memcpy(out, (const char *) copies + (*version & 1) * size, size);
		pg_memory_barrier();
	} while (pg_atomic_read_u64(newest) != *version);
	return true;
}

/* ---------- the lease worker's part ---------- */

static void
take_member(MrRoutedMember *out, const MrRoutedMember *before, const MrPeer *peer)
{
	out->log_term = peer->report.log_term;
	out->replay_lsn = peer->report.replay_lsn;
	out->reported_ns = peer->reported_ns;
	out->flags = peer->report.flags;
	out->refusal = peer->report.refusal;
	out->heard_ns = before->heard_ns;
	out->round_trip_us = before->round_trip_us;
	if (peer->round_trip_us != 0 && peer->heard_ns != before->heard_ns)
	{
		out->round_trip_us = mr_route_smooth(before->round_trip_us, peer->round_trip_us);
		out->heard_ns = peer->heard_ns;
	}
}

/* Whose lease is known to have ended, since it said so itself. */
static bool
is_released(const MrLease *lease, int slot)
{
	return lease->released.term >= lease->durable.stamp.term && lease->released.term != 0 &&
		   slot != MR_NO_SLOT &&
		   mr_uuid_equal(&lease->released.holder, &lease->durable.config.members[slot].uuid);
}

void
mr_routing_publish_lease(const MrLease *lease)
{
	MrRoutingShared *shared = &mr_shared->routing;
	uint64 next = pg_atomic_read_u64(&shared->lease_version) + 1;
	const MrRoutedLease *before = &shared->lease[(next - 1) & 1];
	MrRoutedLease *out = &shared->lease[next & 1];
	const MrDurable *durable = &lease->durable;
	const MrConfig *config = &durable->config;
	bool same_members = mr_uuid_equal(&before->cluster, &durable->cluster) &&
						before->config_term == config->term &&
						before->config_version == config->version;
	static const MrRoutedMember nobody;

	pg_memory_barrier(); /* who reads this copy sees first that it is not the newest */
	out->loaded = lease->loaded;
	out->binds = mr_config_binds(config);
	out->self = (int8) lease->self;
	out->leader = (int8) lease->leader;
	out->last = (int8) mr_config_slot_of(config, &durable->stamp.node);
	out->last_released = is_released(lease, out->last);
	out->cluster = durable->cluster;
	out->config_term = config->term;
	out->config_version = config->version;
	out->stamp_term = durable->stamp.term;
	out->stamp_lsn = durable->stamp.lsn;
	out->heartbeat_ms = config->policy.heartbeat_ms;
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
		take_member(&out->members[slot], same_members ? &before->members[slot] : &nobody,
					&lease->peers[slot]);
	pg_memory_barrier();
	pg_atomic_write_u64(&shared->lease_version, next);
}

bool
mr_routing_read_lease(uint64 *version, MrRoutedLease *out)
{
	MrRoutingShared *shared = &mr_shared->routing;

	return read_copy(&shared->lease_version, shared->lease, sizeof(*out), version, out);
}

/* ---------- the monitor's part ---------- */

void
mr_routing_publish_monitor(void)
{
	MrRoutingShared *shared = &mr_shared->routing;
	uint64 next = pg_atomic_read_u64(&shared->monitor_version) + 1;
	MrRoutedMonitor *out = &shared->monitor[next & 1];

	pg_memory_barrier();
	out->measured_ns = mr_shared->monitor.measured_ns;
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrNodeHealth *node = &mr_shared->monitor.nodes[slot];
		MrRoutedHealth *health = &out->members[slot];

		health->status = (uint8) node->state.status;
		health->lag_at_least = node->lag_at_least;
		health->round_trip_us = node->round_trip_us;
		health->lag_bytes = node->lag_bytes;
		health->lag_ms = node->lag_ms;
		health->covered_ns = node->covered_ns;
	}
	pg_memory_barrier();
	pg_atomic_write_u64(&shared->monitor_version, next);
}

bool
mr_routing_read_monitor(uint64 *version, MrRoutedMonitor *out)
{
	MrRoutingShared *shared = &mr_shared->routing;

	return read_copy(&shared->monitor_version, shared->monitor, sizeof(*out), version, out);
}
