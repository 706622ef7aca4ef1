/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who sent a request: the realm by its domain, the account by the user name in the credentials, the digest by the secret.
 *
 * An unknown user and a wrong password go the same way and look the same from outside: the digest is computed against a
 * secret that matches nothing, and the same challenge comes back.  Only who has proved who they are hears more (disabled, not
 * your address).  Everything said before that is said once and leaves nothing behind (sip_refuse).
 */
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "base/thread.h"
#include "registrar/inside.h"

struct realm {
	const struct tenant *tenant; /* NULL: the system's */
	struct str name;
	unsigned algs;
	bool is_proxy;
};

void identify_refuse(struct sip_strans *st, unsigned status, const char *reason)
{
	sip_refuse(st, status, reason, NULL);
}

/* ---- realm ---- */

struct str identify_host(struct str uri)
{
	struct sip_uri u;

	if (sip_uri_parse(&u, uri) || (u.scheme != SIP_SCHEME_SIP && u.scheme != SIP_SCHEME_SIPS))
		return STR_NONE;
	return u.host;
}

static struct str host_of_header(const struct sip_msg *req, bool is_from)
{
	struct sip_addr a;

	if (is_from ? sip_from(req, &a) : sip_to(req, &a))
		return STR_NONE;
	return identify_host(a.uri);
}

static unsigned algs_of(const struct tenant *t)
{
	switch (t->sip_digest) {
	case DIGEST_CHOICE_SHA256:
		return SIP_DIGEST_SHA256;
	case DIGEST_CHOICE_BOTH:
		return SIP_DIGEST_MD5 | SIP_DIGEST_SHA256;
	default:
		return SIP_DIGEST_MD5;
	}
}

/* The sender's domain counts: To of a REGISTER, From of all else; the Request-URI when that one says nothing.  A phone that
 * cannot send the tenant's domain sends our address, or a name of the system.
 * ENOENT: no domain of ours; EPERM: two that do not belong together. */
static int find_realm(struct registrar *r, const struct sip_msg *req, struct realm *out)
{
	bool is_register = req->method == SIP_REGISTER;
	struct str host = host_of_header(req, !is_register), uri_host = identify_host(req->uri);
	const struct tenant *by_uri = model_tenant_by_domain(r->conf.model, uri_host);
	const struct tenant *t = model_tenant_by_domain(r->conf.model, host);

	if (is_register && t && by_uri && t != by_uri)
		return EPERM;
	if (!t)
		t = by_uri;
	out->tenant = t;
	out->is_proxy = !is_register;
	if (t) {
		out->name = str_of(t->domain);
		out->algs = algs_of(t);
		return 0;
	}
	if (!hosts_is_system(r, host) && !hosts_is_system(r, uri_host))
		return ENOENT;
	out->name = str_of(r->conf.system_realm);
	out->algs = SIP_DIGEST_MD5;
	return out->name.n ? 0 : ENOENT;
}

/* ---- account ---- */

/* "101", or "101@its.domain" as some phones send. */
static const struct account *find_account(struct registrar *r, const struct realm *realm,
					  struct str name)
{
	const struct model *m = r->conf.model;
	const struct account *a;
	const char *at;

	if (!name.n)
		return NULL;
	if (!realm->tenant)
		return model_account_by_system_name(m, name);
	a = model_account_by_username(m, realm->tenant->o.id, name);
	at = a ? NULL : memrchr(name.p, '@', name.n);
	if (!at)
		return a;
	if (model_tenant_by_domain(m, (struct str){at + 1, (size_t)(name.p + name.n - at - 1)}) !=
	    realm->tenant)
		return NULL;
	return model_account_by_username(m, realm->tenant->o.id,
					 (struct str){name.p, (size_t)(at - name.p)});
}

/* Kept with the account, and made anew when name, realm or password are others. */
static const struct sip_secret *secret_of(struct registrar *r, const struct account *a,
					  struct str realm, struct str name)
{
	struct str password = str_of(a->password);
	struct reg_account *at = reg_account_get(r, a->o.tenant_id, a->o.id);
	uint64_t of = map_hash2(map_hash2(map_hash_str(name), realm), password) | 1;

	if (!at)
		return NULL;
	if (at->secret_of != of) {
		if (sip_secret_make(&at->secret, name, realm, password))
			of = 0;
		at->secret_of = of;
	}
	return &at->secret;
}

