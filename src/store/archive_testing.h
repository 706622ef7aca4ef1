/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes in memory as what entries are read from, for tests and fuzzing. */
#ifndef STORE_ARCHIVE_TESTING_H
#define STORE_ARCHIVE_TESTING_H

#include <string.h>
#include "store/archive.h"

struct archive_bytes {
	const char *p;
	size_t n;
};

/* An archive_source_h; arg is a struct archive_bytes. */
static inline int archive_give_bytes(void *arg, void *p, size_t bytes, size_t *np)
{
	struct archive_bytes *b = arg;

	*np = bytes < b->n ? bytes : b->n;
	memcpy(p, b->p, *np);
	b->p += *np;
	b->n -= *np;
	return 0;
}

#endif
