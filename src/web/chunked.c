/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chunked bodies (RFC 9112 7.1), byte by byte outside the data.  Extensions and trailers are skipped, not obeyed, and
 * bounded: they are how a small body is made to cost much.
 */
#include "web/http.h"

enum { MAX_OVERHEAD = 8192, MAX_DIGITS = 15 };

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

static int size_char(struct http_chunked *c, char ch)
{
	int v = hex_of(ch);

	if (v >= 0) {
		if (++c->digits > MAX_DIGITS)
			return EBADMSG;
		c->left = c->left * 16 + (uint64_t)v;
		return 0;
	}
	if (!c->digits)
		return EBADMSG;
	if (ch == '\r')
		c->st = CHUNK_SIZE_LF;
	else if (ch == ';')
		c->st = CHUNK_EXT;
	else
		return EBADMSG;
	return 0;
}

static int trailer_char(struct http_chunked *c, char ch)
{
	if (c->saw_cr) {
		if (ch != '\n')
			return EBADMSG;
		c->saw_cr = false;
		if (c->line_empty)
			c->st = CHUNK_DONE;
		c->line_empty = true;
		return 0;
	}
	if (ch == '\n' || ch == '\0')
		return EBADMSG;
	if (ch == '\r')
		c->saw_cr = true;
	else
		c->line_empty = false;
	return 0;
}

static int one_char(struct http_chunked *c, char ch)
{
	switch (c->st) {
	case CHUNK_SIZE:
		return size_char(c, ch);
	case CHUNK_EXT:
		if (ch == '\r')
			c->st = CHUNK_SIZE_LF;
		else if (ch == '\n' || ch == '\0')
			return EBADMSG;
		return 0;
	case CHUNK_SIZE_LF:
		if (ch != '\n')
			return EBADMSG;
		c->digits = 0;
		c->st = c->left ? CHUNK_DATA : CHUNK_TRAILER;
		c->line_empty = true;
		return 0;
	case CHUNK_DATA_CR:
		c->st = CHUNK_DATA_LF;
		return ch == '\r' ? 0 : EBADMSG;
	case CHUNK_DATA_LF:
		c->st = CHUNK_SIZE;
		return ch == '\n' ? 0 : EBADMSG;
	case CHUNK_TRAILER:
		return trailer_char(c, ch);
	case CHUNK_DATA:
	case CHUNK_DONE:
		break;
	}
	return EBADMSG;
}

int http_chunked_feed(struct http_chunked *c, struct str bytes, size_t *usedp, struct buf *out)
{
	size_t i = 0;
	int err = 0;

	while (i < bytes.n && c->st != CHUNK_DONE && !err) {
		if (c->st == CHUNK_DATA) {
			size_t n = bytes.n - i < c->left ? bytes.n - i : (size_t)c->left;

			buf_add(out, bytes.p + i, n);
			err = out->err;
			i += n;
			c->left -= n;
			if (!c->left)
				c->st = CHUNK_DATA_CR;
			continue;
		}
		/* Many tiny chunks cost as much as long extensions: all framing counts. */
		if (++c->overhead > MAX_OVERHEAD + out->n / 4)
			err = EBADMSG;
		else
			err = one_char(c, bytes.p[i++]);
	}
	*usedp = i;
	if (err)
		return err;
	return c->st == CHUNK_DONE ? 0 : EAGAIN;
}
