/*
 * A cluster that is well, as one of its nodes sees it, for the tests of alert rules.
 */
#ifndef MR_ALERT_FACTS_H
#define MR_ALERT_FACTS_H

#include "core/mr_alert_rules.h"

#define S MR_NS_PER_S
#define NOW_NS (10000 * S)
#define WALL_MS INT64_C(1700000000000)
#define MB (INT64_C(1) << 20)

extern MrLease lease;
extern MrForecast forecast;
extern MrAlertFacts known;
extern MrAlerts alerts;

/* Three voters in three regions; n0 leads, and `self` looks. No alert yet. */
extern void mr_facts_start(int self);

/* Copies a name into a field. */
extern void mr_facts_name(char out[MR_NAME_SIZE], const char *text);

/* One round; what is raised then, as words in the order of the alphabet. */
extern const char *mr_facts_judge(void);

/* The same, later, when everybody has been heard again. */
extern const char *mr_facts_judge_after(int64_t seconds);

#endif /* MR_ALERT_FACTS_H */
