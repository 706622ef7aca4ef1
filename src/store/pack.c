/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "store/pack.h"

enum { VARINT_BYTES = 10 };

size_t pack_bound(const struct record_table *t)
{
	return PACK_HEAD_BYTES + t->size + t->nfields * (VARINT_BYTES + 2);
}

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static bool get_varint(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
		uint8_t b = *(*p)++;

		*v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

static uint64_t zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

static bool is_text(const struct field *f)
{
	return f->kind == FIELD_CHARS;
}

size_t pack_record(const struct record_table *t, const void *rec, uint8_t *dst)
{
	const char *base = rec;
	uint8_t *p = dst + PACK_HEAD_BYTES;

	memcpy(dst, rec, PACK_HEAD_BYTES);
	for (size_t i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];
		const char *at = base + f->offset;

		if (is_text(f)) {
			size_t n = strnlen(at, (size_t)f->max);

			if (!n)
				continue;
			p = put_varint(p, i * 2 + 1);
			p = put_varint(p, n);
			memcpy(p, at, n);
			p += n;
		} else {
			int64_t v;

			memcpy(&v, at, sizeof(v));
			if (!v)
				continue;
			p = put_varint(p, i * 2);
			p = put_varint(p, zigzag(v));
		}
	}
	return (size_t)(p - dst);
}

/* "contact_record:account_id,uri,…\ncall_record:…\n" and zeroes. */
int pack_names_write(char dst[PACK_NAMES_BYTES])
{
	struct buf b = {.max = PACK_NAMES_BYTES - 1};
	int err;

	for (size_t k = 0; k < RECORD_NTABLES; k++) {
		const struct record_table *t = &record_tables[k];

		BUG(t->nfields > PACK_MAX_FIELDS);
		buf_cstr(&b, t->name);
		for (size_t i = 0; i < t->nfields; i++) {
			buf_char(&b, i ? ',' : ':');
			buf_cstr(&b, t->fields[i].name);
		}
		buf_char(&b, '\n');
	}
	err = b.err;
	if (!err) {
		memset(dst, 0, PACK_NAMES_BYTES);
		memcpy(dst, b.p, b.n);
	}
	buf_free(&b);
	return err;
}

static const struct field *named(const struct record_table *t, struct str name)
{
	for (size_t i = 0; i < t->nfields; i++)
		if (str_eq(name, str_of(t->fields[i].name)))
			return &t->fields[i];
	return NULL;
}

void pack_names_read(struct pack_names *names, const char src[PACK_NAMES_BYTES])
{
	struct str all = {src, strnlen(src, PACK_NAMES_BYTES)};

	memset(names, 0, sizeof(*names));
	while (all.n) {
		struct str line = str_cut(&all, '\n');
		struct str table = str_cut(&line, ':');

		for (size_t k = 0; k < RECORD_NTABLES; k++) {
			if (!str_eq(table, str_of(record_tables[k].name)))
				continue;
			for (size_t i = 0; line.n && i < PACK_MAX_FIELDS; i++)
				names->field[k][i] = named(&record_tables[k], str_cut(&line, ','));
		}
	}
}

int pack_read(const struct pack_names *names, enum record_kind kind, void *rec, const uint8_t *src,
	      size_t n)
{
	const uint8_t *p = src + PACK_HEAD_BYTES, *end = src + n;
	uint64_t key, v;

	if (kind >= RECORD_NTABLES || n < PACK_HEAD_BYTES)
		return EBADMSG;
	memset(rec, 0, record_tables[kind].size);
	memcpy(rec, src, PACK_HEAD_BYTES);
	while (p < end) {
		const struct field *f;

		if (!get_varint(&p, end, &key) || !get_varint(&p, end, &v) ||
		    key >= PACK_MAX_FIELDS * 2)
			return EBADMSG;
		f = names->field[kind][key / 2];
		if (key & 1) {
			if (v > (uint64_t)(end - p))
				return EBADMSG;
			if (f && is_text(f))
				record_set_field((char *)rec + f->offset, (size_t)f->max + 1, f,
						 (struct str){(const char *)p, (size_t)v});
			p += v;
		} else if (f && !is_text(f)) {
			int64_t i = unzigzag(v);

			memcpy((char *)rec + f->offset, &i, sizeof(i));
		}
	}
	return 0;
}

int64_t pack_peek(const struct pack_names *names, enum record_kind kind, size_t offset,
		  const uint8_t *src, size_t n)
{
	const uint8_t *p = src + PACK_HEAD_BYTES, *end = src + n;
	uint64_t key, v;

	if (kind >= RECORD_NTABLES || n < PACK_HEAD_BYTES)
		return 0;
	while (p < end && get_varint(&p, end, &key) && get_varint(&p, end, &v) &&
	       key < PACK_MAX_FIELDS * 2) {
		const struct field *f = names->field[kind][key / 2];

		if (key & 1) {
			if (v > (uint64_t)(end - p))
				return 0;
			p += v;
		} else if (f && f->offset == offset) {
			return unzigzag(v);
		}
	}
	return 0;
}

enum { WORD = sizeof(uint64_t), GROUP = 64 };

static uint64_t word_at(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, WORD);
	return w;
}

/* Returns where it ends; NULL: it would reach `end`, and save nothing. */
static uint8_t *put_words(const uint8_t *src, size_t nwords, uint8_t *dst, const uint8_t *end)
{
	uint8_t *p = dst + WORD;
	uint64_t marks = 0;

	for (size_t i = 0; i < nwords; i++) {
		if (!word_at(src + i * WORD))
			continue;
		if (end - p <= WORD)
			return NULL;
		marks |= UINT64_C(1) << i;
		memcpy(p, src + i * WORD, WORD);
		p += WORD;
	}
	if (p >= end)
		return NULL;
	memcpy(dst, &marks, WORD);
	return p;
}

static size_t words_of_group(size_t nwords, size_t at)
{
	return nwords - at < GROUP ? nwords - at : GROUP;
}

size_t pack_kept(const void *kept, size_t n, uint8_t *dst)
{
	const size_t head = sizeof(struct kept_head);
	const uint8_t *src = kept;
	bool is_of_words = n >= head && (n - head) % WORD == 0;
	size_t nwords = is_of_words ? (n - head) / WORD : 0;
	uint8_t *p = nwords ? dst + head : NULL;

	for (size_t at = 0; p && at < nwords; at += GROUP)
		p = put_words(src + head + at * WORD, words_of_group(nwords, at), p, dst + n);
	if (!p) {
		memcpy(dst, src, n);
		return n;
	}
	memcpy(dst, src, head);
	return (size_t)(p - dst);
}

int unpack_kept(const uint8_t *src, size_t n, void *dst, size_t size)
{
	const size_t head = sizeof(struct kept_head);
	const uint8_t *p = src + head, *end = src + n;
	size_t nwords = (size - head) / WORD;

	if (n == size) {
		memcpy(dst, src, n);
		return 0;
	}
	if (n < head || size < head || (size - head) % WORD != 0)
		return EBADMSG;
	memset(dst, 0, size);
	memcpy(dst, src, head);
	for (size_t at = 0; at < nwords; at += GROUP) {
		uint64_t marks;

		if (end - p < WORD)
			return EBADMSG;
		marks = word_at(p);
		p += WORD;
		for (size_t i = 0; i < words_of_group(nwords, at); i++) {
			if (!(marks >> i & 1))
				continue;
			if (end - p < WORD)
				return EBADMSG;
			memcpy((uint8_t *)dst + head + (at + i) * WORD, p, WORD);
			p += WORD;
		}
	}
	return p == end ? 0 : EBADMSG;
}
