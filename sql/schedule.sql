-- Proves that switchovers are scheduled and cancelled with care, and that one which is due
-- is ordered once, by the primary, and says what became of it.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;
SELECT add_region('US_EAST', 'us-east-1');
SELECT add_region('EU_WEST', 'eu-west-1');
ALTER ROLE multiregion_peer LOGIN REPLICATION;
SELECT format('host=%s port=%s', split_part(current_setting('unix_socket_directories'), ',', 1),
	current_setting('port')) AS here \gset

-- Waits until the condition holds, for a minute at most.
CREATE PROCEDURE wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + interval '1 minute';
	done boolean := false;
BEGIN
	LOOP
		EXECUTE 'SELECT ' || condition INTO done;
		EXIT WHEN done;
		IF clock_timestamp() > deadline THEN
			RAISE EXCEPTION 'waited in vain for %', condition;
		END IF;
		PERFORM multiregion.wait_for_change(generation, 100) FROM multiregion.lease_status();
		ROLLBACK;
	END LOOP;
END
$$;

-- A server of no cluster has nobody to switch over to.
SELECT schedule_switchover(now() + interval '1 hour');
\echo :SQLSTATE
SELECT multiregion.init('us-a', 'US_EAST', :'here', '{fsync,wal_log_hints}');
CALL wait_for('l.writable FROM multiregion.lease_status() AS l');

-- ---------- arguments ----------

SELECT schedule_switchover(NULL);
SELECT schedule_switchover(now() - interval '1 second');
\echo :SQLSTATE
SELECT schedule_switchover('infinity');
SELECT schedule_switchover(now() + interval '1 hour', 'NOWHERE');
\echo :SQLSTATE
SELECT schedule_switchover(now() + interval '1 hour', 'EU_WEST', away => true);
SELECT schedule_switchover(now() + interval '1 hour', reason => repeat('x', 1001));
SELECT cancel_switchover(99);
\echo :SQLSTATE
SELECT cancel_switchover(NULL);

-- ---------- life ----------

SELECT schedule_switchover('2100-01-01');
SELECT schedule_switchover(now() + interval '1 hour', 'eu-west-1', reason => 'maintenance');
SELECT schedule_switchover(now() + interval '2 hours', 'us-a');
SELECT schedule_switchover(now() + interval '3 hours', away => true);
SELECT schedule_id, target, away, reason, state, rule, epoch, scheduled_by = current_user AS mine
FROM multiregion.scheduled_switchovers ORDER BY schedule_id;
SELECT cancel_switchover(1);
SELECT cancel_switchover(1);
SELECT state, ended_at IS NOT NULL AS ended, cancelled_by = current_user AS mine
FROM multiregion.scheduled_switchovers WHERE schedule_id = 1;

-- Due: there is nobody but the primary, and the rule says so. What was missed is not done.
UPDATE multiregion.schedule SET due_at = now() WHERE schedule_id = 2;
CALL wait_for('s.state = ''refused'' FROM multiregion.scheduled_switchovers AS s WHERE s.schedule_id = 2');
UPDATE multiregion.schedule SET due_at = now() - interval '10 minutes' WHERE schedule_id = 3;
CALL wait_for('s.state = ''missed'' FROM multiregion.scheduled_switchovers AS s WHERE s.schedule_id = 3');
SELECT schedule_id, target, away, state, rule, epoch, ended_at IS NOT NULL AS ended
FROM multiregion.scheduled_switchovers ORDER BY schedule_id;
SELECT cancel_switchover(2);
CALL wait_for('count(*) >= 2 FROM multiregion.events WHERE kind = ''schedule_failed''');
SELECT kind, severity, reason, value, detail FROM multiregion.events
WHERE kind LIKE 'schedule%' AND term = (SELECT term FROM multiregion.lease_status()) ORDER BY event_id;

SELECT multiregion.leave();
-- What a worker had begun before it heard of it has ended: it might lock what is dropped.
CALL wait_for($$NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type ~ '^multiregion' AND xact_start IS NOT NULL)$$);
DROP PROCEDURE wait_for(text);
DROP EXTENSION multiregion;
ALTER ROLE multiregion_peer NOLOGIN NOREPLICATION;
