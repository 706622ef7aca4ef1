/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REFRESH_S = 60,
	RETRY_MS = 5000,
	SHARE_ANSWER = 7000, /* of 10,000 incoming calls */
	SHARE_BUSY = 1000,
	SHARE_DECLINE = 500,  /* the rest just rings */
	SHARE_GIVE_UP = 2500, /* of placed calls */
	SHARE_HOLD = 3000,
	SHARE_LONG = 1000,     /* of calls: longer than half a session timer */
	SHARE_TRANSFER = 1500, /* of calls that are up */
	SHARE_TO_ECHO = 1500,  /* of blind transfers */
	SHARE_MOVED = 500,     /* of incoming calls: sent on with a 302 */
	SESSION_S = 90,
	PATIENCE_MS = 200000, /* a phone whose server forgot the call gives up by itself */
};

struct pcall {
	struct link link;
	struct phone *phone;
	struct sip_invite *inv; /* NULL: between the challenge and the second INVITE */
	char number[32];
	struct timer act, leave, hold, transfer;
	bool is_caller, is_up, is_over, has_offered, was_refused;
	unsigned sdp_version;
	char authorization[768];
	bool will_retry, is_referring;
};

/* ---- registration ---- */

static void on_register_timer(struct timer *t, void *arg)
{
	struct phone *p = arg;

	(void)t;
	phone_register(p, p->expires_s);
}

static int answer_challenge(struct phone *p, const struct sip_msg *resp, const char *method,
			    const char *uri, struct buf *out)
{
	struct sip_challenge c;
	char cnonce[17];
	int err = sip_challenge_read(&c, resp, SIP_DIGEST_MD5);

	if (err)
		return err;
	rng_token(p->node.env.rng, cnonce, 16);
	const struct sip_answer a = {
		.username = str_of(p->user),
		.password = str_of(p->password),
		.method = str_of(method),
		.uri = str_of(uri),
		.cnonce = str_of(cnonce),
		.nc = 1,
	};
	sip_digest_answer(p->digest, out, &c, &a);
	return out->err;
}

static void send_register(struct phone *p, struct str authorization);

static void on_register_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct phone *p = arg;
	uint32_t wait_ms = RETRY_MS;

	(void)trans;
	(void)err;
	if (resp && resp->status < 200)
		return;
	if (resp && resp->status == 401 && p->nc == 0) {
		struct buf auth = {.max = 700};
		char uri[64];

		p->nc = 1;
		snprintf(uri, sizeof(uri), "sip:%s", p->domain);
		if (!answer_challenge(p, resp, "REGISTER", uri, &auth)) {
			send_register(p, buf_view(&auth));
			buf_free(&auth);
			return;
		}
		buf_free(&auth);
	}
	p->nc = 0;
	if (resp && resp->status == 200) {
		p->is_registered = p->expires_s > 0;
		wait_ms = REFRESH_S * 1000;
		if (!p->expires_s)
			return;
	}
	timer_start(p->node.wheel, &p->register_timer, wait_ms, on_register_timer, p);
}

static void send_register(struct phone *p, struct str authorization)
{
	char uri[64], aor[96], from[160], contact[200], headers[1024];
	oid id;

	snprintf(uri, sizeof(uri), "sip:%s", p->domain);
	snprintf(aor, sizeof(aor), "<sip:%s@%s>", p->user, p->domain);
	snprintf(from, sizeof(from), "%s;tag=reg%s", aor, p->user);
	snprintf(contact, sizeof(contact), "%s", *p->binding ? p->binding : p->contact);
	snprintf(headers, sizeof(headers), "Expires: %u\r\n%.*s", p->expires_s,
		 STR_ARG(authorization));
	const struct sip_out out = {
		.method = SIP_REGISTER,
		.uri = str_of(uri),
		.flow = {.transport = FLOW_UDP, .remote = p->pbx},
		.from = str_of(from),
		.to = str_of(aor),
		.call_id = str_of(p->register_call_id),
		.cseq = ++p->register_cseq,
		.contact = str_of(contact),
		.extra = {.headers = str_of(headers)},
	};
	if (sip_send(p->sip, &out, on_register_response, p, &id))
		timer_start(p->node.wheel, &p->register_timer, RETRY_MS, on_register_timer, p);
}

