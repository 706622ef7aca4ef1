/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/mem.h"
#include "media/room.h"
#include "media/secure.h"
#include "media/session.h"

enum { NARROW_HZ = 8000, READS_MAX = 2000, AHEAD = 2 };

int sounds_init(struct sounds *ss, const struct sounds_out *out, struct files *files,
		unsigned worker)
{
	ss->out = *out;
	ss->files = files;
	ss->worker = worker;
	list_init(&ss->all);
	return map_init(&ss->rooms);
}

void sounds_close(struct sounds *ss)
{
	map_close(&ss->rooms);
}

bool sounds_idle(const struct sounds *ss)
{
	return list_empty(&ss->all);
}

/* --- a session's ------------------------------------------------------------------------------------------------------ */

static struct stream *audio_of(struct worker_session *s)
{
	for (size_t i = 0; i < s->nstreams; i++)
		if (s->streams[i]->remote.kind == MEDIA_AUDIO && s->streams[i]->remote.format.codec)
			return s->streams[i];
	return NULL;
}

static uint32_t rate_for(const struct media_format *f)
{
	return codec_get(f->codec)->rate_hz > NARROW_HZ ? 2 * NARROW_HZ : NARROW_HZ;
}

int sound_get(struct sounds *ss, struct worker_session *session, struct sound **sp)
{
	struct stream *st = audio_of(session);
	struct sound *s;
	int err;

	if (session->sound) {
		*sp = session->sound;
		return 0;
	}
	if (!st)
		return ENOTSUP;
	s = mem_alloc(sizeof(*s));
	if (!s)
		return ENOMEM;
	s->all = ss;
	s->session = session;
	s->stream = st;
	err = voice_make(&s->voice, &st->remote.format, rate_for(&st->remote.format));
	if (err) {
		mem_free(s);
		return err;
	}
	st->voice = s->voice;
	list_append(&ss->all, &s->link);
	session->sound = s;
	*sp = s;
	return 0;
}

/* Whoever speaks after us goes on with the same source (splice.h): it ends with the session. */
static void say_goodbye(struct sound *s)
{
	uint8_t p[REPORTS_MAX_BYTES + SECURE_TRAILER_BYTES];
	struct reports_sent sent = voice_sent(s->voice);
	size_t n = reports_end(&s->reports, s->stream, &sent, p);

	if (n)
		s->all->out.send(s->all->out.arg, s->stream, p, n);
}

void sound_free(struct sound *s)
{
	if (!s)
		return;
	if (s->is_spoken)
		say_goodbye(s);
	sound_yield(s);
	recording_end(s->recording);
	if (s->scratch)
		files_remove(s->all->files, s->scratch);
	s->stream->voice = NULL;
	voice_free(s->voice);
	list_remove(&s->link);
	s->session->sound = NULL;
	mem_free(s);
}

void sound_leave(struct sound *s)
{
	if (!s)
		return;
	sound_yield(s);
	list_remove(&s->link);
}

void sound_enter(struct sounds *ss, struct sound *s)
{
	if (!s)
		return;
	s->all = ss;
	list_append(&ss->all, &s->link);
}

static void sound_part(struct sound *s)
{
	struct sound *other = s->pair;

	s->pair = other->pair = NULL;
	voice_mute_keys(s->voice, false);
	voice_mute_keys(other->voice, false);
	sound_yield(other);
}

/* Pictures beside the voice, on the same socket perhaps, are relayed: they are in a hurry. */
static void set_patient(struct sound *s, bool is_patient)
{
	is_patient = is_patient && s->session->nstreams == 1;
	if (s->is_patient != is_patient)
		s->all->out.wait(s->all->out.arg, s->stream, is_patient);
	s->is_patient = is_patient;
}

void sound_yield(struct sound *s)
{
	if (!s->is_spoken)
		return;
	s->is_spoken = false;
	set_patient(s, false);
	if (s->pair)
		sound_part(s);
	s->loading = 0;
	sound_hush(s, ECANCELED);
	room_leave(s);
	if (s->stream->mode == RELAY_SPOKEN)
		stream_part(s->stream);
}

