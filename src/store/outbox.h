/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What webhooks are still to be told, and what they have been: table webhook_deliveries.
 *
 * A delivery is written in the transaction that writes what it tells of, so neither is there without the other.  Each node
 * delivers what it has written, one after the other for each webhook, oldest first.
 *
 * Thread     outbox_put: journal; the rest one worker
 * Ownership  an item's text and object belong to the caller: outbox_item_free()
 * Errors     those of db.h
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include "schema/types.h"
#include "store/store.h"

struct outbox;
struct outbox_item {
	uint64_t tenant_id, id;
	int64_t attempts;
	char key[32];
	char *body;
	struct webhook *hook; /* secrets in clear */
};
enum { OUTBOX_AT_ONCE = 16 };

int outbox_open(struct outbox **op, struct store *s, uint64_t node) MUST_USE;
struct outbox *outbox_close(struct outbox *o);
/* Those that are due, at most one of each webhook. */
int outbox_due(struct outbox *o, int64_t now_us, struct outbox_item v[OUTBOX_AT_ONCE],
	       size_t *np) MUST_USE;
/* It was tried.  status: of HTTP, 0 none; error: why it did not work, "" it did. */
int outbox_tried(struct outbox *o, const struct outbox_item *it, int64_t now_us, int64_t status,
		 const char *error) MUST_USE;
/* Forget what was delivered before. */
int outbox_prune(struct outbox *o, int64_t before_us) MUST_USE;
void outbox_item_free(struct outbox_item *it);

#endif
