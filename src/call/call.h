/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls: legs, forks, bridges, and the records of what happened.  The entry for main, for commands from the API, and for tests.
 *
 * Thread     core
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include "call/owner.h"
#include "media/media.h"
#include "registrar/registrar.h"
#include "route/route.h"
#include "schema/record.h"
#include "trunk/trunks.h"

struct bus;
struct purses;

/* What a call changes in the configuration (a lock, night mode): obeyed a moment later, as any change. */
struct config_writer {
	int (*set)(struct config_writer *w, uint64_t tenant_id, const struct resource *res,
		   uint64_t id, const char *json);
};

struct calls_conf {
	struct env env;
	struct sip *sip;
	struct flow_edge *edge;
	struct model *model;
	struct registrar *registrar;
	struct trunks *trunks;		 /* NULL: no calls to or from trunks */
	struct route_index *route_index; /* what they are routed by */
	struct config_writer *writer;	 /* NULL: nothing can be changed */
	struct purses *purses;		 /* bill/purse.h; NULL: nothing is metered */
	struct media_engine *media;
	struct record_sink *records;
	struct bus *bus; /* typed events: base/bus.h, events.def; NULL none */
	uint64_t node, boot;
	const char
		*folder; /* for files of services (a recording made to be heard back); NULL: none */
	const char *sounds;  /* folder of prompts, a folder for each language; NULL: none */
	const char *music;   /* WAV file for who is held; NULL: a tone */
	uint32_t silence_ms; /* hang up a call with no RTP this long; 0 = 120000 */
	size_t max_calls;    /* of the node; 0 = 20000 */
};
int calls_alloc(struct calls **cp, const struct calls_conf *conf) MUST_USE;
struct calls *calls_free(struct calls *cs);
/* TEN-2: bytes of its disk quota that a tenant uses now, as the database has them. */
void calls_storage(struct calls *cs, uint64_t tenant_id, uint64_t used);
void calls_media_event(const struct media_event *ev, void *calls); /* a media_event_h */
size_t calls_count(const struct calls *cs);
/* Refuse new calls (503, Retry-After), end those in progress: at stop. */
void calls_drain(struct calls *cs);

/* Live sessions, in order of id, of one tenant (0: all).  The id is the one its call record has. */
struct call_view {
	uint64_t id;
	uint64_t tenant_id;
	const struct call_record *record;
};
bool calls_next(const struct calls *cs, uint64_t tenant_id, uint64_t after, struct call_view *view);
/* Has it a leg of an extension of which `fn` says yes? */
typedef bool calls_extension_h(uint64_t tenant_id, uint64_t extension_id, void *arg);
bool calls_has_extension(const struct calls *cs, uint64_t id, calls_extension_h *fn, void *arg);
int calls_hangup(struct calls *cs, uint64_t tenant_id, uint64_t id); /* ENOENT */
/* Ring an extension, and call a number for it when it has answered; errors and the way: call/originate.h. */
int calls_originate(struct calls *cs, uint64_t tenant_id, uint64_t extension_id, const char *number,
		    uint64_t *idp) MUST_USE;
/* Where a call would go, as a real one is asked for; nothing happens.  What a decision leads to may be supposed to have
 * failed with calls_would_fail(); then the next decision is asked for. */
struct calls_question {
	uint64_t tenant_id,
		from_trunk_id; /* from_trunk_id 0: the extension with the caller's number calls */
	const char *caller, *number;
	const char *transferred_by; /* an extension that sends this caller there; NULL: nobody */
	const char *
		keyed; /* what it keys in when it is asked for a number; NULL: nothing, and that is the end */
	bool is_guest; /* it has, and has no rights of an extension */
	unsigned nasked;
	bool has_dest; /* a service sends it on to this: */
	struct dest dest;
	char dest_number[33];
	int64_t at_us; /* 0: now */
	struct route_attempt history[ROUTE_MAX_HISTORY];
	size_t nhistory;
	struct route_via via[ROUTE_MAX_FORWARDS]; /* where it was sent on until now */
	size_t nvia;
	char outside[33];
	uint64_t on_behalf_id;
	const char *
		headers; /* more lines of its INVITE, each ended by a line feed: Privacy, Diversion …; NULL: none */
	char seen_caller[128], seen_number[128]; /* calls_would_come() */
	struct supposed *who;			 /* the same: who calls, as its INVITE says */
};
/* Who calls and what is called, as the INVITE says: of a trunk as its header rules, parameters and number form have it, of an extension by
 * its first account.  ENOMEM; EPROTO: no INVITE can say that.  calls_would_end() releases what it made, whatever it returned. */
int calls_would_come(const struct calls *cs, struct calls_question *what) MUST_USE;
void calls_would_end(struct calls_question *what);
/* The same calls by another configuration (a tenant's of the past), for those three only; what devices and trunks do is as it is.
 * ENOMEM; calls_as_of_close() releases it. */
int calls_as_of(struct calls **cp, const struct calls *cs, struct model *m,
		struct route_index *index) MUST_USE;
void calls_as_of_close(struct calls *cs);
/* The extension with whose rights it is made; 0: none. */
uint64_t calls_would_be(const struct calls *cs, const struct calls_question *what);
void calls_would_route(const struct calls *cs, const struct calls_question *what,
		       struct route_decision *d);
/* False: nothing comes after that.  Who is asked for a number keys it in, a group is answered by nobody. */
bool calls_would_fail(const struct calls *cs, struct calls_question *what,
		      const struct route_decision *d, enum route_outcome outcome);
/* What its INVITE would say to the trunk of the decision, header by header, "Request-URI: …" first: all but Call-ID, CSeq, tag and branch.
 * ENOENT: nobody knows where that is. */
int calls_would_say(const struct calls *cs, const struct calls_question *what,
		    const struct route_decision *d, struct buf *lines) MUST_USE;
/* By that rate, when it lasts so long. */
int64_t calls_cost(const struct call_rate *r, int64_t talk_s);
const char *calls_refusal_name(enum route_refusal why);
/* A leg that was up when the process died: its device is told with a BYE, nothing else is kept of it. */
int calls_restore_leg(struct calls *cs, const struct kept_head *kept);

#endif
