/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Log lines: what happened and what we do about it, with a stable id, as text or JSON, on stderr or a file.
 *
 * error = an operator must act · warn = a call suffered · info = one line per call or registration · debug = per message ·
 * trace = each line of each SIP message, never folded.
 * Never passwords, DTMF digits, or SIP bodies above debug.  Control characters from outside are escaped.  Equal lines
 * within a second are folded ("repeated N times").
 *
 * Thread     any.  From log_start() to log_stop() lines are written by a thread of their own, a tenth of a second later at most:
 *            what kill -9 takes with it.  Before and after, each line is one write(2).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_NONE = -1, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* X(ID) in log_ids.def, each with one line of text for the operator; docs/log.md is made from it. */
enum log_id {
#define X(id, text) LOGID_##id,
#include "base/log_ids.def"
#undef X
	LOGID_COUNT
};

struct log_ctx { /* who a line is about; zeroed = nobody in particular */
	uint64_t tenant;
	uint64_t call;
	uint64_t leg;
};

int log_open(const char *path /* NULL: stderr */, bool json, enum log_level level) MUST_USE;
void log_set_level(enum log_level level);
bool log_wants(enum log_level level);
void log_write(enum log_level level, const struct log_ctx *ctx, enum log_id id, const char *fmt,
	       ...) PRINTF_LIKE(4, 5);
int log_start(void) MUST_USE;
void log_stop(void);
void log_settle(void); /* tells what folding still holds back */
void log_flush(
	void); /* the same, and returns when all is written: at the end, and before a file is handed over */
void log_crash(
	void); /* writes what there is, without a lock: in a handler of a signal, before abort() */

#define log_error(ctx, id, ...) log_write(LOG_ERROR, ctx, id, __VA_ARGS__)
#define log_warn(ctx, id, ...)	log_write(LOG_WARN, ctx, id, __VA_ARGS__)
#define log_info(ctx, id, ...)	log_write(LOG_INFO, ctx, id, __VA_ARGS__)
#define log_debug(ctx, id, ...)                                                                    \
	do {                                                                                       \
		if (log_wants(LOG_DEBUG))                                                          \
			log_write(LOG_DEBUG, ctx, id, __VA_ARGS__);                                \
	} while (0)

#endif
