/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the stack share: the stack itself, its transactions, and how they write messages.  Private to sip/.
 *
 * A transaction is looked up by what the wire says: a client's by its branch, which carries our own id and a MAC; a
 * server's by branch, sent-by, CSeq and method (or what RFC 2543 offers instead).  Once it is over for its user it shrinks
 * to its key and the bytes it may have to send again.
 *
 * Thread     core
 * Ownership  the stack owns all transactions; `text`, `last`, `live` are freed as soon as the RFC lets us forget them
 */
#ifndef SIP_STACK_H
#define SIP_STACK_H

#include "base/buf.h"
#include "base/map.h"
#include "sip/congestion.h"
#include "sip/shield.h"
#include "sip/sip.h"

struct sip_handler {
	sip_request_h *fn;
	void *arg;
};

enum { SIP_MAX_OPTIONS = 16, SIP_TAG_BYTES = 48 };
#define NO_DEADLINE UINT64_MAX

/* ---- requests too large for a datagram (large.c) ---- */
enum { LARGE_BYTES = 1300, LARGE_PATIENCE_MS = 2000, LARGE_KNOWN = 256 };
struct large {
	struct {
		struct addr addr;
		uint64_t until_ms;
	} refused[LARGE_KNOWN]; /* by hash; the later takes the place of the earlier */
};
/* RFC 3261 18.1.1: this request, just written for a datagram, goes over TCP.  Then *flow is one to try. */
bool large_goes_by_stream(struct sip *s, const struct sip_out *out, struct flow *flow);
/* It took no TCP: the next ones need not try. */
void large_refused(struct sip *s, const struct addr *to);

/* ---- what is over and still retransmitted (linger.c) ---- */
enum linger_time { LINGER_T4, LINGER_64_T1, LINGER_NTIMES };
struct lingering {
	struct map by_key, by_call; /* as those of struct sip */
	struct linger_queue {
		struct link blocks; /* what has come first ends first */
		struct timer timer;
	} queues[LINGER_NTIMES];
};

struct sip {
	struct flow_sink sink;
	struct sip_conf conf; /* defaults filled in */
	struct ids *clients;  /* every client transaction */
	struct ids *servers;  /* server transactions not yet finally answered */
	struct map
		by_peer; /* client transactions that wait for an answer, by connection or remote address */
	struct shield *shield;
	struct congestion congestion;
	struct timer look;    /* while new calls are thinned out */
	bool cannot_thin;     /* in this overload */
	sip_urgent_h *urgent; /* NULL: nothing is */
	void *urgent_arg;
	sip_urgent_numbers_h *urgent_numbers; /* NULL: new calls are never thinned out */
	void *urgent_numbers_arg;
	sip_within_h *within; /* NULL: all are let through */
	void *within_arg;
	sip_edit_h *edit; /* NULL: nothing is gone over */
	void *edit_arg;
	sip_congested_h *congested;
	void *congested_arg;
	struct lingering linger;
	struct map by_key;  /* server transactions */
	struct map by_call; /* the same by Call-ID, From tag and CSeq: merged requests, ACKs */
	struct map dialogs;
	struct link usages; /* every INVITE usage: freed with the stack */
	struct sip_handler handlers[SIP_NMETHODS];
	const char *options[SIP_MAX_OPTIONS]; /* option tags we support */
	size_t noptions;
	struct {
		sip_closed_h *fn;
		void *arg;
	} closed[8];
	size_t nclosed;
	struct buf allow;	 /* "INVITE, ACK, …" */
	struct buf allow_within; /* of those what a call takes */
	struct buf supported;	 /* "path, …", may be empty */
	const char *events;	 /* packages of ours, NULL none */
	struct buf out;		 /* the message being written */
	struct buf key;		 /* the key being looked up */
	uint8_t secret[16];	 /* under which tags and branches are signed */
	uint32_t tag_index;
	uint32_t session_s; /* what we ask for; 0: no session timers */
	struct large large; /* who takes no TCP */
	size_t nclients, nservers, nlingering, ndialogs;
};

#define SIP_OPTION_TIMER STR("timer")
enum { SIP_MIN_SE = 90 }; /* RFC 4028 4: seconds; nobody may ask for less */
bool session_is_too_short(const struct sip *s, const struct sip_msg *req);
#define SIP_OPTION_100REL STR("100rel")
bool stack_supports(const struct sip *s, struct str option);
bool stack_is_full(const struct sip *s);
void stack_gauge(const struct sip *s);

/* The one way out: counts, logs, and gives the bytes to the edge. */
int stack_send(struct sip *s, struct flow *flow, const void *p, size_t n);

