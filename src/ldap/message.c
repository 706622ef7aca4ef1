/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ldap/message.h"
#include <errno.h>

int ldap_frame(const uint8_t *p, size_t n, size_t *lengthp)
{
	size_t length = 0, head = 2;

	if (n < 1)
		return EAGAIN;
	if (p[0] != 0x30)
		return EBADMSG;
	if (n < 2)
		return EAGAIN;
	if (p[1] & 0x80) {
		const size_t more = p[1] & 0x7f;

		if (!more || more > 4)
			return EBADMSG;
		head += more;
		if (n < head)
			return EAGAIN;
		for (size_t i = 2; i < head; i++)
			length = length << 8 | p[i];
	} else {
		length = p[1];
	}
	if (length > LDAP_MAX_MESSAGE)
		return EBADMSG;
	if (n < head + length)
		return EAGAIN;
	*lengthp = head + length;
	return 0;
}

/* ---- elements ---- */

static bool next_is(BerElement *ber, ber_tag_t tag)
{
	ber_len_t n;

	return ber_peek_tag(ber, &n) == tag;
}

static int read_text(BerElement *ber, ber_tag_t tag, struct str *s)
{
	struct berval v;

	if (!next_is(ber, tag) || ber_get_stringbv(ber, &v, LBER_BV_NOTERM) == LBER_ERROR)
		return EBADMSG;
	*s = (struct str){v.bv_val ? v.bv_val : "", v.bv_len};
	return 0;
}

static int read_int(BerElement *ber, ber_tag_t tag, int32_t *np)
{
	ber_int_t n;

	if (!next_is(ber, tag) || ber_get_int(ber, &n) == LBER_ERROR)
		return EBADMSG;
	*np = n;
	return 0;
}

static int read_bool(BerElement *ber, bool *yes)
{
	ber_int_t n;

	if (!next_is(ber, LBER_BOOLEAN) || ber_get_boolean(ber, &n) == LBER_ERROR)
		return EBADMSG;
	*yes = n != 0;
	return 0;
}

static size_t left(BerElement *ber)
{
	const int n = ber_remaining(ber);

	return n > 0 ? (size_t)n : 0;
}

/* Goes into what is made of parts; *endp: where it ends, as what is left of the message then. */
static int enter(BerElement *ber, ber_tag_t tag, size_t *endp)
{
	ber_len_t n;

	if (!next_is(ber, tag) || ber_skip_tag(ber, &n) == LBER_ERROR || n > left(ber))
		return EBADMSG;
	*endp = left(ber) - n;
	return 0;
}

/* ---- filters ---- */

struct filter_reader {
	BerElement *ber;
	size_t items;
	bool is_too_much;
};

static json_t *undefined(void)
{
	return json_pack("{s:s}", "is", "undefined");
}

/* What is no text is compared with nothing. */
static json_t *value_of(struct str s)
{
	if (s.n > LDAP_MAX_VALUE || memchr(s.p, '\0', s.n))
		return NULL;
	return json_stringn(s.p, s.n);
}

static int read_compared(struct filter_reader *f, ber_tag_t tag, const char *is, json_t **out)
{
	struct str name, value;
	size_t end;
	json_t *v;
	int err = enter(f->ber, tag, &end);

	if (!err)
		err = read_text(f->ber, LBER_OCTETSTRING, &name);
	if (!err)
		err = read_text(f->ber, LBER_OCTETSTRING, &value);
	if (err || left(f->ber) != end)
		return EBADMSG;
	v = value_of(value);
	*out = v ? json_pack("{s:s,s:s%,s:o}", "is", is, "name", name.p, name.n, "value", v)
		 : undefined();
	if (v && !*out)
		*out = undefined();
	return *out ? 0 : ENOMEM;
}

static int read_present(struct filter_reader *f, ber_tag_t tag, json_t **out)
{
	struct str name;
	int err = read_text(f->ber, tag, &name);

	if (err)
		return err;
	*out = json_pack("{s:s,s:s%}", "is", "present", "name", name.p, name.n);
	if (!*out)
		*out = undefined();
	return *out ? 0 : ENOMEM;
}

enum { PART_FIRST = 0x80, PART_ANY = 0x81, PART_LAST = 0x82 };

static int read_piece(struct filter_reader *f, json_t *part, bool *is_text)
{
	ber_len_t n;
	const ber_tag_t tag = ber_peek_tag(f->ber, &n);
	json_t *any = json_object_get(part, "any"), *v;
	struct str s;

	if ((tag == PART_FIRST && (json_array_size(any) || json_object_get(part, "first"))) ||
	    json_object_get(part, "last") ||
	    (tag != PART_FIRST && tag != PART_ANY && tag != PART_LAST) ||
	    read_text(f->ber, tag, &s) || !s.n)
		return EBADMSG;
	v = value_of(s);
	*is_text &= v != NULL;
	if (!v)
		return 0;
	if (tag == PART_ANY)
		json_array_append_new(any, v);
	else
		json_object_set_new(part, tag == PART_FIRST ? "first" : "last", v);
	return ++f->items > LDAP_MAX_ITEMS ? E2BIG : 0;
}

