-- Pauses of failover. One row a thing that is paused; one that is over means nothing.

CREATE TABLE multiregion.pause
(
	scope text NOT NULL CHECK (scope IN ('cluster', 'region', 'node')),
	name text COLLATE "C" NOT NULL,
	paused_until timestamptz NOT NULL,
	reason text,
	paused_by text NOT NULL,
	paused_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (scope, name)
);

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON multiregion.pause
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();
