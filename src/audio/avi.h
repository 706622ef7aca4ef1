/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AVI: sound and up to two pictures, written as they come.
 *
 * OpenDML: RIFFs of a gigabyte one after the other, an index for every few minutes of each track, so that a file of many hours is as
 * large as it must be and needs little memory.  After each avi_keep() it is playable as far as it goes.
 *
 * An AVI has a fixed number of pictures a second: AVI_HZ, of which those that are empty repeat the one before, as the format means it.
 *
 * Thread     one at a time
 * Ownership  bytes are borrowed; they leave through `put`, at any place of the file
 * Errors     those of put, after which all fails; EFBIG: its indexes are full (17 hours)
 * Sources    Microsoft, AVI RIFF File Reference; OpenDML AVI File Format Extensions 1.02
 */
#ifndef AUDIO_AVI_H
#define AUDIO_AVI_H

#include "base/defs.h"

enum { AVI_HZ = 60, AVI_PICTURES = 2, AVI_BIT_RATE_UNKNOWN = 0 };

typedef int avi_put_h(void *arg, const void *p, size_t n, uint64_t at);
struct avi_conf {
	avi_put_h *put;
	void *arg;
	uint32_t rate_hz; /* of the sound: PCM of 16 bit */
	uint16_t channels;
	uint64_t riff_bytes;	/* 0: a gigabyte */
	uint32_t index_entries; /* 0: four minutes of pictures */
};
struct avi_picture {
	char name[4]; /* of the codec: "H264", "VP80" */
	uint16_t width, height;
	uint64_t
		slot; /* at slot / AVI_HZ seconds; what would be before the last is put behind it */
	bool is_key;
	const void *bytes;
	size_t n;
};

struct avi;
int avi_open(struct avi **ap, const struct avi_conf *conf) MUST_USE;
struct avi *avi_free(struct avi *a); /* NULL allowed; the file stays as it is */
int avi_sound(struct avi *a, const int16_t *pcm, size_t nsamples) MUST_USE; /* of all channels */
/* Track 0 or 1; its name and size are those of its first picture.  A track without pictures is not in the file; the first picture of
 * one is a key frame. */
int avi_picture(struct avi *a, unsigned track, const struct avi_picture *pic) MUST_USE;
int avi_keep(struct avi *a) MUST_USE;	/* lengths are true */
int avi_finish(struct avi *a) MUST_USE; /* and all is in the indexes */
uint64_t avi_bytes(const struct avi *a);
uint64_t avi_ms(const struct avi *a); /* of sound */

#endif
