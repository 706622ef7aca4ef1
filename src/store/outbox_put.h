/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inner end of the outbox: for what is written within a transaction of the store.  Not for other folders.
 *
 * Thread     of the transaction: journal, writer
 */
#ifndef STORE_OUTBOX_PUT_H
#define STORE_OUTBOX_PUT_H

#include "store/store_impl.h"

enum { OUTBOX_HOOKS = 32 }; /* of one tenant that are told of one thing */
enum outbox_state { OUTBOX_WAITING, OUTBOX_DONE, OUTBOX_GIVEN_UP };

struct outbox_news {
	uint64_t tenant_id;
	const char *key;
	uint64_t subject; /* the call or event: told once */
	const char *body;
	int64_t at_us; /* their order */
};

int outbox_wanted(struct rows *r, uint64_t tenant_id, const char *key, uint64_t ids[OUTBOX_HOOKS],
		  size_t *np) MUST_USE;
int outbox_put(struct rows *r, const struct outbox_news *n, const uint64_t *ids,
	       size_t nids) MUST_USE;
/* A mail; *idp: of its delivery. */
int outbox_put_mail(struct rows *r, const struct outbox_news *n, uint64_t *idp) MUST_USE;

/* outbox_body.c: what a webhook is told.  malloc'd; ENOENT: the tenant is gone. */
int outbox_call_body(struct rows *r, const struct call_record *c, char **bodyp) MUST_USE;
int outbox_event_body(struct rows *r, const struct event_record *ev, char **bodyp) MUST_USE;

#endif
