/*
 * Measures look-ups in a database of addresses, without a server around it:
 *
 *     lookup.bin FILE FOLDER [RUNS]
 *
 * looks a million addresses of 20.0.0.0/16 up, as resolve_geo() does (by mr_mmdb_find()), and
 * prints the microseconds of processor time that one takes, a line a run. FOLDER is for the
 * copy. Used by make bench-routing.
 */
#include "adapters/mr_mmdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_UPS 1000000

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double) time.tv_sec * 1e6 + (double) time.tv_nsec / 1e3;
}

/* Microseconds of one; the addresses come as if at random. */
static double
measure(MrMmdb *mmdb, int *found)
{
	MrAddress address = {4, {20}};
	MrClientPlace place;
	uint32_t number = 1;
	double start = now();

	*found = 0;
	for (int i = 0; i < LOOK_UPS; i++)
	{
		number = number * 1664525u + 1013904223u;
		address.bytes[1] = 0;
		address.bytes[2] = (uint8_t) (number >> 24);
		address.bytes[3] = (uint8_t) (number >> 16);
		*found += mr_mmdb_find(mmdb, &address, &place) ? 1 : 0;
	}
	return (now() - start) / LOOK_UPS;
}

int
main(int argc, char **argv)
{
	char problem[MR_MMDB_PROBLEM_SIZE];
	MrMmdbVersion version;
	MrMmdb *mmdb;
	long runs = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
	int found;

	if (argc < 3 || !mr_mmdb_look(argv[1], &version) ||
		mr_mmdb_open(argv[1], argv[2], &version, &mmdb, problem) != MR_MMDB_OPENED)
	{
		fprintf(stderr, "usage: lookup FILE FOLDER [RUNS]\n");
		return 1;
	}
	for (long i = 0; i < runs; i++)
	{
		double time = measure(mmdb, &found);

		if (found == 0)
			return 1;
		printf("%.4f\n", time);
	}
	mr_mmdb_close(mmdb);
	return 0;
}
