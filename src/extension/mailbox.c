/*
 * Mailbox between backends and the lease worker; see mr_mailbox.h.
 *
 * A slot goes FREE -> FILLING (backend) -> REQUEST -> ANSWER (worker) -> FREE
 * (backend). A backend that gives up marks its slot ABANDONED and the worker
 * frees it, so neither ever waits for the other with anything locked. The states
 * are atomics; the contents belong to whoever the state says.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#include "extension/mr_mailbox.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

enum
{
	SLOT_FREE,
	SLOT_FILLING,
	SLOT_REQUEST,
	SLOT_ANSWER,
	SLOT_ABANDONED
};

typedef struct MailSlot
{
	pg_atomic_uint32 state;
	uint32 procno; /* of the waiting backend */
	int64 received_ns;
	uint32 length;
	uint8 data[MR_MESSAGE_SIZE];
} MailSlot;

typedef struct Mailbox
{
	MailSlot slots[MR_MAILBOX_SLOTS];
	slock_t proposal_lock;
	bool proposal_waiting;
	MrConfig proposal;
} Mailbox;

static Mailbox *mailbox = NULL;

Size
mr_mailbox_size(void)
{
	return MAXALIGN(sizeof(Mailbox));
}

void
mr_mailbox_initialize(void)
{
	bool found;
	int i;

	mailbox = ShmemInitStruct("multiregion mailbox", mr_mailbox_size(), &found);
	if (found)
		return;
	memset(mailbox, 0, sizeof(*mailbox));
	SpinLockInit(&mailbox->proposal_lock);
	for (i = 0; i < MR_MAILBOX_SLOTS; i++)
		pg_atomic_init_u32(&mailbox->slots[i].state, SLOT_FREE);
}

static void
wake(pg_atomic_uint32 *procno)
{
	uint32 number = pg_atomic_read_u32(procno);

	if (number != PG_UINT32_MAX)
		SetLatch(&ProcGlobal->allProcs[number].procLatch);
}

void
mr_mailbox_wake_lease_worker(void)
{
	wake(&mr_shared->lease_procno);
}

void
mr_mailbox_wake_workers(void)
{
	wake(&mr_shared->lease_procno);
	wake(&mr_shared->monitor_procno);
	wake(&mr_shared->hooks.procno);
}

static MailSlot *
claim_slot(void)
{
	int i;

	for (i = 0; i < MR_MAILBOX_SLOTS; i++)
	{
		uint32 expected = SLOT_FREE;

		if (pg_atomic_compare_exchange_u32(&mailbox->slots[i].state, &expected, SLOT_FILLING))
			return &mailbox->slots[i];
	}
	return NULL;
}

/* The backend does not wait any longer; an answer that is there already is dropped. */
static void
abandon_slot(int code, Datum argument)
{
	MailSlot *slot = (MailSlot *) DatumGetPointer(argument);
	uint32 expected = SLOT_REQUEST;

	if (!pg_atomic_compare_exchange_u32(&slot->state, &expected, SLOT_ABANDONED))
		pg_atomic_write_u32(&slot->state, SLOT_FREE);
}

static bool
wait_for_answer(MailSlot *slot, int timeout_ms)
{
	int64 until_ns = mr_boottime_ns() + timeout_ms * MR_NS_PER_MS;

	/* also when the session is terminated: a slot that leaks is lost for ever */
	PG_ENSURE_ERROR_CLEANUP(abandon_slot, PointerGetDatum(slot));
	{
		while (pg_atomic_read_u32(&slot->state) == SLOT_REQUEST)
		{
			int64 left_ms = (until_ns - mr_boottime_ns()) / MR_NS_PER_MS;

			if (left_ms <= 0)
				break;
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left_ms,
							 PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	}
	PG_END_ENSURE_ERROR_CLEANUP(abandon_slot, PointerGetDatum(slot));
	return pg_atomic_read_u32(&slot->state) == SLOT_ANSWER;
}

size_t
mr_mailbox_call(const uint8 *request, size_t length, uint8 *out, size_t size, int timeout_ms)
{
	MailSlot *slot;
	size_t answer = 0;

	if (length > MR_MESSAGE_SIZE || (slot = claim_slot()) == NULL)
		return 0;
	memcpy(slot->data, request, length);
	slot->length = (uint32) length;
	slot->procno = (uint32) MR_MY_PROCNO;
	slot->received_ns = mr_boottime_ns();
	pg_write_barrier();
	pg_atomic_write_u32(&slot->state, SLOT_REQUEST);
	mr_mailbox_wake_lease_worker();
	if (!wait_for_answer(slot, timeout_ms))
	{
		abandon_slot(0, PointerGetDatum(slot));
		return 0;
	}
	pg_read_barrier();
	if (slot->length <= size)
	{
		answer = slot->length;
		memcpy(out, slot->data, answer);
	}
	pg_atomic_write_u32(&slot->state, SLOT_FREE);
	return answer;
}

int
mr_mailbox_take(int after, const uint8 **request, size_t *length, int64 *received_ns)
{
	int i;

	for (i = after + 1; i < MR_MAILBOX_SLOTS; i++)
	{
		MailSlot *slot = &mailbox->slots[i];
		uint32 state = pg_atomic_read_u32(&slot->state);

		if (state == SLOT_ABANDONED)
			pg_atomic_write_u32(&slot->state, SLOT_FREE);
		if (state != SLOT_REQUEST)
			continue;
		pg_read_barrier();
		*request = slot->data;
		*length = slot->length;
		*received_ns = slot->received_ns;
		return i;
	}
	return -1;
}

void
mr_mailbox_answer(int number, const uint8 *answer, size_t length)
{
	MailSlot *slot = &mailbox->slots[number];
	uint32 expected = SLOT_REQUEST;
	uint32 procno = slot->procno;

	if (length > MR_MESSAGE_SIZE)
		length = 0;
	/* the backend reads data only once the state is ANSWER, so it may be written now */
	memcpy(slot->data, answer, length);
	slot->length = (uint32) length;
	pg_write_barrier();
	if (!pg_atomic_compare_exchange_u32(&slot->state, &expected, SLOT_ANSWER))
	{
		pg_atomic_write_u32(&slot->state, SLOT_FREE); /* abandoned meanwhile */
		return;
	}
	SetLatch(&ProcGlobal->allProcs[procno].procLatch);
}

bool
mr_mailbox_propose(const MrConfig *config)
{
	bool accepted = false;

	SpinLockAcquire(&mailbox->proposal_lock);
	if (!mailbox->proposal_waiting)
	{
		mailbox->proposal = *config;
		mailbox->proposal_waiting = true;
		accepted = true;
	}
	SpinLockRelease(&mailbox->proposal_lock);
	mr_mailbox_wake_lease_worker();
	return accepted;
}

bool
mr_mailbox_take_proposal(MrConfig *config)
{
	bool taken = false;

	if (!mailbox->proposal_waiting)
		return false;
	SpinLockAcquire(&mailbox->proposal_lock);
	if (mailbox->proposal_waiting)
	{
		*config = mailbox->proposal;
		mailbox->proposal_waiting = false;
		taken = true;
	}
	SpinLockRelease(&mailbox->proposal_lock);
	return taken;
}
