/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The INVITE usage from inside: what its files share.  invite.def and offer.def are its specification.
 *
 *   invite.c         the machine, its events, its end
 *   invite_uas.c     an INVITE that came to us
 *   invite_uac.c     an INVITE that we sent, its forks
 *   invite_offer.c   re-INVITE and UPDATE, both ways
 *   invite_session.c session timers
 *   invite_reliable.c  1xx that are acknowledged with PRACK, both ways
 *   invite_dialog.c  requests within the dialog: who gets them
 *
 * Thread     core
 */
#ifndef SIP_INVITE_USAGE_H
#define SIP_INVITE_USAGE_H

#include "sip/invite.h"
#include "sip/stack.h"

#define INV_STATES(X)                                                                              \
	X(INCOMING)                                                                                \
	X(ANSWERING)                                                                               \
	X(ACCEPTED)                                                                                \
	X(ACK_FIRST)                                                                               \
	X(CALLING)                                                                                 \
	X(CANCELLING)                                                                              \
	X(ANSWERED)                                                                                \
	X(CONFIRMED)                                                                               \
	X(HANGING_UP)                                                                              \
	X(OVER)
#define INV_EVENTS(X)                                                                              \
	X(PROGRESS)                                                                                \
	X(ACCEPT)                                                                                  \
	X(ACCEPT_LATER)                                                                            \
	X(PRACK_LATE)                                                                              \
	X(END)                                                                                     \
	X(ACK)                                                                                     \
	X(CANCEL_IN)                                                                               \
	X(BYE_IN)                                                                                  \
	X(ACK_IN)                                                                                  \
	X(ACK_LATE)                                                                                \
	X(PROVISIONAL_IN)                                                                          \
	X(SUCCESS_IN)                                                                              \
	X(FAILURE_IN)                                                                              \
	X(DEAD)                                                                                    \
	X(BYE_DONE)
#define OFFER_STATES(X)                                                                            \
	X(IDLE)                                                                                    \
	X(SENT)                                                                                    \
	X(SENT_UPDATE)                                                                             \
	X(ACK_DUE)                                                                                 \
	X(ASKED)                                                                                   \
	X(ASKED_UPDATE)                                                                            \
	X(REPLIED)                                                                                 \
	X(OFFERED)
#define OFFER_EVENTS(X)                                                                            \
	X(OFFER)                                                                                   \
	X(OFFER_UPDATE)                                                                            \
	X(ACK)                                                                                     \
	X(ACCEPT)                                                                                  \
	X(COUNTER)                                                                                 \
	X(REFUSE)                                                                                  \
	X(SUCCESS_IN)                                                                              \
	X(GLARE_IN)                                                                                \
	X(FAILURE_IN)                                                                              \
	X(REINVITE_IN)                                                                             \
	X(UPDATE_IN)                                                                               \
	X(CANCEL_IN)                                                                               \
	X(ACK_IN)                                                                                  \
	X(ACK_LATE)

enum inv_state {
#define X(name) INV_##name,
	INV_STATES(X)
#undef X
		INV_NSTATES
};
enum inv_event {
#define X(name) INV_EV_##name,
	INV_EVENTS(X)
#undef X
		INV_NEVENTS
};
enum offer_state {
#define X(name) OFFER_##name,
	OFFER_STATES(X)
#undef X
		OFFER_NSTATES
};
enum offer_event {
#define X(name) OFFER_EV_##name,
	OFFER_EVENTS(X)
#undef X
		OFFER_NEVENTS
};

/* What an event brings; fields an event does not have are zero. */
struct inv_in {
	const struct sip_msg *msg;
	const struct sip_extra *extra;
	struct sip_strans *st;
	unsigned status;
	int err;
	struct str text; /* SDP of our ACK, header lines of our END */
};

/* An INVITE's 2xx that is sent again until its ACK comes. */
struct inv_resend {
	struct timer timer;
	struct flow flow;
	char *bytes;
	size_t nbytes;
	uint64_t deadline_ms;
	uint32_t interval_ms, cseq;
	bool has_offer; /* it offers: the ACK must answer */
};

/* A copy of what our user wants to offer, for another try after 491. */
struct inv_offer {
	char *headers, *content_type, *body;
	unsigned tries, fork; /* the early dialog it goes in, of a UAC that is not answered yet */
	bool is_update;
};

/* A request of our user within the dialog. */
struct inv_request {
	struct link link;
	struct sip_invite *inv;
	sip_response_h *fn;
	void *arg;
	oid trans;
	enum sip_method method;
};

/* An early dialog of our INVITE. */
struct inv_fork {
	struct sip_dialog *d;
	uint32_t rseq;	 /* of its last reliable 1xx; 0: none */
	bool is_settled; /* a description came in one of them */
};

struct inv_reliable; /* invite_reliable.c */

/* RFC 4028.  seconds 0: the session does not expire. */
struct inv_session {
	struct timer timer;
	uint64_t end_ms;
	uint32_t seconds, min_se;
	bool is_ours;	    /* we refresh */
	bool takes_update;  /* the peer, by its Allow */
	bool lists_methods; /* it sent an Allow at all */
};

enum { INV_MAX_FORKS = 16, INV_MAX_TRIES = 4 };