/* ---- writing (message.c) ---- */
struct response {
	unsigned status;
	const char *reason;	       /* NULL: the RFC's */
	const char *tag;	       /* for a To without one; NULL: none is added */
	struct str more;	       /* the stack's own header lines, before extra's */
	const struct sip_extra *extra; /* or NULL */
	uint64_t edit_for;	       /* sip_on_edit() */
};
struct piece {
	uint32_t off, n;
};
struct ctrans_text { /* a request as sent, and where its parts are: ACK and CANCEL are made from it */
	uint32_t n, cseq;
	struct piece uri, via, from, to, call_id, routes;
	char p[];
};

/* These leave the message in s->out; ENOMEM, EMSGSIZE; message_request also what finding our address gives. */
int message_request(struct sip *s, struct flow *flow, const struct sip_out *out, const char *branch,
		    struct ctrans_text *x) MUST_USE;
int message_response(struct sip *s, const struct sip_msg *req, const struct response *r) MUST_USE;
void message_head(struct sip *s, struct str method, struct str uri);
int message_body(struct sip *s, const struct sip_extra *extra) MUST_USE;
/* A To tag that the same request always gets, for answers that leave nothing behind. */
void message_stateless_tag(const struct sip *s, const struct sip_msg *req, char tag[SIP_TAG_BYTES]);
/* Answer at once and keep nothing. */
void message_answer(struct sip *s, const struct sip_msg *req, const struct response *r);

/* ---- server transactions (strans.c) ---- */
#define STRANS_STATES(X)                                                                           \
	X(I_PROCEEDING)                                                                            \
	X(I_COMPLETED)                                                                             \
	X(I_CONFIRMED)                                                                             \
	X(I_ACCEPTED)                                                                              \
	X(N_TRYING)                                                                                \
	X(N_PROCEEDING)                                                                            \
	X(N_COMPLETED)                                                                             \
	X(REFUSED)                                                                                 \
	X(OVER)
#define STRANS_EVENTS(X)                                                                           \
	X(REQUEST)                                                                                 \
	X(ACK)                                                                                     \
	X(SEND_1XX)                                                                                \
	X(SEND_2XX)                                                                                \
	X(SEND_FINAL)                                                                              \
	X(REFUSE)                                                                                  \
	X(TICK)                                                                                    \
	X(TIMEOUT)

enum strans_state {
#define X(name) STRANS_##name,
	STRANS_STATES(X)
#undef X
		STRANS_NSTATES
};
enum strans_event {
#define X(name) STRANS_EV_##name,
	STRANS_EVENTS(X)
#undef X
		STRANS_NEVENTS
};

struct strans_live { /* until the final answer */
	struct sip_msg *req;
	sip_cancelled_h *on_cancel;
	void *on_cancel_arg;
	uint64_t edit_for; /* sip_on_edit() */
};

struct sip_strans {
	struct timer timer;
	struct map_node by_key, by_call;
	struct sip *sip;
	oid id; /* 0 once finally answered */
	struct strans_live *live;
	struct flow flow; /* where answers go */
	char *last;	  /* what a retransmission is answered with */
	uint32_t nlast;
	uint32_t interval_ms;
	uint64_t deadline_ms; /* or NO_DEADLINE */
	uint32_t cseq;
	uint16_t nkey;
	uint8_t state, method;
	bool is_reliable, is_by_call;
	char tag[SIP_TAG_BYTES]; /* the To tag of our answers; "": none was needed yet */
	bool has_left;		 /* what goes on is in the queue of linger.c */
	char key[];
};

/* What a message that belongs to a transaction of that method names it by: the hash; the text is in s->key until the next.
 * ENOMEM, EMSGSIZE. */
int strans_key(struct sip *s, const struct sip_msg *m, enum sip_method method,
	       uint64_t *hash) MUST_USE;
/* These take the key that was made last. */
int strans_alloc(struct sip_strans **stp, struct sip *s, struct sip_msg *req,
		 uint64_t hash) MUST_USE;
struct sip_strans *strans_find(const struct sip *s, uint64_t hash);
struct sip_strans *strans_free(struct sip_strans *st);
/* The INVITE of an ACK: by its branch, or, as some give the ACK of a refusal one of its own, by what else they share. */
struct sip_strans *strans_of_ack(const struct sip *s, const struct sip_msg *ack, uint64_t hash);
/* Another request with the same Call-ID, From tag and CSeq that came another way: 482. */
bool strans_is_merged(struct sip *s, const struct sip_msg *req);
bool strans_event(struct sip_strans *st,
		  enum strans_event ev); /* false: not in the table; nothing changed */
/* As sip_reply(), with header lines of the stack's own. */
int strans_reply(struct sip_strans *st, const struct response *r) MUST_USE;
/* The answer 2xx to an INVITE, whose bytes go to the caller: it sends them again until the ACK comes. */
int strans_accept(struct sip_strans *st, const struct response *r, char **bytesp,
		  size_t *np) MUST_USE;
/* A request was given to its handler and not answered: the INVITE gets its 100. */
void strans_handled(struct sip_strans *st);

