/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  c-ares' parsers do not tell the time to live of SRV and NAPTR records, so the records are walked here; names, the part
 * that is easy to get wrong, are expanded by c-ares.  Aliases are followed within the answer only: a recursive server
 * puts the whole chain there.
 */
#include <ares.h>
#include <stdlib.h>
#include <string.h>
#include "net/dns_answer.h"

enum {
	HEADER_BYTES = 12,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	CLASS_IN = 1,
	MAX_ALIASES = 8,
	MAX_WALKED = 256
};
enum { NONE_TTL_S = 60, NONE_MAX_S = 300 };

struct packet {
	const uint8_t *p;
	size_t n, at;
};

struct rr {
	char name[LOCATE_NAME_BYTES];
	uint16_t type, class;
	uint32_t ttl;
	size_t data, ndata; /* where in the packet */
};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

bool dns_is_name(struct str name)
{
	size_t label = 0;

	if (!name.n || name.n > 253)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
			continue;
		}
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_') ||
		    ++label > 63)
			return false;
	}
	return true;
}

/* A name at `at`; dst "" for the root and for what is no host name.  *np: bytes it takes there. */
static int read_name(const struct packet *k, size_t at, char dst[LOCATE_NAME_BYTES], size_t *np)
{
	char *text = NULL;
	long taken = 0;

	dst[0] = '\0';
	if (at >= k->n || ares_expand_name(k->p + at, k->p, (int)k->n, &text, &taken) ||
	    taken <= 0 || (size_t)taken > k->n - at) {
		ares_free_string(text);
		return EPROTO;
	}
	if (dns_is_name(str_of(text)))
		str_fit(dst, LOCATE_NAME_BYTES, str_of(text));
	ares_free_string(text);
	*np = (size_t)taken;
	return 0;
}

static int read_rr(struct packet *k, struct rr *rr)
{
	size_t n;

	if (read_name(k, k->at, rr->name, &n))
		return EPROTO;
	k->at += n;
	if (k->n - k->at < 10)
		return EPROTO;
	rr->type = (uint16_t)get16(k->p + k->at);
	rr->class = (uint16_t)get16(k->p + k->at + 2);
	rr->ttl = get32(k->p + k->at + 4);
	if (rr->ttl > INT32_MAX) /* RFC 2181 8 */
		rr->ttl = 0;
	rr->ndata = get16(k->p + k->at + 8);
	k->at += 10;
	rr->data = k->at;
	if (k->n - k->at < rr->ndata)
		return EPROTO;
	k->at += rr->ndata;
	return 0;
}

/* ---- records by type ---- */

static bool add_addr(struct dns_records *r, const struct packet *k, const struct rr *rr)
{
	struct addr *a = &r->addr[r->n];
	size_t n = r->type == DNS_A ? 4 : 16;

	if (rr->ndata != n)
		return false;
	*a = (struct addr){.family = r->type == DNS_A ? 4 : 6};
	memcpy(a->ip, k->p + rr->data, n);
	/* one peer has one form, and nobody is reached at "any" */
	return !addr_is_any(a) && !(n == 16 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80) &&
	       !(n == 16 && !memcmp(a->ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12));
}

static bool add_srv(struct dns_records *r, const struct packet *k, const struct rr *rr)
{
	struct dns_srv *s = &r->srv[r->n];
	const uint8_t *p = k->p + rr->data;
	size_t n;

	if (rr->ndata < 7 || read_name(k, rr->data + 6, s->host, &n) || n != rr->ndata - 6)
		return false;
	s->priority = (uint16_t)get16(p);
	s->weight = (uint16_t)get16(p + 2);
	s->port = (uint16_t)get16(p + 4);
	return s->port || !s->host[0];
}

/* A counted string; *at moves behind it. */
static int read_string(const struct packet *k, size_t *at, size_t end, char *dst, size_t dst_bytes)
{
	size_t n;

	if (*at >= end)
		return EPROTO;
	n = k->p[*at];
	if (end - *at - 1 < n)
		return EPROTO;
	str_fit(dst, dst_bytes, (struct str){(const char *)k->p + *at + 1, n < dst_bytes ? n : 0});
	*at += 1 + n;
	return 0;
}

static bool add_naptr(struct dns_records *r, const struct packet *k, const struct rr *rr)
{
	struct dns_naptr *x = &r->naptr[r->n];
	size_t at = rr->data + 4, end = rr->data + rr->ndata, n;
	char regexp[2];

	if (rr->ndata < 8)
		return false;
	x->order = (uint16_t)get16(k->p + rr->data);
	x->preference = (uint16_t)get16(k->p + rr->data + 2);
	if (read_string(k, &at, end, x->flags, sizeof(x->flags)) ||
	    read_string(k, &at, end, x->service, sizeof(x->service)) ||
	    read_string(k, &at, end, regexp, sizeof(regexp)) || at >= end ||
	    read_name(k, at, x->replacement, &n) || n != end - at)
		return false;
	return x->replacement[0] != '\0';
}

