-- One comment for every object, so that \d+ and \df+ explain themselves.

COMMENT ON SCHEMA multiregion IS 'Tables, views and operating functions of the extension multiregion.';

COMMENT ON TABLE multiregion.configuration_version IS 'Counts changes of region, node and policy; a monitor reads them when it differs.';
COMMENT ON COLUMN multiregion.configuration_version.is_only IS 'Keeps the table at one row.';
COMMENT ON COLUMN multiregion.configuration_version.version IS 'Number of statements that changed region, node or policy.';

COMMENT ON TABLE multiregion.region IS 'Regions of the service.';
COMMENT ON COLUMN multiregion.region.region_key IS 'Key in upper case, like US_EAST.';
COMMENT ON COLUMN multiregion.region.region_id IS 'Id in lower case, like us-east-1.';
COMMENT ON COLUMN multiregion.region.name IS 'Display name.';
COMMENT ON COLUMN multiregion.region.latitude IS 'Degrees north; null if unknown.';
COMMENT ON COLUMN multiregion.region.longitude IS 'Degrees east; null if unknown.';
COMMENT ON COLUMN multiregion.region.priority IS 'The smallest number is preferred, as with MX records; among equals the region added first.';
COMMENT ON COLUMN multiregion.region.api_endpoint IS 'URL of the service in this region.';
COMMENT ON COLUMN multiregion.region.cdn_endpoint IS 'URL of the CDN for this region.';
COMMENT ON COLUMN multiregion.region.added_at IS 'When it was added.';
COMMENT ON TRIGGER note_change ON multiregion.region IS 'Counts in configuration_version.';

COMMENT ON TABLE multiregion.node IS 'PostgreSQL servers of the service.';
COMMENT ON COLUMN multiregion.node.node_name IS 'Name of the node.';
COMMENT ON COLUMN multiregion.node.region_key IS 'Region it stands in.';
COMMENT ON COLUMN multiregion.node.conninfo IS 'How other nodes connect to it; holds no password.';
COMMENT ON COLUMN multiregion.node.hostaddr IS 'Numeric address of its host, so that nobody resolves names when it matters; empty for a socket.';
COMMENT ON COLUMN multiregion.node.uuid IS 'Identity of the node that has joined under this name; null until one has.';
COMMENT ON COLUMN multiregion.node.no_promote IS 'True: never becomes primary by itself.';
COMMENT ON COLUMN multiregion.node.witness IS 'True: votes, but holds no data.';
COMMENT ON COLUMN multiregion.node.added_at IS 'When it was added.';
COMMENT ON INDEX multiregion.node_name_in_any_case IS 'Keeps two names from differing in case only.';
COMMENT ON INDEX multiregion.node_by_region IS 'Nodes of a region.';
COMMENT ON TRIGGER note_change ON multiregion.node IS 'Counts in configuration_version.';

COMMENT ON TABLE multiregion.tenant IS 'Region preferences of tenants.';
COMMENT ON COLUMN multiregion.tenant.tenant_id IS 'Id of the tenant in the application; case matters.';
COMMENT ON COLUMN multiregion.tenant.region_key IS 'Preferred region; null after the preference was cleared.';
COMMENT ON COLUMN multiregion.tenant.version IS 'Grows by one with each change; never starts again.';
COMMENT ON COLUMN multiregion.tenant.reason IS 'Why it was changed last.';
COMMENT ON COLUMN multiregion.tenant.changed_by IS 'Role that changed it last.';
COMMENT ON COLUMN multiregion.tenant.changed_at IS 'When it was changed last.';
COMMENT ON INDEX multiregion.tenant_by_region IS 'Tenants of a region.';

COMMENT ON TABLE multiregion.tenant_history IS 'Every change of a region preference.';
COMMENT ON COLUMN multiregion.tenant_history.tenant_id IS 'Id of the tenant.';
COMMENT ON COLUMN multiregion.tenant_history.version IS 'Version that this change made.';
COMMENT ON COLUMN multiregion.tenant_history.region_key IS 'Region chosen; null if the preference was cleared.';
COMMENT ON COLUMN multiregion.tenant_history.reason IS 'Why.';
COMMENT ON COLUMN multiregion.tenant_history.changed_by IS 'Role that changed it.';
COMMENT ON COLUMN multiregion.tenant_history.changed_at IS 'When.';

COMMENT ON TABLE multiregion.policy IS 'Values of the cluster policy that somebody has set.';
COMMENT ON COLUMN multiregion.policy.name IS 'Name of the policy.';
COMMENT ON COLUMN multiregion.policy.value IS 'Value in the unit of the policy.';
COMMENT ON COLUMN multiregion.policy.reason IS 'Why it was set.';
COMMENT ON COLUMN multiregion.policy.changed_by IS 'Role that set it.';
COMMENT ON COLUMN multiregion.policy.changed_at IS 'When it was set.';
COMMENT ON TRIGGER note_change ON multiregion.policy IS 'Counts in configuration_version.';

