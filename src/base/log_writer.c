/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  Two buffers: one is filled while the other is written.  The thread sleeps until the first line, and then on for
 * LOG_WRITER_MS, or until the buffer is half full: a busy server wakes it ten times a second, an idle one never.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log_writer.h"
#include "base/thread.h"

/* A full disk or a closed pipe must not stop calls: the rest is lost. */
static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		p += done;
		n -= (size_t)done;
	}
}

static void drain(struct log_writer *w)
{
	char note[64];
	const char *p;
	uint64_t lost;
	size_t n;
	int fd;

	pthread_mutex_lock(&w->writing);
	pthread_mutex_lock(&w->lock);
	p = w->bytes[w->active];
	n = w->n;
	fd = w->fd;
	lost = w->lost;
	w->active ^= 1;
	w->n = 0;
	w->lost = 0;
	pthread_mutex_unlock(&w->lock);
	write_all(fd, p, n);
	if (lost) {
		int len = snprintf(note, sizeof(note), "%llu lines of the log were lost\n",
				   (unsigned long long)lost);

		write_all(fd, note, (size_t)len);
	}
	pthread_mutex_unlock(&w->writing);
}

static bool is_urgent(const struct log_writer *w)
{
	return w->is_stopping || w->n > LOG_WRITER_BYTES / 2;
}

static void gather(struct log_writer *w)
{
	struct timespec end;

	while (!w->n && !w->is_stopping)
		pthread_cond_wait(&w->more, &w->lock);
	if (clock_gettime(CLOCK_MONOTONIC, &end))
		return;
	end.tv_nsec += LOG_WRITER_MS * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	while (!is_urgent(w) && !pthread_cond_clockwait(&w->more, &w->lock, CLOCK_MONOTONIC, &end))
		;
}

static void run(void *arg)
{
	struct log_writer *w = arg;
	bool is_last = false;

	while (!is_last) {
		pthread_mutex_lock(&w->lock);
		gather(w);
		is_last = w->is_stopping;
		pthread_mutex_unlock(&w->lock);
		drain(w);
	}
}

int log_writer_start(struct log_writer *w)
{
	struct thread *t;
	int err = thread_start(&t, "log", THREAD_FILE, run, w);

	if (err)
		return err;
	pthread_mutex_lock(&w->lock);
	w->thread = t;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

void log_writer_stop(struct log_writer *w)
{
	struct thread *t;

	pthread_mutex_lock(&w->lock);
	t = w->thread;
	w->thread = NULL;
	w->is_stopping = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	thread_join(t);
	w->is_stopping = false;
}

void log_writer_to(struct log_writer *w, int fd)
{
	log_writer_flush(w);
	pthread_mutex_lock(&w->lock);
	w->fd = fd;
	pthread_mutex_unlock(&w->lock);
}

static void add(struct log_writer *w, const char *line, size_t n)
{
	bool was_urgent = is_urgent(w);

	if (n > sizeof(w->bytes[0]) - w->n) {
		w->lost++;
		return;
	}
	memcpy(w->bytes[w->active] + w->n, line, n);
	w->n += n;
	/* The first line, or the one that makes it urgent. */
	if (w->n == n || (is_urgent(w) && !was_urgent))
		pthread_cond_signal(&w->more);
}

void log_writer_put(struct log_writer *w, const char *line, size_t n)
{
	bool has_thread;

	pthread_mutex_lock(&w->lock);
	has_thread = w->thread != NULL;
	add(w, line, n);
	pthread_mutex_unlock(&w->lock);
	if (!has_thread)
		drain(w);
}

void log_writer_flush(struct log_writer *w)
{
	drain(w);
}

void log_writer_crash(struct log_writer *w)
{
	size_t n = w->n < sizeof(w->bytes[0]) ? w->n : sizeof(w->bytes[0]);

	w->n = 0;
	write_all(w->fd, w->bytes[w->active & 1], n);
}
