/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is told of what by mail.  Where there is no mail server nobody is, and that costs one look. */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "store/mail.h"
#include "store/notice.h"
#include "store/sign_in_code.h"

enum { TOLD = 20 }; /* of one thing */

static int has_server(struct rows *r, uint64_t tenant_id, bool *yes)
{
	struct mail_server *s = NULL;
	int err = mail_server_of(r, tenant_id, &s);

	*yes = !err;
	object_free((struct object *)s);
	return err == ENOENT ? 0 : err;
}

/* Mail beyond what may wait is logged and lost, and so is that of a tenant which is gone; what it tells of is kept anyway. */
static int tell(struct rows *r, struct mail *m)
{
	uint64_t id;
	int err = m->values && m->to ? mail_put(r, m, &id) : ENOENT;

	json_decref(m->values);
	return err == ENOBUFS || err == ENOENT ? 0 : err;
}

/* ---- EXT-22: a call that nobody answered ---- */

/* Extensions that were called by their own number, or rung as members.  A leg may be written before its call or after it: it is
 * asked at each, and who has been told of the call is told no more. */
static int who_missed(struct rows *r, uint64_t tenant_id, uint64_t call_id, struct db_stmt **stp)
{
	int err = db_sql(
		r->db,
		"WITH w AS (SELECT n.id AS id FROM cdrs k JOIN number n "
		"ON n.tenant_id = k.tenant_id AND n.number = k.callee "
		"AND n.resource = 'extension' WHERE k.tenant_id = $1 AND k.id = $2 "
		"UNION SELECT extension_id FROM cdr_legs WHERE tenant_id = $1 AND call_id = $2 "
		"AND side = 'callee') "
		"SELECT x.email, x.number, x.first_name, x.last_name, c.caller, c.caller_name, "
		"c.started_at FROM w JOIN extensions x ON x.tenant_id = $1 AND x.id = w.id "
		"JOIN cdrs c ON c.tenant_id = $1 AND c.id = $2 "
		"WHERE x.missed_call_mail = 1 AND x.email <> '' AND x.number <> c.caller "
		"AND c.ended_at <> 0 AND c.answered_at = 0 AND c.direction <> 'outbound' "
		"ORDER BY x.number",
		stp);

	if (err)
		return err;
	db_bind_id(*stp, 1, tenant_id);
	db_bind_id(*stp, 2, call_id);
	return 0;
}

static json_t *missed_values(const struct db_stmt *st)
{
	char at[40];

	clock_rfc3339(at, sizeof(at), db_int(st, 6));
	return json_pack("{s:s,s:s,s:o,s:s,s:s,s:s}", "to", db_text(st, 0).p, "number",
			 db_text(st, 1).p, "name",
			 json_sprintf("%s %s", db_text(st, 2).p, db_text(st, 3).p), "caller",
			 db_text(st, 4).p, "caller_name", db_text(st, 5).p, "at", at);
}

int notice_missed(struct rows *r, uint64_t tenant_id, uint64_t call_id, int64_t now_us)
{
	json_t *v[TOLD];
	size_t n = 0;
	struct db_stmt *st;
	bool yes = false;
	int err = who_missed(r, tenant_id, call_id, &st);

	while (!err && n < TOLD && !(err = db_step(st)))
		v[n++] = missed_values(st);
	db_done(st);
	err = err == ENOENT ? 0 : err;
	if (!err && n)
		err = has_server(r, tenant_id, &yes);
	for (size_t i = 0; i < n; i++) {
		struct mail m = {.tenant_id = tenant_id,
				 .kind = MAIL_KIND_MISSED_CALL,
				 .of = call_id,
				 .to = json_string_value(json_object_get(v[i], "to")),
				 .values = v[i],
				 .now_us = now_us};

		if (!err && yes)
			err = tell(r, &m);
		else
			json_decref(v[i]);
	}
	return err;
}

/* ---- RTE-8: an emergency call ---- */

/* The tenant's own address, and its users'. */
static int administrators(struct rows *r, uint64_t tenant_id, char *v[TOLD], size_t *np)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT email FROM tenants WHERE tenant_id = 0 AND id = $1 "
			 "AND email <> '' UNION SELECT email FROM users WHERE tenant_id = $1 "
			 "AND email <> '' AND enabled = 1 AND extension_id = 0",
			 &st);

	*np = 0;
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	while (*np < TOLD && !(err = db_step(st)))
		v[(*np)++] = str_dup(db_text(st, 0));
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static json_t *emergency_values(const struct event_record *ev)
{
	char at[40];

	clock_rfc3339(at, sizeof(at), ev->at);
	return json_pack("{s:s,s:s,s:s,s:s}", "number", ev->number, "called", ev->peer, "location",
			 ev->reason, "at", at);
}

int notice_event(struct rows *r, const struct event_record *ev, int64_t now_us)
{
	char *v[TOLD];
	size_t n = 0;
	bool yes = false;
	int err;

	if (strcmp(ev->key, "emergency_call") != 0)
		return 0;
	err = has_server(r, ev->tenant_id, &yes);
	if (!err && yes)
		err = administrators(r, ev->tenant_id, v, &n);
	for (size_t i = 0; i < n; i++) {
		struct mail m = {.tenant_id = ev->tenant_id,
				 .kind = MAIL_KIND_EMERGENCY_CALL,
				 .of = ev->call_id,
				 .to = v[i],
				 .now_us = now_us};

		m.values = v[i] && !err ? emergency_values(ev) : NULL;
		if (!err)
			err = tell(r, &m);
		free(v[i]);
	}
	return err;
}

/* ---- EXT-3: a new extension ---- */

int notice_welcome(struct rows *r, const struct extension *x, int64_t now_us, uint64_t *idp)
{
	struct mail m = {.tenant_id = x->o.tenant_id,
			 .kind = MAIL_KIND_WELCOME,
			 .to = x->email,
			 .now_us = now_us};
	struct object *tenant = NULL;
	char server[256];
	int err = rows_load(r, &resource_tenant, 0, x->o.tenant_id, false, &tenant);

	*idp = 0;
	if (!err)
		err = sign_in_server(r, ((const struct tenant *)tenant)->domain, server);
	if (err) {
		object_free(tenant);
		return err;
	}
	m.values = json_pack("{s:s,s:s,s:o,s:s}", "server", server, "number", x->number, "name",
			     json_sprintf("%s %s", x->first_name, x->last_name), "domain",
			     ((const struct tenant *)tenant)->domain);
	if (((const struct tenant *)tenant)->mail_sign_in_codes)
		m.extension_id = x->o.id;
	object_free(tenant);
	err = m.values ? mail_put(r, &m, idp) : ENOMEM;
	json_decref(m.values);
	return err;
}

int notice_created(struct rows *r, const struct extension *x, int64_t now_us)
{
	uint64_t id;
	bool yes = false;
	int err = *x->email ? has_server(r, x->o.tenant_id, &yes) : 0;

	if (!err && yes)
		err = notice_welcome(r, x, now_us, &id);
	return err == ENOBUFS ? 0 : err;
}
