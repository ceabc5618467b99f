/*
 * Who may have a path answered, and as whom the database is asked for it.
 */
#ifndef MR_AUTHORIZE_H
#define MR_AUTHORIZE_H

#include "sidecar/mr_service.h"

/*
 * Whether the request may go on to its route's endpoint; else it was answered with 401 or
 * 403. Notes in it who asks.
 */
extern bool mr_authorize(MrService *service, MrRequest *request, const MrRoute *route);

/* The same for what more than a check of health is asked by the path of one. */
extern bool mr_authorize_somebody(MrService *service, MrRequest *request);

/* Makes a query the request's: it runs as the role that was found. */
extern void mr_authorize_query(const MrRequest *request, MrPoolQuery *query);

#endif /* MR_AUTHORIZE_H */
