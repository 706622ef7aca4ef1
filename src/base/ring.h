/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bounded ring of fixed-size messages: many threads push, one pops.  No lock; the reader is woken through an eventfd
 * only when it may sleep.
 *
 * Thread     ring_push any; all else the reader
 * Ownership  messages are plain values, copied; large parts go as owned blobs whose pointer moves with the message
 * Errors     ENOBUFS: full, nothing was written
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include "base/defs.h"

struct ring;

int ring_alloc(struct ring **rp, size_t slots, size_t msg_bytes) MUST_USE; /* slots: power of two */
struct ring *ring_free(struct ring *r);
int ring_push(struct ring *r, const void *msg) MUST_USE;
/* The same without waking a reader that sleeps: for what it looks for anyway when it is awake next. */
int ring_push_quietly(struct ring *r, const void *msg) MUST_USE;
void ring_wake(struct ring *r);		  /* any thread: for what was pushed quietly */
bool ring_pop(struct ring *r, void *msg); /* false: empty */
int ring_fd(const struct ring *r); /* readable when there may be messages: poll it, then drain */
/* Call when woken, before popping: clears the eventfd. */
void ring_woken(struct ring *r);

#endif
