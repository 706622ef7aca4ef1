/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "Ring these extensions": all contacts of all enabled accounts (by q: ringing_turns.c), one function for calls, groups, pick-up and push.
 *
 * The fork stays open: a contact that registers while the extension rings is rung too.  The first answer wins, the others are
 * cancelled as answered elsewhere.  A person who declines (6xx) ends the ringing of that extension, not of its neighbours
 * in a group.  When nothing is left that may answer, the best failure is told: rung and unanswered beats busy beats unavailable.
 * The contact that the caller calls from is left out: an extension that calls its own number rings its other devices.
 *
 * Thread     core
 * Ownership  a call owns its ring; legs belong to the call, with a pointer to their member while they ring
 * Errors     ENOENT: no device to ring.  EPROTONOSUPPORT: none over TLS, for a call to sips:.  EBUSY: all have as many calls as they may (EXT-14).  EIO: all failed at once (no media, no room).  ENOMEM
 * Sources    RFC 3261 13.2.2.4, 16.7 (6xx ends a search); requirements EXT-16, ACC-1, RNG-2
 */
#ifndef CALL_RINGING_H
#define CALL_RINGING_H

#include "call/leg.h"
#include "call/owner.h"

struct ringing;

enum { RINGING_MAX_LEGS = 256 }; /* devices of one fork; further ones are not rung */

int ringing_start(struct ringing **rp, struct call *call, const struct owner_ring *conf) MUST_USE;
/* The same with one leg over call->plan's trunk.  ENOENT: the trunk is gone. */
int ringing_start_trunk(struct ringing **rp, struct call *call) MUST_USE;
/* Stop: every leg still ringing is cancelled for `why`; headers: Reason lines, else those of `why`. */
struct ringing *ringing_free(struct ringing *r, enum reason why, struct str headers);

/* What a leg of the ring reports. */
/* Its media is open: it is dialled, when the caller's is open too. */
void ringing_opened(struct ringing *r, struct leg *leg);
void ringing_caller_opened(struct ringing *r);
void ringing_provisional(struct ringing *r, struct leg *leg, const struct sip_inv_event *ev);
/* Whether this answer is one: its description must fit.  Then the leg has won, and leaves the ring. */
bool ringing_answered(struct ringing *r, struct leg *leg, const struct sip_inv_event *ev);
void ringing_leg_gone(struct ringing *r, struct leg *leg, enum reason reason, unsigned status,
		      struct str lines);

/* How many calls ring this extension now. */
size_t ringing_calls(const struct calls *cs, uint64_t tenant_id, uint64_t extension_id);

/* The caller has answered, in a PRACK, what a device of the ring offered in a 1xx. */
void ringing_pracked(struct ringing *r, struct leg *caller, struct str sdp);
oid ringing_early(const struct ringing *r);   /* leg whose early media the caller hears; 0: none */
bool ringing_is_alone(const struct leg *leg); /* no other device rings, or has rung, with it */

/* The caller's display name as this leg's device shows it, a group's name before it. */
void ringing_caller_name(const struct leg *leg, struct buf *out);

int rings_watch(struct calls *cs) MUST_USE; /* once, at start: open forks hear of new contacts, talks of new connections */

#endif
