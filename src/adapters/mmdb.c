/*
 * Addresses and their places, by libmaxminddb; see mr_mmdb.h. The only file that includes
 * maxminddb.h.
 *
 * Never maps the operator's file. Reads both schemas that are in use: MaxMind's nested one
 * (country.iso_code), and the flat one of smaller databases (country_code). Called by
 * extension/routing/geo_mmdb.c.
 */
#include "adapters/mr_mmdb.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/mr_mmdb_copy.h"

#define REMEMBERED 256 /* records read last */

typedef struct Memory
{
	uint32_t offset; /* 0: free */
	bool known;
	MrClientPlace place;
} Memory;

struct MrMmdb
{
	MMDB_s file;
	Memory memory[REMEMBERED];
};

/* ---------- a record ---------- */

static MrSlice
text_at(MMDB_entry_s *entry, const char *const *path)
{
	MMDB_entry_data_s data;
	MrSlice text = {NULL, 0};

	if (MMDB_aget_value(entry, &data, path) == MMDB_SUCCESS && data.has_data &&
		data.type == MMDB_DATA_TYPE_UTF8_STRING)
	{
		text.text = data.utf8_string;
		text.length = data.data_size;
	}
	return text;
}

static bool
number_at(MMDB_entry_s *entry, const char *const *path, double *number)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data)
		return false;
	if (data.type == MMDB_DATA_TYPE_DOUBLE)
		*number = data.double_value;
	else if (data.type == MMDB_DATA_TYPE_FLOAT)
		*number = (double) data.float_value;
	else if (data.type == MMDB_DATA_TYPE_UTF8_STRING)
	{
		MrSlice text = {data.utf8_string, data.data_size};

		return mr_slice_number(text, number);
	}
	else
		return false;
	return true;
}

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
set_text(MMDB_entry_s *entry, MrGeoField field, const char *const *path, MrClientPlace *place)
{
	MrSlice text = text_at(entry, path);

	if (text.length > 0)
		mr_client_place_set(place, field, text);
}

static void
set_coordinates(MMDB_entry_s *entry, const char *const *latitude, const char *const *longitude,
				MrClientPlace *place)
{
	double north;
	double east;

	if (number_at(entry, latitude, &north) && number_at(entry, longitude, &east))
		mr_client_place_set_coordinates(place, north, east);
}

/* MaxMind's form: {"country": {"iso_code": "DE"}, "location": {"latitude": 52.5 ... */
static void
read_nested(MMDB_entry_s *entry, MrClientPlace *place)
{
	set_text(entry, MR_GEO_CONTINENT, PATH("continent", "code"), place);
	set_text(entry, MR_GEO_SUBDIVISION, PATH("subdivisions", "0", "iso_code"), place);
	set_text(entry, MR_GEO_CITY, PATH("city", "names", "en"), place);
	set_text(entry, MR_GEO_TIME_ZONE, PATH("location", "time_zone"), place);
	set_coordinates(entry, PATH("location", "latitude"), PATH("location", "longitude"), place);
}

/* {"country_code": "DE", "city": "Berlin", "latitude": 52.5 ... */
static void
read_flat(MMDB_entry_s *entry, MrClientPlace *place)
{
	set_text(entry, MR_GEO_CITY, PATH("city"), place);
	set_text(entry, MR_GEO_TIME_ZONE, PATH("timezone"), place);
	set_coordinates(entry, PATH("latitude"), PATH("longitude"), place);
}

/* To look for what is not there means to read the whole record: so not both forms, if possible. */
static bool
read_record(MMDB_entry_s *entry, MrClientPlace *place)
{
	bool flat = false;

	mr_client_place_init(place);
	set_text(entry, MR_GEO_COUNTRY, PATH("country", "iso_code"), place);
	if (place->country[0] == '\0')
	{
		set_text(entry, MR_GEO_COUNTRY, PATH("country_code"), place);
		flat = place->country[0] != '\0';
	}
	if (flat)
		read_flat(entry, place);
	else
		read_nested(entry, place);
	/* where the holder of the address is registered: better than nothing */
	if (place->country[0] == '\0')
		set_text(entry, MR_GEO_COUNTRY, PATH("registered_country", "iso_code"), place);
	return mr_client_place_finish(place);
}