void phone_register(struct phone *p, unsigned expires_s)
{
	timer_cancel(&p->register_timer);
	p->expires_s = expires_s;
	p->nc = 0;
	send_register(p, STR_NONE);
}

/* ---- calls ---- */

static struct str write_sdp(struct pcall *c, char *dst, size_t n, const char *direction)
{
	char ip[ADDR_STR_BYTES];

	addr_ip_str(ip, &c->phone->node.addr);
	int len = snprintf(dst, n,
			   "v=0\r\no=- 1 %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio "
			   "4000 RTP/AVP 0 101\r\n"
			   "a=rtpmap:101 telephone-event/8000\r\na=%s\r\n",
			   ++c->sdp_version, ip, ip, direction);

	return (struct str){dst, len > 0 ? (size_t)len : 0};
}

static struct sip_extra with_sdp(struct str sdp)
{
	return (struct sip_extra){.content_type = STR("application/sdp"), .body = sdp};
}

static uint64_t between(struct pcall *c, uint64_t low, uint64_t high)
{
	return world_between(c->phone->world, low, high);
}

static void on_leave(struct timer *t, void *arg)
{
	struct pcall *c = arg;

	(void)t;
	c->will_retry = false;
	if (c->inv)
		sip_invite_end(c->inv, 480, STR_NONE);
}

static void on_hold(struct timer *t, void *arg)
{
	struct pcall *c = arg;
	char text[512];
	const struct sip_extra extra = with_sdp(write_sdp(c, text, sizeof(text), "sendonly"));

	(void)t;
	if (c->inv && !sip_invite_reinvite(c->inv, &extra))
		c->has_offered = true;
}

static void on_referred(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct pcall *c = arg;

	(void)trans;
	(void)err;
	c->is_referring = false;
	if (resp && resp->status >= 200 && resp->status < 300)
		c->phone->transferred++;
}

/* Another call of this phone that is up: an attended transfer joins the two. */
static struct pcall *other_up(const struct pcall *c)
{
	LIST_EACH (it, &c->phone->calls) {
		struct pcall *other = CONTAINER_OF(it, struct pcall, link);

		if (other != c && other->is_up && other->inv && sip_invite_dialog(other->inv))
			return other;
	}
	return NULL;
}

static void on_transfer(struct timer *t, void *arg)
{
	struct pcall *c = arg, *other = other_up(c);
	const struct sip_dialog *d = other ? sip_invite_dialog(other->inv) : NULL;
	struct sip_extra extra = {0};
	char line[600];

	(void)t;
	if (!c->inv)
		return;
	if (d && d->remote_tag && d->local_tag)
		snprintf(
			line, sizeof(line),
			"Refer-To: <sip:peer@%s?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>\r\n",
			c->phone->domain, d->call_id, d->remote_tag, d->local_tag);
	else if (world_chance(c->phone->world, SHARE_TO_ECHO))
		snprintf(line, sizeof(line), "Refer-To: <sip:*43@%s>\r\n", c->phone->domain);
	else
		snprintf(line, sizeof(line), "Refer-To: <sip:%" PRIu64 "@%s>\r\n",
			 between(c, 100, 106), c->phone->domain);
	extra.headers = str_of(line);
	c->is_referring = !sip_invite_request(c->inv, SIP_REFER, &extra, on_referred, c);
	if (!c->is_referring)
		sip_invite_end(c->inv, 500, STR_NONE);
}

static void established(struct pcall *c)
{
	struct phone *p = c->phone;
	bool is_long = world_chance(p->world, SHARE_LONG);

	if (c->is_up)
		return;
	c->is_up = true;
	p->established++;
	timer_start(p->node.wheel, &c->leave,
		    is_long ? between(c, 40000, 70000) : between(c, 500, 15000), on_leave, c);
	if (world_chance(p->world, SHARE_TRANSFER))
		timer_start(p->node.wheel, &c->transfer, between(c, 300, 8000), on_transfer, c);
	if (world_chance(p->world, SHARE_HOLD))
		timer_start(p->node.wheel, &c->hold, between(c, 100, 5000), on_hold, c);
}

