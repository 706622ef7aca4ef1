/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "call/calls.h"
#include "call/leg_sip.h"
#include "call/refer.h"

enum { REFER_SECONDS = 600 }; /* nothing rings longer */

struct refer {
	struct link link; /* of all */
	struct calls *cs;
	struct leg *leg;      /* whose REFER it is; NULL: it has hung up */
	struct sip_dialog *d; /* after that, or from the beginning: */
	bool is_apart;	      /* the REFER came outside of the call's dialog (RFC 4538) */
	uint32_t cseq;	      /* of the REFER: its id */
	oid trans;	      /* of the NOTIFY on its way, when in a dialog of its own */
	bool is_waiting;      /* one is on its way */
	bool is_closed;	      /* nothing will follow what is to be told */
	bool is_mute;	      /* nobody listens (any more) */
	bool is_last_sent;
	unsigned status; /* to be told; 0: nothing new */
};

static void push(struct refer *r);

static void refer_free(struct refer *r)
{
	list_remove(&r->link);
	if (r->leg)
		r->leg->refer = NULL;
	if (r->trans)
		sip_forget(r->cs->conf.sip, r->trans);
	sip_dialog_close(r->d);
	mem_free(r);
}

static void notified(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct refer *r = arg;

	if (resp && resp->status < 200)
		return;
	r->trans = 0;
	r->is_waiting = false;
	if (!resp || resp->status >= 300 || r->is_last_sent)
		r->is_mute = true;
	push(r);
}

static int send_notify(struct refer *r)
{
	bool is_last = r->status >= 200;
	struct buf lines = {0}, body = {0};
	struct sip_extra extra = {.content_type = STR("message/sipfrag;version=2.0")};
	int err;

	buf_printf(&lines, "Event: refer;id=%u\r\n", r->cseq);
	if (is_last)
		buf_cstr(&lines, "Subscription-State: terminated;reason=noresource\r\n");
	else
		buf_printf(&lines, "Subscription-State: active;expires=%d\r\n", REFER_SECONDS);
	buf_printf(&body, "SIP/2.0 %u %s\r\n", r->status, sip_reason_phrase(r->status));
	extra.headers = buf_view(&lines);
	extra.body = buf_view(&body);
	err = lines.err ? lines.err : body.err;
	if (!err && !r->d)
		err = sip_invite_request(r->leg->inv, SIP_NOTIFY, &extra, notified, r);
	else if (!err)
		err = sip_dialog_send(r->d, SIP_NOTIFY, &extra, notified, r, &r->trans);
	buf_free(&lines);
	buf_free(&body);
	return err;
}

/* Last statement of its callers: what has nothing left to say is freed. */
static void push(struct refer *r)
{
	struct log_ctx ctx = {0};
	int err;

	if (r->is_waiting)
		return;
	if (!r->is_mute && r->status) {
		err = send_notify(r);
		r->is_waiting = !err;
		r->is_last_sent = r->status >= 200;
		r->status = 0;
		if (!err)
			return;
		log_debug(&ctx, LOGID_CALL, "a NOTIFY of a REFER was not sent: %s", strerror(err));
		r->is_mute = r->is_last_sent;
	}
	if (r->is_closed)
		refer_free(r);
}

/* What comes in a dialog that is the subscription's alone. */
static void on_request(struct sip_dialog *d, struct sip_strans *st, const struct sip_msg *req,
		       void *arg)
{
	const struct refer *r = arg;
	static const struct sip_extra allow = {.headers = {"Allow: OPTIONS\r\n", 16}};

	if (st && r->is_apart)
		(void)sip_reply(st, 405, NULL, &allow);
	else if (st)
		(void)sip_reply(st, 481, NULL, NULL); /* the call was its other usage */
}

/* The Contact of the 202; of a REFER outside of the call with the dialog that it makes. */
static int open_dialog(struct refer *r, const struct sip_inv_event *ev, struct buf *contact)
{
	struct leg *leg = r->leg;
	const struct sip_dialog *d = sip_invite_dialog(leg->inv);
	int err;

	if (!r->is_apart) {
		buf_cstr(contact, d ? d->contact : "");
		return contact->err;
	}
	err = leg_sip_contact(contact, leg->cs, &ev->msg->flow, str_of(leg->rec.number), NULL,
			      str_starts(ev->msg->uri, STR("sips:")));
	if (!err)
		err = sip_dialog_from_request(&r->d, leg->cs->conf.sip, ev->msg,
					      sip_strans_tag(ev->st), contact->p);
	return err ? err : sip_dialog_register(r->d, on_request, r);
}

int refer_accept(struct refer **rp, struct leg *leg, const struct sip_inv_event *ev, bool is_silent)
{
	struct refer *r = mem_alloc(sizeof(*r));
	struct buf lines = {0}, contact = {0};
	int err;

	if (!r) {
		(void)sip_reply(ev->st, 500, NULL, NULL);
		return ENOMEM;
	}
	r->cs = leg->cs;
	r->leg = leg;
	r->cseq = ev->msg->cseq;
	r->is_mute = is_silent;
	r->is_apart = !ev->msg->to_tag.n;
	leg->refer = r;
	list_append(&leg->cs->refers, &r->link);
	err = open_dialog(r, ev, &contact);
	buf_printf(&lines, "Contact: %.*s\r\n", STR_ARG(buf_view(&contact)));
	if (is_silent)
		buf_cstr(&lines, "Refer-Sub: false\r\n");
	if (!err)
		err = lines.err;
	if (!err)
		err = sip_reply(ev->st, 202, NULL,
				&(struct sip_extra){.headers = buf_view(&lines)});
	else /* no Contact to reach it by, too many routes */
		(void)sip_reply(ev->st, err == EPROTO || err == E2BIG ? 400 : 500, NULL, NULL);
	buf_free(&lines);
	buf_free(&contact);
	if (err) {
		refer_free(r);
		return err;
	}
	*rp = r;
	refer_tell(r, 100); /* RFC 3515 2.4.4: at once, whatever comes of it */
	return 0;
}

