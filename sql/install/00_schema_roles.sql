-- Roles and the schema of everything that is not the public API.
--
-- The schema must not exist yet: one that somebody else made could hold objects that
-- ours would call.

DO $roles$
DECLARE
	wanted text[] := ARRAY[
		['multiregion_admin', 'May change regions, nodes, tenants and policy of multiregion.'],
		['multiregion_peer', 'What the nodes of a multiregion cluster may ask of each other.'],
		['multiregion_api', 'What multiregiond, the sidecar, logs in as: may read status.']];
	entry text[];
BEGIN
	FOREACH entry SLICE 1 IN ARRAY wanted
	LOOP
		IF pg_catalog.to_regrole(entry[1]) IS NULL THEN
			EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', entry[1]);
			EXECUTE pg_catalog.format('COMMENT ON ROLE %I IS %L', entry[1], entry[2]);
		END IF;
	END LOOP;
END
$roles$;

CREATE SCHEMA multiregion;

-- What the library needs beyond this script is said now, not when it is missed.
DO $warnings$
BEGIN
	IF pg_catalog.current_setting('shared_preload_libraries')
		!~ '(^|[[:space:],/"])multiregion(\.so)?($|[[:space:],"])' THEN
		RAISE WARNING 'multiregion is not preloaded: regions and tenants can be kept, nothing else works'
			USING HINT = 'Add multiregion to shared_preload_libraries and restart.';
	ELSIF pg_catalog.current_setting('multiregion.database', true)
		IS DISTINCT FROM pg_catalog.current_database()::text THEN
		RAISE WARNING 'multiregion.database is "%", not this database: no cluster can be managed from here',
			pg_catalog.current_setting('multiregion.database', true)
			USING HINT = pg_catalog.format(
				'Create the extension there, or set multiregion.database = %L and restart.',
				pg_catalog.current_database());
	END IF;
END
$warnings$;
