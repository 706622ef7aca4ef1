/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growing piece of memory to write text or bytes into.
 *
 * The first failed allocation is remembered in `err`; later writes do nothing, so that a writer checks once at the end.
 *
 * Thread     one owner
 * Ownership  buf_free() releases; buf_take() hands the memory over
 * Errors     .err is 0, ENOMEM, or ENOSPC when `max` would be passed
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <string.h>
#include "base/str.h"

struct buf {
	char *p; /* always terminated once something was written */
	size_t n;
	size_t cap;
	size_t max; /* 0: no limit */
	int err;
};

void buf_add_slowly(struct buf *b, const void *p, size_t n); /* not to be called from elsewhere */
static inline void buf_add(struct buf *b, const void *p, size_t n)
{
	/* There is room: what a message is written with a hundred times.  A limit that is reached exactly, or none to reach
	 * (0 - 1 is more than any), is left to the other. */
	if (__builtin_expect(n < b->cap - b->n && b->n + n - 1 < b->max - 1 && !b->err, 1)) {
		if (n) /* then p may be NULL, which memcpy() may not be given */
			memcpy(b->p + b->n, p, n);
		b->n += n;
		b->p[b->n] = '\0';
	} else {
		buf_add_slowly(b, p, n);
	}
}
static inline void buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}
static inline void buf_cstr(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}
static inline void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}
void buf_u64(struct buf *b, uint64_t v); /* decimal */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
void buf_reset(struct buf *b); /* empty, memory kept, err cleared */
void buf_free(struct buf *b);
/* The memory (terminated, caller frees with free()); *np its length.  NULL when b->err. */
char *buf_take(struct buf *b, size_t *np) MUST_USE;
static inline struct str buf_view(const struct buf *b)
{
	return (struct str){b->p ? b->p : "", b->n};
}

#endif
