-- Hooks: what the operator has run after a failover, and switchovers at a time of day.

CREATE TABLE multiregion.hook_run
(
	epoch bigint NOT NULL,
	hook text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL
		CHECK (state IN ('waiting', 'running', 'done', 'failed', 'skipped')),
	attempts integer NOT NULL DEFAULT 0,
	started_at timestamptz,
	ended_at timestamptz,
	detail text,
	PRIMARY KEY (epoch, hook)
);

CREATE TABLE multiregion.schedule
(
	schedule_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	due_at timestamptz NOT NULL,
	target text,
	away boolean NOT NULL,
	reason text,
	state text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN
		('waiting', 'running', 'done', 'refused', 'interrupted', 'missed', 'cancelled')),
	rule text,
	epoch bigint,
	order_id bigint UNIQUE,
	scheduled_by text NOT NULL,
	scheduled_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	started_at timestamptz,
	ended_at timestamptz,
	cancelled_by text
);

CREATE INDEX schedule_open ON multiregion.schedule (due_at)
	WHERE state IN ('waiting', 'running');