/* From now on its packets end here. */
static void speak_up(struct sound *s)
{
	if (s->pair)
		sound_yield(s);
	if (s->is_spoken)
		return;
	session_part(s->session); /* which lets go of what was: see session.c */
	voice_seek_fax(s->voice, true);
	s->is_spoken = true;
	set_patient(s, true);
	s->is_pressing = false; /* what is left of them goes between what is said */
	stream_speak(s->stream);
}

/* Keys of one that are only in its voice, for one that takes them in another way. */
static bool must_be_heard(const struct stream *a, const struct stream *b)
{
	enum stream_keys y = stream_keys_of(b);

	return a->remote.format.keys == MEDIA_KEYS_HEARD &&
	       (y == STREAM_EVENTS || y == STREAM_TOLD);
}

static bool differ(const struct stream *a, const struct stream *b)
{
	const struct media_format *f = &a->remote.format, *g = &b->remote.format;

	return f->codec && g->codec &&
	       (f->codec != g->codec || must_be_heard(a, b) || must_be_heard(b, a));
}

static bool has_audible_keys(const struct sound *s)
{
	const struct media_format *f = &s->stream->remote.format;

	return f->keys != MEDIA_KEYS_TOLD && f->events_out == MEDIA_NO_PT;
}

/* Keys that one hears in the other's voice need not be pressed for it; else it shall not hear them twice. */
static void pair_keys(struct sound *s)
{
	voice_mute_keys(s->voice, has_audible_keys(s) && !has_audible_keys(s->pair));
}

static void pair_speaks(struct sound *s)
{
	if (s->stream->mode != RELAY_NOWHERE)
		stream_part(s->stream);
	stream_speak(s->stream);
	s->is_spoken = true;
	s->is_pressing = false;
}

static int make_pair(struct sounds *ss, struct worker_session *a, struct worker_session *b)
{
	struct sound *s, *t;
	uint32_t rate_hz;
	int err = sound_get(ss, a, &s);

	if (!err)
		err = sound_get(ss, b, &t);
	if (err)
		return err;
	/* What one has more than the other is lost in any case. */
	rate_hz = rate_for(&s->stream->remote.format);
	if (rate_hz > rate_for(&t->stream->remote.format))
		rate_hz = rate_for(&t->stream->remote.format);
	err = voice_change(s->voice, &s->stream->remote.format, rate_hz);
	if (!err)
		err = voice_change(t->voice, &t->stream->remote.format, rate_hz);
	if (err)
		return err;
	if (s->pair != t) {
		s->pair = t;
		t->pair = s;
		pair_speaks(s);
		pair_speaks(t);
	}
	pair_keys(s);
	pair_keys(t);
	set_patient(s, true);
	set_patient(t, true);
	return 0;
}

int sound_convert(struct sounds *ss, struct worker_session *a, struct worker_session *b)
{
	struct stream *x = audio_of(a), *y = audio_of(b);

	if (x && y && differ(x, y))
		return make_pair(ss, a, b);
	if (a->sound && a->sound->pair) {
		sound_yield(a->sound);
		session_relink(a, b);
	}
	return 0;
}

int sound_reformat(struct sound *s)
{
	const struct media_format *f = &s->stream->remote.format;

	if (!f->codec || s->pair)
		return 0; /* on hold, or gone: what it had holds; a pair is seen to by sound_convert() */
	return voice_change(s->voice, f, s->room ? s->room->rate_hz : rate_for(f));
}

/* --- play ------------------------------------------------------------------------------------------------------------- */

void sound_played(struct sound *s, uint32_t seq, int err)
{
	struct media_event ev = {
		.type = MEDIA_PLAYED, .seq = seq, .session = s->session->id, .err = err};

	if (s->all->out.tell(s->all->out.arg, &ev))
		return;
	if (s->nuntold < SOUND_MAX_UNTOLD)
		s->untold[s->nuntold++] = ev;
}

static void tell_again(struct sound *s)
{
	while (s->nuntold && s->all->out.tell(s->all->out.arg, &s->untold[0]))
		memmove(s->untold, s->untold + 1, --s->nuntold * sizeof(*s->untold));
}

static void stop(struct sound *s, struct playing *p, int why)
{
	uint32_t seq = p->seq;

	if (!p->is_on)
		return;
	playing_stop(p);
	sound_played(s, seq, why);
}

