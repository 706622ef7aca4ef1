/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PIDF is read by expat, element by element.  A DOCTYPE ends it at once: without one there are no entities to be blown up,
 * and nothing outside the document is ever asked for.
 */
#include <expat.h>
#include <string.h>
#include "base/mem.h"
#include "presence/pidf.h"

#define PIDF_NS	  "urn:ietf:params:xml:ns:pidf|"
#define PERSON_NS "urn:ietf:params:xml:ns:pidf:data-model|"
#define RPID_NS	  "urn:ietf:params:xml:ns:pidf:rpid|"

enum where { ELSEWHERE, IN_BASIC, IN_NOTE, IN_ACTIVITIES };

struct reader {
	XML_Parser xml;
	struct pidf *p;
	unsigned depth, nelements;
	unsigned inner; /* depth of what `where` names */
	enum where where;
	char text[PIDF_NOTE_BYTES];
	size_t ntext;
	int err;
};

static const char *const activity_names[PIDF_NACTIVITIES] = {
#define X(ID, element) [PIDF_##ID] = element,
#include "presence/activities.def"
#undef X
};

const char *pidf_activity_name(enum pidf_activity a)
{
	return activity_names[a];
}

static void stop(struct reader *r, int err)
{
	if (!r->err)
		r->err = err;
	XML_StopParser(r->xml, XML_FALSE);
}

/* The local name when the element is of that namespace, else "". */
static const char *local_name(const char *name, const char *ns)
{
	size_t n = strlen(ns);

	return strncmp(name, ns, n) ? "" : name + n;
}

static void note_activity(struct reader *r, const char *name)
{
	for (unsigned i = 0; i < PIDF_NACTIVITIES; i++)
		if (!strcmp(name, activity_names[i]))
			r->p->activities |= 1u << i;
}

static void enter(struct reader *r, enum where where)
{
	r->where = where;
	r->inner = r->depth;
	r->ntext = 0;
}

static void on_start(void *arg, const char *name, const char **attributes)
{
	struct reader *r = arg;

	if (++r->depth > PIDF_MAX_DEPTH || ++r->nelements > PIDF_MAX_ELEMENTS)
		return stop(r, E2BIG);
	if (r->depth == 1 && strcmp(name, PIDF_NS "presence"))
		return stop(r, EINVAL);
	if (r->where == IN_ACTIVITIES && r->depth == r->inner + 1)
		note_activity(r, local_name(name, RPID_NS));
	if (r->where != ELSEWHERE)
		return;
	if (!strcmp(name, PIDF_NS "basic"))
		enter(r, IN_BASIC);
	else if (!strcmp(name, RPID_NS "activities"))
		enter(r, IN_ACTIVITIES);
	else if (!r->p->note[0] &&
		 (!strcmp(name, PIDF_NS "note") || !strcmp(name, PERSON_NS "note") ||
		  !strcmp(name, RPID_NS "note")))
		enter(r, IN_NOTE);
}

static void take_basic(struct reader *r)
{
	struct str text = str_trim((struct str){r->text, r->ntext});

	if (str_eq(text, STR("open")))
		r->p->is_open = r->p->has_status = true;
	else if (str_eq(text, STR("closed")))
		r->p->has_status = true;
	else
		stop(r, EINVAL);
}

static void take_note(struct reader *r)
{
	struct str text = str_trim((struct str){r->text, r->ntext});

	/* a character cut in the middle goes whole */
	if (r->ntext == sizeof(r->text))
		while (text.n && (text.p[--text.n] & 0xc0) == 0x80)
			;
	str_fit(r->p->note, sizeof(r->p->note), text);
}

static void on_end(void *arg, const char *name)
{
	struct reader *r = arg;

	if (r->where != ELSEWHERE && r->depth == r->inner) {
		if (r->where == IN_BASIC)
			take_basic(r);
		else if (r->where == IN_NOTE)
			take_note(r);
		r->where = ELSEWHERE;
	}
	r->depth--;
}

static void on_text(void *arg, const char *text, int n)
{
	struct reader *r = arg;
	size_t room = sizeof(r->text) - r->ntext;

	if ((r->where != IN_BASIC && r->where != IN_NOTE) || r->depth != r->inner)
		return;
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(r->text + r->ntext, text, room);
	r->ntext += room;
}

static void on_doctype(void *arg, const char *name, const char *sysid, const char *pubid,
		       int has_internal)
{
	stop(arg, EINVAL);
}

static void *give_back(void *p, size_t n)
{
	return n ? mem_realloc(p, n) : mem_free(p);
}

static void release(void *p)
{
	mem_free(p);
}

int pidf_parse(struct pidf *p, struct str body)
{
	static const XML_Memory_Handling_Suite memory = {mem_alloc, give_back, release};
	struct reader r = {.p = p};

	*p = (struct pidf){0};
	if (body.n > PIDF_MAX_BYTES)
		return E2BIG;
	r.xml = XML_ParserCreate_MM(NULL, &memory, "|");
	if (!r.xml)
		return ENOMEM;
	XML_SetUserData(r.xml, &r);
	XML_SetElementHandler(r.xml, on_start, on_end);
	XML_SetCharacterDataHandler(r.xml, on_text);
	XML_SetStartDoctypeDeclHandler(r.xml, on_doctype);
	if (XML_Parse(r.xml, body.p ? body.p : "", (int)body.n, XML_TRUE) != XML_STATUS_OK &&
	    !r.err)
		r.err = XML_GetErrorCode(r.xml) == XML_ERROR_NO_MEMORY ? ENOMEM : EINVAL;
	XML_ParserFree(r.xml);
	if (r.err)
		*p = (struct pidf){0};
	return r.err;
}
