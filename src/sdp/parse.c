/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a description: lines are counted first, then one block holds the struct, both tables and a copy of the text.
 *
 * Strict where a mistake would send media astray (v=, o=, c=, m=), lenient elsewhere: s= and t= may be missing, lines may
 * end in LF, lines of unknown type are skipped.
 */
#include <string.h>
#include "base/mem.h"
#include "sdp/lines.h"

struct reader {
	struct sdp *s;
	struct sdp_media *m; /* NULL: the session part */
	struct sdp_attribute *next_attribute;
	struct sdp_format *next_format;
	struct addr session_connection, connection;
	bool has_session_connection, has_connection;
	const char *why;
};

static int fail(struct reader *r, int err, const char *why)
{
	r->why = why;
	return err;
}

/* Session numbers are only ever compared; some are longer than 64 bits, some are no numbers. */
static uint64_t number(struct str s)
{
	uint64_t v = 0;

	return str_u64(s, &v) == ERANGE ? UINT64_MAX : v;
}

static int read_origin(struct reader *r, struct str value)
{
	struct sdp *s = r->s;
	struct str id;

	if (s->version_text.p)
		return fail(r, EINVAL, "o= twice");
	s->origin_user = sdp_word(&value);
	id = sdp_word(&value);
	s->version_text = sdp_word(&value);
	if (!s->origin_user.n || !id.n || !s->version_text.n || sdp_connection(&s->origin, value))
		return fail(r, EINVAL, "o=");
	s->id = number(id);
	s->version = number(s->version_text);
	return 0;
}

static int read_connection(struct reader *r, struct str value)
{
	bool *has = r->m ? &r->has_connection : &r->has_session_connection;
	struct addr *a = r->m ? &r->connection : &r->session_connection;

	if (*has)
		return 0;
	*has = true;
	return sdp_connection(a, value) ? fail(r, EINVAL, "c=") : 0;
}

static int end_media(struct reader *r, const char *end)
{
	struct sdp_media *m = r->m;

	if (!m) {
		r->s->lines.n = (size_t)(end - r->s->lines.p);
		return 0;
	}
	m->lines.n = (size_t)(end - m->lines.p);
	if (!r->has_connection && !r->has_session_connection && m->port)
		return fail(r, EINVAL, "m= without c=");
	sdp_media_finish(m, r->s, r->has_connection ? &r->connection : &r->session_connection);
	return 0;
}

static int read_formats(struct reader *r, struct str list)
{
	struct sdp_media *m = r->m;
	bool is_rtp = sdp_proto_is_rtp(m->proto);

	m->formats = r->next_format;
	for (;;) {
		struct str text = sdp_word(&list);
		struct sdp_format f = {.text = text, .pt = -1};
		uint32_t pt;

		if (!text.n)
			break;
		if (m->nformats == SDP_MAX_FORMATS)
			return fail(r, E2BIG, "too many formats");
		if (is_rtp) {
			if (str_u32(text, &pt) || pt > 127)
				return fail(r, EINVAL, "m= with a payload type that is none");
			f.pt = (int)pt;
		}
		m->formats[m->nformats++] = f;
	}
	r->next_format += m->nformats;
	return m->nformats ? 0 : fail(r, EINVAL, "m= without formats");
}

static int begin_media(struct reader *r, const struct sdp_line *line, const char *behind)
{
	struct str rest = line->value, port_text;
	uint32_t port, count;
	struct sdp_media *m;
	int err = end_media(r, line->start);

	if (err)
		return err;
	if (r->s->nmedia == SDP_MAX_MEDIA)
		return fail(r, E2BIG, "too many m-lines");
	m = r->m = &r->s->media[r->s->nmedia++];
	m->lines.p = behind;
	m->attributes = r->next_attribute;
	r->has_connection = false;
	r->connection = (struct addr){0};
	m->kind = sdp_word(&rest);
	port_text = sdp_word(&rest);
	m->proto = sdp_word(&rest);
	if (!m->kind.n || !m->proto.n || str_u32(str_cut(&port_text, '/'), &port) || port > 65535)
		return fail(r, EINVAL, "m=");
	if (port_text.p && (str_u32(port_text, &count) || !count))
		return fail(r, EINVAL, "m= with a port count that is none");
	m->port = (uint16_t)port;
	return read_formats(r, rest);
}

