/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * REGISTER (RFC 3261 10.3): who, what, whether, then all of it at once or none.
 */
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "registrar/inside.h"

enum { DEFAULT_CONTACTS = 500000 };

/* ---- REGISTER ---- */

static bool refuse(struct refusal *no, unsigned status, const char *reason)
{
	no->status = status;
	no->reason = reason;
	return false;
}

static void answer_refusal(struct sip_strans *st, const struct refusal *no)
{
	struct sip_extra extra = {.headers = str_of(no->line)};

	sip_refuse(st, no->status, no->reason, &extra);
}

static bool are_safe(struct registrar *r, const struct order *o, struct refusal *no)
{
	struct sip_uri u;

	for (size_t i = 0; i < o->n; i++)
		if (!sip_uri_parse(&u, o->wishes[i].uri) && wish_is_dangerous(r, &u, &o->req->flow))
			return refuse(no, 403, "Contact Not Allowed");
	return true;
}

/* With a limit of 1 the last registration replaces; above it one more is refused and the others stay (ACC-10). */
static bool fits(struct registrar *r, const struct order *o, struct refusal *no)
{
	size_t before = o->at->nbindings, more = 0, fewer = 0,
	       max = (size_t)o->account->max_contacts;

	for (size_t i = 0; i < o->n; i++) {
		more += o->wishes[i].seconds && !o->wishes[i].match;
		fewer += !o->wishes[i].seconds && o->wishes[i].match;
	}
	if (more && ids_count(r->bindings) + more > r->conf.max_contacts) {
		metric_add(METRIC_SIP_SHED, 1);
		log_warn(NULL, LOGID_OVERLOAD, "%zu contacts: no new one is taken",
			 ids_count(r->bindings));
		snprintf(no->line, sizeof(no->line), "Retry-After: 60\r\n");
		return refuse(no, 503, NULL);
	}
	if (!more || before - fewer + more <= max || (max == 1 && more == 1))
		return true;
	return refuse(no, 403, "Too Many Contacts");
}

static bool prepare(struct registrar *r, struct order *o, struct refusal *no)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->wishes[i].seconds && binding_make(&o->wishes[i].made, r, o, &o->wishes[i]))
			return refuse(no, 500, NULL);
	return true;
}

static void discard(struct order *o)
{
	for (size_t i = 0; i < o->n; i++)
		o->wishes[i].made = binding_free(o->wishes[i].made);
}

static void remove_all(struct reg_account *at, const struct binding *except, const char *why)
{
	LIST_EACH_SAFE (it, tmp, &at->bindings) {
		struct binding *b = CONTAINER_OF(it, struct binding, in_account);

		if (b != except)
			binding_remove(b, why);
	}
}

static bool commit(struct order *o, struct refusal *no)
{
	if (o->is_all)
		remove_all(o->at, NULL, "unregistered");
	for (size_t i = 0; i < o->n; i++) {
		struct wish *w = &o->wishes[i];
		struct binding *made = w->made;

		w->made = NULL;
		if (!made && w->match) {
			binding_remove(w->match, "unregistered");
		} else if (made && w->match) {
			binding_refresh(w->match, made);
		} else if (made) {
			if (binding_add(made, true)) {
				binding_free(made);
				return refuse(no, 500, NULL);
			}
			if (o->account->max_contacts == 1)
				remove_all(o->at, made, "replaced");
		}
	}
	return true;
}

/* RFC 3261 10.3 step 5, told to who has proved who it is: another domain's address is not registered here.  The Request-URI may be a
 * name for us that only the device knows. */
static bool is_of_this_domain(struct registrar *r, struct order *o, struct sip_strans *st)
{
	struct str host = identify_to_host(o->req), server = identify_host(o->req->uri);
	uint64_t tenant_id = o->account->o.tenant_id;
	struct log_ctx ctx = {.tenant = tenant_id};

	if (!hosts_is_ours(r, tenant_id, host)) {
		log_info(&ctx, LOGID_REGISTERED,
			 "%s registers for the domain %.*s, which is not here: 404",
			 o->account->username, STR_ARG(host));
		identify_refuse(st, 404, "Unknown Domain");
		return false;
	}
	if (!hosts_is_ours(r, tenant_id, server))
		o->server = server;
	return true;
}

