/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The latest events in a mapped file, so that who was away while the server was not there hears what it missed.
 *
 *	0      head: what the file is, and a number made of the names of all events and fields
 *	4096   64 blocks of 64 KiB, written one after the other, round and round
 *
 * A block holds entries: checksum, length, number of the event, bytes; each a multiple of 8, none cut in two.  What of the
 * round before stands behind the last one has lower numbers, so it is not taken for a further one.  Writing is a copy into
 * the page cache: it outlives the process however that ends, but not always a power cut.  A file of a program with other
 * events or fields is begun anew.
 *
 * Thread     one at a time: whoever starts, then the core
 * Ownership  bytes are borrowed for the call
 * Errors     of the file system; ENOSPC
 */
#ifndef API_EVENT_FILE_H
#define API_EVENT_FILE_H

#include <stddef.h>
#include <stdint.h>
#include "base/defs.h"

enum { EVENT_FILE_MOST = 8192 }; /* bytes of one event */

struct event_file;
int event_file_open(struct event_file **fp, const char *path, uint64_t what) MUST_USE;
struct event_file *event_file_close(struct event_file *f);

/* Longer ones than EVENT_FILE_MOST are left out. */
void event_file_put(struct event_file *f, uint64_t seq, const void *p, size_t n);
typedef void event_file_h(uint64_t seq, const void *p, size_t n, void *arg);
/* All there are, in the order of their numbers. */
void event_file_each(const struct event_file *f, event_file_h *fn, void *arg);

#endif
