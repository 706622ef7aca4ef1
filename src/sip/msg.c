/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a message: one allocation holds the struct, the index of header fields and a copy of the bytes.
 *
 * DESIGN: lines are counted first, so that the index has its size before anything is read.  Folded lines are joined in
 * the copy by turning their line ends into spaces.  The first thing found wrong is remembered (flaw()) and reading goes
 * on: the answer needs Via, From, To, Call-ID and CSeq wherever they stand.
 *
 * COST    a softphone's INVITE of 1,170 bytes with credentials and SDP: 19,700 instructions (callgrind, -O2); its 180
 * written: 9,600; its credentials checked: 14,000.
 *
 * Line ends are CRLF and nothing else.  Others read a bare CR or LF differently, and what they differ in is where a
 * header hides; so both are flaws, as is NUL outside a quoted pair, and all three become spaces in our copy, so that an
 * answer built from it cannot be split.
 */
#include <string.h>
#include "base/mem.h"
#include "sip/chars.h"
#include "sip/header.h"
#include "sip/parse.h"

static const char *const repeated[] = {
#define X(id, name, compact, is_list) "Repeated " name,
#include "sip/headers.def"
#undef X
};

void sip_parse_flaw(struct sip_parse *p, unsigned status, const char *bad)
{
	if (p->status)
		return;
	p->status = status;
	p->msg->bad = bad;
}

/* Eight bytes that may all stand in a line?  Says no for some that may: those are looked at one by one.
 * Below 0x20 the first term has a high bit, at 0x7f the second; bytes above 0x7f are taken out of both. */
static bool eight_are_text(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return !(((x - ones * 0x20) | (x + ones)) & ~x & ones * 0x80);
}

static char *skip_text(char *c, const char *end)
{
	while (end - c >= 8 && eight_are_text(c))
		c += 8;
	while (c < end && sip_is(*c, SIP_CH_TEXT))
		c++;
	return c;
}

/* The next line without its end, or STR_NONE at the end of the text. */
static struct str next_line(struct sip_parse *p)
{
	char *start = p->at, *c = start;

	if (start == p->end) {
		p->is_cut = true;
		return STR_NONE;
	}
	for (;; c++) {
		c = skip_text(c, p->end);
		if (c == p->end) {
			p->is_cut = true;
			p->at = c;
			return (struct str){start, (size_t)(c - start)};
		}
		if (*c == '\r' && c + 1 < p->end && c[1] == '\n') {
			p->at = c + 2;
			return (struct str){start, (size_t)(c - start)};
		}
		if (*c == '\n') {
			sip_parse_flaw(p, 400, "Line Without CR");
			p->at = c + 1;
			return (struct str){start, (size_t)(c - start)};
		}
		/* a quoted pair may hold any character but CR and LF */
		if (*c != '\r' && c > start && c[-1] == '\\')
			continue;
		sip_parse_flaw(p, 400, "Control Character");
		*c = ' ';
	}
}

static bool is_folded(const struct sip_parse *p)
{
	return p->at < p->end && (*p->at == ' ' || *p->at == '\t');
}

/* A header line with the lines folded into it; empty: the blank line.  *first: length of its first line. */
static struct str next_field(struct sip_parse *p, size_t *first)
{
	struct str field = next_line(p);

	*first = field.n;
	if (!field.n || p->is_cut)
		return field;
	while (is_folded(p) && !p->is_cut) {
		char *gap = (char *)(uintptr_t)field.p + field.n;
		struct str more;

		memset(gap, ' ', (size_t)(p->at - gap));
		more = next_line(p);
		field.n = (size_t)(more.p + more.n - field.p);
	}
	return field;
}

static void add_header(struct sip_parse *p, struct str name, struct str value)
{
	struct sip_msg *m = p->msg;
	struct sip_header *h;
	enum sip_hdr id;

	if (m->nheaders == p->max_headers) {
		sip_parse_flaw(p, 513, "Too Many Headers");
		p->is_cut = true;
		return;
	}
	id = sip_header_find(name);
	h = &m->headers[m->nheaders++];
	*h = (struct sip_header){id, name, value};
	if (id == SIP_HDR_OTHER)
		return;
	if (!m->first[id])
		m->first[id] = (uint16_t)m->nheaders;
	else if (sip_header_is_single(id, m->is_request))
		sip_parse_flaw(p, 400, repeated[id]);
}

static void read_headers(struct sip_parse *p)
{
	if (is_folded(p))
		sip_parse_flaw(p, 400, "Folded Request Line");
	while (!p->is_cut) {
		size_t n = 0, colon, first;
		struct str field = next_field(p, &first);

		if (!field.n)
			break;
		while (n < first && sip_is(field.p[n], SIP_CH_TOKEN))
			n++;
		/* RFC 3261 25.1, HCOLON: the line does not end before it; the framer of streams looks no further */
		colon = n;
		while (colon < first && (field.p[colon] == ' ' || field.p[colon] == '\t'))
			colon++;
		if (!n || colon == first || field.p[colon] != ':') {
			sip_parse_flaw(p, 400, "Malformed Header Line");
			continue;
		}
		add_header(p, sip_sub(field, 0, n), str_trim(sip_sub(field, colon + 1, field.n)));
	}
	if (p->is_cut)
		sip_parse_flaw(p, 400, "Message Ends Within Headers");
}

