/*
 * The configuration of a cluster: members, voters, policy.
 *
 * It is what the lease worker may know without SQL. The tables region, node and
 * policy are its editor: the monitor of the leader turns them into a proposal,
 * the protocol makes a majority persist it, and only then it takes effect. It
 * travels in grants and rests in the state file. A member keeps its slot (its
 * index here) as long as it belongs to the cluster.
 */
#ifndef MR_TOPOLOGY_H
#define MR_TOPOLOGY_H

#include "core/mr_limits.h"
#include "core/mr_names.h"
#include "core/mr_policies.h"

/* Cluster policy: mr_policies.h is the list. */
typedef struct MrPolicy
{
#define MR_POLICY_FIELD(name, field, def, min, max, unit, what) int64_t field;
	MR_POLICY_LIST(MR_POLICY_FIELD)
#undef MR_POLICY_FIELD
} MrPolicy;

typedef struct MrMember
{
	bool used;
	bool no_promote;         /* never a candidate */
	bool witness;            /* votes, holds no data */
	int32_t priority;        /* of its region: the smallest is preferred */
	int64_t paused_until_ms; /* it, or its region, takes no part in failovers; see below */
	MrUuid uuid;
	char name[MR_NAME_SIZE];
	char region[MR_NAME_SIZE];       /* key, e.g. US_EAST */
	char conninfo[MR_CONNINFO_SIZE]; /* never holds a password */
	char hostaddr[MR_HOSTADDR_SIZE]; /* numeric; empty for a socket directory */
} MrMember;

typedef struct MrConfig
{
	MrUuid cluster;
	uint64_t term;       /* leadership that made it */
	uint64_t version;    /* grows by one with each change */
	uint32_t voters;     /* bit per slot */
	uint32_t voters_old; /* not 0: joint, both sets must agree */
	MrPolicy policy;
	char preferred_region[MR_NAME_SIZE];
	int64_t paused_until_ms; /* no failover before; by wall clock (Unix time), 0 = not paused */
	bool leaving; /* the way out of manage: no election any more, but the fence still holds */
	MrMember members[MR_MAX_MEMBERS];
} MrConfig;

/* Fills in the default policy and clears everything else. */
extern void mr_config_init(MrConfig *config);

/* True if the identity is not all zero / both are the same. */
extern bool mr_uuid_is_set(const MrUuid *uuid);
extern bool mr_uuid_equal(const MrUuid *a, const MrUuid *b);

/* Writes 32 hex digits and a NUL; reads 32, dashes allowed anywhere: false on garbage. */
extern void mr_uuid_format(const MrUuid *uuid, char out[33]);
extern bool mr_uuid_parse(const char *text, MrUuid *uuid);

/* A mask has a bit for each slot that is in it: whether one is, and how many are. */
extern bool mr_slots_have(uint32_t mask, int slot);
extern int mr_slots_count(uint32_t mask);

/* Slot of the member with this uuid or name, or MR_NO_SLOT. */
extern int mr_config_slot_of(const MrConfig *config, const MrUuid *uuid);
extern int mr_config_slot_of_name(const MrConfig *config, const char *name);

/* Order of configurations: < 0, 0, > 0 as (term, version) of a is older, the same, newer. */
extern int mr_config_compare(uint64_t a_term, uint64_t a_version, uint64_t b_term,
							 uint64_t b_version);

/* True if slot may vote in this configuration (in either set of a joint one). */
extern bool mr_config_is_voter(const MrConfig *config, int slot);

/* How many voters there are (in the newer set of a joint configuration), and members. */
extern int mr_config_count_voters(const MrConfig *config);
extern int mr_config_count_members(const MrConfig *config);

/* True if the slots in mask are a majority of the voters, and of the old ones while joint. */
extern bool mr_config_has_majority(const MrConfig *config, uint32_t mask);

/*
 * The instant up to which a majority has granted: the majority-th largest of
 * grants[slot] over the voters (the smaller of both sets while joint); 0 when
 * there is none. grants[] has MR_MAX_MEMBERS entries, 0 = no grant.
 */
extern int64_t mr_config_majority_time(const MrConfig *config, const int64_t *grants);

/*
 * The mode in force. Bound: members acknowledge by the lease alone, and follow whom it
 * names (manage, and while leaving it). Elects: a standby may win the lease (manage only).
 */
extern bool mr_config_binds(const MrConfig *config);
extern bool mr_config_elects(const MrConfig *config);

/*
 * Null if the configuration can be used, else the reason in a sentence: names
 * and uuids unique, at least one voter, voters (old ones too) exist and have a
 * uuid, policy within its range. A member that has not joined yet has no uuid and
 * therefore no vote: were a slot bound to a new uuid while it votes, what the lost
 * node had voted would be forgotten.
 */
extern const char *mr_config_problem(const MrConfig *config);

#endif /* MR_TOPOLOGY_H */