/* ---- verdicts ---- */

static void challenge(struct registrar *r, struct sip_strans *st, const struct realm *realm,
		      bool is_stale)
{
	struct sip_extra extra;

	buf_reset(&r->lines);
	sip_auth_challenge(r->auth, &r->lines, realm->is_proxy, realm->name, realm->algs, is_stale);
	extra = (struct sip_extra){.headers = buf_view(&r->lines)};
	if (r->lines.err)
		sip_refuse(st, 500, NULL, NULL);
	else
		sip_refuse(st, realm->is_proxy ? 407 : 401, NULL, &extra);
}

static void count_failure(const struct sip_msg *req, const struct realm *realm, struct str name)
{
	struct log_ctx ctx = {.tenant = realm->tenant ? realm->tenant->o.id : 0};
	char from[ADDR_STR_BYTES];

	metric_add(METRIC_AUTH_FAILURES, 1);
	log_warn(&ctx, LOGID_AUTH_FAILED,
		 "%.*s from %s: wrong credentials for user %.*s of %.*s; challenged again",
		 STR_ARG(req->method_name), addr_str(from, &req->flow.remote), STR_ARG(name),
		 STR_ARG(realm->name));
}

/* True: the credentials are those of the user with that secret; is_known: there is one. */
static bool prove(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
		  const struct realm *realm, const struct sip_secret *secret, bool is_known,
		  struct str name)
{
	enum sip_auth_result result;

	if (guarding_refuses(r, st, req, name, realm->name))
		return false;
	if (!secret) {
		sip_refuse(st, 500, NULL, NULL);
		return false;
	}
	result = sip_auth_check(r->auth, req, realm->is_proxy, realm->name, realm->algs, secret);
	if (result == SIP_AUTH_OK && !is_known)
		result = SIP_AUTH_WRONG;
	guarding_heard(r, req, name, realm->name, result);
	if (result == SIP_AUTH_OK)
		return true;
	if (result == SIP_AUTH_BAD) {
		sip_refuse(st, 400, "Malformed Credentials", NULL);
		return false;
	}
	if (result == SIP_AUTH_STALE && r->refuses_bad_nonce) {
		sip_refuse(st, 403, "Bad Nonce", NULL);
		return false;
	}
	if (result == SIP_AUTH_WRONG)
		count_failure(req, realm, name);
	challenge(r, st, realm, result == SIP_AUTH_STALE);
	return false;
}

static bool is_user(const struct account *a, struct str uri)
{
	char user[128];
	struct sip_uri u;

	if (sip_uri_parse(&u, uri) || sip_unescape(user, sizeof(user), u.user))
		return false;
	return str_ieq(str_of(user), str_of(a->username)) ||
	       (*a->system_name && str_ieq(str_of(user), str_of(a->system_name)));
}

/* RFC 3323 4.1.1.3: who asks not to be named says nothing that could be false. */
static bool is_nobody(struct str uri)
{
	struct sip_uri u;

	return !sip_uri_parse(&u, uri) && str_ieq(u.host, STR("anonymous.invalid"));
}

static bool is_its_address(const struct registrar *r, const struct account *a, struct str uri)
{
	const struct tenant *t = model_tenant_by_domain(r->conf.model, identify_host(uri));

	return is_user(a, uri) && (!t || t->o.id == a->o.tenant_id);
}

/* The addresses that a request speaks for must be the account's own: From, and To of a REGISTER, which nobody sends for others. */
static bool is_own_address(const struct registrar *r, const struct sip_msg *req,
			   const struct account *a)
{
	struct sip_addr from, to;

	if (sip_from(req, &from))
		return false;
	if (req->method == SIP_INVITE && is_nobody(from.uri))
		return true;
	if (req->method == SIP_REGISTER && (sip_to(req, &to) || !is_its_address(r, a, to.uri)))
		return false;
	return is_its_address(r, a, from.uri);
}

/* ACC-8. */
static bool is_allowed_over(const struct account *a, enum flow_transport t)
{
	switch (t) {
	case FLOW_UDP:
		return a->allow_udp;
	case FLOW_TCP:
		return a->allow_tcp;
	case FLOW_TLS:
		return a->allow_tls;
	case FLOW_WS:
		return a->allow_ws;
	default:
		return a->allow_wss;
	}
}

