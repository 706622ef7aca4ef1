/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdlib.h>
#include "store/bell.h"

enum { MOST = 4 };

struct bell {
	pthread_mutex_t lock;
	struct {
		bell_h *fn; /* NULL: free */
		void *arg;
	} hung[MOST];
};

int bell_alloc(struct bell **bp)
{
	struct bell *b = calloc(1, sizeof(*b));

	if (!b)
		return ENOMEM;
	pthread_mutex_init(&b->lock, NULL);
	*bp = b;
	return 0;
}

struct bell *bell_free(struct bell *b)
{
	if (b)
		pthread_mutex_destroy(&b->lock);
	free(b);
	return NULL;
}

int bell_hang(struct bell *b, bell_h *fn, void *arg)
{
	int err = ENOSPC;

	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; err && i < MOST; i++) {
		if (b->hung[i].fn)
			continue;
		b->hung[i].fn = fn;
		b->hung[i].arg = arg;
		err = 0;
	}
	pthread_mutex_unlock(&b->lock);
	return err;
}

void bell_take_off(struct bell *b, const void *arg)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < MOST; i++)
		if (b->hung[i].arg == arg)
			b->hung[i].fn = NULL;
	pthread_mutex_unlock(&b->lock);
}

void bell_ring(struct bell *b)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < MOST; i++)
		if (b->hung[i].fn)
			b->hung[i].fn(b->hung[i].arg);
	pthread_mutex_unlock(&b->lock);
}
