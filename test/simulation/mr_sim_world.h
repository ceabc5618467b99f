/*
 * The simulated world as a whole, and what its parts offer each other; the second
 * half of mr_world.h, which includes it.
 */
#ifndef MR_SIM_WORLD_H
#define MR_SIM_WORLD_H

/* What is known of a term from outside: no node may contradict it. */
typedef struct MrSimTerm
{
	int leader;                  /* slot + 1; 0 = none was elected */
	bool released;               /* its leader sent a conditional RELEASE */
	uint8_t voted[MR_SIM_NODES]; /* slot + 1 of the candidate each node voted for */
} MrSimTerm;

typedef struct MrWorld
{
	uint64_t seed;
	uint64_t random;
	int64_t now;
	bool failed;
	bool verbose;
	bool faults; /* they go on */
	bool wild;   /* messages overtake each other as they like */
	bool cruel;  /* faults are aimed at hand-overs and elections */
	bool modes;  /* the cluster changes its mode now and then */
	bool forced; /* operators force new quorums, */
	bool moving; /* or change who is a member and who votes */
	int nnodes;
	MrSimNode nodes[MR_SIM_NODES];

	/* network */
	bool cut[MR_SIM_NODES][MR_SIM_NODES]; /* from, to */
	int64_t delay[MR_SIM_NODES][MR_SIM_NODES];
	int loss_percent;
	MrSimLink links[MR_SIM_NODES][MR_SIM_NODES];
	MrSimMail queue[MR_SIM_QUEUE];
	int64_t queue_at[MR_SIM_QUEUE]; /* INT64_MAX = free; apart from the mail for speed */
	int queue_end;
	uint64_t next_id;

	/* faults to come */
	MrSimFault pending[MR_SIM_FAULTS];
	int64_t next_fault;
	int batch;      /* records that are streamed at once, at most */
	int crash_odds; /* one in so many actions; 0 = never */

	/* forced quorums */
	uint64_t generation;         /* how many there were */
	int64_t forced_at;           /* when the newest may lead: all leases before are over */
	MrConfig config;             /* as it was at first */
	MrMember lost[MR_SIM_NODES]; /* who was left out of the newest */
	int nlost;
	int identities; /* that were given since */
	int64_t next_monitor;

	/* what is seen from outside */
	MrAcknowledged acknowledged[MR_SIM_WAL];
	int nacknowledged;
	uint64_t newest_term; /* that somebody was elected in */
	MrSimTerm terms[MR_SIM_TERMS];
	bool taken[4096]; /* timelines */
	int leaderships;
	int lossless; /* leaderships by hand-over */
	int promotions;
	int pauses;        /* begun, or ended early */
	int orders;        /* given */
	int orders_done;   /* ... and done, as far as a node knows that was asked */
	int mode_changes;  /* of a node */
	int plays;         /* elections that an observer would have won */
	int unknowing;     /* votes of who held WAL of a leadership it had not heard of */
	int clones;        /* nodes that came back after they were left out */
	int changes;       /* of members and voters */
	int64_t healed_ns; /* how long it took to serve again after all was healed */
} MrWorld;

/* A number in [0, limit); whether something of one in `odds` happens; a time below ms. */
extern uint64_t mr_world_random(MrWorld *world, uint64_t limit);
extern bool mr_world_chance(MrWorld *world, int odds);
extern int64_t mr_world_ms(MrWorld *world, int ms);

/* Reports a broken invariant and marks the run as failed; with --seed, notes what happens. */
extern void mr_world_fail(MrWorld *world, int node, const char *what);
extern void mr_world_note(MrWorld *world, int node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* world.c: a fresh world of voters that have never led; runs it until `until`. */
extern void mr_world_init(MrWorld *world, uint64_t seed);
extern void mr_world_run(MrWorld *world, int64_t until);

/* True when one node leads and acknowledges, and all the others follow it. */
extern bool mr_world_converged(const MrWorld *world);

/* faults.c: draws the next faults, strikes those that are due, ends all of them. */
extern void mr_faults_init(MrWorld *world);
extern void mr_faults_turn(MrWorld *world);
extern void mr_faults_after(MrWorld *world, int node, const MrAction *event);
extern void mr_faults_end(MrWorld *world);

/* node.c: the processes of a node and what starts and ends them. */
extern int64_t mr_node_clock(const MrWorld *world, int node);
extern bool mr_node_is_open(const MrWorld *world, int node);
extern void mr_node_start(MrWorld *world, int node);
extern void mr_node_kill(MrWorld *world, int node, bool worker_too);
extern void mr_node_kill_worker(MrWorld *world, int node);
extern void mr_node_stop(MrWorld *world, int node, bool smart);
extern void mr_node_background(MrWorld *world, int node);

/* server.c: recovery, streaming, promotion, clients of a running server. */
extern void mr_server_background(MrWorld *world, int node);

/* worker.c: gives an event to a node's lease worker and performs the actions. */
extern void mr_worker_event(MrWorld *world, int node, MrLeaseEvent *event, MrSimMail *request);
extern void mr_worker_tick(MrWorld *world, int node);
extern void mr_worker_pause(MrWorld *world, int node, bool ends);
extern void mr_worker_order(MrWorld *world, int node, int target);

/* worker.c: what the monitor of a leader makes of its tables; a mode, to whoever leads now. */
extern void mr_worker_propose(MrWorld *world, int node, const MrConfig *config);
extern void mr_worker_propose_mode(MrWorld *world, int mode);

/* network.c */
extern void mr_network_send(MrWorld *world, int from, int to, const MrMessage *message);
extern void mr_network_reply(MrWorld *world, const MrSimMail *request, const MrMessage *message);
extern void mr_network_defer(MrWorld *world, const MrSimMail *request);
extern void mr_network_deliver(MrWorld *world, int64_t until);
extern void mr_network_forget(MrWorld *world, int node);

/* invariants.c: looks at what becomes visible and fails the run if it must not be. */
extern MrSimTerm *mr_check_term(MrWorld *world, uint64_t term);
extern void mr_check_persist(MrWorld *world, int node, const MrDurable *next);
extern void mr_check_reply(MrWorld *world, int node, const MrSimMail *request,
						   const MrMessage *reply);
extern void mr_check_elected(MrWorld *world, int node);
extern void mr_check_acknowledge(MrWorld *world, int node, int position);
extern void mr_check_timeline(MrWorld *world, int node, uint32_t timeline);
extern void mr_check_streamed(MrWorld *world, int node);
extern void mr_check_node(MrWorld *world, int node);

#endif /* MR_SIM_WORLD_H */
