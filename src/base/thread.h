/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Named threads, and the assertion that a function runs on the thread it belongs to (test builds; nothing otherwise).
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/defs.h"

enum thread_role {
	THREAD_ANY, /* tests and the simulator: every assertion holds */
	THREAD_CORE,
	THREAD_MEDIA,
	THREAD_FLOW,
	THREAD_WRITER,
	THREAD_READER,
	THREAD_FILE,
	THREAD_WEB,
	THREAD_WORKER,
	THREAD_JOURNAL,
	THREAD_LDAP,
};

struct thread;
typedef void thread_main_h(void *arg);

int thread_start(struct thread **tp, const char *name, enum thread_role role, thread_main_h *fn, void *arg) MUST_USE;
struct thread *thread_join(struct thread *t); /* waits; NULL allowed */
void thread_become(enum thread_role role);	/* for threads not made here (main) */
enum thread_role thread_role(void);

#ifdef OFFHOOK_TEST_BUILD
#define ON_THREAD(r) BUG(thread_role() != (r) && thread_role() != THREAD_ANY)
#else
#define ON_THREAD(r) ((void)0)
#endif

#endif
