/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core asks of a media thread: each command carried out on its session and answered by one event.
 */
#include <errno.h>
#include "base/mem.h"
#include "media/worker_impl.h"

static bool same_id(const struct map_node *node, const void *key)
{
	return CONTAINER_OF(node, struct worker_session, node)->id == *(const oid *)key;
}

static struct worker_session *find(const struct worker *w, oid id)
{
	struct map_node *node = map_find(&w->sessions, map_hash_u64(id, 0), same_id, &id);

	return node ? CONTAINER_OF(node, struct worker_session, node) : NULL;
}

static void add(struct worker *w, struct worker_session *s)
{
	map_add(&w->sessions, &s->node, map_hash_u64(s->id, 0));
	list_append(&w->all, &s->link);
}

static void drop(struct worker *w, struct worker_session *s)
{
	map_remove(&w->sessions, &s->node);
	list_remove(&s->link);
}

/* Nobody waits for these: they need not wake the core by themselves. */
static bool can_wait(const struct worker_event *ev)
{
	return ev->type == WORKER_ANSWER &&
	       (ev->ev.type == MEDIA_CLOSED || (ev->ev.type == MEDIA_DONE && !ev->ev.err));
}

static void say(struct worker *w, const struct worker_event *ev)
{
	bool is_quiet = w->shared->is_polled && can_wait(ev);
	/* As many slots as commands may be unanswered and notices unread: there is always one. */
	int err = is_quiet ? ring_push_quietly(w->shared->events, ev)
			   : ring_push(w->shared->events, ev);

	BUG(err);
}

static void answer(struct worker *w, const struct media_cmd *cmd, enum media_event_type type,
		   int err)
{
	struct worker_event ev = {
		.type = WORKER_ANSWER,
		.ev = {.type = type, .seq = cmd->seq, .session = cmd->session, .err = err}};

	say(w, &ev);
}

static void grow(struct worker *w, const struct worker_msg *msg)
{
	const struct media_cmd *cmd = &msg->cmd;
	struct worker_event ev = {
		.type = WORKER_ANSWER,
		.ev = {.type = MEDIA_OPENED, .seq = cmd->seq, .session = cmd->session}};
	struct worker_session *s = find(w, cmd->session);
	int err =
		s ? session_grow(s, w->epfd, cmd->u.open.nstreams, msg->ports, &ev.clash) : ENOENT;

	if (err == EADDRINUSE)
		ev.type = WORKER_CLASH;
	else if (err)
		ev.ev.type = MEDIA_FAILED;
	ev.ev.err = err;
	for (size_t i = 0; !err && i < s->nstreams; i++)
		ev.ev.u.local[i] = s->streams[i]->rtp.local;
	say(w, &ev);
}

static bool may_leave_spare(struct worker_shared *shared)
{
	if (atomic_fetch_add(&shared->nspares, 1) < shared->max_spares)
		return true;
	atomic_fetch_sub(&shared->nspares, 1);
	return false;
}

static void leave_spares(struct worker *w, struct worker_session *s, struct worker_event *ev)
{
	session_quiet(s);
	while (s->nstreams && may_leave_spare(w->shared)) {
		struct stream *st = session_spare(s);

		if (!st) {
			atomic_fetch_sub(&w->shared->nspares, 1);
			return;
		}
		ev->spares[ev->nspares++] = st;
	}
}

static void close_session(struct worker *w, const struct media_cmd *cmd)
{
	struct worker_event ev = {
		.type = WORKER_ANSWER,
		.ev = {.type = MEDIA_CLOSED, .seq = cmd->seq, .session = cmd->session}};
	struct worker_session *s = find(w, cmd->session);

	if (s) {
		session_count(s, &ev.ev.u.counters);
		drop(w, s);
		leave_spares(w, s, &ev);
		worker_session_free(s);
	} else {
		ev.ev.err = ENOENT;
	}
	say(w, &ev);
}

static void tell_stats(struct worker *w, const struct media_cmd *cmd,
		       const struct worker_session *s)
{
	struct worker_event ev = {
		.type = WORKER_ANSWER,
		.ev = {.type = MEDIA_STATS_ARE, .seq = cmd->seq, .session = cmd->session}};

	session_count(s, &ev.ev.u.counters);
	say(w, &ev);
}

static int begin_dtls(struct worker *w, const struct media_cmd *cmd, struct worker_session *s)
{
	int err = session_dtls(s, w->shared->identity, cmd, w->now_us);

	if (!err)
		worker_report(w, s->streams[cmd->u.dtls.stream]);
	return err;
}