int linger_init(struct sip *s) MUST_USE;
void linger_close(struct sip *s);
uint64_t linger_ms(const struct sip *s, enum linger_time lasts);
/* Keys and last answer of what is over, so that st may go.  ENOMEM: st has to stay. */
int linger_add(struct sip *s, const struct sip_strans *st, enum linger_time lasts) MUST_USE;
/* The key that was made last is of something that is over: answered once more, if there is an answer. */
bool linger_takes(struct sip *s, uint64_t hash);
bool linger_takes_ack(const struct sip *s, uint64_t hash); /* not of a 2xx: that is the dialog's */
/* The To tag of the answers to what came from there; NULL: nothing did. */
const char *linger_tag(const struct sip *s, uint64_t hash, const struct addr *remote);
bool linger_is_merged(const struct sip *s, const struct sip_msg *req, uint64_t call_hash);

/* ---- client transactions (ctrans.c) ---- */
#define CTRANS_STATES(X)                                                                           \
	X(I_CALLING)                                                                               \
	X(I_PROCEEDING)                                                                            \
	X(I_COMPLETED)                                                                             \
	X(I_ACCEPTED)                                                                              \
	X(N_TRYING)                                                                                \
	X(N_PROCEEDING)                                                                            \
	X(OVER)
#define CTRANS_EVENTS(X)                                                                           \
	X(PROVISIONAL)                                                                             \
	X(SUCCESS)                                                                                 \
	X(FAILURE)                                                                                 \
	X(TICK)                                                                                    \
	X(TIMEOUT)                                                                                 \
	X(BROKEN)                                                                                  \
	X(NO_STREAM)

enum ctrans_state {
#define X(name) CTRANS_##name,
	CTRANS_STATES(X)
#undef X
		CTRANS_NSTATES
};
enum ctrans_event {
#define X(name) CTRANS_EV_##name,
	CTRANS_EVENTS(X)
#undef X
		CTRANS_NEVENTS
};

struct ctrans {
	struct timer timer;
	struct map_node by_peer;
	struct sip *sip;
	oid id;
	oid cancel; /* the transaction of our CANCEL */
	struct flow flow;
	sip_response_h *fn; /* NULL: forgotten */
	void *arg;
	struct ctrans_text
		*text; /* the request; the ACK once refused; NULL when nothing is sent again */
	char *cancel_headers; /* a CANCEL waits for the first 1xx; NULL: none */
	struct flow
		*datagram; /* too large for UDP: where it goes when TCP does not; NULL: no such */
	uint64_t deadline_ms; /* or NO_DEADLINE */
	uint32_t interval_ms;
	int err; /* of BROKEN */
	uint8_t state, method;
	bool is_reliable, is_cancelled, is_by_peer, is_lingering;
};

struct ctrans *ctrans_free(struct ctrans *t);
/* A response came in. */
void ctrans_response(struct sip *s, const struct sip_msg *m);
/* Everything that waits for an answer from there fails. */
void ctrans_failed(struct sip *s, const struct flow *to, int err);
void ctrans_closed(struct sip *s, oid conn);
/* Is that transaction's request, still under way, for this URI? */
bool ctrans_asks_for(const struct sip *s, oid id, struct str uri);
bool ctrans_event(struct ctrans *t, enum ctrans_event ev, const struct sip_msg *m);

/* ---- what a request must pass before anybody sees it (gate.c) ---- */
/* True: it was answered (or dropped). */
bool gate_refuses(struct sip *s, const struct sip_msg *req);
void gate_write_lists(struct sip *s);

/* ---- tags and branches (tag.c) ---- */
enum { SIP_BRANCH_BYTES = 48 };
void tag_branch(const struct sip *s, oid id, char branch[SIP_BRANCH_BYTES]);
oid tag_branch_id(const struct sip *s, struct str branch); /* 0: not ours */
bool tag_is_ours(const struct sip *s, struct str tag);
/* What all tags of this run of the program begin with. */
void tag_mark(const struct sip *s, char mark[FLOW_THIN_MARK + 1]);

/* ---- new calls that the edge drops (thinning.c) ---- */
/* Have as many come through as congestion wants. */
void thinning_follow(struct sip *s);

/* ---- dialogs (dialog.c, dialog_map.c) ---- */
/* The dialog's user took the request, or it was refused (481, 500). */
void dialogs_request(struct sip *s, struct sip_strans *st, const struct sip_msg *req);
void dialogs_ack(struct sip *s, const struct sip_msg *ack);
bool dialogs_knows(struct sip *s, const struct sip_msg *req);
/* A 2xx to an INVITE whose sender is gone: acknowledge, and hang up unless the dialog lives. */
void dialog_hold_way(struct sip_dialog *d); /* after `flow` or is_registered has changed */
void dialogs_stray_2xx(struct sip *s, const struct sip_msg *m);

#endif
