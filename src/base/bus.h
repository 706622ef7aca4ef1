/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bus of typed events: logic publishes, others subscribe without being known (CDR, event stream, BLF, metrics, webhooks).
 * The kinds and their fields are in events.def.
 *
 * Thread     core
 * Ownership  an event is borrowed for the call; what a subscriber keeps it copies
 * Errors     publishing has none: a subscriber deals with its own
 */
#ifndef BASE_BUS_H
#define BASE_BUS_H

#include "base/str.h"

enum bus_kind {
#define X(kind, topic, key) BUS_##kind,
#include "base/events.def"
#undef X
	BUS_NKINDS
};

struct bus_event { /* fields that a kind does not have are zero */
	enum bus_kind kind;
	uint64_t tenant_id;
	uint64_t call_id, leg_id, extension_id, account_id;
	const char *number;  /* extension or number concerned */
	const char *peer;    /* the other party's number */
	const char *address; /* source of a registration */
	const char *reason;
	int64_t wall_us;
};

struct bus;
typedef void bus_h(const struct bus_event *ev, void *arg);
int bus_alloc(struct bus **bp) MUST_USE;
struct bus *bus_free(struct bus *b);
int bus_subscribe(struct bus *b, bus_h *fn,
		  void *arg) MUST_USE;			     /* hears every kind; ENOSPC above 16 */
void bus_publish(struct bus *b, const struct bus_event *ev); /* b NULL: nothing */
/* "extension_events", "call_start": as the event stream and webhooks name a kind. */
const char *bus_topic(enum bus_kind kind);
const char *bus_key(enum bus_kind kind);

#endif
