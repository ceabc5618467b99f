/*
 * `multiregiond init`: from the environment to a cluster's tables, as often as wanted.
 */
#ifndef MR_INIT_H
#define MR_INIT_H

#include "sidecar/mr_serve.h"

/*
 * Connects to the local server and makes its cluster what the settings say; says on
 * standard output what it did, a line each. check: only says what it would do, and what
 * differs. Takes the settings over.
 */
extern MrExit mr_init(MrSettings *settings, bool check);

#endif /* MR_INIT_H */
