/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recording: what a session says and hears, and with pictures what it and its peer show.
 */
#include <string.h>
#include "base/mem.h"
#include "media/film.h"
#include "media/secure.h"
#include "media/session.h"
#include "media/sound.h"

int sound_record(struct sound *s, const struct media_cmd *cmd)
{
	struct files_ask ask = {s->all->worker, s->session->id, cmd->seq};
	struct recording_plan plan = {.rate_hz = voice_rate(s->voice),
				      .has_two_tracks = cmd->u.record.has_two_tracks,
				      .has_pictures = cmd->u.record.has_pictures,
				      .makes_folder = cmd->u.record.makes_folder,
				      .most_ms = cmd->u.record.most_ms,
				      .most_bytes = cmd->u.record.most_bytes};
	int err;

	if (!cmd->u.record.path || cmd->u.record.path->n != 1)
		return EINVAL;
	if (s->recording || (s->scratch && cmd->u.record.is_scratch))
		return EALREADY;
	plan.path = cmd->u.record.path->paths[0];
	err = recording_make(&s->recording, s->all->files, &ask, &plan);
	if (err || !cmd->u.record.is_scratch)
		return err;
	/* Without memory for its name it stays: a file too many, and no call broken. */
	s->scratch = path_list_make(1);
	if (s->scratch)
		memcpy(s->scratch->paths[0], cmd->u.record.path->paths[0], FILES_MAX_PATH);
	return 0;
}

int sound_record_hold(struct sound *s, bool on)
{
	if (!s->recording)
		return ENOENT;
	recording_hold(s->recording, on);
	return 0;
}

int sound_record_end(struct sound *s)
{
	if (!s->recording)
		return ENOENT;
	s->recording = recording_end(s->recording);
	return 0;
}

/* --- pictures ---------------------------------------------------------------------------------------------------------- */

static struct stream *shows(const struct worker_session *session)
{
	for (size_t i = 0; i < session->nstreams; i++) {
		struct stream *st = session->streams[i];

		if (st->remote.kind == MEDIA_VIDEO && st->remote.pictures.n)
			return st;
	}
	return NULL;
}

static void ask_for_key(const struct sound *s, struct stream *st, uint64_t now_us)
{
	uint8_t p[FILM_ASK_BYTES + SECURE_TRAILER_BYTES];
	size_t n = film_ask(st->film, now_us, p);

	if (n)
		s->all->out.send(s->all->out.arg, st, p, n);
}

static int begin_film(struct stream *st, uint64_t now_us)
{
	int err = film_alloc(&st->film, now_us);

	if (!err && st->sets)
		film_know(st->film, st->sets);
	return err;
}

/* Without memory its pictures are missing in the recording. */
static void record_pictures(struct sound *s, const struct worker_session *of, unsigned track,
			    uint64_t now_us)
{
	uint64_t wait_us = of->sound ? voice_wait_us(of->sound->voice) : 0;
	struct stream *st = shows(of);
	struct video_frame *frame;

	if (!st || (!st->film && begin_film(st, now_us)))
		return;
	while ((frame = film_take(st->film, now_us)))
		if (!recording_show(s->recording, track, frame,
				    (int64_t)(now_us - frame->at_us - wait_us)))
			film_begin(st->film);
	ask_for_key(s, st, now_us);
}

void sound_record_tick(struct sound *s, uint64_t now_us)
{
	const struct sound *peer = sound_peer(s);
	const struct worker_session *other = s->session->peer;
	struct recording_frame said = {s->said, voice_rate(s->voice)};
	struct recording_frame heard = {s->heard, voice_rate(s->voice)};

	if (!s->is_spoken)
		heard = peer ? (struct recording_frame){peer->said, voice_rate(peer->voice)}
			     : (struct recording_frame){0};
	if (!recording_add(s->recording, &said, &heard)) {
		s->recording = recording_end(s->recording);
		return;
	}
	if (!recording_has_pictures(s->recording))
		return;
	record_pictures(s, s->session, 0, now_us);
	if (other && other != s->session)
		record_pictures(s, other, 1, now_us);
}
