-- Who may do what. Tables: nobody but their owner; functions do their work as the owner
-- of the schema after the privilege to call them was checked. What pg_rewind asks of a
-- server is granted by multiregion.init() (mr_catalog_grant.h says why not here).

GRANT USAGE ON SCHEMA multiregion TO PUBLIC;

-- The public API lives in the schema the extension was created in. Everybody may use
-- "public"; of another one the sidecar has to be let in. PostgreSQL takes a grant of this
-- script for an initial privilege of the schema, which pg_dump leaves out and which names
-- a dead role after DROP ROLE: it is made an ordinary grant.
DO $do$
BEGIN
	IF NOT pg_catalog.has_schema_privilege('multiregion_api',
		pg_catalog.to_regnamespace('@extschema@')::oid, 'USAGE') THEN
		GRANT USAGE ON SCHEMA @extschema@ TO multiregion_api;
	END IF;
END
$do$;

SET LOCAL allow_system_table_mods = on;
UPDATE pg_catalog.pg_init_privs AS p
SET initprivs = ARRAY(SELECT item FROM pg_catalog.unnest(p.initprivs) AS item
	WHERE NOT EXISTS (SELECT FROM pg_catalog.aclexplode(ARRAY[item]) AS a
		WHERE a.grantee OPERATOR(pg_catalog.=) 'multiregion_api'::pg_catalog.regrole))
WHERE p.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
	AND p.objoid OPERATOR(pg_catalog.=) pg_catalog.to_regnamespace('@extschema@');
DELETE FROM pg_catalog.pg_init_privs AS p USING pg_catalog.pg_namespace AS n
WHERE n.oid OPERATOR(pg_catalog.=) pg_catalog.to_regnamespace('@extschema@')
	AND p.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
	AND p.objoid OPERATOR(pg_catalog.=) n.oid AND p.privtype OPERATOR(pg_catalog.=) 'e'
	AND p.initprivs OPERATOR(pg_catalog.=) pg_catalog.acldefault('n', n.nspowner);
