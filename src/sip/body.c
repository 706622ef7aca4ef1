/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Body parts: finding one, and whether the others may be passed over (RFC 3261 20.11, RFC 5621).  A part of multipart/… inside
 * a multipart is entered too, at most MAX_NESTING deep; each level reads only its own text, so a body is never read more often
 * than that.
 */
#include <string.h>
#include "sip/chars.h"
#include "sip/header.h"

enum { MAX_NESTING = 3, MAX_PARTS = 32, MAX_BOUNDARY = 70 };

struct part {
	struct str type, disposition, encoding; /* its header fields */
	struct str text;
	bool is_coded; /* base64 … */
};

/* The media type without parameters; the parameters are left in *params. */
static struct str media_type(struct str content_type, struct str *params)
{
	*params = content_type;
	return str_trim(str_cut(params, ';'));
}

static bool is_type(const struct part *p, const char *type)
{
	struct str params;

	return str_ieq(media_type(p->type, &params), str_of(type));
}

/* The next line, without its end. */
static struct str body_line(struct str *text)
{
	struct str line = str_cut(text, '\n');

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* 0 no delimiter, 1 "--boundary", 2 "--boundary--" */
static int delimiter(struct str line, struct str boundary)
{
	struct str rest;

	if (line.n < boundary.n + 2 || memcmp(line.p, "--", 2) ||
	    memcmp(line.p + 2, boundary.p, boundary.n))
		return 0;
	rest = str_trim(sip_sub(line, boundary.n + 2, line.n));
	if (str_eq(rest, STR("--")))
		return 2;
	return rest.n ? 0 : 1;
}

/* The text up to the next delimiter line; *kind says which one, 0 when there is none. */
static struct str take_part(struct str *text, struct str boundary, int *kind)
{
	const char *start = text->p;
	const char *end = start;

	while (text->p) {
		struct str line = body_line(text);

		*kind = delimiter(line, boundary);
		if (*kind) {
			/* the line end before a delimiter belongs to the delimiter */
			end = line.p;
			if (end > start && end[-1] == '\n')
				end--;
			if (end > start && end[-1] == '\r')
				end--;
			return (struct str){start, (size_t)(end - start)};
		}
	}
	*kind = 0;
	return STR_NONE;
}

/* A header line with the lines folded into it, without its end. */
static struct str field_line(struct str *text)
{
	struct str line = body_line(text);

	while (line.n && text->n && (text->p[0] == ' ' || text->p[0] == '\t')) {
		struct str more = body_line(text);

		line.n = (size_t)(more.p + more.n - line.p);
	}
	return line;
}

/* Header lines, a blank line, content.  False: it has no end of its header. */
static bool read_part(struct part *p, struct str text)
{
	*p = (struct part){.type = STR("text/plain")};
	while (text.p) {
		struct str value = field_line(&text);
		struct str name;

		if (!value.n)
			break;
		name = str_trim(str_cut(&value, ':'));
		value = str_trim(value);
		if (str_ieq(name, STR("c")) || str_ieq(name, STR("Content-Type")))
			p->type = value;
		else if (str_ieq(name, STR("Content-Disposition")))
			p->disposition = value;
		else if (str_ieq(name, STR("e")) || str_ieq(name, STR("Content-Encoding")))
			p->encoding = value;
		else if (str_ieq(name, STR("Content-Transfer-Encoding")))
			p->is_coded = !str_ieq(value, STR("binary")) &&
				      !str_ieq(value, STR("8bit")) && !str_ieq(value, STR("7bit"));
	}
	p->text = text;
	return text.p != NULL;
}

static struct part whole(const struct sip_msg *m)
{
	return (struct part){
		.type = sip_msg_header(m, SIP_HDR_CONTENT_TYPE),
		.disposition = sip_msg_header(m, SIP_HDR_CONTENT_DISPOSITION),
		.encoding = sip_msg_header(m, SIP_HDR_CONTENT_ENCODING),
		.text = m->body,
	};
}

/* ---- the parts of a multipart ---- */

struct parts {
	struct str boundary, text;
	int kind, n;
};

static bool parts_open(struct parts *v, const struct part *p)
{
	struct str params;

	if (!sip_istarts(media_type(p->type, &params), STR("multipart/")) ||
	    !sip_param(params, STR("boundary"), &v->boundary) || !v->boundary.n ||
	    v->boundary.n > MAX_BOUNDARY)
		return false;
	v->text = p->text;
	v->n = 0;
	(void)take_part(&v->text, v->boundary, &v->kind); /* the preamble */
	return true;
}

/* The text of the next one.  False: there is none, and kind 2 says that it ended as it should. */
static bool parts_next(struct parts *v, struct str *text)
{
	if (v->kind != 1 || v->n++ == MAX_PARTS)
		return false;
	*text = take_part(&v->text, v->boundary, &v->kind);
	return v->kind != 0;
}

/* ---- finding ---- */

/* RFC 3261 20.11: what it is for, when that must be understood.  Keys in INFO are signals. */
static bool is_for_us(struct str disposition)
{
	struct str type = str_trim(str_cut(&disposition, ';'));

	return !type.n || str_ieq(type, STR("session")) || str_ieq(type, STR("render")) ||
	       str_ieq(type, STR("signal"));
}

static bool is_encoded(const struct part *p)
{
	return p->encoding.n && !str_ieq(p->encoding, STR("identity"));
}

static struct str find_part(const struct part *p, struct str wanted, int depth)
{
	struct str params, text, found;
	struct parts parts;
	struct part one;

