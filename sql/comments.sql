-- Proves that every object of the extension explains itself: tables, their columns, views,
-- functions, triggers and indexes have a comment.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;

CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'multiregion';

-- The kinds of objects there are; a new kind has to be thought about here. (From 16 on
-- the types of tables are members, too.)
SELECT DISTINCT (pg_identify_object(classid, objid, 0)).type FROM member
WHERE classid <> 'pg_type'::regclass ORDER BY 1;

-- Objects without a comment. Sequences of identity columns and types of tables belong to
-- what they are made for.
SELECT (pg_identify_object(m.classid, m.objid, 0)).*
FROM member AS m
WHERE obj_description(m.objid, (SELECT relname FROM pg_class WHERE oid = m.classid)) IS NULL
	AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = m.classid AND d.objid = m.objid
		AND d.deptype = 'i')
ORDER BY identity;

-- Columns of tables.
SELECT a.attrelid::regclass, a.attname
FROM member AS m JOIN pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
	JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND col_description(a.attrelid, a.attnum) IS NULL
ORDER BY 1, 2;

-- Indexes (apart from those of constraints) and triggers hang on their tables.
SELECT i.indexrelid::regclass
FROM member AS m JOIN pg_index AS i ON i.indrelid = m.objid AND m.classid = 'pg_class'::regclass
WHERE obj_description(i.indexrelid, 'pg_class') IS NULL
	AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)
ORDER BY 1;
SELECT t.tgrelid::regclass, t.tgname
FROM member AS m JOIN pg_trigger AS t ON t.tgrelid = m.objid AND m.classid = 'pg_class'::regclass
WHERE obj_description(t.oid, 'pg_trigger') IS NULL AND NOT t.tgisinternal
ORDER BY 1, 2;

-- Not forgotten: the extension, and the roles it made.
SELECT obj_description(oid, 'pg_extension') IS NOT NULL AS explained FROM pg_extension
WHERE extname = 'multiregion';
SELECT rolname FROM pg_roles
WHERE rolname LIKE 'multiregion%' AND shobj_description(oid, 'pg_authid') IS NULL;

-- A comment is a sentence.
SELECT (pg_identify_object(m.classid, m.objid, 0)).identity, d.objsubid, d.description
FROM member AS m JOIN pg_description AS d ON d.classoid = m.classid AND d.objoid = m.objid
WHERE d.description !~ '\.$' ORDER BY 1, 2;

DROP EXTENSION multiregion;
