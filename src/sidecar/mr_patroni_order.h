/*
 * The body of POST /switchover and POST /failover: what is ordered, or why not. Pure.
 */
#ifndef MR_PATRONI_ORDER_H
#define MR_PATRONI_ORDER_H

#include "sidecar/mr_status.h"

#define MR_PATRONI_NAME_SIZE 256 /* longer than any name: the database says there is none */
#define MR_PATRONI_TIME_SIZE 64

typedef struct MrPatroniOrder
{
	bool is_failover;
	bool allow_loss;
	char candidate[MR_PATRONI_NAME_SIZE]; /* empty: any, which only a schedule leaves open */
	char at[MR_PATRONI_TIME_SIZE];        /* empty: now */
} MrPatroniOrder;

/* Patroni's status and text; status 0: nothing is refused. */
typedef struct MrPatroniRefusal
{
	int status;
	const char *text;
} MrPatroniRefusal;

/*
 * Reads a body, JSON whatever its type is said to be, and looks at it by the copy: who
 * leads, who could. What Patroni does not know is ignored, as it does. An order for now
 * without a candidate gets the one that would succeed.
 */
extern MrPatroniRefusal mr_patroni_order_read(const char *body, size_t length, bool is_failover,
											  const MrStatus *status, MrPatroniOrder *out);

/* Whether a time says in which zone it is: "Z", "+02", "-03:30" at its end. */
extern bool mr_patroni_has_zone(const char *text);

#endif /* MR_PATRONI_ORDER_H */
