/*
 * What others tell of residency zones. Changes of zones are SQL functions (zones.c).
 */
#ifndef MR_ZONES_H
#define MR_ZONES_H

#include "core/mr_route.h"

/* Fills in the strict zones of these regions, as the active snapshot shows them. */
extern void mr_zones_take_strict(MrRouteRegions *regions);

/*
 * A WARNING if a node in this region will hold data of tenants whose strict zone does not
 * have the region. It cannot be kept from that, and so is not refused.
 */
extern void mr_zones_warn_of_node(const char *node, const char *region);

#endif /* MR_ZONES_H */
