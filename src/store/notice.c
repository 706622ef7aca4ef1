/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is told of what by mail.  Where there is no mail server nobody is, and that costs one look. */
#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "store/mail.h"
#include "store/notice.h"

enum { TOLD = 20 }; /* of one thing */

struct told {
	char to[1024], number[40], name[520]; /* in whole characters, as fields are bounded */
};

static int has_server(struct rows *r, uint64_t tenant_id, bool *yes)
{
	struct mail_server *s = NULL;
	int err = mail_server_of(r, tenant_id, &s);

	*yes = !err;
	object_free((struct object *)s);
	return err == ENOENT ? 0 : err;
}

/* Rows of mail address, number, first and last name. */
static int read_told(struct db_stmt *st, struct told v[TOLD], size_t *np)
{
	int err;

	*np = 0;
	while (*np < TOLD && !(err = db_step(st))) {
		struct told *t = &v[(*np)++];

		(void)snprintf(t->to, sizeof(t->to), "%.*s", STR_ARG(db_text(st, 0)));
		(void)snprintf(t->number, sizeof(t->number), "%.*s", STR_ARG(db_text(st, 1)));
		(void)snprintf(t->name, sizeof(t->name), "%.*s %.*s", STR_ARG(db_text(st, 2)),
			       STR_ARG(db_text(st, 3)));
	}
	db_done(st);
	return *np == TOLD || err == ENOENT ? 0 : err;
}

/* Mail beyond what may wait is logged and lost, and so is that of a tenant which is gone; what it tells of is kept anyway. */
static int tell(struct rows *r, struct mail *m)
{
	uint64_t id;
	int err = m->values ? mail_put(r, m, &id) : ENOENT;

	json_decref(m->values);
	return err == ENOBUFS || err == ENOENT ? 0 : err;
}

/* ---- EXT-22: a call that nobody answered ---- */

/* Extensions that were called by their own number, or rung as members. */
static int who_missed(struct rows *r, const struct call_record *c, struct told v[TOLD], size_t *np)
{
	struct db_stmt *st;
	int err = db_sql(
		r->db,
		"SELECT x.email, x.number, x.first_name, x.last_name FROM number n "
		"JOIN extensions x ON x.tenant_id = n.tenant_id AND x.id = n.id "
		"WHERE n.tenant_id = $1 AND n.resource = 'extension' AND x.missed_call_mail = 1 "
		"AND x.email <> '' AND n.number <> $3 AND (n.number = $2 OR n.number IN "
		"(SELECT number FROM cdr_legs WHERE tenant_id = $1 AND call_id = $4 "
		"AND side = 'callee')) ORDER BY n.number",
		&st);

	if (err)
		return err;
	db_bind_id(st, 1, c->tenant_id);
	db_bind_text(st, 2, str_of(c->callee));
	db_bind_text(st, 3, str_of(c->caller));
	db_bind_id(st, 4, c->id);
	return read_told(st, v, np);
}

int notice_call(struct rows *r, const struct call_record *c, int64_t now_us)
{
	struct told v[TOLD];
	char at[40];
	size_t n = 0;
	bool yes = false;
	int err;

	if (!c->ended_at || c->answered_at || strcmp(c->direction, "outbound") == 0)
		return 0;
	err = who_missed(r, c, v, &n);
	if (!err && n)
		err = has_server(r, c->tenant_id, &yes);
	clock_rfc3339(at, sizeof(at), c->started_at);
	for (size_t i = 0; !err && yes && i < n; i++) {
		struct mail m = {.tenant_id = c->tenant_id,
				 .kind = MAIL_KIND_MISSED_CALL,
				 .of = c->id,
				 .to = v[i].to,
				 .now_us = now_us};

		m.values =
			json_pack("{s:s,s:s,s:s,s:s,s:s}", "number", v[i].number, "name", v[i].name,
				  "caller", c->caller, "caller_name", c->caller_name, "at", at);
		err = tell(r, &m);
	}
	return err;
}

/* ---- RTE-8: an emergency call ---- */

/* The tenant's own address, and its users'. */
static int administrators(struct rows *r, uint64_t tenant_id, struct told v[TOLD], size_t *np)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT email, '', '', '' FROM tenants WHERE tenant_id = 0 AND id = $1 "
			 "AND email <> '' UNION SELECT email, '', '', '' FROM users "
			 "WHERE tenant_id = $1 AND email <> '' AND enabled = 1 "
			 "AND extension_id = 0",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	return read_told(st, v, np);
}

int notice_event(struct rows *r, const struct event_record *ev, int64_t now_us)
{
	struct told v[TOLD];
	char at[40];
	size_t n = 0;
	bool yes = false;
	int err;

	if (strcmp(ev->key, "emergency_call") != 0)
		return 0;
	err = has_server(r, ev->tenant_id, &yes);
	if (!err && yes)
		err = administrators(r, ev->tenant_id, v, &n);
	clock_rfc3339(at, sizeof(at), ev->at);
	for (size_t i = 0; !err && i < n; i++) {
		struct mail m = {.tenant_id = ev->tenant_id,
				 .kind = MAIL_KIND_EMERGENCY_CALL,
				 .of = ev->call_id,
				 .to = v[i].to,
				 .now_us = now_us};

		m.values = json_pack("{s:s,s:s,s:s,s:s}", "number", ev->number, "called", ev->peer,
				     "location", ev->reason, "at", at);
		err = tell(r, &m);
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
	int err = rows_load(r, &resource_tenant, 0, x->o.tenant_id, false, &tenant);

	*idp = 0;
	if (err)
		return err;
	m.values = json_pack("{s:s,s:o,s:s}", "number", x->number, "name",
			     json_sprintf("%s %s", x->first_name, x->last_name), "domain",
			     ((const struct tenant *)tenant)->domain);
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
