/*
 * What the files of multiregion.check() share, and the monitor asks of them.
 */
#ifndef MR_CHECK_H
#define MR_CHECK_H

#include "postgres.h"

typedef enum MrCheckSeverity
{
	MR_CHECK_INFO,    /* good to know */
	MR_CHECK_WARNING, /* will hurt one day */
	MR_CHECK_ERROR    /* init() refuses */
} MrCheckSeverity;

typedef struct MrFinding
{
	const char *name; /* of the check; a setting's name where it is about one */
	bool ok;
	MrCheckSeverity severity; /* what it would be if it is not ok */
	char detail[400];
	const char *hint; /* what to do when it is not ok */
} MrFinding;

#define MR_CHECK_MAX 40

/* Adds the findings about settings that PostgreSQL has anyway. Returns the new count. */
extern int mr_check_settings(MrFinding *findings, int count);

/* Adds the findings about connections between nodes. Returns the new count. */
extern int mr_check_peers(MrFinding *findings, int count);

/*
 * Days until the first certificate, or list of revoked ones, that this node uses runs out; 0
 * when one has, -1 when it uses none that can be read. For the monitor.
 */
extern int mr_certificate_days(void);

/* Adds the findings about replication slots. Returns the new count. */
extern int mr_check_slots(MrFinding *findings, int count);

#endif /* MR_CHECK_H */
