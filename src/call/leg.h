/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A leg: one INVITE usage and one media session, with what each side has last described of itself.
 *
 * What may happen in which state stands in leg.def and nowhere else; leg_event() is the only writer of leg->st.  A leg decides
 * nothing about the call: it tells struct call (call/calls.h), and does what it is told.
 *
 * Thread     core
 * Ownership  a leg belongs to its call.  It is freed by the reaper (calls.c), never inside an event: so a pointer found by
 *	      id holds until the handler returns
 * Errors     leg_send_sdp() and leg_progress(): errno of the stack; a peer's failures arrive as events
 * Sources    RFC 3261 13 to 15, RFC 3264, RFC 3311
 */
#ifndef CALL_LEG_H
#define CALL_LEG_H

#include "call/leg_kept.h"
#include "call/reason.h"
#include "schema/enums.h"
#include "sdp/sdp.h"
#include "sip/invite.h"

struct call;
struct calls;
struct ringing_member;
struct refer;
struct party;
struct meter;
struct keys_told;

enum leg_state {
#define X(name, ms) LEG_##name,
#include "call/leg_states.def"
#undef X
	LEG_NSTATES
};

enum leg_ev {
#define X(name) LEV_##name,
#include "call/leg_events.def"
#undef X
	LEV_NEVENTS
};

/* What the device waits for from us: the way the next description goes. */
enum leg_owes { LEG_OWES_NOTHING, LEG_OWES_FINAL, LEG_OWES_RESPONSE, LEG_OWES_ACK };

/* Devices that do both at once are heard once: leg_press.h. */
enum leg_presses { LEG_PRESSES_UNKNOWN, LEG_PRESSES_MEDIA, LEG_PRESSES_INFO };
/* Its media session: asked for and perhaps open; being closed. */
enum leg_session { LEG_SESSION_NONE, LEG_SESSION_OPEN, LEG_SESSION_CLOSING };

/* A leg that talks and is given to a service: served.h. */
enum leg_serving { LEG_SERVING_NOTHING, LEG_SERVING_DUE, LEG_SERVING_ASKED };

enum leg_music { LEG_MUSIC_NONE, LEG_MUSIC_TENANTS, LEG_MUSIC_SERVERS, LEG_MUSIC_TONE };

/* How a stream is protected: leg_keys.h. */
struct leg_line {
	uint8_t in_force; /* enum sdp_protection */
	uint8_t suite;	  /* SDES: enum sdp_suite of the keys in force; 0: none yet */
	uint8_t offered;  /* the same, of our last offer */
	bool is_client;	  /* DTLS: we began */
	bool rtcp_mux;	  /* agreed */
	uint8_t carrier;  /* line whose port it shares; itself: its own */
	uint64_t told;	  /* what names the keys the engine has; 0: plain */
	uint64_t dtls;	  /* ... the certificate it shakes hands with; 0: none */
	struct leg_ice {
		uint64_t theirs, base; /* what names its ICE password; what ours is made from */
	} ice, ice_before;
};

struct leg {
	oid id; /* also of its media session */
	struct calls *cs;
	struct call *call;
	struct link in_call;
	struct line *line; /* of its extension, while it is on it: lines.c */
	struct link in_line;
	uint64_t device; /* registrar_device() of who has lost its connection; 0: nobody has */
	enum leg_state st;
	enum leg_owes owes;
	bool is_caller;		/* it has called us; else we have called it */
	struct sip_invite *inv; /* NULL before and after */
	struct timer timer;
	struct link
		relayed; /* requests of the other leg, passed on to it, that wait for its answer */

	uint64_t extension_id, account_id;
	oid contact;		       /* registered contact it rings; 0: a caller, or a trunk */
	uint64_t trunk_id;	       /* it is on this trunk, which holds a place for it */
	bool has_other_way;	       /* it failed, and another address of its trunk may do */
	bool has_lost_flow;	       /* RFC 5626: its device is not at the end of its flow */
	struct meter *meter;	       /* … and what that costs: meter.h; NULL: nothing */
	bool is_authorized;	       /* its INVITE has answered a challenge */
	bool is_offered;	       /* our INVITE to it has a description */
	uint32_t min_se;	       /* of the 422 that its INVITE has answered */
	struct flow flow;	       /* its signalling */
	struct ringing_member *member; /* while it rings in a fork */
	uint64_t mobile_of;   /* extension whose mobile it is, rung beside its devices: mobile.h */
	bool originates;      /* a device of the caller, rung so that it calls: originate.h */
	bool is_ringing_told; /* on the bus, once */

