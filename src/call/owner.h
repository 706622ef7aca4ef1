/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The owner of a leg: whoever decides what happens to it.  Services (ring group, echo, later IVR, queue …) register
 * their kind here, so that call/ starts one without knowing it.
 *
 * A service sees events and takes actions; it knows nothing of SIP or RTP.  Transfer, pick-up, park, monitor and queueing
 * are moves of legs between owners.
 *
 * Contract   start() is called once with the caller's leg (not yet answered, its media open).  The service then gets every
 *	      event of each leg it owns, until OWNER_ENDED of that leg or until it hands the leg on.  It may act inside an
 *	      event and inside start().  When it has lost the call, stop() follows a moment later, never inside an event, and
 *	      its state must be freed; until then it cancels what timers it has and acts no more.
 * Thread     core
 * Ownership  legs are named by id; an id that resolves to nothing is a leg that has ended: actions on it give ENOENT
 */
#ifndef CALL_OWNER_H
#define CALL_OWNER_H

#include "base/ids.h"
#include "base/env.h"
#include "call/reason.h"
#include "model/model.h"

struct call;  /* one call: its legs and record */
struct calls; /* all of them */

enum owner_event_type {
	OWNER_RINGING, /* a leg we dialled rings */
	OWNER_ANSWERED, /* a leg we dialled has answered, or our answer to the caller is acknowledged and its media open */
	OWNER_FAILED, /* what we dialled came to nothing: reason; the caller's leg is still there */
	OWNER_HEARD,  /* first media packet */
	OWNER_DIGIT,  /* the leg pressed a key: digit */
	OWNER_FAX,    /* a fax calls there (CNG), once */
	OWNER_PLAYED, /* what played is over: err 0 to its end, EINTR by a key, ECANCELED by what came after it, else it could not */
	OWNER_RECORDED, /* the file is there: err 0, else it is shorter than asked, or missing */
	OWNER_ENDED,	/* the leg is over: reason */
};
struct owner_event {
	enum owner_event_type type;
	oid leg;
	enum reason reason;
	char digit;
	int err;
};

struct owner_start {
	struct call *call;
	oid caller; /* leg */
	uint64_t tenant_id;
	uint64_t id;	      /* of the resource, when the service has one */
	const char *argument; /* what was dialled behind its code; borrowed for the call */
};

struct owner_kind {
	const char *name;     /* as in route_decision.service */
	bool takes_any_codec; /* it neither speaks nor listens */
	int (*start)(const struct owner_kind *k, const struct owner_start *s, void **statep);
	void (*event)(void *state, const struct owner_event *ev);
	void (*stop)(void *state);
};
int calls_register_service(struct calls *cs, const struct owner_kind *kind) MUST_USE;

/* Actions of a service. */
const struct env *owner_env(struct call *call);
const struct model *owner_model(struct call *call);
int owner_answer(struct call *call, oid leg) MUST_USE; /* 200 with our own media */
/* A caller not answered yet hears us from now on (183): it is charged nothing, and may still be refused.  EALREADY: it is answered;
 * EPROTO: it offers no media, so it cannot be told which. */
int owner_speak_early(struct call *call, oid leg) MUST_USE;
int owner_echo(struct call *call, oid leg) MUST_USE; /* send its media back to it */
/* What a leg hears: WAV files one after the other, or a tone.  OWNER_PLAYED follows. */
struct owner_play {
	const char *const *paths;
	size_t npaths;	       /* 0: the tone */
	uint16_t hz[2], ms[6]; /* its frequencies, and on and off in turn; all 0: on */
	uint32_t times;	       /* 0: for ever */
	uint32_t most_ms;      /* 0: as long as it takes */
	bool until_key;	       /* a key ends it */
	bool is_shared;	       /* heard together with all who hear the same: files, for ever */
	bool to_room;	       /* everybody in the leg's room hears it */
};
int owner_play(struct call *call, oid leg,
	       const struct owner_play *play) MUST_USE; /* ENOENT, E2BIG, ENOMEM, ENOBUFS */