COMMENT ON TABLE multiregion.policy_history IS 'Every change of the cluster policy.';
COMMENT ON COLUMN multiregion.policy_history.history_id IS 'Number of the change.';
COMMENT ON COLUMN multiregion.policy_history.name IS 'Name of the policy.';
COMMENT ON COLUMN multiregion.policy_history.old_value IS 'Value before; null if it was the default.';
COMMENT ON COLUMN multiregion.policy_history.value IS 'Value after; null if it is the default again.';
COMMENT ON COLUMN multiregion.policy_history.reason IS 'Why.';
COMMENT ON COLUMN multiregion.policy_history.changed_by IS 'Role that changed it.';
COMMENT ON COLUMN multiregion.policy_history.changed_at IS 'When.';

COMMENT ON TABLE multiregion.event IS 'What the nodes saw and did, collected by the primary.';
COMMENT ON COLUMN multiregion.event.event_id IS 'Number of the event.';
COMMENT ON COLUMN multiregion.event.node IS 'Node that saw it.';
COMMENT ON COLUMN multiregion.event.boot IS 'Random number of that start of the node.';
COMMENT ON COLUMN multiregion.event.sequence IS 'Number of the event in that start.';
COMMENT ON COLUMN multiregion.event.at IS 'When, by the clock of that node.';
COMMENT ON COLUMN multiregion.event.kind IS 'What happened, in a word.';
COMMENT ON COLUMN multiregion.event.severity IS 'info, warning or critical.';
COMMENT ON COLUMN multiregion.event.term IS 'Lease term (epoch) it belongs to.';
COMMENT ON COLUMN multiregion.event.subject IS 'Node or region it is about.';
COMMENT ON COLUMN multiregion.event.reason IS 'Why, in a word; the cause for lease_acquired.';
COMMENT ON COLUMN multiregion.event.value IS 'A number that belongs to it; its meaning depends on kind.';
COMMENT ON COLUMN multiregion.event.detail IS 'More, as text.';
COMMENT ON INDEX multiregion.event_by_time IS 'Events of a time.';

COMMENT ON TABLE multiregion.failover IS 'Changes of the primary.';
COMMENT ON COLUMN multiregion.failover.failover_id IS 'Number of the failover.';
COMMENT ON COLUMN multiregion.failover.epoch IS 'Lease term it began.';
COMMENT ON COLUMN multiregion.failover.cause IS 'Why the leadership began, in a word.';
COMMENT ON COLUMN multiregion.failover.rule IS 'Why this successor.';
COMMENT ON COLUMN multiregion.failover.from_node IS 'Primary before; null if unknown.';
COMMENT ON COLUMN multiregion.failover.from_region IS 'Its region.';
COMMENT ON COLUMN multiregion.failover.to_node IS 'Primary after.';
COMMENT ON COLUMN multiregion.failover.to_region IS 'Its region.';
COMMENT ON COLUMN multiregion.failover.detected_at IS 'When the successor learned that the lease was free.';
COMMENT ON COLUMN multiregion.failover.elected_at IS 'When it won the lease.';
COMMENT ON COLUMN multiregion.failover.promoted_at IS 'When its recovery had ended.';
COMMENT ON COLUMN multiregion.failover.open_at IS 'First moment at which a write could be acknowledged.';
COMMENT ON COLUMN multiregion.failover.first_write_at IS 'When the first write was acknowledged.';
COMMENT ON COLUMN multiregion.failover.lag_bytes IS 'Last known distance to the old primary when it was decided.';
COMMENT ON COLUMN multiregion.failover.timeline IS 'Timeline of the new primary.';
COMMENT ON COLUMN multiregion.failover.fork_lsn IS 'Where that timeline begins.';
COMMENT ON COLUMN multiregion.failover.recorded_at IS 'When this row was written.';

COMMENT ON TABLE multiregion.divergence IS 'WAL of a former primary that the new one never had; kept aside by multiregion-join.';
COMMENT ON COLUMN multiregion.divergence.divergence_id IS 'Number of the divergence.';
COMMENT ON COLUMN multiregion.divergence.node IS 'Node that held the WAL.';
COMMENT ON COLUMN multiregion.divergence.term IS 'Newest lease term whose WAL it held.';
COMMENT ON COLUMN multiregion.divergence.timeline IS 'Timeline of the diverged WAL.';
COMMENT ON COLUMN multiregion.divergence.fork_lsn IS 'Where it leaves the history of the new primary.';
COMMENT ON COLUMN multiregion.divergence.end_lsn IS 'Where it ends.';
COMMENT ON COLUMN multiregion.divergence.kept_path IS 'Where its segments are, on that node.';
COMMENT ON COLUMN multiregion.divergence.at IS 'When it was recorded.';

