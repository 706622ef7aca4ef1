/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The SIP stack: transactions over flows, requests given to the handler of their method, every state bounded and timed.
 *
 * It does no I/O: bytes come in through sip_sink(), go out through the flow_edge, time through env.
 *
 * Thread     core
 * Ownership  transactions belong to the stack; users keep their oid, which resolves to nothing once they are over
 * Errors     as noted; the network's errors arrive as responses made here (408, 503) or as events, never as asserts
 * Sources    RFC 3261 8, 17, 18; RFC 6026; RFC 3581; RFC 4320
 */
#ifndef SIP_SIP_H
#define SIP_SIP_H

#include "base/env.h"
#include "sip/congestion.h"
#include "sip/msg.h"

struct sip;
struct shield;
struct sip_strans; /* server transaction */

struct sip_conf {
	struct env env;
	struct flow_edge *edge;
	const char *product;	      /* User-Agent and Server: "Offhook/0.1.0" */
	uint64_t node, boot;	      /* carried in local tags and Call-IDs, with a MAC */
	size_t max_transactions;      /* 0 = 400000; above: new requests get 503 with Retry-After */
	size_t max_dialogs;	      /* 0 = 100000 */
	uint32_t t1_ms, t2_ms, t4_ms; /* 0 = RFC values 500, 4000, 5000 */
};

int sip_alloc(struct sip **sp, const struct sip_conf *conf) MUST_USE;
struct sip *sip_free(struct sip *s);
struct flow_sink *sip_sink(struct sip *s);
/* Who is heard; lets everybody in until it has limits and rules. */
struct shield *sip_shield(struct sip *s);
const struct env *sip_env(const struct sip *s);
struct flow_edge *sip_edge(const struct sip *s);

/* TRN-5: when what waits to be read waits longer than this, new requests are refused; 0: never.  80 ms at first. */
void sip_tolerate(struct sip *s, uint32_t ms);
/* Told when the level changes; percent: of the tolerance, what messages wait at least. */
typedef void sip_congested_h(enum congestion_level level, unsigned percent, void *arg);
void sip_on_congested(struct sip *s, sip_congested_h *fn, void *arg);
/* Is this new request one that is served whatever the load (an emergency call)?  Asked only when it would be refused. */
typedef bool sip_urgent_h(const struct sip_msg *req, void *arg);
void sip_on_urgent(struct sip *s, sip_urgent_h *fn, void *arg);
/* Which numbers such requests begin with; borrowed until the call returns.  How many there are, of which the first `max` are
 * written.  Asked when new calls are about to be thinned out; without it they are not. */
typedef size_t sip_urgent_numbers_h(struct str *numbers, size_t max, void *arg);
void sip_on_urgent_numbers(struct sip *s, sip_urgent_numbers_h *fn, void *arg);
/* They are others than before. */
void sip_urgent_changed(struct sip *s);

/* A connection ended: whoever keeps its flow for later (a contact) hears of it.  ENOSPC above 8. */
typedef void sip_closed_h(oid conn, void *arg);
int sip_on_closed(struct sip *s, sip_closed_h *fn, void *arg) MUST_USE;
/* The way back to who sent a request (RFC 3261 18.2.2, RFC 3581): for answers, and for calls to it later. */
void sip_reply_flow(const struct sip_msg *req, struct flow *flow);

/* Called for each new request of a method that no dialog took.  The handler answers now or later (by id). */
typedef void sip_request_h(struct sip_strans *st, const struct sip_msg *req, void *arg);
void sip_on_request(struct sip *s, enum sip_method method, sip_request_h *fn, void *arg);
/* Asked before a request within a dialog reaches who the dialog belongs to; false: it has been answered (a challenge). */
struct sip_dialog;
typedef bool sip_within_h(const struct sip_dialog *d, struct sip_strans *st,
			  const struct sip_msg *req, void *arg);
void sip_on_within(struct sip *s, sip_within_h *fn, void *arg);
/* Header lines of what is sent to some peers are gone over first.  `who` names one: of a dialog, a transaction or a single request
 * (0: nobody's).  Not gone over are 100, CANCEL, the ACK of a refusal, and the INVITE that makes a dialog, which is its sender's.
 * fixed: the Request-URI, From, To, as lines, for reading; lines: whole ones, perhaps Contact among them; out: what is sent. */
typedef void sip_edit_h(uint64_t who, bool is_request, struct str fixed, struct str lines,
			struct buf *out, void *arg);
