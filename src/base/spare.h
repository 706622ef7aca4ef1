/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a thread has given back, for what it asks for next: the block it had last, which is still in its caches.
 *
 * The C library has such a list as well, but its calloc() passes by it, it holds seven of a size and nothing above a kilobyte; a call
 * is made of a hundred pieces, most of them zeroed and many larger.
 *
 * Thread     any; each has lists of its own, which go with it.  Given back on another thread, a block stays there
 * Units      bytes; a block has room for size rounded up to spare_size()
 * Ownership  blocks are malloc()'s: what is not kept is freed
 * Limits     64 kB of each of 128 sizes up to 8 kB a thread
 */
#ifndef BASE_SPARE_H
#define BASE_SPARE_H

#include "base/defs.h"

size_t spare_size(size_t n);	     /* of the block for n bytes */
void *spare_take(size_t n) MUST_USE; /* not zeroed; NULL without memory */
void spare_give(void *p, size_t n);  /* n as it was taken */

#endif
