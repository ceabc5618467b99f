/*
 * Names of hosts to numeric addresses, by the system's resolver.
 *
 * It blocks: never called by the lease worker or anything that a client waits for.
 */
#ifndef MR_RESOLVER_H
#define MR_RESOLVER_H

#include "core/mr_limits.h"

/*
 * Asks less of an unreachable name server: one attempt of a second each, unless the
 * environment (RES_OPTIONS) says otherwise. Once, before the first look-up.
 */
extern void mr_resolver_be_brief(void);

/*
 * The address of host as a number, in address. `current` (may be empty) is the one in
 * use: it is kept as long as the name still has it; else an IPv4 address is preferred.
 * A numeric host is its own address. Null on success, else why not (a static text,
 * until the next call).
 */
extern const char *mr_resolver_look_up(const char *host, const char *current,
									   char address[MR_HOSTADDR_SIZE]);

#endif /* MR_RESOLVER_H */
