/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EXT-2: what is soon guessed.  SIP passwords and PINs are judged as they are read, by the rules of today; of a web password, of
 * which there is only a hash, what was found when its user last signed in with it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "schema/strength.h"
#include "store/query.h"

/* sql: id, name, the secret or the verdict, of ($1 tenant, $2 last id seen), by id. */
static const struct source {
	const char *kind, *resource, *sql;
	enum { OF_PASSWORD, OF_PIN, OF_VERDICT } judge;
} sources[] = {
	{"sip_password", "accounts",
	 "SELECT id, username, password FROM accounts WHERE tenant_id = $1 AND id > $2 ORDER BY id",
	 OF_PASSWORD},
	{"service_pin", "extensions",
	 "SELECT id, number, service_pin FROM extensions WHERE tenant_id = $1 AND id > $2 AND "
	 "service_pin <> '' ORDER BY id",
	 OF_PIN},
	{"disa_pin", "disas",
	 "SELECT id, name, pin FROM disas WHERE tenant_id = $1 AND id > $2 AND pin <> '' ORDER BY "
	 "id",
	 OF_PIN},
	{"web_password", "users",
	 "SELECT u.id, u.username, s.weak FROM users u JOIN user_sign_in s ON s.tenant_id = "
	 "u.tenant_id AND s.user_id = u.id WHERE u.tenant_id = $1 AND u.id > $2 AND s.weak <> '' "
	 "ORDER BY u.id",
	 OF_VERDICT},
};

struct page {
	struct rows *rows;
	int64_t length; /* of SIP passwords */
	size_t limit;
	json_t *items;
	char next[40];
};

static int judge(const struct page *p, const struct source *s, const struct db_stmt *st,
		 char why[32])
{
	struct buf clear = {0};
	const char *found = NULL;
	int err;

	why[0] = 0;
	if (s->judge == OF_VERDICT)
		return str_copy(why, 32, db_text(st, 2));
	err = unseal_text(p->rows->seal, db_text(st, 2), &clear);
	buf_char(&clear, '\0');
	if (!err)
		err = clear.err;
	if (!err && s->judge == OF_PASSWORD)
		found = strength_of_password(clear.p, db_text(st, 1).p, p->length);
	else if (!err)
		found = strength_of_pin(clear.p, db_text(st, 1).p);
	if (clear.p)
		explicit_bzero(clear.p, clear.n);
	buf_free(&clear);
	return err ? err : str_copy(why, 32, str_of(found ? found : ""));
}

static int add(struct page *p, const struct source *s, const struct db_stmt *st, const char *why)
{
	json_t *j = json_pack("{s:s,s:s,s:o,s:o,s:s}", "kind", s->kind, "resource", s->resource,
			      "id", query_id(db_id(st, 0)), "name", query_text(db_text(st, 1)),
			      "reason", why);

	return j && !json_array_append_new(p->items, j) ? 0 : ENOMEM;
}

/* ENOENT: there is no more of this. */
static int read_source(struct page *p, size_t i, uint64_t tenant_id, uint64_t after)
{
	struct db_stmt *st;
	char why[32];
	int err = db_sql(p->rows->db, sources[i].sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, after);
	while (!err && !p->next[0] && !(err = db_step(st))) {
		err = judge(p, &sources[i], st, why);
		if (err || !why[0])
			continue;
		if (json_array_size(p->items) == p->limit)
			(void)snprintf(p->next, sizeof(p->next), "%" PRIu64, after * 4 + i);
		else
			err = add(p, &sources[i], st, why);
		after = db_id(st, 0);
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int read_length(struct rows *r, uint64_t tenant_id, int64_t *length)
{
	struct object *t = NULL;
	int err = rows_load(r, &resource_tenant, 0, tenant_id, false, &t);

	if (!err)
		*length = ((const struct tenant *)t)->sip_password_length;
	object_free(t);
	return err;
}

int query_weak_secrets(struct rows *r, uint64_t tenant_id, const struct args *a,
		       struct store_reply *reply, struct field_errors *errs)
{
	/* The cursor: the last id seen and its source. */
	const uint64_t cursor = (uint64_t)args_int(a, "cursor", 0);
	struct page p = {.rows = r, .limit = query_page_limit(a), .items = json_array()};
	int err = p.items ? read_length(r, tenant_id, &p.length) : ENOMEM;

	_Static_assert(ARRAY_LEN(sources) == 4, "the cursor has two bits for it");
	for (size_t i = cursor & 3; !err && i < ARRAY_LEN(sources) && !p.next[0]; i++)
		err = read_source(&p, i, tenant_id, i == (cursor & 3) ? cursor >> 2 : 0);
	if (err) {
		json_decref(p.items);
		return err;
	}
	return query_page(reply, p.items, str_of(p.next));
}
