-- Proves that every alert is listed with a threshold that can be set, that the record of
-- alerts has one open row for each at most, and what a server of no cluster says of lag.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;

SELECT alert, severity, about, unit, policy, after_ms, runbook FROM multiregion.list_alerts();
SELECT count(*) AS unknown FROM multiregion.list_alerts() AS l
WHERE l.policy IS NOT NULL AND l.policy NOT IN (SELECT p.name FROM multiregion.policies AS p);

-- ---------- a server of no cluster ----------

SELECT * FROM multiregion.alerts;
SELECT * FROM multiregion.lag_windows;
SELECT * FROM multiregion.region_lag;
SELECT * FROM multiregion.lag_status('1 hour');
SELECT * FROM multiregion.lag_status(NULL);

-- ---------- periods ----------

SELECT count(*) FROM multiregion.lag_status('1 second');
SELECT * FROM multiregion.lag_status('0.9 seconds');
\echo :SQLSTATE
SELECT * FROM multiregion.lag_status('1 hour 0.1 seconds');
SELECT * FROM multiregion.lag_status('-1 minute');
SELECT * FROM multiregion.lag_status('1 month -719 hours');
SELECT * FROM multiregion.lag_status('100000000 days');
SELECT count(*) FROM multiregion.lag_status('1 day -23 hours');

-- ---------- the record ----------

INSERT INTO multiregion.alert (alert, severity, subject, region_key, since, raised_at, cleared_at, value, threshold, node)
VALUES ('lag_warning', 'warning', 'eu-a', 'EU_WEST', '2026-01-01 00:00Z', '2026-01-01 00:01Z', '2026-01-01 00:09Z', 12, 10, 'us-a'),
	('lag_warning', 'warning', 'eu-a', 'EU_WEST', '2026-01-02 00:00Z', '2026-01-02 00:01Z', NULL, 13, 10, 'us-a'),
	('no_primary', 'critical', '', NULL, '2026-01-03 00:00Z', '2026-01-03 00:01Z', NULL, NULL, NULL, 'us-a');
INSERT INTO multiregion.alert (alert, severity, subject, since, node)
VALUES ('lag_warning', 'warning', 'eu-a', '2026-01-04 00:00Z', 'us-a');
\echo :SQLSTATE
SELECT alert, subject, region_key, cleared_at - since AS lasted, value, threshold, node FROM multiregion.alert_history;

-- ---------- who may look ----------

CREATE ROLE regress_nobody;
SET ROLE regress_nobody;
SELECT * FROM multiregion.alerts;
SELECT * FROM multiregion.alert_history;
SELECT * FROM multiregion.lag_status('1 minute');
RESET ROLE;
GRANT pg_monitor TO regress_nobody;
SET ROLE regress_nobody;
SELECT count(*) FROM multiregion.alerts;
SELECT count(*) FROM multiregion.alert_history;
SELECT count(*) FROM multiregion.lag_windows;
SELECT count(*) FROM multiregion.region_lag;
SELECT count(*) > 0 AS listed FROM multiregion.list_alerts();
SELECT * FROM multiregion.alert;
RESET ROLE;
DROP ROLE regress_nobody;

DROP EXTENSION multiregion;
