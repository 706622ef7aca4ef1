/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine.h"

#include <stdlib.h>

enum { ANSWER_MS_MAX = 3 };

struct session {
	struct link link;
	oid id;
	unsigned nstreams;
	struct addr local[MEDIA_MAX_STREAMS];
	bool is_heard;
};

struct answer {
	struct link link;
	struct timer timer;
	struct engine *engine;
	struct media_event event;
};

static struct session *find(struct engine *e, oid id)
{
	LIST_EACH (it, &e->sessions) {
		struct session *s = CONTAINER_OF(it, struct session, link);

		if (s->id == id)
			return s;
	}
	return NULL;
}

static void on_answer(struct timer *t, void *arg)
{
	struct answer *a = arg;
	struct media_event ev = a->event;
	struct engine *e = a->engine;

	list_remove(&a->link);
	free(a);
	e->fn(&ev, e->arg);
}

static int answer_later(struct engine *e, const struct media_event *ev)
{
	struct answer *a = calloc(1, sizeof(*a));

	if (!a)
		return ENOMEM;
	a->engine = e;
	a->event = *ev;
	list_append(&e->answers, &a->link);
	timer_start(e->node->wheel, &a->timer, rng_below(e->node->env.rng, ANSWER_MS_MAX + 1),
		    on_answer, a);
	return 0;
}

static int add_streams(struct engine *e, struct session *s, const struct media_cmd *cmd)
{
	if (cmd->u.open.nstreams > MEDIA_MAX_STREAMS)
		return EINVAL;
	while (s->nstreams < cmd->u.open.nstreams) {
		struct addr *local = &s->local[s->nstreams++];

		*local = cmd->u.open.local;
		local->port = e->next_port;
		e->next_port = (uint16_t)(e->next_port >= 60000 ? 20000 : e->next_port + 2);
	}
	return 0;
}

static void open_session(struct engine *e, const struct media_cmd *cmd, struct media_event *ev)
{
	struct session *s = find(e, cmd->session);

	ev->type = MEDIA_FAILED;
	if (cmd->type == MEDIA_OPEN) {
		if (s) {
			ev->err = EEXIST;
			return;
		}
		s = calloc(1, sizeof(*s));
		if (!s) {
			ev->err = ENOMEM;
			return;
		}
		s->id = cmd->session;
		list_append(&e->sessions, &s->link);
		e->nsessions++;
		e->opened++;
	}
	ev->err = s ? add_streams(e, s, cmd) : ENOENT;
	if (ev->err)
		return;
	ev->type = MEDIA_OPENED;
	for (unsigned i = 0; i < s->nstreams; i++)
		ev->u.local[i] = s->local[i];
}

static void close_session(struct engine *e, struct session *s)
{
	list_remove(&s->link);
	free(s);
	e->nsessions--;
}

static int engine_post(struct media_engine *engine, const struct media_cmd *cmd)
{
	struct engine *e = CONTAINER_OF(engine, struct engine, engine);
	struct session *s = find(e, cmd->session);
	struct media_event ev = {.type = MEDIA_DONE, .seq = cmd->seq, .session = cmd->session};

	switch (cmd->type) {
	case MEDIA_OPEN:
	case MEDIA_GROW:
		open_session(e, cmd, &ev);
		break;
	case MEDIA_CLOSE:
		ev.type = MEDIA_CLOSED;
		if (s && e->leaks)
			e->leaks = false;
		else if (s)
			close_session(e, s);
		else
			ev.err = ENOENT;
		break;
	case MEDIA_STATS:
		ev.type = MEDIA_STATS_ARE;
		ev.err = s ? 0 : ENOENT;
		break;
	case MEDIA_JOIN:
		ev.err = s && find(e, cmd->u.join.peer) ? 0 : ENOENT;
		break;
	default:
		media_cmd_drop(cmd);
		ev.err = s ? 0 : ENOENT;
		break;
	}
	return answer_later(e, &ev);
}

void engine_init(struct engine *e, struct node *node, media_event_h *fn, void *arg)
{
	*e = (struct engine){
		.engine.post = engine_post, .node = node, .next_port = 20000, .fn = fn, .arg = arg};
	list_init(&e->sessions);
	list_init(&e->answers);
}

void engine_close(struct engine *e)
{
	LIST_EACH_SAFE (it, tmp, &e->sessions) {
		close_session(e, CONTAINER_OF(it, struct session, link));
	}
	LIST_EACH_SAFE (it, tmp, &e->answers) {
		struct answer *a = CONTAINER_OF(it, struct answer, link);

		timer_cancel(&a->timer);
		list_remove(&a->link);
		free(a);
	}
}
