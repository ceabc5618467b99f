-- Identities that may not come back: whoever has one joins anew, as a clone.
CREATE TABLE multiregion.retired_identity
(
	uuid uuid PRIMARY KEY,
	node_name text COLLATE "C" NOT NULL,
	reason text NOT NULL CHECK (reason IN ('forced', 'replaced')),
	retired_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
