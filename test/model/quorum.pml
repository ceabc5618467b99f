/*
 * quorum.pml - durability = quorum: no acknowledged commit is ever lost, without any clock.
 *
 * Three nodes; a commit is acknowledged once one of the two other nodes has flushed it (ANY 1), and
 * a standby's replies go only to the leader of its own, persisted term.  Two leaders may coexist,
 * fenced or not: an old one cannot acknowledge.
 *
 * INVARIANT: a leader elected in a term has every entry acknowledged in terms below it.
 *
 * A LOG is a list of entries, each marked with the term of the leadership that wrote it, which is
 * what its stamp makes known.  Its order is (term of the last entry, length).  Requests and replies
 * are one atomic action: only the candidate's own term can make use of a vote.  Following a leader
 * means to be rewound to the common prefix first.
 *
 * ABSTRACTED AWAY: the lease (lease.pml), timelines, the way of a commit to the client, changes of
 * membership and of k, witnesses.
 *
 * MUTANTS, each -DBUG_...; run.sh demands that every one is violated:
 *   NO_WAL_CHECK         a voter elects a candidate whose log is behind its own
 *   NO_SEVER             a voter's walreceiver goes on confirming to the old leader
 *   STAMP_AT_PROMOTION   only a promotion stamps: who was never in recovery leads on under its old
 *                        stamp, and what it writes looks older than it is
 *   ACK_BEFORE_STAMP     entries are acknowledged although the quorum has flushed nothing of the
 *                        current leadership yet (Raft's figure 8)
 */
#ifndef MAXT
#define MAXT	4		/* highest term; the model starts in term 1 */
#endif
#define SIZE	3		/* entries a log can hold */
#define NOBODY	3

#define FOLLOWER	0
#define CANDIDATE	1
#define LEADER		2

byte term[3];
byte voted[3];			/* in that term; NOBODY = it only heard of it */
byte role[3];
bit has_vote[3];		/* candidate: of one peer, which makes the majority */
bit primary[3];			/* not in recovery */
byte stamp[3];			/* term its own entries are marked with */
byte source[3];			/* whom the standby streams from */
byte length[3];
byte entry[9];			/* ENTRY(i, k): term of entry k of node i */
byte flushed[9];		/* ENTRY(i, j): what leader i knows that j has flushed */

byte acked;			/* ghost: entries acknowledged so far, and for each ... */
byte acked_entry[SIZE];		/* ... its mark */
byte acked_in[SIZE];		/* ... the term of the leader that did */
byte k;				/* scratch */

#define ENTRY(i, at)	((i) * 3 + (at))
#define LAST(i)		(length[i] == 0 -> 0 : entry[ENTRY(i, length[i] - 1)])

#ifdef BUG_NO_WAL_CHECK
#define NOT_BEHIND(i, j)	(true)
#else
#define NOT_BEHIND(i, j)	\
	(LAST(i) > LAST(j) || (LAST(i) == LAST(j) && length[i] >= length[j]))
#endif
#ifdef BUG_NO_SEVER
#define SEVER(j)		skip
#define CONFIRMS(i, j)		(source[j] == i)
#else
#define SEVER(j)		source[j] = NOBODY
#define CONFIRMS(i, j)		(source[j] == i && term[j] == term[i])
#endif
#ifdef BUG_ACK_BEFORE_STAMP
#define PAST_STAMP(i, j)	(true)
#else
#define PAST_STAMP(i, j)	(entry[ENTRY(i, flushed[ENTRY(i, j)] - 1)] == stamp[i])
#endif

inline campaign(i)
{
	d_step
	{
		term[i] < MAXT ->
		term[i]++;
		voted[i] = i;
		role[i] = CANDIDATE;
		has_vote[i] = 0;
		source[i] = NOBODY
	}
}

inline vote(i, j)
{
	d_step
	{
		role[i] == CANDIDATE && !has_vote[i] && NOT_BEHIND(i, j) &&
		(term[j] < term[i] || (term[j] == term[i] && (voted[j] == i || voted[j] == NOBODY))) ->
		if
		:: term[j] < term[i] -> role[j] = FOLLOWER; has_vote[j] = 0
		:: else
		fi;
		term[j] = term[i];
		voted[j] = i;
		SEVER(j);
		has_vote[i] = 1
	}
}

inline win(i)
{
	d_step
	{
		role[i] == CANDIDATE && has_vote[i] ->
		has_vote[i] = 0;
		role[i] = LEADER;
#ifdef BUG_STAMP_AT_PROMOTION
		if
		:: !primary[i] -> stamp[i] = term[i]
		:: else
		fi;
#else
		stamp[i] = term[i];
#endif
		primary[i] = 1;
		flushed[ENTRY(i, 0)] = 0; flushed[ENTRY(i, 1)] = 0; flushed[ENTRY(i, 2)] = 0;
		k = 0;
		do
		:: k < acked ->
			assert(acked_in[k] >= term[i] ||
				(length[i] > k && entry[ENTRY(i, k)] == acked_entry[k]));
			k++
		:: else -> break
		od;
		k = 0
	}
}

inline write(i)
{
	d_step
	{
		role[i] == LEADER && length[i] < SIZE ->
		entry[ENTRY(i, length[i])] = stamp[i];
		length[i]++
	}
}

/* A node hears of a leader: it is rewound to what they have in common, and streams from there. */
inline follow(i, j)
{
	d_step
	{
		role[i] == LEADER && term[i] >= term[j] && source[j] != i && role[j] != CANDIDATE &&
		(role[j] != LEADER || term[i] > term[j]) ->
		if
		:: term[i] > term[j] -> voted[j] = NOBODY
		:: else
		fi;
		term[j] = term[i];
		role[j] = FOLLOWER;
		primary[j] = 0;
		source[j] = i;
		k = 0;
		do
		:: k < length[j] && k < length[i] && entry[ENTRY(j, k)] == entry[ENTRY(i, k)] -> k++
		:: else -> break
		od;
		length[j] = k;
		do
		:: k < SIZE -> entry[ENTRY(j, k)] = 0; k++
		:: else -> break
		od;
		k = 0
	}
}

/* An entry arrives, is flushed and confirmed. */
inline stream(i, j)
{
	d_step
	{
		role[i] == LEADER && role[j] == FOLLOWER && CONFIRMS(i, j) && length[j] < length[i] ->
		entry[ENTRY(j, length[j])] = entry[ENTRY(i, length[j])];
		length[j]++;
		flushed[ENTRY(i, j)] = length[j]
	}
}

inline acknowledge(i, j)
{
	d_step
	{
		role[i] == LEADER && acked < length[i] && flushed[ENTRY(i, j)] > acked &&
		PAST_STAMP(i, j) ->
		acked_entry[acked] = entry[ENTRY(i, acked)];
		acked_in[acked] = term[i];
		acked++
	}
}

#define EACH_NODE(act)	:: act(0) :: act(1) :: act(2)
#define EACH_PAIR(act)	:: act(0, 1) :: act(0, 2) :: act(1, 0) :: act(1, 2) :: act(2, 0) :: act(2, 1)

active proctype World()
{
	d_step
	{
		term[0] = 1; term[1] = 1; term[2] = 1;
		role[0] = LEADER;
		primary[0] = 1;
		stamp[0] = 1;
		source[0] = NOBODY
	}
	do
	EACH_NODE(campaign)
	EACH_PAIR(vote)
	EACH_NODE(win)
	EACH_NODE(write)
	EACH_PAIR(follow)
	EACH_PAIR(stream)
	EACH_PAIR(acknowledge)
	od
}