void refer_tell(struct refer *r, unsigned status)
{
	if (!r)
		return;
	r->status = status;
	push(r);
}

void refer_close(struct refer *r, unsigned status)
{
	if (!r)
		return;
	r->is_closed = true;
	refer_tell(r, status);
}

void refer_hung_up(struct leg *leg)
{
	struct refer *r = leg->refer;

	ON_THREAD(THREAD_CORE);
	if (!r)
		return;
	leg->refer = NULL;
	r->leg = NULL;
	if (r->is_apart)
		return;
	r->is_waiting = false; /* the answer to that NOTIFY no longer reaches us */
	r->is_mute |= r->is_last_sent;
	if (!r->is_mute)
		r->d = sip_invite_leave_dialog(leg->inv, on_request, r);
	r->is_mute |= !r->d;
	push(r);
}

void refer_lose(struct leg *leg)
{
	struct refer *r = leg->refer;

	if (!r)
		return;
	leg->refer = NULL;
	r->leg = NULL;
	if (r->is_apart)
		return;
	r->is_waiting = false;
	r->is_mute = true;
	push(r);
}

void refers_free(struct calls *cs)
{
	LIST_EACH_SAFE (it, tmp, &cs->refers)
		refer_free(CONTAINER_OF(it, struct refer, link));
}

/* ---- reading ---- */

/* The only value; false when there is none, or more than one (RFC 3515 2.4.2). */
static bool only_value(const struct sip_msg *req, enum sip_hdr id, struct str *value)
{
	struct sip_values v;
	struct str more;

	sip_values_init(&v, req, id);
	return sip_values_next(&v, value) && !sip_values_next(&v, &more);
}

/* One header of a URI ("Replaces=…&Require=…").  Whatever else is there is not obeyed: no header of a stranger's choice. */
static bool uri_header(struct str headers, struct str name, struct str *value)
{
	while (headers.n) {
		struct str one = str_cut(&headers, '&');
		struct str key = str_cut(&one, '=');

		if (!str_ieq(key, name))
			continue;
		*value = one;
		return true;
	}
	return false;
}

/* TRK-17: Teams names its own users by URIs that are for itself: at its host, or a sister of that. */
static bool is_beyond(const struct leg *leg, const struct sip_uri *uri)
{
	const struct trunk *t = leg_trunk(leg);
	struct str theirs = uri->host, ours = t ? str_of(t->host) : STR_NONE;
	struct addr a;

	if (!t || t->kind != TRUNK_KIND_TEAMS)
		return false;
	if (str_ieq(theirs, ours))
		return true;
	(void)str_cut(&theirs, '.');
	(void)str_cut(&ours, '.');
	return memchr(theirs.n ? theirs.p : "", '.', theirs.n) && str_ieq(theirs, ours) &&
	       addr_parse(&a, str_of(t->host), 0) != 0;
}

bool refer_is_one(const struct sip_msg *req)
{
	struct str value;

	return only_value(req, SIP_HDR_REFER_TO, &value);
}

unsigned refer_read(struct refer_wish *w, const struct leg *leg, const struct sip_msg *req)
{
	const struct tenant *t;
	struct str value, sub = sip_msg_header_named(req, STR("Refer-Sub")), text;
	struct sip_addr to;
	struct sip_uri uri;
	unsigned status;

	memset(w, 0, sizeof(*w));
	if (!only_value(req, SIP_HDR_REFER_TO, &value) || sip_addr_parse(&to, value) ||
	    sip_uri_parse(&uri, to.uri))
		return 400;
	if (uri.scheme == SIP_SCHEME_OTHER)
		return 416;
	if (sip_param(uri.params, STR("method"), &text) && !str_ieq(text, STR("INVITE")))
		return 603;
	t = model_tenant_by_domain(leg->cs->conf.model, uri.host);
	if (t && t->o.id != leg->rec.tenant_id)
		return 403;
	if (uri_header(uri.headers, STR("Replaces"), &text) &&
	    sip_unescape(w->replaces, sizeof(w->replaces), text))
		return 400;
	w->is_silent = str_ieq(str_trim(str_cut(&sub, ';')), STR("false"));
	w->is_secure = uri.scheme == SIP_SCHEME_SIPS;
	if (!*w->replaces && is_beyond(leg, &uri)) {
		text = to.uri;
		return str_copy(w->onward, sizeof(w->onward), str_cut(&text, '?')) ||
				       sip_unescape(w->number, sizeof(w->number),
						    uri.user.n ? uri.user : uri.host)
			       ? 400
			       : 0;
	}
	status = calls_number_dialled(w->number, sizeof(w->number), to.uri);
	if (*w->replaces) /* the dialog says who is meant */
		return status == 404 ? 0 : status;
	return !status && calls_names_elsewhere(leg, to.uri, w->number) ? 404 : status;
}
