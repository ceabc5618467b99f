-- Tokens of commits on a server that is no member of anything: whose commit they name, what
-- may be set, what is an error, and that all of it is free of waits on a primary.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
RESET client_min_messages;
CREATE EXTENSION multiregion;
\c
CREATE TABLE written (id integer);
-- CREATE TABLE was a commit; a new session has none
\c
SELECT session_token(), last_commit_lsn(), multiregion.commit_token();
SHOW multiregion.session_token;
INSERT INTO written VALUES (1);
SELECT session_token() AS first \gset
SELECT :'first' ~ '^mr1\.[0-9a-f]{16}\.0\.1\.[0-9a-f]+\.[0-9a-f]{8}$' AS looks_right,
	:'first' = multiregion.commit_token() AS same, :'first' = current_setting('multiregion.session_token') AS shown,
	last_commit_lsn() <= pg_current_wal_insert_lsn() AS in_the_past;

-- Reads, rollbacks and what is not committed yet change nothing.
SELECT count(*) FROM written;
BEGIN;
INSERT INTO written VALUES (2);
SELECT session_token() = :'first' AS same;
ROLLBACK;
SELECT session_token() = :'first' AS same;
INSERT INTO written VALUES (3);
SELECT session_token() = :'first' AS same, last_commit_lsn() AS second \gset
SELECT :'same' AS same;
SET synchronous_commit = off;
INSERT INTO written VALUES (4);
SELECT last_commit_lsn() > :'second' AS moved;
RESET synchronous_commit;
BEGIN;
INSERT INTO written VALUES (5);
PREPARE TRANSACTION 'five';
SELECT last_commit_lsn() AS third \gset
COMMIT PREPARED 'five';
SELECT last_commit_lsn() > :'third' AS moved_by_second_phase;

-- On a primary.
SELECT wait_for_token(:'first'), token_reached(:'first'), wait_for_token(NULL), token_reached(NULL);
SELECT replication_staleness();
SELECT assert_max_staleness('1 ms');
SET multiregion.read_consistency = global;
SELECT count(*) FROM written;
SET multiregion.read_consistency = bounded;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM written;
COMMIT;
SET multiregion.read_consistency = session;
SET multiregion.wait_for = :'first';
SELECT count(*) FROM written;
\c
SET multiregion.wait_for = :'first';
SELECT session_token() = :'first' AS what_was_given;
INSERT INTO written VALUES (6);
SELECT session_token() = :'first' AS what_was_given;
DISCARD ALL;
SHOW multiregion.wait_for;
SELECT session_token(), last_commit_lsn();

-- What nobody may set, and what is no token.
SET multiregion.session_token = 'mine';
SET multiregion.wait_for = 'mr1.nonsense';
SET multiregion.wait_for = 'mr1.66f3a1c2d4e5b607.7.2.5000148.1046322b';
SET multiregion.wait_for = 'mr1.66f3a1c2d4e5b607.7.2.5000148.1046322a';
SELECT wait_for_token('');
SELECT token_reached('mr1.66f3a1c2d4e5b607.7.2.5000148.1046322a');
SELECT wait_for_token(:'first', '-1 s');
SELECT wait_for_token(:'first', '2 h');
SELECT assert_max_staleness('-1 s');
SET multiregion.read_consistency = strong;
\set VERBOSITY sqlstate
SET multiregion.max_staleness = 0;
\set VERBOSITY default
SELECT source FROM pg_settings WHERE name = 'multiregion.read_consistency';

-- Nothing is known of tenants' regions here.
SET multiregion.tenant = 'acme';
SET multiregion.enforce_home_region = error;
SELECT count(*) FROM written;
RESET multiregion.enforce_home_region;

-- Not for everybody: it tells peers.
SELECT multiregion.newest_commit() ~ '^mr1\.' AS a_token;
CREATE ROLE plain_reader;
SET ROLE plain_reader;
SELECT multiregion.newest_commit();
SELECT token_reached(:'first');
RESET ROLE;
DROP ROLE plain_reader;
DROP TABLE written;
