-- Proves that pg_dump takes the data of every table along: all are registered with
-- pg_extension_config_dump, and so are the sequences behind them.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;

SELECT c.relname, c.relkind, c.oid = ANY (e.extconfig) AS registered,
	e.extcondition[array_position(e.extconfig, c.oid)] AS condition
FROM pg_class AS c JOIN pg_extension AS e ON e.extname = 'multiregion'
WHERE c.relnamespace = 'multiregion'::regnamespace AND c.relkind IN ('r', 'p', 'S', 'm', 'f')
ORDER BY c.relname COLLATE "C";

-- Registered things that are none of ours would be dumped without their table.
SELECT config::regclass FROM pg_extension CROSS JOIN unnest(extconfig) AS config
WHERE extname = 'multiregion' AND config NOT IN
	(SELECT oid FROM pg_class WHERE relnamespace = 'multiregion'::regnamespace);

-- Rows that a dump holds can be loaded again, in the order of the foreign keys; the counter
-- that is not dumped counts anew.
SET client_min_messages = error;
SELECT add_region('US_EAST', 'us-east-1');
SELECT add_node('us-a', 'US_EAST', 'host=127.0.0.1 port=1');
RESET client_min_messages;
CREATE TEMPORARY TABLE kept_region AS TABLE multiregion.region;
CREATE TEMPORARY TABLE kept_node AS TABLE multiregion.node;
DROP EXTENSION multiregion;
CREATE EXTENSION multiregion;
SELECT count(*) FROM multiregion.configuration_version;
INSERT INTO multiregion.region TABLE kept_region;
INSERT INTO multiregion.node TABLE kept_node;
SELECT node_name, region_key FROM multiregion.nodes;
SELECT version FROM multiregion.configuration_version;

DROP EXTENSION multiregion;