/* "SIP/2.0 200 OK".  Nobody can be told what is wrong with a response: errors drop it. */
static int read_status_line(struct sip_parse *p, struct str line)
{
	struct sip_msg *m = p->msg;
	struct str rest = line;
	struct str version = str_cut(&rest, ' ');
	struct str code = str_cut(&rest, ' ');

	if (!str_ieq(version, STR("SIP/2.0")) || code.n != 3 || str_u32(code, &m->status))
		return EBADMSG;
	if (m->status < 100 || m->status > 699)
		return EBADMSG;
	m->reason = str_trim(rest);
	return 0;
}

/* "INVITE sip:a@b SIP/2.0" with exactly one space between. */
static int read_request_line(struct sip_parse *p, struct str line)
{
	struct sip_msg *m = p->msg;
	struct str rest = line, version, trimmed = str_trim(line);
	size_t i = trimmed.n;

	m->method_name = str_cut(&rest, ' ');
	while (i && trimmed.p[i - 1] != ' ')
		i--;
	version = sip_sub(trimmed, i, trimmed.n);
	if (!rest.p || version.p <= rest.p || !sip_istarts(version, STR("SIP/")))
		return EBADMSG;
	if (!sip_is_token(m->method_name))
		return EBADMSG;
	m->is_request = true;
	m->method = sip_method_find(m->method_name);
	m->uri = (struct str){rest.p, (size_t)(version.p - 1 - rest.p)};
	if (!str_ieq(version, STR("SIP/2.0")))
		sip_parse_flaw(p, 505, "Version Not Supported");
	if (trimmed.n != line.n || str_trim(m->uri).n != m->uri.n) {
		m->uri = str_trim(m->uri);
		sip_parse_flaw(p, 400, "White Space in Request Line");
	}
	return 0;
}

static int read_start_line(struct sip_parse *p)
{
	struct str line = next_line(p);

	if (!line.n)
		return EBADMSG;
	if (sip_istarts(line, STR("SIP/")))
		return read_status_line(p, line);
	return read_request_line(p, line);
}

/* Lines up to the blank one, at most what the index may hold. */
static unsigned count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	unsigned lines = 0;

	while (lines < SIP_MAX_HEADERS && p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		if (!lf || lf == p || (lf == p + 1 && *p == '\r'))
			break;
		lines++;
		p = lf + 1;
	}
	return lines;
}

static struct sip_msg *alloc_for(struct sip_parse *p, const struct flow *from, const char *text,
				 size_t n)
{
	size_t index_bytes;
	struct sip_msg *m;
	char *copy;

	p->max_headers = count_lines(text, n);
	index_bytes = p->max_headers * sizeof(struct sip_header);
	m = mem_alloc(sizeof(*m) + index_bytes + n + 1);
	if (!m)
		return NULL;
	m->refs = 1;
	m->method = SIP_UNKNOWN_METHOD;
	m->flow = *from;
	m->headers = (struct sip_header *)(m + 1);
	copy = (char *)m->headers + index_bytes;
	memcpy(copy, text, n);
	copy[n] = '\0';
	p->msg = m;
	p->start = p->at = copy;
	p->end = copy + n;
	return m;
}

int sip_msg_parse(struct sip_msg **msgp, const struct flow *from, const void *bytes, size_t n,
		  unsigned *status)
{
	struct sip_parse p = {0};
	const char *text = bytes;
	bool is_too_large = n > SIP_MAX_BYTES;
	int err;

	*msgp = NULL;
	*status = 0;
	if (is_too_large)
		n = SIP_MAX_BYTES;
	/* RFC 3261 7.5: empty lines before a message are ignored */
	while (n && (*text == '\r' || *text == '\n'))
		text++, n--;
	if (!n)
		return EBADMSG;
	if (!alloc_for(&p, from, text, n))
		return ENOMEM;
	if (is_too_large)
		sip_parse_flaw(&p, 513, "Message Too Large");
	err = read_start_line(&p);
	if (err)
		goto out;
	read_headers(&p);
	err = sip_parse_check(&p);
	if (err)
		goto out;
	sip_parse_body(&p);
	if (p.status)
		err = p.msg->is_request ? EPROTO : EBADMSG;
out:
	if (err && err != EPROTO) {
		sip_msg_deref(p.msg);
		return err;
	}
	*status = p.status;
	*msgp = p.msg;
	return err;
}

struct sip_msg *sip_msg_ref(struct sip_msg *m)
{
	m->refs++;
	return m;
}

struct sip_msg *sip_msg_deref(struct sip_msg *m)
{
	if (m && !--m->refs)
		mem_free(m);
	return NULL;
}