static void on_register(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct registrar *r = arg;
	struct order o = {.req = req, .knows_flows = r->has_outbound};
	struct refusal no = {0};
	struct identity who;
	bool is_done;

	if (r->foreign && !identify_is_tenant(r, req) && r->foreign(st, req, r->foreign_arg))
		return;
	if (req->to_tag.n && !r->takes_to_tag) {
		sip_refuse(st, 400, "To Has a Tag", NULL);
		return;
	}
	if (!identify_sender(r, st, req, &who))
		return;
	o.account = who.account;
	if (!is_of_this_domain(r, &o, st))
		return;
	o.at = reg_account_get(r, who.account->o.tenant_id, who.account->o.id);
	sip_reply_flow(req, &o.flow);
	if (!o.at) {
		identify_refuse(st, 500, NULL);
		return;
	}
	is_done = wishes_read(&o, &no) && wishes_match(&o, &no) && are_safe(r, &o, &no) &&
		  fits(r, &o, &no) && prepare(r, &o, &no) && commit(&o, &no);
	discard(&o);
	if (is_done)
		answer_list(r, st, &o);
	else
		answer_refusal(st, &no);
}

bool registrar_identify(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
			struct identity *who)
{
	ON_THREAD(THREAD_CORE);
	return identify_sender(r, st, req, who);
}

void registrar_on_foreign(struct registrar *r, registrar_foreign_h *fn, void *arg)
{
	r->foreign = fn;
	r->foreign_arg = arg;
}

/* ---- what the model says ---- */

static void drop_account(struct registrar *r, uint64_t tenant_id, uint64_t account_id,
			 const char *why)
{
	struct reg_account *at = reg_account_find(r, tenant_id, account_id);

	if (at)
		reg_account_drop(r, at, why);
}

static void drop_extension(struct registrar *r, const struct model *m, uint64_t tenant_id,
			   uint64_t extension_id)
{
	const struct account *a;
	size_t pos = 0;

	while ((a = model_extension_accounts(m, tenant_id, extension_id, &pos)))
		drop_account(r, tenant_id, a->o.id, "extension disabled");
}

static void drop_tenant(struct registrar *r, uint64_t tenant_id)
{
	struct reg_tenant *t;

	/* it goes with its last binding */
	while ((t = reg_tenant_find(r, tenant_id)))
		binding_remove(LIST_FIRST(&t->bindings, struct binding, in_tenant),
			       "tenant disabled");
}

/* set NULL: there is none, and what holds is what such an object has at first. */
static void obey(struct registrar *r, const struct sip_setting *set)
{
	static const enum sip_auth_int body[] = {
		[AUTH_INT_CHOICE_OFF] = SIP_AUTH_INT_OFF,
		[AUTH_INT_CHOICE_TAKEN] = SIP_AUTH_INT_TAKEN,
		[AUTH_INT_CHOICE_OFFERED] = SIP_AUTH_INT_OFFERED,
	};

	sip_auth_set_int(r->auth, body[set ? set->auth_int : AUTH_INT_CHOICE_TAKEN]);
	r->challenges_within = set && set->challenge_in_dialog;
	r->has_outbound = !set || set->outbound;
	r->takes_to_tag = !set || set->register_to_tag;
	r->refuses_bad_nonce = set && set->refuse_bad_nonce;
	if (!r->has_outbound)
		sip_unsupport(r->conf.sip, "outbound");
	else if (sip_support(r->conf.sip, "outbound"))
		log_error(NULL, LOGID_REGISTERED, "flows of devices are not offered: no memory");
}

static void model_changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
			  uint64_t id, void *arg)
{
	struct registrar *r = arg;

	guarding_changed(m, res, tenant_id, id, r);
	hosts_changed(r, res, tenant_id);
	if (!strcmp(res->name, "account")) {
		const struct account *a = model_account(m, tenant_id, id);

		if (!a || !a->enabled)
			drop_account(r, tenant_id, id, a ? "account disabled" : "account deleted");
	} else if (!strcmp(res->name, "extension")) {
		const struct extension *x = model_extension(m, tenant_id, id);

		if (!x || !x->enabled)
			drop_extension(r, m, tenant_id, id);
	} else if (res == &resource_sip_setting) {
		obey(r, (const struct sip_setting *)model_object(m, res, tenant_id, id));
	} else if (!strcmp(res->name, "tenant")) {
		const struct tenant *t = model_tenant(m, id);

		if (!t || !t->enabled)
			drop_tenant(r, id);
	}
}

/* ---- life ---- */

