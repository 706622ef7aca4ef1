/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the lines of the log go: gathered in memory, and written by a thread of their own LOG_WRITER_MS after the first, so that
 * who logs neither pays for a system call nor waits for a disk or a full pipe.  Without the thread each is written at once.
 *
 * Thread     any.  log_writer_crash() also in a handler of a signal.
 * Ownership  the descriptor is borrowed
 * Errors     a line that there is no room for is lost, and counted in the log itself
 */
#ifndef BASE_LOG_WRITER_H
#define BASE_LOG_WRITER_H

#include <pthread.h>

#include "base/defs.h"

enum { LOG_WRITER_BYTES = 256 * 1024, LOG_WRITER_MS = 100 };

struct thread;

struct log_writer {
	pthread_mutex_t lock;	 /* of all below, but bytes that are being written */
	pthread_mutex_t writing; /* held around `lock`: one writes at a time, in order */
	pthread_cond_t more;
	struct thread *thread;
	int fd;
	bool is_stopping;
	unsigned active; /* which of bytes is being filled */
	size_t n;	 /* in it */
	uint64_t lost;
	char bytes[2][LOG_WRITER_BYTES];
};
#define LOG_WRITER_INIT                                                                            \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER, .writing = PTHREAD_MUTEX_INITIALIZER,           \
		.more = PTHREAD_COND_INITIALIZER, .fd = 2                                          \
	}

int log_writer_start(struct log_writer *w) MUST_USE;
void log_writer_stop(
	struct log_writer *w); /* writes the rest; from here each line is written at once */
void log_writer_to(struct log_writer *w, int fd); /* after what has been put */
void log_writer_put(struct log_writer *w, const char *line, size_t n);
void log_writer_flush(struct log_writer *w); /* returns when all is written */
/* The program is ending here and now: writes what there is, without a lock. */
void log_writer_crash(struct log_writer *w);

#endif
