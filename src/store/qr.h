/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A QR code of a text, as a picture: black on white, with the quiet zone that readers want.
 *
 * Thread     any
 * Errors     E2BIG: the text has no room in a code · ENOMEM
 * Sources    ISO 18004 (libqrencode), PNG (ISO 15948), SVG 1.1
 */
#ifndef STORE_QR_H
#define STORE_QR_H

#include "base/buf.h"

int qr_png(struct str text, struct buf *out) MUST_USE;
int qr_svg(struct str text, struct buf *out) MUST_USE;

#endif