struct sip_invite {
	struct link link; /* of the stack's usages */
	struct sip *sip;
	sip_invite_h *fn;
	void *arg;
	enum inv_state state;
	enum offer_state offer;
	struct sip_dialog *d;		     /* UAS: from the start; UAC: from the 2xx on */
	struct timer end_timer, retry_timer; /* retry: UAS, before the answer: the INVITE expires */
	struct inv_resend resend;
	oid incoming;		 /* UAS: server transaction of the INVITE */
	oid asked;		 /* of the re-INVITE, UPDATE or PRACK that our user has to answer */
	uint64_t edit_for;	 /* UAC: of its dialogs */
	struct flow_faces faces; /* UAC: as its INVITE was sent */
	bool is_natted;		 /* UAC: it is reached elsewhere than it says */
	bool is_heard;		 /* UAC: something has come, a 100 at least */
	oid invite, reinvite;	 /* UAC: our INVITE; either: our re-INVITE */
	oid bye, refresh;
	struct inv_session session;
	struct inv_fork *forks; /* UAC: in order of appearance; NULL once decided */
	unsigned nforks;
	char *contact;	   /* UAC, until the dialog has it */
	uint32_t ack_cseq; /* of the INVITE or re-INVITE that our ACK, or PRACK, is for */
	char *ack_sdp;	   /* SDP of our last ACK, when it had one */
	struct inv_offer *pending;
	struct link requests;
	char *end_lines;		     /* header lines of the BYE that waits for the ACK */
	struct inv_reliable *reliable;	     /* UAS: NULL until one is sent */
	bool takes_reliable, wants_reliable; /* UAS: 1xx with 100rel, supported, required */
	bool has_offer;			     /* the INVITE had */
	bool is_settled;		     /* UAS: a reliable 1xx of ours has described */
};

/* The machines.  Errors of actions leave the state as it was; EPROTO: not in the table. */
int inv_event(struct sip_invite *inv, enum inv_event ev, const struct inv_in *in);
int offer_event(struct sip_invite *inv, enum offer_event ev, const struct inv_in *in);

typedef int inv_action_h(struct sip_invite *inv, const struct inv_in *in);
inv_action_h inv_send_progress, inv_send_accept, inv_refuse, inv_give_487, inv_tell_acked;
inv_action_h inv_keep_accept, inv_lose_unacked;
inv_action_h inv_tell_progress, inv_tell_answered, inv_tell_rejected, inv_cancel,
	inv_ack_and_hang_up, inv_send_ack, inv_other_2xx, inv_ack_late_and_hang_up;
inv_action_h inv_lose, inv_hang_up, inv_tell_bye, inv_absorb;

int inv_alloc(struct sip_invite **ip, struct sip *s, sip_invite_h *fn, void *arg) MUST_USE;
struct sip_invite *inv_free(struct sip_invite *inv);
void inv_tell(struct sip_invite *inv, enum sip_inv_event_type type, const struct sip_msg *msg,
	      unsigned status);
void inv_tell_full(struct sip_invite *inv, struct sip_inv_event *ev);
struct str inv_warning(unsigned status); /* lines that a refusal with this status has */
/* "Contact: …\r\nAllow: …\r\n" for requests and responses that carry them. */
void inv_write_lists(const struct sip_invite *inv, struct buf *b, bool has_contact);
void inv_write_lists_for(const struct sip_invite *inv, struct buf *b,
			 bool is_plain); /* of an INVITE */
bool inv_is_dead(const struct sip_msg *resp, int err);
/* Send a 2xx again and again until inv_resend_stop(). */
void inv_resend_start(struct sip_invite *inv, const struct flow *flow, char *bytes, size_t n,
		      uint32_t cseq, bool has_offer);
void inv_resend_stop(struct sip_invite *inv);
int inv_ack(struct sip_invite *inv, struct sip_dialog *d, uint32_t cseq, struct str sdp) MUST_USE;

/* A re-INVITE, UPDATE or PRACK that offers. */
void inv_take_offer(struct sip_invite *inv, struct sip_dialog *d, struct sip_strans *st,
		    const struct sip_msg *req, enum offer_event ev);
struct inv_fork *inv_fork_of(struct sip_invite *inv, const struct sip_dialog *d);

/* ---- session timers (invite_session.c) ---- */
void inv_session_note(struct sip_invite *inv, const struct sip_msg *m); /* its Allow */
void inv_session_refused(
	struct sip_invite *inv,
	const struct sip_msg *m); /* an answer, or NULL: no UPDATE, by its status */
void inv_session_ask(const struct sip_invite *inv, struct buf *lines); /* in a request of ours */
/* In our 2xx to that; the time starts anew. */
void inv_session_answer(struct sip_invite *inv, const struct sip_msg *req, struct buf *lines);
void inv_session_take(struct sip_invite *inv, const struct sip_msg *resp); /* a 2xx to ours */
void inv_session_stop(struct sip_invite *inv);

/* ---- reliable provisional responses (invite_reliable.c) ---- */
void inv_note_reliability(struct sip_invite *inv, const struct sip_msg *invite);
int inv_reliable_send(struct sip_invite *inv, unsigned status,
		      const struct sip_extra *extra) MUST_USE;
bool inv_must_wait(const struct sip_invite *inv); /* our 2xx, for a PRACK */
bool inv_reliable_lingers(const struct sip_invite *inv);
void inv_take_prack(struct sip_invite *inv, struct sip_strans *st, const struct sip_msg *req);
/* A 1xx of an early dialog: acknowledged, when it asks for that.  False: nobody need hear of it. */
bool inv_take_reliable(struct sip_invite *inv, struct inv_fork *f, struct sip_inv_event *ev);
void inv_reliable_free(struct sip_invite *inv);

sip_dialog_request_h inv_on_request;
sip_response_h inv_on_invite_response;
void inv_offer_free(struct sip_invite *inv);

#endif
