-- Operating functions: what administrators, peers, multiregion-join and the sidecar call.

-- The protocol between nodes. Name, signature and C symbol never change: nodes of
-- different versions talk through it.
CREATE FUNCTION multiregion.rpc(message bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'multiregion_rpc'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION multiregion.init(
	node text,
	region text,
	conninfo text DEFAULT NULL,
	ignore text[] DEFAULT NULL,
	mode text DEFAULT 'manage')
	RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_init'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.set_mode(mode text, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_set_mode'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.enlist_node(node_name text, configuration bytea) RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_enlist_node'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.leave() RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_leave'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.register_node(node_name text, uuid uuid) RETURNS bytea
	AS 'MODULE_PATHNAME', 'multiregion_register_node'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.replace_node(node_name text) RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_replace_node'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.check(
	OUT name text,
	OUT ok boolean,
	OUT severity text,
	OUT detail text,
	OUT hint text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_check'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.set_policy(
	name text,
	value text,
	reason text DEFAULT NULL,
	expected_version bigint DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_set_policy'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.reset_policy(
	name text,
	reason text DEFAULT NULL,
	expected_version bigint DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_reset_policy'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.rollback_policy(
	to_version bigint,
	reason text DEFAULT NULL,
	expected_version bigint DEFAULT NULL,
	dry_run boolean DEFAULT false,
	OUT name text,
	OUT old_value text,
	OUT value text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_rollback_policy'
	LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 5;

CREATE FUNCTION multiregion.policy_version() RETURNS bigint
	AS 'MODULE_PATHNAME', 'multiregion_policy_version'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.list_policies(
	OUT name text,
	OUT default_value text,
	OUT in_force text,
	OUT unit text,
	OUT min_value text,
	OUT max_value text,
	OUT description text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_list_policies'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 20;

CREATE FUNCTION multiregion.list_variables(
	OUT name text,
	OUT owner text,
	OUT default_value text,
	OUT description text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_list_variables'
	LANGUAGE c STABLE PARALLEL SAFE ROWS 50;

CREATE FUNCTION multiregion.lease_status(
	OUT managed boolean,
	OUT mode text,
	OUT node text,
	OUT region text,
	OUT role text,
	OUT term bigint,
	OUT primary_node text,
	OUT primary_region text,
	OUT is_primary boolean,
	OUT writable boolean,
	OUT lease_remaining_ms bigint,
	OUT timeline bigint,
	OUT log_term bigint,
	OUT stamp_term bigint,
	OUT stamp_timeline bigint,
	OUT stamp_lsn pg_lsn,
	OUT config_version bigint,
	OUT reason text,
	OUT fenced boolean,
	OUT stopping boolean,
	OUT generation bigint)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_lease_status'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION multiregion.member_status(
	OUT node_name text,
	OUT region_key text,
	OUT role text,
	OUT voter boolean,
	OUT status text,
	OUT consecutive_failures integer,
	OUT lag_bytes bigint,
	OUT lag_ms bigint,
	OUT wal_end pg_lsn,
	OUT replay_lsn pg_lsn,
	OUT timeline bigint,
	OUT log_term bigint,
	OUT round_trip_ms double precision,
	OUT eligible boolean,
	OUT reason text,
	OUT heard_ms bigint,
	OUT checked_at timestamptz)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_member_status'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5;

CREATE FUNCTION multiregion.region_status(
	OUT region_key text,
	OUT is_primary boolean,
	OUT status text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_region_status'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5;

CREATE FUNCTION multiregion.pending_events(
	after bigint DEFAULT 0,
	OUT boot bigint,
	OUT sequence bigint,
	OUT at timestamptz,
	OUT kind text,
	OUT severity text,
	OUT term bigint,
	OUT subject text,
	OUT reason text,
	OUT value bigint,
	OUT detail text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_pending_events'
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED ROWS 20;

CREATE FUNCTION multiregion.member_conninfo(
	OUT node_name text,
	OUT region_key text,
	OUT conninfo text,
	OUT hostaddr text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_member_conninfo'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5;

CREATE FUNCTION multiregion.commit_token() RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_commit_token'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION multiregion.act_as(role text, claims text) RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_act_as'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION multiregion.wait_for_change(generation bigint, timeout_ms integer) RETURNS bigint
	AS 'MODULE_PATHNAME', 'multiregion_wait_for_change'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION multiregion.request_checkpoint() RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_request_checkpoint'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION multiregion.record_divergence(
	node_name text,
	term bigint,
	timeline bigint,
	fork_lsn pg_lsn,
	end_lsn pg_lsn,
	kept_path text DEFAULT NULL)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'multiregion_record_divergence'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

-- What the sidecar calls for POST /api/regions/failover/manual: refusals are answers.
CREATE FUNCTION multiregion.request_failover(
	target text,
	allow_data_loss boolean DEFAULT false,
	dry_run boolean DEFAULT false,
	timeout_ms integer DEFAULT 30000,
	OUT status text,
	OUT failover_id text,
	OUT kind text,
	OUT from_node text,
	OUT from_region text,
	OUT to_node text,
	OUT to_region text,
	OUT epoch bigint,
	OUT duration_ms bigint,
	OUT lost_bytes bigint,
	OUT rule text,
	OUT reason text,
	OUT nodes jsonb)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_request_failover'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.failover_result(
	failover_id text,
	OUT status text,
	OUT order_id text,
	OUT kind text,
	OUT from_node text,
	OUT from_region text,
	OUT to_node text,
	OUT to_region text,
	OUT epoch bigint,
	OUT duration_ms bigint,
	OUT lost_bytes bigint,
	OUT rule text,
	OUT reason text,
	OUT nodes jsonb)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_failover_result'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.failover_forecast(
	OUT successor text,
	OUT successor_region text,
	OUT outage_ms bigint,
	OUT commits_at_risk bigint,
	OUT bytes_at_risk bigint,
	OUT reason text)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_failover_forecast'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION multiregion.cache_status(
	OUT in_use boolean,
	OUT size_bytes bigint,
	OUT slots bigint,
	OUT tenants bigint,
	OUT hits bigint,
	OUT misses bigint,
	OUT evictions bigint,
	OUT changes bigint)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_cache_status'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION multiregion.node_counters(
	OUT refused_statements bigint,
	OUT refused_commits bigint,
	OUT unacknowledged_commits bigint,
	OUT write_check_failures bigint,
	OUT failovers_last_hour bigint,
	OUT failback_due_at timestamptz)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_node_counters'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION multiregion.member_counters(
	OUT node_name text,
	OUT region_key text,
	OUT checks bigint,
	OUT failed_checks bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_member_counters'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5;

CREATE FUNCTION multiregion.alert_status(
	OUT alert text,
	OUT severity text,
	OUT subject text,
	OUT region_key text,
	OUT since timestamptz,
	OUT value bigint,
	OUT threshold bigint,
	OUT unit text,
	OUT reason text,
	OUT runbook text,
	OUT sentence text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_alert_status'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5;

CREATE FUNCTION multiregion.list_alerts(
	OUT alert text,
	OUT severity text,
	OUT about text,
	OUT unit text,
	OUT policy text,
	OUT after_ms bigint,
	OUT runbook text,
	OUT sentence text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_list_alerts'
	LANGUAGE c STABLE PARALLEL SAFE ROWS 30;

CREATE FUNCTION multiregion.lag_status(
	period interval,
	OUT node_name text,
	OUT region_key text,
	OUT samples integer,
	OUT min_bytes bigint,
	OUT median_bytes bigint,
	OUT p99_bytes bigint,
	OUT max_bytes bigint,
	OUT min_ms bigint,
	OUT median_ms bigint,
	OUT p99_ms bigint,
	OUT max_ms bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_lag_status'
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED ROWS 8;

CREATE FUNCTION multiregion.newest_commit() RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_newest_commit'
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED;
