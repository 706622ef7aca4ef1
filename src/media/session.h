/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session on its media thread: up to four streams with their sockets, and whom it is joined with.  Carries out the
 * commands on one session or two; knows nothing of rings.
 *
 * Thread     the media thread that holds it; before it has been given to one, the core, which makes it
 * Ownership  worker_session_free() parts, closes sockets and frees; epfd is borrowed
 * Errors     session_grow: those of media_socket_open() with *clash the stream, ENOMEM, EINVAL; then nothing has changed
 */
#ifndef MEDIA_SESSION_H
#define MEDIA_SESSION_H

#include "base/list.h"
#include "base/map.h"
#include "media/relay.h"
#include "media/worker.h"

struct sound;
struct sounds;

struct worker_session {
	struct map_node node; /* of the worker's table */
	struct link link;     /* of all sessions of the worker */
	oid id;
	struct worker_session *peer; /* joined with, or itself: echo */
	uint64_t silence_us;
	uint8_t nstreams;
	struct addr local;
	struct sound *sound; /* NULL: only relayed */
	struct stream *streams[MEDIA_MAX_STREAMS];
};

struct worker_session *session_alloc(oid id, const struct addr *local,
				     uint32_t silence_ms); /* NULL: no memory */
/* epfd -1: nobody watches the sockets before session_enter(). */
int session_grow(struct worker_session *s, int epfd, uint8_t nstreams, const uint16_t *ports,
		 uint8_t *clash) MUST_USE;
int session_remote(struct worker_session *s, uint8_t stream, const struct media_remote *r,
		   uint64_t now_us) MUST_USE;
int session_dtls(struct worker_session *s, const struct dtls_identity *i,
		 const struct media_cmd *cmd, uint64_t now_us) MUST_USE;
int session_sets(struct worker_session *s, uint8_t stream, const struct media_sets *sets) MUST_USE;
int session_keys(struct worker_session *s, const struct media_cmd *cmd) MUST_USE;
int session_join(struct worker_session *a,
		 struct worker_session *b) MUST_USE; /* EINVAL: with itself */
void session_relink(struct worker_session *a,
		    struct worker_session *b); /* joined ones: relay what is not relayed */
int session_echo(struct worker_session *s) MUST_USE;
void session_part(struct worker_session *s);
void session_quiet(struct worker_session *s); /* no sound, no peer any more */
void session_count(const struct worker_session *s, struct media_counters *sum);
void session_leave(struct worker_session *s, int epfd); /* its sockets leave the epoll set */
int session_enter(struct worker_session *s, int epfd) MUST_USE; /* ... and enter another's */
/* waits: the epoll set does not tell of its RTP any more, until it is to again.  Its packets bear the time when they came then. */
void session_wait(struct stream *st, int epfd, bool waits);
/* A stream with spare sockets, of the thread that the session is for: before session_grow() adds others. */
void session_add_spare(struct worker_session *s, struct stream *st);
/* Its last stream, untouched; NULL: it has none. */
struct stream *session_lose(struct worker_session *s);
/* The same with nothing left of its call; NULL: its sockets are not fit for another. */
struct stream *session_spare(struct worker_session *s);
void session_drop_spare(struct stream *st);

#endif