/* ACC-4.  A network that cannot be read allows nobody. */
static bool is_allowed_from(const struct account *a, const struct addr *from)
{
	struct addr_net net;

	return !*a->allowed_network ||
	       (!addr_net_parse(&net, str_of(a->allowed_network)) && addr_net_has(&net, from));
}

/* ACC-4, "registration check". */
static bool has_registered_here(struct registrar *r, const struct account *a,
				const struct sip_msg *req)
{
	struct reg_account *at = reg_account_find(r, a->o.tenant_id, a->o.id);

	if (!at)
		return false;
	LIST_EACH (it, &at->bindings) {
		const struct binding *b = CONTAINER_OF(it, struct binding, in_account);

		if (b->c.flow.transport == req->flow.transport &&
		    addr_eq(&b->source, &req->flow.remote))
			return true;
	}
	return false;
}

static const char *why_not_here(struct registrar *r, const struct account *a,
				const struct sip_msg *req)
{
	if (!is_allowed_over(a, req->flow.transport))
		return "Transport Not Allowed";
	if (!is_allowed_from(a, &req->flow.remote))
		return "Address Not Allowed";
	if (req->method != SIP_REGISTER && a->registration_check && !has_registered_here(r, a, req))
		return "Not Registered Here";
	return NULL;
}

static const char *why_not(const struct identity *who)
{
	if (!who->tenant || !who->tenant->enabled)
		return "Tenant Disabled";
	if (!who->account->enabled)
		return "Account Disabled";
	if (who->extension && !who->extension->enabled)
		return "Extension Disabled";
	return NULL;
}

bool identify_sender(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
		     struct identity *who)
{
	const struct account *a;
	struct realm realm;
	struct str name;
	const char *why;

	switch (find_realm(r, req, &realm)) {
	case 0:
		break;
	case ENOENT:
		identify_refuse(st, req->method == SIP_REGISTER ? 404 : 403, "Unknown Domain");
		return false;
	default:
		identify_refuse(st, 403, "Wrong Domain");
		return false;
	}
	name = sip_auth_username(req, realm.is_proxy, realm.name);
	a = find_account(r, &realm, name);
	if (!prove(r, st, req, &realm, a ? secret_of(r, a, realm.name, name) : &r->nobody, a, name))
		return false;
	*who = (struct identity){
		.tenant = model_tenant(r->conf.model, a->o.tenant_id),
		.account = a,
		.extension = model_extension(r->conf.model, a->o.tenant_id, a->extension_id),
	};
	why = why_not(who);
	if (!why)
		why = why_not_here(r, a, req);
	if (!why && !is_own_address(r, req, a))
		why = req->method == SIP_REGISTER ? "Not Your Address" : "From Is Not Your Address";
	if (why)
		identify_refuse(st, 403, why);
	return !why;
}

struct str identify_to_host(const struct sip_msg *req)
{
	return host_of_header(req, false);
}

bool identify_is_tenant(const struct registrar *r, const struct sip_msg *req)
{
	return model_tenant_by_domain(r->conf.model, host_of_header(req, false)) != NULL;
}

bool registrar_prove(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
		     struct str realm_name, struct str username, struct str password)
{
	const struct realm realm = {
		.name = realm_name,
		.algs = SIP_DIGEST_MD5,
		.is_proxy = req->method != SIP_REGISTER,
	};
	struct sip_secret secret = r->nobody;

	ON_THREAD(THREAD_CORE);
	if (password.n && sip_secret_make(&secret, username, realm_name, password)) {
		sip_refuse(st, 500, NULL, NULL);
		return false;
	}
	return prove(r, st, req, &realm, &secret, password.n != 0, username);
}

bool registrar_prove_within(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
			    uint64_t tenant_id, uint64_t account_id)
{
	const struct account *a, *by;
	struct realm realm;
	struct str name;

	ON_THREAD(THREAD_CORE);
	a = r->challenges_within ? model_account(r->conf.model, tenant_id, account_id) : NULL;
	if (!a)
		return true;
	if (find_realm(r, req, &realm)) {
		identify_refuse(st, 403, "Unknown Domain");
		return false;
	}
	name = sip_auth_username(req, true, realm.name);
	by = find_account(r, &realm, name);
	return prove(r, st, req, &realm, by == a ? secret_of(r, a, realm.name, name) : &r->nobody,
		     by == a, name);
}
