/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/leg_sound.h"
#include "call/music.h"

/* Two soft beeps in a while: whoever waits hears that he is still there. */
static const struct owner_play tone = {.hz = {425}, .ms = {150, 250, 150, 9450}, .is_shared = true};

static const struct tenant *tenant_of(const struct leg *leg)
{
	return model_tenant(leg->cs->conf.model, leg->rec.tenant_id);
}

static bool is_on(const struct leg *leg)
{
	const struct tenant *t = tenant_of(leg);

	return t && t->music_on_hold;
}

static enum sdp_direction direction_of(const struct sdp_media *m)
{
	return m->is_held ? m->direction & SDP_SENDONLY : m->direction;
}

/* Does it want to hear nothing of the other side?  Who only listens does not hold. */
static bool holds(const struct leg *leg)
{
	for (size_t i = 0; leg->theirs && i < leg->theirs->nmedia; i++) {
		const struct sdp_media *m = &leg->theirs->media[i];

		if (m->port && str_ieq(m->kind, STR("audio")))
			return !(direction_of(m) & SDP_RECVONLY);
	}
	return false;
}

bool music_is_for(const struct leg *leg, const struct sdp_media *from)
{
	return leg->st == LEG_UP && !leg->call->service && leg->call->bridge &&
	       !direction_of(from) && str_ieq(from->kind, STR("audio")) && !holds(leg) &&
	       is_on(leg);
}

/* A name, no path: nobody's file but the tenant's. */
static bool is_name(const char *s)
{
	return *s && *s != '.' && !strchr(s, '/');
}

static bool path_of(const struct leg *leg, enum leg_music which, char *path, size_t n)
{
	const struct calls_conf *conf = &leg->cs->conf;
	const struct tenant *t = tenant_of(leg);
	int got = -1;

	if (which == LEG_MUSIC_TENANTS && t && conf->folder && is_name(t->music_file))
		got = snprintf(path, n, "%s/music/%llu/%s", conf->folder,
			       (unsigned long long)t->o.id, t->music_file);
	if (which == LEG_MUSIC_SERVERS && conf->music && *conf->music)
		got = snprintf(path, n, "%s", conf->music);
	return got > 0 && (size_t)got < n;
}

static int play(struct leg *leg, enum leg_music which)
{
	struct owner_play what = tone;
	const char *paths[1];
	char path[512];
	int err;

	if (which != LEG_MUSIC_TONE) {
		if (!path_of(leg, which, path, sizeof(path)))
			return ENOENT;
		paths[0] = path;
		what = (struct owner_play){.paths = paths, .npaths = 1, .is_shared = true};
	}
	err = leg_sound_play(leg, &what);
	if (err)
		return err;
	leg->music = which;
	leg->music_seq = leg->play_seq;
	leg->play_seq = 0; /* nobody's who asks for it */
	return 0;
}

/* The first of those that are left that can be asked for. */
static void play_from(struct leg *leg, enum leg_music which)
{
	struct log_ctx ctx = leg_log(leg);
	int err = ENOENT;

	for (; err && which <= LEG_MUSIC_TONE; which++)
		err = play(leg, which);
	if (!err)
		return;
	leg->music = LEG_MUSIC_NONE;
	log_warn(&ctx, LOGID_MEDIA, "who is held hears no music: %s", strerror(err));
}

void music_end(struct leg *leg)
{
	if (leg->music == LEG_MUSIC_NONE)
		return;
	leg->music = LEG_MUSIC_NONE;
	(void)!leg_sound_mix(leg, &(struct media_mix){0}); /* what follows parts it as well */
	leg->mix_seq = 0;
}

/* They talk again. */
static void take_back(struct leg *leg, struct leg *peer)
{
	struct media_cmd cmd = {.type = MEDIA_JOIN, .u.join.peer = peer->id};

	if (leg->joined == peer->id && leg_media_post(leg, &cmd))
		call_end(leg->call, REASON_OVERLOAD, 0, "system", STR_NONE);
}

static void follow(struct leg *leg, const struct leg *peer)
{
	bool is_due = is_on(leg) && holds(peer) && !holds(leg);

	if (is_due && leg->music == LEG_MUSIC_NONE)
		play_from(leg, LEG_MUSIC_TENANTS);
	else if (!is_due)
		music_end(leg);
}

void music_follow(struct leg *leg)
{
	struct leg *peer = bridge_peer(leg->call->bridge, leg);
	bool was_playing;

	if (!peer || leg_is_over(peer) || leg_is_over(leg))
		return;
	was_playing = leg->music || peer->music;
	follow(leg, peer);
	follow(peer, leg);
	if (was_playing && !leg->music && !peer->music)
		take_back(leg, peer);
}

bool music_event(struct leg *leg, const struct media_event *ev)
{
	if (!ev->seq || ev->seq != leg->music_seq)
		return false;
	if (ev->type != MEDIA_DONE)
		return ev->type == MEDIA_PLAYED;
	if (!ev->err || ev->err == ECANCELED || leg->music == LEG_MUSIC_NONE || leg_is_over(leg))
		return true;
	if (leg->music != LEG_MUSIC_TONE)
		play_from(leg, leg->music + 1);
	return true;
}