static int read_part(struct filter_reader *f, ber_tag_t tag, json_t **out)
{
	size_t end, pieces_end;
	struct str name;
	bool is_text = true;
	json_t *part;
	int err = enter(f->ber, tag, &end);

	if (!err)
		err = read_text(f->ber, LBER_OCTETSTRING, &name);
	if (!err)
		err = enter(f->ber, LBER_SEQUENCE, &pieces_end);
	if (err || left(f->ber) <= pieces_end)
		return EBADMSG;
	part = json_pack("{s:s,s:s%,s:[]}", "is", "part", "name", name.p, name.n, "any");
	is_text = part != NULL;
	if (!part)
		part = json_pack("{s:[]}", "any");
	while (!err && left(f->ber) > pieces_end)
		err = read_piece(f, part, &is_text);
	if (!err && (left(f->ber) != pieces_end || pieces_end != end))
		err = EBADMSG;
	if (!is_text || err) {
		json_decref(part);
		part = err ? NULL : undefined();
	}
	*out = part;
	return err;
}

static int read_filter(struct filter_reader *f, unsigned depth, json_t **out);

static int read_set(struct filter_reader *f, ber_tag_t tag, const char *is, unsigned depth,
		    json_t **out)
{
	json_t *of = json_array(), *one;
	size_t end;
	int err = enter(f->ber, tag, &end);

	while (!err && left(f->ber) > end) {
		err = read_filter(f, depth + 1, &one);
		if (!err)
			json_array_append_new(of, one);
	}
	if (!err && (left(f->ber) != end || (tag == 0xa2 && json_array_size(of) != 1)))
		err = EBADMSG;
	if (!err)
		*out = json_pack("{s:s,s:O}", "is", is, "of", of);
	json_decref(of);
	return err ? err : *out ? 0 : ENOMEM;
}

/* RFC 4511 4.5.1.7: rules of one's own for comparing; we have none. */
static int skip_extensible(struct filter_reader *f, json_t **out)
{
	struct str skipped;

	if (read_text(f->ber, 0xa9, &skipped))
		return EBADMSG;
	*out = undefined();
	return *out ? 0 : ENOMEM;
}

static int read_filter(struct filter_reader *f, unsigned depth, json_t **out)
{
	ber_len_t n;
	const ber_tag_t tag = ber_peek_tag(f->ber, &n);

	if (depth > LDAP_MAX_DEPTH || ++f->items > LDAP_MAX_ITEMS)
		return E2BIG;
	switch (tag) {
	case 0xa0:
		return read_set(f, tag, "and", depth, out);
	case 0xa1:
		return read_set(f, tag, "or", depth, out);
	case 0xa2:
		return read_set(f, tag, "not", depth, out);
	case 0xa3:
	case 0xa8: /* approximately: we know no nearer than equal */
		return read_compared(f, tag, "equal", out);
	case 0xa4:
		return read_part(f, tag, out);
	case 0xa5:
		return read_compared(f, tag, "least", out);
	case 0xa6:
		return read_compared(f, tag, "most", out);
	case 0x87:
		return read_present(f, tag, out);
	case 0xa9:
		return skip_extensible(f, out);
	default:
		return EBADMSG;
	}
}

/* One that is too much is passed over: its length is known. */
static int read_bounded_filter(BerElement *ber, json_t **out)
{
	struct filter_reader f = {.ber = ber};
	ber_len_t n;
	const ber_tag_t tag = ber_peek_tag(ber, &n);
	BerElement *at = ber_dup(ber);
	struct str skipped;
	int err = at ? 0 : ENOMEM;

	if (err)
		return err;
	f.ber = at;
	err = read_filter(&f, 0, out);
	ber_free(at, 0);
	if (!err || err == E2BIG)
		return read_text(ber, tag, &skipped);
	return err;
}

/* ---- operations ---- */

static int read_bind(struct ldap_request *r)
{
	BerElement *ber = r->ber;
	int err = read_int(ber, LBER_INTEGER, &r->bind.version);

	if (!err)
		err = read_text(ber, LBER_OCTETSTRING, &r->bind.name);
	if (err)
		return err;
	r->bind.is_simple = next_is(ber, 0x80);
	return r->bind.is_simple ? read_text(ber, 0x80, &r->bind.password)
				 : read_text(ber, 0xa3, &r->bind.password);
}

static int read_names(struct ldap_request *r)
{
	struct str name;
	size_t end;
	int err = enter(r->ber, LBER_SEQUENCE, &end);

	while (!err && left(r->ber) > end) {
		err = read_text(r->ber, LBER_OCTETSTRING, &name);
		if (!err && r->search.nnames < LDAP_MAX_ATTRIBUTES)
			r->search.names[r->search.nnames++] = name;
	}
	return err;
}

