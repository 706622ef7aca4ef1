/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a program that found itself wrong: where, which condition, by which way, then abort(3) for the core dump.
 * Only write(2) and backtrace: the heap may be what is broken. */
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

void bug_abort(const char *file, int line, const char *cond)
{
	void *frames[48];
	char text[512];
	int n = snprintf(text, sizeof(text), "BUG at %s:%d: %s\n", file, line, cond);

	log_crash();
	if (n > 0) {
		size_t len = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
		ssize_t written = write(STDERR_FILENO, text, len);

		(void)written;
	}
	backtrace_symbols_fd(frames, backtrace(frames, ARRAY_LEN(frames)), STDERR_FILENO);
	abort();
}
