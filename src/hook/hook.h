/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes out: one thread that POSTs to webhooks and sends by mail what the outbox holds, to several places at a time and to each
 * in order.
 *
 * Thread     hooks_start, hooks_stop: main
 * Errors     ENOMEM, and those of a thread that cannot start
 */
#ifndef HOOK_HOOK_H
#define HOOK_HOOK_H

#include "store/store.h"

struct hooks;
int hooks_start(struct hooks **hp, struct store *s) MUST_USE;
struct hooks *hooks_stop(struct hooks *h); /* what is under way is tried again at the next start */

#endif