static void over(struct pcall *c)
{
	timer_cancel(&c->act);
	timer_cancel(&c->leave);
	timer_cancel(&c->hold);
	timer_cancel(&c->transfer);
	c->phone->transferred +=
		c->is_referring; /* hung up before the answer: it may have been taken */
	c->phone->ended++;
	list_remove(&c->link);
	free(c);
}

static int place(struct pcall *c);

static void refused(struct pcall *c, const struct sip_inv_event *ev)
{
	struct phone *p = c->phone;

	if (ev->status == 407 && ev->msg && !c->authorization[0]) {
		struct buf auth = {.max = sizeof(c->authorization)};
		char uri[96];

		snprintf(uri, sizeof(uri), "sip:%s@%s", c->number, p->domain);
		if (!answer_challenge(p, ev->msg, "INVITE", uri, &auth) &&
		    !str_copy(c->authorization, sizeof(c->authorization), buf_view(&auth)))
			c->will_retry = true;
		p->authorized += c->will_retry;
		buf_free(&auth);
		return;
	}
	c->was_refused = true;
	p->refused++;
}

static void answer_offer(struct pcall *c, const struct sip_inv_event *ev)
{
	char text[512];
	const char *direction = "sendrecv";

	if (ev->sdp.n && memmem(ev->sdp.p, ev->sdp.n, "a=sendonly", 10))
		direction = "recvonly";
	const struct sip_extra extra = with_sdp(write_sdp(c, text, sizeof(text), direction));

	if (sip_invite_respond(c->inv, 200, &extra))
		sip_invite_end(c->inv, 500, STR_NONE);
}

static void on_invite_event(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg)
{
	struct pcall *c = arg;

	switch (ev->type) {
	case SIP_INV_ANSWERED:
		if (!sip_invite_ack(inv, STR_NONE))
			established(c);
		break;
	case SIP_INV_ACKED:
		established(c);
		break;
	case SIP_INV_REJECTED:
		refused(c, ev);
		break;
	case SIP_INV_OFFER:
		answer_offer(c, ev);
		break;
	case SIP_INV_OFFER_DONE:
		if (ev->status >= 200 && ev->status < 300 && sip_invite_ack(inv, STR_NONE))
			sip_invite_end(inv, 500, STR_NONE);
		break;
	case SIP_INV_REFRESH:
		on_hold(NULL, c);
		break;
	case SIP_INV_REQUEST:
		sip_reply(ev->st, 200, NULL, NULL);
		break;
	case SIP_INV_ENDED:
		c->inv = NULL;
		if (c->will_retry) {
			c->will_retry = false;
			if (!place(c))
				return;
		}
		if (!c->is_up && !c->was_refused)
			c->phone->unanswered++;
		over(c);
		return;
	default:
		break;
	}
}

static int place(struct pcall *c)
{
	struct phone *p = c->phone;
	char uri[96], from[96], to[100], text[512];

	snprintf(uri, sizeof(uri), "sip:%s@%s", c->number, p->domain);
	snprintf(to, sizeof(to), "<%s>", uri);
	snprintf(from, sizeof(from), "<sip:%s@%s>", p->user, p->domain);
	struct sip_invite_conf conf = {
		.uri = str_of(uri),
		.flow = {.transport = FLOW_UDP, .remote = p->pbx},
		.from = str_of(from),
		.to = str_of(to),
		.contact = str_of(p->contact),
		.extra = with_sdp(write_sdp(c, text, sizeof(text), "sendrecv")),
	};
	conf.extra.headers = str_of(c->authorization);
	return sip_invite_uac(&c->inv, p->sip, &conf, on_invite_event, c);
}

static struct pcall *new_call(struct phone *p, bool is_caller)
{
	struct pcall *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->phone = p;
	c->is_caller = is_caller;
	list_append(&p->calls, &c->link);
	return c;
}

int phone_call(struct phone *p, const char *number)
{
	struct pcall *c;
	int err;

	if (p->is_quiet)
		return EPERM;
	c = new_call(p, true);
	if (!c)
		return ENOMEM;
	snprintf(c->number, sizeof(c->number), "%s", number);
	p->placed++;
	err = place(c);
	if (err) {
		over(c);
		return err;
	}
	timer_start(p->node.wheel, &c->leave,
		    world_chance(p->world, SHARE_GIVE_UP) ? between(c, 20, 8000) : PATIENCE_MS,
		    on_leave, c);
	return 0;
}

