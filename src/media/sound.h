/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions that are more than relay: what is played to them, recorded of them, mixed for them.  All of a media thread, moved on
 * together every 20 ms: first everybody is heard, then rooms are summed, then everybody is spoken to.
 *
 * A session is TAPPED when it is only listened to while its packets are relayed (recording), and SPOKEN when its packets end
 * here and we speak to it.  While it is relayed, keys may be pressed for it in place of who speaks.  Two that are joined and share no codec are a PAIR: each is spoken to with what the other says.
 *
 * Thread     the media thread that has the sessions
 * Ownership  a session's sound goes with it: sound_free().  A room lives as long as it has members
 * Errors     ENOTSUP: the leg has no codec that we speak; ENOMEM; those of files and recordings
 */
#ifndef MEDIA_SOUND_H
#define MEDIA_SOUND_H

#include "base/list.h"
#include "base/map.h"
#include "media/playing.h"
#include "media/recording.h"
#include "media/relay.h"
#include "media/voice.h"

enum { SOUND_MAX_UNTOLD = 4 };

struct worker_session;
struct room;

/* What the thread does with what happens here. */
struct sounds_out {
	/* Sends RTP, or RTCP; counts. */
	void (*send)(void *arg, struct stream *st, uint8_t *p, size_t n);
	/* False: it cannot be told now, it is tried again. */
	bool (*tell)(void *arg, const struct media_event *ev);
	/* From now on what comes to its RTP socket is let in by read() alone, or at once again. */
	void (*wait)(void *arg, struct stream *st, bool waits);
	bool (*read)(void *arg, struct stream *st,
		     uint64_t *came_us); /* one packet; false: there is none */
	void *arg;
};

struct sounds {
	struct sounds_out out;
	struct files *files;
	unsigned worker;
	struct link all;
	struct map rooms;
};
int sounds_init(struct sounds *ss, const struct sounds_out *out, struct files *files,
		unsigned worker) MUST_USE;
void sounds_close(struct sounds *ss); /* after its sessions */
bool sounds_idle(const struct sounds *ss);
void sounds_tick(struct sounds *ss, uint64_t now_us); /* each 20 ms */

struct sound {
	struct link link; /* of the thread's */
	struct sounds *all;
	struct worker_session *session;
	struct stream *stream;
	struct voice *voice; /* the stream's */
	bool is_spoken;
	bool is_patient; /* what it says is heard at the next tick, and nothing of it is relayed: it is read there */
	bool is_pressing; /* while it is relayed: keys in place of who speaks */
	/* play */
	struct playing playing;
	uint32_t loading; /* seq of a PLAY whose files are being read; 0: none */
	struct media_play wanted;
	struct media_event untold[SOUND_MAX_UNTOLD]; /* PLAYED, until it can be told */
	unsigned nuntold;
	/* record */
	struct recording *recording;
	struct path_list *scratch; /* removed with the session; NULL: none */
	struct sound *pair;	   /* converted for each other */
	bool has_signalled;	   /* keys: what is heard of them besides is the same again */
	/* mix */
	struct room *room;
	struct link in_room;
	uint32_t speaks, hears;
	struct reports reports;
	/* this tick */
	bool has_said;
	int16_t said[VOICE_FRAME_MAX], heard[VOICE_FRAME_MAX];
};

/* The session's, made when it has none. */
int sound_get(struct sounds *ss, struct worker_session *s, struct sound **sp) MUST_USE;
void sound_free(struct sound *s); /* ends all; NULL allowed */
/* Its packets are relayed or sent back from now on: playing ends, it leaves its room; a recording goes on. */
void sound_yield(struct sound *s);
/* Its session goes to another thread, with its recording. */
void sound_leave(struct sound *s);
void sound_enter(struct sounds *ss, struct sound *s);
/* Two joined sessions: converted for each other where their codecs differ, or keys must be found in the voice of one (MEDIA_KEYS_HEARD)
 * for the other; else relayed.  After JOIN, and when a description has changed. */
int sound_convert(struct sounds *ss, struct worker_session *a, struct worker_session *b) MUST_USE;
int sound_reformat(struct sound *s) MUST_USE; /* its stream's description has changed */

/* EINPROGRESS: files are being read; sound_loaded() follows. */
int sound_play(struct sound *s, const struct media_cmd *cmd) MUST_USE;
int sound_loaded(struct sound *s,
		 const struct files_done *done) MUST_USE; /* takes the list; ECANCELED: too late */
void sound_hush(struct sound *s, int why);
int sound_press(struct sound *s, const char *keys) MUST_USE;
/* What its peer has pressed as an event, which it does not take. */
int sound_repeat(struct sound *s, char key) MUST_USE;
int sound_record(struct sound *s,
		 const struct media_cmd *cmd) MUST_USE;	  /* EALREADY: it is being recorded */
int sound_record_hold(struct sound *s, bool on) MUST_USE; /* ENOENT: no recording */
int sound_record_end(struct sound *s) MUST_USE;
void sound_record_tick(struct sound *s, uint64_t now_us); /* what this tick has brought */
/* The sound of whom its session is joined with; NULL: none, or itself. */
const struct sound *sound_peer(const struct sound *s);
int sound_mix(struct sound *s, const struct media_mix *mix) MUST_USE;
void sound_played(struct sound *s, uint32_t seq, int err); /* to be told: what played is over */

#endif