static void take(struct dns_records *r, const struct packet *k, const struct rr *rr)
{
	bool is_good = false;

	if (r->n == DNS_MAX_RECORDS)
		return;
	switch (r->type) {
	case DNS_A:
	case DNS_AAAA:
		is_good = add_addr(r, k, rr);
		break;
	case DNS_SRV:
		is_good = add_srv(r, k, rr);
		break;
	case DNS_NAPTR:
		is_good = add_naptr(r, k, rr);
		break;
	}
	if (!is_good)
		return;
	r->n++;
	if (rr->ttl < r->ttl_s)
		r->ttl_s = rr->ttl;
}

static int by_srv(const void *a, const void *b)
{
	const struct dns_srv *x = a, *y = b;

	return (int)x->priority - (int)y->priority;
}

static int by_naptr(const void *a, const void *b)
{
	const struct dns_naptr *x = a, *y = b;

	return x->order != y->order ? (int)x->order - (int)y->order
				    : (int)x->preference - (int)y->preference;
}

/* ---- the whole ---- */

/* One walk over the answers for records of `name`.  EPROTO; *alias is set when it has one. */
static int walk(struct dns_records *r, struct packet *k, size_t n, const char *name,
		char alias[LOCATE_NAME_BYTES])
{
	struct rr rr;
	int err = 0;

	alias[0] = '\0';
	for (size_t i = 0; i < n && !err; i++) {
		size_t taken;

		err = read_rr(k, &rr);
		if (err || rr.class != CLASS_IN || !str_ieq(str_of(rr.name), str_of(name)))
			continue;
		if (rr.type == (uint16_t)r->type)
			take(r, k, &rr);
		else if (rr.type == TYPE_CNAME && !alias[0] &&
			 !read_name(k, rr.data, alias, &taken) && rr.ttl < r->ttl_s)
			r->ttl_s = rr.ttl;
	}
	return err;
}

/* RFC 2308 5: the smaller of the SOA's own time and its last field. */
static uint32_t none_ttl(struct packet *k, size_t nauthority)
{
	uint32_t ttl = NONE_TTL_S;
	struct rr rr;

	for (size_t i = 0; i < nauthority && !read_rr(k, &rr); i++) {
		if (rr.type != TYPE_SOA || rr.ndata < 22)
			continue;
		ttl = get32(k->p + rr.data + rr.ndata - 4);
		if (rr.ttl < ttl)
			ttl = rr.ttl;
		break;
	}
	return ttl > NONE_MAX_S ? NONE_MAX_S : ttl;
}

static int fail(struct dns_records *r, int err)
{
	r->n = 0;
	r->err = err;
	return err;
}

/* EPROTO, EAGAIN, or 0 with the question's name; k->at stands behind it.  NXDOMAIN goes on: an alias may lead nowhere. */
static int read_head(struct packet *k, enum dns_type type, char name[LOCATE_NAME_BYTES])
{
	unsigned rcode;
	size_t n;

	if (k->n < HEADER_BYTES || !(k->p[2] & 0x80) || get16(k->p + 4) != 1)
		return EPROTO;
	rcode = k->p[3] & 0x0f;
	if (rcode != 0 && rcode != 3)
		return EAGAIN;
	if (read_name(k, HEADER_BYTES, name, &n) || !name[0] || k->n - HEADER_BYTES - n < 4)
		return EPROTO;
	k->at = HEADER_BYTES + n + 4;
	return get16(k->p + k->at - 4) == (unsigned)type ? 0 : EPROTO;
}

int dns_answer_parse(struct dns_records *r, enum dns_type type, const uint8_t *p, size_t n)
{
	struct packet k = {p, n, 0};
	char name[LOCATE_NAME_BYTES], alias[LOCATE_NAME_BYTES];
	size_t start, nanswers;
	int err;

	*r = (struct dns_records){.type = type, .ttl_s = DNS_MAX_TTL_S};
	err = n > INT32_MAX ? EPROTO : read_head(&k, type, name);
	if (err)
		return fail(r, err);
	start = k.at;
	nanswers = get16(p + 6) < MAX_WALKED ? get16(p + 6) : MAX_WALKED;
	for (unsigned hops = 0; hops < MAX_ALIASES; hops++) {
		k.at = start;
		err = walk(r, &k, nanswers, name, alias);
		if (err)
			return fail(r, err);
		if (r->n || !alias[0])
			break;
		memcpy(name, alias, sizeof(name));
	}
	if (!r->n) {
		r->ttl_s = none_ttl(&k, get16(p + 8) < MAX_WALKED ? get16(p + 8) : MAX_WALKED);
		return fail(r, ENOENT);
	}
	if (type == DNS_SRV)
		qsort(r->srv, r->n, sizeof(r->srv[0]), by_srv);
	else if (type == DNS_NAPTR)
		qsort(r->naptr, r->n, sizeof(r->naptr[0]), by_naptr);
	return 0;
}