static int read_search(struct ldap_request *r)
{
	BerElement *ber = r->ber;
	int32_t scope = 0, aliases;
	int err = read_text(ber, LBER_OCTETSTRING, &r->search.base);

	if (!err)
		err = read_int(ber, LBER_ENUMERATED, &scope);
	if (!err)
		err = read_int(ber, LBER_ENUMERATED, &aliases);
	if (!err)
		err = read_int(ber, LBER_INTEGER, &r->search.size_limit);
	if (!err)
		err = read_int(ber, LBER_INTEGER, &r->search.time_limit);
	if (!err)
		err = read_bool(ber, &r->search.types_only);
	if (!err && (scope < LDAP_BASE || scope > LDAP_SUB || r->search.size_limit < 0 ||
		     r->search.time_limit < 0))
		err = EBADMSG;
	if (!err)
		err = read_bounded_filter(ber, &r->search.filter);
	r->search.scope = (enum ldap_scope)scope;
	return err ? err : read_names(r);
}

static int read_operation(struct ldap_request *r, size_t end)
{
	switch (r->op) {
	case LDAP_BIND:
		return read_bind(r);
	case LDAP_SEARCH:
		return read_search(r);
	case LDAP_EXTENDED:
		return read_text(r->ber, 0x80, &r->extended);
	default:
		break;
	}
	return 0;
}

/* ---- controls ---- */

static int read_paged(struct ldap_request *r, struct str value)
{
	struct berval bv = {.bv_len = value.n, .bv_val = (char *)value.p};
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	struct str cookie;
	size_t end;
	int err = ber ? 0 : ENOMEM;

	if (err)
		return err;
	ber_init2(ber, &bv, LBER_USE_DER); /* borrows the bytes, which are the message's own */
	err = enter(ber, LBER_SEQUENCE, &end);
	if (!err)
		err = read_int(ber, LBER_INTEGER, &r->page_size);
	if (!err)
		err = read_text(ber, LBER_OCTETSTRING, &cookie);
	if (!err) {
		r->is_paged = true;
		r->cookie = cookie;
	}
	ber_free(ber, 0);
	return err || r->page_size < 0 ? EBADMSG : 0;
}

static int read_control(struct ldap_request *r)
{
	struct str oid, value = {NULL, 0};
	bool is_critical = false;
	size_t end;
	int err = enter(r->ber, LBER_SEQUENCE, &end);

	if (!err)
		err = read_text(r->ber, LBER_OCTETSTRING, &oid);
	if (!err && left(r->ber) > end && next_is(r->ber, LBER_BOOLEAN))
		err = read_bool(r->ber, &is_critical);
	if (!err && left(r->ber) > end)
		err = read_text(r->ber, LBER_OCTETSTRING, &value);
	if (err || left(r->ber) != end)
		return EBADMSG;
	if (r->op == LDAP_SEARCH && str_eq(oid, STR(LDAP_PAGED_OID)))
		return read_paged(r, value);
	r->has_unknown |= is_critical;
	return 0;
}

/* ---- a message ---- */

static int which(ber_tag_t tag, struct ldap_request *r)
{
	switch (tag) {
#define X(name, request, reply)                                                                    \
	case request:                                                                              \
		r->op = LDAP_##name;                                                               \
		r->answer = reply;                                                                 \
		return 0;
		LDAP_OPERATIONS(X)
#undef X
	default:
		return EBADMSG;
	}
}

static int skip_to(BerElement *ber, size_t end)
{
	char nothing[256];

	while (left(ber) > end) {
		const size_t n = left(ber) - end;

		if (ber_read(ber, nothing, n < sizeof(nothing) ? n : sizeof(nothing)) <= 0)
			return EBADMSG;
	}
	return left(ber) == end ? 0 : EBADMSG;
}

static int read_message(struct ldap_request *r)
{
	size_t end, op_end, controls_end;
	ber_len_t n;
	ber_tag_t tag;
	int err = enter(r->ber, LBER_SEQUENCE, &end);

	if (!err)
		err = read_int(r->ber, LBER_INTEGER, &r->id);
	if (err || end || r->id < 0)
		return EBADMSG;
	tag = ber_peek_tag(r->ber, &n);
	err = which(tag, r);
	if (!err)
		err = enter(r->ber, tag, &op_end);
	if (!err)
		err = read_operation(r, op_end);
	if (!err)
		err = skip_to(r->ber, op_end);
	if (err || !left(r->ber))
		return err;
	err = enter(r->ber, 0xa0, &controls_end);
	while (!err && left(r->ber) > controls_end)
		err = read_control(r);
	return err ? err : left(r->ber) == controls_end && !controls_end ? 0 : EBADMSG;
}

int ldap_request_read(struct ldap_request *r, const uint8_t *p, size_t n)
{
	struct berval bv = {.bv_len = n, .bv_val = (char *)p};
	int err;

	*r = (struct ldap_request){.ber = ber_init(&bv)}; /* of its own copy */
	if (!r->ber)
		return ENOMEM;
	err = read_message(r);
	if (err)
		ldap_request_close(r);
	return err;
}

void ldap_request_close(struct ldap_request *r)
{
	if (r->ber)
		ber_free(r->ber, 1);
	json_decref(r->search.filter);
	*r = (struct ldap_request){.ber = NULL};
}
