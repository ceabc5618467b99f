/*
 * Regions and nodes for the tests of routing (core/mr_route_node.h).
 */
#ifndef MR_ROUTE_EXAMPLES_H
#define MR_ROUTE_EXAMPLES_H

#include "core/mr_route_node.h"

/* Regions on the equator: 0 A at 0, 1 B at 10, 2 C at 90 degrees. */
extern MrRouteRegions mr_three_regions(void);

/* A standby against which nothing stands. */
extern MrRouteNode mr_standby_in(int region);

#endif /* MR_ROUTE_EXAMPLES_H */
