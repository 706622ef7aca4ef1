/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"

struct thread {
	pthread_t id;
	enum thread_role role;
	thread_main_h *fn;
	void *arg;
	char name[16]; /* as much as the kernel keeps */
};

static _Thread_local enum thread_role role_here = THREAD_ANY;

static void *run(void *arg)
{
	struct thread *t = arg;

	pthread_setname_np(pthread_self(), t->name);
	role_here = t->role;
	t->fn(t->arg);
	return NULL;
}

int thread_start(struct thread **tp, const char *name, enum thread_role role, thread_main_h *fn,
		 void *arg)
{
	struct thread *t = mem_fault() ? NULL : calloc(1, sizeof(*t));
	sigset_t all, before;
	int err;

	if (!t)
		return ENOMEM;
	t->role = role;
	t->fn = fn;
	t->arg = arg;
	strncat(t->name, name, sizeof(t->name) - 1);
	/* Signals are the main thread's business; a thread inherits the mask it is born under. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&t->id, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		free(t);
	else
		*tp = t;
	return err;
}

struct thread *thread_join(struct thread *t)
{
	if (t) {
		int err = pthread_join(t->id, NULL);

		BUG(err);
		free(t);
	}
	return NULL;
}

void thread_become(enum thread_role role)
{
	role_here = role;
}

enum thread_role thread_role(void)
{
	return role_here;
}
