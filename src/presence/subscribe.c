/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A SUBSCRIBE: judged completely, then carried out.
 *
 * Who it is comes first, so that a stranger learns nothing, not even which packages there are.  Within its dialog a SUBSCRIBE is
 * believed by the dialog's tag, which only its subscriber was told.
 */
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "base/thread.h"
#include "presence/inside.h"
#include "sip/header.h"

enum { LINES_BYTES = 512, DEFAULT_SECONDS = 3600 };

struct refusal {
	unsigned status;
	const char *reason, *lines;
};

static void refuse(struct sip_strans *st, const struct refusal *no)
{
	struct sip_extra extra = {.headers = str_of(no->lines)};

	if (sip_reply(st, no->status, no->reason, &extra))
		log_debug(NULL, LOGID_SUBSCRIPTION, "a SUBSCRIBE could not be refused");
}

static void refuse_event(struct presence *p, struct sip_strans *st)
{
	buf_reset(&p->lines);
	buf_printf(&p->lines, "Allow-Events: %s\r\n", p->events.p);
	refuse(st, &(struct refusal){489, NULL, p->lines.p});
}

/* ---- what it asks for ---- */

static const struct package *package_of(struct str name)
{
	for (size_t i = 0; i < npackages; i++)
		if (str_ieq(name, str_of(packages[i]->event)))
			return packages[i];
	return NULL;
}

/* The id parameter of an Event; false: longer than we keep, or not a token. */
static bool read_event(const struct sip_msg *req, struct str *name, struct str *id)
{
	struct str rest = sip_msg_header(req, SIP_HDR_EVENT);

	*name = str_trim(str_cut(&rest, ';'));
	*id = STR("");
	if (!sip_param(rest, STR("id"), id))
		return true;
	for (size_t i = 0; i < id->n; i++)
		if (id->p[i] <= ' ' || id->p[i] >= 0x7f || strchr(";,\"<>", id->p[i]))
			return false;
	return id->n < SUB_EVENT_ID_BYTES;
}

/* RFC 3261 20.1: none is for us to choose, here the package's own type. */
static bool accepts(const struct sip_msg *req, struct str type)
{
	struct str wanted, major = type;
	struct sip_values v;
	bool has_any = false;

	major.n = (size_t)((const char *)memchr(type.p, '/', type.n) - type.p);
	sip_values_init(&v, req, SIP_HDR_ACCEPT);
	while (sip_values_next(&v, &wanted)) {
		struct str range = str_trim(str_cut(&wanted, ';'));

		has_any = has_any || range.n;
		if (str_ieq(range, type) || str_eq(range, STR("*/*")))
			return true;
		if (range.n == major.n + 2 && str_ieq((struct str){range.p, major.n}, major) &&
		    range.p[major.n] == '/' && range.p[major.n + 1] == '*')
			return true;
	}
	return !has_any;
}

unsigned subscribe_read_expires(const struct sip_msg *req, uint32_t *seconds)
{
	struct str text = sip_msg_header(req, SIP_HDR_EXPIRES);
	int err;

	*seconds = DEFAULT_SECONDS;
	if (!text.n)
		return 0;
	err = str_u32(text, seconds);
	if (err && err != ERANGE)
		return 400;
	if (err || *seconds > SUB_MAX_SECONDS)
		*seconds = SUB_MAX_SECONDS;
	return *seconds && *seconds < SUB_MIN_SECONDS ? 423 : 0;
}

static bool refuses_expires(struct sip_strans *st, const struct sip_msg *req, uint32_t *seconds)
{
	unsigned status = subscribe_read_expires(req, seconds);

	if (!status)
		return false;
	_Static_assert(SUB_MIN_SECONDS == 60, "as the line says");
	refuse(st, &(struct refusal){status, status == 400 ? "Malformed Expires" : NULL,
				     status == 423 ? SUB_MIN_LINE : NULL});
	return true;
}

const struct extension *presence_extension(const struct presence *p, uint64_t tenant_id,
					   struct str user)
{
	const struct model *m = p->conf.model;
	char name[128];
	const struct object *o;
	const struct account *a;

	if (sip_unescape(name, sizeof(name), user))
		return NULL;
	o = model_number(m, tenant_id, str_of(name));
	if (o && o->res == &resource_extension)
		return (const struct extension *)o;
	a = o ? NULL : model_account_by_username(m, tenant_id, str_of(name));
	return a ? model_extension(m, tenant_id, a->extension_id) : NULL;
}

