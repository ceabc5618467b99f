/*
 * lease.pml - lease, votes, renewals, RELEASE and the post-check of asynchronous mode.
 *
 * Three nodes; each is a voter, a possible leader, and may crash and restart.  Node 0 leads at the
 * start and has one writing backend, whose one commit passes PRE_COMMIT, becomes durable, and is
 * acknowledged (or not) by the post-check.
 *
 * INVARIANTS (assertions)
 *   one writer   never two nodes whose lease deadline lies in the future
 *   one a term   never two leaders of one term
 *   monotone     a node that gains a valid lease never does so in a term below one already led
 *   ack          a commit is acknowledged only while no other node holds a valid lease
 *   lossless     a leader elected before the old lease would have run out, that is by means of a
 *                RELEASE, has every acknowledged commit (after an expired lease one may be lost:
 *                that is asynchronous mode)
 *
 * TIME is a tick that all timers share.  TL is the longest real time for which a leader believes a
 * grant, counted from the SEND of its request (slow clock included); TV the shortest real time for
 * which a voter keeps a promise, counted from RECEIPT (fast clock included).  The one inequality of
 * the protocol is TV >= TL.  Delay, loss, a frozen process and a partition need no actions of their
 * own: an action is never forced, and ticks may pass before it.
 *
 * MESSAGES: one slot a kind (vote, renewal, RELEASE) for each ordered pair of nodes, so the kinds
 * overtake each other freely and all of them survive a restart of the sender.  Sending overwrites
 * the slot: the older message is lost.  Messages that the receiver is bound to ignore are removed
 * (sweep, forget), which only saves states.
 *
 * A LEADERSHIP is (term, holder, boot nonce), packed into one byte by LEASE(); it is what a node's
 * state file records, what a vote or renewal asks for, what a RELEASE names and what a candidate
 * shows as proof of a RELEASE it received.
 *
 * ABSTRACTED AWAY: pre-votes (they change no state), refusals (a refused request just stays in its
 * slot, which is a delay), candidates' ranking, loss of the state file, changes of membership
 * (no model yet), the log order and severing (quorum.pml), promotion and rewind, the named
 * successor (here whoever is released may campaign: more behaviour, not less).  A candidate asks
 * each voter once a term.
 *
 * MUTANTS, each -DBUG_...; run.sh demands that every one is violated:
 *   PROMISE_TOO_SHORT    TV < TL: no margin for the drift of clocks
 *   DEADLINE_FROM_REPLY  the leader counts its lease from the reply
 *   VOTE_IN_PROMISE      a voter votes while its promise to another runs
 *   VOTE_KEEPS_LEASE     a leader that votes for another goes on leading
 *   NO_POSTCHECK         only PRE_COMMIT checks the lease
 *   NO_RESTART_WAIT      a restarted voter votes for anyone at once
 *   OWN_TERM_STICKS      a node that restarted as holder campaigns in spite of a promise given since
 *   VOTE_NOT_PERSISTED   a vote is not on disk before the reply
 *   HOLDER_NOT_PERSISTED the first renewal of another holder in the voter's own term is not on disk
 *   CLOCK_FREEZE         the clock of node 0 may stand still (a paused virtual machine); no rule
 *                        of the lease survives that, which is why quorum mode exists
 *   NO_NONCE             the holder is a node, not a boot: it renews its term after a restart
 *   RELEASE_KEEPS_LEASE  RELEASE is sent before the fence
 *   RELEASE_KEEPS_PENDING  fenced, but replies to renewals already sent still count
 *   RELEASE_THEN_RENEW   the term is renewed after its RELEASE was queued
 *   RELEASE_UNCONDITIONAL  a RELEASE frees also a voter that lacks the leader's last byte
 *   LAST_BYTE_BEFORE_FENCE the leader reads its last byte, then fences
 *   NO_WAL_CHECK         a voter elects a candidate whose WAL is behind its own
 *   ANY_PROOF            a voter does not compare the proof of release with its own promise
 */
#ifndef MAXT
#define MAXT	2		/* highest term; the model starts in term 1 */
#endif
#ifndef CRASHES
#define CRASHES	1		/* restarts in the whole run */
#endif
#ifndef TL
#define TL	2
#endif
#ifndef TV
#ifdef BUG_PROMISE_TOO_SHORT
#define TV	(TL - 1)
#else
#define TV	TL
#endif
#endif

