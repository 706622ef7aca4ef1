/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of a ring share: ringing.c (who rings, until when), ringing_turns.c (which devices of an extension, one after the other), ringing_trunk.c (a leg over a trunk), ringing_early.c (what
 * devices say before they answer, and the answer) and ringing_gone.c (a leg that failed).
 *
 * Thread     core
 * Ownership  see ringing.h
 * Errors     ringing_add_trunk_leg ENOENT, ENOMEM, EDQUOT
 */
#ifndef CALL_RINGING_INSIDE_H
#define CALL_RINGING_INSIDE_H

#include "base/idmap.h"
#include "call/ringing.h"

struct ringing_member {
	struct idmap_key key; /* in calls->ringing: tenant and extension; 0: a trunk */
	struct ringing *ring;
	size_t ntrying;	   /* legs that may still answer */
	unsigned q;	   /* devices with this q, and above, have had their turn */
	struct timer turn; /* until the next ones have theirs */
	bool has_declined;
	bool converts; /* one of its devices knew none of the caller's codecs */
	bool is_busy;  /* it had as many calls as it may have: no device of it rings (EXT-14) */
};

struct ringing {
	struct call *call;
	struct timer timer;
	uint64_t
		until_ms; /* of the monotonic clock: when extensions have rung long enough; 0: a trunk */
	struct timer again; /* a device that was asked again has so long to say anything */
	char prefix[65];
	oid early;     /* the leg whose early media the caller hears */
	unsigned told; /* last provisional status the caller got */
	size_t nlegs;
	bool is_started;	  /* before that, legs that fail at once do not end it */
	struct call_failure best; /* so far; status 0: none yet */
	size_t nmembers;
	struct ringing_member member[];
};

/* What the caller has said of itself: its offer, or its answer to a device that is gone; of one that is transferred what is in force. */
const struct sdp *ringing_offer(const struct leg *caller);
/* One more device rings.  One that cannot be added is left out: the others ring on. */
void ringing_add_contact(struct ringing_member *m, const struct contact *c,
			 const struct account *acc, const struct extension *ext);
/* Media of this leg goes through us, so the caller has a session too; one that has been answered gets it when this one answers. */
void ringing_open_both(struct leg *caller, struct leg *leg);
/* EXT-16: the failure that weighs most is the fork's. */
void ringing_weigh(struct ringing *r, enum reason reason, unsigned status, struct str lines);
/* RFC 5626 5.3: what rings over a flow that is gone, and has said nothing yet, rings over the device's other one. */
void ringing_contact_gone(struct ringing_member *m, const struct contact *c);
void ringing_leave(struct leg *leg); /* it rings no more, whatever becomes of it */
void ringing_cancel(struct leg *leg, enum reason why, struct str headers);
/* It cannot be what the caller waits for: end it, let the others ring. */
void ringing_give_up(struct ringing *r, struct leg *leg, enum reason why);
/* Last statement of its callers: a ring that is over is freed by who started it. */
void ringing_fail_if_over(struct ringing *r);
void ringing_timeout(struct timer *t, void *ring);
/* It has rung, or been silent, for its time. */
void ringing_leg_unanswered(struct ringing *r, struct leg *leg);
size_t ringing_ntrying(const struct ringing *r); /* legs that may still answer */

/* ringing_turns.c */
void ringing_turns_begin(struct ringing_member *m);
/* Those with the next lower q ring too.  False: nobody is left. */
bool ringing_next_turn(struct ringing_member *m);
/* No device of it rings any more, and nothing says that none shall. */
bool ringing_turn_is_due(const struct ringing_member *m);
/* A device has registered while its extension rings: it rings, or waits for its turn. */
void ringing_came_late(struct ringing_member *m, const struct contact *c, const struct account *acc,
		       const struct extension *ext);

/* ringing_trunk.c */
struct ringing_way { /* of a leg over a trunk */
	uint64_t trunk_id;
	const char *number;
	uint64_t mobile_of; /* 0: it is all that is tried, as the call's plan says */
};
int ringing_add_trunk_leg(struct ringing_member *m, const struct ringing_way *way) MUST_USE;
struct ringing_way ringing_planned_way(const struct call *call);
uint64_t ringing_patience_ms(const struct call *call);
void ringing_trunk_silent(struct timer *t, void *ring);

/* The device that the caller heard is gone: another one that has described itself may be heard now. */
void ringing_hear_another(struct ringing *r);

#endif
