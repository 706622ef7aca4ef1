/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "media/opening.h"
#include "media/session.h"

static uint64_t now_ms(void)
{
	return clock_mono_ms(clock_real());
}

void opening_keep(struct parts *ps, struct part *p, struct stream *st)
{
	int full;

	part_leave_spare(p, st->rtp.local.port);
	full = spares_put(ps->spares, st, p->worker, now_ms());
	BUG(full); /* shared->nspares counts them */
}

static void draw_spares(struct parts *ps, struct worker_shared *shared, struct part *p,
			struct worker_session *s, uint8_t nstreams, bool is_urgent)
{
	while (s->nstreams < nstreams) {
		struct stream *st =
			spares_take(ps->spares, p->worker, &s->local, is_urgent, now_ms());

		if (!st)
			return;
		atomic_fetch_sub(&shared->nspares, 1);
		session_add_spare(s, st);
		part_add_spare(p, st->rtp.local.port);
	}
}

/* A session that could not be made: its worker still watches the sockets that it would have had. */
static void return_spares(struct parts *ps, struct worker_shared *shared, struct part *p,
			  struct worker_session *s)
{
	struct stream *st;

	while ((st = session_lose(s))) {
		atomic_fetch_add(&shared->nspares, 1);
		opening_keep(ps, p, st);
	}
}

static int take_ports(struct parts *ps, struct worker_shared *shared, struct part *p,
		      struct worker_session *s, uint8_t nstreams)
{
	int err;

	draw_spares(ps, shared, p, s, nstreams, false);
	err = part_take_ports(ps, p, nstreams);
	if (err != ENOSPC)
		return err;
	draw_spares(ps, shared, p, s, nstreams, true);
	return part_take_ports(ps, p, nstreams);
}

/* Ports that another program has are drawn again. */
static int bind_ports(struct parts *ps, struct part *p, struct worker_session *s, uint8_t nstreams)
{
	uint8_t clash = 0;

	for (unsigned tries = 0;; tries++) {
		int err = session_grow(s, -1, nstreams, p->ports, &clash);

		if (err == EADDRINUSE && tries < OPENING_MAX_CLASHES)
			err = part_change_port(ps, p, clash);
		else
			return err;
		if (err)
			return err;
	}
}

int opening_make(struct parts *ps, struct worker_shared *shared, struct part *p,
		 const struct media_cmd *cmd, struct worker_session **sp)
{
	struct worker_session *s;
	int err;

	if (!worker_has_room(ps->workers[p->worker]))
		return ENOBUFS;
	s = session_alloc(cmd->session, &cmd->u.open.local, cmd->u.open.silence_ms);
	if (!s)
		return ENOMEM;
	err = take_ports(ps, shared, p, s, cmd->u.open.nstreams);
	if (!err)
		err = bind_ports(ps, p, s, cmd->u.open.nstreams);
	if (err) {
		return_spares(ps, shared, p, s);
		worker_session_free(s);
	} else {
		*sp = s;
	}
	return err;
}

struct stream *opening_stale(struct parts *ps, struct worker_shared *shared, uint16_t *worker)
{
	struct stream *st = spares_stale(ps->spares, worker, now_ms());

	if (st) {
		ports_return(ps->ports, st->rtp.local.port, now_ms());
		atomic_fetch_sub(&shared->nspares, 1);
	}
	return st;
}