/* A leadership: term, holder, boot nonce.  0 means none: terms start at 1. */
#ifdef BUG_NO_NONCE
#define LEASE(t, h, n)	((t) * 16 + (h) * 4)
#else
#define LEASE(t, h, n)	((t) * 16 + (h) * 4 + (n))
#endif
#define TERM(x)			((x) / 16)
#define HOLDER(x)		(((x) / 4) % 4)

/* roles */
#define FOLLOWER	0
#define CANDIDATE	1
#define LEADER		2

/* what lies in a slot */
#define EMPTY		0
#define REQUEST		1
#define REPLY		2

/* the backend's commit */
#define IDLE		0
#define CHECKED		1	/* PRE_COMMIT saw a valid lease */
#define WRITTEN		2	/* the commit record is durable on node 0 */
#define ACKED		3
#define GONE		4	/* never acknowledged, or lost with an expired lease */

byte file[3];			/* state file: the leadership last voted for or accepted */
byte boot[3];			/* boot nonce */
byte role[3];
byte deadline[3];		/* of the own lease; 0 = fenced */
byte promise[3];		/* to the holder in file[]; 0 = free */
byte proof[3];			/* leadership whose RELEASE this node has seen (or sent) */
bit has[3];				/* the commit is in this node's WAL */

/* slots; S(i,j) is the slot of node i's messages to j and of j's replies */
#define S(i, j)		((i) * 2 + (j) - ((j) > (i)))
byte v_state[6];		/* votes */
byte v_lease[6];
byte v_proof[6];
byte v_left[6];			/* what is left of TL since the SEND */
byte r_state[6];		/* renewals */
byte r_lease[6];
byte r_left[6];
byte x_lease[6];		/* RELEASE; 0 = empty */
bit x_need[6];			/* its condition: the receiver must have the commit */

byte commit;
byte crashes = CRASHES;
byte led = 1;			/* ghost: highest term in which a lease was valid */
byte saved;				/* ghost: how long the lease given up by a RELEASE would still have run */

#define VALID(i)	(deadline[i] > 0)
#define ONE_WRITER	(!(VALID(0) && VALID(1)) && !(VALID(0) && VALID(2)) && !(VALID(1) && VALID(2)))

#define RIVALS(i, j)	\
	(role[i] == LEADER && role[j] == LEADER && TERM(file[i]) == TERM(file[j]))

/* Everybody follows one leadership of the last term.  Nobody can campaign any more, no request for
 * a vote is acceptable, only the holder waits for replies: nothing is left that could break an
 * invariant, so the search stops here (it saves a quarter of the states). */
#define SETTLED		(TERM(file[0]) == MAXT && file[0] == file[1] && file[1] == file[2])

/* May node j vote for i, its promise permitting?  A new boot of the holder counts as the holder. */
#define OWN_PROMISE(i, j)	(promise[j] == 0 || HOLDER(file[j]) == i)
#ifdef BUG_OWN_TERM_STICKS
bit own[3];				/* restarted as the holder in its file, has not campaigned since */
#define UNBOUND(i)			(OWN_PROMISE(i, i) || own[i])
#else
#define UNBOUND(i)			OWN_PROMISE(i, i)
#endif
#ifdef BUG_ANY_PROOF
#define PROVEN(i, j)		(v_proof[S(i, j)] != 0)
#else
#define PROVEN(i, j)		(v_proof[S(i, j)] == file[j])
#endif
#ifdef BUG_VOTE_IN_PROMISE
#define FREE(i, j)			(true)
#else
#define FREE(i, j)			(OWN_PROMISE(i, j) || PROVEN(i, j))
#endif
/* A node with a valid lease does not vote.  This spares a good leader; safety would be content with
 * the step_down() of every vote (a search without this line finds nothing). */
#define NOT_LEADING(j)		(!VALID(j))
#ifdef BUG_NO_WAL_CHECK
#define NOT_BEHIND(i, j)	(true)
#else
#define NOT_BEHIND(i, j)	(has[i] >= has[j])
#endif

/* The file as it is on disk; the base writes it with every change, so it needs no second copy. */
#if defined(BUG_VOTE_NOT_PERSISTED) || defined(BUG_HOLDER_NOT_PERSISTED)
byte disk[3];
#define PERSIST(i)			disk[i] = file[i]
#define REREAD(i)			file[i] = disk[i]
#else
#define PERSIST(i)			skip
#define REREAD(i)			skip
#endif

/* ---- housekeeping: removes what can have no effect any more ---- */

/* Nobody was promised this commit, or it is lost already.  Forget it, and with it the order of WAL
 * it imposed, which only ever forbids votes and releases. */