/* Is it the number of a group, where the package has lists?  Its members are the tenant's, as who asks. */
static bool find_list(struct presence *p, const struct identity *who, struct str user,
		      struct sub_wish *wish)
{
	const struct object *o;
	char name[128];

	if (!wish->package->has_lists || !who->extension || sip_unescape(name, sizeof(name), user))
		return false;
	o = model_number(p->conf.model, who->tenant->o.id, str_of(name));
	if (!o || o->res != &resource_ring_group)
		return false;
	wish->is_list = true;
	wish->id = o->id;
	return true;
}

/* RFC 4662 4.3, 4.4 */
static unsigned judge_list(const struct sip_msg *req)
{
	if (!sip_msg_lists(req, SIP_HDR_SUPPORTED, STR("eventlist")) &&
	    !sip_msg_lists(req, SIP_HDR_REQUIRE, STR("eventlist")))
		return 421;
	return accepts(req, STR("multipart/related")) && accepts(req, STR("application/rlmi+xml"))
		       ? 0
		       : 406;
}

static unsigned find_target(struct presence *p, const struct identity *who,
			    const struct sip_msg *req, struct sub_wish *wish)
{
	struct sip_uri uri;
	struct str user;

	if (sip_uri_parse(&uri, req->uri))
		return 400;
	if (uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS)
		return 416;
	if (registrar_is_elsewhere(p->conf.registrar, who, uri.host))
		return 404;
	user = str_cut(&uri.user, ';');
	if (!user.n)
		return 404;
	if (find_list(p, who, user, wish))
		return judge_list(req);
	return wish->package->find(p, who, user, &wish->id);
}

/* ---- carried out ---- */

static int accept_it(struct sub *s, struct sip_strans *st, uint32_t seconds)
{
	char lines[LINES_BYTES];
	struct buf b = {0};
	int err;

	buf_printf(&b, "Expires: %u\r\nContact: %s\r\n", seconds, s->d->contact);
	if (s->is_list)
		buf_cstr(&b, "Require: eventlist\r\n");
	err = b.err ? b.err : str_copy(lines, sizeof(lines), buf_view(&b));
	buf_free(&b);
	return err ? err : sip_reply(st, 200, NULL, &(struct sip_extra){.headers = str_of(lines)});
}

int presence_contact(struct presence *p, struct buf *out, const struct flow *flow, struct str user)
{
	struct flow_edge *edge = p->conf.edge;
	struct addr local = flow->local;
	char text[ADDR_STR_BYTES];
	int err;

	if (!local.family || addr_is_any(&local)) {
		err = edge->local_for(edge, flow->transport, &flow->remote, &local);
		if (err)
			return err;
	}
	flow_show(edge, flow, &local);
	buf_cstr(out, "<sip:");
	sip_escape_user(out, user);
	buf_printf(out, "@%s", addr_str(text, &local));
	if (flow_is_stream(flow->transport)) {
		static const char *const names[] = {[FLOW_TCP] = "tcp",
						    [FLOW_TLS] = "tls",
						    [FLOW_WS] = "ws",
						    [FLOW_WSS] = "wss"};

		buf_printf(out, ";transport=%s", names[flow->transport]);
	}
	buf_char(out, '>');
	return out->err;
}

static int make_dialog(struct sub *s, struct sip_strans *st, const struct sip_msg *req)
{
	struct presence *p = s->p;
	struct buf contact = {0};
	struct sip_uri uri;
	struct flow flow;
	int err;

	sip_reply_flow(req, &flow);
	err = sip_uri_parse(&uri, req->uri);
	if (!err)
		err = presence_contact(p, &contact, &flow, str_cut(&uri.user, ';'));
	if (!err)
		err = sip_dialog_from_request(&s->d, p->conf.sip, req, sip_strans_tag(st),
					      contact.p);
	if (!err)
		err = sip_dialog_register(s->d, subscribe_in_dialog, s);
	buf_free(&contact);
	return err;
}

static void refuse_err(struct sip_strans *st, int err)
{
	static const struct refusal later = {503, NULL, "Retry-After: 10\r\n"};
	static const struct refusal broken = {400, "Not a Subscription", NULL};

	refuse(st, err == EPROTO || err == E2BIG || err == EINVAL ? &broken : &later);
}

