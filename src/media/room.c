/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "audio/mix.h"
#include "base/mem.h"
#include "media/room.h"

enum { NARROW_HZ = 8000 };

struct room_key {
	oid id;
	bool is_music;
};

static bool same_key(const struct map_node *node, const void *arg)
{
	const struct room *r = CONTAINER_OF(node, struct room, node);
	const struct room_key *key = arg;

	return r->id == key->id && r->is_music == key->is_music;
}

static struct room *find(const struct sounds *ss, const struct room_key *key)
{
	struct map_node *node = map_find(&ss->rooms, map_hash_u64(key->id, 0), same_key, key);

	return node ? CONTAINER_OF(node, struct room, node) : NULL;
}

static struct room *make(struct sounds *ss, const struct room_key *key)
{
	struct room *r = mem_alloc(sizeof(*r));

	if (!r)
		return NULL;
	r->id = key->id;
	r->is_music = key->is_music;
	r->rate_hz = NARROW_HZ;
	list_init(&r->members);
	map_add(&ss->rooms, &r->node, map_hash_u64(key->id, 0));
	return r;
}

static void unmake(struct sounds *ss, struct room *r)
{
	playing_stop(&r->playing);
	for (size_t i = 0; i < r->nchoruses; i++)
		encoder_free(r->choruses[i].encoder);
	map_remove(&ss->rooms, &r->node);
	mem_free(r);
}

static void forget_choruses(struct room *r)
{
	for (size_t i = 0; i < r->nchoruses; i++)
		encoder_free(r->choruses[i].encoder);
	r->nchoruses = 0;
}

/* The best that anybody in it can hear: one wide voice makes it wide. */
static uint32_t rate_of(const struct room *r)
{
	uint32_t rate_hz = NARROW_HZ;

	LIST_EACH (it, &r->members) {
		struct sound *s = CONTAINER_OF(it, struct sound, in_room);

		if (codec_get(voice_codec(s->voice))->rate_hz > NARROW_HZ)
			rate_hz = 2 * NARROW_HZ;
	}
	return rate_hz;
}

static int set_rate(struct room *r)
{
	uint32_t rate_hz = rate_of(r);
	int err = 0;

	if (rate_hz != r->rate_hz)
		forget_choruses(r);
	r->rate_hz = rate_hz;
	LIST_EACH (it, &r->members) {
		struct sound *s = CONTAINER_OF(it, struct sound, in_room);

		if (!err)
			err = voice_change(s->voice, &s->stream->remote.format, rate_hz);
	}
	return err;
}

int room_enter(struct sounds *ss, struct sound *s, oid id, bool is_music)
{
	struct room_key key = {id, is_music};
	struct room *r;
	int err;

	if (s->room && s->room->id == id && s->room->is_music == is_music)
		return 0;
	room_leave(s);
	r = find(ss, &key);
	if (!r)
		r = make(ss, &key);
	if (!r)
		return ENOMEM;
	list_append(&r->members, &s->in_room);
	r->nmembers++;
	s->room = r;
	voice_seek_fax(s->voice, false); /* in company nobody answers it */
	err = set_rate(r);
	if (err)
		room_leave(s);
	return err;
}

void room_leave(struct sound *s)
{
	struct room *r = s->room;

	if (!r)
		return;
	list_remove(&s->in_room);
	s->room = NULL;
	r->nmembers--;
	if (r->player == s)
		r->player = NULL;
	if (!r->nmembers)
		unmake(s->all, r);
	else
		(void)set_rate(r); /* narrower at most, which needs no memory */
}

static struct mix *mix_for(struct room *r, uint32_t hears)
{
	for (size_t i = 0; i < r->nmixes; i++)
		if (r->mixes[i].hears == hears)
			return &r->mixes[i];
	if (r->nmixes == ROOM_MAX_MIXES)
		return NULL;
	r->mixes[r->nmixes].hears = hears;
	return &r->mixes[r->nmixes++];
}

static void sum_up(struct room *r, struct mix *m, const int16_t *played, size_t n)
{
	memset(m->sum, 0, n * sizeof(*m->sum));
	if (played)
		mix_add(m->sum, played, n);
	LIST_EACH (it, &r->members) {
		const struct sound *s = CONTAINER_OF(it, struct sound, in_room);

		if (s->has_said && s->speaks & m->hears)
			mix_add(m->sum, s->said, n);
	}
	mix_minus(m->sum, NULL, m->pcm, n);
}

void room_mix(struct room *r)
{
	size_t n = r->rate_hz / 1000 * VOICE_FRAME_MS;
	int16_t played[VOICE_FRAME_MAX];
	bool is_playing = r->playing.is_on;

	r->nmixes = 0;
	for (size_t i = 0; i < r->nchoruses; i++)
		r->choruses[i].is_encoded = false;
	LIST_EACH (it, &r->members) {
		const struct sound *s = CONTAINER_OF(it, struct sound, in_room);

		if (s->hears)
			(void)mix_for(r, s->hears);
	}
	if (is_playing && !playing_frame(&r->playing, r->rate_hz, played, n)) {
		if (r->player)
			sound_played(r->player, r->playing.seq, 0);
		playing_stop(&r->playing);
	}
	for (size_t i = 0; i < r->nmixes; i++)
		sum_up(r, &r->mixes[i], is_playing ? played : NULL, n);
}

static struct chorus *chorus_for(struct room *r, uint32_t hears, enum codec_id codec)
{
	struct chorus *c;

	for (size_t i = 0; i < r->nchoruses; i++)
		if (r->choruses[i].hears == hears && r->choruses[i].codec == codec)
			return &r->choruses[i];
	if (r->nchoruses == ROOM_MAX_CHORUSES)
		return NULL;
	c = &r->choruses[r->nchoruses];
	memset(c, 0, sizeof(*c));
	if (encoder_make(&c->encoder, codec, r->rate_hz))
		return NULL;
	c->hears = hears;
	c->codec = codec;
	r->nchoruses++;
	return c;
}

static const struct chorus *share(struct room *r, const struct mix *m, enum codec_id codec)
{
	struct chorus *c = chorus_for(r, m->hears, codec);

	if (c && !c->is_encoded) {
		c->n = encoder_encode(c->encoder, m->pcm, r->rate_hz / 1000 * VOICE_FRAME_MS,
				      c->payload);
		c->is_encoded = true;
	}
	return c && c->n ? c : NULL;
}

const struct chorus *room_hear(struct room *r, struct sound *s, bool may_share, int16_t *out)
{
	size_t n = r->rate_hz / 1000 * VOICE_FRAME_MS;
	struct mix *m = s->hears ? mix_for(r, s->hears) : NULL;
	bool is_in_it = m && s->has_said && s->speaks & s->hears;
	const struct chorus *c;

	if (!m) {
		memset(out, 0, n * sizeof(*out));
		return NULL;
	}
	mix_minus(m->sum, is_in_it ? s->said : NULL, out, n);
	if (!may_share || is_in_it)
		return NULL;
	c = share(r, m, voice_codec(s->voice));
	return c;
}
