/*
 * Replication slots of the members, through SQL; see mr_catalog_slot.h.
 *
 * Every statement names its objects in full, so the search_path does not matter. They
 * run as the worker's own user: the owner of the schema need not be allowed to touch
 * slots. Decides nothing: which slots there should be is monitor_slots.c's business,
 * the only caller.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "core/mr_topology.h"
#include "extension/mr_catalog_run.h"
#include "extension/mr_catalog_slot.h"
#include "extension/pg_compat.h"

static const char *const read_sql =
	"SELECT pg_catalog.substr(s.slot_name::pg_catalog.text, 4), s.active,"
	" s.wal_status OPERATOR(pg_catalog.=) 'lost',"
	" pg_catalog.pg_wal_lsn_diff(s.restart_lsn, '0/0')::pg_catalog.int8"
	" FROM pg_catalog.pg_replication_slots AS s"
	" WHERE s.slot_type OPERATOR(pg_catalog.=) 'physical' AND NOT s.temporary"
	" AND s.slot_name::pg_catalog.text OPERATOR(pg_catalog.~) '^mr_[0-9a-f]{32}$'";

static const char *const create_sql =
	"SELECT pg_catalog.pg_create_physical_replication_slot($1::pg_catalog.name, true)";

static const char *const drop_sql =
	"SELECT pg_catalog.pg_drop_replication_slot($1::pg_catalog.name)";

static const char *const end_sql =
	"SELECT pg_catalog.pg_terminate_backend(s.active_pid, 500)"
	" FROM pg_catalog.pg_replication_slots AS s"
	" WHERE s.slot_name OPERATOR(pg_catalog.=) $1::pg_catalog.name AND s.active_pid IS NOT NULL";

static const char *const advance_sql =
	"SELECT pg_catalog.pg_replication_slot_advance($1::pg_catalog.name, $2)";

void
mr_catalog_slot_name(const MrUuid *member, char name[MR_SLOT_NAME_SIZE])
{
	memcpy(name, "mr_", 3);
	mr_uuid_format(member, name + 3);
}

static void
open_spi(void)
{
	int result = SPI_connect();

	if (result != SPI_OK_CONNECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not ask for replication slots: %s",
														 SPI_result_code_string(result))));
}

static void
run_for_member(const char *sql, const MrUuid *member, MrLsn lsn)
{
	char name[MR_SLOT_NAME_SIZE];
	MrArguments arguments = {0};

	mr_catalog_slot_name(member, name);
	open_spi();
	mr_add_text(&arguments, name);
	if (lsn != 0)
		mr_add_lsn(&arguments, lsn);
	(void) mr_write(sql, &arguments);
	SPI_finish();
}

int
mr_catalog_read_slots(MrCatalogSlot *out, int max)
{
	int count = 0;
	uint64 rows;

	open_spi();
	rows = mr_write(read_sql, NULL);
	for (uint64 row = 0; row < rows && count < max; row++)
	{
		MrCatalogSlot *slot = &out[count];
		char digits[2 * sizeof(MrUuid) + 1];

		mr_column_text(row, 1, digits, sizeof(digits));
		if (!mr_uuid_parse(digits, &slot->member))
			continue;
		slot->active = mr_column_bool(row, 2);
		slot->lost = mr_column_bool(row, 3);
		slot->restart_lsn = (MrLsn) mr_column_int64(row, 4);
		count++;
	}
	SPI_finish();
	return count;
}

void
mr_catalog_create_slot(const MrUuid *member)
{
	run_for_member(create_sql, member, 0);
}

void
mr_catalog_end_slot(const MrUuid *member)
{
	run_for_member(end_sql, member, 0);
}

void
mr_catalog_drop_slot(const MrUuid *member)
{
	run_for_member(drop_sql, member, 0);
}

void
mr_catalog_advance_slot(const MrUuid *member, MrLsn lsn)
{
	run_for_member(advance_sql, member, lsn);
}

#if MR_HAS_FAILOVER_SLOTS
static const char *const leftover_sql =
	"SELECT s.slot_name::pg_catalog.text, pg_catalog.pg_drop_replication_slot(s.slot_name)"
	" FROM pg_catalog.pg_replication_slots AS s"
	" WHERE s.slot_type OPERATOR(pg_catalog.=) 'logical' AND s.failover AND NOT s.synced"
	" AND NOT s.active AND NOT s.temporary AND pg_catalog.pg_is_in_recovery()";
#define MR_IS_MORTAL " AND NOT s.failover AND NOT s.synced"
#else
#define MR_IS_MORTAL ""
#endif

static const char *const mortal_sql =
	"SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots AS s"
	" WHERE s.slot_type OPERATOR(pg_catalog.=) 'logical' AND NOT s.temporary" MR_IS_MORTAL;

void
mr_catalog_drop_leftover_slots(void)
{
#if MR_HAS_FAILOVER_SLOTS
	uint64 rows;

	open_spi();
	rows = mr_write(leftover_sql, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		char name[NAMEDATALEN];

		mr_column_text(row, 1, name, sizeof(name));
		ereport(LOG, (errmsg("multiregion: dropped logical replication slot \"%s\", left from when "
							 "this node was the primary",
							 name),
					  errdetail("The slot of the present primary is copied in its place.")));
	}
	SPI_finish();
#endif
}

int64
mr_catalog_count_mortal_slots(void)
{
	int64 count;

	open_spi();
	count = mr_read(mortal_sql, NULL) == 1 ? mr_column_int64(0, 1) : 0;
	SPI_finish();
	return count;
}
