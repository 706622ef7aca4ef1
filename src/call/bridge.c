/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  What is offered and answered is the same whichever messages carry it; the messages are the legs' business
 * (leg_send_sdp).  So one small machine serves the first negotiation, late offers, hold, codec changes and added video.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/direct.h"
#include "call/leg_codecs.h"
#include "call/leg_media.h"
#include "call/music.h"
#include "call/negotiate.h"
#include "call/party.h"
#include "call/record.h"
#include "call/recorder.h"

enum { BRIDGE_WAIT_MS = 250, BRIDGE_MAX_WAITS = 160 };
/* Media on its way between direct and relayed. */
enum moving {
	NOT_MOVING,
	LEAVING, /* an offer of x's does not fit direct media: x is told with the answer to it */
	MOVING,	 /* we offer to both in turn, because something else has changed */
	MOVING_BACK, /* the second has refused: the first is offered what it had */
};
enum { BRIDGE_TIMEOUT_MS = 64000 }; /* twice 64*T1: a re-INVITE on one side, the ACK on the other */

struct bridge {
	struct call *call;
	oid leg[2];
	enum bridge_state st;
	unsigned x;	   /* which leg offers, or has asked */
	unsigned ngrowing; /* legs whose new streams are awaited */
	unsigned nwaits;   /* tries of this offer that came to a busy leg */
	bool has_turned;   /* both have been offered what the other says */
	enum moving moving;
	bool is_direct_next; /* what comes of it */
	struct holding {     /* bridge_hold(): until both have been told */
		oid by;	     /* 0: nobody is held by us now */
		bool was_held;
		enum sdp_direction before[SDP_MAX_MEDIA];
	} holding;
	struct timer timer;
};

struct bridge_msg {
	struct leg *from;
	unsigned status;
	struct sdp **descriptionp; /* taken by the action that uses it */
	bool is_move;		   /* nobody has sent it: bridge_move() */
};
typedef void bridge_action_h(struct bridge *br, const struct bridge_msg *m);

static void event(struct bridge *br, enum bridge_ev ev, const struct bridge_msg *m);
static void enter(struct bridge *br, enum bridge_state st);

static struct leg *leg_x(const struct bridge *br)
{
	return leg_get(br->call->cs, br->leg[br->x]);
}

static struct leg *leg_y(const struct bridge *br)
{
	return leg_get(br->call->cs, br->leg[1 - br->x]);
}

static void set_direct(struct bridge *br, bool is_direct)
{
	struct leg *both[2] = {leg_x(br), leg_y(br)};

	for (unsigned i = 0; i < 2; i++) {
		both[i]->is_direct = is_direct;
		both[i]->has_been_direct |= is_direct;
		if (is_direct && br->st == BRIDGE_STABLE)
			leg_media_drop(both[i]);
	}
}

/* Both follow: who talks directly needs no session any more. */
static void moved(struct bridge *br)
{
	br->moving = NOT_MOVING;
	if (br->is_direct_next)
		set_direct(br, true);
}

/* Where will what x offers now have its media? */
static void choose_way(struct bridge *br, bool is_move)
{
	struct leg *x = leg_x(br), *y = leg_y(br);

	br->moving = is_move ? MOVING : NOT_MOVING;
	if (!is_move && x->is_direct && !direct_fits(x, x->offered, y, y->theirs)) {
		br->moving = LEAVING;
		br->is_direct_next = false;
	}
	if (br->moving != NOT_MOVING)
		set_direct(br, br->is_direct_next);
}

static void act_make_room(struct bridge *br, const struct bridge_msg *m)
{
	struct leg *both[2];
	uint8_t n;
	int err = 0;

	br->x = m->from->id == br->leg[0] ? 0 : 1;
	br->nwaits = 0;
	br->has_turned = false;
	both[0] = leg_x(br);
	both[1] = leg_y(br);
	sdp_free(m->from->offered);
	m->from->offered = *m->descriptionp;
	*m->descriptionp = NULL;
	choose_way(br, m->is_move);
	n = leg_sdp_streams(m->from->offered);
	br->ngrowing = 0;
	for (unsigned i = 0; i < 2 && !err; i++) {
		if (both[i]->is_direct || both[i]->nstreams >= n)
			continue;
		err = leg_media_grow(both[i], n);
		br->ngrowing += !err;
	}
	if (err)
		event(br, BEV_NO_ROOM, m);
	else if (!br->ngrowing)
		event(br, BEV_READY, m);
}

