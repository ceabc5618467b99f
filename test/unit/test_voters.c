/*
 * Who gets a vote (core/voters.c). Goal: the rules of mr_voters.h as a table of
 * clusters, and two properties that must hold for every cluster whatsoever.
 *
 * A cluster is written as one word a slot: the region's letter, then marks:
 *   * leader   v votes now   + healthy   x has to lose its vote
 *   ! unbound  w witness     n no_promote   0-9 the region's priority
 * A dash is a free slot. The answer has a letter V or a dot for each slot.
 */
#include "core/mr_voters.h"
#include "unit/mr_unit.h"

#include <string.h>

typedef struct Cluster
{
	MrConfig config;
	int leader;
	uint32_t healthy;
	uint32_t leaving;
	int count;
} Cluster;

static void
add_mark(Cluster *cluster, MrMember *member, int slot, char mark)
{
	uint32_t bit = UINT32_C(1) << slot;

	if (mark == '*')
		cluster->leader = slot;
	else if (mark == 'v')
		cluster->config.voters |= bit;
	else if (mark == '+')
		cluster->healthy |= bit;
	else if (mark == 'x')
		cluster->leaving |= bit;
	else if (mark == '!')
		memset(&member->uuid, 0, sizeof(member->uuid));
	else if (mark == 'w')
		member->witness = true;
	else if (mark == 'n')
		member->no_promote = true;
	else if (mark >= '0' && mark <= '9')
		member->priority = mark - '0';
	else
		MR_CHECK(!"known mark");
}

static void
read_cluster(Cluster *cluster, const char *text)
{
	memset(cluster, 0, sizeof(*cluster));
	cluster->leader = MR_NO_SLOT;
	while (*text != '\0')
	{
		int slot = cluster->count++;
		MrMember *member = &cluster->config.members[slot];

		if (*text != '-')
		{
			member->used = true;
			member->region[0] = *text;
			member->name[0] = (char) ('a' + slot);
			member->uuid.bytes[0] = (uint8_t) (slot + 1);
		}
		for (text++; *text != '\0' && *text != ' '; text++)
			add_mark(cluster, member, slot, *text);
		while (*text == ' ')
			text++;
	}
}

static void
write_voters(uint32_t voters, int count, char out[MR_MAX_MEMBERS + 1])
{
	int slot;

	for (slot = 0; slot < count; slot++)
		out[slot] = ((voters >> slot) & 1) != 0 ? 'V' : '.';
	out[count] = '\0';
}

static const struct
{
	const char *why;
	const char *cluster;
	const char *voters;
} cases[] = {
	{"a cluster of one", "A*v+", "V"},
	{"two nodes: the primary alone", "A*v+ B+", "V."},
	{"the third region joins: from one to three", "A*v+ B+ C+", "VVV"},
	{"the third node is not bound yet", "A*v+ B+ C+!", "V.."},
	{"the third node does not stream yet", "A*v+ B+ C", "V.."},
	{"a voter that falls silent keeps its vote", "A*v+ Bv Cv+", "VVV"},
	{"so do two", "A*v+ Bv Cv", "VVV"},
	{"a fourth region: an even number is worse", "A*v+ Bv+ Cv+ D+", "VVV."},
	{"a fifth region: five", "A*v+ Bv+ Cv+ D+ E+", "VVVVV"},
	{"a fifth region that is silent", "A*v+ Bv+ Cv+ D+ E", "VVV.."},
	{"five voters, one silent: five stay", "A*v+ Bv+ Cv+ Dv+ Ev", "VVVVV"},
	{"two nodes of one region: the second has no vote", "A*v+ A+ Bv+ Cv+", "V.VV"},
	{"unless there were too few", "A*v+ A+ B+", "VVV"},
	{"everybody in one region", "A*v+ A+ A+ A+", "VVV."},
	{"two regions of two nodes: by priority", "A1*v+ A1+ B0+ B0+", "V.VV"},
	{"two regions of two nodes: by slot", "A*v+ A+ B+ B+", "VVV."},
	{"a third region takes the second vote of one", "A*v+ Av+ Bv+ C+", "V.VV"},
	{"not while it is silent", "A*v+ Av+ Bv+ C", "VVV."},
	{"the second of the region leads", "Av+ A*v+ Bv+ C+", ".VVV"},
	{"a new node of a voter's region changes nothing", "A*v+ Bv Cv+ B+", "VVV."},
	{"a voter is dropped, nobody takes its place", "A*v+ Bv+ Cvx+", "V.."},
	{"a voter is dropped, another region takes its place", "A*v+ Bv+ Cvx+ D+", "VV.V"},
	{"... another node of a region with a vote", "A*v+ Bv+ Cvx B+", "VV.V"},
	{"... a silent node does not", "A*v+ Bv+ Cvx D", "V..."},
	{"a silent voter is dropped from five", "A*v+ Bv+ Cv+ Dv+ Evx", "VVV.."},
	{"of those who stay the healthy go first", "A*v+ Bv Cv+ Dv+ Evx", "V.VV."},
	{"the slot of a voter is gone", "A*v+ Bv+ -v C+", "VV.V"},
	{"two of five left, and two are silent", "A*v+ Bv Cv Dvx Evx", "V...."},
	{"a voter leaves and the rest is silent: the healthy ones step in", "A*v+ Bv Cv Dvx Ev D+ E+",
	 "VVV..VV"},
	{"the leader is never taken out", "A*vx+ Bv+ Cv+", "VVV"},
	{"a new majority must be healthy", "A*v+ Bv Cv D+ E+", "VVVVV"},
	{"... or nothing changes", "A*v+ Bv Cv Av D+", "VVVV."},
	{"a witness makes the third vote", "A*v+ B+ Cw+", "VVV"},
	{"a data node goes before a witness of its region", "A*v+ B+ Cw+ C+", "VV.V"},
	{"one that may be promoted before one that may not", "A*v+ Bn+ B+ C+", "V.VV"},
	{"no leader: nothing changes", "Av+ Bv+ Cv+ D+ E+", "VVV.."},
};

