/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dialog package: the calls of an extension, one <dialog> for each of its legs, under the leg's own id.
 *
 * DESIGN  A document says the whole state as long as that fits into a datagram: phones that take each document for the whole
 * (there are many) then show the right lamp.  Where it does not fit, who was told before gets what has changed since.  Dialogs that
 * have ended stay here until every watcher was told of their end.  They come first and those that talk last, because
 * a phone that keeps one state per key keeps the last.
 *
 * What it takes to pick a call up (Call-ID and tags for Replaces) is given while it rings, never of a call that is talked on.
 *
 * Sources  RFC 4235; RFC 3891 (Replaces)
 */
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "call/lines.h"
#include "schema/feature_codes.h"
#include "presence/inside.h"

enum { MAX_LIVE = 64, MAX_ENDED = 16 };

/* RTE-12: no extension has this id.  Its one dialog is there while the tenant's night mode is on. */
#define NIGHT_LAMP UINT64_MAX

struct entry {
	uint64_t leg_id;
	uint32_t seq; /* topic->seq when it changed last */
	bool is_live, is_seen;
	bool is_initiator, is_held;
	enum line_state state;
	char number[128], name[128];
	char sip_call_id[256], local_tag[128], remote_tag[64];
};

struct dialog_state {
	struct entry *entries; /* in order of appearance */
	size_t n, cap;
	uint32_t floor; /* who was told before that must be told everything */
};

static struct dialog_state *state_of(struct topic *t)
{
	return (struct dialog_state *)t->state;
}

static unsigned find(struct presence *p, const struct identity *who, struct str user, uint64_t *id)
{
	const struct extension *e = presence_extension(p, who->tenant->o.id, user);
	char name[8];

	if (!who->extension)
		return 403;
	if (!sip_unescape(name, sizeof(name), user) && !strcmp(name, NIGHT_MODE_CODE)) {
		*id = NIGHT_LAMP;
		return 0;
	}
	if (!e)
		return 404;
	*id = e->o.id;
	return 0;
}

static void close(struct topic *t)
{
	mem_free(state_of(t)->entries);
}

/* ---- the state ---- */

static struct entry *entry_of(struct dialog_state *d, uint64_t leg_id)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->entries[i].leg_id == leg_id)
			return &d->entries[i];
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 2;
		void *grown = cap > MAX_LIVE + MAX_ENDED
				      ? NULL
				      : mem_realloc(d->entries, cap * sizeof(struct entry));

		if (!grown)
			return NULL;
		d->entries = grown;
		d->cap = cap;
	}
	d->entries[d->n] = (struct entry){.leg_id = leg_id};
	return &d->entries[d->n++];
}

static void note(struct topic *t, const struct line_view *v)
{
	struct entry *e = entry_of(state_of(t), v->id);
	bool is_early = v->state == LINE_EARLY;

	if (!e)
		return; /* one lamp among too many */
	e->is_seen = true;
	if (e->is_live && e->state == v->state && e->is_held == v->is_held)
		return;
	e->is_live = true;
	e->seq = t->seq;
	e->state = v->state;
	e->is_held = v->is_held;
	e->is_initiator = v->is_initiator;
	str_fit(e->number, sizeof(e->number), str_of(v->number));
	str_fit(e->name, sizeof(e->name), str_of(v->name));
	/* half an id is none */
	if (!is_early || str_copy(e->sip_call_id, sizeof(e->sip_call_id), str_of(v->sip_call_id)) ||
	    str_copy(e->local_tag, sizeof(e->local_tag), str_of(v->local_tag)) ||
	    str_copy(e->remote_tag, sizeof(e->remote_tag), str_of(v->remote_tag)))
		e->sip_call_id[0] = '\0';
}

static void remove_at(struct dialog_state *d, size_t i)
{
	memmove(&d->entries[i], &d->entries[i + 1], (--d->n - i) * sizeof(struct entry));
}

static void forget_ended(struct topic *t)
{
	struct dialog_state *d = state_of(t);
	uint32_t told = topic_seen_by_all(t);
	size_t nended = 0;

	for (size_t i = d->n; i-- > 0;) {
		struct entry *e = &d->entries[i];

		if (e->is_live)
			continue;
		if (e->seq > told && ++nended <= MAX_ENDED)
			continue;
		if (e->seq > told && e->seq > d->floor)
			d->floor = e->seq;
		remove_at(d, i);
	}
}

