/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
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
static uint64_t subject_of(uint64_t of, const char *to)
{
	uint64_t h = of ? of : rng_u64(rng_system());

	for (const char *p = to; *p; p++) /* FNV-1a: the same after a restart */
		h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	return h >> 1;
}

/* ---- what it says ---- */

static const struct mail_text {
	int kind;
	const char *name, *placeholders, *subject, *text;
} texts[] = {
#define X(kind, name, placeholders, subject, text) {kind, #name, placeholders, subject, text},
#include "store/mail_texts.def"
};

static const struct mail_text *text_of(int kind)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].kind == kind)
			return &texts[i];
	BUG(true);
	return NULL;
}

/* The next {word} of small letters and _, cut out of *rest; *before is what stands before it. */
static bool next_placeholder(struct str *rest, struct str *before, struct str *word)
{
	for (size_t i = 0; i < rest->n; i++) {
		size_t k = i + 1;

		if (rest->p[i] != '{')
			continue;
		while (k < rest->n &&
		       ((rest->p[k] >= 'a' && rest->p[k] <= 'z') || rest->p[k] == '_'))
			k++;
		if (k == i + 1 || k == rest->n || rest->p[k] != '}')
			continue;
		*before = (struct str){rest->p, i};
		*word = (struct str){rest->p + i + 1, k - i - 1};
		*rest = (struct str){rest->p + k + 1, rest->n - k - 1};
		return true;
	}
	return false;
}

static void fill(struct buf *out, const char *text, const json_t *values)
{
	struct str rest = str_of(text), before, word;

	while (next_placeholder(&rest, &before, &word)) {
		const char *v = json_string_value(json_object_getn(values, word.p, word.n));

		buf_str(out, before);
		if (v)
			buf_cstr(out, v);
		else
			buf_printf(out, "{%.*s}", STR_ARG(word));
	}
	buf_str(out, rest);
}

struct str mail_unknown_placeholder(int kind, const char *text)
{
	struct str rest = str_of(text), before, word;

	while (next_placeholder(&rest, &before, &word)) {
		struct str known = str_of(text_of(kind)->placeholders);
		bool is_known = false;

		while (known.n && !is_known)
			is_known = str_eq(str_cut(&known, ' '), word);
		if (!is_known)
			return word;
	}
	return STR_NONE;
}

json_t *mail_defaults(void)
{
	json_t *items = json_array();

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct str known = str_of(texts[i].placeholders);
		json_t *words = json_array();

		while (known.n) {
			struct str one = str_cut(&known, ' ');

			json_array_append_new(words, json_stringn(one.p, one.n));
		}
		json_array_append_new(items, json_pack("{s:s,s:s,s:s,s:o}", "kind", texts[i].name,
						       "subject", texts[i].subject, "text",
						       texts[i].text, "placeholders", words));
	}
	return json_pack("{s:o,s:n}", "items", items, "next");
}

struct finding {
	int kind;
	struct mail_template *found;
};

static int take_kind(struct object **op, void *arg)
{
	struct finding *f = arg;

	if (((struct mail_template *)*op)->kind != f->kind || f->found)
		return 0;
	f->found = (struct mail_template *)*op;
	*op = NULL;
	return 0;
}

/* NULL: nobody has written one. */
static int template_of(struct rows *r, uint64_t tenant_id, int kind, struct mail_template **tp)
{
	struct finding f = {.kind = kind};
	int err = rows_each_of(r, &resource_mail_template, tenant_id, take_kind, &f);

	if (!err && !f.found && tenant_id)
		err = rows_each_of(r, &resource_mail_template, 0, take_kind, &f);
	*tp = f.found;
	return err;
}

/* {tenant}: the name that people know it by. */
static int add_tenant(struct rows *r, uint64_t tenant_id, json_t *values)
{
	struct object *o = NULL;
	const struct tenant *t;
	json_t *name;
	int err;

	if (!tenant_id)
		return json_object_set_new(values, "tenant", json_string("Offhook")) ? ENOMEM : 0;
	err = rows_load(r, &resource_tenant, 0, tenant_id, false, &o);
	if (err)
		return err;
	t = (const struct tenant *)o;
	name = json_string(*t->company ? t->company : t->name);
	object_free(o);
	return json_object_set_new(values, "tenant", name) ? ENOMEM : 0;
}

/* ---- into the outbox ---- */

/* Takes body. */
static int put(struct rows *r, struct outbox_news *n, const char *to, json_t *body, uint64_t *idp)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int err = text ? is_room(r, n->tenant_id) : ENOMEM;

	json_decref(body);
	if (err == ENOBUFS)
		log_warn(&(struct log_ctx){.tenant = n->tenant_id}, LOGID_MAIL,
			 "%d mails wait already: that to %s is dropped", MAIL_WAITING, to);
	n->body = text;
	if (!err)
		err = outbox_put_mail(r, n, idp);
	free(text);
	return err;
}

static json_t *body_of(const struct mail *m, const struct mail_template *own)
{
	const struct mail_text *t = text_of(m->kind);
	struct buf subject = {0}, text = {0};
	json_t *j = NULL;

	fill(&subject, own && *own->subject ? own->subject : t->subject, m->values);
	fill(&text, own && *own->text ? own->text : t->text, m->values);
	if (!subject.err && !text.err)
		j = json_pack("{s:s,s:s,s:s,s:o,s:o}", "to", m->to, "subject",
			      subject.p ? subject.p : "", "text", text.p ? text.p : "", "report_id",
			      json_sprintf("%" PRIu64, m->report_id), "codes_of",
			      json_sprintf("%" PRIu64, m->extension_id));
	buf_free(&subject);
	buf_free(&text);
	return j;
}

int mail_put(struct rows *r, const struct mail *m, uint64_t *idp)
{
	struct outbox_news n = {.tenant_id = m->tenant_id,
				.key = text_of(m->kind)->name,
				.subject = subject_of(m->of, m->to),
				.at_us = m->now_us};
	struct mail_template *own = NULL;
	int err = template_of(r, m->tenant_id, m->kind, &own);

	*idp = 0;
	if (!err && (!own || own->enabled)) {
		err = add_tenant(r, m->tenant_id, m->values);
		if (!err)
			err = put(r, &n, m->to, body_of(m, own), idp);
	}
	object_free((struct object *)own);
	return err;
}

int mail_put_test(struct rows *r, uint64_t tenant_id, const char *to, int64_t now_us, uint64_t *idp)
{
	struct outbox_news n = {.tenant_id = tenant_id,
				.key = MAIL_TEST,
				.subject = subject_of(0, to),
				.at_us = now_us};

	return put(r, &n, to,
		   json_pack("{s:s,s:s,s:s}", "to", to, "subject", "Offhook: test", "text",
			     "This is the test that was asked for: mail from here arrives.\n"),
		   idp);
}
