/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists: one subscription to all members of a ring group.
 *
 * Such a subscription watches the group (its own topic, of package_group) and each member under the package it asked for.  Its
 * NOTIFY is multipart/related: first the list itself (RLMI), then a document for each member that has changed since it was told.
 * What does not fit is in the next NOTIFY; the whole list names those members without a document.
 *
 * A change of the group's members makes the next list a whole one.
 *
 * Sources  RFC 4662; RFC 2387 (multipart/related)
 */
#include <inttypes.h>
#include "base/mem.h"
#include "presence/inside.h"

enum {
	DOCUMENTS_BYTES = 12000, /* of one NOTIFY: few fragments where it goes by datagram */
	LAST_BYTES = 48000,	 /* of one that none can follow */
	PART_BYTES = 300,	 /* of what stands around a document, at most */
};

const struct package package_group = {.of = OF_GROUP, .event = "list"};

static const struct ring_group *group_of(const struct sub *s)
{
	const struct topic *t = s->own.topic;

	return model_ring_group(s->p->conf.model, t->tenant_id, t->id);
}

/* ---- who is in it ---- */

static void unwatch(struct watch *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		topic_unwatch(&w[i]);
	mem_free(w);
}

static const struct watch *find_watch(const struct sub *s, uint64_t id)
{
	for (size_t i = 0; i < s->nmembers; i++)
		if (s->members[i].topic->id == id)
			return &s->members[i];
	return NULL;
}

/* One who stays goes on with its versions. */
static int watch_one(struct sub *s, struct watch *w, uint64_t id)
{
	const struct watch *before = find_watch(s, id);

	if (before) {
		w->seen = before->seen;
		w->version = before->version;
	}
	w->sub = s;
	return topic_watch(s->p, s->package, s->own.topic->tenant_id, id, w);
}

int list_follow(struct sub *s)
{
	const struct ring_group *g = group_of(s);
	uint64_t tenant_id = s->own.topic->tenant_id;
	struct watch *w;
	size_t n = 0;
	int err = 0;

	if (!g)
		return 0; /* its end is on its way */
	w = mem_alloc((g->members.n + 1) * sizeof(*w));
	if (!w)
		return ENOMEM;
	for (size_t i = 0; i < g->members.n && !err; i++) {
		const struct ring_group_member *m =
			(const struct ring_group_member *)g->members.v[i];

		if (!model_extension(s->p->conf.model, tenant_id, m->extension_id))
			continue;
		err = watch_one(s, &w[n], m->extension_id);
		n += !err;
	}
	if (err) {
		unwatch(w, n);
		return err;
	}
	unwatch(s->members, s->nmembers);
	s->members = w;
	s->nmembers = n;
	return 0;
}

void list_unwatch(struct sub *s)
{
	unwatch(s->members, s->nmembers);
	s->members = NULL;
	s->nmembers = 0;
}

/* ---- what is told ---- */

/* Choose who gets a document in this one: those with news, while there is room. */
static void choose(struct sub *s)
{
	size_t room = s->st == SUB_LAST ? LAST_BYTES : DOCUMENTS_BYTES, used = 0;

	for (size_t i = 0; i < s->nmembers; i++) {
		struct watch *w = &s->members[i];
		size_t n;

		if (s->wants_all)
			w->seen = 0;
		w->telling = 0;
		if (w->seen == w->topic->seq)
			continue;
		n = topic_document(w->topic, w->seen)->text.n + PART_BYTES;
		if (used && used + n > room)
			continue;
		used += n;
		w->telling = w->topic->seq;
	}
}

static void write_id(struct buf *out, const struct sub *s, const struct watch *w)
{
	const struct tenant *t = model_tenant(s->p->conf.model, w->topic->tenant_id);

	buf_printf(out, "%" PRIu64 ".%" PRIu32 "@%s", w->topic->id, w->version,
		   t ? t->domain : "invalid");
}

