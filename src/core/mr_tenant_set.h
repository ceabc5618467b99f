/*
 * A set of the cache of tenants: some slots that share a stamp, searched one by one.
 *
 * The stamp says in which state of the tables the set was filled; one of another stamp holds
 * nothing. It has a size of whole cache lines: a look-up touches the first and that of its
 * slot. Who shares sets between processes sees to it that a reader notices a change under
 * his hands; a search in a set that is being changed ends, with any result.
 */
#ifndef MR_TENANT_SET_H
#define MR_TENANT_SET_H

#include "core/mr_route.h"

#define MR_TENANT_SET_SLOTS 15
#define MR_TENANT_SLOT_ID 52 /* bytes of the longest id a slot can hold */

typedef struct MrTenantSlot
{
	MrTenantRule rule;
	uint8_t length;
	char id[MR_TENANT_SLOT_ID];
} MrTenantSlot;

/* Of which tables, and of which state of them. */
typedef struct MrTenantStamp
{
	uint64_t bucket;  /* generation of the tenants in it */
	uint64_t regions; /* ... and of the regions, whose numbers are in the rules */
	uint32_t database;
	uint32_t table;
} MrTenantStamp;

typedef struct MrTenantSet
{
	uint32_t sequence; /* for whoever shares it: odd while it is changed */
	uint16_t recent;   /* bit per slot: found since the hand went by */
	uint8_t hand;      /* where the next search for a victim begins */
	uint8_t unused;
	MrTenantStamp stamp;
	uint16_t tags[MR_TENANT_SET_SLOTS]; /* of the ids, to find them by; 0: the slot is free */
	uint16_t unused_tag;
	MrTenantSlot slots[MR_TENANT_SET_SLOTS];
} MrTenantSet;

/* Whom one looks for: an id and bits of its hash, which may be any. */
typedef struct MrTenantId
{
	const char *text;
	size_t length;
	uint16_t tag;
} MrTenantId;

/* Whether what is good under one of them is good under the other. */
extern bool mr_tenant_stamp_equal(const MrTenantStamp *a, const MrTenantStamp *b);

/* The slot of this id in a set of this stamp, or -1. */
extern int mr_tenant_set_find(const MrTenantSet *set, const MrTenantStamp *stamp,
							  const MrTenantId *id);

/*
 * Puts a rule in, which ends whatever a set of another stamp held. In a full one it takes
 * the place of a slot that was not found for a round of the hand; true if it did. The id
 * must fit into a slot. A new slot has yet to be found to be recent: who is asked for once
 * drives out nobody who is asked for often.
 */
extern bool mr_tenant_set_put(MrTenantSet *set, const MrTenantStamp *stamp, const MrTenantId *id,
							  const MrTenantRule *rule);

/* How many slots are taken. */
extern int mr_tenant_set_count(const MrTenantSet *set);

#endif /* MR_TENANT_SET_H */
