/*
 * Sets of the cache of tenants; see mr_tenant_set.h. Called by the extension's cache.
 */
#include "core/mr_tenant_set.h"

#include <string.h>

#include "core/mr_assert.h"

_Static_assert(sizeof(MrTenantSlot) == 64, "a slot is a cache line");
_Static_assert(offsetof(MrTenantSet, slots) == 64, "the head is a cache line");

bool
mr_tenant_stamp_equal(const MrTenantStamp *a, const MrTenantStamp *b)
{
	return a->bucket == b->bucket && a->regions == b->regions && a->table == b->table &&
		   a->database == b->database;
}

/* 0 is for free slots. */
static uint16_t
tag_of(const MrTenantId *id)
{
	return id->tag != 0 ? id->tag : 1;
}

int
mr_tenant_set_find(const MrTenantSet *set, const MrTenantStamp *stamp, const MrTenantId *id)
{
	uint16_t tag = tag_of(id);

	if (!mr_tenant_stamp_equal(&set->stamp, stamp))
		return -1;
	for (int i = 0; i < MR_TENANT_SET_SLOTS; i++)
		if (set->tags[i] == tag && set->slots[i].length == id->length &&
			memcmp(set->slots[i].id, id->text, id->length) == 0)
			return i;
	return -1;
}

/* A free slot, or one that the hand may take. */
static int
make_room(MrTenantSet *set)
{
	for (int i = 0; i < MR_TENANT_SET_SLOTS; i++)
		if (set->tags[i] == 0)
			return i;
	/* Others may go on marking slots meanwhile: one round, then the next is taken. */
	for (int i = 0; i < MR_TENANT_SET_SLOTS; i++)
	{
		int slot = set->hand;
		uint16_t bit = (uint16_t) (1u << slot);

		set->hand = (uint8_t) ((slot + 1) % MR_TENANT_SET_SLOTS);
		if ((set->recent & bit) == 0)
			return slot;
		set->recent = (uint16_t) (set->recent & ~bit);
	}
	return set->hand;
}

bool
mr_tenant_set_put(MrTenantSet *set, const MrTenantStamp *stamp, const MrTenantId *id,
				  const MrTenantRule *rule)
{
	bool evicts = false;
	int slot;

	MR_ASSERT(id->length <= MR_TENANT_SLOT_ID);
	if (!mr_tenant_stamp_equal(&set->stamp, stamp))
	{
		memset(set->tags, 0, sizeof(set->tags));
		set->recent = 0;
		set->stamp = *stamp;
	}
	slot = mr_tenant_set_find(set, stamp, id);
	if (slot < 0)
	{
		slot = make_room(set);
		evicts = set->tags[slot] != 0;
	}
	set->tags[slot] = tag_of(id);
	set->recent = (uint16_t) (set->recent & ~(1u << slot));
	set->slots[slot].rule = *rule;
	set->slots[slot].length = (uint8_t) id->length;
	memcpy(set->slots[slot].id, id->text, id->length);
	return evicts;
}

int
mr_tenant_set_count(const MrTenantSet *set)
{
	int count = 0;

	for (int i = 0; i < MR_TENANT_SET_SLOTS; i++)
		count += set->tags[i] != 0;
	return count;
}
