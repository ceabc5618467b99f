-- What happened. Each node keeps its own events in memory; the primary collects them.

CREATE TABLE multiregion.event
(
	event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	node text COLLATE "C" NOT NULL,
	boot bigint NOT NULL,
	sequence bigint NOT NULL,
	at timestamptz NOT NULL,
	kind text NOT NULL,
	severity text NOT NULL,
	term bigint NOT NULL,
	subject text,
	reason text,
	value bigint,
	detail text,
	UNIQUE (node, boot, sequence)
);

CREATE INDEX event_by_time ON multiregion.event (at);

CREATE TABLE multiregion.failover
(
	failover_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	epoch bigint NOT NULL UNIQUE,
	cause text NOT NULL,
	rule text,
	from_node text,
	from_region text,
	to_node text NOT NULL,
	to_region text NOT NULL,
	detected_at timestamptz,
	elected_at timestamptz,
	promoted_at timestamptz,
	open_at timestamptz,
	first_write_at timestamptz,
	lag_bytes bigint,
	timeline bigint,
	fork_lsn pg_lsn,
	recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	order_id bigint UNIQUE
);

CREATE TABLE multiregion.divergence
(
	divergence_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	node text COLLATE "C" NOT NULL,
	term bigint NOT NULL,
	timeline bigint NOT NULL,
	fork_lsn pg_lsn NOT NULL,
	end_lsn pg_lsn NOT NULL,
	kept_path text,
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	UNIQUE (node, timeline, fork_lsn, end_lsn),
	CHECK (end_lsn >= fork_lsn)
);
