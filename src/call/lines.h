/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an extension is doing, as others may see it: its legs, found by extension.  Lamps (dialog-info, presence) are lit by it.
 *
 * A leg is on its extension's line from the moment its device takes part until it is over; one that has not yet rung is not.
 * Legs of accounts without extension are on a line of the account, which nobody watches.
 * Cost per leg is the same whoever watches: a change is told by naming the extension, and nothing is copied.
 *
 * Thread     core
 * Ownership  a view borrows from the leg until the caller returns to the loop
 * Errors     without memory a leg is on no line: its call goes on, no lamp shows it
 */
#ifndef CALL_LINES_H
#define CALL_LINES_H

#include "call/leg.h"

enum line_state {
	LINE_TRYING,	/* it calls, nothing has rung yet */
	LINE_EARLY,	/* it rings, or what it calls does */
	LINE_CONFIRMED, /* it talks */
};

struct contact;

struct line_view {
	uint64_t id; /* of the leg, for ever its own */
	uint64_t call_id;
	enum line_state state;
	bool is_initiator;	   /* it has called */
	bool is_held;		   /* the device has put the other side on hold */
	const char *number, *name; /* the other party; name may be "" */
	/* The dialog between its device and us, as its device sees it; "" where there is none yet. */
	const char *sip_call_id, *local_tag, *remote_tag;
};

/* The legs of an extension, oldest first: *pos is NULL to start; false at the end. */
bool lines_next(const struct calls *cs, uint64_t tenant_id, uint64_t extension_id,
		const struct leg **pos, struct line_view *view);

/* Something of the extension is other than it was.  May be told inside an event of a call: look later. */
typedef void line_changed_h(uint64_t tenant_id, uint64_t extension_id, void *arg);
void lines_watch(struct calls *cs, line_changed_h *fn, void *arg); /* one; NULL: none */

/* A device is on another connection now, or has lost its own (REGISTRAR_CONNECTED): its legs go on where it is.  extension_id 0: of an
 * account without one. */
void lines_moved(const struct calls *cs, uint64_t extension_id, const struct contact *c, oid was);

/* For call/: a leg's state, hold or ringing has changed; it is freed; the end. */
void lines_changed(struct leg *leg);
void lines_forget(struct leg *leg);
void lines_close(struct calls *cs);

#endif