static void act_pass_offer(struct bridge *br, const struct bridge_msg *m);

/* y has refused to be moved, or cannot be: everybody stays, or goes back to, where they were. */
static void stay(struct bridge *br)
{
	struct leg *x = leg_x(br);

	br->call->stays_put = true;
	x->theirs = x->offered;
	x->offered = NULL;
	if (br->moving == MOVING_BACK) {
		call_end(br->call, REASON_PROTOCOL, 0, "system", STR_NONE);
		return;
	}
	br->is_direct_next = !br->is_direct_next;
	if (!br->has_turned) {
		br->moving = NOT_MOVING;
		set_direct(br, br->is_direct_next);
		return;
	}
	br->moving = MOVING_BACK;
	br->nwaits = 0;
	br->x = 1 - br->x;
	x = leg_x(br);
	x->offered = x->theirs;
	x->theirs = NULL;
	enter(br, BRIDGE_OFFERED);
	set_direct(br, br->is_direct_next);
	act_pass_offer(br, NULL);
}

/* The other does not take it: all is as it was. */
static void stay_unheld(struct bridge *br)
{
	struct leg *x = leg_x(br);

	for (size_t i = 0; i < x->offered->nmedia; i++)
		x->offered->media[i].direction = br->holding.before[i];
	x->theirs = x->offered;
	x->offered = NULL;
	br->holding = (struct holding){0};
	if (br->moving == LEAVING)
		set_direct(br, true);
	br->moving = NOT_MOVING;
}

/* The offer cannot go on.  One that came in a 200 cannot be refused either: nothing but hanging up is left. */
static void withdraw(struct bridge *br, unsigned status, enum reason reason)
{
	struct leg *x = leg_x(br);

	if (br->moving == MOVING || br->moving == MOVING_BACK) {
		stay(br);
		return;
	}
	if (br->holding.by == x->id) {
		stay_unheld(br);
		return;
	}
	if (br->moving == LEAVING) {
		br->moving = NOT_MOVING;
		set_direct(br, true);
	}
	x->offered = sdp_free(x->offered);
	if (x->owes == LEG_OWES_RESPONSE) {
		leg_end_offer(x, status);
		return;
	}
	call_end(br->call, reason, 0, "system", STR_NONE);
}

static void act_no_room(struct bridge *br, const struct bridge_msg *m)
{
	withdraw(br, 500, REASON_MEDIA_FAILED);
}

static void act_nothing(struct bridge *br, const struct bridge_msg *m)
{
}

/* The stack could not send what was to be passed on.  EBUSY: y's own re-INVITE is under way (RFC 3261 14.2). */
static void not_sent(struct bridge *br, int err)
{
	if (err == EBUSY && leg_x(br)->owes != LEG_OWES_RESPONSE &&
	    br->nwaits++ < BRIDGE_MAX_WAITS) {
		event(br, BEV_BUSY, &(struct bridge_msg){0});
		return;
	}
	event(br, BEV_REFUSAL,
	      &(struct bridge_msg){.from = leg_y(br), .status = err == EBUSY ? 491 : 500});
}

static void act_pass_offer(struct bridge *br, const struct bridge_msg *m)
{
	struct leg *x = leg_x(br), *y = leg_y(br);
	bool is_new = x->owes == LEG_OWES_NOTHING && !br->has_turned && br->moving != MOVING &&
		      !br->holding.by;
	struct str sdp;
	int err = 0;

	if (!x->is_direct)
		err = leg_media_join(x, y);
	if (err) {
		not_sent(br, err);
		return;
	}
	if (y->theirs && leg_codecs_known(x->offered) && !leg_codecs_share(x->offered, y->theirs))
		x->converts = y->converts = true;
	err = is_new ? leg_sdp_introduce(y, x->offered, &sdp)
		     : leg_sdp_relay(y, x->offered, NULL, &sdp);
	if (!err)
		err = leg_send_sdp(y, sdp);
	if (err)
		not_sent(br, err);
}

