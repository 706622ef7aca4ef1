/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What wakes those who sleep until something in the database is due: rung behind each commit of this program that could make it
 * so, whatever was committed, and when another node is heard of (feed.h).
 *
 * Thread     any; a ringer's function is called on the thread that committed, and must not wait
 * Errors     bell_alloc ENOMEM; bell_hang ENOSPC
 */
#ifndef STORE_BELL_H
#define STORE_BELL_H

#include "base/defs.h"

typedef void bell_h(void *arg);
struct bell;
int bell_alloc(struct bell **bp) MUST_USE;
struct bell *bell_free(struct bell *b);
int bell_hang(struct bell *b, bell_h *fn, void *arg) MUST_USE;
void bell_take_off(
	struct bell *b,
	const void *arg); /* fn is not called any more, nor at work; fine if it never hung */
void bell_ring(struct bell *b);

#endif
