/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  Stricter than the parser behind it: a header line ends with CRLF and nothing else.  Were a lone LF or CR let through,
 * framer and parser could disagree about where a header field or a message ends, and that is how messages are
 * smuggled.  For the same reason two Content-Lengths are refused even when they agree.
 *
 * The first line decides early whether this is SIP at all, so that a browser made to POST here is cut off before its
 * body, which may hold SIP, is looked at.
 */
#include <string.h>

#include "net/frame.h"

static enum frame_kind bad(struct frame *f, const char *why)
{
	f->why = why;
	return FRAME_BAD;
}

static enum frame_kind done(struct frame *f, enum frame_kind kind, size_t n, size_t *take)
{
	*f = (struct frame){0};
	*take = n;
	return kind;
}

static bool is_token_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-.!%*_+`'~", c));
}

/* "METHOD uri SIP/2.0" or "SIP/2.0 200 OK"; other versions too, which are the parser's to answer. */
static bool is_sip_line(struct str line)
{
	const struct str sip = STR("SIP/");
	struct str last = str_trim(line);

	if (line.n >= sip.n && str_ieq((struct str){line.p, sip.n}, sip))
		return true;
	for (size_t i = last.n; i; i--)
		if (last.p[i - 1] == ' ' || last.p[i - 1] == '\t') {
			last.p += i;
			last.n -= i;
			return last.n >= sip.n && str_ieq((struct str){last.p, sip.n}, sip);
		}
	return false;
}

/* The line that begins at *at in the header, without its CRLF; moves *at to the next. */
static struct str next_line(struct str head, size_t *at)
{
	const char *end = memchr(head.p + *at, '\n', head.n - *at);
	struct str line = {head.p + *at, (size_t)(end - head.p) - *at - 1};

	*at += line.n + 2;
	return line;
}

static bool is_folded(struct str head, size_t at)
{
	return at < head.n && (head.p[at] == ' ' || head.p[at] == '\t');
}

/* The one Content-Length of a complete header.  False: none, several, or not a number. */
static bool content_length(struct str head, uint64_t *length)
{
	unsigned found = 0;
	size_t at = 0;

	next_line(head, &at);
	while (at < head.n) {
		struct str value = next_line(head, &at);
		struct str name = str_trim(str_cut(&value, ':'));

		if (!value.p)
			continue; /* no colon: the parser will say so */
		while (is_folded(head, at)) {
			struct str more = next_line(head, &at);

			value.n = (size_t)(more.p + more.n - value.p);
		}
		if (!str_ieq(name, STR("Content-Length")) && !str_ieq(name, STR("l")))
			continue;
		if (found++)
			return false;
		switch (str_u64(str_trim(value), length)) {
		case 0:
			break;
		case ERANGE:
			*length = UINT64_MAX;
			break;
		default:
			return false;
		}
	}
	return found == 1;
}

static enum frame_kind between(struct frame *f, const uint8_t *p, size_t n, size_t *take)
{
	static const char crlf2[] = "\r\n\r\n";
	size_t same = 0;

	while (same < n && same < 4 && p[same] == (uint8_t)crlf2[same])
		same++;
	if (same == 4)
		return done(f, FRAME_PING, 4, take);
	if (same == n)
		return FRAME_MORE;
	if (same >= 2)
		return done(f, FRAME_SKIP, 2, take);
	return bad(f, "a line that does not end with CRLF");
}

static enum frame_kind header_ended(struct frame *f, const uint8_t *p, size_t *take)
{
	uint64_t length;

	if (!content_length((struct str){(const char *)p, f->seen}, &length))
		return done(f, FRAME_LAST, f->seen, take);
	if (length > FRAME_MAX_BYTES - f->seen)
		return done(f, FRAME_LAST, f->seen, take);
	f->total = f->seen + (size_t)length;
	return FRAME_MORE;
}

/* Reads header lines up to the empty one. */
static enum frame_kind scan(struct frame *f, const uint8_t *p, size_t n, size_t *take)
{
	while (f->seen < n && !f->total) {
		uint8_t c = p[f->seen];
		bool after_cr = f->seen && p[f->seen - 1] == '\r';

		if (f->seen >= FRAME_MAX_BYTES)
			return bad(f, "a header that is too large");
		if (after_cr != (c == '\n'))
			return bad(f, "a line that does not end with CRLF");
		f->seen++;
		if (c != '\n')
			continue;
		if (!f->is_sip) {
			f->is_sip = is_sip_line((struct str){(const char *)p, f->seen - 2});
			if (!f->is_sip)
				return bad(f, "a first line that is not SIP");
		} else if (f->seen - f->line == 2) {
			enum frame_kind kind = header_ended(f, p, take);

			if (kind != FRAME_MORE)
				return kind;
		}
		f->line = f->seen;
	}
	return FRAME_MORE;
}

enum frame_kind frame_next(struct frame *f, const uint8_t *p, size_t n, size_t *take)
{
	enum frame_kind kind;

	*take = 0;
	if (!n)
		return FRAME_MORE;
	if (!f->seen) {
		if (p[0] == '\r')
			return between(f, p, n, take);
		if (!is_token_char(p[0]))
			return bad(f, "a first byte that is not SIP");
	}
	kind = scan(f, p, n, take);
	if (kind != FRAME_MORE)
		return kind;
	if (f->total && n >= f->total)
		return done(f, FRAME_MESSAGE, f->total, take);
	return FRAME_MORE;
}
