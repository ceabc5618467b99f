-- Proves that every policy takes its smallest and its largest value and refuses what lies
-- beyond, in every unit; and that a change is kept with who and why.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;

SELECT name, value, unit, default_value, min_value, max_value, is_set FROM multiregion.policies;

-- Sets a policy and takes it back; says what was stored, or why it was refused.
CREATE FUNCTION pg_temp.try(name text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
	detail text;
	hint text;
BEGIN
	answer := multiregion.set_policy(name, value);
	PERFORM multiregion.set_policy(name, NULL);
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END
$$;

-- ---------- every policy, at its edges and one beyond ----------

-- Heartbeat and lease bind each other, so one of them is moved out of the way first.
SELECT multiregion.set_policy('heartbeat', '20');
SELECT name, pg_temp.try(name, min_value) AS at_min,
	pg_temp.try(name, (min_value::numeric - 1)::text) AS below_min
FROM multiregion.policies
WHERE unit NOT IN ('boolean', 'enum') AND name <> 'heartbeat' ORDER BY name \gx
SELECT name, pg_temp.try(name, max_value) AS at_max,
	CASE WHEN max_value::bigint < 9223372036854775807
	THEN pg_temp.try(name, (max_value::bigint + 1)::text) END AS above_max
FROM multiregion.policies
WHERE unit NOT IN ('boolean', 'enum') AND name <> 'heartbeat' ORDER BY name \gx
SELECT multiregion.set_policy('heartbeat', NULL);
SELECT multiregion.set_policy('lease', '10min');
SELECT pg_temp.try('heartbeat', v) FROM unnest(ARRAY['19', '20', '100000', '100001']) AS v;
SELECT multiregion.set_policy('lease', NULL);

-- What does not fit the other is refused by name.
SELECT pg_temp.try('lease', '1s');
SELECT pg_temp.try('heartbeat', '2s');

-- ---------- words ----------

SELECT pg_temp.try('auto_failover', v) FROM unnest(ARRAY['on', 'off', 'TRUE', 'no', '0', '2', '', 'maybe']) AS v;
SELECT pg_temp.try('failback', v) FROM unnest(ARRAY['off', 'Yes', 'n']) AS v;
SELECT pg_temp.try('on_stop', v) FROM unnest(ARRAY['region', 'any', 'STAY', 'stop', '', '0']) AS v;
SELECT pg_temp.try('durability', v) FROM unnest(ARRAY['async', 'quorum', 'Quorum', 'local']) AS v;

-- ---------- numbers and units ----------

SELECT v, pg_temp.try('failback_delay', v) FROM unnest(ARRAY['1500', '1500ms', '1.5s', '1 s', '2min',
	'24h', '1d', '0', '0.0005s', '1.5', '1 w', '1S', '1s s', ' 1', '1 ', '+1', '1e3', '0x10', '-1',
	'', 's', '1.', '.5s', '99999999999999d', E'1\n']) AS v;
SELECT v, pg_temp.try('max_failover_lag', v) FROM unnest(ARRAY['16MB', '0.5kB', '1GB', '8388607TB', '8388608TB',
	'-1', '-2', '-1kB', '1mb', '9223372036854775807', '1ms']) AS v;
SELECT v, pg_temp.try('max_consecutive_failures', v) FROM unnest(ARRAY['1', '1000', '0', '1001', '3 checks', '3s', '1.5']) AS v;

-- ---------- names ----------

SELECT multiregion.set_policy('no_such_policy', '1');
\echo :SQLSTATE
SELECT multiregion.set_policy('', '1');
SELECT multiregion.set_policy(repeat('x', 100), '1');
SELECT multiregion.set_policy(NULL, '1');
\echo :SQLSTATE
SELECT multiregion.set_policy('Failback_Delay', '10min');
SELECT multiregion.set_policy('failback_delay', NULL);

-- ---------- history ----------

-- All those tries were taken back, and that is kept too.
SELECT count(*) FROM multiregion.policy;
SELECT DISTINCT old_value, value FROM multiregion.policy_history WHERE name = 'durability' ORDER BY 1;
TRUNCATE multiregion.policy_history;
SELECT multiregion.set_policy('failback_delay', '10min', 'patience');
SELECT multiregion.set_policy('failback_delay', '600s', 'no change at all');
SELECT multiregion.set_policy('failback_delay', '1h', 'more patience');
-- Saying the default aloud is a choice of its own.
SELECT multiregion.set_policy('failback_delay', '5min');
SELECT name, value, default_value, in_force, is_set, reason, changed_by = current_user AS mine
FROM multiregion.policies WHERE name = 'failback_delay';
SELECT multiregion.set_policy('failback_delay', NULL, 'no longer');
SELECT multiregion.set_policy('failback_delay', NULL, 'it was not set');
SELECT name, old_value, value, reason, changed_by = current_user AS mine
FROM multiregion.policy_history ORDER BY history_id;
SELECT multiregion.set_policy('failback_delay', '10min', repeat('r', 1001));
\echo :SQLSTATE

-- A value of a newer version is left alone, with a warning.
INSERT INTO multiregion.policy (name, value, changed_by) VALUES ('of_tomorrow', '1', 'test');
SELECT multiregion.set_policy('failback_delay', '10min');
SELECT count(*) FROM multiregion.policies WHERE name = 'of_tomorrow';

BEGIN READ ONLY;
SELECT multiregion.set_policy('failback_delay', '10min');
\echo :SQLSTATE
ROLLBACK;

DROP EXTENSION multiregion;
