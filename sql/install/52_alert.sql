-- What is wrong, or was: a row each time an alert was raised. The subject of an alert that is
-- about the cluster is empty.
CREATE TABLE multiregion.alert
(
	alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	alert text COLLATE "C" NOT NULL,
	severity text NOT NULL,
	subject text COLLATE "C" NOT NULL,
	region_key text,
	since timestamptz NOT NULL,
	raised_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	cleared_at timestamptz,
	value bigint,
	threshold bigint,
	reason text,
	node text NOT NULL
);

CREATE UNIQUE INDEX alert_open ON multiregion.alert (alert, subject) WHERE cleared_at IS NULL;