/* ---------- the look-up ---------- */

static int
look_up(MMDB_s *file, const MrAddress *address, MMDB_lookup_result_s *result)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;
	int error = MMDB_SUCCESS;

	if (address->family == 4)
	{
		memset(&four, 0, sizeof(four));
		four.sin_family = AF_INET;
		memcpy(&four.sin_addr, address->bytes, 4);
		*result = MMDB_lookup_sockaddr(file, (const struct sockaddr *) &four, &error);
	}
	else
	{
		memset(&six, 0, sizeof(six));
		six.sin6_family = AF_INET6;
		memcpy(&six.sin6_addr, address->bytes, 16);
		*result = MMDB_lookup_sockaddr(file, (const struct sockaddr *) &six, &error);
	}
	return error;
}

bool
mr_mmdb_find(MrMmdb *mmdb, const MrAddress *address, MrClientPlace *place)
{
	MMDB_lookup_result_s result;
	Memory *memory;

	if (address->family == 0 || look_up(&mmdb->file, address, &result) != MMDB_SUCCESS ||
		!result.found_entry)
		return false;
	/* many networks share a record */
	memory = &mmdb->memory[result.entry.offset * 2654435761u >> 16 & (REMEMBERED - 1)];
	if (memory->offset != result.entry.offset + 1)
	{
		memory->known = read_record(&result.entry, &memory->place);
		memory->offset = result.entry.offset + 1;
	}
	if (memory->known)
		*place = memory->place;
	return memory->known;
}

/* ---------- opening ---------- */

/* NULL, with *problem, when it is no database. */
static MrMmdb *
open_copy(const char *path, char problem[MR_MMDB_PROBLEM_SIZE])
{
	MrMmdb *mmdb = calloc(1, sizeof(*mmdb));
	int error;

	if (mmdb == NULL)
	{
		snprintf(problem, MR_MMDB_PROBLEM_SIZE, "out of memory");
		return NULL;
	}
	error = MMDB_open(path, MMDB_MODE_MMAP, &mmdb->file);
	if (error == MMDB_SUCCESS)
		return mmdb;
	snprintf(problem, MR_MMDB_PROBLEM_SIZE, "%s", MMDB_strerror(error));
	free(mmdb);
	return NULL;
}

void
mr_mmdb_close(MrMmdb *mmdb)
{
	if (mmdb == NULL)
		return;
	MMDB_close(&mmdb->file);
	free(mmdb);
}

/* Copies the file, opens the copy and gives it its name. */
static MrMmdb *
take_over(const char *path, const char *folder, const MrMmdbVersion *version,
		  char problem[MR_MMDB_PROBLEM_SIZE])
{
	char made[MR_MMDB_PATH_SIZE];
	MrMmdb *mmdb;

	if (!mr_mmdb_copy(path, folder, version, made, problem))
		return NULL;
	mmdb = open_copy(made, problem);
	if (mmdb == NULL)
		unlink(made);
	else
		mr_mmdb_copy_keep(folder, version, made);
	return mmdb;
}

MrMmdbResult
mr_mmdb_open(const char *path, const char *folder, const MrMmdbVersion *version, MrMmdb **mmdb,
			 char problem[MR_MMDB_PROBLEM_SIZE])
{
	char found[MR_MMDB_PATH_SIZE];
	char ignored[MR_MMDB_PROBLEM_SIZE];

	problem[0] = '\0';
	*mmdb = NULL;
	if (!mr_mmdb_copy_is_refused(folder, version))
	{
		if (mr_mmdb_copy_find(folder, version, found))
			*mmdb = open_copy(found, ignored);
		if (*mmdb == NULL)
			*mmdb = take_over(path, folder, version, problem);
		if (*mmdb != NULL)
			return MR_MMDB_OPENED;
		if (!mr_mmdb_copy_refuse(folder, version))
			problem[0] = '\0';
	}
	if (mr_mmdb_copy_find(folder, NULL, found))
		*mmdb = open_copy(found, ignored);
	return *mmdb != NULL ? MR_MMDB_KEPT_PREVIOUS : MR_MMDB_REFUSED;
}