static void begin(struct presence *p, struct sip_strans *st, const struct sip_msg *req,
		  const struct sub_wish *wish)
{
	struct log_ctx ctx = {.tenant = wish->tenant_id};
	struct sub *s;
	int err = sub_alloc(&s, p, wish);

	if (err) {
		refuse_err(st, err);
		return;
	}
	err = make_dialog(s, st, req);
	if (!err)
		err = accept_it(s, st, wish->seconds);
	if (err) {
		refuse_err(st, err);
		sub_free(s);
		return;
	}
	log_debug(&ctx, LOGID_SUBSCRIPTION, "%s of %.*s for %u s", s->package->event,
		  STR_ARG(req->uri), wish->seconds);
	sub_lasts(s, wish->seconds);
	if (wish->seconds)
		sub_event(s, SUB_EV_CHANGE);
	else
		sub_end(s, SUB_TIMEOUT);
}

static bool is_shed(struct presence *p, struct sip_strans *st)
{
	static const struct sip_extra later = {.headers = {"Retry-After: 10\r\n", 17}};

	if (!p->is_draining && p->nsubs < p->conf.max_subscriptions)
		return false;
	metric_add(METRIC_SIP_SHED, 1);
	sip_refuse(st, 503, NULL, &later);
	return true;
}

static bool has_too_many(const struct presence *p, const struct account *a)
{
	const struct subscriber *by = subscriber_find(p, a->o.tenant_id, a->o.id);

	return by && by->nsubs >= p->conf.max_per_account;
}

void subscribe_request(struct sip_strans *st, const struct sip_msg *req, void *presence)
{
	struct presence *p = presence;
	struct identity who;
	struct sub_wish wish = {0};
	struct str event;
	bool is_readable;
	unsigned status;

	ON_THREAD(THREAD_CORE);
	if (is_shed(p, st) || !registrar_identify(p->conf.registrar, st, req, &who))
		return;
	is_readable = read_event(req, &event, &wish.event_id);
	wish.package = package_of(event);
	if (!wish.package) {
		refuse_event(p, st);
		return;
	}
	if (refuses_expires(st, req, &wish.seconds))
		return;
	status = !is_readable					     ? 400
		 : !sip_msg_has(req, SIP_HDR_CONTACT)		     ? 400
		 : !accepts(req, str_of(wish.package->content_type)) ? 406
		 : has_too_many(p, who.account)			     ? 403
						: find_target(p, &who, req, &wish);
	if (status) {
		refuse(st, &(struct refusal){status, NULL,
					     status == 421 ? "Require: eventlist\r\n" : NULL});
		return;
	}
	wish.tenant_id = who.tenant->o.id;
	wish.account_id = who.account->o.id;
	begin(p, st, req, &wish);
}

/* ---- within its dialog ---- */

static bool is_same_event(const struct sub *s, const struct sip_msg *req, struct sip_strans *st)
{
	struct str event, id;
	bool is_readable = read_event(req, &event, &id);

	if (!str_ieq(event, str_of(s->package->event))) {
		refuse_event(s->p, st);
		return false;
	}
	if (is_readable && str_eq(id, str_of(s->event_id)))
		return true;
	refuse(st, &(struct refusal){481, NULL, NULL}); /* no such subscription in this dialog */
	return false;
}

static void refresh(struct sub *s, struct sip_strans *st, const struct sip_msg *req)
{
	uint32_t seconds;

	if (sub_is_ending(s)) {
		refuse(st, &(struct refusal){481, NULL, NULL});
		return;
	}
	if (!is_same_event(s, req, st) || refuses_expires(st, req, &seconds))
		return;
	if (sip_dialog_refresh(s->d, req) || accept_it(s, st, seconds)) {
		refuse_err(st, ENOMEM);
		return;
	}
	s->wants_all = true;
	sub_lasts(s, seconds);
	if (seconds) {
		sub_event(s, SUB_EV_CHANGE); /* RFC 6665 4.2.1.2: each one is told at once */
		sub_hurry(s);
	} else {
		sub_end(s, SUB_TIMEOUT);
	}
}

void subscribe_in_dialog(struct sip_dialog *d, struct sip_strans *st, const struct sip_msg *req,
			 void *arg)
{
	struct sub *s = arg;

	(void)d;
	if (!st)
		return; /* an ACK belongs to nothing here */
	if (!registrar_prove_within(s->p->conf.registrar, st, req, s->by->key.tenant_id,
				    s->by->key.id))
		return;
	if (req->method == SIP_SUBSCRIBE)
		refresh(s, st, req);
	else
		refuse(st, &(struct refusal){405, NULL, "Allow: SUBSCRIBE, OPTIONS\r\n"});
}
