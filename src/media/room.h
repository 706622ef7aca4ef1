/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A room: members who speak to groups and hear groups.  Each hears the sum without itself; for those who are silent and hear the same,
 * it is encoded once per codec.
 *
 * Thread     the media thread that has it
 * Ownership  made by the first member, freed with the last
 * Errors     room_enter ENOMEM; the member is then in no room
 */
#ifndef MEDIA_ROOM_H
#define MEDIA_ROOM_H

#include "media/sound.h"

enum { ROOM_MAX_MIXES = 8, ROOM_MAX_CHORUSES = 8 };

struct mix { /* of all who speak to one of these groups */
	uint32_t hears;
	int32_t sum[VOICE_FRAME_MAX];
	int16_t pcm[VOICE_FRAME_MAX]; /* the whole sum */
};

struct chorus { /* one mix in one codec, encoded once a tick */
	uint32_t hears;
	enum codec_id codec;
	struct encoder *encoder;
	bool is_encoded; /* this tick */
	bool was_used;	 /* since the last look */
	size_t n;
	uint8_t payload[CODEC_MAX_BYTES];
};

struct room {
	struct map_node node;
	oid id; /* or, of music, what names it */
	bool is_music;
	uint32_t rate_hz;
	struct link members;
	size_t nmembers;
	struct playing playing; /* heard by all */
	struct sound *player;	/* whose command it was; NULL: gone */
	size_t nmixes, nchoruses;
	struct mix mixes[ROOM_MAX_MIXES];
	struct chorus choruses[ROOM_MAX_CHORUSES];
};

int room_enter(struct sounds *ss, struct sound *s, oid id, bool is_music) MUST_USE;
void room_leave(struct sound *s);
void room_mix(struct room *r); /* after all have said what they say this tick */
/* What this member hears: into out, or, where several hear the same, already encoded (NULL: not). */
const struct chorus *room_hear(struct room *r, struct sound *s, bool may_share, int16_t *out);

#endif