inline drop_commit()
{
	commit = GONE;
	has[0] = 0; has[1] = 0; has[2] = 0;
	x_need[0] = 0; x_need[1] = 0; x_need[2] = 0; x_need[3] = 0; x_need[4] = 0; x_need[5] = 0
}

/* What j is bound to ignore of i's requests. */
inline sweep(i, j)
{
	if
	:: v_state[S(i, j)] == REQUEST && TERM(v_lease[S(i, j)]) <= TERM(file[j]) -> clear_vote(i, j)
	:: else
	fi;
	if
	:: r_state[S(i, j)] == REQUEST && TERM(r_lease[S(i, j)]) < TERM(file[j]) -> clear_renewal(i, j)
	:: else
	fi;
	if
	:: TERM(x_lease[S(i, j)]) < TERM(file[j]) -> x_lease[S(i, j)] = 0; x_need[S(i, j)] = 0
	:: else
	fi
}

inline clear_vote(i, j)
{
	v_state[S(i, j)] = EMPTY; v_lease[S(i, j)] = 0; v_proof[S(i, j)] = 0; v_left[S(i, j)] = 0
}

inline clear_renewal(i, j)
{
	r_state[S(i, j)] = EMPTY; r_lease[S(i, j)] = 0; r_left[S(i, j)] = 0
}

/* Node i no longer waits for a reply of j: requests travel on, replies will be ignored. */
inline forget(i, j)
{
	v_left[S(i, j)] = 0;
	r_left[S(i, j)] = 0;
	if
	:: v_state[S(i, j)] == REPLY -> clear_vote(i, j)
	:: else
	fi;
	if
	:: r_state[S(i, j)] == REPLY -> clear_renewal(i, j)
	:: else
	fi
}

/* Node i (its peers are j and k) gives up candidacy and leadership: fenced, all grants zeroed. */
inline step_down(i, j, k)
{
	role[i] = FOLLOWER;
	deadline[i] = 0;
	forget(i, j);
	forget(i, k)
}

/* ---- the protocol ---- */

/* Does node i still wait for grants to the leadership x? */
#define AWAITED(i, x)	((x) == file[i] && role[i] != FOLLOWER)

inline ask_vote(i, j)
{
	v_state[S(i, j)] = REQUEST;
	v_lease[S(i, j)] = file[i];
	v_proof[S(i, j)] = proof[i];
	v_left[S(i, j)] = TL;
	sweep(i, j)
}

/* A node without a valid lease, bound by no promise to another, asks for the next term. */
inline campaign(i, j, k)
{
	d_step
	{
		!VALID(i) && TERM(file[i]) < MAXT && UNBOUND(i) ->
		step_down(i, j, k);
#ifdef BUG_OWN_TERM_STICKS
		own[i] = 0;
#endif
		file[i] = LEASE(TERM(file[i]) + 1, i, boot[i]);
		PERSIST(i);
		role[i] = CANDIDATE;
		promise[i] = 0;
		sweep(j, i);
		sweep(k, i);
		ask_vote(i, j);
		ask_vote(i, k)
	}
}

/* j receives i's request for a vote, and grants it; k is the third node. */
inline vote_arrives(i, j, k)
{
	d_step
	{
		v_state[S(i, j)] == REQUEST && NOT_LEADING(j) && FREE(i, j) && NOT_BEHIND(i, j) ->
		file[j] = v_lease[S(i, j)];
#ifndef BUG_VOTE_NOT_PERSISTED
		PERSIST(j);
#endif
		promise[j] = TV;
#ifndef BUG_VOTE_KEEPS_LEASE
		step_down(j, i, k);
#endif
		if
		:: AWAITED(i, v_lease[S(i, j)]) ->
			v_state[S(i, j)] = REPLY; v_proof[S(i, j)] = 0
		:: else -> clear_vote(i, j)
		fi;
		sweep(i, j);
		sweep(k, j)
	}
}

/* A grant counts from the SEND of the request.  The deadline is the majority-th largest of the
 * grants, own one included: with three voters the larger of the peers' two. */
