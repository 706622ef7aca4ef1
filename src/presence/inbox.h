/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text messages on their way to an extension, in the order in which they came.
 *
 * The first of them is sent to every device of the extension at once; the first device that takes it ends it, and the next has
 * its turn.  When none can be reached, or none answers in time, all that wait are written to the journal before their senders
 * are told 202: then they stay until a device registers, a retry succeeds, or their time is over.
 *
 * Thread     core
 * Ownership  inbox_put() takes the text, whatever it returns
 * Errors     as noted
 * Sources    RFC 3428 (MESSAGE; 7: Expires, Date)
 */
#ifndef PRESENCE_INBOX_H
#define PRESENCE_INBOX_H

#include "presence/inside.h"

enum { TEXT_MAX_BYTES = 4000, TEXT_MAX_DATAGRAM = 1300 };

struct text_conf {
	uint64_t tenant_id, to_extension_id, from_extension_id;
	struct str sender, sender_name, recipient, group, content_type, body;
	int64_t sent_at_us, expires_at_us;
	uint64_t id;	  /* of its record; 0: a new one */
	oid asked;	  /* the sender's transaction; 0: it has its answer */
	bool is_kept;	  /* its record says pending */
	bool is_storable; /* it makes sense later, too */
	bool is_secure;	  /* to devices over TLS only */
};

/* Put it behind those that wait.  Its sender, when there is one, is answered when it is known what to say; who asks nobody
 * (asked 0) may say 202 after 0: it is kept.
 * EALREADY: it could not be kept, the sender was told; ENOSPC: too many wait, ENOMEM: nothing was done, nobody answered */
int inbox_put(struct presence *p, const struct text_conf *conf) MUST_USE;
/* A device of the extension is there: what waits is sent to it. */
void inbox_registered(struct presence *p, uint64_t tenant_id, uint64_t extension_id);
int inbox_restore(struct presence *p, const struct message_record *rec) MUST_USE;
void inbox_drop(struct presence *p, uint64_t tenant_id, uint64_t extension_id);
void inbox_close(struct presence *p);

/* sip_request_h of MESSAGE */
void inbox_request(struct sip_strans *st, const struct sip_msg *req, void *presence);

#endif
