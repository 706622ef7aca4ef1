/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include "base/log.h"
#include "base/rng.h"
#include "store/mail.h"
#include "store/outbox_put.h"

static int take_enabled(struct object **op, void *arg)
{
	struct mail_server **sp = arg, *s = (struct mail_server *)*op;

	if (s->enabled && !*sp) {
		*sp = s;
		*op = NULL;
	}
	return 0;
}

static int server_in(struct rows *r, uint64_t tenant_id, struct mail_server **sp)
{
	return rows_each_of(r, &resource_mail_server, tenant_id, take_enabled, sp);
}

int mail_server_of(struct rows *r, uint64_t tenant_id, struct mail_server **sp)
{
	int err;

	*sp = NULL;
	err = server_in(r, tenant_id, sp);
	if (!err && !*sp && tenant_id)
		err = server_in(r, 0, sp);
	return err ? err : *sp ? 0 : ENOENT;
}

int mail_needs_server(struct rows *r, uint64_t tenant_id, const char *field,
		      struct field_errors *errs)
{
	struct mail_server *s = NULL;
	int err = mail_server_of(r, tenant_id, &s);

	object_free((struct object *)s);
	if (err != ENOENT)
		return err;
	field_error_add(errs, field, "no_mail_server",
			"needs a mail server: there is none in mail_servers that is enabled");
	return EINVAL;
}

static int is_room(struct rows *r, uint64_t tenant_id)
{
	struct db_stmt *st;
	int64_t n = 0;
	int err = db_sql(r->db,
			 "SELECT count(*) FROM outbox WHERE tenant_id = $1 AND webhook_id = 0 "
			 "AND state = 0 AND node = $2",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, r->node);
	err = db_step(st);
	if (!err)
		n = db_int(st, 0);
	db_done(st);
	return err ? err : n < MAIL_WAITING ? 0 : ENOBUFS;
}

/* Of one thing and one address: 63 bits, as ids have. */
static uint64_t subject_of(const struct mail *m)
{
	uint64_t h = m->of ? m->of : rng_u64(rng_system());

	for (const char *p = m->to; *p; p++) /* FNV-1a: the same after a restart */
		h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	return h >> 1;
}

int mail_put(struct rows *r, const struct mail *m, uint64_t *idp)
{
	struct outbox_news n = {.tenant_id = m->tenant_id,
				.key = m->kind,
				.subject = subject_of(m),
				.at_us = m->now_us};
	json_t *j;
	char *body;
	int err = is_room(r, m->tenant_id);

	if (err == ENOBUFS)
		log_warn(&(struct log_ctx){.tenant = m->tenant_id}, LOGID_MAIL,
			 "%d mails wait already: that to %s is dropped", MAIL_WAITING, m->to);
	if (err)
		return err;
	j = json_pack("{s:s,s:s,s:s}", "to", m->to, "subject", m->subject, "text", m->text);
	body = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (!body)
		return ENOMEM;
	n.body = body;
	err = outbox_put_mail(r, &n, idp);
	free(body);
	return err;
}
