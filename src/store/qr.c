/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/qr.h"
#include <errno.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

enum { QUIET = 4, SCALE = 6, STORED_BYTES = 65535 };

struct code {
	QRcode *qr;
	size_t side; /* in modules, with the quiet zone */
};

static int make(struct code *c, struct str text)
{
	char copy[1024];

	if (str_copy(copy, sizeof(copy), text))
		return E2BIG;
	c->qr = QRcode_encodeString8bit(copy, 0, QR_ECLEVEL_M);
	explicit_bzero(copy, sizeof(copy));
	if (!c->qr)
		return errno == ERANGE ? E2BIG : ENOMEM;
	c->side = (size_t)c->qr->width + 2 * QUIET;
	return 0;
}

static bool is_black(const struct code *c, size_t x, size_t y)
{
	const size_t width = (size_t)c->qr->width;

	if (x < QUIET || y < QUIET || x - QUIET >= width || y - QUIET >= width)
		return false;
	return c->qr->data[(y - QUIET) * width + x - QUIET] & 1;
}

static void forget(struct code *c)
{
	explicit_bzero(c->qr->data, (size_t)c->qr->width * (size_t)c->qr->width);
	QRcode_free(c->qr);
}

/* ---- PNG: one bit for each point, stored as it is ---- */

static void add_u32(struct buf *out, uint32_t v)
{
	const char bytes[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

	buf_add(out, bytes, 4);
}

static uint32_t crc32_of(const char *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint8_t)p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

static void add_chunk(struct buf *out, const char *kind, struct str data)
{
	size_t at;

	add_u32(out, (uint32_t)data.n);
	at = out->n;
	buf_add(out, kind, 4);
	buf_add(out, data.p, data.n);
	if (!out->err)
		add_u32(out, crc32_of(out->p + at, out->n - at));
}

static void add_rows(struct buf *rows, const struct code *c)
{
	const size_t points = c->side * SCALE;

	for (size_t y = 0; y < points; y++) {
		buf_char(rows, 0); /* no filter */
		for (size_t x = 0; x < points; x += 8) {
			unsigned byte = 0;

			for (size_t bit = 0; bit < 8; bit++)
				if (x + bit >= points || !is_black(c, (x + bit) / SCALE, y / SCALE))
					byte |= 0x80u >> bit;
			buf_char(rows, (char)byte);
		}
	}
}

static uint32_t adler32_of(struct str s)
{
	uint32_t a = 1, b = 0;

	for (size_t i = 0; i < s.n; i++) {
		a = (a + (uint8_t)s.p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

/* A zlib stream of stored blocks (RFC 1950, RFC 1951 3.2.4). */
static void add_stored(struct buf *out, struct str rows)
{
	const uint32_t sum = adler32_of(rows);

	buf_add(out, "\x78\x01", 2);
	while (rows.n) {
		const size_t n = rows.n < STORED_BYTES ? rows.n : STORED_BYTES;
		const char head[5] = {n == rows.n, (char)n, (char)(n >> 8), (char)~n,
				      (char)(~n >> 8)};

		buf_add(out, head, sizeof(head));
		buf_add(out, rows.p, n);
		rows.p += n;
		rows.n -= n;
	}
	add_u32(out, sum);
}

int qr_png(struct str text, struct buf *out)
{
	struct buf head = {0}, rows = {0}, stream = {0};
	struct code c;
	int err = make(&c, text);

	if (err)
		return err;
	add_u32(&head, (uint32_t)(c.side * SCALE));
	add_u32(&head, (uint32_t)(c.side * SCALE));
	buf_add(&head, "\x01\0\0\0\0", 5); /* one bit, grey */
	add_rows(&rows, &c);
	if (!rows.err)
		add_stored(&stream, buf_view(&rows));
	buf_add(out, "\x89PNG\r\n\x1a\n", 8);
	add_chunk(out, "IHDR", buf_view(&head));
	add_chunk(out, "IDAT", buf_view(&stream));
	add_chunk(out, "IEND", STR(""));
	err = head.err ? head.err : rows.err ? rows.err : stream.err ? stream.err : out->err;
	forget(&c);
	buf_free(&head);
	buf_free(&rows);
	buf_free(&stream);
	return err;
}

/* ---- SVG: a path of squares ---- */

int qr_svg(struct str text, struct buf *out)
{
	struct code c;
	int err = make(&c, text);

	if (err)
		return err;
	buf_printf(out,
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\" "
		   "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 "
		   "0h%zuv%zuH0z\"/><path d=\"",
		   c.side, c.side, c.side, c.side);
	for (size_t y = 0; y < c.side; y++)
		for (size_t x = 0; x < c.side; x++)
			if (is_black(&c, x, y))
				buf_printf(out, "M%zu %zuh1v1h-1z", x, y);
	buf_cstr(out, "\"/></svg>");
	forget(&c);
	return out->err;
}
