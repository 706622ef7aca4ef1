/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is still to be told to webhooks and sent as e-mail, and what has been: table outbox.
 *
 * An item is written in the transaction that writes what it tells of, so neither is there without the other.  Each node
 * delivers what it has written: to each webhook one after the other, oldest first; of each tenant's mails one at a time, and one
 * that has to wait holds up no other.
 *
 * Thread     outbox_open and the rest: one worker
 * Ownership  an item's text and objects belong to the caller: outbox_item_free()
 * Errors     those of db.h
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include "base/buf.h"
#include "schema/types.h"
#include "store/store.h"

struct outbox;
struct outbox_item {
	uint64_t tenant_id, id;
	int64_t attempts, at_us;
	char key[32];
	char *body; /* JSON */
	/* Where to, secrets in clear: one of the two; neither: a mail, and there is no mail server. */
	struct webhook *hook;
	struct mail_server *server;
};
enum {
	OUTBOX_HOOKS_AT_ONCE = 16,
	OUTBOX_MAILS_AT_ONCE = 8,
	OUTBOX_AT_ONCE = OUTBOX_HOOKS_AT_ONCE + OUTBOX_MAILS_AT_ONCE
};

#define MAIL_TEST "test" /* key of a mail that is tried once */

/* How a try ended. */
struct outbox_result {
	int64_t status;	    /* of HTTP or SMTP, 0 none */
	const char *error;  /* why it did not work, "" it did */
	const char *answer; /* what a mail server said last; of webhooks "" */
	bool is_for_good;   /* it is not tried again */
};

int outbox_open(struct outbox **op, struct store *s) MUST_USE;
struct outbox *outbox_close(struct outbox *o);
/* Readable when something may have become due by what was written; outbox_news() says whether it has, and begins anew. */
int outbox_fd(const struct outbox *o);
bool outbox_news(struct outbox *o);
/* When the first of those that wait for their time is due; INT64_MAX: none waits. */
int outbox_next(struct outbox *o, int64_t now_us, int64_t *at_us) MUST_USE;
/* Those that are due, at most one of each webhook, and of each tenant one mail. */
int outbox_due(struct outbox *o, int64_t now_us, struct outbox_item v[OUTBOX_AT_ONCE],
	       size_t *np) MUST_USE;
int outbox_tried(struct outbox *o, const struct outbox_item *it, int64_t now_us,
		 const struct outbox_result *result) MUST_USE;
/* Forget what was delivered, or given up, before. */
int outbox_prune(struct outbox *o, int64_t before_us) MUST_USE;
/* What the mail has attached: its bytes and name.  ENOENT: nothing, or it is gone; EFBIG: it is larger than the server takes. */
int outbox_attachment(struct outbox *o, const struct outbox_item *it, uint64_t report_id,
		      struct buf *out, char name[80]) MUST_USE;
/* EXT-3: the code of the extension's nth device, as PNG, with the password that it has now.  ENOENT: there are no more, or the tenant wants
 * no codes in mails any more. */
int outbox_code(struct outbox *o, const struct outbox_item *it, uint64_t extension_id, size_t nth,
		struct buf *png, char name[80]) MUST_USE;
void outbox_item_free(struct outbox_item *it);

#endif