static void act_ask(struct bridge *br, const struct bridge_msg *m)
{
	int err;

	br->x = m->from->id == br->leg[0] ? 0 : 1;
	br->has_turned = false;
	err = leg_ask(leg_y(br));
	if (err)
		not_sent(br, err);
}

static void act_break(struct bridge *br, const struct bridge_msg *m)
{
	call_end(br->call, REASON_PROTOCOL, 0, "system", STR_NONE);
}

/* Both descriptions are in force from now on. */
static int put_in_force(struct leg *x, struct leg *y)
{
	int err;

	if (x->is_direct)
		return 0;
	err = leg_media_remote(x, x->theirs, y->theirs);
	return err ? err : leg_media_remote(y, y->theirs, x->theirs);
}

/* x has taken its offer back (CANCEL) while y answered it: x is as it was, and y will hear of that with the next offer. */
static void keep_old(struct leg *x, struct leg *y, struct sdp *old)
{
	struct log_ctx ctx = leg_log(x);

	sdp_free(x->theirs);
	x->theirs = old;
	if (put_in_force(x, y))
		log_warn(&ctx, LOGID_MEDIA,
			 "the media engine could not be told that an offer was taken back");
}

/* Nothing more is to be negotiated: who has not been told in passing with whom it talks now is told so. */
static void tell_both(struct leg *x, struct leg *y)
{
	party_refresh(x);
	party_refresh(y);
}

/* What the call is now may be recorded, or go directly. */
static void settled(struct call *call)
{
	recorder_follow(call);
	direct_consider(call);
}

/* Both have been told, or will not hear of it. */
static void held(struct bridge *br)
{
	const struct holding h = br->holding;
	struct leg *by = leg_get(br->call->cs, h.by);

	br->holding = (struct holding){0};
	if (!by || !by->theirs)
		return;
	if (leg_sdp_is_held(by->theirs) != h.was_held)
		call_leg_held(br->call, by, !h.was_held);
	else /* its device holds by itself, and goes on doing so */
		music_follow(by);
}

/* x is owed nothing: it was introduced.  What y has answered is offered to it when it has to change something for it. */
static void turn_round(struct bridge *br, struct leg *x, struct leg *y)
{
	bool is_moving = br->moving == MOVING || br->moving == MOVING_BACK;
	struct call *call = br->call;

	if (br->has_turned ||
	    (!is_moving && !br->holding.by && leg_sdp_agree(x->theirs, y->theirs))) {
		if (is_moving)
			moved(br);
		held(br);
		tell_both(x, y);
		if (!is_moving)
			settled(call);
		return;
	}
	br->has_turned = true;
	br->nwaits = 0;
	br->x = 1 - br->x;
	y->offered = y->theirs;
	y->theirs = NULL;
	enter(br, BRIDGE_OFFERED);
	act_pass_offer(br, NULL);
}

static int answer_x(struct leg *x, struct leg *y)
{
	uint64_t version = x->sdp_version;
	struct str sdp;
	int err = leg_sdp_relay(x, y->theirs, x->theirs, &sdp);

	if (err)
		return err;
	negotiate_watch(x, version);
	return leg_send_sdp(x, sdp);
}

static void act_pass_refusal(struct bridge *br, const struct bridge_msg *m)
{
	struct leg *x = leg_x(br);
	bool is_moving = br->moving == MOVING || br->moving == MOVING_BACK;

	if (is_moving) {
		stay(br);
		return;
	}
	if (br->has_turned) { /* what both have said before will do */
		x->theirs = x->offered;
		x->offered = NULL;
		held(br);
		tell_both(x, leg_y(br));
		return;
	}
	withdraw(br, m->status, REASON_PROTOCOL);
}

