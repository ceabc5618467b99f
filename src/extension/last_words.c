/*
 * What a walsender still sends when the postmaster has died; see mr_last_words.h.
 *
 * PostgreSQL's walsenders end at once then, with what was flushed in the last moments
 * unsent: a standby that lacks the last commit's bytes is no successor, and the lease has
 * to run out. Here they send that rest first, until the fence is closed, after which no
 * commit is acknowledged. It is WAL that the stream would have carried, no other: this
 * node's own, flushed, and of the timeline it leads. Nothing here waits for a client,
 * raises an error, or takes longer than a tenth of a second.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "libpq/libpq.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "storage/spin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "extension/mr_last_words.h"
#include "extension/mr_shared_state.h"

#define MR_LAST_WORDS_NS (100 * MR_NS_PER_MS)
#define MR_LAST_WORDS_PAUSE_US 500
#define CHUNK_BYTES (64 * 1024)

/* Reads flushed WAL that lies in one segment. */
static bool
read_wal(TimeLineID timeline, XLogRecPtr from, char *out, size_t length)
{
	char path[MAXPGPATH];
	XLogSegNo segment;
	int fd;
	bool good;

	XLByteToSeg(from, segment, wal_segment_size);
	XLogFilePath(path, timeline, segment, wal_segment_size);
	fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return false;
	good = pread(fd, out, length, (off_t) XLogSegmentOffset(from, wal_segment_size)) ==
		   (ssize_t) length;
	close(fd);
	return good;
}

/* One message of the stream; moves *sent. False when there is nothing more to be had. */
static bool
send_chunk(TimeLineID timeline, XLogRecPtr *sent, XLogRecPtr end)
{
	static char chunk[CHUNK_BYTES];
	size_t length = Min(end - *sent, CHUNK_BYTES);
	size_t segment_left = wal_segment_size - XLogSegmentOffset(*sent, wal_segment_size);
	StringInfoData message;

	length = Min(length, segment_left);
	if (!read_wal(timeline, *sent, chunk, length))
		return false;
	initStringInfo(&message);
	pq_sendbyte(&message, 'w');
	pq_sendint64(&message, (int64) *sent);
	pq_sendint64(&message, (int64) end);
	pq_sendint64(&message, GetCurrentTimestamp());
	appendBinaryStringInfo(&message, chunk, (int) length);
	pq_putmessage_noblock('d', message.data, (size_t) message.len);
	pfree(message.data);
	*sent += length;
	return true;
}

/* Where this node's leadership, and with it its timeline, has begun for certain. */
static XLogRecPtr
begin_of_leadership(void)
{
	MrLease *lease = MemoryContextAlloc(TopMemoryContext, sizeof(*lease));
	bool leads = mr_shared_read_lease(lease) && lease->stamped;
	XLogRecPtr begin = leads ? lease->durable.stamp.lsn : PG_UINT64_MAX;

	pfree(lease);
	return begin;
}

/* Where the stream is, if it carries the WAL of this node's leadership. */
static XLogRecPtr
position_of_stream(void)
{
	XLogRecPtr sent = InvalidXLogRecPtr;

	if (MyWalSnd == NULL)
		return InvalidXLogRecPtr;
	SpinLockAcquire(&MyWalSnd->mutex);
	if (MyWalSnd->state == WALSNDSTATE_CATCHUP || MyWalSnd->state == WALSNDSTATE_STREAMING)
		sent = MyWalSnd->sentPtr;
	SpinLockRelease(&MyWalSnd->mutex);
	/* before it an older timeline may be what the standby asked for */
	return sent >= begin_of_leadership() ? sent : InvalidXLogRecPtr;
}

static void
say_last_words(int code, Datum argument)
{
	int64 until_ns = mr_boottime_ns() + MR_LAST_WORDS_NS;
	XLogRecPtr sent;

	if (PostmasterIsAlive() || (sent = position_of_stream()) == InvalidXLogRecPtr ||
		RecoveryInProgress())
		return;
	while (mr_boottime_ns() < until_ns)
	{
		bool fenced = !mr_fence_is_open();
		TimeLineID timeline;
		XLogRecPtr end = GetFlushRecPtr(&timeline); /* after the look at the fence */

		/* one that is far behind gets what its socket takes, and memory for no more */
		if (sent < end && !pq_is_send_pending() && !send_chunk(timeline, &sent, end))
			return;
		if (pq_flush_if_writable() != 0)
			return;
		if (pq_is_send_pending() || (sent >= end && !fenced))
			pg_usleep(MR_LAST_WORDS_PAUSE_US);
		else if (sent >= end)
			return;
	}
}

void
mr_last_words_prepare(void)
{
	before_shmem_exit(say_last_words, (Datum) 0);
}