MR_TEST(the_rules_hold_case_by_case)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Cluster cluster;
		char answer[MR_MAX_MEMBERS + 1];

		mr_unit_about("%s: %s", cases[i].why, cases[i].cluster);
		read_cluster(&cluster, cases[i].cluster);
		write_voters(
			mr_voters_choose(&cluster.config, cluster.leader, cluster.healthy, cluster.leaving),
			cluster.count, answer);
		MR_CHECK_STRING(answer, cases[i].voters);
	}
}

MR_TEST(nothing_changes_while_a_change_is_under_way)
{
	Cluster cluster;

	read_cluster(&cluster, "A*v+ B+ C+");
	cluster.config.voters_old = 1;
	MR_CHECK_INT(
		mr_voters_choose(&cluster.config, cluster.leader, cluster.healthy, cluster.leaving), 1);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return *seed >> 8;
}

/* Any cluster of up to eight nodes, sensible or not; slot 0 leads. */
static void
random_cluster(Cluster *cluster, uint32_t *seed)
{
	int slot;

	memset(cluster, 0, sizeof(*cluster));
	cluster->count = 1 + (int) (next_random(seed) % 8);
	for (slot = 0; slot < cluster->count; slot++)
	{
		MrMember *member = &cluster->config.members[slot];
		uint32_t dice = next_random(seed);

		member->used = slot == 0 || dice % 10 != 0;
		member->region[0] = (char) ('A' + (dice >> 4) % 5);
		member->uuid.bytes[0] = (slot == 0 || (dice >> 7) % 8 != 0) ? (uint8_t) (slot + 1) : 0;
		member->witness = (dice >> 10) % 8 == 1;
		member->priority = (int32_t) ((dice >> 13) % 3);
		cluster->config.voters |= ((dice >> 15) & 1) << slot;
		cluster->healthy |= ((dice >> 16) & 1) << slot;
		cluster->leaving |= ((dice >> 17) % 4 == 0 ? UINT32_C(1) : 0) << slot;
	}
	cluster->config.voters |= 1;
	cluster->healthy |= 1;
}

static int
count_bits(uint32_t mask)
{
	return __builtin_popcount(mask);
}

MR_TEST(every_answer_is_safe_and_settles)
{
	uint32_t seed = 20261123;
	int round;

	for (round = 0; round < 200000; round++)
	{
		Cluster cluster;
		uint32_t before;
		uint32_t target;
		uint32_t gone = 0;
		int slot;
		int step;

		random_cluster(&cluster, &seed);
		before = cluster.config.voters;
		for (slot = 0; slot < cluster.count; slot++)
			if (!cluster.config.members[slot].used)
				gone |= UINT32_C(1) << slot;
		target = mr_voters_choose(&cluster.config, 0, cluster.healthy, cluster.leaving);

		mr_unit_about("round %d: %x to %x, healthy %x, leaving %x, gone %x", round,
					  (unsigned) before, (unsigned) target, (unsigned) cluster.healthy,
					  (unsigned) cluster.leaving, (unsigned) gone);
		MR_CHECK((target & 1) != 0);
		MR_CHECK((target & (gone | (cluster.leaving & ~UINT32_C(1)))) == 0);
		if (target != before)
		{
			MR_CHECK(count_bits(target) % 2 == 1);
			MR_CHECK(2 * count_bits(target & cluster.healthy) > count_bits(target));
			MR_CHECK((target & ~before & ~cluster.healthy) == 0);
		}

		/* With the same picture it comes to rest within two more changes. */
		for (step = 0; step < 3 && target != cluster.config.voters; step++)
		{
			cluster.config.voters = target;
			target = mr_voters_choose(&cluster.config, 0, cluster.healthy, cluster.leaving);
		}
		MR_REQUIRE(target == cluster.config.voters);
	}
}