#ifdef BUG_DEADLINE_FROM_REPLY
#define GRANTED(left)	TL
#else
#define GRANTED(left)	(left)
#endif
inline granted(i, left)
{
	role[i] = LEADER;
	assert(!RIVALS(0, 1) && !RIVALS(0, 2) && !RIVALS(1, 2));
	if
	:: GRANTED(left) > deadline[i] -> deadline[i] = GRANTED(left)
	:: else
	fi;
	if
	:: VALID(i) && commit == ACKED && !has[i] -> assert(saved == 0); drop_commit()
	:: else
	fi;
	if
	:: VALID(i) -> assert(TERM(file[i]) >= led); led = TERM(file[i])
	:: else
	fi;
	assert(ONE_WRITER)
}

inline vote_reply(i, j)
{
	d_step
	{
		v_state[S(i, j)] == REPLY ->
		granted(i, v_left[S(i, j)]);
		clear_vote(i, j)
	}
}

inline renew(i, j)
{
	d_step
	{
		role[i] == LEADER && (r_state[S(i, j)] == EMPTY || r_left[S(i, j)] < TL) ->
		r_state[S(i, j)] = REQUEST;
		r_lease[S(i, j)] = file[i];
		r_left[S(i, j)] = TL;
		sweep(i, j)
	}
}

/* A renewal of a term not below the voter's own is always accepted: its sender was elected. */
inline renewal_arrives(i, j, k)
{
	d_step
	{
		r_state[S(i, j)] == REQUEST ->
		if
		:: file[j] != r_lease[S(i, j)] ->
#ifdef BUG_HOLDER_NOT_PERSISTED
			if
			:: TERM(file[j]) < TERM(r_lease[S(i, j)]) -> file[j] = r_lease[S(i, j)]; PERSIST(j)
			:: else -> file[j] = r_lease[S(i, j)]
			fi
#else
			file[j] = r_lease[S(i, j)];
			PERSIST(j)
#endif
		:: else
		fi;
		promise[j] = TV;
		step_down(j, i, k);
		if
		:: AWAITED(i, r_lease[S(i, j)]) && r_left[S(i, j)] > 0 ->
			r_state[S(i, j)] = REPLY
		:: else -> clear_renewal(i, j)
		fi;
		sweep(i, j);
		sweep(k, j)
	}
}

inline renewal_reply(i, j)
{
	d_step
	{
		r_state[S(i, j)] == REPLY ->
		granted(i, r_left[S(i, j)]);
		clear_renewal(i, j)
	}
}

/* ---- RELEASE ---- */

#ifdef BUG_LAST_BYTE_BEFORE_FENCE
byte lastbyte[3];		/* 0 = not read, else 1 + what was read */
#define MAY_RELEASE(i)	(lastbyte[i] > 0)
#define LAST_BYTE(i)	(lastbyte[i] - 1)
#else
#define MAY_RELEASE(i)	(true)
#define LAST_BYTE(i)	(has[i])
#endif

inline read_last_byte(i)
{
	d_step { role[i] == LEADER && lastbyte[i] == 0 -> lastbyte[i] = 1 + has[i] }
}

inline send_release(i, j)
{
	x_lease[S(i, j)] = file[i];
	x_need[S(i, j)] = LAST_BYTE(i);
	sweep(i, j)
}

/* Last gasp, orderly stop or switchover: fence, zero the grants, then "you are free if you hold my
 * last byte".  From here on the term is dead for its leader. */
inline release(i, j, k)
{
	d_step
	{
		role[i] == LEADER && MAY_RELEASE(i) ->
		proof[i] = file[i];
		saved = deadline[i];
		send_release(i, j);
		send_release(i, k);
#ifdef BUG_RELEASE_KEEPS_LEASE
		skip
#elif defined(BUG_RELEASE_KEEPS_PENDING)
		role[i] = CANDIDATE;
		deadline[i] = 0
#elif defined(BUG_RELEASE_THEN_RENEW)
		step_down(i, j, k);
		role[i] = LEADER
#else
		step_down(i, j, k)
#endif
	}
}

#ifdef BUG_RELEASE_UNCONDITIONAL
#define CONDITION(i, j)	(true)
#else
#define CONDITION(i, j)	(has[j] >= x_need[S(i, j)])
#endif
inline release_arrives(i, j)
{
	d_step
	{
		x_lease[S(i, j)] != 0 && x_lease[S(i, j)] == file[j] && CONDITION(i, j) ->
		promise[j] = 0;
		proof[j] = file[j];
		x_lease[S(i, j)] = 0;
		x_need[S(i, j)] = 0
	}
}

/* ---- crash and restart ---- */

/* Volatile state is lost; what was sent travels on.  The restarted voter promises one TV to the
 * holder in its file: it votes for nobody else, but for that node at once.  If it is itself that
 * holder it owes nobody anything, and may campaign at once. */
