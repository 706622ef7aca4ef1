/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reg package: the contacts of an account, told to its own devices.  A document says all of them; those that have gone are in
 * it until every watcher was told.
 *
 * Sources  RFC 3680
 */
#include <inttypes.h>
#include <string.h>
#include "presence/inside.h"

enum { MAX_GONE = 8, URI_BYTES = 256 };

struct gone {
	uint64_t record_id;
	uint32_t seq;
	bool is_expired;
	char uri[URI_BYTES];
};

struct reg_state {
	struct gone gone[MAX_GONE]; /* oldest first */
	size_t n;
};

static unsigned find(struct presence *p, const struct identity *who, struct str user, uint64_t *id)
{
	char name[128];

	if (sip_unescape(name, sizeof(name), user))
		return 404;
	if (strcasecmp(name, who->account->username) &&
	    (!who->extension || strcasecmp(name, who->extension->number)))
		return model_account_by_username(p->conf.model, who->tenant->o.id, str_of(name))
			       ? 403
			       : 404;
	*id = who->account->o.id;
	return 0;
}

static void look(struct topic *t)
{
	struct reg_state *r = (struct reg_state *)t->state;
	uint32_t told = topic_seen_by_all(t);

	while (r->n && r->gone[0].seq <= told)
		memmove(&r->gone[0], &r->gone[1], --r->n * sizeof(r->gone[0]));
}

void reginfo_changed(struct presence *p, const struct contact *c, bool is_added)
{
	struct topic *t = topic_find(p, &package_reginfo, c->tenant_id, c->account_id);
	struct reg_state *r;

	if (!t)
		return;
	r = (struct reg_state *)t->state;
	if (!is_added) {
		struct gone *g;

		if (r->n == MAX_GONE)
			memmove(&r->gone[0], &r->gone[1], --r->n * sizeof(*g));
		g = &r->gone[r->n++];
		*g = (struct gone){.record_id = c->record_id,
				   .seq = t->seq + 1,
				   .is_expired =
					   c->expires_at_us <= clock_wall_us(p->conf.env.clock)};
		str_fit(g->uri, sizeof(g->uri), str_of(c->uri));
	}
	topic_changed(t);
}

static void write_contact(struct buf *out, uint64_t id, const char *state, const char *event,
			  int64_t seconds, const char *uri)
{
	buf_printf(out, "<contact id=\"%" PRIu64 "\" state=\"%s\" event=\"%s\"", id, state, event);
	if (seconds >= 0)
		buf_printf(out, " expires=\"%" PRId64 "\"", seconds);
	buf_cstr(out, "><uri>");
	xml_text(out, str_of(uri));
	buf_cstr(out, "</uri></contact>\n");
}

static void write(struct topic *t, struct buf *out, uint32_t since)
{
	const struct reg_state *r = (const struct reg_state *)t->state;
	const struct account *a = model_account(t->p->conf.model, t->tenant_id, t->id);
	int64_t now = clock_wall_us(t->p->conf.env.clock);
	struct buf contacts = {0};
	const struct contact *c;
	size_t pos = 0;
	bool is_active = false;

	while ((c = registrar_contacts(t->p->conf.registrar, t->tenant_id, t->id, &pos))) {
		is_active = true;
		write_contact(&contacts, c->record_id, "active", "registered",
			      c->expires_at_us > now ? (c->expires_at_us - now) / 1000000 : 0,
			      c->uri);
	}
	for (size_t i = 0; i < r->n; i++)
		write_contact(&contacts, r->gone[i].record_id, "terminated",
			      r->gone[i].is_expired ? "expired" : "unregistered", -1,
			      r->gone[i].uri);
	buf_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"");
	write_version(out, t);
	buf_cstr(out, "\" state=\"full\">\n<registration aor=\"");
	xml_sip_uri(out, t->p, t->tenant_id, a ? a->username : "");
	buf_printf(out, "\" id=\"a%" PRIu64 "\" state=\"%s\">\n%.*s</registration>\n</reginfo>\n",
		   t->id,
		   is_active ? "active"
		   : r->n    ? "terminated"
			     : "init",
		   STR_ARG(buf_view(&contacts)));
	if (contacts.err)
		out->err = contacts.err;
	buf_free(&contacts);
}

const struct package package_reginfo = {
	.of = OF_ACCOUNT,
	.event = "reg",
	.content_type = "application/reginfo+xml",
	.find = find,
	.state_bytes = sizeof(struct reg_state),
	.look = look,
	.write = write,
};
