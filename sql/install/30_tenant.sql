-- Tenants. A tenant whose preference was cleared keeps its row with region_key null, so
-- that its version never starts again: a writer with an old version cannot win by accident.

CREATE TABLE multiregion.tenant
(
	tenant_id text COLLATE "C" PRIMARY KEY
		CHECK (pg_catalog.octet_length(tenant_id) BETWEEN 1 AND 255),
	region_key text COLLATE "C" REFERENCES multiregion.region,
	version bigint NOT NULL CHECK (version > 0),
	reason text,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	mode text NOT NULL DEFAULT 'prefer' CHECK (mode IN ('prefer', 'pin')),
	fallbacks text[] COLLATE "C" CHECK (pg_catalog.cardinality(fallbacks) BETWEEN 1 AND 7),
	zone text COLLATE "C" REFERENCES multiregion.zone,
	CONSTRAINT tenant_rule CHECK (region_key IS NOT NULL OR (mode = 'prefer' AND fallbacks IS NULL))
);

CREATE INDEX tenant_by_region ON multiregion.tenant (region_key) WHERE region_key IS NOT NULL;
CREATE INDEX tenant_by_zone ON multiregion.tenant (zone) WHERE zone IS NOT NULL;

-- Every change there ever was; regions that are gone may be named.
CREATE TABLE multiregion.tenant_history
(
	tenant_id text COLLATE "C",
	version bigint,
	region_key text COLLATE "C",
	reason text,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	mode text NOT NULL DEFAULT 'prefer',
	fallbacks text[] COLLATE "C",
	zone text COLLATE "C",
	changed_xid xid8 DEFAULT pg_catalog.pg_current_xact_id(),
	PRIMARY KEY (tenant_id, version)
);

-- Who follows the changes (the sidecar, for HAProxy) asks for those from the oldest transaction
-- that was not over when it asked last: positions in commits' order that any node knows.
CREATE INDEX tenant_history_by_xid ON multiregion.tenant_history (changed_xid);