void sound_hush(struct sound *s, int why)
{
	s->loading = 0;
	stop(s, &s->playing, why);
	if (s->room && s->room->player == s) {
		stop(s, &s->room->playing, why);
		s->room->player = NULL;
	}
}

static int start(struct sound *s, const struct media_play *what, struct clip_list *list,
		 uint32_t seq)
{
	if ((what->to_room || what->is_shared) && !s->room) {
		clip_list_free(list);
		return ENOENT;
	}
	if (what->is_shared) {
		if (s->room->playing.is_on) /* others have it already */
			clip_list_free(list);
		else
			playing_start(&s->room->playing, what, list, seq);
		return 0;
	}
	if (!what->to_room) {
		stop(s, &s->playing, ECANCELED);
		playing_start(&s->playing, what, list, seq);
		return 0;
	}
	if (s->room->player)
		stop(s->room->player, &s->room->playing, ECANCELED);
	s->room->player = s;
	playing_start(&s->room->playing, what, list, seq);
	return 0;
}

/* What is heard together: by the files, or the tone. */
static uint64_t music_id(const struct media_play *what)
{
	uint64_t id = map_hash_u64(what->hz[0], what->hz[1]);

	for (size_t i = 0; what->paths && i < what->paths->n; i++)
		id = map_hash2(id, str_of(what->paths->paths[i]));
	return id ? id : 1;
}

static int listen_in(struct sound *s, const struct media_play *what)
{
	int err;

	sound_hush(s, ECANCELED);
	err = room_enter(s->all, s, music_id(what), true);
	s->speaks = 0;
	s->hears = 1;
	return err;
}

int sound_play(struct sound *s, const struct media_cmd *cmd)
{
	const struct media_play *what = &cmd->u.play;
	struct files_ask ask = {s->all->worker, s->session->id, cmd->seq};
	int err = 0;

	speak_up(s);
	if (what->is_shared)
		err = listen_in(s, what);
	if (err)
		return err;
	if (!what->paths)
		return start(s, what, NULL, cmd->seq);
	if (what->is_shared && s->room->playing.is_on)
		return 0;
	s->loading = 0;
	err = files_load(s->all->files, &ask, what->paths, voice_rate(s->voice));
	if (err)
		return err;
	s->loading = cmd->seq;
	s->wanted = *what;
	s->wanted.paths = NULL;
	return EINPROGRESS;
}

int sound_loaded(struct sound *s, const struct files_done *done)
{
	if (s->loading != done->seq) {
		clip_list_free(done->list);
		return ECANCELED;
	}
	s->loading = 0;
	return done->err ? done->err : start(s, &s->wanted, done->list, done->seq);
}

/* While packets are relayed to it, those of the key are put in their place: nothing is decoded for it. */
static void press_between(struct sound *s)
{
	if (s->is_spoken)
		return;
	s->is_pressing = true;
	s->stream->is_taken = true;
}

int sound_repeat(struct sound *s, char key)
{
	int err = voice_press(s->voice, key);

	if (!err)
		press_between(s);
	return err;
}

/* What its peer has signalled. */
static int press_for(struct sound *s, struct worker_session *peer)
{
	struct stream *st = audio_of(peer);

	if (st && st->has_pressed)
		return EALREADY;
	if (s->pair)
		s->pair->has_signalled = true;
	press_between(s);
	return 0;
}

int sound_press(struct sound *s, const char *keys)
{
	struct worker_session *peer = s->session->peer;
	int err = 0;

	if (peer && peer != s->session)
		err = press_for(s, peer);
	else
		speak_up(s);
	for (; *keys && !err; keys++)
		err = voice_press(s->voice, *keys);
	return err;
}

/* --- mix -------------------------------------------------------------------------------------------------------------- */

int sound_mix(struct sound *s, const struct media_mix *mix)
{
	int err;

	speak_up(s);
	if (!mix->room) {
		room_leave(s);
		return 0;
	}
	err = room_enter(s->all, s, mix->room, false);
	if (err)
		return err;
	s->speaks = mix->speaks;
	s->hears = mix->hears;
	return 0;
}