static int read_attribute(struct reader *r, struct str value)
{
	size_t *n = r->m ? &r->m->nattributes : &r->s->nattributes;
	struct sdp_attribute a = sdp_attribute_of(value);

	if (!a.name.n)
		return fail(r, EINVAL, "a=");
	if (*n == SDP_MAX_ATTRIBUTES)
		return fail(r, E2BIG, "too many attributes");
	*r->next_attribute++ = a;
	(*n)++;
	return 0;
}

static void read_bandwidth(struct reader *r, const struct sdp_line *line)
{
	struct str *b = &r->s->bandwidth;

	if (r->m)
		return;
	if (!b->p)
		b->p = line->start;
	b->n = (size_t)(line->value.p + line->value.n - b->p);
}

static int read_line(struct reader *r, const struct sdp_line *line, const char *behind)
{
	switch (line->type) {
	case 0:
		return fail(r, EINVAL, "a line without type");
	case 'v':
		return fail(r, EINVAL, "v= twice");
	case 'o':
		return r->m ? fail(r, EINVAL, "o= after m=") : read_origin(r, line->value);
	case 'c':
		return read_connection(r, line->value);
	case 'm':
		return begin_media(r, line, behind);
	case 'a':
		return read_attribute(r, line->value);
	case 'b':
		read_bandwidth(r, line);
		return 0;
	default:
		return 0;
	}
}

static int read_lines(struct reader *r, struct str text)
{
	const char *end = text.p + text.n;
	struct sdp_line line;

	if (!sdp_line_next(&text, &line) || line.type != 'v' ||
	    !str_eq(str_trim(line.value), STR("0")))
		return fail(r, EINVAL, "v=");
	r->s->lines.p = text.p ? text.p : end;
	while (sdp_line_next(&text, &line)) {
		int err;

		/* empty lines at the end are seen in the field */
		if (!line.type && !line.value.n && !str_trim(text).n)
			break;
		err = read_line(r, &line, text.p ? text.p : end);
		if (err)
			return err;
	}
	if (!r->s->version_text.p)
		return fail(r, EINVAL, "no o=");
	return end_media(r, end);
}

/* Upper bounds for both tables. */
static void count(struct str text, size_t *nattributes, size_t *nformats)
{
	struct sdp_line line;

	*nattributes = *nformats = 0;
	while (sdp_line_next(&text, &line)) {
		*nattributes += line.type == 'a';
		if (line.type != 'm')
			continue;
		for (size_t i = 0; i < line.value.n; i++)
			*nformats += line.value.p[i] == ' ';
	}
}

/* NUL nowhere, CR only before LF: what we pass on must read the same for everybody. */
static bool is_clean(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!text.p[i] || (text.p[i] == '\r' && (i + 1 == text.n || text.p[i + 1] != '\n')))
			return false;
	return true;
}

int sdp_parse(struct sdp **sp, struct str text, const char **why)
{
	struct reader r = {0};
	size_t nattributes, nformats;
	int err;

	*why = NULL;
	if (text.n > SDP_MAX_BYTES) {
		*why = "too long";
		return E2BIG;
	}
	if (!is_clean(text)) {
		*why = "control character";
		return EINVAL;
	}
	count(text, &nattributes, &nformats);
	r.s = mem_alloc(sizeof(*r.s) + nformats * sizeof(struct sdp_format) +
			nattributes * sizeof(struct sdp_attribute) + text.n + 1);
	if (!r.s)
		return ENOMEM;
	r.next_format = (struct sdp_format *)(r.s + 1);
	r.next_attribute = (struct sdp_attribute *)(r.next_format + nformats);
	r.s->attributes = r.next_attribute;
	r.s->text = (char *)(r.next_attribute + nattributes);
	if (text.n)
		memcpy(r.s->text, text.p, text.n);
	err = read_lines(&r, (struct str){r.s->text, text.n});
	*why = r.why;
	if (err) {
		sdp_free(r.s);
	} else {
		sdp_bundle_finish(r.s);
		*sp = r.s;
	}
	return err;
}

struct sdp *sdp_free(struct sdp *s)
{
	return mem_free(s);
}

bool sdp_same(const struct sdp *before, const struct sdp *now)
{
	struct str va = before->version_text, vb = now->version_text;

	return str_eq((struct str){before->text, (size_t)(va.p - before->text)},
		      (struct str){now->text, (size_t)(vb.p - now->text)}) &&
	       str_eq(str_of(va.p + va.n), str_of(vb.p + vb.n));
}
