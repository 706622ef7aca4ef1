/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a picture says of itself: only its head is read, nothing is decoded.
 *
 * Thread     any
 * Ownership  type is a constant text
 * Errors     EBADMSG: no PNG, JPEG or GIF picture, or one that ends within its head
 * Sources    TEN-4; PNG (ISO 15948) 11.2.2, JPEG (T.81) B.2.2, GIF89a 18
 */
#ifndef SCHEMA_PICTURE_H
#define SCHEMA_PICTURE_H

#include <stdint.h>
#include "base/str.h"

struct picture {
	const char *type; /* "image/png" */
	uint32_t width, height;
};

int picture_read(struct picture *p, struct str bytes) MUST_USE;

#endif
