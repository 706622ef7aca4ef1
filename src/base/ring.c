/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  Each slot carries a sequence number that says whose turn it is: `pos` = free for the push number pos, pos + 1 =
 * holds that push, to be popped (D. Vyukov's bounded queue).  A pusher claims a position by compare-and-swap, copies, then
 * publishes by the slot's number.
 *
 * Waking  `asleep` is set by the reader when it has found the ring empty, after which it looks once more.  A pusher
 * publishes first and then looks at `asleep`; with these four accesses in one total order (seq_cst) either the reader sees
 * the message or the pusher sees the sleeper.  The eventfd is read only when the ring is found empty, so that a reader
 * that stops after a bounded number of messages is called again.
 */
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/ring.h"

struct slot {
	_Atomic uint64_t turn;
	alignas(max_align_t) unsigned char msg[];
};

struct ring {
	unsigned char *slots;
	size_t mask, msg_bytes, stride;
	int fd;
	/* Pushers and reader on separate cache lines. */
	alignas(64) _Atomic uint64_t tail;
	alignas(64) _Atomic bool asleep;
	alignas(64) uint64_t head; /* the reader's */
	bool woken;
};

static struct slot *slot_at(const struct ring *r, uint64_t pos)
{
	return (struct slot *)(void *)(r->slots + (pos & r->mask) * r->stride);
}

int ring_alloc(struct ring **rp, size_t slots, size_t msg_bytes)
{
	struct ring *r;
	int err = 0;

	if (!slots || slots & (slots - 1) || slots > UINT32_MAX || !msg_bytes ||
	    msg_bytes > UINT16_MAX)
		return EINVAL;
	r = mem_fault() ? NULL : aligned_alloc(64, sizeof(*r));
	if (!r)
		return ENOMEM;
	memset(r, 0, sizeof(*r));
	r->fd = -1;
	r->mask = slots - 1;
	r->msg_bytes = msg_bytes;
	r->stride = (sizeof(struct slot) + msg_bytes + alignof(struct slot) - 1) &
		    ~(alignof(struct slot) - 1);
	atomic_init(&r->asleep, true);
	r->slots = mem_fault() ? NULL : calloc(slots, r->stride);
	if (!r->slots) {
		err = ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < slots; i++)
		atomic_init(&slot_at(r, i)->turn, i);
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->fd < 0)
		err = errno;
out:
	if (err)
		r = ring_free(r);
	else
		*rp = r;
	return err;
}

struct ring *ring_free(struct ring *r)
{
	if (!r)
		return NULL;
	if (r->fd >= 0)
		close(r->fd);
	free(r->slots);
	free(r);
	return NULL;
}

static void wake(struct ring *r)
{
	uint64_t one = 1;

	/* Can only fail by a counter at its limit, which is readable as well. */
	ssize_t n = write(r->fd, &one, sizeof(one));

	(void)n;
}

int ring_push_quietly(struct ring *r, const void *msg)
{
	uint64_t pos = atomic_load_explicit(&r->tail, memory_order_relaxed);
	struct slot *slot;

	for (;;) {
		uint64_t turn;

		slot = slot_at(r, pos);
		turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
		if (turn == pos) {
			if (atomic_compare_exchange_weak_explicit(&r->tail, &pos, pos + 1,
								  memory_order_relaxed,
								  memory_order_relaxed))
				break;
		} else if ((int64_t)(turn - pos) < 0) {
			return ENOBUFS;
		} else {
			pos = atomic_load_explicit(&r->tail, memory_order_relaxed);
		}
	}
	memcpy(slot->msg, msg, r->msg_bytes);
	atomic_store(&slot->turn, pos + 1);
	return 0;
}

void ring_wake(struct ring *r)
{
	if (atomic_load(&r->asleep) && atomic_exchange(&r->asleep, false))
		wake(r);
}

int ring_push(struct ring *r, const void *msg)
{
	int err = ring_push_quietly(r, msg);

	if (!err)
		ring_wake(r);
	return err;
}

static bool take(struct ring *r, void *msg)
{
	struct slot *slot = slot_at(r, r->head);

	if (atomic_load(&slot->turn) != r->head + 1)
		return false;
	memcpy(msg, slot->msg, r->msg_bytes);
	atomic_store_explicit(&slot->turn, r->head + r->mask + 1, memory_order_release);
	r->head++;
	return true;
}

bool ring_pop(struct ring *r, void *msg)
{
	if (take(r, msg))
		return true;
	if (!atomic_load(&r->asleep) || r->woken) {
		uint64_t count;
		ssize_t n = read(r->fd, &count, sizeof(count));

		(void)n;
		r->woken = false;
		atomic_store(&r->asleep, true);
		if (take(r, msg)) {
			/* Awake again.  Signalled again too, for the reader may stop before it finds the ring
			 * empty; unless a pusher has seen the sleeper and does it. */
			if (atomic_exchange(&r->asleep, false))
				wake(r);
			return true;
		}
	}
	return false;
}

int ring_fd(const struct ring *r)
{
	return r->fd;
}

void ring_woken(struct ring *r)
{
	r->woken = true;
}
