/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of call/: all calls, one call, and what its parts tell each other.
 *
 * A call is a small graph: the caller's leg, while it is not answered either a fork (ringing.c) or a service (owner.c), and
 * once it is, a bridge (bridge.c) between two legs or the service.  conduct.c decides what comes next; the parts report to it.
 *
 *	INVITE → incoming.c → conduct.c ⇄ route/ → ringing.c → leg.c ⇄ sip/invite.h, media/
 *						 → owner.c ⇄ service/
 *					       → bridge.c once answered
 *
 * Thread     core
 * Ownership  calls own calls, a call its legs, ring, bridge and running service.  Legs and calls are freed by the reaper
 *	      only: a timer of no delay, so never inside an event of theirs
 */
#ifndef CALL_CALLS_H
#define CALL_CALLS_H

#include "base/list.h"
#include "base/map.h"
#include "call/call.h"
#include "call/leg.h"
#include "call/lines.h"
#include "route/route.h"

struct ringing;
struct bridge;
struct transfer;
struct diverted;
struct attest;
struct urgent;
struct recorder;
struct recording_run;

enum call_state {
	CALL_OPENING, /* routed, or about to be; a service waits for the caller's media */
	CALL_RINGING, /* a fork rings */
	CALL_SERVED,  /* a service has it (which may have a fork ringing) */
	CALL_TALKING, /* two legs are joined */
	CALL_OVER,    /* recorded as ended; its legs are closing */
};

/* What routing has decided, kept while the caller's media is opened. */
struct call_plan {
	enum route_action action;
	struct dest dest;
	uint64_t extension_id, service_id;
	uint32_t ring_seconds;
	char service[16];
	char argument[40]; /* for the service */
	uint64_t trunk_id; /* ROUTE_TRUNK: over it */
	char number[72];   /* as it is sent there */
	char caller_id[33];
	char outside
		[33]; /* the number that was to be dialled, when a forward dialled it; else "" */
	uint64_t on_behalf_id;	    /* extension that sent the call on */
	struct route_mobile mobile; /* ROUTE_RING: that rings too */
	bool is_emergency;
	bool is_counted; /* among the calls of this minute */
};

enum { FAILURE_LINES_BYTES = 256 };
struct call_failure {
	enum reason reason;
	unsigned status;		 /* for the caller; 0: that of the reason */
	char lines[FAILURE_LINES_BYTES]; /* Reason lines of the device, passed on; may be empty */
};

struct service_run {	  /* one service that has, or had, a call */
	struct link link; /* among those to be stopped */
	const struct owner_kind *kind;
	void *state;
};

enum { CALL_DOMAIN_BYTES = 256, CALL_MAX_MOVED = 4 };

struct call {
	struct calls *cs;
	struct link link; /* of all calls in order of id, or of the dead ones */
	struct map_node by_id;
	enum call_state st;
	struct link legs;
	size_t nalive;		 /* legs not yet freed */
	size_t nlegs, nsegments; /* ever made */
	bool is_counted;	 /* in calls->usage, with the called extension: */
	uint64_t counted_extension_id, counted_caller_id;
	oid caller; /* leg */
	uint64_t caller_extension_id, caller_account_id;
	uint64_t from_trunk_id;		/* it came over this; 0: a device of the tenant called */
	unsigned trunk_status;		/* what the last trunk tried said in the end; 0: nothing */
	char domain[CALL_DOMAIN_BYTES]; /* of the tenant */
	const char *
		verstat; /* whether somebody vouches for who calls (attest.h); NULL: not looked at */
	char wanted_pai[33], wanted_rpi[33], wanted_on[65]; /* X-Outbound-Cli (shape.h) */
	char wanted_id
		[33]; /* number that the caller wants shown over trunks; "": that of the extension */
	unsigned max_forwards;		/* what is left for its outgoing INVITEs */
	char moved[CALL_MAX_MOVED][33]; /* numbers that a device wants the call at: moved.c */
	size_t nmoved;
	bool has_moved; /* what was tried last ended in a redirection */
	char *onward; /* TRK-17: URI beyond from_trunk_id, whose far side sent the call there; NULL */
	struct ringing *ring;
	oid updating; /* leg whose UPDATE, before the answer, waits for that of the other; 0: none */
	struct sdp *update; /* what it offers: early.c */
	struct timer
		origin; /* while the caller's own devices ring (originate.h), or a service is about to begin */
	struct timer closing; /* it is over, and legs of it are still being closed */
	char dialled
		[33]; /* for an answered caller, as its extension dials it: owner_dial(); "": rec.callee */
	unsigned nasked;    /* how often it was asked for a number */
	bool is_secure;	    /* a sips: URI is called: no hop without TLS (RFC 3261 26.2.2) */
	bool is_originated; /* the caller hears our ringing tone */
	struct bridge *bridge;
	bool stays_put; /* a device has refused to be moved between us and the other: direct.h */
	struct service_run *service;
	struct transfer *transfer;	 /* one from this call, or the one that it is made for */
	struct recording_run *recording; /* the file being written; NULL: none */
	size_t nrecordings;		 /* ever begun */
	bool is_buried;			 /* among the dead calls */
	struct call_plan plan;
	struct route_attempt history[ROUTE_MAX_HISTORY];
	size_t nhistory;
	struct diverted *
		diverted; /* where it was sent on from, here and before (diverted.h); NULL: nowhere */
	struct call_failure failure; /* how the last attempt ended */
	struct call_record rec;
	int64_t ended_at; /* µs; 0: it goes on.  In the record when its legs are closed: record.h */
	struct segment_record segment; /* the open one; id 0: none */
};