	struct addr bind; /* our media address towards it */
	enum leg_session session;
	uint8_t nstreams, nasked; /* open; being opened */
	bool is_direct; /* the devices' media goes past us, and it needs no session: direct.h */
	bool has_been_direct; /* what was counted here says little about the call */
	struct addr local[MEDIA_MAX_STREAMS];
	enum dtmf_choice dtmf;	  /* how keys go to and from it */
	enum leg_presses presses; /* how it has pressed its first */
	bool is_pressed;	  /* keys, for it, by us */
	struct keys_told
		*keys_told;  /* what its other side pressed, on its way as INFO; NULL: none */
	enum nat_choice nat; /* whether the addresses in its SDP are believed (ACC-5) */
	struct media_remote remote[MEDIA_MAX_STREAMS]; /* as last told the engine */
	oid joined;				       /* leg whose media it hears */
	bool converts;	      /* it shares no codec with who it talks to: leg_codecs.h */
	enum leg_music music; /* what it hears while it is held: music.h */
	uint32_t music_seq;
	uint32_t announce_seq; /* what tells it that it is recorded: recorder.h */
	bool is_told_by_tone;
	uint32_t play_seq, record_seq, mix_seq;	  /* of its last commands of that kind */
	uint8_t secret[32];			  /* our keys towards it are made from this */
	struct leg_line lines[MEDIA_MAX_STREAMS]; /* how each is protected */

	struct party
		*asserted; /* who is there, when that is not what the records say (party.h); NULL */
	bool is_private;   /* it asked not to be named */
	uint64_t told;	   /* whom it was last told to talk to (a hash); 0: nobody */

	oid replaces; /* leg whose place it is about to take (pickup.h) */
	bool is_early_only, is_by_code;

	struct refer *refer; /* its REFER, of which it hears (refer.h) */
	uint8_t noffered;    /* m-lines of the offer in our INVITE; 0: it is to offer */

	uint64_t sdp_id, sdp_version; /* our o= line */
	struct buf sent;	      /* our last description */
	size_t nstand_ins;	      /* m-lines at its end for some that are no more */
	struct sdp *offered;	      /* its offer that nobody has answered yet */
	struct sdp *theirs;	      /* its description in force; while it rings: of its 18x */
	unsigned theirs_fork;	      /* early dialog that described itself in `theirs` */
	bool is_settled;    /* callee: it offered in a 1xx, and was answered in our PRACK */
	bool is_updated;    /* an UPDATE before the answer has changed both descriptions */
	bool is_refreshing; /* our re-INVITE is out that says nothing new */
	bool is_by_update;  /* its offer under way came in an UPDATE */
	enum leg_serving serving;
	bool must_reoffer; /* caller: `sent` has not been said, as its offer was answered; after its ACK we offer */

	struct leg_record rec;
	bool is_kept; /* a leg_kept of it is in the journal */
};

struct leg_msg { /* what comes with an event; unused parts are zero */
	const struct sip_inv_event *sip;
	const struct media_event *media;
	enum reason reason;
	unsigned
		status; /* HANGUP: final status for a caller not yet answered; 0: that of the reason */
	struct str headers; /* HANGUP, ACCEPT: whole lines to add */
	struct str sdp;	    /* ACCEPT, ACK */
};

/* Make one, in state NEW, in `call`.  ENOMEM, ENOSPC. */
int leg_alloc(struct leg **lp, struct call *call, bool is_caller) MUST_USE;
struct leg *leg_free(struct leg *leg);
struct leg *leg_get(const struct calls *cs, oid id); /* NULL: gone */

/* The one way in.  Returns whether the event was expected in this state. */
bool leg_event(struct leg *leg, enum leg_ev ev, const struct leg_msg *m);
const char *leg_state_name(enum leg_state st);
bool leg_is_over(const struct leg *leg);	      /* CLOSING or later */
const struct trunk *leg_trunk(const struct leg *leg); /* NULL: it is on none, or that is gone */
void leg_hangup(struct leg *leg, enum reason reason, unsigned status, struct str headers);

void leg_move(struct leg *leg, struct call *to); /* into another call */

/* A 1xx to the caller, with or without a description. */
void leg_progress(struct leg *leg, unsigned status, struct str sdp);
/* Send a description the way that is due: in the 200, in the answer to a re-INVITE, in the ACK, or as a re-INVITE of ours. */
int leg_send_sdp(struct leg *leg, struct str sdp) MUST_USE;
int leg_ask(struct leg *leg) MUST_USE; /* a re-INVITE without description: the device shall offer */
void leg_end_offer(struct leg *leg,
		   unsigned status); /* answer its re-INVITE or UPDATE without a description */
void leg_ack(struct leg *leg);	     /* the 2xx it owes an ACK, without description */

/* sip_invite_h of a leg; arg: the leg */
void leg_sip_event(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg);

#endif
