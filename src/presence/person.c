/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The presence package: whether an extension can be reached, and what its person does.
 *
 * Composed from three sources: what its devices have published (publish.c), whether one is registered (asked only where nothing
 * was published), and whether it is on the phone, which is ours to know and is added to whatever was published.
 *
 * Sources  RFC 3856, RFC 3863, RFC 4480
 */
#include "call/lines.h"
#include "presence/inside.h"
#include "presence/publish.h"

static unsigned find(struct presence *p, const struct identity *who, struct str user, uint64_t *id)
{
	const struct extension *e = presence_extension(p, who->tenant->o.id, user);

	if (!who->extension)
		return 403;
	if (!e)
		return 404;
	*id = e->o.id;
	return 0;
}

static bool is_registered(const struct topic *t)
{
	const struct account *a;
	size_t pos = 0;

	while ((a = model_extension_accounts(t->p->conf.model, t->tenant_id, t->id, &pos))) {
		size_t at = 0;

		if (registrar_contacts(t->p->conf.registrar, t->tenant_id, a->o.id, &at))
			return true;
	}
	return false;
}

/* A telephone that rings is not yet talked on. */
static bool is_on_the_phone(const struct topic *t)
{
	const struct leg *at = NULL;
	struct line_view v;

	while (lines_next(t->p->conf.calls, t->tenant_id, t->id, &at, &v))
		if (v.state == LINE_CONFIRMED || v.is_initiator)
			return true;
	return false;
}

static void write_tuple(struct topic *t, struct buf *out, unsigned n, bool is_open,
			const char *number)
{
	buf_printf(out, "<tuple id=\"t%u\"><status><basic>%s</basic></status><contact>", n,
		   is_open ? "open" : "closed");
	xml_sip_uri(out, t->p, t->tenant_id, number);
	buf_cstr(out, "</contact></tuple>\n");
}

static void write_person(struct buf *out, uint32_t activities, const char *note)
{
	if (!activities && !*note)
		return;
	buf_cstr(out, "<dm:person id=\"person\"><rpid:activities>");
	if (!activities)
		buf_cstr(out, "<rpid:unknown/>");
	for (unsigned i = 0; i < PIDF_NACTIVITIES; i++)
		if (activities & (1u << i))
			buf_printf(out, "<rpid:%s/>", pidf_activity_name(i));
	buf_cstr(out, "</rpid:activities>");
	if (*note) {
		buf_cstr(out, "<dm:note>");
		xml_text(out, str_of(note));
		buf_cstr(out, "</dm:note>");
	}
	buf_cstr(out, "</dm:person>\n");
}

static void write(struct topic *t, struct buf *out, uint32_t since)
{
	const struct extension *e = model_extension(t->p->conf.model, t->tenant_id, t->id);
	const char *number = e ? e->number : "", *note = "";
	uint32_t activities = is_on_the_phone(t) ? 1u << PIDF_ON_THE_PHONE : 0;
	const struct pidf *said;
	size_t pos = 0;
	unsigned n = 0;

	buf_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
		      "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "
		      "xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"");
	xml_sip_uri(out, t->p, t->tenant_id, number);
	buf_cstr(out, "\">\n");
	while ((said = published_next(t->p, t->tenant_id, t->id, &pos))) {
		write_tuple(t, out, ++n, said->is_open, number);
		activities |= said->activities;
		if (!*note)
			note = said->note;
	}
	if (!n)
		write_tuple(t, out, ++n, is_registered(t), number);
	write_person(out, activities, note);
	buf_cstr(out, "</presence>\n");
}

const struct package package_person = {
	.of = OF_EXTENSION,
	.has_lists = true,
	.event = "presence",
	.content_type = "application/pidf+xml",
	.find = find,
	.write = write,
};
