/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is answered to each operation.  Who is not what he says he is hears the same whatever was wrong, and tries are counted before the
 * store is asked, as those of people are.
 */
#include <stdio.h>
#include <string.h>
#include "ldap/inside.h"

void ldap_answer(struct ldap_conn *c, enum ldap_code code, const char *text)
{
	const struct ldap_result r = {
		.id = c->request.id, .tag = c->request.answer, .code = code, .text = text};

	if (r.tag)
		ldap_write_result(&c->out, &r);
}

void ldap_done(struct ldap_conn *c)
{
	ldap_request_close(&c->request);
	if (c->st == LDAP_READING || c->st == LDAP_ASKING)
		ldap_enter(c, LDAP_READING, c->who.has_signed_in ? LDAP_IDLE_MS : LDAP_STRANGE_MS);
}

void ldap_failed(struct ldap_conn *c, int err)
{
	if (err == ENOBUFS || err == ENOSPC)
		ldap_answer(c, LDAP_BUSY, "there is too much to do");
	else if (err == EAGAIN)
		ldap_answer(c, LDAP_UNAVAILABLE, "the database does not answer");
	else
		ldap_answer(c, LDAP_OTHER, "");
	ldap_done(c);
}

/* RFC 4511 4.4.1: of the server's own accord, and the last there is. */
void ldap_notice(struct ldap_conn *c, enum ldap_code code, const char *text)
{
	const struct ldap_result r = {
		.tag = 0x78, .code = code, .text = text, .oid = LDAP_NOTICE_OID};

	ldap_write_result(&c->out, &r);
	ldap_enter(c, LDAP_ENDING, LDAP_END_MS);
}

static void refuse(struct ldap_conn *c, enum ldap_code code, const char *text)
{
	ldap_answer(c, code, text);
	ldap_done(c);
}

/* ---- bind ---- */

static void on_signed_in(struct ldap_conn *c, const struct store_reply *reply, json_t *j)
{
	const char *id = json_string_value(json_object_get(j, "tenant_id"));
	const char *proof = json_string_value(json_object_get(j, "proof"));
	char text[ADDR_STR_BYTES];

	if (reply->err == EACCES) {
		log_info(NULL, LOGID_AUTH_FAILED, "LDAP sign-in refused for %s from %s", c->name,
			 addr_ip_str(text, &c->remote));
		return refuse(c, LDAP_INVALID_CREDENTIALS, "");
	}
	if (reply->err || !proof || str_u64(str_of(id), &c->whose.tenant_id))
		return ldap_failed(c, reply->err ? reply->err : ENOMEM);
	throttle_succeeded(c->l->throttle, &c->remote, str_of(c->name));
	c->who = c->whose;
	c->who.has_signed_in = true;
	str_fit(c->who.proof, sizeof(c->who.proof), str_of(proof));
	return refuse(c, LDAP_SUCCESS, "");
}

static bool is_text(struct str s)
{
	return !memchr(s.n ? s.p : "x", '\0', s.n) && str_is_utf8(s);
}

static void sign_in(struct ldap_conn *c)
{
	struct buf name = {0};
	struct str base, first;
	int err = dn_canonical(&name, c->request.bind.name);

	if (err || !is_text(c->request.bind.password)) {
		buf_free(&name);
		return err == ENOMEM ? ldap_failed(c, err)
				     : refuse(c, LDAP_INVALID_CREDENTIALS, "");
	}
	str_fit(c->name, sizeof(c->name), buf_view(&name));
	base = buf_view(&name);
	first = dn_cut(&base);
	c->whose = (struct ldap_who){.tenant_id = 0};
	str_fit(c->whose.base, sizeof(c->whose.base), base);
	if (throttle_try(c->l->throttle, &c->remote, str_of(c->name), ldap_now_ms(c->l))) {
		buf_free(&name);
		return refuse(c, LDAP_BUSY, "too many attempts to sign in: wait a minute");
	}
	err = ldap_ask(c, "ldap_sign_in", 0,
		       json_pack("{s:s%,s:s%,s:s%}", "base", base.p, base.n, "name", first.p,
				 first.n, "password", c->request.bind.password.p,
				 c->request.bind.password.n),
		       on_signed_in);
	buf_free(&name);
	if (err)
		return ldap_failed(c, err);
	ldap_enter(c, LDAP_ASKING, LDAP_SEARCH_MS);
}

static void bind_name(struct ldap_conn *c)
{
	const struct ldap_request *r = &c->request;

	c->who = (struct ldap_who){.has_signed_in = false}; /* RFC 4511 4.2.1 */
	if (r->bind.version != 3)
		return refuse(c, LDAP_PROTOCOL_ERROR, "LDAP is spoken in version 3");
	if (!r->bind.is_simple)
		return refuse(c, LDAP_AUTH_METHOD_NOT_SUPPORTED, "simple bind only");
	if (!r->bind.name.n && !r->bind.password.n)
		return refuse(c, LDAP_SUCCESS,
			      ""); /* nobody: what that finds is said to searches */
	if (!r->bind.password.n)   /* RFC 4513 5.1.2 */
		return refuse(c, LDAP_UNWILLING_TO_PERFORM, "a name needs its password");
	if (!c->tls && !c->plain_sign_in)
		return refuse(c, LDAP_CONFIDENTIALITY_REQUIRED,
			      "passwords are taken over TLS only");
	return sign_in(c);
}

/* ---- the others ---- */

static void extended(struct ldap_conn *c)
{
	struct ldap_result r = {.id = c->request.id,
				.tag = c->request.answer,
				.code = LDAP_SUCCESS,
				.oid = LDAP_STARTTLS_OID};

	if (!str_eq(c->request.extended, STR(LDAP_STARTTLS_OID)))
		return refuse(c, LDAP_PROTOCOL_ERROR, "there is no such extended operation");
	if (c->tls) {
		r.code = LDAP_OPERATIONS_ERROR;
		r.text = "TLS is spoken already";
		ldap_write_result(&c->out, &r);
		return ldap_done(c);
	}
	ldap_write_result(&c->out, &r);
	ldap_request_close(&c->request);
	c->who = (struct ldap_who){.has_signed_in = false};
	ldap_enter(c, LDAP_TURNING, LDAP_SECURE_MS);
}

void ldap_perform(struct ldap_conn *c)
{
	const enum ldap_operation op = c->request.op;

	if (c->request.has_unknown && c->request.answer && op != LDAP_UNBIND)
		return refuse(c, LDAP_UNAVAILABLE_CRITICAL_EXTENSION,
			      "a control that is critical is not known");
	switch (op) {
	case LDAP_BIND:
		return bind_name(c);
	case LDAP_SEARCH:
		return ldap_search(c);
	case LDAP_EXTENDED:
		return extended(c);
	case LDAP_UNBIND:
		ldap_request_close(&c->request);
		return ldap_enter(c, LDAP_ENDING, LDAP_END_MS);
	case LDAP_ABANDON: /* of what was answered already: there is one at a time */
		return ldap_done(c);
	default:
		return refuse(c, LDAP_UNWILLING_TO_PERFORM, "the phone book can only be searched");
	}
}
