-- multiregion.check() about connections between nodes: what would let a stranger in, or
-- give peers and sidecars more than they need. What needs files is in test/tap/42*_tls*.pl.

CREATE EXTENSION multiregion;
SELECT add_region('US_EAST', 'us-east-1', 'US East');
CREATE VIEW found AS
	SELECT name, severity, detail FROM multiregion.check() WHERE NOT ok AND name LIKE 'peer%' ORDER BY 1;

-- A new server has nothing to complain about.
SELECT name, ok, detail FROM multiregion.check() WHERE name LIKE 'peer%' ORDER BY 1;
SELECT * FROM found;

-- Nodes of other machines are to be verified; of this machine they need not.
BEGIN;
INSERT INTO multiregion.node (node_name, region_key, conninfo, hostaddr) VALUES
	('socket', 'US_EAST', 'host=/run/postgresql', ''),
	('here', 'US_EAST', 'host=us.example sslmode=disable', '127.0.0.1'),
	('here6', 'US_EAST', 'host=::1', '::1'),
	('right', 'US_EAST', 'host=right.example sslmode=verify-full', '10.0.0.1'),
	('plain', 'US_EAST', 'host=plain.example', '10.0.0.2'),
	('half', 'US_EAST', 'hostaddr=10.0.0.3 sslmode=verify-ca', '10.0.0.3'),
	('unknown', 'US_EAST', 'host=unknown.example sslmode=require', '');
SELECT * FROM found;
ROLLBACK;

-- A password in the table, whoever put it there, is not repeated.
BEGIN;
INSERT INTO multiregion.node (node_name, region_key, conninfo) VALUES
	('a', 'US_EAST', 'host=127.0.0.1 password=geheim'),
	('b', 'US_EAST', 'host=127.0.0.1 passfile=/etc/pgpass'),
	('c', 'US_EAST', 'host=127.0.0.1 geheim');
SELECT * FROM found;
ROLLBACK;

-- Rights that are not needed, of our roles and of roles that peers log in with.
BEGIN;
ALTER ROLE multiregion_peer LOGIN REPLICATION;
ALTER ROLE multiregion_api LOGIN;
SELECT * FROM found;
ALTER ROLE multiregion_peer CREATEROLE BYPASSRLS;
ALTER ROLE multiregion_api CREATEDB REPLICATION;
GRANT multiregion_peer TO multiregion_api;
GRANT multiregion_admin TO multiregion_peer;
CREATE ROLE regress_super SUPERUSER;
CREATE ROLE regress_plain;
INSERT INTO multiregion.node (node_name, region_key, conninfo) VALUES
	('a', 'US_EAST', 'host=127.0.0.1 user=regress_super'),
	('b', 'US_EAST', 'host=127.0.0.1 user=regress_plain'),
	('c', 'US_EAST', 'host=127.0.0.1 user=regress_nobody');
SELECT * FROM found;
ROLLBACK;
BEGIN;
ALTER ROLE multiregion_api SUPERUSER;
SELECT * FROM found;
ROLLBACK;

-- Whoever may call check() sees the same, and no more of the tables than before.
SET ROLE multiregion_api;
SELECT count(*) FROM multiregion.check() WHERE name LIKE 'peer%';
SELECT conninfo FROM multiregion.node;
RESET ROLE;

DROP VIEW found;
DROP EXTENSION multiregion;
