/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every file may use: attributes, sizes and the assertion that stays in production.
 *
 * Thread     any
 * Errors     functions return 0 or a positive errno; MUST_USE makes ignoring one a warning
 */
#ifndef BASE_DEFS_H
#define BASE_DEFS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* We have a bug: prints file, line and condition with the trace, then aborts.
 * Never for what came from the wire: that is refused with an errno. */
#define BUG(cond)                                              \
	do {                                                   \
		if (__builtin_expect(!!(cond), 0))             \
			bug_abort(__FILE__, __LINE__, #cond);  \
	} while (0)

void bug_abort(const char *file, int line, const char *cond)
	__attribute__((noreturn));

#endif
