/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <sys/epoll.h>
#include "base/mem.h"
#include "base/rng.h"
#include "media/film.h"
#include "media/session.h"
#include "media/socket.h"
#include "media/sound.h"

struct worker_session *session_alloc(oid id, const struct addr *local, uint32_t silence_ms)
{
	struct worker_session *s = mem_alloc(sizeof(*s));

	if (!s)
		return NULL;
	s->id = id;
	s->local = *local;
	s->silence_us = 1000ull * silence_ms;
	return s;
}

static int watch(int epfd, struct stream_end *e)
{
	/* Level: with edges each packet costs a second recvfrom to see the end of the queue. */
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = e};

	return epoll_ctl(epfd, EPOLL_CTL_ADD, e->fd, &ev) ? errno : 0;
}

static int watch_both(int epfd, struct stream *s)
{
	int err = watch(epfd, &s->rtp);

	if (!err)
		err = watch(epfd, &s->rtcp);
	s->is_watched = !err;
	return err;
}

static struct stream *stream_drop(struct stream *s)
{
	if (s) {
		stream_close(s);
		media_socket_close(s);
	}
	return mem_free(s);
}

static int stream_make(struct stream **sp, struct worker_session *owner, uint8_t index, int epfd,
		       uint16_t port)
{
	struct stream *s = mem_alloc(sizeof(*s));
	struct addr local = owner->local;
	int err;

	if (!s)
		return ENOMEM;
	stream_init(s, index);
	s->owner = owner;
	local.port = port;
	err = media_socket_open(s, &local);
	if (!err && epfd >= 0)
		err = watch_both(epfd, s);
	if (err)
		stream_drop(s);
	else
		*sp = s;
	return err;
}

/* Streams that only one side has stay where they are: nothing to relay to. */
static void link_streams(struct worker_session *a, struct worker_session *b)
{
	for (size_t i = 0; i < a->nstreams && i < b->nstreams; i++)
		if (a->streams[i]->mode == RELAY_NOWHERE && b->streams[i]->mode == RELAY_NOWHERE)
			stream_join(a->streams[i], b->streams[i]);
}

static void echo_streams(struct worker_session *s)
{
	for (size_t i = 0; i < s->nstreams; i++)
		if (s->streams[i]->mode == RELAY_NOWHERE)
			stream_echo(s->streams[i], (uint32_t)rng_u64(rng_system()));
}

int session_grow(struct worker_session *s, int epfd, uint8_t nstreams, const uint16_t *ports,
		 uint8_t *clash)
{
	uint8_t before = s->nstreams;
	int err = 0;

	if (nstreams > MEDIA_MAX_STREAMS)
		return EINVAL;
	for (uint8_t i = before; i < nstreams && !err; i++) {
		*clash = i;
		err = stream_make(&s->streams[i], s, i, epfd, ports[i]);
		if (!err)
			s->nstreams++;
	}
	while (err && s->nstreams > before) {
		s->nstreams--;
		s->streams[s->nstreams] = stream_drop(s->streams[s->nstreams]);
	}
	if (!err && s->peer == s)
		echo_streams(s);
	else if (!err && s->peer)
		link_streams(s, s->peer);
	return err;
}

int session_remote(struct worker_session *s, uint8_t stream, const struct media_remote *r,
		   uint64_t now_us)
{
	struct stream *st;

	if (stream >= s->nstreams)
		return EINVAL;
	if ((r->rtp.family && r->rtp.family != s->local.family) ||
	    (r->rtcp.family && r->rtcp.family != s->local.family))
		return EAFNOSUPPORT;
	st = s->streams[stream];
	if (r->kind != st->remote.kind)
		media_socket_mark(st, r->kind);
	stream_remote(st, r, now_us);
	return s->sound && s->sound->stream == st ? sound_reformat(s->sound) : 0;
}

int session_sets(struct worker_session *s, uint8_t stream, const struct media_sets *sets)
{
	struct stream *st;

	if (stream >= s->nstreams)
		return EINVAL;
	st = s->streams[stream];
	if (!st->sets)
		st->sets = mem_alloc(sizeof(*st->sets));
	if (!st->sets)
		return ENOMEM;
	*st->sets = *sets;
	if (st->film)
		film_know(st->film, sets);
	return 0;
}

int session_keys(struct worker_session *s, const struct media_cmd *cmd)
{
	if (cmd->u.keys.stream >= s->nstreams)
		return EINVAL;
	return stream_keys(s->streams[cmd->u.keys.stream], cmd->u.keys.is_protected,
			   &cmd->u.keys.in, &cmd->u.keys.out);
}

