/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* Room for n more bytes and a terminator. */
static bool room(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	char *p;

	if (b->err)
		return false;
	if (n > SIZE_MAX / 4 || b->n > SIZE_MAX / 4) {
		b->err = ENOMEM;
		return false;
	}
	if (b->max && b->n + n > b->max) {
		b->err = ENOSPC;
		return false;
	}
	if (b->n + n < b->cap)
		return true;
	while (cap <= b->n + n)
		cap *= 2;
	p = mem_fault() ? NULL : realloc(b->p, cap);
	if (!p) {
		b->err = ENOMEM;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void buf_add_slowly(struct buf *b, const void *p, size_t n)
{
	if (!room(b, n))
		return;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[STR_U64_DIGITS];

	buf_str(b, str_of_u64(digits, v));
}

static void print(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (!room(b, 0))
		return;
	va_copy(again, ap);
	n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
	if (n < 0)
		b->err = EINVAL;
	else if ((size_t)n < b->cap - b->n && (!b->max || b->n + (size_t)n <= b->max))
		b->n += (size_t)n;
	else if (room(b, (size_t)n)) {
		vsnprintf(b->p + b->n, b->cap - b->n, fmt, again);
		b->n += (size_t)n;
	} else {
		b->p[b->n] = '\0';
	}
	va_end(again);
}

static void add_signed(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* What follows a '%' in nearly all that is written: texts and plain numbers.  NULL: something else. */
static const char *print_common(struct buf *b, const char *spec, va_list *ap)
{
	if (spec[0] == 's') {
		buf_cstr(b, va_arg(*ap, const char *));
		return spec + 1;
	}
	if (spec[0] == 'u' || spec[0] == 'd') {
		if (spec[0] == 'u')
			buf_u64(b, va_arg(*ap, unsigned));
		else
			add_signed(b, va_arg(*ap, int));
		return spec + 1;
	}
	if ((spec[0] == 'l' || spec[0] == 'z') && (spec[1] == 'u' || spec[1] == 'd')) {
		if (spec[1] == 'u')
			buf_u64(b, va_arg(*ap, unsigned long));
		else
			add_signed(b, va_arg(*ap, long));
		return spec + 2;
	}
	if (spec[0] == '.' && spec[1] == '*' && spec[2] == 's') {
		int n = va_arg(*ap, int);
		const char *p = va_arg(*ap, const char *);

		if (n < 0)
			return NULL;
		buf_add(b, p, strnlen(p, (size_t)n));
		return spec + 3;
	}
	return NULL;
}

/* libc's printf costs more than parsing a message does. */
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	const size_t before = b->n;
	const char *at = fmt;
	va_list args;

	va_copy(args, ap);
	while (at && *at) {
		const char *next = strchrnul(at, '%');

		buf_add(b, at, (size_t)(next - at));
		at = *next ? print_common(b, next + 1, &args) : next;
	}
	va_end(args);
	if (at && !b->err)
		return;
	b->n = before; /* all of it or nothing */
	if (b->p)
		b->p[b->n] = '\0';
	if (!at)
		print(b, fmt, ap);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->err = 0;
	if (b->p)
		b->p[0] = '\0';
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

char *buf_take(struct buf *b, size_t *np)
{
	char *p;

	if (!b->p && !b->err)
		buf_add(b, "", 0);
	if (b->err)
		return NULL;
	p = b->p;
	if (np)
		*np = b->n;
	*b = (struct buf){.max = b->max};
	return p;
}
