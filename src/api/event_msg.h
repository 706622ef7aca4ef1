/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An event as it crosses from the core and is kept: plain values, as JSON for who watches, as bytes for the file of the
 * latest.
 *
 * Thread     any
 * Ownership  a call that has ended brings its record, which the message owns: event_msg_close()
 * Errors     EBADMSG: the bytes are no event; ENOMEM
 */
#ifndef API_EVENT_MSG_H
#define API_EVENT_MSG_H

#include "base/bus.h"
#include "store/pack.h"

struct event_msg {
	enum bus_kind kind;
	uint64_t seq;
	uint64_t tenant_id, call_id, leg_id, extension_id, account_id;
	int64_t wall_us;
	char number[64], peer[64], address[64], reason[64];
	struct call_record *call; /* or NULL */
};

void event_msg_set(struct event_msg *m, const struct bus_event *ev);
void event_msg_close(struct event_msg *m);
/* With its number; NULL: no memory. */
char *event_msg_json(const struct event_msg *m);

/* So many bytes at most. */
size_t event_msg_bound(void);
size_t event_msg_pack(const struct event_msg *m, uint8_t *dst);
int event_msg_unpack(struct event_msg *m, const struct pack_names *names, const void *p,
		     size_t n) MUST_USE;
/* Made of the names of all events and fields: bytes are to be read by who has the same. */
int event_msg_what(uint64_t *what, struct pack_names *names) MUST_USE;

#endif