int registrar_alloc(struct registrar **rp, const struct registrar_conf *conf)
{
	struct registrar *r = mem_alloc(sizeof(*r));
	int err;

	ON_THREAD(THREAD_CORE);
	if (!r)
		return ENOMEM;
	r->conf = *conf;
	if (!r->conf.max_contacts)
		r->conf.max_contacts = DEFAULT_CONTACTS;
	if (!r->conf.system_realm)
		r->conf.system_realm = "";
	/* Ids of records grow over restarts too: by time. */
	r->next_record_id = (uint64_t)clock_wall_us(conf->env.clock);
	conf->env.rng->fill(conf->env.rng, &r->nobody, sizeof(r->nobody));
	err = sip_auth_alloc(&r->auth, &conf->env, conf->nonce_seconds);
	if (!err)
		sip_auth_set_edge(r->auth, sip_edge(conf->sip));
	if (!err)
		err = lists_open(r);
	if (!err)
		err = guarding_open(r);
	if (!err)
		err = model_watch(conf->model, model_changed, r);
	if (!err)
		err = sip_on_closed(conf->sip, bindings_closed, r);
	if (!err)
		err = sip_support(conf->sip, "path");
	if (err) {
		registrar_free(r);
		return err;
	}
	obey(r, NULL);
	model_tell_all(conf->model, &resource_sip_setting, 0, model_changed, r);
	sip_on_request(conf->sip, SIP_REGISTER, on_register, r);
	*rp = r;
	return 0;
}

struct registrar *registrar_free(struct registrar *r)
{
	if (!r)
		return NULL;
	/* Nothing is written: who is registered stays so over a restart. */
	lists_close(r);
	sip_auth_free(r->auth);
	guarding_close(r);
	buf_free(&r->own_names);
	buf_free(&r->system_names);
	buf_free(&r->lines);
	buf_free(&r->date);
	return mem_free(r);
}

int registrar_watch(struct registrar *r, registrar_changed_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	if (r->nwatchers == REG_MAX_WATCHERS)
		return ENOSPC;
	r->watchers[r->nwatchers].fn = fn;
	r->watchers[r->nwatchers++].arg = arg;
	return 0;
}

/* ---- looking ---- */

/* Another flow of the same device was registered later. */
static bool is_older_flow(const struct binding *b)
{
	if (!*b->instance || !b->reg_id)
		return false;
	LIST_EACH (it, &b->account->bindings) {
		const struct binding *o = CONTAINER_OF(it, struct binding, in_account);

		if (o != b && !strcmp(o->instance, b->instance) && o->c.record_id > b->c.record_id)
			return true;
	}
	return false;
}

const struct contact *registrar_contacts(struct registrar *r, uint64_t tenant_id,
					 uint64_t account_id, size_t *pos)
{
	struct reg_account *at = reg_account_find(r, tenant_id, account_id);
	size_t n = 0;

	ON_THREAD(THREAD_CORE);
	if (!at)
		return NULL;
	LIST_EACH (it, &at->bindings) {
		struct binding *b = CONTAINER_OF(it, struct binding, in_account);

		if (n++ < *pos)
			continue;
		*pos = n;
		if (!is_older_flow(b))
			return &b->c;
	}
	return NULL;
}

const struct contact *registrar_contact(struct registrar *r, oid id)
{
	struct binding *b = ids_get(r->bindings, id);

	ON_THREAD(THREAD_CORE);
	return b ? &b->c : NULL;
}

const struct contact *registrar_other_flow(const struct contact *c)
{
	const struct binding *b = (const struct binding *)c, *found = NULL;

	if (!*b->instance || !b->reg_id)
		return NULL;
	LIST_EACH (it, &b->account->bindings) {
		const struct binding *o = CONTAINER_OF(it, struct binding, in_account);

		if (o != b && o->reg_id && !strcmp(o->instance, b->instance) &&
		    (!found || o->c.record_id > found->c.record_id))
			found = o;
	}
	return found ? &found->c : NULL;
}

const struct contact *registrar_flow_failed(struct registrar *r, oid id)
{
	struct binding *b = ids_get(r->bindings, id);
	const struct contact *other;

	ON_THREAD(THREAD_CORE);
	if (!b || !b->reg_id)
		return NULL;
	other = registrar_other_flow(&b->c);
	binding_remove(b, "flow failed");
	return other;
}

size_t registrar_count(const struct registrar *r)
{
	return ids_count(r->bindings);
}
