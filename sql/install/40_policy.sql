-- Policy of the cluster: only what somebody has set. Defaults, ranges and units are in
-- the library; multiregion.policies shows both together.

CREATE TABLE multiregion.policy
(
	name text COLLATE "C" PRIMARY KEY,
	value text NOT NULL,
	reason text,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON multiregion.policy
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();

CREATE TABLE multiregion.policy_history
(
	history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text COLLATE "C" NOT NULL,
	old_value text,
	value text,
	reason text,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	change_id bigint
);
