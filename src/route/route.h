/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a call goes, and why: a pure function of the model, facts, the question and what was already tried.
 *
 * The live switch, the tests and the route simulator call this same function.  After a failure call/ asks again with the
 * attempt added to the history; no failover logic lives anywhere else.
 *
 * Thread     any that owns the model and facts given
 * Ownership  a decision is a value; ids only
 * Errors     none: "no" is a decision (ROUTE_REFUSE) with its reason
 */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "model/model.h"

struct route_index;

enum route_trunk_state { ROUTE_TRUNK_READY, ROUTE_TRUNK_OFFLINE, ROUTE_TRUNK_FULL };

/* What a call over a trunk would cost whom. */
struct route_payment {
	uint64_t tenant_id, extension_id; /* 0: nobody pays; the tenant's limits hold */
	const struct call_rate *rate;	  /* NULL: it is free */
	bool is_inbound;
	bool is_first_try; /* not a further route of a call that was counted */
};
enum route_money {
	ROUTE_MONEY_FINE,
	ROUTE_MONEY_BALANCE,
	ROUTE_MONEY_SPEND_LIMIT,
	ROUTE_MONEY_CALLS_PER_MINUTE
};

/* What is true now; the simulator may fill it with suppositions.  The call asked about is not counted. */
struct route_facts {
	/* how many contacts the extension's enabled accounts have */
	size_t (*contacts)(const struct route_facts *f, uint64_t tenant_id, uint64_t extension_id);
	/* calls in progress of an extension, those that ring it too; of a tenant (extension_id 0) */
	size_t (*calls)(const struct route_facts *f, uint64_t tenant_id, uint64_t extension_id);
	/* NULL: every trunk is ready */
	enum route_trunk_state (*trunk)(const struct route_facts *f, uint64_t trunk_id);
	/* NULL: there is always enough */
	enum route_money (*money)(const struct route_facts *f, const struct route_payment *pay);
};

enum route_outcome { ROUTE_NO_ANSWER, ROUTE_BUSY, ROUTE_UNAVAILABLE, ROUTE_DECLINED, ROUTE_MOVED };

struct route_attempt { /* something tried, and how it ended */
	struct dest dest;
	enum route_outcome outcome;
	uint64_t trunk_id; /* over it; 0: no trunk */
	bool may_retry;	   /* offline, full, 408, 5xx or no answer at all: the next route is due */
};
enum { ROUTE_MAX_HISTORY = 16, ROUTE_MAX_FORWARDS = 10 };

struct route_query {
	const struct model *model;
	const struct route_facts *facts;
	const struct route_index *index; /* NULL: no trunks */
	uint64_t tenant_id;
	uint64_t from_trunk_id;	      /* 0: a device of the tenant calls */
	uint64_t caller_extension_id; /* 0: none */
	struct str caller;	      /* number */
	struct str dialled;
	struct str wanted_id; /* caller ID asked for; empty: that of the extension */
	struct str wanted_on; /* ... on the trunk of this name only; empty: on all */
	const struct dest *
		dest; /* a service sends the call on to this; NULL: the number dialled, or what its history leads to */
	struct str dest_number; /* ... the number, of a kind that has one */
	bool is_guest; /* who calls was asked for `dialled` and may call nobody but numbers of the tenant */
	unsigned nasked;       /* how often it was asked for a number until now */
	struct str outside;    /* the number last tried over trunks when it is not `dialled` … */
	uint64_t on_behalf_id; /* … and the extension that sent the call there (its rules count) */
	bool is_transfer;
	uint64_t
		onward_trunk_id; /* whom it calls was named by that trunk's far side, for a place there; 0: not so */
	int64_t wall_us;
	const struct route_attempt *history; /* oldest first */
	size_t nhistory;
	const struct str *moved; /* numbers a device wants the call at (3xx), best first */
	size_t nmoved;
};

enum route_action {
	ROUTE_RING,    /* one extension */
	ROUTE_TRUNK,   /* `number` over trunk_id, with caller_id */
	ROUTE_SERVICE, /* a service by name (ring_group, echo …) with an id */
	ROUTE_REFUSE,  /* for `refusal` */
	ROUTE_GIVE_UP, /* nothing is left to try: end as the last attempt ended */
};

enum route_refusal {
#define X(name) ROUTE_REFUSAL_##name,
#include "route/refusal.def"
#undef X
	ROUTE_NREFUSALS
};

enum { ROUTE_MAX_STEPS = 24 };
struct route_step {	  /* a rule considered */
	char rule[48];	  /* "number 102", "feature code *43" … */
	char verdict[80]; /* why it won or lost */
	bool has_won;
};

