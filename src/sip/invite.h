/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The INVITE usage: one INVITE from the first byte to the last BYE, as UAS or as UAC with all the early dialogs its forks
 * make, of which at most one is confirmed.  It hides transactions, retransmitted 200s, ACKs, CANCEL races and glare;
 * its user (a leg) sees events and takes actions.
 *
 * Events come one at a time; SIP_INV_ENDED is the last, after it the usage is freed by the stack.  An action may be
 * called inside an event.
 *
 * Thread     core
 * Ownership  the usage belongs to the stack until SIP_INV_ENDED; messages and bodies are borrowed for the event
 * Errors     actions: EPROTO when the state does not allow them (an OFFER may have been cancelled meanwhile), ENOMEM
 * Sources    RFC 3261 9, 13, 14, 15; RFC 3262; RFC 3264; RFC 3311; RFC 4028; RFC 6337; RFC 5407
 */
#ifndef SIP_INVITE_H
#define SIP_INVITE_H

#include "sip/dialog.h"

struct sip_invite;

enum sip_inv_event_type {
	SIP_INV_PROVISIONAL, /* UAC: a 101…199; body when there is one; fork says which early dialog */
	SIP_INV_PRACKED, /* UAS: PRACK to our reliable 1xx that offered; body: the answer */
	SIP_INV_ANSWERED, /* UAC: the first 2xx; acknowledge with sip_invite_ack().  Later forks' 2xx get ACK and BYE here. */
	SIP_INV_REJECTED, /* UAC: final 3xx…6xx, or status 408/503 made here; SIP_INV_ENDED follows */
	SIP_INV_CANCELLED, /* UAS: CANCEL before our final answer; 487 has been sent; SIP_INV_ENDED follows */
	SIP_INV_ACKED, /* UAS: ACK to our 2xx; body when it carries the answer to our offer */
	SIP_INV_REFRESH, /* the session must be refreshed: with a re-INVITE that describes you as before */
	SIP_INV_OFFER, /* re-INVITE or UPDATE, before the answer also PRACK; body empty = it asks us to offer.  Answer with sip_invite_respond(). */
	SIP_INV_OFFER_CANCELLED, /* it has taken its re-INVITE back: 487 has been sent */
	SIP_INV_OFFER_DONE, /* outcome of our sip_invite_reinvite(): status and body; 2xx are acknowledged by sip_invite_ack() */
	SIP_INV_OFFER_ACKED, /* ACK to the 2xx of a re-INVITE that we answered, body when it carries an answer */
	SIP_INV_REQUEST, /* any other in-dialog request (INFO, REFER, MESSAGE …): answer with sip_reply(st) */
	SIP_INV_BYE,  /* the peer hung up; 200 has been sent; SIP_INV_ENDED follows */
	SIP_INV_LOST, /* 481/408 within the dialog, ACK that never came, flow gone: the dialog is dead; SIP_INV_ENDED follows */
	SIP_INV_ENDED, /* over */
};

struct sip_inv_event {
	enum sip_inv_event_type type;
	const struct sip_msg *msg; /* the message, when there is one */
	unsigned status;	   /* PROVISIONAL, ANSWERED, REJECTED, OFFER_DONE */
	struct str sdp;		   /* body of type application/sdp; empty without */
	unsigned fork; /* PROVISIONAL, ANSWERED, early OFFER: number of the early dialog, from 0 */
	struct sip_strans *st; /* REQUEST */
	bool is_reliable;      /* PROVISIONAL: acknowledged with PRACK, */
	bool is_offer;	       /* ... by sip_invite_prack(): it offers, for the INVITE did not */
};
typedef void sip_invite_h(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg);

/* UAS: take a new INVITE (100 is the stack's).  contact: our Contact header value.
 * Errors: E2BIG, EPROTO (it cannot make a dialog: 400), ENOSPC (max_dialogs: 503), ENOMEM; the request is still the caller's. */
int sip_invite_uas(struct sip_invite **ip, struct sip_strans *st, const char *contact,
		   sip_invite_h *fn, void *arg) MUST_USE;
/* UAS: what our requests in its dialog say of where we are. */
void sip_invite_show(struct sip_invite *inv, struct flow_faces faces);
/* The device at this URI is on another connection now: sip_dialog_moved(). */
bool sip_invite_moved(struct sip_invite *inv, struct str uri, const struct flow *flow,
		      bool is_peer);
/* Is that the connection its requests go on? */
bool sip_invite_is_on(const struct sip_invite *inv, oid conn);
/* UAS: the INVITE, until it has its final answer; else NULL. */
const struct sip_msg *sip_invite_asked(const struct sip_invite *inv);
/* Goes reliably (RFC 3262) to a caller who knows that: then it may be told later, when the one before it is acknowledged, and
 * so may the 200.  A 1xx that must offer and has nothing is left out. */
int sip_invite_progress(struct sip_invite *inv, unsigned status,
			const struct sip_extra *extra) MUST_USE;		       /* 1xx */
int sip_invite_accept(struct sip_invite *inv, const struct sip_extra *extra) MUST_USE; /* 200 */

