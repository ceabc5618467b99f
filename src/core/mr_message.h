/*
 * The messages of the lease protocol and their encoding.
 *
 * One request, one reply, over multiregion.rpc(bytea). Fixed little-endian
 * layout, versioned: a decoder reads what it knows and ignores what a newer
 * version appended. Every message carries who sent it (cluster, node uuid, boot
 * nonce, sequence number of the state file, configuration) and what the sender
 * knows of its own log, so each contact also updates the receiver's picture.
 */
#ifndef MR_MESSAGE_H
#define MR_MESSAGE_H

#include "core/mr_report.h"
#include "core/mr_topology.h"

/* One more in the build that stands for a later version in tests (bytes.c). */
#ifndef MR_TEST_NEXT_VERSION
#define MR_PROTOCOL_VERSION 1
#else
#define MR_PROTOCOL_VERSION 2
#endif

typedef struct MrMessage
{
	uint8_t kind; /* MrMessageKind */
	bool is_reply;
	uint64_t id; /* of the request; repeated in the reply */
	MrUuid cluster;
	MrUuid sender;
	uint64_t nonce;    /* boot of the sender */
	uint64_t sequence; /* of the sender's state file */
	uint64_t config_term;
	uint64_t config_version;
	uint64_t term; /* request: the term meant; reply: the replier's term */
	MrReport report;
	MrUuid leader;              /* whom the sender takes for the leader of its term */
	MrStamp stamp;              /* newest stamp the sender knows */
	uint32_t reserved_timeline; /* newest timeline the sender knows to be taken */

	/* replies */
	bool ok;
	uint8_t refusal;         /* MrRefusal when not ok */
	uint32_t retry_after_ms; /* when asking again may help; 0 = unknown */

	/* PREVOTE, VOTE */
	uint32_t timeline;   /* the winner will promote to it */
	MrReleased released; /* the candidate's right to ask during a promise */

	/* GRANT, VOTE: length of the lease asked for */
	uint32_t lease_ms;
	bool shorten; /* GRANT: a longer one given to an earlier request is not counted on any more */

	/* PREVOTE, VOTE, RELEASE, ORDER: by an order; see mr_order.h */
	uint64_t order_id; /* 0 = of itself */
	bool allow_loss;
	uint32_t wait_ms; /* ORDER: how long it may take */

	/* RELEASE: valid only for a successor that holds need_lsn; 0 = for anybody. ORDER: target */
	MrUuid successor;
	MrLsn need_lsn;
	uint8_t cause;

	/* GRANT */
	uint8_t nmarks; /* newest first */
	MrFailoverMark marks[MR_FAILOVERS_KEPT];
	uint8_t npeers;
	MrPeerReport peers[MR_MAX_MEMBERS];

	bool has_config; /* the sender's configuration is appended */
} MrMessage;

/*
 * Encodes into out[size]; returns the length, 0 if it does not fit or npeers is
 * impossible. config is appended when message->has_config (then it is not NULL).
 */
extern size_t mr_message_encode(const MrMessage *message, const MrConfig *config, uint8_t *out,
								size_t size);

/*
 * Decodes. False (and *message undefined) for anything not well-formed, of an
 * unknown kind, or with a configuration that mr_config_read() refuses. When
 * message->has_config, *config is filled, else (and on failure) untouched; it may be
 * NULL when the caller does not want it. A refusal or cause may be a number for which
 * this version has no word. Every message has a kind, also the reply to a malformed one.
 */
extern bool mr_message_decode(const uint8_t *in, size_t size, MrMessage *message, MrConfig *config);

/*
 * The same for a configuration alone, and for a stamp (state file). Position moves
 * past it. mr_config_read() refuses voters that are no members and policy outside its
 * range; a configuration without voters passes (a node that has not joined yet), so
 * ask mr_config_problem() before using one. False: *config is undefined.
 */
struct MrBytes;
extern void mr_config_write(struct MrBytes *bytes, const MrConfig *config);
extern bool mr_config_read(struct MrBytes *bytes, MrConfig *config);
extern void mr_stamp_write(struct MrBytes *bytes, const MrStamp *stamp);
extern void mr_stamp_read(struct MrBytes *bytes, MrStamp *stamp);

/* Marks of failovers, with their number before them; too many fail. Returns the number. */
extern void mr_marks_write(struct MrBytes *bytes, const MrFailoverMark *marks, int count);
extern int mr_marks_read(struct MrBytes *bytes, MrFailoverMark marks[MR_FAILOVERS_KEPT]);

#endif /* MR_MESSAGE_H */