int owner_hush(struct call *call, oid leg) MUST_USE;
/* What the leg says and hears, as WAV or AVI; OWNER_RECORDED follows. */
struct owner_record {
	bool has_two_tracks; /* left what it says, right what it hears */
	bool is_scratch;     /* the file is gone when the leg is */
	bool has_pictures;   /* AVI, with what both sides show */
	bool makes_folder;   /* that of the path */
	uint64_t most_bytes; /* 0: no limit */
	uint32_t most_ms;    /* 0: until owner_record_end(), or the end of the leg */
};
int owner_record(struct call *call, oid leg, const char *path,
		 const struct owner_record *how) MUST_USE;
int owner_record_end(struct call *call, oid leg) MUST_USE;
/* Into a room (0: out of it), where it speaks to groups and hears groups: media/media.h says how that is used. */
struct owner_mix {
	uint64_t room;
	uint32_t speaks, hears;
};
int owner_mix(struct call *call, oid leg, const struct owner_mix *how) MUST_USE;
const char *owner_folder(const struct call *call); /* for files of services; NULL: there is none */
/* Folder of prompts, one folder in it for each language; NULL: there is none. */
const char *owner_sounds(const struct call *call);
/* An answered caller hears ringing while the number is dialled for it as that extension would (0: by somebody who may call nobody but
 * numbers of the tenant); the service has lost the call.  ENOENT; EALREADY: it is not answered yet. */
int owner_dial(struct call *call, oid leg, uint64_t extension_id, const char *number) MUST_USE;
/* Would that lead to somebody, or may it not be called? */
bool owner_may_dial(struct call *call, uint64_t extension_id, const char *number);
/* It did not know a secret: counted where it comes from (SEC-1). */
void owner_failed(struct call *call, oid leg, struct str answer);
/* The extension that calls; 0: none. */
uint64_t owner_caller_extension(const struct call *call);
/* The extension with whose rights who calls may dial on; 0: it comes from outside, or somebody has sent it here. */
uint64_t owner_rights(const struct call *call);
/* Change the configuration: the object as a PATCH would.  ENOTSUP, ENOBUFS … */
int owner_set(struct call *call, uint64_t tenant_id, const struct resource *res, uint64_t id,
	      const char *json) MUST_USE;
/* EXT-26, for the extension that calls: number "" is what it has called last.  ENOENT, ENOSPC, ENOMEM (call/callback.h) */
int owner_book_callback(struct call *call, const char *number) MUST_USE;
int owner_cancel_callbacks(struct call *call) MUST_USE;
/* Ring extensions: all accounts, all contacts, limits and the open fork are dealt with; OWNER_RINGING, then OWNER_ANSWERED
 * (leg = the one that answered, the others have been cancelled and the two are joined) or OWNER_FAILED. */
struct owner_ring {
	const uint64_t *extension_ids;
	size_t n;
	uint32_t ring_seconds;
	const char *
		caller_prefix; /* before the caller's display name, e.g. the group's name; NULL none */
};
/* ENOENT: nobody there to ring; EBUSY: all are busy (EXT-14); EPROTONOSUPPORT: sips: is called and none has TLS; EALREADY: the caller is answered, or a ring is under way; EIO, ENOMEM */
int owner_ring(struct call *call, oid caller, const struct owner_ring *ring) MUST_USE;
/* What such an error says of those who were to be rung. */
enum reason owner_reason(int err);
/* Ends the call, as the caller is told: with what its last attempt came to when that is the reason. */
void owner_hangup(struct call *call, oid leg, enum reason reason);
/* Give the leg back to routing with this as its new destination (no-answer destination of a group …), and its number, of a kind that
 * has one. */
int owner_continue(struct call *call, oid leg, const struct dest *dest,
		   const char *number) MUST_USE;

#endif