/* --- the tick --------------------------------------------------------------------------------------------------------- */

const struct sound *sound_peer(const struct sound *s)
{
	const struct worker_session *peer = s->session->peer;

	return peer && peer != s->session ? peer->sound : NULL;
}

static bool is_heard_by_any(const struct sound *s)
{
	const struct sound *peer = sound_peer(s);

	return s->pair || s->recording || (peer && peer->recording) || (s->room && s->speaks);
}

/* The other side neither hears it as it is, nor is it told, nor has it had it already. */
static bool must_press(const struct sound *s)
{
	return !s->has_signalled && s->pair->stream->remote.format.keys != MEDIA_KEYS_TOLD &&
	       !(has_audible_keys(s) && has_audible_keys(s->pair));
}

/* Nobody in company takes them, unless something is played to it: to look for them costs a tenth of the room. */
static bool ignores_keys(const struct sound *s)
{
	return s->room && !s->room->is_music && !s->playing.is_on;
}

/* A peer that hears them as they are needs nobody to look for them. */
static bool must_seek_keys(const struct sound *s)
{
	return s->is_spoken && !ignores_keys(s) &&
	       !(s->pair && has_audible_keys(s) && has_audible_keys(s->pair));
}

static void tell_keys(struct sound *s)
{
	struct media_event ev = {.session = s->session->id};
	char key;

	while ((key = voice_digit(s->voice))) {
		ev.type = MEDIA_KEY;
		ev.u.key = key;
		if (s->playing.is_on && s->playing.until_key)
			stop(s, &s->playing, EINTR);
		if (s->pair && must_press(s))
			(void)!voice_press(s->pair->voice,
					   key); /* more than 32 at once: nobody presses those */
		/* A core that reads no more than a thousand notices late has other troubles than a key. */
		(void)s->all->out.tell(s->all->out.arg, &ev);
	}
	if (voice_fax(s->voice)) {
		ev.type = MEDIA_FAX;
		(void)s->all->out.tell(s->all->out.arg, &ev);
	}
}

/* Until the next is not due yet.  One that is early all the same may wait for the next tick, for the buffer lets none pass sooner: so
 * nobody asks once more just to hear that there is none.  What strangers send is read past. */
static void read_leg(struct sound *s, uint64_t now_us)
{
	uint64_t came_us, before = s->stream->nrtp;

	for (unsigned i = 0; i < READS_MAX; i++) {
		if (!s->all->out.read(s->all->out.arg, s->stream, &came_us))
			return;
		if (s->stream->nrtp != before && came_us + voice_step_us(s->voice) > now_us)
			return;
	}
}

static void hear_leg(struct sound *s, uint64_t now_us)
{
	if (s->is_patient)
		read_leg(s, now_us);
	tell_again(s);
	voice_seek_keys(s->voice, must_seek_keys(s));
	s->has_said = false;
	if (is_heard_by_any(s)) {
		s->has_said = voice_take(s->voice, s->said, now_us);
	} else {
		voice_skip(s->voice, now_us);
		memset(s->said, 0, sizeof(s->said));
	}
	tell_keys(s);
}

struct sending {
	struct sounds *ss;
	struct stream *stream;
};

static void send_to(void *arg, uint8_t *p, size_t n)
{
	struct sending *to = arg;

	to->ss->out.send(to->ss->out.arg, to->stream, p, n);
}

static void add(int16_t *to, const int16_t *pcm, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int32_t x = to[i] + pcm[i];

		to[i] = (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
	}
}

/* What it hears this time, in *heard; the shared encoding when there is one and nothing comes on top of it. */
static const struct chorus *compose(struct sound *s, size_t n, const int16_t **heard)
{
	bool is_alone = !s->playing.is_on && !s->recording;
	bool may_share = is_alone && voice_can_share(s->voice);
	const struct chorus *shared = NULL;
	int16_t played[VOICE_FRAME_MAX];

	*heard = s->heard;
	if (s->pair && is_alone)
		*heard = s->pair->said;
	else if (s->pair)
		memcpy(s->heard, s->pair->said, n * sizeof(*s->heard));
	else if (s->room)
		shared = room_hear(s->room, s, may_share, s->heard);
	else
		memset(s->heard, 0, n * sizeof(*s->heard));
	if (!s->playing.is_on)
		return shared;
	if (!playing_frame(&s->playing, voice_rate(s->voice), played, n))
		stop(s, &s->playing, 0);
	add(s->heard, played, n);
	return NULL;
}