	if (is_encoded(p))
		return STR_NONE;
	if (str_ieq(media_type(p->type, &params), wanted))
		return p->text;
	if (depth >= MAX_NESTING || !parts_open(&parts, p))
		return STR_NONE;
	while (parts_next(&parts, &text)) {
		if (!read_part(&one, text) || one.is_coded || !is_for_us(one.disposition))
			continue;
		found = find_part(&one, wanted, depth + 1);
		if (found.p)
			return found;
	}
	return STR_NONE;
}

struct str sip_msg_body(const struct sip_msg *m, struct str content_type)
{
	const struct part p = whole(m);

	return m->body.n ? find_part(&p, content_type, 0) : STR_NONE;
}

/* ---- what cannot be passed over ---- */

static struct str handling_of(struct str disposition)
{
	struct str handling;

	str_cut(&disposition, ';');
	return sip_param(disposition, STR("handling"), &handling) ? handling : STR_NONE;
}

static bool is_optional(struct str disposition)
{
	return str_ieq(handling_of(disposition), STR("optional"));
}

bool sip_msg_body_is_strange(const struct sip_msg *m)
{
	struct str disposition = sip_msg_header(m, SIP_HDR_CONTENT_DISPOSITION);

	return m->body.n && !is_for_us(disposition) && !is_optional(disposition);
}

static enum sip_body_fault fault_of(const struct part *p, struct str wanted, int depth);

/* A part that does not say how it is to be handled.  By the letter it is required (RFC 3261 20.11); but gateways add ISUP and notes so,
 * and their calls are no worse for our not reading them. */
static bool is_silent(const struct part *p, struct str wanted)
{
	struct str params;
	struct str type = media_type(p->type, &params);

	return !handling_of(p->disposition).n && !sip_istarts(type, STR("multipart/")) &&
	       !str_ieq(type, wanted);
}

/* All of a mixed one must be understood, silent ones beside what is wanted excepted; one of the alternatives, the root of related ones
 * (RFC 5621 4 to 6). */
static enum sip_body_fault fault_in_parts(const struct part *p, struct str wanted, int depth)
{
	bool is_mixed = is_type(p, "multipart/mixed"),
	     is_choice = is_type(p, "multipart/alternative");
	enum sip_body_fault fault = SIP_BODY_TYPE, passed_over = SIP_BODY_FINE, f;
	struct parts parts;
	struct part one;
	struct str text;
	size_t n = 0;

	if ((!is_mixed && !is_choice && !is_type(p, "multipart/related")) || depth >= MAX_NESTING ||
	    !parts_open(&parts, p))
		return SIP_BODY_TYPE;
	while (parts_next(&parts, &text)) {
		bool is_read = read_part(&one, text);

		f = is_read  ? fault_of(&one, wanted, depth + 1)
		    : text.n ? SIP_BODY_TYPE
			     : SIP_BODY_FINE;
		if (is_mixed && f && is_read && is_silent(&one, wanted)) {
			passed_over = f;
			f = SIP_BODY_FINE;
		}
		if (!n++ || (is_mixed && f) || (is_choice && !f))
			fault = f;
		if (is_mixed && fault)
			return fault;
	}
	if (!n || parts.kind != 2)
		return SIP_BODY_TYPE;
	return passed_over && !find_part(p, wanted, depth).p ? passed_over : fault;
}

/* RFC 6442 4: where somebody is, is there for who asks for it, and is looked up by a header field that others pass over. */
static bool is_referred_to(const struct part *p)
{
	struct str of = p->disposition;

	return str_ieq(str_trim(str_cut(&of, ';')), STR("by-reference")) ||
	       is_type(p, "application/pidf+xml");
}

static enum sip_body_fault fault_of(const struct part *p, struct str wanted, int depth)
{
	struct str params;

	if (!p->text.n || is_optional(p->disposition))
		return SIP_BODY_FINE;
	if (is_encoded(p))
		return SIP_BODY_ENCODING;
	if (!wanted.n)
		return SIP_BODY_FINE;
	if (depth && is_referred_to(p))
		return SIP_BODY_FINE;
	if (p->is_coded || !is_for_us(p->disposition))
		return SIP_BODY_TYPE;
	if (str_ieq(media_type(p->type, &params), wanted))
		return SIP_BODY_FINE;
	return fault_in_parts(p, wanted, depth);
}

enum sip_body_fault sip_msg_body_fault(const struct sip_msg *m, struct str content_type)
{
	const struct part p = whole(m);

	return fault_of(&p, content_type, 0);
}
