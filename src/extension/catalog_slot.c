/*
 * Replication slots of the members, through SQL; see mr_catalog_slot.h.
 *
 * Every statement names its objects in full, so the search_path does not matter.
 * Decides nothing: which slots there should be is monitor_slots.c's business, the only
 * caller.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"

#include "core/mr_topology.h"
#include "extension/mr_catalog_slot.h"

void
mr_catalog_slot_name(const MrUuid *member, char name[MR_SLOT_NAME_SIZE])
{
	memcpy(name, "mr_", 3);
	mr_uuid_format(member, name + 3);
}

/* Connects, runs one statement, leaves its rows in SPI_tuptable. */
static void
run(const char *sql, int nargs, Oid *types, Datum *values)
{
	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute_with_args(sql, nargs, types, values, NULL, false, 0) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not ask for replication slots")));
}

static void
run_for_member(const char *sql, const MrUuid *member, MrLsn lsn)
{
	char name[MR_SLOT_NAME_SIZE];
	Oid types[2] = {TEXTOID, LSNOID};
	Datum values[2];

	mr_catalog_slot_name(member, name);
	values[0] = CStringGetTextDatum(name);
	values[1] = LSNGetDatum(lsn);
	run(sql, lsn == 0 ? 1 : 2, types, values);
	SPI_finish();
}

int
mr_catalog_read_slots(MrCatalogSlot *out, int max)
{
	int count = 0;

	run("SELECT pg_catalog.substr(s.slot_name::pg_catalog.text, 4), s.active, s.restart_lsn,"
		" s.wal_status OPERATOR(pg_catalog.=) 'lost'"
		" FROM pg_catalog.pg_replication_slots AS s"
		" WHERE s.slot_type OPERATOR(pg_catalog.=) 'physical' AND NOT s.temporary"
		" AND s.slot_name::pg_catalog.text OPERATOR(pg_catalog.~) '^mr_[0-9a-f]{32}$'",
		0, NULL, NULL);
	for (uint64 row = 0; row < SPI_processed && count < max; row++)
	{
		HeapTuple tuple = SPI_tuptable->vals[row];
		TupleDesc columns = SPI_tuptable->tupdesc;
		char *digits = SPI_getvalue(tuple, columns, 1);
		MrCatalogSlot *slot = &out[count];
		bool is_null;
		Datum value;

		memset(slot, 0, sizeof(*slot));
		if (digits == NULL || !mr_uuid_parse(digits, &slot->member))
			continue;
		slot->active = DatumGetBool(SPI_getbinval(tuple, columns, 2, &is_null));
		value = SPI_getbinval(tuple, columns, 3, &is_null);
		slot->restart_lsn = is_null ? 0 : DatumGetLSN(value);
		value = SPI_getbinval(tuple, columns, 4, &is_null);
		slot->lost = !is_null && DatumGetBool(value);
		count++;
	}
	SPI_finish();
	return count;
}

void
mr_catalog_create_slot(const MrUuid *member)
{
	run_for_member(
		"SELECT pg_catalog.pg_create_physical_replication_slot($1::pg_catalog.name, true)", member,
		0);
}

void
mr_catalog_drop_slot(const MrUuid *member)
{
	run_for_member("SELECT pg_catalog.pg_drop_replication_slot($1::pg_catalog.name)", member, 0);
}

void
mr_catalog_advance_slot(const MrUuid *member, MrLsn lsn)
{
	run_for_member("SELECT pg_catalog.pg_replication_slot_advance($1::pg_catalog.name, $2)", member,
				   lsn);
}
