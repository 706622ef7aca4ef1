/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A search: which tenant's, which entries may be meant by base and scope, then page after page of what the store finds.
 */
#include <stdio.h>
#include <string.h>
#include "ldap/inside.h"

static void finish(struct ldap_conn *c, enum ldap_code code, const char *cookie)
{
	const struct ldap_result r = {.id = c->request.id,
				      .tag = c->request.answer,
				      .code = code,
				      .is_paged = c->request.is_paged,
				      .cookie = str_of(cookie)};

	ldap_write_result(&c->out, &r);
	ldap_done(c);
}

static void refuse(struct ldap_conn *c, enum ldap_code code, const char *text)
{
	ldap_answer(c, code, text);
	ldap_done(c);
}

/* ---- about the server ---- */

static bool is_any(const json_t *filter)
{
	const char *name = json_string_value(json_object_get(filter, "name"));

	return name && directory_is_class_name(str_of(name)) &&
	       str_eq(str_of(json_string_value(json_object_get(filter, "is"))), STR("present"));
}

static void root(struct ldap_conn *c)
{
	static const char *const classes[] = {"top", NULL}, *const versions[] = {"3", NULL};
	static const char *const extensions[] = {LDAP_STARTTLS_OID, NULL};
	static const char *const controls[] = {LDAP_PAGED_OID, NULL};
	const char *const bases[] = {c->who.base, NULL};
	const struct ldap_value values[] = {{"objectClass", classes},
					    {"supportedLDAPVersion", versions},
					    {"supportedExtension", extensions},
					    {"supportedControl", controls},
					    {"namingContexts", bases}};

	if (is_any(c->request.search.filter))
		ldap_write_entry(&c->out, &c->request, STR(""), values,
				 ARRAY_LEN(values) - !c->who.has_signed_in);
	return finish(c, LDAP_SUCCESS, "");
}

/* ---- which entries ---- */

struct range {
	int from, to;
	uint64_t id; /* this one only */
};

/* "extension-12" */
static int one_of(struct str uid, struct range *r)
{
	static const struct {
		struct str name;
		int kind;
	} kinds[] = {{{"uid=extension-", 14}, DIRECTORY_EXTENSION},
		     {{"uid=contact-", 12}, DIRECTORY_CONTACT}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct str name = kinds[i].name;

		if (!str_starts(uid, name) ||
		    str_u64((struct str){uid.p + name.n, uid.n - name.n}, &r->id) || !r->id ||
		    r->id > INT64_MAX)
			continue;
		r->from = r->to = kinds[i].kind;
		return 0;
	}
	return ENOENT;
}

/* ENOENT: there is no such base; ERANGE: nothing is in this scope. */
static int range_of(const struct ldap_conn *c, struct str base, struct range *r)
{
	const enum ldap_scope scope = c->request.search.scope;
	struct str above = base, first = dn_cut(&above);
	int err;

	*r = (struct range){scope == LDAP_ONE ? DIRECTORY_EXTENSION : DIRECTORY_TENANT,
			    scope == LDAP_BASE ? DIRECTORY_TENANT : DIRECTORY_CONTACT, 0};
	if (str_eq(base, str_of(c->whose.base)))
		return 0;
	if (!str_eq(above, str_of(c->whose.base)))
		return ENOENT;
	err = one_of(first, r);
	return err ? err : scope == LDAP_ONE ? ERANGE : 0;
}

/* ---- pages ---- */

static void on_page(struct ldap_conn *c, const struct store_reply *reply, json_t *j);

static size_t wanted(const struct ldap_conn *c)
{
	const size_t more = c->most - c->found;

	return more < LDAP_PAGE ? more : LDAP_PAGE;
}

static void ask_page(struct ldap_conn *c, struct str after)
{
	struct buf base = {0};
	struct range r;
	uint64_t now = ldap_now_ms(c->l);
	int err = dn_canonical(&base, c->request.search.base);
	const int where = err ? err : range_of(c, buf_view(&base), &r);

	buf_free(&base);
	if (where == ENOENT)
		return refuse(c, LDAP_NO_SUCH_OBJECT, "");
	if (where == ERANGE)
		return finish(c, LDAP_SUCCESS, "");
	if (where)
		return ldap_failed(c, where);
	if (now >= c->until_ms)
		return refuse(c, LDAP_TIME_LIMIT_EXCEEDED, "");
	err = ldap_ask(c, "ldap_search", c->whose.tenant_id,
		       json_pack("{s:s,s:O,s:i,s:i,s:o,s:s%,s:i}", "proof", c->whose.proof,
				 "filter", c->request.search.filter, "from", r.from, "to", r.to,
				 "id", json_sprintf("%llu", (unsigned long long)r.id), "after",
				 after.n ? after.p : "", after.n, "limit", (int)wanted(c)),
		       on_page);
	if (err)
		return ldap_failed(c, err);
	ldap_enter(c, LDAP_ASKING, (uint32_t)(c->until_ms - now));
}

