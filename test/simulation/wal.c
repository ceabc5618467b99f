/*
 * The WAL of a simulated node: see mr_sim_wal.h.
 */
#include "mr_sim_wal.h"

#include <string.h>

#define MR_SIM_RECORDS (MR_SIM_WAL * 6)

static uint64_t terms[MR_SIM_RECORDS]; /* by record */
static MrSimRecord newest_record;

void
mr_sim_wal_forget_all(void)
{
	newest_record = 0;
}

void
mr_sim_wal_init(MrSimWal *wal)
{
	wal->length = 0;
	wal->replayed = 0;
	wal->newest_history = 1;
	wal->ntimelines = 1;
	wal->timelines[0] = 1;
	wal->forks[0] = 0;
}

uint32_t
mr_sim_wal_timeline(const MrSimWal *wal)
{
	return wal->timelines[wal->ntimelines - 1];
}

int
mr_sim_wal_fork(const MrSimWal *wal)
{
	return wal->forks[wal->ntimelines - 1];
}

uint64_t
mr_sim_wal_term(const MrSimWal *wal)
{
	return wal->length > 0 ? terms[wal->records[wal->length - 1]] : 0;
}

bool
mr_sim_wal_append(MrSimWal *wal)
{
	if (wal->length >= MR_SIM_WAL || newest_record + 1 >= MR_SIM_RECORDS)
		return false;
	terms[++newest_record] = mr_sim_wal_term(wal);
	wal->records[wal->length++] = newest_record;
	wal->replayed = wal->length;
	return true;
}

void
mr_sim_wal_stamp(const MrSimWal *wal, int position, uint64_t term)
{
	for (; position < wal->length; position++)
		terms[wal->records[position]] = term;
}

void
mr_sim_wal_switch(MrSimWal *wal, uint32_t timeline)
{
	if (wal->ntimelines == MR_SIM_TIMELINES)
		return;
	wal->timelines[wal->ntimelines] = timeline;
	wal->forks[wal->ntimelines++] = wal->length;
	if (wal->newest_history < timeline)
		wal->newest_history = timeline;
}

bool
mr_sim_wal_in_history(const MrSimWal *wal, const MrSimWal *leader)
{
	uint32_t timeline = mr_sim_wal_timeline(wal);
	int i;

	for (i = 0; i < leader->ntimelines; i++)
		if (leader->timelines[i] == timeline)
			return i == leader->ntimelines - 1 || wal->length <= leader->forks[i + 1];
	return false;
}

bool
mr_sim_wal_is_prefix(const MrSimWal *wal, const MrSimWal *leader)
{
	return wal->length <= leader->length &&
		   (wal->length == 0 || wal->records[wal->length - 1] == leader->records[wal->length - 1]);
}

static void
copy_history(MrSimWal *wal, const MrSimWal *leader)
{
	int i;

	for (i = 0; i < leader->ntimelines && (i == 0 || leader->forks[i] < wal->length); i++)
	{
		wal->timelines[i] = leader->timelines[i];
		wal->forks[i] = leader->forks[i];
	}
	wal->ntimelines = i;
	if (wal->newest_history < mr_sim_wal_timeline(leader))
		wal->newest_history = mr_sim_wal_timeline(leader);
}

void
mr_sim_wal_stream(MrSimWal *wal, const MrSimWal *leader, int count)
{
	if (count > leader->length - wal->length)
		count = leader->length - wal->length;
	if (count > 0)
	{
		memcpy(wal->records + wal->length, leader->records + wal->length,
			   sizeof(MrSimRecord) * (size_t) count);
		wal->length += count;
	}
	copy_history(wal, leader);
}

void
mr_sim_wal_copy(MrSimWal *wal, const MrSimWal *leader)
{
	uint32_t own = wal->newest_history;

	memcpy(wal->records, leader->records, sizeof(MrSimRecord) * (size_t) leader->length);
	wal->length = leader->length;
	wal->replayed = leader->length;
	if (leader->newest_history > own)
		own = leader->newest_history;
	wal->newest_history = own;
	copy_history(wal, leader);
}