void sip_on_edit(struct sip *s, sip_edit_h *fn, void *arg);
/* "User-Agent: …", as the stack writes it. */
void sip_write_agent(const struct sip *s, struct buf *lines);
/* "Allow: …": what may come in the dialog of a call (RFC 3261 21.4.6). */
void sip_write_allow_within(const struct sip *s, struct buf *lines);
/* An option tag that our handlers know ("path"): listed in Supported, accepted in Require. */
int sip_support(struct sip *s, const char *option) MUST_USE; /* ENOSPC */
void sip_unsupport(struct sip *s, const char *option);
/* Event packages that can be subscribed to ("dialog, presence"), as OPTIONS tells them (RFC 6665 8.2.2); NULL: none.  Borrowed until
 * it is set anew. */
void sip_allow_events(struct sip *s, const char *events);

/* Session timers (RFC 4028): from now on calls ask for that interval (not below 90); 0: off. */
void sip_set_session_timer(struct sip *s, uint32_t seconds);

/* What a sender adds to a message the stack writes. */
struct sip_extra {
	struct str headers; /* whole lines "Name: value\r\n" */
	struct str content_type;
	struct str body;
	bool has_agent; /* headers say who we are, or keep it back: the stack does not */
};

/* Answers to it, and its dialog when it makes one, are gone over (sip_on_edit). */
void sip_strans_edit(struct sip_strans *st, uint64_t who);
oid sip_strans_id(const struct sip_strans *st);
struct sip_strans *sip_strans_get(struct sip *s, oid id);
const struct sip_msg *sip_strans_request(const struct sip_strans *st);
/* Send a response; from 200 on the transaction is over for the caller.  reason NULL: the RFC's phrase.  to_tag empty: one is made.
 * Errors: EALREADY answered before; ENOMEM, EMSGSIZE (a final answer that cannot be made becomes a bare 500); EPROTO (2xx to INVITE: sip_invite_uas() does that; 101…199 to others). */
int sip_reply(struct sip_strans *st, unsigned status, const char *reason,
	      const struct sip_extra *extra);
/* Answer once and keep nothing: for requests whose sender is not known (RFC 3261 26.3.2.4); never sent again by itself. */
void sip_refuse(struct sip_strans *st, unsigned status, const char *reason,
		const struct sip_extra *extra);
/* The To tag of our answers to it, made when first asked for. */
const char *sip_strans_tag(struct sip_strans *st);
/* Fires when a CANCEL for it arrives (the CANCEL itself has been answered). */
typedef void sip_cancelled_h(struct sip_strans *st, const struct sip_msg *cancel, void *arg);
void sip_strans_on_cancel(struct sip_strans *st, sip_cancelled_h *fn, void *arg);

enum { SIP_LAST_HOP = 256 }; /* max_forwards of what goes no further */

/* A request to send.  The stack adds Via, Max-Forwards, User-Agent and Content-Length. */
struct sip_out {
	enum sip_method method;
	struct str uri;		      /* Request-URI */
	struct flow flow;	      /* where to */
	struct str from, to, call_id; /* header values with tags */
	uint32_t cseq;
	struct str contact;    /* header value, or empty */
	struct str routes;     /* "Route: …\r\n" lines or empty */
	unsigned max_forwards; /* 0 = 70, SIP_LAST_HOP = 0; a B2BUA passes on what is left */
	uint64_t edit_for;     /* sip_on_edit(); 0: it goes as it is */
	struct sip_extra extra;
};
/* Each response, 1xx included; resp is NULL when none came: err ETIMEDOUT (treat as 408) or the flow's (treat as 503). */
typedef void sip_response_h(oid trans, const struct sip_msg *resp, int err, void *arg);
int sip_send(struct sip *s, const struct sip_out *out, sip_response_h *fn, void *arg,
	     oid *idp) MUST_USE;
/* RFC 3261 9.1: sent at once after a 1xx, else when the first 1xx arrives.  extra_headers: e.g. a Reason line. */
int sip_cancel(struct sip *s, oid trans, struct str extra_headers);
/* No more calls of the handler; the transaction ends by itself. */
void sip_forget(struct sip *s, oid trans);

/* Local tags and Call-IDs: node, boot, index, randomness and a MAC; others cannot guess them, we know our own. */
void sip_make_tag(struct sip *s, char *dst, size_t dst_bytes);
void sip_make_call_id(struct sip *s, char *dst, size_t dst_bytes);

struct sip_counts {
	size_t client_transactions, server_transactions; /* all, lingering ones included */
	size_t lingering; /* over for their users, kept for retransmissions */
	size_t dialogs;
};
void sip_counts(const struct sip *s, struct sip_counts *c);
const char *sip_reason_phrase(unsigned status);

#endif
