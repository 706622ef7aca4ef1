/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding a body part.  A part of multipart/… inside a multipart is entered too, at most MAX_NESTING deep; each level
 * reads only its own text, so a body is never read more often than that.
 */
#include <string.h>
#include "sip/chars.h"
#include "sip/header.h"

enum { MAX_NESTING = 3, MAX_PARTS = 32, MAX_BOUNDARY = 70 };

static struct str find_part(struct str type, struct str text, struct str wanted, int depth);

/* The media type without parameters; the parameters are left in *params. */
static struct str media_type(struct str content_type, struct str *params)
{
	*params = content_type;
	return str_trim(str_cut(params, ';'));
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

/* A part is header lines, a blank line, content.  Folded lines are joined to nothing: their fields are not those we read,
 * or their parameters do not matter to us (boundary excepted, which is then not found). */
static struct str look_into(struct str part, struct str wanted, int depth)
{
	struct str type = STR("text/plain");

	while (part.p) {
		struct str value = body_line(&part);
		struct str name;

		if (!value.n)
			break;
		name = str_trim(str_cut(&value, ':'));
		value = str_trim(value);
		if (str_ieq(name, STR("c")) || str_ieq(name, STR("Content-Type")))
			type = value;
		else if (str_ieq(name, STR("Content-Transfer-Encoding")) &&
			 !str_ieq(value, STR("binary")) && !str_ieq(value, STR("8bit")) &&
			 !str_ieq(value, STR("7bit")))
			return STR_NONE;
	}
	return part.p ? find_part(type, part, wanted, depth + 1) : STR_NONE;
}

static struct str find_in_parts(struct str boundary, struct str text, struct str wanted, int depth)
{
	int kind;

	(void)take_part(&text, boundary, &kind); /* the preamble */
	for (int i = 0; kind == 1 && i < MAX_PARTS; i++) {
		struct str part = take_part(&text, boundary, &kind);
		struct str found = kind ? look_into(part, wanted, depth) : STR_NONE;

		if (found.p)
			return found;
	}
	return STR_NONE;
}

static struct str find_part(struct str content_type, struct str text, struct str wanted, int depth)
{
	struct str params, boundary;
	struct str type = media_type(content_type, &params);

	if (str_ieq(type, wanted))
		return text;
	if (depth >= MAX_NESTING || !sip_istarts(type, STR("multipart/")))
		return STR_NONE;
	if (!sip_param(params, STR("boundary"), &boundary) || !boundary.n ||
	    boundary.n > MAX_BOUNDARY)
		return STR_NONE;
	return find_in_parts(boundary, text, wanted, depth);
}

struct str sip_msg_body(const struct sip_msg *m, struct str content_type)
{
	if (!m->body.n)
		return STR_NONE;
	return find_part(sip_msg_header(m, SIP_HDR_CONTENT_TYPE), m->body, content_type, 0);
}

bool sip_msg_body_is_optional(const struct sip_msg *m)
{
	struct str params = sip_msg_header(m, SIP_HDR_CONTENT_DISPOSITION), handling;

	str_cut(&params, ';');
	return sip_param(params, STR("handling"), &handling) && str_ieq(handling, STR("optional"));
}