/* Whoever is recorded together with its peer hears the peer too. */
static void tap(struct worker *w, struct worker_session *s)
{
	struct worker_session *peer = s->peer;
	struct sound *sound;

	if (!peer || peer == s)
		return;
	/* A peer without a codec that we speak is silent in the recording. */
	if (s->sound && s->sound->recording)
		(void)!sound_get(&w->sounds, peer, &sound);
	if (peer->sound && peer->sound->recording)
		(void)!sound_get(&w->sounds, s, &sound);
}

static int convert(struct worker *w, struct worker_session *s)
{
	return s->peer && s->peer != s ? sound_convert(&w->sounds, s, s->peer) : 0;
}

static int on_sound(struct worker *w, const struct media_cmd *cmd, struct worker_session *s)
{
	struct sound *sound = NULL;
	int err = sound_get(&w->sounds, s, &sound);

	if (err)
		return err;
	switch (cmd->type) {
	case MEDIA_PLAY:
		return sound_play(sound, cmd);
	case MEDIA_PRESS:
		return sound_press(sound, cmd->u.press);
	case MEDIA_RECORD:
		err = sound_record(sound, cmd);
		tap(w, s);
		return err;
	case MEDIA_MIX:
		return sound_mix(sound, &cmd->u.mix);
	default:
		return EINVAL;
	}
}

static int describe(struct worker *w, const struct media_cmd *cmd, struct worker_session *s)
{
	uint8_t i = cmd->u.remote.stream;
	int err = session_remote(s, i, &cmd->u.remote.remote, w->now_us);

	if (err)
		return err;
	if (s->streams[i]->news)
		worker_report(w, s->streams[i]);
	return convert(w, s);
}

static int on_session(struct worker *w, const struct media_cmd *cmd, struct worker_session *s)
{
	struct worker_session *peer;
	int err;

	switch (cmd->type) {
	case MEDIA_REMOTE:
		return describe(w, cmd, s);
	case MEDIA_KEYS:
		return session_keys(s, cmd);
	case MEDIA_SETS:
		return session_sets(s, cmd->u.sets.stream, &cmd->u.sets.sets);
	case MEDIA_DTLS:
		return begin_dtls(w, cmd, s);
	case MEDIA_JOIN:
		peer = find(w, cmd->u.join.peer);
		err = peer ? session_join(s, peer) : ENOENT;
		if (!err)
			err = convert(w, s);
		tap(w, s);
		return err;
	case MEDIA_PART:
		session_part(s);
		return 0;
	case MEDIA_ECHO:
		return session_echo(s);
	case MEDIA_HUSH:
		if (s->sound)
			sound_hush(s->sound, ECANCELED);
		return 0;
	case MEDIA_RECORD_HOLD:
		return s->sound ? sound_record_hold(s->sound, cmd->u.hold) : ENOENT;
	case MEDIA_RECORD_END:
		return s->sound ? sound_record_end(s->sound) : ENOENT;
	default:
		return on_sound(w, cmd, s);
	}
}

void worker_command(struct worker *w, const struct worker_msg *msg)
{
	const struct media_cmd *cmd = &msg->cmd;
	struct worker_session *s;
	int err;

	if (cmd->type == MEDIA_GROW)
		return grow(w, msg);
	if (cmd->type == MEDIA_CLOSE)
		return close_session(w, cmd);
	s = find(w, cmd->session);
	if (s && cmd->type == MEDIA_STATS)
		return tell_stats(w, cmd, s);
	err = s ? on_session(w, cmd, s) : ENOENT;
	if (err == EINPROGRESS)
		return; /* the file thread has what it carries */
	media_cmd_drop(cmd);
	answer(w, cmd, MEDIA_DONE, err);
}

void worker_loaded(struct worker *w, const struct files_done *done)
{
	struct media_cmd cmd = {.seq = done->seq, .session = done->session};
	struct worker_session *s = find(w, done->session);
	int err = ENOENT;

	if (s && s->sound)
		err = sound_loaded(s->sound, done);
	else
		clip_list_free(done->list);
	answer(w, &cmd, MEDIA_DONE, err);
}

void worker_move_out(struct worker *w, oid id)
{
	struct worker_event ev = {.type = WORKER_MOVED, .ev.session = id, .moved = find(w, id)};

	if (ev.moved) {
		session_part(ev.moved);
		session_leave(ev.moved, w->epfd);
		drop(w, ev.moved);
	}
	say(w, &ev);
}

/* One that cannot be watched is gone; the commands that name it are told so. */
void worker_adopt(struct worker *w, struct worker_session *s)
{
	sound_enter(&w->sounds, s->sound);
	if (session_enter(s, w->epfd))
		worker_session_free(s);
	else
		add(w, s);
}
