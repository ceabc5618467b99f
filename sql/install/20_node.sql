-- Nodes. conninfo never leaves this table through a view, a log line or an error.

CREATE TABLE multiregion.node
(
	node_name text COLLATE "C" PRIMARY KEY
		CHECK (node_name OPERATOR(pg_catalog.~) '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$'),
	region_key text COLLATE "C" NOT NULL REFERENCES multiregion.region,
	conninfo text NOT NULL CHECK (pg_catalog.octet_length(conninfo) BETWEEN 1 AND 511),
	hostaddr text NOT NULL DEFAULT '' CHECK (pg_catalog.octet_length(hostaddr) <= 63),
	uuid uuid UNIQUE,
	no_promote boolean NOT NULL DEFAULT false,
	witness boolean NOT NULL DEFAULT false,
	added_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- Names that differ only in case would be taken for one another.
CREATE UNIQUE INDEX node_name_in_any_case ON multiregion.node (pg_catalog.lower(node_name));

CREATE INDEX node_by_region ON multiregion.node (region_key);

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON multiregion.node
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();
