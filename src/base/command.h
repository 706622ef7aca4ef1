/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands from the web thread to the core: one request, one reply, a deadline.  Both are plain values that go through rings.
 *
 * Thread     requests are pushed by the web thread and answered by the core through `reply_to`
 * Ownership  the reply's JSON text belongs to the receiver
 */
#ifndef BASE_COMMAND_H
#define BASE_COMMAND_H

#include "base/ring.h"

enum command_kind {
#define X(name, doc, deadline_ms) COMMAND_##name,
#include "base/commands.def"
#undef X
	COMMAND_NKINDS
};

struct command {
	enum command_kind kind;
	uint64_t token; /* echoed */
	struct ring *reply_to;
	uint64_t tenant_id; /* 0: the whole system (administrators only; api/ has checked) */
	uint64_t id;
	uint64_t seen_by; /* SESSIONS, SESSION: only calls that this extension may see; 0: all */
	uint64_t
		after; /* paging: the id the last page ended with; HOLD … ATTENDED_REFER: the session, 0: the one there is */
	uint32_t limit;
	int64_t at_us;	  /* ROUTE: when; 0: now */
	uint32_t seconds; /* ROUTE: how long it is supposed to last; 0: a minute */
	void *past; /* ROUTE: the configuration to decide by (main/past.h), the core's to close; NULL: today's */
	void *activity; /* TELL_ACTIVITY: a struct activity_record for the audit log, the core's to free; NULL: it is none */
	unsigned outcome; /* ROUTE: what becomes of devices that are rung (an enum route_outcome) */
	char transferred_by[64]; /* ROUTE: extension that sends the caller there; "": nobody */
	char headers[512]; /* ROUTE: more lines of the caller's INVITE, each ended by a line feed */
	char keyed[33];	   /* ROUTE: what who is asked for a number keys in; "": nothing */
	char caller[64],
		number[64]; /* ROUTE: who calls which number; id: the trunk it comes from, 0 = an extension calls.
			     * CALL: the same; id: the extension that must be the caller, 0 = any.
			     * HOLD, UNHOLD, REFER, ATTENDED_REFER: caller: the extension; number: where to.
			     * TELL_ACTIVITY: who wanted what; transferred_by: from where, headers: why not */
	uint64_t
		target_id; /* ATTENDED_REFER: the session to be joined with `after`, 0: the only other one */
};

struct command_reply {
	uint64_t token;
	int err; /* 0, ENOENT … */
	char *json;
	size_t njson;
};

#endif