static void speak_to_leg(struct sound *s)
{
	struct sending to = {s->all, s->stream};
	size_t n = voice_rate(s->voice) / 1000 * VOICE_FRAME_MS;
	const int16_t *heard;
	const struct chorus *shared = compose(s, n, &heard);

	if (!s->stream->remote.may_receive)
		voice_say(s->voice, NULL, send_to, &to);
	else if (shared)
		voice_say_encoded(s->voice, shared->payload, shared->n, send_to, &to);
	else
		voice_say(s->voice, heard, send_to, &to);
}

static void press_on(struct sound *s)
{
	struct sending to = {s->all, s->stream};

	if (s->stream->mode == RELAY_PEER)
		voice_say(s->voice, NULL, send_to, &to);
	s->is_pressing = s->stream->mode == RELAY_PEER && voice_is_pressing(s->voice);
	s->stream->is_taken = s->is_pressing;
}

static void report(struct sound *s, uint64_t now_us)
{
	uint8_t p[REPORTS_MAX_BYTES + SECURE_TRAILER_BYTES];
	struct reports_sent sent = voice_sent(s->voice);
	size_t n = reports_due(&s->reports, s->stream, &sent, now_us, p);

	if (n)
		s->all->out.send(s->all->out.arg, s->stream, p, n);
}

static void answer_leg(struct sound *s, uint64_t now_us)
{
	speak_to_leg(s);
	report(s, now_us);
}

/* Both at once: what is theirs is in the cache. */
static void tick_pair(struct sound *s, uint64_t now_us)
{
	struct sound *other = s->pair;

	hear_leg(s, now_us);
	hear_leg(other, now_us);
	answer_leg(s, now_us);
	answer_leg(other, now_us);
}

/* What the tick will touch of the next ones is on its way into the cache meanwhile. */
static void look_ahead(const struct sounds *ss, const struct link *l)
{
	const struct sound *s;

	for (unsigned i = 0; i < AHEAD && l != &ss->all; i++)
		l = l->next;
	if (l == &ss->all)
		return;
	s = CONTAINER_OF(l, struct sound, link);
	relay_expect(&s->stream->rtp);
	voice_expect(s->voice);
	for (unsigned i = 0; i < AHEAD && l != &ss->all; i++)
		l = l->next;
	if (l == &ss->all)
		return;
	s = CONTAINER_OF(l, struct sound, link);
	for (size_t at = 0; at < sizeof(*s) - sizeof(s->heard); at += 64)
		__builtin_prefetch((const char *)s + at, 1);
}

static bool is_first(const struct sound *s)
{
	return s->session->id < s->pair->session->id;
}

void sounds_tick(struct sounds *ss, uint64_t now_us)
{
	struct map_iter it = {0};
	struct map_node *node;

	LIST_EACH (l, &ss->all) {
		struct sound *s = CONTAINER_OF(l, struct sound, link);

		look_ahead(ss, l);
		if (!s->pair)
			hear_leg(s, now_us);
		else if (is_first(s))
			tick_pair(s, now_us);
	}
	while ((node = map_next(&ss->rooms, &it)))
		room_mix(CONTAINER_OF(node, struct room, node));
	LIST_EACH (l, &ss->all) {
		struct sound *s = CONTAINER_OF(l, struct sound, link);

		if (s->is_pressing)
			press_on(s);
		if (s->is_spoken && !s->pair)
			answer_leg(s, now_us);
	}
	LIST_EACH (l, &ss->all) {
		struct sound *s = CONTAINER_OF(l, struct sound, link);

		if (s->recording)
			sound_record_tick(s, now_us);
	}
	LIST_EACH_SAFE (l, tmp, &ss->all) {
		struct sound *s = CONTAINER_OF(l, struct sound, link);

		if (!s->is_spoken && !s->is_pressing && !s->scratch && !is_heard_by_any(s) &&
		    !s->nuntold)
			sound_free(s);
	}
}