RESET allow_system_table_mods;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA multiregion FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.set_tenant_region(text, text, text, bigint, text, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.clear_tenant_region(text, text, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.region_for_tenant_at(text, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.set_tenant_zone(text, text, text, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.add_zone(text, text[], boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.alter_zone(text, text[], boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.drop_zone(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.add_region_preference(text, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.remove_region_preference(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.add_region(text, text, text, double precision, double precision, integer, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.alter_region(text, text, double precision, double precision, integer, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.drop_region(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.map_country(text, text, integer, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.unmap_country(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.add_node(text, text, text, boolean, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.add_witness(text, text, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.alter_node(text, text, boolean, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.drop_node(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pause_failover(interval, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.resume_failover(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.explain_failover(text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.explain_route(text, boolean, text[], interval, text, text, bigint, double precision, double precision) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.conninfo_for(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.switchover(text, boolean, boolean, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.failover(text, boolean, boolean, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.schedule_switchover(timestamptz, text, boolean, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.cancel_switchover(bigint) FROM PUBLIC;

-- Everybody: the answers of routing (region_for_tenant and its like keep PUBLIC's right).
GRANT EXECUTE ON FUNCTION multiregion.region_status() TO PUBLIC;
GRANT SELECT ON multiregion.regions TO PUBLIC;

-- Administrators.
GRANT EXECUTE ON FUNCTION
	@extschema@.set_tenant_region(text, text, text, bigint, text, text[]),
	@extschema@.clear_tenant_region(text, text, bigint),
	@extschema@.set_tenant_zone(text, text, text, bigint),
	@extschema@.add_zone(text, text[], boolean),
	@extschema@.alter_zone(text, text[], boolean),
	@extschema@.drop_zone(text),
	@extschema@.add_region_preference(text, text, text, text),
	@extschema@.remove_region_preference(text),
	@extschema@.add_region(text, text, text, double precision, double precision, integer, text, text),
	@extschema@.alter_region(text, text, double precision, double precision, integer, text, text),
	@extschema@.drop_region(text),
	@extschema@.map_country(text, text, integer, text),
	@extschema@.unmap_country(text, text, text),
	@extschema@.add_node(text, text, text, boolean, boolean),
	@extschema@.add_witness(text, text, text, boolean),
	@extschema@.alter_node(text, text, boolean, boolean),
	@extschema@.drop_node(text),
	@extschema@.pause_failover(interval, text, text, text),
	@extschema@.resume_failover(text, text),
	@extschema@.switchover(text, boolean, boolean, interval),
	@extschema@.failover(text, boolean, boolean, interval),
	multiregion.init(text, text, text, text[], text),
	multiregion.set_mode(text, text),
	multiregion.leave(),
	multiregion.replace_node(text),
	multiregion.set_policy(text, text, text, bigint),
	multiregion.reset_policy(text, text, bigint),
	multiregion.rollback_policy(bigint, text, bigint, boolean)
	TO multiregion_admin;

-- The sidecar too: it asks its own clients who they are.
GRANT EXECUTE ON FUNCTION
	multiregion.request_failover(text, boolean, boolean, integer),
	multiregion.failover_result(text),
	@extschema@.schedule_switchover(timestamptz, text, boolean, text),
	@extschema@.cancel_switchover(bigint)
	TO multiregion_admin, multiregion_api;

-- Peers: the lease workers and monitors of other nodes, and multiregion-join.
GRANT EXECUTE ON FUNCTION
	multiregion.rpc(bytea),
	multiregion.register_node(text, uuid),
	multiregion.enlist_node(text, bytea),
	multiregion.pending_events(bigint),
	multiregion.request_checkpoint(),
	multiregion.newest_commit(),
	multiregion.record_divergence(text, bigint, bigint, pg_lsn, pg_lsn, text)
	TO multiregion_peer;

-- The sidecar: what its API can change on the primary, the way there, and where the commit
-- lies. Revoke these, and its write endpoints answer 403.
GRANT EXECUTE ON FUNCTION
	@extschema@.set_tenant_region(text, text, text, bigint, text, text[]),
	@extschema@.clear_tenant_region(text, text, bigint),
	multiregion.member_conninfo(),
	multiregion.commit_token(),
	multiregion.act_as(text, text)
	TO multiregion_api;

-- Whoever makes a change through the sidecar, in a role of his own, is told where it lies.
GRANT EXECUTE ON FUNCTION multiregion.commit_token() TO multiregion_admin;

-- Status.
GRANT EXECUTE ON FUNCTION
	multiregion.check(),
	multiregion.list_policies(),
	multiregion.list_variables(),
	multiregion.policy_version(),
	multiregion.lease_status(),
	multiregion.member_status(),
	multiregion.failover_forecast(),
	multiregion.cache_status(),
	multiregion.node_counters(),
	multiregion.member_counters(),
	@extschema@.explain_failover(text[]),
	multiregion.wait_for_change(bigint, integer),
	multiregion.alert_status(),
	multiregion.list_alerts(),
	multiregion.lag_status(interval)
	TO multiregion_admin, multiregion_peer, multiregion_api, pg_monitor;
GRANT SELECT ON
	multiregion.nodes,
	multiregion.replication,
	multiregion.lag_windows,
	multiregion.region_lag,
	multiregion.alerts,
	multiregion.alert_history,
	multiregion.failovers,
	multiregion.country_regions,
	multiregion.zones,
	multiregion.pauses,
	multiregion.scheduled_switchovers,
	multiregion.hooks,
	multiregion.events,
	multiregion.policies,
	multiregion.policy_changes,
	multiregion.settings,
	multiregion.tenant_cache
	TO multiregion_admin, multiregion_peer, multiregion_api, pg_monitor;
GRANT SELECT ON
	multiregion.tenants,
	multiregion.tenant_routes,
	multiregion.tenant_changes,
	multiregion.tenant_import,
	multiregion.residency_violations
	TO multiregion_admin, multiregion_api, pg_monitor;
GRANT INSERT ON multiregion.tenant_import TO multiregion_admin;
GRANT EXECUTE ON FUNCTION
	@extschema@.region_for_tenant_at(text, timestamptz),
	multiregion.list_preferences()
	TO multiregion_admin, multiregion_api, pg_monitor;
GRANT SELECT ON multiregion.region_preferences TO multiregion_admin, multiregion_api, pg_monitor;

-- Routing, as far as it shows more than an answer: what is known of each node, and all of
-- their addresses at once.
GRANT EXECUTE ON FUNCTION
	@extschema@.explain_route(text, boolean, text[], interval, text, text, bigint, double precision, double precision),
	@extschema@.conninfo_for(text, text)
	TO multiregion_admin, multiregion_api, pg_monitor;

-- Tables are data: pg_dump takes them along. The counter is not: triggers count anew.
SELECT pg_catalog.pg_extension_config_dump('multiregion.region', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.node', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.retired_identity', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.zone', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.tenant', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.tenant_history', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.country_region', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.policy', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.policy_history', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.policy_history_history_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.pause', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.event', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.event_event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.alert', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.alert_alert_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.failover', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.failover_failover_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.hook_run', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.schedule', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.schedule_schedule_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.divergence', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.divergence_divergence_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.configuration_version', 'WHERE false');
