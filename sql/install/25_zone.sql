-- Residency zones: regions that a tenant of the zone may be in. Zones may overlap: a
-- country lies in a union.

CREATE TABLE multiregion.zone
(
	zone text COLLATE "C" PRIMARY KEY
		CHECK (zone OPERATOR(pg_catalog.~) '^[A-Z][A-Z0-9_]{0,62}$'),
	regions text[] COLLATE "C" NOT NULL
		CHECK (pg_catalog.cardinality(regions) BETWEEN 1 AND 64),
	strict boolean NOT NULL,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON multiregion.zone
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();

-- Copies of the zones in memory depend on it.
ALTER TABLE multiregion.zone ENABLE ALWAYS TRIGGER note_change;
