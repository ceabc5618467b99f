-- Proves which nodes can be added and how a wrong one is refused: names, regions and
-- connection strings; and that no connection string comes out again.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;
SELECT add_region('US_EAST', 'us-east-1');
SELECT add_region('EU_WEST', 'eu-west-1');

-- Nobody answers at port 1: a node is added before it is built.
SELECT add_node('us-a', 'us-east-1', 'host=127.0.0.1 port=1 sslmode=disable');
SET client_min_messages = warning;
SELECT add_node('Eu-A', 'Eu_West', 'postgresql://localhost:1/', no_promote => true);
SELECT node_name, region_key, joined, no_promote, witness, role, voter, status FROM multiregion.nodes;

-- ---------- names and regions ----------

SELECT add_node('us-a', 'US_EAST', 'host=127.0.0.1 port=1');
\echo :SQLSTATE
-- Names that differ in case only would be taken for one another.
SELECT add_node('US-A', 'US_EAST', 'host=127.0.0.1 port=1');
SELECT add_node('eu-a', 'US_EAST', 'host=127.0.0.1 port=1');
SELECT add_node('us-b', 'nowhere', 'host=127.0.0.1 port=1');
\echo :SQLSTATE
SELECT add_node(NULL, 'US_EAST', 'host=127.0.0.1 port=1');
\echo :SQLSTATE
SELECT add_node('us-b', NULL, 'host=127.0.0.1 port=1');
SELECT add_node('us-b', 'US_EAST', NULL);
SELECT add_node('', 'US_EAST', 'host=127.0.0.1 port=1');
\echo :SQLSTATE
SELECT add_node('-b', 'US_EAST', 'host=127.0.0.1 port=1');
SELECT add_node('us b', 'US_EAST', 'host=127.0.0.1 port=1');
SELECT add_node('us''b', 'US_EAST', 'host=127.0.0.1 port=1');
SELECT add_node(E'us\nb', 'US_EAST', 'host=127.0.0.1 port=1');
SELECT add_node('µs', 'US_EAST', 'host=127.0.0.1 port=1');
SELECT length(add_node(repeat('n', 63), 'US_EAST', 'host=127.0.0.1 port=1'));
SELECT drop_node(repeat('n', 63));
SELECT add_node(repeat('n', 64), 'US_EAST', 'host=127.0.0.1 port=1');

-- ---------- connection strings ----------

SELECT add_node('us-b', 'US_EAST', '');
\echo :SQLSTATE
SELECT add_node('us-b', 'US_EAST', 'this is no connection string');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 port=1 password=secret');
SELECT add_node('us-b', 'US_EAST', 'postgresql://peer:secret@127.0.0.1:1/postgres');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 port=1 sslpassword=secret');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 passwort=secret');
SELECT add_node('us-b', 'US_EAST', 'service=main');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1,127.0.0.2 port=1');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 port=0');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 port=65536');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 port=5432x');
SELECT add_node('us-b', 'US_EAST', 'port=5432');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 replication=true');
SELECT add_node('us-b', 'US_EAST', E'host=127.0.0.1\nport=1');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 options=' || repeat('x', 512));
-- A host that is no host is not looked up anywhere.
\set VERBOSITY terse
SELECT add_node('us-b', 'US_EAST', 'host=a..b port=1');
\set VERBOSITY default
\echo :SQLSTATE
SELECT add_node('us-b', 'US_EAST', 'host=a..b port=1', allow_unreachable => true);
SELECT hostaddr = '' AS unknown FROM multiregion.node WHERE node_name = 'us-b';
SELECT drop_node('us-b');
-- The string of another node must not lead here.
SELECT format('host=%s port=%s user=%s', split_part(current_setting('unix_socket_directories'), ',', 1),
	current_setting('port'), current_user) AS here \gset
SELECT add_node('us-b', 'US_EAST', :'here');
\echo :SQLSTATE

-- ---------- alter and drop ----------

SELECT alter_node('us-a', no_promote => true);
SELECT alter_node('us-a', 'host=localhost port=1');
SELECT conninfo, hostaddr, no_promote FROM multiregion.node WHERE node_name = 'us-a';
SELECT alter_node('us-a', 'host=127.0.0.1 password=secret');
SELECT alter_node('us-a', :'here');
SELECT alter_node('nobody', no_promote => true);
\echo :SQLSTATE
SELECT alter_node(NULL);
SELECT drop_node('nobody');
SELECT drop_node(NULL);
SELECT drop_node('');
SELECT multiregion.replace_node('nobody');
SELECT multiregion.replace_node(NULL);
SET client_min_messages = notice;
SELECT multiregion.replace_node('us-a');
SET client_min_messages = warning;
SELECT drop_node('us-a');
SELECT node_name FROM multiregion.nodes;

-- As many as a cluster can have.
DO $$
BEGIN
	FOR i IN 2..32 LOOP
		PERFORM add_node('n' || i, 'US_EAST', 'host=127.0.0.1 port=1');
	END LOOP;
END
$$;
SELECT add_node('n33', 'US_EAST', 'host=127.0.0.1 port=1');
\echo :SQLSTATE

-- Before init() nobody joins.
SELECT multiregion.register_node('n2', '00000000-0000-0000-0000-000000000000');
SELECT multiregion.register_node('n2', NULL);
SELECT multiregion.register_node('n2', '00000000-0000-4000-8000-000000000001');
\echo :SQLSTATE

-- No view shows a connection string, or the address in it (which is where multiregiond
-- listens by default, too).
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = 'multiregion'::regnamespace AND c.relkind = 'v'
	AND query_to_xml(format('TABLE multiregion.%I', c.relname), true, false, '')::text ~ 'port=1|127\.0\.0\.1(?!:3000)';

DROP EXTENSION multiregion;