inline restart(i, j, k)
{
	d_step
	{
		crashes > 0 ->
		crashes--;
		boot[i]++;
		step_down(i, j, k);
		REREAD(i);
		proof[i] = 0;
#ifdef BUG_NO_RESTART_WAIT
		promise[i] = 0;
#else
		promise[i] = (HOLDER(file[i]) == i -> 0 : TV);
#endif
#ifdef BUG_OWN_TERM_STICKS
		own[i] = (HOLDER(file[i]) == i);
#endif
#ifdef BUG_NO_NONCE
		if
		:: HOLDER(file[i]) == i -> role[i] = LEADER
		:: else
		fi;
#endif
		if
		:: i == 0 && (commit == CHECKED || commit == WRITTEN) -> drop_commit()
		:: else
		fi
	}
}

/* ---- the backend on node 0, and its WAL ---- */

#ifdef BUG_NO_POSTCHECK
#define POSTCHECK	(true)
#else
#define POSTCHECK	VALID(0)
#endif

/* WAL flows to a node from the leadership in its file, also from one that is fenced. */
inline stream(i, j)
{
	d_step { has[i] && !has[j] && role[j] == FOLLOWER && HOLDER(file[j]) == i -> has[j] = 1 }
}

/* ---- time ---- */

inline decrement(x)
{
	if
	:: x > 0 -> x--
	:: else
	fi
}

/* the leader's side of the slot; a reply that can extend no lease is as good as lost */
inline tick_slot(i, j)
{
	decrement(v_left[S(i, j)]);
	decrement(r_left[S(i, j)]);
	if
	:: r_state[S(i, j)] == REPLY && r_left[S(i, j)] == 0 -> clear_renewal(i, j)
	:: else
	fi;
	if
	:: v_state[S(i, j)] == REPLY && v_left[S(i, j)] == 0 && role[i] == LEADER -> clear_vote(i, j)
	:: else
	fi
}

inline tick_leader(i, j, k)
{
	decrement(deadline[i]);
	tick_slot(i, j);
	tick_slot(i, k)
}

inline tick_rest()
{
	tick_leader(1, 0, 2);
	tick_leader(2, 0, 1);
	decrement(promise[0]);
	decrement(promise[1]);
	decrement(promise[2]);
	decrement(saved)
}

#define EACH_NODE(act)	:: act(0, 1, 2) :: act(1, 0, 2) :: act(2, 0, 1)
#define EACH_PAIR(act)	:: act(0, 1) :: act(0, 2) :: act(1, 0) :: act(1, 2) :: act(2, 0) :: act(2, 1)
#define EACH_TRIPLE(act)	\
	:: act(0, 1, 2) :: act(0, 2, 1) :: act(1, 0, 2) :: act(1, 2, 0) :: act(2, 0, 1) :: act(2, 1, 0)

active proctype World() provided (!SETTLED)
{
	d_step
	{
		file[0] = LEASE(1, 0, 0);
		file[1] = LEASE(1, 0, 0);
		file[2] = LEASE(1, 0, 0);
		PERSIST(0);
		PERSIST(1);
		PERSIST(2);
		role[0] = LEADER;
		deadline[0] = TL;
		promise[1] = TV;
		promise[2] = TV
	}
	do
	EACH_NODE(campaign)
	EACH_TRIPLE(vote_arrives)
	EACH_PAIR(vote_reply)
	EACH_PAIR(renew)
	EACH_TRIPLE(renewal_arrives)
	EACH_PAIR(renewal_reply)
	EACH_NODE(release)
	EACH_PAIR(release_arrives)
	EACH_NODE(restart)
	EACH_PAIR(stream)
#ifdef BUG_LAST_BYTE_BEFORE_FENCE
	:: read_last_byte(0) :: read_last_byte(1) :: read_last_byte(2)
#endif
	:: d_step { commit == IDLE && VALID(0) -> commit = CHECKED }
	:: d_step { commit == CHECKED -> commit = WRITTEN; has[0] = 1 }
	:: d_step
	{
		commit == WRITTEN && POSTCHECK ->
		assert(!VALID(1) && !VALID(2) && TERM(file[0]) >= led);
		commit = ACKED
	}
	:: d_step { commit == WRITTEN && !POSTCHECK -> drop_commit() }
	:: d_step { tick_leader(0, 1, 2); tick_rest() }
#ifdef BUG_CLOCK_FREEZE
	:: d_step { tick_rest() }
#endif
	od
}
