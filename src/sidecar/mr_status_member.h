/*
 * The last copy's way to each member; see mr_status.h.
 */
#ifndef MR_STATUS_MEMBER_H
#define MR_STATUS_MEMBER_H

#include "sidecar/mr_status.h"

/* How a member is reached, as the database has it: no password, texts never NULL. */
typedef struct MrStatusMember
{
	const char *name;
	const char *conninfo;
	const char *hostaddr; /* empty for a socket directory */
} MrStatusMember;

/* Member number i of those that hold data; false from their count on. */
extern bool mr_status_member(const MrStatus *status, int i, MrStatusMember *member);

#endif /* MR_STATUS_MEMBER_H */