static void act_pass_answer(struct bridge *br, const struct bridge_msg *m)
{
	struct leg *x = leg_x(br), *y = leg_y(br);
	struct call *call = br->call; /* sending may end the call, and br with it */
	struct sdp *old = x->theirs;
	bool was_held = old && leg_sdp_is_held(old);
	bool is_introduced = x->owes == LEG_OWES_NOTHING;
	int err;

	leg_ack(y); /* when the answer came in a 2xx */
	if (leg_is_over(x) || leg_is_over(y))
		return; /* no memory for the ACK */
	if ((*m->descriptionp)->nmedia != x->offered->nmedia) {
		/* RFC 3264 6: one line for each of the offer's */
		act_pass_refusal(br, &(struct bridge_msg){.from = y, .status = 488});
		return;
	}
	x->theirs = x->offered;
	x->offered = NULL;
	sdp_free(y->theirs);
	y->theirs = *m->descriptionp;
	*m->descriptionp = NULL;
	err = put_in_force(x, y);
	record_leg_kept(y); /* before the other side hears of it */
	if (br->moving == LEAVING)
		br->moving = NOT_MOVING;
	if (!err && !is_introduced)
		err = answer_x(x, y);
	if (err == EPROTO && old && x->st == LEG_UP) {
		keep_old(x, y, old);
		settled(call);
		return;
	}
	sdp_free(old);
	if (err) {
		call_end(call, err == EPROTO ? REASON_PROTOCOL : REASON_OVERLOAD, 0, "system",
			 STR_NONE);
		return;
	}
	if (x->st == LEG_UP) /* else its 200 has just been kept */
		record_leg_kept(x);
	if (is_introduced) {
		turn_round(br, x, y);
		return;
	}
	if (leg_sdp_is_held(x->theirs) != was_held)
		call_leg_held(call, x, !was_held);
	settled(call);
}

static void act_refuse_491(struct bridge *br, const struct bridge_msg *m)
{
	leg_end_offer(m->from, 491);
}

static const struct edge {
	bool is_legal;
	enum bridge_state to;
	bridge_action_h *act;
} edges[BRIDGE_NSTATES][BEV_NEVENTS] = {
#define X(from, ev, to, act) [BRIDGE_##from][BEV_##ev] = {true, BRIDGE_##to, act},
#include "call/bridge.def"
#undef X
};

static void bridge_timeout(struct timer *t, void *arg)
{
	event(arg, BEV_TIMEOUT, &(struct bridge_msg){0});
}

/* Who waits for an outside party has a timer, always. */
static void enter(struct bridge *br, enum bridge_state st)
{
	br->st = st;
	timer_cancel(&br->timer);
	if (st != BRIDGE_STABLE)
		timer_start(br->call->cs->conf.env.wheel, &br->timer,
			    st == BRIDGE_WAITING ? BRIDGE_WAIT_MS : BRIDGE_TIMEOUT_MS,
			    bridge_timeout, br);
}

static void event(struct bridge *br, enum bridge_ev ev, const struct bridge_msg *m)
{
	const struct edge *e = &edges[br->st][ev];
	struct leg *x = leg_x(br), *y = leg_y(br);

	ON_THREAD(THREAD_CORE);
	if (!e->is_legal || !x || !y || leg_is_over(x) || leg_is_over(y))
		return;
	enter(br, e->to);
	e->act(br, m);
}

void bridge_offer(struct bridge *br, struct leg *from, struct sdp **descriptionp)
{
	/* In ASKED an offer is what we have asked y for; anything else while busy is glare. */
	bool is_awaited = br->st == BRIDGE_ASKED && from == leg_y(br) && from->owes == LEG_OWES_ACK;
	bool is_glare = br->st != BRIDGE_STABLE && !is_awaited;

	event(br, is_glare ? BEV_GLARE : BEV_OFFER,
	      &(struct bridge_msg){.from = from, .descriptionp = descriptionp});
	*descriptionp = sdp_free(*descriptionp);
}

void bridge_ask(struct bridge *br, struct leg *from)
{
	event(br, br->st == BRIDGE_STABLE ? BEV_ASK : BEV_GLARE,
	      &(struct bridge_msg){.from = from});
}

void bridge_answer(struct bridge *br, struct leg *from, struct sdp **descriptionp)
{
	if (from == leg_y(br))
		event(br, BEV_ANSWER,
		      &(struct bridge_msg){.from = from, .descriptionp = descriptionp});
	*descriptionp = sdp_free(*descriptionp);
}

