/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PUBLISH: devices say what their person does.  Soft state: it lapses, and a restart forgets it (412 makes a device say it again).
 *
 * Thread     core
 * Ownership  publications belong to presence; what published_next() gives is borrowed until the caller returns to the loop
 * Errors     answered to the device as SIP statuses
 * Sources    RFC 3903
 */
#ifndef PRESENCE_PUBLISH_H
#define PRESENCE_PUBLISH_H

#include "presence/inside.h"
#include "presence/pidf.h"

enum { PUBLISH_MAX_OF_ONE = 10 }; /* publications of one extension at a time */

void publish_request(struct sip_strans *st, const struct sip_msg *req,
		     void *presence); /* a sip_request_h */
/* What an extension's devices have said, the newest first: *pos starts at 0, NULL at the end. */
const struct pidf *published_next(const struct presence *p, uint64_t tenant_id,
				  uint64_t extension_id, size_t *pos);
void published_drop(struct presence *p, uint64_t tenant_id, uint64_t extension_id);
void published_close(struct presence *p);

#endif