static void note_night(struct topic *t)
{
	const struct tenant *tenant = model_tenant(t->p->conf.model, t->tenant_id);
	const struct line_view on = {.id = 1,
				     .state = LINE_CONFIRMED,
				     .number = NIGHT_MODE_CODE,
				     .name = "",
				     .sip_call_id = "",
				     .local_tag = "",
				     .remote_tag = ""};

	if (tenant && tenant->night_mode)
		note(t, &on);
}

void dialog_night_changed(struct presence *p, uint64_t tenant_id)
{
	struct topic *t = topic_find(p, &package_dialog, tenant_id, NIGHT_LAMP);

	if (t)
		topic_changed(t);
}

static void look(struct topic *t)
{
	struct dialog_state *d = state_of(t);
	const struct leg *at = NULL;
	struct line_view v;

	for (size_t i = 0; i < d->n; i++)
		d->entries[i].is_seen = false;
	forget_ended(t);
	if (t->id == NIGHT_LAMP)
		note_night(t);
	while (lines_next(t->p->conf.calls, t->tenant_id, t->id, &at, &v))
		note(t, &v);
	for (size_t i = 0; i < d->n; i++) {
		struct entry *e = &d->entries[i];

		if (e->is_seen || !e->is_live)
			continue;
		e->is_live = false;
		e->seq = t->seq;
	}
}

/* ---- the document ---- */

static const char *state_name(const struct entry *e)
{
	static const char *const names[] = {
		[LINE_TRYING] = "trying", [LINE_EARLY] = "early", [LINE_CONFIRMED] = "confirmed"};

	return e->is_live ? names[e->state] : "terminated";
}

static void write_attribute(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, " %s=\"", name);
	xml_text(out, str_of(value));
	buf_char(out, '"');
}

static void write_party(struct topic *t, struct buf *out, const char *element, const char *name,
			const char *number, bool is_held)
{
	buf_printf(out, "<%s><identity", element);
	if (*name)
		write_attribute(out, "display", name);
	buf_char(out, '>');
	xml_sip_uri(out, t->p, t->tenant_id, number);
	buf_cstr(out, "</identity><target uri=\"");
	xml_sip_uri(out, t->p, t->tenant_id, number);
	/* RFC 4235 4.4: the device has put the call on hold */
	buf_printf(out,
		   is_held ? "\"><param pname=\"+sip.rendering\" pval=\"no\"/></target></%s>\n"
			   : "\"/></%s>\n",
		   element);
}

static void write_dialog(struct topic *t, struct buf *out, const struct entry *e,
			 const char *own_number)
{
	buf_printf(out, "<dialog id=\"%" PRIu64 "\"", e->leg_id);
	if (e->is_live && e->state == LINE_EARLY && e->sip_call_id[0]) {
		write_attribute(out, "call-id", e->sip_call_id);
		write_attribute(out, "local-tag", e->local_tag);
		write_attribute(out, "remote-tag", e->remote_tag);
	}
	buf_printf(out, " direction=\"%s\">\n<state>%s</state>\n",
		   e->is_initiator ? "initiator" : "recipient", state_name(e));
	write_party(t, out, "local", "", own_number, e->is_live && e->is_held);
	write_party(t, out, "remote", e->name, e->number, false);
	buf_cstr(out, "</dialog>\n");
}

static int rank(const struct entry *e)
{
	return !e->is_live ? 0 : e->state == LINE_CONFIRMED ? 2 : 1;
}

static void write(struct topic *t, struct buf *out, uint32_t since)
{
	const struct dialog_state *d = state_of(t);
	const struct extension *e = model_extension(t->p->conf.model, t->tenant_id, t->id);
	const char *number = e ? e->number : t->id == NIGHT_LAMP ? NIGHT_MODE_CODE : "";

	if (since < d->floor)
		since = 0;
	buf_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dialog-info "
		      "xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"");
	write_version(out, t);
	buf_printf(out, "\" state=\"%s\" entity=\"", since ? "partial" : "full");
	xml_sip_uri(out, t->p, t->tenant_id, number);
	buf_cstr(out, "\">\n");
	for (int r = 0; r <= 2; r++)
		for (size_t i = 0; i < d->n; i++)
			if (rank(&d->entries[i]) == r && d->entries[i].seq > since)
				write_dialog(t, out, &d->entries[i], number);
	buf_cstr(out, "</dialog-info>\n");
}

const struct package package_dialog = {
	.of = OF_EXTENSION,
	.has_lists = true,
	.event = "dialog",
	.content_type = "application/dialog-info+xml",
	.find = find,
	.state_bytes = sizeof(struct dialog_state),
	.close = close,
	.look = look,
	.write = write,
};