/* ---- incoming ---- */

static void on_decide(struct timer *t, void *arg)
{
	struct pcall *c = arg;
	uint64_t dice = rng_below(&c->phone->world->rng.rng, 10000);
	char text[512];
	const struct sip_extra extra = with_sdp(write_sdp(c, text, sizeof(text), "sendrecv"));

	(void)t;
	if (dice < SHARE_ANSWER) {
		if (sip_invite_accept(c->inv, &extra))
			sip_invite_end(c->inv, 500, STR_NONE);
	} else if (dice < SHARE_ANSWER + SHARE_BUSY) {
		sip_invite_end(c->inv, 486, STR_NONE);
	} else if (dice < SHARE_ANSWER + SHARE_BUSY + SHARE_DECLINE) {
		sip_invite_end(c->inv, 603, STR_NONE);
	} else if (dice < SHARE_ANSWER + SHARE_BUSY + SHARE_DECLINE + SHARE_MOVED) {
		snprintf(text, sizeof(text), "Contact: <sip:%" PRIu64 "@%s>\r\n",
			 between(c, 100, 106), c->phone->domain);
		c->phone->moved++;
		sip_invite_end(c->inv, 302, str_of(text));
	}
}

static void on_ring(struct timer *t, void *arg)
{
	struct pcall *c = arg;

	if (sip_invite_progress(c->inv, 180, NULL))
		return;
	timer_start(c->phone->node.wheel, t, between(c, 10, 6000), on_decide, c);
}

static void on_invite(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct phone *p = arg;
	struct pcall *c = p->is_quiet ? NULL : new_call(p, false);

	(void)req;
	if (!c) {
		sip_reply(st, 486, NULL, NULL);
		return;
	}
	p->received++;
	if (sip_invite_uas(&c->inv, st, p->contact, on_invite_event, c)) {
		over(c);
		return;
	}
	timer_start(p->node.wheel, &c->act, between(c, 1, 300), on_ring, c);
	timer_start(p->node.wheel, &c->leave, p->patience_ms, on_leave, c);
}

/* ---- life ---- */

int phone_init(struct phone *p, struct world *w, const char *ip, const char *user,
	       const char *password, const char *domain, const struct addr *pbx)
{
	int err;

	*p = (struct phone){.world = w, .pbx = *pbx, .patience_ms = PATIENCE_MS};
	list_init(&p->calls);
	snprintf(p->user, sizeof(p->user), "%s", user);
	snprintf(p->password, sizeof(p->password), "%s", password);
	snprintf(p->domain, sizeof(p->domain), "%s", domain);
	snprintf(p->contact, sizeof(p->contact), "<sip:%s@%s:5060>", user, ip);
	err = node_up(&p->node, w, ip);
	if (err)
		return err;
	const struct sip_conf conf = {.env = p->node.env,
				      .edge = &p->node.edge,
				      .product = "sim phone",
				      .node = 9,
				      .boot = 1};
	err = sip_alloc(&p->sip, &conf);
	if (err)
		return err;
	err = sip_digest_alloc(&p->digest);
	if (err)
		return err;
	p->node.sink = sip_sink(p->sip);
	if (user[strlen(user) - 1] % 2) /* the others know nothing of session timers */
		sip_set_session_timer(p->sip, SESSION_S);
	sip_on_request(p->sip, SIP_INVITE, on_invite, p);
	sip_make_call_id(p->sip, p->register_call_id, sizeof(p->register_call_id));
	return 0;
}

void phone_close(struct phone *p)
{
	timer_cancel(&p->register_timer);
	LIST_EACH_SAFE (it, tmp, &p->calls) {
		over(CONTAINER_OF(it, struct pcall, link));
	}
	p->sip = sip_free(p->sip);
	p->digest = sip_digest_free(p->digest);
	node_down(&p->node);
}

size_t phone_calls(const struct phone *p)
{
	size_t n = 0;

	LIST_EACH (it, &p->calls)
		n++;
	return n;
}