COMMENT ON FUNCTION @extschema@.region_for_tenant(text, boolean) IS 'Home region of a tenant: its preference, else the primary region; strict: null for a tenant without preference.';
COMMENT ON FUNCTION @extschema@.set_tenant_region(text, text, text, bigint) IS 'Sets the region preference of a tenant.';
COMMENT ON FUNCTION @extschema@.clear_tenant_region(text, text, bigint) IS 'Removes the region preference of a tenant; false if it had none.';
COMMENT ON FUNCTION @extschema@.gateway_region() IS 'Region of the node this session is connected to; null on an unmanaged server.';
COMMENT ON FUNCTION @extschema@.primary_region() IS 'Region of the newest primary this node knows of; null on an unmanaged server.';
COMMENT ON FUNCTION @extschema@.nearest_region(double precision, double precision) IS 'Region nearest to a place on earth; null if no region has coordinates.';
COMMENT ON FUNCTION @extschema@.add_region(text, text, text, double precision, double precision, integer, text, text) IS 'Adds a region; the smallest priority is preferred.';
COMMENT ON FUNCTION @extschema@.alter_region(text, text, double precision, double precision, integer, text, text) IS 'Changes what is given of a region; null leaves as it is, an empty endpoint removes it.';
COMMENT ON FUNCTION @extschema@.drop_region(text) IS 'Removes a region that no node and no tenant uses.';
COMMENT ON FUNCTION @extschema@.add_node(text, text, text, boolean, boolean) IS 'Registers a node before it is built; multiregion-join makes it a member.';
COMMENT ON FUNCTION @extschema@.alter_node(text, text, boolean, boolean) IS 'Changes what is given of a node.';
COMMENT ON FUNCTION @extschema@.drop_node(text) IS 'Removes a node from the cluster.';

COMMENT ON FUNCTION multiregion.note_change() IS 'Trigger: counts a change in configuration_version.';
COMMENT ON FUNCTION multiregion.rpc(bytea) IS 'One message of the lease protocol, from the lease worker of a peer; its signature never changes.';
COMMENT ON FUNCTION multiregion.init(text, text, text, text[], text) IS 'Makes this server the first node of a managed cluster.';
COMMENT ON FUNCTION multiregion.leave() IS 'Makes the last node of a cluster a plain server again.';
COMMENT ON FUNCTION multiregion.set_mode(text, text) IS 'Sets the mode of the whole cluster, without a restart: off, observe or manage.';
COMMENT ON FUNCTION multiregion.enlist_node(text, bytea) IS 'Makes a running standby a member that observes; the primary calls it.';
COMMENT ON FUNCTION multiregion.register_node(text, uuid) IS 'Binds a registered name to the identity of the node that joins; returns the configuration in force.';
COMMENT ON FUNCTION multiregion.replace_node(text) IS 'Unbinds a name from an identity that is lost, so that a new node can join under it.';
COMMENT ON FUNCTION multiregion.check() IS 'Looks for settings of this server that would bite later.';
COMMENT ON FUNCTION multiregion.set_policy(text, text, text) IS 'Sets a policy of the cluster; null returns to the default. Returns the value as stored.';
COMMENT ON FUNCTION multiregion.list_policies() IS 'Every policy with its default, range, unit and the value in force; behind the view policies.';
COMMENT ON FUNCTION multiregion.lease_status() IS 'The lease as this node sees it.';
COMMENT ON FUNCTION multiregion.member_status() IS 'The members of the cluster as this node sees them.';
COMMENT ON FUNCTION multiregion.region_status() IS 'Health of the regions that have members, as this node sees it.';
COMMENT ON FUNCTION multiregion.pending_events(bigint) IS 'Events of this node since its start, after the given sequence number.';
COMMENT ON FUNCTION multiregion.wait_for_change(bigint, integer) IS 'Waits until the status differs from the given generation, or for the timeout; returns the generation. Call it alone: SELECT multiregion.wait_for_change(g, ms).';
COMMENT ON FUNCTION multiregion.request_checkpoint() IS 'Immediate checkpoint, so that the control file shows the current timeline; for multiregion-join.';
COMMENT ON FUNCTION multiregion.record_divergence(text, bigint, bigint, pg_lsn, pg_lsn, text) IS 'Records diverged WAL that multiregion-join has kept aside; false if it was recorded before.';

COMMENT ON VIEW multiregion.regions IS 'Regions, which of them is primary, and their health.';
COMMENT ON VIEW multiregion.nodes IS 'Nodes, their role and health.';
COMMENT ON VIEW multiregion.replication IS 'How far every member has got.';
COMMENT ON VIEW multiregion.tenants IS 'Tenants with a region preference.';
COMMENT ON VIEW multiregion.failovers IS 'Changes of the primary, newest first.';
COMMENT ON VIEW multiregion.events IS 'What the nodes saw and did, newest first.';
COMMENT ON VIEW multiregion.policies IS 'The cluster policy: values wanted and in force, defaults, ranges.';
COMMENT ON VIEW multiregion.settings IS 'Every setting of cluster and node in one list.';
