-- Proves that the policy can be taken back as a whole to what it was after any change: in
-- one transaction, recorded, after a look at what that would do; and that a change can be
-- made conditional on the policy being the one that was read.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;

-- What is set, without what is not.
CREATE TEMPORARY VIEW set_now AS SELECT name, value, version FROM multiregion.policies WHERE is_set ORDER BY name;
CREATE TEMPORARY VIEW changes AS SELECT version, name, old_value, value, reason, changed_by = current_user AS mine
FROM multiregion.policy_changes ORDER BY version, name;

-- ---------- versions ----------

SELECT multiregion.policy_version();
SELECT multiregion.set_policy('failback_delay', '10min', 'patience');
SELECT multiregion.set_policy('lease', '10s', 'a slow network');
SELECT multiregion.set_policy('heartbeat', '3s');
SELECT multiregion.set_policy('failback_delay', '1h', 'more patience');
SELECT multiregion.policy_version();
TABLE set_now;
TABLE changes;

-- Only if nobody has changed anything since.
SELECT multiregion.set_policy('on_stop', 'any', 'decided at 3', 3);
\echo :SQLSTATE
SELECT multiregion.set_policy('on_stop', 'any', 'decided at 4', 4);
SELECT multiregion.set_policy('on_stop', 'any', expected_version => 4);
SELECT multiregion.set_policy('on_stop', 'any', expected_version => 5);
SELECT multiregion.reset_policy('on_stop', 'no longer', 4);
SELECT multiregion.reset_policy('On_Stop', 'no longer', 5);
SELECT multiregion.reset_policy('on_stop', 'it is the default already');
SELECT multiregion.reset_policy('no_such_policy');
\echo :SQLSTATE
SELECT multiregion.reset_policy(NULL);
-- A default that does not fit what is set is refused as any value.
SELECT multiregion.reset_policy('lease');
\echo :SQLSTATE
SELECT multiregion.policy_version();

-- ---------- back ----------

-- A look first: nothing changes.
SELECT * FROM multiregion.rollback_policy(2, dry_run => true);
SELECT multiregion.policy_version();
-- The same, done. Lease and heartbeat go together: one after the other would not fit.
SELECT * FROM multiregion.rollback_policy(1, 'the network is quick again', dry_run => true);
SELECT * FROM multiregion.rollback_policy(1, 'the network is quick again', 5);
\echo :SQLSTATE
SELECT * FROM multiregion.rollback_policy(1, 'the network is quick again', 6);
TABLE set_now;
SELECT multiregion.policy_version();
SELECT * FROM multiregion.rollback_policy(1);
-- And forward again: a rollback is a change like any other, and is one change.
SELECT * FROM multiregion.rollback_policy(6, 'it is not');
TABLE set_now;
SELECT * FROM multiregion.rollback_policy(8, dry_run => true);
\echo :SQLSTATE
SELECT * FROM multiregion.rollback_policy(7);
TABLE set_now;
-- 0 is the policy before the first change.
SELECT * FROM multiregion.rollback_policy(0, 'all defaults');
TABLE set_now;
SELECT count(*) FROM multiregion.rollback_policy(0);
SELECT multiregion.policy_version();
TABLE changes;

-- In one transaction with others, or not at all.
BEGIN;
SELECT multiregion.set_policy('failback_delay', '7min');
SELECT * FROM multiregion.rollback_policy(6);
ROLLBACK;
TABLE set_now;

-- ---------- what cannot be ----------

SELECT * FROM multiregion.rollback_policy(1000000);
\echo :SQLSTATE
SELECT * FROM multiregion.rollback_policy(-1, dry_run => true);
SELECT * FROM multiregion.rollback_policy(NULL);
\echo :SQLSTATE
SELECT * FROM multiregion.rollback_policy(7, repeat('r', 1001));
BEGIN READ ONLY;
SELECT * FROM multiregion.rollback_policy(1, dry_run => true);
SELECT * FROM multiregion.rollback_policy(1);
\echo :SQLSTATE
ROLLBACK;

-- What a newer version had set is neither guessed nor taken away; a value that this one
-- does not take any more stops everything.
INSERT INTO multiregion.policy_history (name, old_value, value, changed_by) VALUES
	('of_tomorrow', 'x', 'y', 'test');
INSERT INTO multiregion.policy (name, value, changed_by) VALUES ('of_tomorrow', 'y', 'test');
SELECT * FROM multiregion.rollback_policy(1, 'without the unknown');
SELECT name, value FROM multiregion.policy ORDER BY name;
DELETE FROM multiregion.policy WHERE name = 'of_tomorrow';
INSERT INTO multiregion.policy_history (name, old_value, value, changed_by) VALUES
	('lease', '1', NULL, 'test'), ('failback_delay', '1', '600000', 'test');
SELECT multiregion.policy_version() - 2 AS before \gset
SELECT * FROM multiregion.rollback_policy(:before);
\echo :SQLSTATE
TABLE set_now;
-- Values that are good, but do not fit what is there now.
INSERT INTO multiregion.policy_history (name, old_value, value, changed_by) VALUES
	('heartbeat', '100000', NULL, 'test');
SELECT multiregion.policy_version() - 1 AS before \gset
SELECT * FROM multiregion.rollback_policy(:before);
\echo :SQLSTATE

DROP VIEW set_now, changes;
DROP EXTENSION multiregion;