/* What a feature code of service "switch" does: its service_id. */
enum route_switch {
	ROUTE_SWITCH_NONE,
	ROUTE_SWITCH_NIGHT_ON,
	ROUTE_SWITCH_NIGHT_OFF,
	ROUTE_SWITCH_LOCK,
	ROUTE_SWITCH_UNLOCK,
	ROUTE_SWITCH_NIGHT_OTHER,
	ROUTE_SWITCH_DND_ON,
	ROUTE_SWITCH_DND_OFF,
	ROUTE_SWITCH_SPEED_DIAL_8,
	ROUTE_SWITCH_SPEED_DIAL_100,
	ROUTE_SWITCH_CALLBACK,
	ROUTE_SWITCH_CALLBACK_OFF
};

struct route_via { /* it was sent on from there */
	struct dest dest;
	enum route_outcome outcome;
	bool is_always; /* whatever the outcome might have been */
	char number[33];
};

struct route_decision {
	enum route_action action;
	struct dest
		dest; /* what is tried, when it is a destination: goes into the history with its outcome */
	char number[72]; /* of the destination; as it is sent on a trunk */
	uint64_t trunk_id;
	char rule[65];	    /* inbound or outbound rule that decided */
	char caller_id[33]; /* number shown on a trunk */
	char refused_id
		[33]; /* what was to be shown, and is not the tenant's (TRK-13); "": nothing */
	struct route_via
		via[ROUTE_MAX_FORWARDS]; /* before `dest`, oldest first: into the history too */
	size_t nvia;
	uint64_t on_behalf_id;	   /* extension that sent it on, and pays; 0: none */
	struct route_mobile {	   /* ROUTE_RING, EXT-18: the mobile number rings too */
		uint64_t trunk_id; /* 0: it does not */
		char number[72], caller_id[33];
	} mobile;
	char outside
		[33]; /* ROUTE_TRUNK: the number as it was to be dialled, when not the caller dialled it */
	bool is_emergency;
	size_t nmoved;	   /* how many of the query's were used up */
	uint64_t rate_id;  /* call_rate by which it is charged; 0: free */
	uint64_t payer_id; /* extension that pays; 0: nobody */
	uint64_t extension_id;
	uint32_t ring_seconds;
	char service[16];
	uint64_t service_id;
	char argument[40]; /* ROUTE_SERVICE: what was dialled behind its code; no PIN */
	enum route_refusal refusal;
	bool is_spoken;	   /* ROUTE_REFUSE: who calls hears in words that this may not be called */
	uint64_t revision; /* of the tenant's configuration it was made on */
	struct route_step steps[ROUTE_MAX_STEPS];
	size_t nsteps;
};

/* EXT-12: what was dialled, without the PIN that may stand behind a feature code. */
struct str route_without_pin(struct str dialled);

/* EXT-14: with so many calls, does one more find it busy? */
bool route_is_busy(const struct extension *ext, size_t ncalls);

/* urn:service:sos, urn:service:sos.police … (RFC 5031) */
bool route_is_sos(struct str dialled);
/* Is this one of the tenant's emergency numbers, or a call for help that has one? */
bool route_is_emergency(const struct model *m, uint64_t tenant_id, struct str dialled);
/* EXT-15: is it locked at that time? */
bool route_is_locked(const struct extension *ext, int64_t wall_us);
/* TRK-15: a number as the tenant writes it, in another form; one that says neither country nor area stays as it is. */
void route_number_form(char *dst, size_t dst_bytes, const struct tenant *t, struct str number,
		       int form /* enum number_form */);

/* "44" of "+442070…" and "00442070…"; none of numbers that name no country. */
struct str route_country_code(struct str number);

/* EXT-19: the number that the extension has behind what it dialled; NULL: it is no speed dial, or a number of the tenant's. */
const char *route_speed_dial(const struct model *m, uint64_t tenant_id, uint64_t extension_id,
			     struct str dialled);
/* What stands behind the code that sets one: its key, and the number (empty: none any more).  false: it is neither. */
bool route_speed_dial_set(struct str said, uint64_t what /* enum route_switch */, struct str *key,
			  struct str *number);

/* TRK-13: the caller ID on that trunk of what is wanted (NULL: of q->caller_extension_id); "": none. */
void route_caller_id(const struct route_query *q, uint64_t trunk_id, const char *wanted,
		     char dst[33]);

void route_decide(const struct route_query *q, struct route_decision *d);

#endif