struct calls {
	struct calls_conf conf;
	struct ids *legs;
	struct link all; /* calls in order of id */
	size_t ncalls;
	struct map by_id;   /* calls */
	struct map usage;   /* calls in progress by tenant and extension: usage.c */
	struct map ringing; /* forks by tenant and extension: ringing.c */
	struct map lines;   /* legs by tenant and extension: lines.c */
	line_changed_h *line_changed;
	void *line_changed_arg;
	const struct owner_kind *service[16];
	size_t nservices;
	struct route_facts facts;
	uint64_t id_salt, last_id;
	int64_t unknown_told_us; /* when events_unknown() did last */
	bool is_draining;
	uint32_t seq;	       /* of media commands */
	struct attest *attest; /* certificates of callers' numbers */
	struct recorder *recorder;
	struct map disks;      /* of tenants: disk.c */
	struct urgent *urgent; /* what may not be dropped unread */
	struct timer reaper;
	struct link dead_legs, dead_calls, dead_services, restored;
	struct callbacks *callbacks; /* booked: callback.c */
	struct link refers;	     /* REFERs whose transferors are still to hear something */
};

static inline int64_t calls_wall_us(const struct calls *cs)
{
	return clock_wall_us(cs->conf.env.clock);
}
/* Our media address towards a flow. */
void calls_bind_for(struct calls *cs, const struct flow *flow, struct addr *bind);
struct call *call_alloc(struct calls *cs, uint64_t tenant_id);
struct call *call_free(struct call *call); /* all of it: its legs are gone */
void call_bury(struct call *call);	   /* it is over and has no leg: freed a moment later */
uint64_t calls_new_id(struct calls *cs); /* of a record: grows with time, so that newest is last */
void calls_reap_soon(struct calls *cs);
struct call *calls_find(const struct calls *cs, uint64_t id);
const struct owner_kind *calls_service(const struct calls *cs, const char *name);
void calls_incoming(struct sip_strans *st, const struct sip_msg *req, void *calls); /* incoming.c */
/* The number in a Request-URI or Refer-To: unescaped, without the user's own parameters (";phone-context=…"), of a tel: URI
 * without visual separators (RFC 3966 5.1.1).  Returns the status to refuse with, 0 = fine. */
unsigned calls_number_dialled(char *dst, size_t dst_bytes, struct str uri);
/* The same; urn:service:sos and its parts (RFC 5031) stand for themselves: the tenant's emergency number is called. */
unsigned calls_number_wanted(char *dst, size_t dst_bytes, struct str uri);
/* Does what a device says of where a call shall go (Refer-To, Contact of a 302) name a host that is neither this server (ADR 52) nor a
 * trunk's?  Nobody's number of ours is meant then. */
bool calls_names_elsewhere(const struct leg *leg, struct str uri, const char *dialled);
/* "First Last" of an extension; empty when there is none. */
void calls_extension_name(const struct calls *cs, uint64_t tenant_id, uint64_t id, char *dst,
			  size_t dst_bytes);
struct log_ctx call_log(const struct call *call);
struct log_ctx leg_log(const struct leg *leg);

/* conduct.c and ending.c: what the parts of a call report */
void call_begin(struct call *call); /* made, its caller's leg NEW: route it */
void call_leg_opened(struct call *call, struct leg *leg);
void call_leg_provisional(struct call *call, struct leg *leg, const struct sip_inv_event *ev);
void call_leg_answered(struct call *call, struct leg *leg, const struct sip_inv_event *ev);
void call_leg_pracked(struct call *call, struct leg *leg, struct str sdp);
void call_leg_acked(struct call *call, struct leg *leg, struct str sdp);
void call_leg_gone(struct call *call, struct leg *leg, enum reason reason, unsigned status,
		   struct str headers);
void call_leg_closed(struct call *call, struct leg *leg);
void call_leg_silent(struct call *call, struct leg *leg);
void call_leg_broken(struct call *call, struct leg *leg, int err); /* as MEDIA_BROKEN says */
void call_leg_heard(struct call *call, struct leg *leg);
void call_ring_failed(struct call *call,
		      const struct call_failure *how); /* a fork came to nothing */
void call_tried(struct call *call);		       /* call->failure, into the history */
/* What was sent on goes into the history too, so that it is not sent there again; how long that is then. */
size_t call_add_forwards(struct route_attempt history[ROUTE_MAX_HISTORY], size_t n,
			 const struct route_decision *d);
/* dest NULL: the number dialled, or what its history leads to; number: of a destination that has one. */
void call_route(struct call *call, const struct dest *dest, const char *number);
void call_reroute(struct call *call, const struct dest *dest,
		  const char *number); /* a service sends it on */
/* EXT-19: the number that the extension has behind that key; else what was given. */
const char *call_as_dialled(const struct call *call, uint64_t extension_id, const char *number);
bool call_may_dial(const struct call *call, uint64_t extension_id,
		   const char *number); /* as owner_may_dial() */
/* End the whole call; headers: Reason lines for the legs still there.  by: "caller", "callee", "system". */
void call_end(struct call *call, enum reason reason, unsigned status, const char *by,
	      struct str headers);

/* Join two legs of the call, at least one of which talks already: what the second says of itself is offered to the first now,
 * or what the first has offered to the second. */
void call_introduce(struct call *call, struct leg *caller, struct leg *callee);
/* `by` has answered what rings for the caller, who is waiting or is being transferred. */
void call_taken(struct call *call, struct leg *caller, struct leg *by);
void call_leg_held(struct call *call, struct leg *leg,
		   bool is_held); /* it holds the other side, or has taken it back */

#endif
