/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/picture.h"
#include <errno.h>
#include <string.h>

static uint32_t big(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static int read_png(struct picture *p, const uint8_t *b, size_t n)
{
	if (n < 33 || big(b + 8, 4) != 13 || memcmp(b + 12, "IHDR", 4) != 0)
		return EBADMSG;
	*p = (struct picture){"image/png", big(b + 16, 4), big(b + 20, 4)};
	return 0;
}

static int read_gif(struct picture *p, const uint8_t *b, size_t n)
{
	if (n < 13)
		return EBADMSG;
	*p = (struct picture){"image/gif", (uint32_t)(b[6] | b[7] << 8),
			      (uint32_t)(b[8] | b[9] << 8)};
	return 0;
}

/* C0 to CF but for tables (C4), reserved (C8) and arithmetic conditions (CC). */
static bool is_frame(uint8_t marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
	       marker != 0xcc;
}

static int read_jpeg(struct picture *p, const uint8_t *b, size_t n)
{
	size_t at = 2;

	while (at + 4 <= n && b[at] == 0xff) {
		uint8_t marker = b[at + 1];
		size_t length = big(b + at + 2, 2);

		if (marker == 0xff) { /* fill */
			at++;
			continue;
		}
		if (is_frame(marker) && length >= 8 && at + 9 <= n) {
			*p = (struct picture){"image/jpeg", big(b + at + 7, 2), big(b + at + 5, 2)};
			return 0;
		}
		if (marker == 0xda || marker == 0xd9 || length < 2)
			break; /* the picture itself, or its end, before any frame */
		at += 2 + length;
	}
	return EBADMSG;
}

int picture_read(struct picture *p, struct str bytes)
{
	const uint8_t *b = (const uint8_t *)bytes.p;
	int err = EBADMSG;

	if (bytes.n >= 8 && !memcmp(b, "\x89PNG\r\n\x1a\n", 8))
		err = read_png(p, b, bytes.n);
	else if (bytes.n >= 6 && (!memcmp(b, "GIF87a", 6) || !memcmp(b, "GIF89a", 6)))
		err = read_gif(p, b, bytes.n);
	else if (bytes.n >= 3 && !memcmp(b, "\xff\xd8\xff", 3))
		err = read_jpeg(p, b, bytes.n);
	if (!err && (!p->width || !p->height))
		err = EBADMSG;
	return err;
}