static void write_resource(struct buf *out, const struct sub *s, const struct watch *w)
{
	const struct extension *e =
		model_extension(s->p->conf.model, w->topic->tenant_id, w->topic->id);

	buf_cstr(out, "<resource uri=\"");
	xml_sip_uri(out, s->p, w->topic->tenant_id, e ? e->number : "");
	buf_cstr(out, "\">");
	if (e && (*e->first_name || *e->last_name)) {
		buf_cstr(out, "<name>");
		xml_text(out, str_of(e->first_name));
		if (*e->first_name && *e->last_name)
			buf_char(out, ' ');
		xml_text(out, str_of(e->last_name));
		buf_cstr(out, "</name>");
	}
	buf_printf(out, "<instance id=\"%" PRIu64 "\" state=\"active\"", w->topic->id);
	if (w->telling) {
		buf_cstr(out, " cid=\"");
		write_id(out, s, w);
		buf_char(out, '"');
	}
	buf_cstr(out, "/></resource>\n");
}

static void write_list(struct buf *out, const struct sub *s, bool is_full)
{
	const struct ring_group *g = group_of(s);

	buf_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<list xmlns=\"urn:ietf:params:xml:ns:rlmi\" uri=\"");
	xml_sip_uri(out, s->p, s->own.topic->tenant_id, g ? g->number : "");
	buf_printf(out, "\" version=\"%" PRIu32 "\" fullState=\"%s\">\n", s->own.version,
		   is_full ? "true" : "false");
	if (g && *g->name) {
		buf_cstr(out, "<name>");
		xml_text(out, str_of(g->name));
		buf_cstr(out, "</name>\n");
	}
	for (size_t i = 0; i < s->nmembers; i++)
		if (is_full || s->members[i].telling)
			write_resource(out, s, &s->members[i]);
	buf_cstr(out, "</list>\n");
}

static void begin_part(struct buf *out, const char *boundary, const char *type)
{
	buf_printf(out,
		   "--%s\r\nContent-Transfer-Encoding: binary\r\nContent-Type: %s\r\nContent-ID: <",
		   boundary, type);
}

int list_write(struct sub *s, struct buf *out, struct buf *type)
{
	struct sip *sip = s->p->conf.sip;
	const struct tenant *t = model_tenant(s->p->conf.model, s->own.topic->tenant_id);
	const char *domain = t ? t->domain : "invalid";
	bool is_full = s->wants_all || s->own.seen != s->own.topic->seq;
	char boundary[64];
	int err = s->own.seen != s->own.topic->seq ? list_follow(s) : 0;

	if (err)
		return err;
	choose(s);
	s->own.telling = s->own.topic->seq;
	sip_make_tag(sip, boundary, sizeof(boundary));
	buf_reset(type);
	buf_printf(type,
		   "multipart/related;type=\"application/rlmi+xml\";start=\"<list.%" PRIu32
		   "@%s>\";boundary=\"%s\"",
		   s->own.version, domain, boundary);
	begin_part(out, boundary, "application/rlmi+xml;charset=\"UTF-8\"");
	buf_printf(out, "list.%" PRIu32 "@%s>\r\n\r\n", s->own.version, domain);
	write_list(out, s, is_full);
	for (size_t i = 0; i < s->nmembers; i++) {
		struct watch *w = &s->members[i];

		if (!w->telling)
			continue;
		buf_cstr(out, "\r\n");
		begin_part(out, boundary, s->package->content_type);
		write_id(out, s, w);
		buf_cstr(out, ">\r\n\r\n");
		topic_write(topic_document(w->topic, w->seen), w->version, out);
	}
	buf_printf(out, "\r\n--%s--\r\n", boundary);
	return type->err;
}

bool list_told(struct sub *s)
{
	bool has_more = false;

	for (size_t i = 0; i < s->nmembers; i++) {
		struct watch *w = &s->members[i];

		if (w->telling) {
			w->seen = w->telling;
			w->version++;
		} else if (w->seen != w->topic->seq) {
			has_more = true;
		}
		w->telling = 0;
	}
	return has_more;
}
