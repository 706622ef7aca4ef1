/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Subscriptions: who watches what, and what they are told (RFC 6665).  One engine for every event package; the packages are
 * packages.def.
 *
 * A subscription is made by a SUBSCRIBE of an account that has proved itself, for things of its own tenant only.  It is told
 * at once, then whenever what it watches changes, one NOTIFY at a time: what changes meanwhile is told in the next one.
 *
 * Thread     core
 * Ownership  subscriptions belong to presence
 * Errors     answered to the device as SIP statuses
 * Sources    RFC 6665; RFC 4235 (dialog), 3856 and 3903 (presence), 3842 (message-summary), 3680 (reg)
 */
#ifndef PRESENCE_PRESENCE_H
#define PRESENCE_PRESENCE_H

#include "call/call.h"
#include "registrar/registrar.h"

struct presence;

/* What waits in a mailbox (RFC 3842): voicemail says it. */
struct mailbox_counts {
	unsigned unread, read, urgent_unread, urgent_read; /* urgent ones are counted there only */
};
typedef void mailbox_counts_h(uint64_t tenant_id, uint64_t extension_id,
			      struct mailbox_counts *counts, void *arg);

struct presence_conf {
	struct env env;
	struct sip *sip;
	struct flow_edge *edge;
	struct model *model;
	struct registrar *registrar;
	struct calls *calls;
	struct record_sink *records; /* NULL: nothing is kept */
	mailbox_counts_h *mailbox;   /* NULL: there are no mailboxes, nothing waits */
	void *mailbox_arg;
	size_t max_subscriptions; /* of the node; 0 = 100000 */
	size_t max_per_account;	  /* 0 = 500 */
	size_t max_texts;	  /* messages that wait, of the node; 0 = 100000 */
	size_t max_tenant_texts;  /* of one tenant; 0 = 10000 */
};

int presence_alloc(struct presence **pp, const struct presence_conf *conf) MUST_USE;
struct presence *presence_free(struct presence *p); /* nobody is told */
size_t presence_count(const struct presence *p);
/* At start, after the contacts: a message that waits.  ENOENT: its extension is gone */
int presence_restore_message(struct presence *p, const struct message_record *rec) MUST_USE;
/* What waits there is other than it was: its devices are told. */
void presence_mailbox_changed(struct presence *p, uint64_t tenant_id, uint64_t extension_id);
/* At stop: each subscriber is told that its subscription is over and may be made anew (deactivated); new ones get 503. */
void presence_drain(struct presence *p);

#endif
