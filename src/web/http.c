/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  A head is parsed only when all of it is there (at most 16 KiB): no state between calls, so nothing can be left
 * half-read, and the fuzzer needs one entry.  Looking for its end again with each packet costs less than a state machine
 * per byte, as real clients send a head in one packet.
 */
#include "web/http.h"
#include <string.h>

static bool is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_char((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

/* Field values: no control characters but HTAB (a bare CR or a NUL hides what follows from some readers). */
static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

struct str http_field(const struct http_head *h, const char *name, size_t *countp)
{
	struct str want = str_of(name), found = STR_NONE;
	size_t count = 0;

	for (size_t i = 0; i < h->nfields; i++) {
		if (!str_ieq(h->fields[i].name, want))
			continue;
		if (!count++)
			found = h->fields[i].value;
	}
	if (countp)
		*countp = count;
	return found;
}

static void rebase(struct str *s, const char *from, size_t n, const char *to)
{
	if (s->p && s->p >= from && s->p <= from + n)
		s->p = to + (s->p - from);
}

void http_head_rebase(struct http_head *h, const char *from, size_t n, const char *to)
{
	rebase(&h->method, from, n, to);
	rebase(&h->query, from, n, to);
	for (size_t i = 0; i < h->nfields; i++) {
		rebase(&h->fields[i].name, from, n, to);
		rebase(&h->fields[i].value, from, n, to);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool has_bad_segment(struct str path)
{
	struct str rest = path;

	str_cut(&rest, '/'); /* what stands before the first slash: nothing */
	while (rest.p && rest.n) {
		struct str seg = str_cut(&rest, '/');

		if (!seg.n || str_eq(seg, STR(".")) || str_eq(seg, STR("..")))
			return true;
	}
	return false;
}

int http_path_decode(char *dst, size_t dst_bytes, struct str raw, struct str *out)
{
	size_t n = 0;

	if (!raw.n || raw.p[0] != '/' || raw.n >= dst_bytes)
		return EINVAL;
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '%') {
			int hi = i + 2 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
			int lo = hi >= 0 ? hex_digit(raw.p[i + 2]) : -1;

			if (lo < 0)
				return EINVAL;
			c = (char)(hi * 16 + lo);
			i += 2;
			if (c == '/' || c == '%')
				return EINVAL;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f || c == '\\')
			return EINVAL;
		dst[n++] = c;
	}
	dst[n] = '\0';
	*out = (struct str){dst, n};
	if (!str_is_utf8(*out) || has_bad_segment(*out))
		return EINVAL;
	return 0;
}

static int refuse(unsigned *statusp, unsigned status)
{
	*statusp = status;
	return EBADMSG;
}

/* Visible ASCII and bytes of UTF-8; no fragment, no spaces. */
static bool is_target(struct str t)
{
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (c <= 0x20 || c == 0x7f || c == '#')
			return false;
	}
	return t.n > 0;
}

static int parse_target(struct http_head *h, struct str target)
{
	struct str raw;

	if (!is_target(target))
		return EINVAL;
	/* absolute-form, as to a proxy (RFC 9112 3.2.2): the authority counts like Host and names nobody else here */
	if (target.p[0] != '/') {
		if (str_starts(target, STR("http://")) || str_starts(target, STR("https://"))) {
			str_cut(&target, '/');
			str_cut(&target, '/');
			struct str authority = str_cut(&target, '/');

			if (!authority.n || !target.p)
				return EINVAL;
			target.p--;
			target.n++;
		} else {
			return EINVAL;
		}
	}
	h->query = target;
	raw = str_cut(&h->query, '?');
	if (!h->query.p)
		h->query = STR("");
	return http_path_decode(h->path_bytes, sizeof(h->path_bytes), raw, &h->path);
}

static int parse_request_line(struct http_head *h, struct str line, unsigned *statusp)
{
	struct str method = str_cut(&line, ' ');
	struct str target = str_cut(&line, ' ');

	if (!is_token(method) || method.n > 32 || !target.n || !line.p)
		return refuse(statusp, 400);
	h->method = method;
	if (str_eq(line, STR("HTTP/1.0")))
		h->is_http10 = true;
	else if (str_starts(line, STR("HTTP/")) && !str_starts(line, STR("HTTP/1.")) && line.n == 8)
		return refuse(statusp, 505);
	else if (!str_eq(line, STR("HTTP/1.1")))
		return refuse(statusp, 400);
	if (parse_target(h, target))
		return refuse(statusp, 400);
	return 0;
}

static int parse_field(struct http_head *h, struct str line, unsigned *statusp)
{
	struct http_field *f;

	if (h->nfields == HTTP_MAX_FIELDS)
		return refuse(statusp, 431);
	f = &h->fields[h->nfields];
	f->name = str_cut(&line, ':');
	/* A name with a space behind it, or a folded line, is no token. */
	if (!line.p || !is_token(f->name) || !is_value(line))
		return refuse(statusp, 400);
	f->value = str_trim(line);
	h->nfields++;
	return 0;
}

/* How long the body is: said once, in one way (RFC 9112 6.3; the request is refused where the RFC lets us choose). */
static int read_framing(struct http_head *h, unsigned *statusp)
{
	size_t nlength, ncoding;
	struct str length = http_field(h, "content-length", &nlength);
	struct str coding = http_field(h, "transfer-encoding", &ncoding);

	if (ncoding && nlength)
		return refuse(statusp, 400);
	if (ncoding > 1 || nlength > 1 || (ncoding && h->is_http10))
		return refuse(statusp, 400);
	if (ncoding) {
		if (!str_ieq(coding, STR("chunked")))
			return refuse(statusp, 501);
		h->is_chunked = true;
	}
	if (nlength) {
		int err = str_u64(length, &h->content_length);

		if (err == ERANGE)
			return refuse(statusp, 413);
		if (err)
			return refuse(statusp, 400);
		h->has_length = true;
	}
	return 0;
}

static bool list_has(struct str list, struct str word)
{
	while (list.p) {
		if (str_ieq(str_trim(str_cut(&list, ',')), word))
			return true;
	}
	return false;
}

static int read_connection(struct http_head *h, unsigned *statusp)
{
	size_t nhost, nexpect;
	struct str conn = http_field(h, "connection", NULL), expect;

	http_field(h, "host", &nhost);
	if (nhost > 1 || (!nhost && !h->is_http10))
		return refuse(statusp, 400);
	h->keep_alive =
		h->is_http10 ? list_has(conn, STR("keep-alive")) : !list_has(conn, STR("close"));
	expect = http_field(h, "expect", &nexpect);
	if (nexpect && !str_ieq(expect, STR("100-continue")))
		return refuse(statusp, 417);
	h->expects_continue = nexpect && !h->is_http10;
	return 0;
}

/* A line up to CRLF; a bare LF or CR is refused. */
static int cut_line(struct str *rest, struct str *line, unsigned *statusp)
{
	const char *lf = memchr(rest->p, '\n', rest->n);

	if (!lf)
		return EAGAIN;
	line->p = rest->p;
	line->n = (size_t)(lf - rest->p);
	rest->n -= line->n + 1;
	rest->p = lf + 1;
	if (!line->n || line->p[line->n - 1] != '\r')
		return refuse(statusp, 400);
	line->n--;
	return 0;
}

static int parse_fields(struct http_head *h, struct str *rest, unsigned *statusp)
{
	struct str line;
	int err;

	for (;;) {
		err = cut_line(rest, &line, statusp);
		if (err)
			return err;
		if (!line.n)
			return 0;
		err = parse_field(h, line, statusp);
		if (err)
			return err;
	}
}

int http_head_parse(struct http_head *h, struct str bytes, size_t *usedp, unsigned *statusp)
{
	struct str rest = bytes, line;
	int err;

	h->nfields = 0;
	h->keep_alive = h->is_chunked = h->has_length = h->expects_continue = h->is_http10 = false;
	h->content_length = 0;

	/* One empty line may stand before (RFC 9112 2.2). */
	if (rest.n >= 2 && rest.p[0] == '\r' && rest.p[1] == '\n') {
		rest.p += 2;
		rest.n -= 2;
	}
	if (rest.n && (rest.p[0] == '\n' || rest.p[0] == ' '))
		return refuse(statusp, 400);
	err = cut_line(&rest, &line, statusp);
	if (err == EAGAIN && rest.n > HTTP_MAX_LINE)
		return refuse(statusp, 414);
	if (err)
		return err;
	if (line.n > HTTP_MAX_LINE)
		return refuse(statusp, 414);
	err = parse_request_line(h, line, statusp);
	if (err)
		return err;
	err = parse_fields(h, &rest, statusp);
	if (err == EAGAIN && bytes.n >= HTTP_MAX_HEAD)
		return refuse(statusp, 431);
	if (err)
		return err;
	*usedp = (size_t)(rest.p - bytes.p);
	if (*usedp > HTTP_MAX_HEAD)
		return refuse(statusp, 431);
	err = read_framing(h, statusp);
	if (err)
		return err;
	return read_connection(h, statusp);
}
