-- What is cached of tenants learns of each change (routing/tenant_changes.c), also of one that
-- comes by replication. The cache is not used unless these fire always.
CREATE FUNCTION multiregion.note_tenant_change() RETURNS trigger
	AS 'MODULE_PATHNAME', 'multiregion_note_tenant_change'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE ON multiregion.tenant
	FOR EACH ROW EXECUTE FUNCTION multiregion.note_tenant_change();

CREATE TRIGGER note_truncate
	AFTER TRUNCATE ON multiregion.tenant
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_tenant_change();

ALTER TABLE multiregion.tenant ENABLE ALWAYS TRIGGER note_change;
ALTER TABLE multiregion.tenant ENABLE ALWAYS TRIGGER note_truncate;