void bridge_refusal(struct bridge *br, struct leg *from, unsigned status)
{
	if (from == leg_y(br))
		event(br, BEV_REFUSAL, &(struct bridge_msg){.from = from, .status = status});
}

void bridge_taken_back(struct bridge *br, struct leg *from)
{
	struct leg *y;

	if (!bridge_has(br, from) || br->st == BRIDGE_STABLE || from != leg_x(br))
		return;
	y = leg_y(br);
	if (y && y->inv)
		sip_invite_take_back(y->inv);
}

void bridge_broken(struct bridge *br, struct leg *from)
{
	event(br, BEV_BROKEN, &(struct bridge_msg){.from = from});
}

void bridge_grown(struct bridge *br, struct leg *leg, int err)
{
	if (br->st != BRIDGE_GROWING || !br->ngrowing)
		return;
	br->ngrowing--;
	if (err)
		event(br, BEV_NO_ROOM, &(struct bridge_msg){.from = leg});
	else if (!br->ngrowing)
		event(br, BEV_READY, &(struct bridge_msg){.from = leg});
}

bool bridge_waits_for(const struct bridge *br, const struct leg *leg)
{
	return (br->st == BRIDGE_OFFERED || br->st == BRIDGE_ASKED) && leg == leg_y(br);
}

bool bridge_owes(const struct bridge *br, const struct leg *leg)
{
	return br->st != BRIDGE_STABLE && br->st != BRIDGE_ASKED && leg == leg_x(br);
}

bool bridge_has(const struct bridge *br, const struct leg *leg)
{
	return br && (br->leg[0] == leg->id || br->leg[1] == leg->id);
}

struct leg *bridge_peer(const struct bridge *br, const struct leg *leg)
{
	if (!bridge_has(br, leg))
		return NULL;
	return leg_get(br->call->cs, br->leg[0] == leg->id ? br->leg[1] : br->leg[0]);
}

enum bridge_state bridge_state(const struct bridge *br)
{
	return br->st;
}

void bridge_legs(const struct bridge *br, struct leg **a, struct leg **b)
{
	*a = leg_get(br->call->cs, br->leg[0]);
	*b = leg_get(br->call->cs, br->leg[1]);
}

void bridge_move(struct bridge *br, bool is_direct)
{
	struct leg *x = leg_get(br->call->cs, br->leg[0]);
	struct sdp *s;

	if (!x || br->st != BRIDGE_STABLE)
		return;
	s = x->theirs;
	x->theirs = NULL;
	br->is_direct_next = is_direct;
	event(br, BEV_OFFER, &(struct bridge_msg){.from = x, .descriptionp = &s, .is_move = true});
	sdp_free(s);
}

static bool is_at_rest(const struct leg *leg)
{
	return leg && leg->st == LEG_UP && leg->owes == LEG_OWES_NOTHING && leg->theirs;
}

int bridge_hold(struct bridge *br, struct leg *by, bool is_held)
{
	struct leg *peer = bridge_peer(br, by);
	struct sdp *s = by->theirs;

	if (br->st != BRIDGE_STABLE || !is_at_rest(by) || !is_at_rest(peer))
		return EBUSY;
	if (leg_sdp_is_held(s) == is_held)
		return 0;
	br->holding.by = by->id;
	br->holding.was_held = !is_held;
	for (size_t i = 0; i < s->nmedia; i++) {
		br->holding.before[i] = s->media[i].direction;
		s->media[i].direction = is_held ? SDP_SENDONLY : SDP_SENDRECV;
	}
	by->theirs = NULL;
	bridge_offer(br, by, &s);
	return 0;
}

int bridge_alloc(struct bridge **bp, struct call *call, const struct leg *a, const struct leg *b,
		 enum bridge_state st)
{
	struct bridge *br = mem_alloc(sizeof(*br));

	if (!br)
		return ENOMEM;
	br->call = call;
	br->leg[0] = a->id;
	br->leg[1] = b->id;
	enter(br, st);
	*bp = br;
	return 0;
}

struct bridge *bridge_free(struct bridge *br)
{
	if (!br)
		return NULL;
	timer_cancel(&br->timer);
	return mem_free(br);
}