static void on_page(struct ldap_conn *c, const struct store_reply *reply, json_t *j)
{
	const json_t *item, *next = json_object_get(j, "next");
	size_t i;

	if (reply->err == EACCES) { /* the tenant's settings are others now */
		c->who = (struct ldap_who){.has_signed_in = false};
		return refuse(c, LDAP_INSUFFICIENT_ACCESS_RIGHTS, "sign in");
	}
	if (reply->err == EINVAL || reply->err == E2BIG)
		return refuse(c, LDAP_UNWILLING_TO_PERFORM, "the search cannot be done");
	if (reply->err || !j)
		return ldap_failed(c, reply->err ? reply->err : ENOMEM);
	if (json_is_false(json_object_get(j, "is_there")))
		return refuse(c, LDAP_NO_SUCH_OBJECT, "");
	json_array_foreach(json_object_get(j, "items"), i, item)
	{
		ldap_write_found(&c->out, &c->request, str_of(c->whose.base), item);
		c->found++;
	}
	if (!json_is_string(next))
		return finish(c, LDAP_SUCCESS, "");
	if (c->found < c->most)
		return ask_page(c, str_of(json_string_value(next)));
	if (c->request.is_paged && c->most == (size_t)c->request.page_size)
		return finish(c, LDAP_SUCCESS, json_string_value(next));
	return finish(c, LDAP_SIZE_LIMIT_EXCEEDED, "");
}

/* ---- whose ---- */

static void begin(struct ldap_conn *c)
{
	const struct ldap_request *r = &c->request;
	const size_t limit = (size_t)r->search.size_limit;
	uint64_t seconds = LDAP_SEARCH_MS / 1000;

	c->found = 0;
	c->most = LDAP_MOST_ENTRIES;
	if (limit && limit < c->most)
		c->most = limit;
	if (r->is_paged && (size_t)r->page_size < c->most)
		c->most = (size_t)r->page_size;
	if (r->search.time_limit && (uint64_t)r->search.time_limit < seconds)
		seconds = (uint64_t)r->search.time_limit;
	c->until_ms = ldap_now_ms(c->l) + seconds * 1000;
	if (!c->most) /* RFC 2696 3: the series is given up */
		return finish(c, LDAP_SUCCESS, "");
	return ask_page(c, r->is_paged ? r->cookie : STR_NONE);
}

static void on_whose(struct ldap_conn *c, const struct store_reply *reply, json_t *j)
{
	const char *id = json_string_value(json_object_get(j, "tenant_id"));

	if (reply->err == EACCES)
		return refuse(c, LDAP_INSUFFICIENT_ACCESS_RIGHTS, "sign in");
	if (reply->err || str_u64(str_of(id), &c->whose.tenant_id))
		return ldap_failed(c, reply->err ? reply->err : ENOMEM);
	throttle_succeeded(c->l->throttle, &c->remote, str_of(c->name));
	return begin(c);
}

/* Nobody in particular: the tenant is that of the base, if it lets in everybody. */
static void look_for_tenant(struct ldap_conn *c, struct str base)
{
	int err;

	if (str_starts(base, STR("uid=")))
		(void)dn_cut(&base);
	c->whose = (struct ldap_who){.tenant_id = 0};
	str_fit(c->whose.base, sizeof(c->whose.base), base);
	(void)snprintf(c->name, sizeof(c->name), "anybody,%.*s", STR_ARG(base));
	if (throttle_try(c->l->throttle, &c->remote, str_of(c->name), ldap_now_ms(c->l)))
		return refuse(c, LDAP_BUSY, "too many attempts: wait a minute");
	err = ldap_ask(c, "ldap_sign_in", 0, json_pack("{s:s%}", "base", base.p, base.n), on_whose);
	if (err)
		return ldap_failed(c, err);
	ldap_enter(c, LDAP_ASKING, LDAP_SEARCH_MS);
}

void ldap_search(struct ldap_conn *c)
{
	const struct ldap_request *r = &c->request;
	struct buf base = {0};
	int err;

	if (!r->search.filter)
		return refuse(c, LDAP_ADMIN_LIMIT_EXCEEDED, "the filter is too much");
	if (!r->search.base.n && r->search.scope == LDAP_BASE)
		return root(c);
	err = dn_canonical(&base, r->search.base);
	if (err == EINVAL)
		refuse(c, LDAP_INVALID_DN_SYNTAX, "");
	else if (err)
		ldap_failed(c, err);
	else if (c->who.has_signed_in) {
		c->whose = c->who;
		begin(c);
	} else {
		look_for_tenant(c, buf_view(&base));
	}
	buf_free(&base);
}