/* UAC: send an INVITE. */
struct sip_invite_conf {
	struct str uri; /* Request-URI */
	struct flow flow;
	struct str from; /* value without tag */
	struct str to;
	struct str contact;
	struct str routes;     /* e.g. from Path */
	unsigned max_forwards; /* as of struct sip_out */
	uint32_t min_se;       /* of the 422 that this INVITE answers; 0: none */
	bool is_plain; /* 100rel is not offered: nobody is there to answer an offer in a 1xx */
	const struct sip_msg *
		again; /* the 401, 407 or 422 this INVITE answers: same Call-ID and tag, next CSeq (22.2) */
	uint64_t edit_for;	/* sip_on_edit(): of all that follows, not of this INVITE */
	struct sip_extra extra; /* SDP offer, identity headers … */
};
int sip_invite_uac(struct sip_invite **ip, struct sip *s, const struct sip_invite_conf *conf,
		   sip_invite_h *fn, void *arg) MUST_USE;
/* What sip_invite_uac() would send now, whole, with a Call-ID, tags and branch that no call has.  Nothing is sent. */
int sip_invite_draft(struct sip *s, const struct sip_invite_conf *conf, struct buf *out) MUST_USE;
/* Has the far side said anything yet, a 100 at least? */
bool sip_invite_is_heard(const struct sip_invite *inv);
int sip_invite_ack(struct sip_invite *inv, struct str sdp) MUST_USE;
/* The answer to the offer in a reliable 1xx of that early dialog. */
int sip_invite_prack(struct sip_invite *inv, unsigned fork, struct str sdp) MUST_USE;
/* UAS: has the offer of the INVITE been answered (or ours been made) in a reliable 1xx? */
bool sip_invite_is_settled(const struct sip_invite *inv);
bool sip_invite_takes_reliable(const struct sip_invite *inv);

/* Does the peer say that it takes UPDATE? */
bool sip_invite_takes_update(const struct sip_invite *inv);
uint32_t sip_min_se(const struct sip_msg *m); /* of a 422; 0: none */

/* Both sides, once confirmed. */
/* Tried again after 491, as RFC 3261 14.1 says, before SIP_INV_OFFER_DONE tells of it.  EBUSY: an offer is pending. */
int sip_invite_reinvite(struct sip_invite *inv, const struct sip_extra *extra) MUST_USE;
/* The same in an UPDATE: a 2xx to it needs no ACK. */
int sip_invite_update(struct sip_invite *inv, const struct sip_extra *extra) MUST_USE;
/* Before the answer, when a reliable 1xx has settled the first offer (RFC 3311 5.1); UAC: in that early dialog.  EPROTO: it has
 * not, or the peer takes none. */
int sip_invite_update_early(struct sip_invite *inv, unsigned fork,
			    const struct sip_extra *extra) MUST_USE;
/* Our re-INVITE is not meant any more: CANCEL (9.1); how it ends is SIP_INV_OFFER_DONE all the same. */
void sip_invite_take_back(struct sip_invite *inv);
int sip_invite_respond(struct sip_invite *inv, unsigned status,
		       const struct sip_extra *extra) MUST_USE; /* to SIP_INV_OFFER */
/* Any other request within the dialog; its responses go to fn (not after SIP_INV_ENDED); 481, 408 and silence are SIP_INV_LOST
 * too, but for NOTIFY: that ends a subscription only (RFC 5057). */
int sip_invite_request(struct sip_invite *inv, enum sip_method m, const struct sip_extra *extra,
		       sip_response_h *fn, void *arg) MUST_USE;

/* End it, whatever its state: UAS early → status (e.g. 486), UAC early → CANCEL, confirmed → BYE (a UAS waits for its ACK first).
 * reason_line: whole header lines ("Reason: …\r\n") or empty.  SIP_INV_ENDED comes when the peer has agreed or does not answer. */
void sip_invite_end(struct sip_invite *inv, unsigned status, struct str reason_line);

/* The peer has hung up (inside SIP_INV_BYE), but a subscription lives on in the dialog (RFC 5057 3.1): it goes to the caller,
 * who gets its requests and closes it.  NULL: there is none, or no memory for it. */
struct sip_dialog *sip_invite_leave_dialog(struct sip_invite *inv, sip_dialog_request_h *fn,
					   void *arg) MUST_USE;

/* Whose dialog is that (early ones too)?  The user of the usage, when its handler is fn; NULL: nobody's.  Tags as we write them. */
void *sip_invite_find(struct sip *s, struct str call_id, struct str local_tag,
		      struct str remote_tag, sip_invite_h *fn);

/* The same of a dialog. */
void *sip_invite_of(const struct sip_dialog *d, sip_invite_h *fn);

const struct sip_dialog *
sip_invite_dialog(const struct sip_invite *inv); /* NULL before one exists */
void sip_invite_kept(const struct sip_invite *inv, struct sip_dialog_kept *kept);
/* After a crash: a confirmed usage as it was. */
int sip_invite_restore(struct sip_invite **ip, struct sip *s, const struct sip_dialog_kept *kept,
		       sip_invite_h *fn, void *arg) MUST_USE;

#endif