int session_dtls(struct worker_session *s, const struct dtls_identity *i,
		 const struct media_cmd *cmd, uint64_t now_us)
{
	const struct media_dtls *conf = &cmd->u.dtls.conf;
	struct stream *st, *carrier;

	if (cmd->u.dtls.stream >= s->nstreams || conf->carrier >= s->nstreams)
		return EINVAL;
	st = s->streams[cmd->u.dtls.stream];
	carrier = s->streams[conf->carrier];
	stream_carry(st, NULL, NULL);
	if (carrier != st && !carrier->carrier) {
		stream_web_close(st);
		st->is_protected = true;
		stream_carry(st, carrier, conf->types);
		return 0;
	}
	return stream_dtls(st, i, conf, now_us);
}

void session_part(struct worker_session *s)
{
	if (s->sound && s->sound->pair)
		sound_yield(s->sound);
	for (size_t i = 0; i < s->nstreams; i++)
		stream_part(s->streams[i]);
	if (s->peer)
		s->peer->peer = NULL;
	s->peer = NULL;
}

int session_join(struct worker_session *a, struct worker_session *b)
{
	if (a == b)
		return EINVAL;
	if (a->sound)
		sound_yield(a->sound);
	if (b->sound)
		sound_yield(b->sound);
	if (a->peer != b) {
		session_part(a);
		session_part(b);
	}
	a->peer = b;
	b->peer = a;
	link_streams(a, b);
	return 0;
}

void session_relink(struct worker_session *a, struct worker_session *b)
{
	link_streams(a, b);
}

int session_echo(struct worker_session *s)
{
	if (s->sound)
		sound_yield(s->sound);
	session_part(s);
	s->peer = s;
	echo_streams(s);
	return 0;
}

void session_count(const struct worker_session *s, struct media_counters *sum)
{
	for (size_t i = 0; i < s->nstreams; i++)
		stream_count(s->streams[i], sum);
	if (s->sound)
		sum->level = (uint16_t)voice_level(s->sound->voice);
}

void session_leave(struct worker_session *s, int epfd)
{
	sound_leave(s->sound);
	for (size_t i = 0; i < s->nstreams; i++) {
		struct stream *st = s->streams[i];

		BUG(epoll_ctl(epfd, EPOLL_CTL_DEL, st->rtp.fd, NULL));
		BUG(epoll_ctl(epfd, EPOLL_CTL_DEL, st->rtcp.fd, NULL));
		st->is_watched = false;
	}
}

int session_enter(struct worker_session *s, int epfd)
{
	int err = 0;

	for (uint8_t i = 0; i < s->nstreams && !err; i++) {
		s->streams[i]->owner = s;
		s->streams[i]->index = i;
		if (!s->streams[i]->is_watched)
			err = watch_both(epfd, s->streams[i]);
	}
	return err;
}

void session_wait(struct stream *st, int epfd, bool waits)
{
	struct epoll_event ev = {.events = waits ? 0 : EPOLLIN, .data.ptr = &st->rtp};

	media_socket_stamp(st, waits);
	if (st->is_watched)
		BUG(epoll_ctl(epfd, EPOLL_CTL_MOD, st->rtp.fd, &ev));
}

void session_add_spare(struct worker_session *s, struct stream *st)
{
	s->streams[s->nstreams++] = st;
}

struct stream *session_lose(struct worker_session *s)
{
	return s->nstreams ? s->streams[--s->nstreams] : NULL;
}

struct stream *session_spare(struct worker_session *s)
{
	struct stream *st = s->nstreams ? s->streams[s->nstreams - 1] : NULL;

	/* What marks a packet is set for audio, when the sockets are opened. */
	if (!st || !st->is_watched || st->remote.kind != MEDIA_AUDIO)
		return NULL;
	s->nstreams--;
	stream_close(st);
	stream_renew(st);
	return st;
}

void session_drop_spare(struct stream *st)
{
	stream_drop(st);
}

void session_quiet(struct worker_session *s)
{
	sound_free(s->sound);
	s->sound = NULL;
	session_part(s);
}

void worker_session_free(struct worker_session *s)
{
	if (!s)
		return;
	session_quiet(s);
	for (size_t i = 0; i < s->nstreams; i++)
		stream_drop(s->streams[i]);
	mem_free(s);
}
